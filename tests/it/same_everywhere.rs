//! The committed table of results matches the engine in this build.

use std::{fs, path::Path};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_table_is_of_this_engine() {
    let table = read("no_std_check/cases/expected.txt");
    let engine = format!("engine: {}", pocketwasm::ENGINE);
    assert_eq!(
        table.lines().next(),
        Some(&*engine),
        "no_std_check/cases/expected.txt was made with another engine. Its fuel and results may \
         differ: make it anew by `cd no_std_check && cargo run --release -p native -- --print > \
         cases/expected.txt`, look at what changed, and say so in CHANGELOG.md"
    );
}

#[test]
fn the_engines_name_has_its_version() {
    let manifest = read("Cargo.toml");
    let (_, pin) = manifest
        .split_once("\nwasmi = { version = \"=")
        .expect("an exact version");
    let (version, _) = pin.split_once('"').expect("its end");
    let name = format!("wasmi {version};");
    assert!(
        pocketwasm::ENGINE.starts_with(&name),
        "{} is not named {name}: `ENGINE` in src/engine/compiled_module.rs must change with the engine",
        pocketwasm::ENGINE
    );
}
