//! A call that is paused is as one that is not.

use crate::support::{load, patient, to_the_end, told};
use pocketwasm::{Convention, Outcome, Plugin, Snapshot, SnapshotMode, types::Value};

type Make = fn(&Plugin) -> pocketwasm::Call<'_>;

/// A call of each convention, and others with fuel of their own kind. With how much fuel at least
/// each is paused: portions of one unit take long for some.
const CALLS: &[(&str, &str, Make)] = &[
    ("numbers", "add", |it| it.call("add").params(&[2, 40])),
    ("values", "add", |it| {
        it.call("add").values(&[Value::I32(2), Value::I32(40)])
    }),
    ("packed pointers of Rust", "rust-greet", |it| {
        it.call("greet").input("World")
    }),
    ("packed pointers of C", "c-greet", |it| {
        it.call("greet").input("World")
    }),
    ("packed pointers, many bytes", "rust-greet", |it| {
        it.call("echo").input(&[b'x'; 5_000])
    }),
    ("C strings", "c-string", |it| {
        it.call("join").inputs(&[b"a", b"b"])
    }),
    ("AssemblyScript", "as-greet", |it| {
        it.call("greet").input("World")
    }),
    ("AssemblyScript that aborts", "as-greet", |it| {
        it.call("fail").input("no")
    }),
    ("Extism", "extism-rust", |it| {
        it.call("greet").input("World")
    }),
    ("Extism with a variable", "extism-c", |it| {
        it.call("counter").input("")
    }),
    ("Extism that reports", "extism-rust", |it| {
        it.call("fail").input("no")
    }),
    ("waPC", "wapc-rust", |it| it.call("greet").input("World")),
    ("waPC that reports", "wapc-rust", |it| {
        it.call("fail").input("no")
    }),
    ("Typst", "typst-rust", |it| {
        it.call("concat").inputs(&[b"a", b"b"])
    }),
    ("Typst that reports", "typst-rust", |it| it.call("fail")),
    ("a command", "rust-command", |it| {
        it.call("_start").input("abc").args(["x"]).env("CODE", "0")
    }),
    ("a command that exits", "c-command", |it| {
        it.call("_start").input("abc").env("CODE", "3")
    }),
    ("CGI", "cgi-rust", |it| {
        it.call("_start").convention(Convention::Cgi).input("abc")
    }),
    ("a table that grows", "table-grow", |it| {
        it.call("run").params(&[12])
    }),
    ("bulk operations", "bulk", |it| it.call("run").params(&[])),
    ("work", "work", |it| it.call("run").params(&[9])),
    ("a trap", "counter", |it| it.call("fail")),
    ("out of fuel", "work", |it| {
        it.call("run").params(&[9]).fuel(500)
    }),
    ("out of fuel in the allocator", "rust-greet", |it| {
        it.call("greet").input("World").fuel(20)
    }),
    ("clocks", "rust-clock", |it| it.call("_start")),
];

#[test]
fn every_portion_gives_what_an_uninterrupted_call_gives() {
    for (what, name, call) in CALLS {
        let plugin = load(patient(), name);
        let mut plugins = vec![plugin];
        if matches!(plugins[0].snapshot(), Snapshot::Taken { .. }) {
            plugins.push(load(patient().snapshots(SnapshotMode::Never), name));
        }
        for plugin in plugins {
            let whole = call(&plugin).run();
            let fuel = match &whole {
                Ok(outcome) => outcome.fuel_used(),
                Err(error) => error.outcome().map_or(0, Outcome::fuel_used),
            };
            for portion in [1, 7, 1_000, 1_000_000, u64::MAX] {
                if fuel / portion > 10_000 {
                    continue;
                }
                let (ended, pauses) = to_the_end(call(&plugin).run_for(portion), portion);
                assert_eq!(told(&ended), told(&whole), "{what}, portions of {portion}");
                // Host functions and conventions take what they need in advance.
                let most = fuel.div_ceil(portion).saturating_sub(1);
                assert!(pauses <= most, "{what}, {portion}: {pauses}");
                let is_of_numbers = ended.is_ok_and(|it| it.bytes().is_empty());
                if plugin.imports().is_empty() && is_of_numbers {
                    assert_eq!(pauses, most, "{what}, {portion}");
                }
            }
        }
    }
}

#[test]
fn a_kept_instance_is_paused_too() {
    let plugin = load(patient(), "counter");
    let run = |portion: Option<u64>| {
        let mut instance = plugin.instantiate().unwrap();
        let mut told = Vec::new();
        for _ in 0..3 {
            let call = instance.call("next");
            let outcome = match portion {
                None => call.run().unwrap(),
                Some(portion) => to_the_end(call.run_for(portion), portion).0.unwrap(),
            };
            told.push(format!("{outcome:?}"));
        }
        told
    };
    for portion in [1, 3, 1_000] {
        assert_eq!(run(Some(portion)), run(None), "{portion}");
    }
}
