//! Spare instances: calls have the same results, and no instance is used twice.

use crate::support::{fails, fixture, load, patient, runner, runs};
use pocketwasm::{Call, ErrorKind, Plugin};
use std::{thread, time::Duration};

/// The plugin that counts its calls, of a runner that makes so many ahead.
fn counter(spares: usize) -> Plugin {
    load(patient().spare_instances(spares), "spare")
}

/// Lets the runner's thread make spares. That it has is not what is tested.
fn pause() {
    thread::sleep(Duration::from_millis(5));
}

#[test]
fn each_has_one_call() {
    let plugin = counter(3);
    for _ in 0..30 {
        // The first call, in the global and in the memory.
        assert_eq!(runs(plugin.call("count")).results(), [2]);
        pause();
    }
    // Faster than they are made, and from several threads.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    assert_eq!(runs(plugin.call("count")).results(), [2]);
                }
            });
        }
    });
}

/// Everything that a call tells is the same, of guests with WASI, snapshots, clocks and seeds.
#[test]
fn calls_are_the_same() {
    let with = |spares| runner(patient().spare_instances(spares));
    let (plain, ahead) = (with(0), with(2));
    for name in [
        "rust-greet",
        "go-greet",
        "c-greet",
        "extism-rust",
        "rust-command",
    ] {
        let module = fixture(&format!("{name}.wasm"));
        let [plain, ahead] =
            [&plain, &ahead].map(|runner| runner.load_plugin(name, &module).expect("it loads"));
        let export = if name == "rust-command" {
            "_start"
        } else {
            "greet"
        };
        for round in 0..4 {
            let [plain, ahead] =
                [&plain, &ahead].map(|plugin| runs(plugin.call(export).input("World")));
            assert_eq!(ahead, plain, "{name}, round {round}");
            pause();
        }
    }
}

#[test]
fn what_a_call_says_of_itself_holds() {
    let plugin = counter(2);
    for _ in 0..4 {
        let kind = |call: Call<'_>| fails(call).kind();
        assert_eq!(kind(plugin.call("spin").fuel(1_000)), ErrorKind::OutOfFuel);
        pause();
        let timeout = Duration::from_millis(20);
        assert_eq!(
            kind(plugin.call("spin").timeout(timeout)),
            ErrorKind::Timeout
        );
        pause();
        let few = plugin.call("count").max_memory_pages(4);
        assert_eq!(kind(few), ErrorKind::MemoryLimit);
        let grown = |call: Call<'_>| runs(call).into_results();
        let within = plugin.call("grow").params(&[1]).max_memory_pages(6);
        assert_eq!(grown(within), [5]);
        pause();
        let beyond = plugin.call("grow").params(&[2]).max_memory_pages(6);
        assert_eq!(grown(beyond), [0xffff_ffff]);
        pause();
    }
}

#[test]
fn closing_ends_them() {
    let runner = runner(patient().spare_instances(2));
    let module = crate::support::wat("spare");
    let plugin = runner.load_plugin("spare", module).expect("it loads");
    runs(plugin.call("count"));
    pause();
    runner.close();
    assert_eq!(fails(plugin.call("count")).kind(), ErrorKind::Closed);
}
