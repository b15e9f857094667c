//! `pocketwasm new`: what it writes, what it refuses, and that what it writes builds and runs.

mod language;
mod toolchains;

use super::Guests;
use language::{ASSEMBLYSCRIPT, C, GO, RUST, TINYGO, ZIG};
use std::{fs, path::Path};

/// The files below a folder, sorted.
fn files(folder: &Path) -> Vec<String> {
    fn collect(folder: &Path, prefix: &str, files: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
            if entry.file_type().unwrap().is_dir() {
                collect(&entry.path(), &format!("{name}/"), files);
            } else {
                files.push(name);
            }
        }
    }
    let mut found = Vec::new();
    collect(folder, "", &mut found);
    found.sort();
    found
}

#[test]
fn what_is_written() {
    for language in [RUST, C, ZIG, GO, TINYGO, ASSEMBLYSCRIPT] {
        let guests = Guests::new(&[]);
        let ran = guests.run(["new", "--lang", language.name, "my-plugin"]);
        ran.is(language.name, 0, &language.told(), "");
        let folder = guests.0.path().join("my-plugin");
        assert_eq!(files(&folder), language.files, "{}", language.name);
        for file in language.files {
            let text = fs::read_to_string(folder.join(file)).unwrap();
            assert!(!text.contains("{{"), "{}: {file}: {text}", language.name);
            assert!(text.ends_with('\n'), "{}: {file}", language.name);
        }
        let readme = fs::read_to_string(folder.join("README.md")).unwrap();
        let block = format!("```sh\n{}\n```\n", language.commands().join("\n"));
        assert!(readme.contains(&block), "{}: {readme}", language.name);
        assert!(
            readme.contains(language.need),
            "{}: {readme}",
            language.name
        );
    }
}

#[test]
fn another_folder_and_json() {
    let guests = Guests::new(&[]);
    fs::create_dir(guests.0.path().join("empty folder")).unwrap();
    let line = ["new", "--lang", "c", "greet", "--directory", "empty folder"];
    let ran = guests.run(line);
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""), "{ran:?}");
    assert!(ran.stdout.contains("\n  cd 'empty folder'\n"), "{ran:?}");

    let line = [
        "new",
        "--json",
        "--lang",
        "c",
        "greet",
        "--directory",
        "a/b",
    ];
    let report = guests.run(line).json();
    let expected = serde_json::json!({
        "name": "greet",
        "directory": "a/b",
        "files": C.files,
        "commands": [
            "zig cc -target wasm32-wasi -mexec-model=reactor -Os -s -Wl,-z,stack-size=65536 plugin.c -o greet.wasm",
            "pocketwasm text greet.wasm greet World",
            r#"pocketwasm text greet.wasm order '{"price": 250, "count": 3}'"#,
        ],
        "error": null,
    });
    assert_eq!(report, expected);
    assert_eq!(files(&guests.0.path().join("a/b")), C.files);
}

#[test]
fn what_is_refused() {
    let guests = Guests::new(&[]);
    guests.put("taken/notes.txt", "mine");
    guests.put("file", "mine");
    guests.put("other/Cargo.toml", "[package]\nname = \"other\"\n");
    let rule = "a plugin's name is lower-case letters, digits, - and _, with a letter first, and at \
                most 64 of them";
    let taken = "is there already and is not an empty folder; nothing was written. Choose another \
                 name, or another folder with --directory";
    for (line, code, message) in [
        ("--lang go taken", 2, format!("taken {taken}")),
        ("--lang rust file", 2, format!("file {taken}")),
        (
            "--lang zig new --directory taken",
            2,
            format!("taken {taken}"),
        ),
        (
            "--lang c Greet",
            2,
            format!("{rule}, not \"Greet\"; \"greet\" would do"),
        ),
        (
            "--lang c plugins/greet",
            2,
            format!("{rule}, not \"plugins/greet\"; `greet --directory plugins/greet` would do"),
        ),
        (
            "--lang rust match",
            2,
            "a crate cannot be called \"match\"; \"match-1\" would do".to_owned(),
        ),
        (
            "--lang go greet --plugin-crate plugin",
            2,
            "--plugin-crate is for plugins in Rust".to_owned(),
        ),
        (
            "--lang rust greet --plugin-crate other",
            2,
            "other/Cargo.toml is not that of `pocketwasm-plugin`; in pocketwasm's repository the \
             crate is the folder `plugin`"
                .to_owned(),
        ),
    ] {
        let args = ["new"].into_iter().chain(line.split(' '));
        let stderr = format!("pocketwasm: {message}\n");
        guests.run(args).is(line, code, "", &stderr);
    }
    let ran = guests.run(["new", "--lang", "rust", "greet", "--plugin-crate", "absent"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(
        ran.stderr.contains("cannot read absent/Cargo.toml: "),
        "{ran:?}"
    );
    let ran = guests.run(["new", "--lang", "pascal", "greet"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let values = "[possible values: rust, c, zig, go, tinygo, assemblyscript]";
    assert!(ran.stderr.contains(values), "{ran:?}");
    // Nothing was written by any of them.
    let left = files(guests.0.path());
    assert_eq!(left, ["file", "other/Cargo.toml", "taken/notes.txt"]);
}
