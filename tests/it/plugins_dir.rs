//! Loading a directory, and loading it again after changes.

use crate::support::{fixture, runner, runs, wat};
use pocketwasm::{ErrorKind, LoadReport, Runner, RunnerConfig};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// A directory with these files.
fn directory(files: &[(&str, &[u8])]) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, bytes) in files {
        write(&directory, name, bytes);
    }
    directory
}

fn write(directory: &TempDir, name: &str, bytes: &[u8]) {
    let path = directory.path().join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, bytes).expect("written");
}

fn load(runner: &Runner, directory: &TempDir) -> LoadReport {
    runner
        .load_plugins(directory.path())
        .expect("the directory is there")
}

fn names(runner: &Runner) -> Vec<String> {
    let plugins = runner.plugins();
    plugins
        .iter()
        .map(|plugin| plugin.name().to_owned())
        .collect()
}

/// What failed: the path below the directory, and the message.
fn failed(report: &LoadReport, directory: &Path) -> Vec<(String, String)> {
    let failure = |failure: &pocketwasm::LoadFailure| {
        let path = failure.path.strip_prefix(directory).expect("below it");
        (
            path.to_string_lossy().replace('\\', "/"),
            failure.error.to_string(),
        )
    };
    report.failed.iter().map(failure).collect()
}

#[test]
fn plugins_are_named_by_their_path_and_sorted() {
    let (add, greet) = (wat("add"), fixture("rust-greet.wasm"));
    let directory = directory(&[
        ("zebra.wasm", &add),
        ("tools/text/greet.wasm", &greet),
        ("tools/add.wasm", &add),
        ("add.wasm", &add),
        ("README.md", b"not a plugin"),
        ("tools/add.wat", b"(module)"),
        (".wasm", &add),
    ]);
    let runner = runner(RunnerConfig::new());
    let report = load(&runner, &directory);
    let all = ["add", "tools/add", "tools/text/greet", "zebra"];
    assert_eq!(report.loaded, all);
    assert_eq!(names(&runner), all);
    assert!(report.replaced.is_empty() && report.unchanged.is_empty());
    assert!(
        report.missing.is_empty() && report.failed.is_empty(),
        "{report:?}"
    );
    for name in ["tools/text/greet", "tools/text/greet.wasm"] {
        let text = runner.run_plugin_string(name, "greet", "World");
        assert_eq!(text.expect("runs"), "Hello, World");
    }
    assert_eq!(
        runner
            .run_plugin("zebra.wasm", "add", &[1, 2])
            .expect("runs"),
        [3]
    );
}

#[test]
fn a_bad_file_is_reported_with_its_reason_and_the_others_load() {
    let add = wat("add");
    let component = b"\0asm\x0d\0\x01\0".to_vec();
    let mut import = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x02\x07\x01".to_vec();
    import.extend(b"\x01m\x01f\0\0");
    let long = "x".repeat(250) + ".wasm";
    let directory = directory(&[
        ("component.wasm", &component),
        ("cut.wasm", &add[..add.len() - 3]),
        ("empty.wasm", b""),
        ("good.wasm", &add),
        ("huge.wasm", &[0; 1_001]),
        ("import.wasm", &import),
        ("text.wasm", b"  ;; text\n(module)"),
        ("else.wasm", b"MZ\x90\0"),
        ("version.wasm", b"\0asm\x02\0\0\0"),
        (&long, &add),
    ]);
    let runner = runner(RunnerConfig::new().max_module_bytes(1_000));
    let report = load(&runner, &directory);
    assert_eq!(report.loaded, ["good", &long[..250]]);
    let path = |name| directory.path().join(name).to_string_lossy().into_owned();
    let bad = "not a module this engine can run:";
    let loading = |name: &str, problem: &str| {
        (
            format!("{name}.wasm"),
            format!("plugin \"{name}\", load: {problem}"),
        )
    };
    let expected = [
        loading(
            "component",
            &format!("{bad} this is a component; only core modules can run"),
        ),
        loading(
            "cut",
            &format!("{bad} unexpected end-of-file (at offset 0x22)"),
        ),
        loading(
            "else",
            &format!("{bad} it does not begin with the magic bytes \\0asm"),
        ),
        loading("empty", &format!("{bad} the file is empty")),
        (
            "huge.wasm".to_owned(),
            format!(
                "plugin \"{}\", load: \
                 the module's size is 1001; the limit `max_module_bytes` is 1000",
                path("huge.wasm")
            ),
        ),
        loading(
            "import",
            "unsupported import: \"m\" \"f\" of type () -> (): \
             not WASI, not of a known convention, and not among the functions registered with \
             this runner: none",
        ),
        loading(
            "text",
            &format!(
                "{bad} this is WebAssembly text; translate it first (wat2wasm, wasm-tools parse)"
            ),
        ),
        loading(
            "version",
            &format!("{bad} its version is 2; only 1 is known"),
        ),
    ];
    assert_eq!(failed(&report, directory.path()), expected);
    let kinds: Vec<_> = report
        .failed
        .iter()
        .map(|failure| failure.error.kind())
        .collect();
    assert_eq!(kinds[4], ErrorKind::ShapeLimit);
    assert_eq!(kinds[5], ErrorKind::UnsupportedImport);
    assert!(
        kinds
            .iter()
            .filter(|kind| **kind == ErrorKind::InvalidModule)
            .count()
            == 6
    );
}

#[cfg(unix)]
#[test]
fn links_are_not_followed_and_what_cannot_be_read_is_told() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let add = wat("add");
    let outside = directory(&[("secret.wasm", &add)]);
    let directory = directory(&[
        ("a.wasm", &add),
        ("locked.wasm", &add),
        ("shut/in.wasm", &add),
    ]);
    let at = |name: &str| directory.path().join(name);
    symlink(outside.path().join("secret.wasm"), at("link.wasm")).expect("linked");
    symlink(outside.path(), at("folder")).expect("linked");
    symlink(at("nowhere"), at("dangling.wasm")).expect("linked");
    symlink(at("a.wasm"), at("notes.txt")).expect("linked");
    symlink(directory.path(), at("circle")).expect("linked");
    let lock = |name: &str, mode| {
        fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).expect("set");
    };
    lock("locked.wasm", 0o000);
    lock("shut", 0o000);
    // Whoever may read everything sees no locked file.
    let reads_all = fs::read(at("locked.wasm")).is_ok();

    let runner = runner(RunnerConfig::new());
    let report = load(&runner, &directory);
    let link = "invalid config: `plugin file` is a symbolic link; it is not followed";
    let linked = ["circle", "dangling.wasm", "folder", "link.wasm"];
    let mut expected: Vec<_> = linked
        .map(|name| (name.to_owned(), link.to_owned()))
        .into_iter()
        .collect();
    if !reads_all {
        for name in ["locked.wasm", "shut"] {
            let message = format!("cannot read \"{}\"", at(name).display());
            expected.push((name.to_owned(), message));
        }
    }
    assert_eq!(failed(&report, directory.path()), expected);
    assert_eq!(report.loaded.first().map(String::as_str), Some("a"));
    assert!(!names(&runner).iter().any(|name| name.contains("secret")));
    lock("shut", 0o700);

    // A link to the directory itself is somebody's own choice.
    let alias = outside.path().join("alias");
    symlink(directory.path(), &alias).expect("linked");
    let report = runner.load_plugins(&alias).expect("a directory");
    assert!(report.unchanged.contains(&"a".to_owned()), "{report:?}");
}

#[test]
fn a_second_load_takes_up_what_changed() {
    let (add, work, counter) = (wat("add"), wat("work"), wat("counter"));
    let directory = directory(&[
        ("bad.wasm", &add),
        ("changed.wasm", &add),
        ("gone.wasm", &add),
        ("same.wasm", &work),
    ]);
    let runner = runner(RunnerConfig::new());
    load(&runner, &directory);
    let same = runner.plugin("same").expect("there").sha256();
    write(&directory, "bad.wasm", &add[..20]);
    write(&directory, "changed.wasm", &counter);
    write(&directory, "new.wasm", &counter);
    fs::remove_file(directory.path().join("gone.wasm")).expect("removed");

    let report = load(&runner, &directory);
    assert_eq!(report.loaded, ["new"]);
    assert_eq!(report.replaced, ["changed"]);
    assert_eq!(report.unchanged, ["same"]);
    assert_eq!(report.missing, ["gone"]);
    assert_eq!(report.failed.len(), 1);
    assert_eq!(names(&runner), ["bad", "changed", "gone", "new", "same"]);
    // The old version of what is bad or gone answers on; the new one of what changed.
    assert_eq!(runner.run_plugin("bad", "add", &[1, 2]).expect("runs"), [3]);
    assert_eq!(
        runner.run_plugin("gone", "add", &[1, 2]).expect("runs"),
        [3]
    );
    assert_eq!(
        runner.run_plugin("changed", "next", &[]).expect("runs"),
        [11]
    );
    assert_eq!(runner.plugin("same").expect("there").sha256(), same);
    // Made good again, it is the same as before.
    write(&directory, "bad.wasm", &add);
    assert!(runner.unload_plugin("gone"));
    let report = load(&runner, &directory);
    assert_eq!(report.unchanged, ["bad", "changed", "new", "same"]);
    assert!(
        report.missing.is_empty() && report.failed.is_empty(),
        "{report:?}"
    );
}

/// The same directory by another spelling is the same one.
#[test]
fn however_the_directory_is_spelled() {
    let directory = directory(&[("sub/a.wasm", &wat("add"))]);
    let runner = runner(RunnerConfig::new());
    let spelled: [PathBuf; 3] = [
        directory.path().to_owned(),
        directory.path().join("."),
        directory.path().join("sub").join(".."),
    ];
    for (times, path) in spelled.iter().enumerate() {
        let report = runner.load_plugins(path).expect("a directory");
        assert!(
            report.failed.is_empty() && report.missing.is_empty(),
            "{report:?}"
        );
        assert_eq!(report.unchanged.len(), usize::from(times > 0), "{path:?}");
    }
}

#[test]
fn a_name_that_is_taken_is_reported() {
    let (add, work) = (wat("add"), wat("work"));
    let first = directory(&[("a.wasm", &add), ("a.wasm.wasm", &work)]);
    let second = directory(&[("a.wasm", &work), ("b.wasm", &work), ("c.wasm", &work)]);
    let runner = runner(RunnerConfig::new());
    runner.load_plugin("c", &add).expect("loads");
    let report = load(&runner, &first);
    let holder = first.path().canonicalize().expect("there").join("a.wasm");
    let taken = format!(
        "invalid config: `name` is taken: \"a\" was loaded from \"{}\"",
        holder.display()
    );
    assert_eq!(report.loaded, ["a"]);
    assert_eq!(
        failed(&report, first.path()),
        [("a.wasm.wasm".to_owned(), taken.clone())]
    );
    let report = load(&runner, &second);
    assert_eq!(report.loaded, ["b"]);
    let from_bytes = "invalid config: `name` is taken: \"c\" was loaded from bytes".to_owned();
    assert_eq!(
        failed(&report, second.path()),
        [
            ("a.wasm".to_owned(), taken),
            ("c.wasm".to_owned(), from_bytes)
        ]
    );
    assert_eq!(runner.run_plugin("a", "add", &[1, 2]).expect("runs"), [3]);
    // Whoever loads by name means it: the file's plugin is replaced.
    let plugin = runner.load_plugin("a", &work).expect("loads");
    assert_eq!(runs(plugin.call("nothing")).fuel_used(), 1);
    let report = load(&runner, &first);
    assert_eq!(report.failed.len(), 2, "{report:?}");
}

#[test]
fn a_directory_that_is_none() {
    let directory = directory(&[("file", b"")]);
    let runner = runner(RunnerConfig::new());
    let path = directory.path().join("nowhere");
    let error = runner.load_plugins(&path).expect_err("not there");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(
        error.to_string(),
        format!("cannot read the directory \"{}\"", path.display())
    );
    let error = runner
        .load_plugins(directory.path().join("file"))
        .expect_err("a file");
    assert_eq!(error.kind(), ErrorKind::Io);
    runner.close();
    let error = runner.load_plugins(&path).expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[test]
fn a_report_does_not_depend_on_which_file_is_done_first() {
    let (add, greet) = (wat("add"), fixture("rust-greet.wasm"));
    let names: Vec<String> = (0..40).map(|number| format!("{number:02}.wasm")).collect();
    // Large and small ones by turns, so that later files are done before earlier ones.
    let contents: [&[u8]; 3] = [&greet, &add, &add[..add.len() - 3]];
    let files: Vec<(&str, &[u8])> = names
        .iter()
        .enumerate()
        .map(|(number, name)| (&**name, contents[number % 3]))
        .collect();
    let directory = directory(&files);
    let mut asked = Vec::new();
    let runner = runner(RunnerConfig::new());
    let report = runner
        .load_plugins_if(directory.path(), |name, _| {
            asked.push(name.to_owned());
            Ok(())
        })
        .expect("the directory is there");
    let all = || names.iter().map(|name| name[..2].to_owned());
    assert_eq!(asked, all().collect::<Vec<_>>());
    let good = |(number, name)| (number % 3 != 2).then_some(name);
    let expected: Vec<String> = all().enumerate().filter_map(good).collect();
    assert_eq!(report.loaded, expected);
    let bad = failed(&report, directory.path());
    let bad: Vec<&str> = bad.iter().map(|(path, _)| &**path).collect();
    let expected: Vec<&str> = names
        .iter()
        .skip(2)
        .step_by(3)
        .map(|name| &**name)
        .collect();
    assert_eq!(bad, expected);
}

#[test]
fn of_two_files_for_one_name_the_second_has_it_only_where_the_first_is_bad() {
    let (add, greet) = (wat("add"), fixture("rust-greet.wasm"));
    for (first, loaded, bad) in [(&add[..], "add", "a.wasm.wasm"), (b"", "greet", "a.wasm")] {
        let directory = directory(&[("a.wasm", first), ("a.wasm.wasm", &greet)]);
        let runner = runner(RunnerConfig::new());
        let report = load(&runner, &directory);
        assert_eq!(report.loaded, ["a"]);
        let failed = failed(&report, directory.path());
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!(failed[0].0, bad);
        let plugin = runner.plugin("a").expect("loaded");
        assert!(
            plugin
                .exports()
                .iter()
                .any(|export| *export.name == *loaded)
        );
    }
}
