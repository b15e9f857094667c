//! The C interface: its header is up to date, and C programs can use it as documented.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files with public items, in the order of the header.
const PARTS: [&str; 25] = [
    "kind",
    "settings",
    "user_data",
    "config",
    "host_function",
    "surroundings",
    "runner",
    "report",
    "system",
    "description",
    "call",
    "options",
    "cancel",
    "instance",
    "instance_memory",
    "begin",
    "suspended",
    "live",
    "context",
    "context_memory",
    "files",
    "outcome",
    "error",
    "version",
    "freestanding",
];

#[test]
fn the_header_is_what_the_source_makes() {
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).expect("its settings");
    let mut made = Vec::new();
    let mut builder = cbindgen::Builder::new().with_config(config);
    for part in PARTS {
        builder = builder.with_src(root().join("src/capi").join(part).with_extension("rs"));
    }
    builder.generate().expect("a header").write(&mut made);
    let made = String::from_utf8(made).expect("text");
    let header = fs::read_to_string(root().join("include/pocketwasm.h"));
    if header.ok().as_ref() != Some(&made) {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("pocketwasm.h");
        fs::write(&path, made).expect("the temporary directory takes it");
        let path = path.display();
        panic!("src/capi makes another header: look at {path}, then copy it to include/");
    }
}

#[test]
fn all_that_the_header_declares_is_documented() {
    let header = read("include/pocketwasm.h");
    let (_, declarations) = header.split_once("#include <stdint.h>").expect("includes");
    let mut before = "";
    let mut declared = 0;
    for line in declarations.lines().filter(|line| !line.starts_with('#')) {
        let begins = before.is_empty() && !line.is_empty() && !line.starts_with('}');
        let constant = line.trim_start().starts_with("PW_");
        if constant || (begins && !line.starts_with("///") && !line.starts_with("extern")) {
            assert!(before.trim_start().starts_with("///"), "{line}");
        }
        declared += usize::from(constant || line.ends_with(");"));
        before = line;
    }
    assert!(declared > 60, "only {declared} were looked at");
}

/// The words of `text` that begin with `start`.
fn words<'a>(text: &'a str, start: &str) -> BTreeSet<&'a str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with(start))
        .collect()
}

/// There is no Swift compiler to ask everywhere; names that do not exist it would refuse first.
#[test]
fn what_the_swift_example_names_is_declared() {
    let swift = read("examples/ios/Plugins.swift");
    let header = read("include/pocketwasm.h");
    for start in ["pw_", "PW_"] {
        let (used, declared) = (words(&swift, start), words(&header, start));
        assert!(used.len() > 2, "{used:?}");
        let unknown: Vec<_> = used.difference(&declared).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}

#[test]
fn the_guest_of_the_c_programs_is_what_its_text_makes() {
    let made = wat::parse_file(root().join("fixtures/wat/c-host.wat")).expect("a module");
    let path = root().join("fixtures/c-host.wasm");
    if fs::read(&path).ok().as_ref() != Some(&made) {
        let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("c-host.wasm");
        fs::write(&out, made).expect("the temporary directory takes it");
        panic!("copy {} to fixtures/", out.display());
    }
}

#[test]
fn every_limit_can_be_set() {
    let source = read("src/settings/limit_setters.rs");
    let (_, limits) = source.split_once("\nlimit_setters! {").expect("limits");
    let (limits, _) = limits.split_once("\n}").expect("their end");
    let names = limits.lines().filter(|line| !line.contains("///"));
    let names: Vec<_> = names
        .filter_map(|line| line.trim().split_once(": "))
        .collect();
    assert!(names.len() > 20, "{names:?}");
    let header = read("include/pocketwasm.h");
    for (name, _) in names {
        let constant = format!(" PW_SETTING_{} = ", name.to_uppercase());
        assert!(header.contains(&constant), "no{constant}");
    }
}

#[test]
fn c_programs_use_it() {
    let compiler = Command::new("cc")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    if compiler.is_err() || cfg!(not(target_os = "linux")) {
        println!("skipped: there is no C compiler, or the script does not know how to link here");
        return;
    }
    let output = Command::new(root().join("tests/capi/run"))
        .args(["syntax", "static", "shared", "example"])
        .env("PROFILE", "dev")
        .output()
        .expect("the script runs");
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success());
    for step in ["static", "shared", "example"] {
        assert!(said.contains(&format!("\n{step}: passed\n")), "{step}");
    }
}
