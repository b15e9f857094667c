//! Archives as files of guests: what is read, what is refused, and by which words.

use crate::support::fixture;
use flate2::{Compression, Crc, write::DeflateEncoder, write::GzEncoder};
use pocketwasm::{Error, ErrorKind, Files, Runner, RunnerConfig, files::ImportLimits};
use std::io::Write;

/// What the guest says to these steps on these files, one line for each.
#[track_caller]
fn said(files: &Files, steps: &[&str]) -> Vec<String> {
    let runner = Runner::new(RunnerConfig::new().files(files)).unwrap();
    let plugin = runner.load_plugin("shell", fixture("rust-shell.wasm")).unwrap();
    let outcome = plugin.call("_start").args(steps.iter().copied()).run().unwrap();
    let text = String::from_utf8(outcome.stdout().to_vec()).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// An entry of a tar archive: its header as it comes, and the contents in whole blocks.
struct Entry<'a> {
    path: &'a [u8],
    kind: u8,
    /// The octal digits of the size, or those of another size.
    size: Option<&'a [u8]>,
    target: &'a str,
    contents: &'a [u8],
}

const FILE: Entry<'static> = Entry {
    path: b"a",
    kind: b'0',
    size: None,
    target: "",
    contents: b"",
};

fn file<'a>(path: &'a str, contents: &'a str) -> Entry<'a> {
    Entry {
        path: path.as_bytes(),
        contents: contents.as_bytes(),
        ..FILE
    }
}

fn other<'a>(kind: u8, path: &'a str, target: &'a str) -> Entry<'a> {
    Entry {
        path: path.as_bytes(),
        kind,
        target,
        ..FILE
    }
}

fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut archive = Vec::new();
    for entry in entries {
        let mut header = [0; 512];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &entry.path[..entry.path.len().min(100)]);
        put(100, b"0000644\0");
        let size = format!("{:011o}\0", entry.contents.len());
        put(124, entry.size.unwrap_or(size.as_bytes()));
        put(136, format!("{:011o}\0", 1_600_000_000).as_bytes());
        put(148, b"        ");
        put(156, &[entry.kind]);
        put(157, entry.target.as_bytes());
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend(header);
        archive.extend(entry.contents);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1_024, 0);
    archive
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An entry of a zip archive, with a size and a mode that it claims.
struct Zipped<'a> {
    name: &'a [u8],
    mode: u32,
    contents: &'a [u8],
    size: Option<u32>,
    is_deflated: bool,
    flags: u16,
}

fn zipped<'a>(name: &'a str, contents: &'a str) -> Zipped<'a> {
    Zipped {
        name: name.as_bytes(),
        mode: 0,
        contents: contents.as_bytes(),
        size: None,
        is_deflated: false,
        flags: 0,
    }
}

fn zip(entries: &[Zipped<'_>]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let mut sum = Crc::new();
        sum.update(entry.contents);
        let stored = match entry.is_deflated {
            true => {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(entry.contents).unwrap();
                encoder.finish().unwrap()
            }
            false => entry.contents.to_vec(),
        };
        let size = entry.size.unwrap_or(entry.contents.len() as u32);
        let mut common = Vec::new();
        common.extend(20_u16.to_le_bytes());
        common.extend(entry.flags.to_le_bytes());
        common.extend((8 * u16::from(entry.is_deflated)).to_le_bytes());
        // 2020-09-13, 12:26:40, where the tar archives are too.
        common.extend((12_u16 << 11 | 26 << 5 | 20).to_le_bytes());
        common.extend((40_u16 << 9 | 9 << 5 | 13).to_le_bytes());
        common.extend(sum.sum().to_le_bytes());
        common.extend((stored.len() as u32).to_le_bytes());
        common.extend(size.to_le_bytes());
        common.extend((entry.name.len() as u16).to_le_bytes());
        common.extend([0; 2]);
        let at = archive.len() as u32;
        archive.extend(b"PK\x03\x04");
        archive.extend(&common);
        archive.extend(entry.name);
        archive.extend(stored);
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(&common);
        directory.extend([0; 6]);
        directory.extend((entry.mode << 16).to_le_bytes());
        directory.extend(at.to_le_bytes());
        directory.extend(entry.name);
    }
    let (count, at) = (entries.len() as u16, archive.len() as u32);
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(count.to_le_bytes());
    archive.extend(count.to_le_bytes());
    archive.extend((directory.len() as u32).to_le_bytes());
    archive.extend(at.to_le_bytes());
    archive.extend([0; 2]);
    archive
}

fn limits() -> ImportLimits {
    ImportLimits::new()
}

#[test]
fn archives_are_files() {
    let entries = [
        other(b'5', "lib/", ""),
        file("lib/one.py", "1"),
        file("./lib/deep/er/two.py", "two"),
        file("/etc/absolute", "inside"),
        other(b'2', "lib/link", "deep/er/two.py"),
        other(b'1', "lib/hard", "lib/one.py"),
        // A comment on the archive, and a directory that comes twice.
        Entry {
            kind: b'g',
            contents: b"11 path=x\n",
            ..FILE
        },
        other(b'5', "lib", ""),
    ];
    let plain = tar(&entries);
    let links = |name: &'static str, target| Zipped {
        mode: 0o120_777,
        ..zipped(name, target)
    };
    let zip = zip(&[
        zipped("lib/", ""),
        zipped("lib/one.py", "1"),
        Zipped {
            is_deflated: true,
            mode: 0o100_644,
            ..zipped("./lib/deep/er/two.py", "two")
        },
        zipped("/etc/absolute", "inside"),
        links("lib/link", "deep/er/two.py"),
        zipped("lib/hard", "1"),
    ]);
    for (name, files) in [
        ("tar", Files::from_tar(&plain, &limits())),
        ("tar.gz", Files::from_tar(&gz(&plain), &limits())),
        ("zip", Files::from_zip(&zip, &limits())),
    ] {
        let files = files.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(files.is_reproducible(), "{name}");
        let expected = [
            "etc/ etc/absolute lib/ lib/deep/ lib/deep/er/ lib/deep/er/two.py lib/hard lib/link@ \
             lib/one.py",
            "1",
            "two",
            "1",
            "inside",
            "size 3 modified 1600000000",
        ];
        let steps = [
            "tree /",
            "cat /lib/one.py",
            "cat /lib/link",
            "cat /lib/hard",
            "cat /etc/absolute",
            "stat /lib/deep/er/two.py",
        ];
        let said = said(&files, &steps);
        assert_eq!(said, expected, "{name}");
    }
}

#[test]
fn links_of_archives_lead_nowhere_out() {
    let archive = tar(&[
        other(b'2', "up", "../../etc/passwd"),
        other(b'2', "absolute", "/etc/passwd"),
        other(b'2', "loop", "loop"),
        file("etc/passwd", "inside"),
    ]);
    let lib = Files::from_tar(&archive, &limits()).unwrap();
    let files = Files::new().tree("/lib", &lib).preopen("/lib", "/lib");
    let steps = ["cat /lib/up", "cat /lib/absolute", "cat /lib/loop", "readlink /lib/up"];
    // Errno 63 is PERM and 32 is LOOP.
    let expected = ["errno 63", "errno 63", "errno 32", "../../etc/passwd"];
    assert_eq!(said(&files, &steps), expected);
}

#[track_caller]
fn refused(name: &str, result: Result<Files, Error>, kind: ErrorKind, message: &str) {
    let error = result.expect_err(name);
    assert_eq!((error.kind(), &*error.to_string()), (kind, message), "{name}");
}

#[test]
fn hostile_tar_archives() {
    let deep = "d/".repeat(129) + "a";
    let long = "n".repeat(256);
    let long_entry = [
        Entry {
            path: b"././@LongLink",
            kind: b'L',
            contents: long.as_bytes(),
            ..FILE
        },
        file("n", "1"),
    ];
    let deep_entry = [
        Entry {
            path: b"././@LongLink",
            kind: b'L',
            contents: deep.as_bytes(),
            ..FILE
        },
        file("d", "1"),
    ];
    let long_message = format!(
        "`files` has a tar archive with the path {:?}, which has a name of more than 255 bytes",
        "n".repeat(200)
    );
    let deep_message = format!(
        "`files` has a tar archive with the path {:?}, which is deeper than the limit \
         `max_import_depth`, 128",
        "d/".repeat(100)
    );
    let mut wrong_sum = tar(&[file("a", "1")]);
    wrong_sum[0] = b'b';
    let mut cut = tar(&[file("a", "1"), file("b", "2")]);
    cut.truncate(1_200);
    let table: Vec<(&str, Vec<u8>, &str)> = vec![
        (
            "two points",
            tar(&[file("../a", "1")]),
            "`files` has a tar archive with the path \"../a\", which leads out of it",
        ),
        (
            "two points inside",
            tar(&[file("a/../../b", "1")]),
            "`files` has a tar archive with the path \"a/../../b\", which leads out of it",
        ),
        (
            "no UTF-8",
            tar(&[Entry {
                path: b"a\xff",
                ..FILE
            }]),
            "`files` has a tar archive with the path \"a\u{fffd}\", which is not UTF-8",
        ),
        (
            "a long name",
            tar(&long_entry),
            &long_message,
        ),
        (
            "deep directories",
            tar(&deep_entry),
            &deep_message,
        ),
        (
            "a file twice",
            tar(&[file("a", "1"), file("./a", "2")]),
            "`files` has a tar archive with \"a\" twice",
        ),
        (
            "a directory in place of a file",
            tar(&[file("a", "1"), other(b'5', "a/", "")]),
            "`files` has a directory \"a\" where something else is already (in a tar archive)",
        ),
        (
            "below a file",
            tar(&[file("a", "1"), file("a/b", "2")]),
            "`files` has \"a/b\" below something that is no directory in memory (in a tar archive)",
        ),
        (
            "through a link",
            tar(&[other(b'2', "a", "/etc"), file("a/b", "2")]),
            "`files` has \"a/b\" below something that is no directory in memory (in a tar archive)",
        ),
        (
            "a device",
            tar(&[other(b'3', "null", "")]),
            "`files` has a tar archive with \"null\", which is a device, a pipe or something else that is no file",
        ),
        (
            "a pipe",
            tar(&[other(b'6', "pipe", "")]),
            "`files` has a tar archive with \"pipe\", which is a device, a pipe or something else that is no file",
        ),
        (
            "a hard link to nothing",
            tar(&[other(b'1', "a", "b")]),
            "`files` has a tar archive with the hard link \"a\" to \"b\", which is no file before it",
        ),
        (
            "a hard link out",
            tar(&[other(b'1', "a", "../b")]),
            "`files` has a tar archive with the path \"../b\", which leads out of it",
        ),
        (
            "a link to nothing",
            tar(&[other(b'2', "a", "")]),
            "`files` has a tar archive with the link \"a\", whose target is no path",
        ),
        (
            "fewer bytes than it says",
            tar(&[Entry {
                size: Some(b"00000010000\0"),
                contents: b"1",
                ..FILE
            }]),
            "`files` has a tar archive with \"a\" of 4096 bytes, but it has fewer bytes",
        ),
        (
            "a wrong sum",
            wrong_sum,
            "`files` has a tar archive that is broken: archive header checksum mismatch",
        ),
        ("cut", cut, "`files` has a tar archive that is broken: failed to read entire block"),
        (
            "no archive",
            b"PK\x03\x04".repeat(200),
            "`files` has a tar archive that is broken: numeric field was not a number: \
             PK\\u{3}\\u{4}PK\\u{3}\\u{4} when getting cksum …",
        ),
        (
            "broken gzip",
            gz(&tar(&[file("a", "1")]))[..40].to_vec(),
            "`files` has a tar archive that is broken: failed to read entire block",
        ),
    ];
    for (name, archive, message) in table {
        let message = format!("invalid config: {message}");
        refused(name, Files::from_tar(&archive, &limits()), ErrorKind::InvalidConfig, &message);
    }
}

#[test]
fn archives_that_are_too_large() {
    let huge = |size: &'static [u8]| {
        tar(&[Entry {
            size: Some(size),
            ..FILE
        }])
    };
    let zeros = vec![0; 8 << 20];
    let bomb = Entry {
        contents: &zeros,
        ..FILE
    };
    let bomb = gz(&tar(&[bomb]));
    let comments: Vec<Entry<'_>> = (0..2_000)
        .map(|_| Entry {
            kind: b'g',
            contents: b"11 path=x\n",
            ..FILE
        })
        .collect();
    let comments = gz(&tar(&comments));
    let zip_bomb = zip(&[Zipped {
        contents: &zeros,
        is_deflated: true,
        ..zipped("a", "")
    }]);
    let few = limits().max_bytes(1 << 20).max_entries(10);
    assert!(bomb.len() < 100_000 && zip_bomb.len() < 100_000 && comments.len() < 100_000);
    for (name, result, message) in [
        (
            "8 GiB",
            Files::from_tar(&huge(b"77777777777\0"), &limits()),
            "a tar archive of 8589934591 bytes; the limit `max_import_bytes` is 268435456",
        ),
        (
            "2^63 bytes",
            Files::from_tar(&huge(b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"), &limits()),
            "a tar archive of 9223372036854775807 bytes; the limit `max_import_bytes` is 268435456",
        ),
        (
            "a bomb of gzip",
            Files::from_tar(&bomb, &few),
            "a tar archive of 8388608 bytes; the limit `max_import_bytes` is 1048576",
        ),
        (
            "a bomb of comments",
            Files::from_tar(&comments, &few),
            "a tar archive of 1155072 bytes; the limit `max_import_bytes` is 1048576",
        ),
        (
            "a bomb of zip",
            Files::from_zip(&zip_bomb, &few),
            "a zip archive of 8388608 bytes; the limit `max_import_bytes` is 1048576",
        ),
        (
            "all together",
            Files::from_tar(
                &tar(&[file("a", "12345"), file("b", "12345"), file("c", "1")]),
                &limits().max_bytes(10),
            ),
            "a tar archive of 11 bytes; the limit `max_import_bytes` is 10",
        ),
    ] {
        refused(name, result, ErrorKind::TooLarge, message);
    }
    let many: Vec<Zipped<'_>> = (0..11).map(|_| zipped("a/", "")).collect();
    let entries: Vec<Entry<'_>> = (0..11).map(|_| other(b'5', "a", "")).collect();
    for (name, result, what) in [
        ("tar", Files::from_tar(&tar(&entries), &few), "a tar archive"),
        ("zip", Files::from_zip(&zip(&many), &few), "a zip archive"),
    ] {
        let message = format!(
            "invalid config: `files` has {what} of more entries than the limit \
             `max_import_entries`, 10"
        );
        refused(name, result, ErrorKind::InvalidConfig, &message);
    }
    // Just as much as the limits allow.
    let exact = tar(&[file("a", "12345"), file("b", "12345")]);
    let exact = Files::from_tar(&exact, &limits().max_bytes(10).max_entries(2).max_depth(1));
    assert_eq!(exact.unwrap().bytes(), 10);
}

#[test]
fn hostile_zip_archives() {
    for (name, archive, message) in [
        (
            "two points",
            zip(&[zipped("a/../../b", "1")]),
            "`files` has a zip archive with the path \"a/../../b\", which leads out of it",
        ),
        (
            "a zero byte",
            zip(&[zipped("a\0b", "1")]),
            "`files` has a zip archive with the path \"a\\0b\", which has a zero byte",
        ),
        (
            "no UTF-8",
            zip(&[Zipped {
                name: b"a\xff",
                ..zipped("", "1")
            }]),
            "`files` has a zip archive with the path \"a\u{fffd}\", which is not UTF-8",
        ),
        (
            "a file twice",
            zip(&[zipped("a", "1"), zipped("./a", "2")]),
            "`files` has a zip archive with \"a\" twice",
        ),
        (
            "a pipe",
            zip(&[Zipped {
                mode: 0o010_644,
                ..zipped("a", "")
            }]),
            "`files` has a zip archive with \"a\", which is a device, a pipe or something else that is no file",
        ),
        (
            "fewer bytes than it says",
            zip(&[Zipped {
                size: Some(7),
                is_deflated: true,
                ..zipped("a", "123")
            }]),
            "`files` has a zip archive with \"a\" of 7 bytes, but it has fewer bytes",
        ),
        (
            "more bytes than it says",
            zip(&[Zipped {
                size: Some(2),
                is_deflated: true,
                ..zipped("a", "123")
            }]),
            "`files` has a zip archive with \"a\" of 2 bytes, but it has more bytes",
        ),
        (
            "encrypted",
            zip(&[Zipped {
                flags: 1,
                ..zipped("a", "123456789abcdef")
            }]),
            "`files` has a zip archive that cannot be read: unsupported Zip archive: Password required to decrypt file",
        ),
        (
            "no archive",
            b"PK\x03\x04 no more".to_vec(),
            "`files` has a zip archive that cannot be read: invalid Zip archive: Could not find EOCD",
        ),
    ] {
        let message = format!("invalid config: {message}");
        refused(name, Files::from_zip(&archive, &limits()), ErrorKind::InvalidConfig, &message);
    }
}

#[test]
fn trees_in_trees() {
    let library = Files::new().file("a", "1").dir("d").file("d/x", "old").read_only("a");
    for (name, files, expected) in [
        (
            "below a path, over what is there",
            Files::new().file("/lib/d/x", "new").file("/lib/d/y", "kept").tree("/lib", &library),
            Ok("lib/ lib/a lib/d/ lib/d/x lib/d/y|1|old|errno 69"),
        ),
        (
            "a directory in place of a file",
            Files::new().file("/lib/d", "").tree("/lib", &library),
            Err("invalid config: `files` has no room for \"d\" of a tree below \"/lib\""),
        ),
        (
            "a file in place of a directory",
            Files::new().dir("/lib/a").tree("/lib", &library),
            Err("invalid config: `files` has no room for \"a\" of a tree below \"/lib\""),
        ),
        (
            "a mistake",
            Files::new().tree("/lib", &Files::new().file("..", "")),
            Err("invalid config: `files` has the path \"..\"; a path has no `..` and no zero byte"),
        ),
    ] {
        match Runner::new(RunnerConfig::new().files(&files)) {
            Ok(_) => {
                let steps = ["tree /", "cat /lib/a", "cat /lib/d/x", "write /lib/a 2"];
                assert_eq!(Ok(&*said(&files, &steps).join("|")), expected, "{name}");
            }
            Err(error) => assert_eq!(Err(&*error.to_string()), expected, "{name}"),
        }
    }
    assert_eq!(library.bytes(), 4);
}
