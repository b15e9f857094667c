//! New plugins build and run by the commands that are printed, if the toolchain is installed.

use super::{
    super::{Guests, Ran},
    language::{ASSEMBLYSCRIPT, C, GO, Language, RUN, RUST, TINYGO, ZIG},
};
use std::{
    env,
    ffi::OsString,
    fs,
    io::{self, Write},
    path::Path,
    process::{Command, Stdio},
};

/// A shell in a folder, which finds the program that is tested.
fn shell(folder: &Path, script: &str) -> Ran {
    let program = Path::new(env!("CARGO_BIN_EXE_pocketwasm"));
    let mut path = OsString::from(program.parent().unwrap());
    path.push(":");
    path.push(env::var_os("PATH").unwrap_or_default());
    let output = Command::new("sh")
        .args(["-e", "-c", script])
        .current_dir(folder)
        .env("PATH", path)
        .env_remove("RUST_LOG")
        // Of the build that runs this test.
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("RUSTFLAGS")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ran::from(output)
}

/// Writes a plugin, builds it and runs it by the commands that are printed. Where the tools are not
/// there that is said, and is a failure if the variable `POCKETWASM_NEW` names the language.
fn builds_and_runs(language: &Language, ready: impl Fn(&Path), tests: &str) {
    let guests = Guests::new(&[]);
    let name = language.name;
    let wanted = env::var("POCKETWASM_NEW").unwrap_or_default();
    let wanted = wanted.split(' ').any(|wanted| wanted == name);
    let tool = shell(guests.0.path(), language.tool);
    if tool.code != Some(0) {
        assert!(!wanted, "{name}: {}: {tool:?}", language.tool);
        // Said past the test runner, which keeps what a test that passes prints.
        let _ = writeln!(
            io::stderr(),
            "new: {name}: skipped, `{}` fails",
            language.tool
        );
        return;
    }
    let told = guests.run(["new", "--lang", name, "my-plugin"]);
    assert_eq!(
        (told.code, &*told.stdout),
        (Some(0), &*language.told()),
        "{told:?}"
    );
    let folder = guests.0.path().join("my-plugin");
    ready(&folder);
    let built = shell(&folder, &language.build.join("\n"));
    assert_eq!(built.code, Some(0), "{name}: {built:?}");

    let run = RUN.map(|line| line.replace("{module}", language.module));
    let ran = shell(&folder, &run.join("\n"));
    ran.is(name, 0, "Hello, World{\"total\":750}", "");

    for (export, input, result) in [
        ("greet", "", Ok("Hello, ")),
        ("greet", "Ж 🦀", Ok("Hello, Ж 🦀")),
        (
            "order",
            r#" { "count" : 4 , "price" : 5 } "#,
            Ok(r#"{"total":20}"#),
        ),
        (
            "order",
            r#"{"price": 250, "count": 0}"#,
            Err("the count must be positive"),
        ),
        (
            "order",
            r#"{"price": 250, "count": -1}"#,
            Err("the count must be positive"),
        ),
        (
            "order",
            r#"{"price": 900000000000000000, "count": 900}"#,
            Err("the total is too large"),
        ),
        // What is wrong with the form is said in each language's own words.
        ("order", r#"{"price": 250}"#, Err("")),
        ("order", r#"{"price": 250, "count": "three"}"#, Err("")),
        ("order", r#"{"price": 250, "count": 3"#, Err("")),
        ("order", r#"{"price": 250, "count": 3} {}"#, Err("")),
        ("order", "", Err("")),
    ] {
        let module = folder.join(language.module);
        let line = ["text", module.to_str().unwrap(), export, input];
        let ran = guests.run(line);
        let what = format!("{name}: {export} {input}: {ran:?}");
        match result {
            Ok(result) => assert_eq!((ran.code, &*ran.stdout), (Some(0), result), "{what}"),
            Err(message) => {
                assert_eq!((ran.code, &*ran.stdout), (Some(8), ""), "{what}");
                let expected = format!("the plugin reports: {message}");
                assert!(ran.stderr.contains(&expected), "{what}");
            }
        }
    }

    let tested = shell(&folder, tests);
    assert_eq!(tested.code, Some(0), "{name}: {tested:?}");
    // Nothing that is built is in the way of a commit.
    if shell(&folder, "git --version").code == Some(0) {
        let listed = shell(
            &folder,
            "git init --quiet && git ls-files --others --exclude-standard",
        );
        let generated = ["Cargo.lock", "package-lock.json"];
        let listed: Vec<&str> = listed.stdout.lines().collect();
        let written: Vec<&str> = listed
            .into_iter()
            .filter(|file| !generated.contains(file))
            .collect();
        assert_eq!(written, language.files, "{name}");
    }
    let _ = writeln!(io::stderr(), "new: {name}: builds and runs");
}

#[test]
fn a_plugin_in_rust() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    // Offline: the versions are those that this repository has.
    let ready = |folder: &Path| {
        fs::copy(repository.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        fs::create_dir(folder.join(".cargo")).unwrap();
        fs::write(folder.join(".cargo/config.toml"), "[net]\noffline = true\n").unwrap();
    };
    // The plugin depends on the crate in this repository.
    builds_and_runs(&RUST, ready, "rm -r .cargo; cargo --offline test");
}

#[test]
fn a_plugin_in_c() {
    builds_and_runs(&C, |_| {}, "");
}

#[test]
fn a_plugin_in_zig() {
    builds_and_runs(&ZIG, |_| {}, "");
}

#[test]
fn a_plugin_in_go() {
    builds_and_runs(&GO, |_| {}, "go vet && go test");
}

#[test]
fn a_plugin_in_tinygo() {
    builds_and_runs(&TINYGO, |_| {}, "");
}

#[test]
fn a_plugin_in_assemblyscript() {
    builds_and_runs(&ASSEMBLYSCRIPT, |_| {}, "");
}
