//! Admitting plugins, and lowering the limits of a call.

use pocketwasm::{ErrorKind, Runner, RunnerConfig};
use std::fs;

const GROWS: &str = r#"(module
    (memory 2)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"#;

fn runner() -> Runner {
    Runner::new(RunnerConfig::new().max_memory_pages(8)).unwrap()
}

#[test]
fn what_is_not_admitted_is_neither_compiled_nor_served() {
    let directory = tempfile::tempdir().unwrap();
    let add = fs::read("fixtures/add.wasm").unwrap();
    for (file, bytes) in [
        ("good.wasm", &add[..]),
        ("other.wasm", &add),
        ("bad.wasm", b"bad"),
    ] {
        fs::write(directory.path().join(file), bytes).unwrap();
    }
    let runner = runner();
    let mut asked = Vec::new();
    let report = runner
        .load_plugins_if(directory.path(), |name, bytes| {
            asked.push((name.to_owned(), bytes.len()));
            match name {
                "good" => Ok(()),
                _ => Err("not on\nthe list".to_owned()),
            }
        })
        .unwrap();
    let expected = [("bad", 3), ("good", 41), ("other", 41)];
    assert_eq!(
        asked,
        expected.map(|(name, length)| (name.to_owned(), length))
    );
    assert_eq!(report.loaded, ["good"]);
    assert_eq!(runner.plugins().len(), 1);
    for (failure, name) in report.failed.iter().zip(["bad", "other"]) {
        assert_eq!(failure.error.kind(), ErrorKind::Refused);
        let message = format!("plugin {name:?}: refused: not on");
        assert_eq!(failure.error.to_string(), message);
    }
}

#[test]
fn only_new_and_changed_files_are_asked_about_and_a_refusal_leaves_the_old() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("plugin.wasm");
    let add = fs::read("fixtures/add.wasm").unwrap();
    fs::write(&path, &add).unwrap();
    let runner = runner();
    runner.load_plugins(directory.path()).unwrap();
    let refuse = |_: &str, _: &[u8]| Err("no".to_owned());
    let report = runner.load_plugins_if(directory.path(), refuse).unwrap();
    assert_eq!((report.unchanged.len(), report.failed.len()), (1, 0));
    fs::write(&path, wat::parse_str(GROWS).unwrap()).unwrap();
    let report = runner.load_plugins_if(directory.path(), refuse).unwrap();
    assert_eq!((report.unchanged.len(), report.failed.len()), (0, 1));
    assert_eq!(runner.run_plugin("plugin", "add", &[1, 2]).unwrap(), [3]);
}

#[test]
fn a_call_can_have_less_memory_and_never_more() {
    let runner = runner();
    let plugin = runner
        .load_plugin("grows", wat::parse_str(GROWS).unwrap())
        .unwrap();
    let refused = u64::from(u32::MAX);
    for (pages, more, answer) in [
        (None, 6, 2),
        (None, 7, refused),
        (Some(8), 6, 2),
        (Some(5), 3, 2),
        (Some(5), 4, refused),
        (Some(2), 0, 2),
        (Some(2), 1, refused),
        (Some(1_000), 7, refused),
    ] {
        let params = [more];
        let mut call = plugin.call("grow").params(&params);
        if let Some(pages) = pages {
            call = call.max_memory_pages(pages);
        }
        assert_eq!(call.run().unwrap().results(), [answer], "{pages:?} {more}");
    }
    let error = plugin
        .call("grow")
        .params(&[0])
        .max_memory_pages(1)
        .run()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MemoryLimit);
    assert_eq!(
        error.to_string(),
        "plugin \"grows\", export \"grow\": declares a memory of 2 pages at least; the limit \
         `max_memory_pages` is 1"
    );
}

#[test]
fn on_a_kept_instance_the_limit_is_the_calls_own() {
    let runner = runner();
    let plugin = runner
        .load_plugin("grows", wat::parse_str(GROWS).unwrap())
        .unwrap();
    let mut instance = plugin.instantiate().unwrap();
    let mut grow = |pages: Option<u32>| {
        let mut call = instance.call("grow").params(&[1]);
        if let Some(pages) = pages {
            call = call.max_memory_pages(pages);
        }
        call.run().unwrap().results()[0]
    };
    assert_eq!(grow(None), 2);
    assert_eq!(grow(Some(2)), u64::from(u32::MAX));
    assert_eq!(grow(None), 3);
}
