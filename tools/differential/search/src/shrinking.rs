//! Shrinks a finding and writes it to a file.

use crate::{
    apart::{self, Class},
    compare::{Engines, Verdict},
};
use answers::Case;
use programs::{Options, Program};
use std::{fmt::Write, fs, io, path::Path};

/// Shrinks the program of a seed and writes it into the directory; nothing where it does not differ.
pub fn shrink(
    engines: &Engines,
    seed: u64,
    options: Options,
    directory: &Path,
) -> io::Result<Option<Class>> {
    let program = Program::generate(seed, options);
    let case = |program: &Program| Case::of(program, engines.needs_canonical());
    let class = apart::compare(engines, &case(&program));
    if matches!(class, Class::Same | Class::Incomparable) {
        return Ok(None);
    }
    let mut validator = wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all());
    let mut tried = 0_u32;
    let small = programs::shrink(program, &mut |program| {
        let module = program.encode();
        validator.reset();
        if validator.validate_all(&module).is_err() || !calls_fit(program) {
            return false;
        }
        tried += 1;
        apart::compare(engines, &case(program)) == class
    });
    let said = match class {
        Class::Signal(signal) => format!("signal {signal}"),
        _ => match engines.compare(&case(&small)) {
            Verdict::Differs(difference) => difference.to_string(),
            other => format!("{other:?}"),
        },
    };
    let mut text = format!(";; seed {seed}\n;; {said}\n");
    for call in small.calls.iter().chain(&small.probes) {
        let _ = writeln!(text, ";; {}({:x?})", call.export, call.params);
    }
    let printed = wasmprinter::print_bytes(small.encode());
    text += &printed.unwrap_or_else(|error| error.to_string());
    fs::create_dir_all(directory)?;
    let path = directory.join(format!("{seed}.wat"));
    fs::write(&path, text + "\n")?;
    fs::write(path.with_extension("wasm"), small.encode())?;
    println!("{}: {said} ({tried} smaller ones tried)", path.display());
    Ok(Some(class))
}

/// Whether every call is of an export, with as many numbers as it takes.
fn calls_fit(program: &Program) -> bool {
    let mut calls = program.calls.iter().chain(&program.probes);
    !program.calls.is_empty()
        && calls.all(|call| {
            let export = program.exports.iter().find(|it| it.name == call.export);
            export.is_some_and(|it| program.signature(it.index).params.len() == call.params.len())
        })
}
