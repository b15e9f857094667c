//! Cases of files: the functions of WASI on a tree in memory, and what they leave.

use crate::{Sum, WASI, built, told};
use alloc::{format, vec::Vec};
use core::fmt::Write as _;
use pocketwasm::{Error, Files, Instance, Runner, files::FileContent};

/// Where the guest's text is.
const TEXT: u64 = 1_024;

pub(crate) fn run(runner: &Runner, line: &mut impl FnMut(&str)) -> Result<(), Error> {
    let plugin = runner.load_plugin("case", built!("wasi"))?;
    let files = Files::new()
        .file("/data/in.csv", b"a,b\n1,2\n")
        .dir("/tmp")
        .symlink("/in", "data/in.csv")
        .file("/fixed", "fixed")
        .read_only("/fixed");
    steps(&mut plugin.instantiate()?, &files, line)?;
    let sets: [&[u64]; 4] = [
        &[3, 0, 1_024, 4, 3, 1_028, 4, 280, 288],
        &[3, 64, 1, 256, 264, 272, 280, 288, 296],
        &[0, 64, 1, 256, 264, 272, 280, 288, 296],
        &[0xffff_ffff; 9],
    ];
    for (name, arity) in WASI {
        let mut sum = Sum::NEW;
        for set in sets {
            let mut instance = plugin.instantiate()?;
            put(&mut instance, TEXT, b"datamade")?;
            put(&mut instance, 64, &[0, 2, 0, 0, 16, 0, 0, 0])?;
            let params: Vec<u64> = set.iter().copied().take(*arity).collect();
            let call = instance.call(name).params(&params).files(&files);
            let told = told(&call.run());
            let memory = instance.call("sum").run();
            let _ = write!(sum, "{told} {memory:?};");
        }
        line(&format!("files, {name}: {:016x}", sum.0));
    }
    Ok(())
}

fn put(instance: &mut Instance, at: u64, bytes: &[u8]) -> Result<(), Error> {
    for (word, at) in bytes.chunks(4).zip((at..).step_by(4)) {
        let mut padded = [0; 4];
        padded
            .iter_mut()
            .zip(word)
            .for_each(|(to, from)| *to = *from);
        let value = u32::from_le_bytes(padded).into();
        instance.call("store").params(&[at, value]).run()?;
    }
    Ok(())
}

/// Opens, reads, writes, lists, renames and deletes, each in a line.
fn steps(instance: &mut Instance, files: &Files, line: &mut impl FnMut(&str)) -> Result<(), Error> {
    const BOTH: u64 = 0b100_0010;
    // At 64 a vector of 9 bytes at 512.
    put(instance, 64, &[0, 2, 0, 0, 9, 0, 0, 0])?;
    put(instance, 512, b"some text")?;
    let steps: [(&str, &str, &[u64]); 14] = [
        ("/", "fd_prestat_dir_name", &[3, 2_048, 1]),
        ("in", "path_open", &[3, 1, TEXT, 2, 0, 2, 0, 0, 256]),
        ("", "fd_read", &[4, 64, 1, 260]),
        ("tmp/out", "path_open", &[3, 0, TEXT, 7, 1, BOTH, 0, 0, 256]),
        ("", "fd_write", &[5, 64, 1, 260]),
        ("", "fd_filestat_get", &[5, 2_048]),
        ("fixed", "path_open", &[3, 0, TEXT, 5, 0, BOTH, 0, 0, 256]),
        ("../x", "path_open", &[3, 0, TEXT, 4, 0, 2, 0, 0, 256]),
        ("made", "path_create_directory", &[3, TEXT, 4]),
        ("in", "path_unlink_file", &[3, TEXT, 2]),
        ("tmpmade/t", "path_rename", &[3, TEXT, 3, 3, TEXT + 3, 6]),
        ("", "fd_readdir", &[3, 2_048, 512, 0, 260]),
        ("loop", "path_symlink", &[TEXT, 4, 3, TEXT, 4]),
        ("loop", "path_open", &[3, 1, TEXT, 4, 0, 2, 0, 0, 256]),
    ];
    for (text, function, params) in steps {
        put(instance, TEXT, text.as_bytes())?;
        let result = instance.call(function).params(params).files(files).run();
        let told = told(&result);
        let memory = instance.call("sum").run()?;
        line(&format!(
            "files, {function} {text:?}: {told}, memory {:x?}",
            memory.results()
        ));
        if let Ok(outcome) = result {
            let mut sum = Sum::NEW;
            for change in outcome.files() {
                let _ = write!(sum, "{} {:?} ", change.path(), change.kind());
                match change.content() {
                    FileContent::File(bytes) => sum.add(bytes),
                    other => {
                        let _ = write!(sum, "{other:?}");
                    }
                }
            }
            let changes = outcome.files().len();
            line(&format!(
                "files, after it: {changes} changes {:016x}",
                sum.0
            ));
        }
    }
    Ok(())
}
