//! The same five traps here, in Wasmtime and in wazero. `fixtures/traps/build` made the modules and
//! what the others print.

use pocketwasm::{
    Error, Runner, RunnerConfig,
    explain::{Frame, SourceLine, TrapCause},
};
use std::fs;

const NAMES: [&str; 5] = ["c", "rust", "zig", "go", "as"];

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/fixtures/traps/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read(&path).expect(&path)
}

fn trapped(name: &str) -> Error {
    let runner = Runner::new(RunnerConfig::new().explain(true)).expect("a valid config");
    let module = fixture(&format!("{name}.wasm"));
    let plugin = runner.load_plugin(name, module).expect(name);
    plugin.call("trap").run().expect_err(name)
}

#[track_caller]
fn frames(error: &Error) -> &[Frame] {
    let backtrace = error.backtrace();
    let backtrace = backtrace.unwrap_or_else(|| panic!("{error}: {:?}", error.unexplained()));
    backtrace.frames()
}

/// Without the hashes that distinguish symbols.
fn without_hashes(name: &str) -> String {
    let mut kept = String::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('[') {
        let (hash, after) = after.split_once(']').expect("a closing bracket");
        assert!(hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
        kept += before;
        rest = after;
    }
    kept += rest;
    match kept.rsplit_once("::h") {
        Some((before, hash)) if hash.len() == 16 => before.to_owned(),
        _ => kept,
    }
}

/// What Wasmtime writes of a backtrace: for each frame its position, then the names and the lines.
fn as_wasmtime(frames: &[Frame]) -> Vec<(u32, Vec<(String, String)>)> {
    let of = |frame: &Frame| {
        let own = frame.name().unwrap_or_default();
        let mut lines: Vec<(String, String)> = frame
            .lines()
            .iter()
            .map(|line| {
                let name = line.function().unwrap_or(own).to_owned();
                (name, line.to_string())
            })
            .collect();
        if lines.is_empty() {
            lines.push((own.to_owned(), String::new()));
        }
        (frame.offset(), lines)
    };
    frames.iter().map(of).collect()
}

#[test]
fn wasmtime_names_the_same_functions_and_lines() {
    for name in NAMES {
        let text = String::from_utf8(fixture(&format!("{name}.wasmtime.txt"))).unwrap();
        let mut expected: Vec<(u32, Vec<(String, String)>)> = Vec::new();
        for line in text.lines().skip(1) {
            if line.is_empty() {
                break;
            }
            let line = line.trim_start();
            if let Some(place) = line.strip_prefix("at ") {
                expected.last_mut().unwrap().1.last_mut().unwrap().1 = place.to_owned();
                continue;
            }
            let (place, function) = line.split_once("- ").unwrap();
            if let Some((_, offset)) = place.split_once("0x") {
                let offset = u32::from_str_radix(offset.trim(), 16).unwrap();
                expected.push((offset, Vec::new()));
            }
            let function = without_hashes(function.trim_start_matches("<unknown>!"));
            let lines = &mut expected.last_mut().unwrap().1;
            lines.push((function, String::new()));
        }
        assert!(expected.len() > 1, "{name}");
        assert_eq!(as_wasmtime(frames(&trapped(name))), expected, "{name}");
    }
}

#[test]
fn wasmtime_names_the_same_address_and_size() {
    let hex = |text: &str| u64::from_str_radix(text.strip_prefix("0x").unwrap(), 16).unwrap();
    let mut compared = 0;
    for name in NAMES {
        let text = String::from_utf8(fixture(&format!("{name}.wasmtime.txt"))).unwrap();
        let fault = text.split_once("memory fault at wasm address ");
        let expected = fault.map(|(_, rest)| {
            let (address, rest) = rest.split_once(" in linear memory of size ").unwrap();
            (hex(address), hex(rest.lines().next().unwrap()))
        });
        let error = trapped(name);
        let found = match error.backtrace().expect(name).cause() {
            None => None,
            Some(TrapCause::Access {
                address,
                memory_bytes,
                ..
            }) => Some((*address, *memory_bytes)),
            Some(other) => panic!("{name}: {other}"),
        };
        assert_eq!(found, expected, "{name}");
        compared += usize::from(found.is_some());
    }
    assert_eq!(compared, 1);
}

/// The file's name, the line and the column. wazero writes other directories.
fn place(line: &str) -> String {
    line.rsplit('/').next().unwrap_or_default().to_owned()
}

#[test]
fn wazero_names_the_same_functions_and_lines() {
    for name in NAMES {
        let text = String::from_utf8(fixture(&format!("{name}.wazero.txt"))).unwrap();
        let trace = text.split_once("wasm stack trace:\n").unwrap().1;
        let mut expected: Vec<(String, Vec<String>)> = Vec::new();
        for line in trace.lines().filter(|line| !line.is_empty()) {
            let inner = line.strip_prefix('\t').unwrap();
            match inner.strip_prefix(['\t', ' ']) {
                None => {
                    let function = inner.split_once('(').unwrap().0;
                    let own = function.strip_prefix(&format!("{name}.wasm"));
                    let function = own.unwrap_or(function);
                    // It names the functions of the host too.
                    if let Some(function) = function.strip_prefix('.') {
                        expected.push((function.to_owned(), Vec::new()));
                    }
                }
                Some(inner) => {
                    let inner = inner.trim().trim_end_matches(" (inlined)");
                    let inner = inner.split_once(": ").map_or(inner, |(_, place)| place);
                    expected.last_mut().unwrap().1.push(place(inner));
                }
            }
        }
        assert!(expected.len() > 1, "{name}");
        let error = trapped(name);
        let found: Vec<(String, Vec<String>)> = frames(&error)
            .iter()
            .zip(&expected)
            .map(|(frame, (expected, _))| {
                let own = frame.name().unwrap_or_default();
                // Its names are mangled.
                let is_mangled = expected.starts_with("_R") || expected.starts_with("_Z");
                let own = if is_mangled { expected } else { own };
                let lines = frame.lines().iter().map(SourceLine::to_string);
                (own.to_owned(), lines.map(|line| place(&line)).collect())
            })
            .collect();
        assert_eq!(frames(&error).len(), expected.len(), "{name}");
        assert_eq!(found, expected, "{name}");
    }
}
