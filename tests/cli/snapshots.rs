//! `snapshot`, and what `inspect` says about snapshots.

use crate::Guests;

#[test]
fn a_written_snapshot_runs_like_its_module() {
    let guests = Guests::new(&["c-greet.wasm", "snapshot/counter.wat", "snapshot/table.wat"]);
    let lines = [
        "snapshot c-greet.wasm -o ready.wasm",
        "snapshot c-greet.wasm -o warm.wasm --warm-up greet --input nobody",
    ];
    for line in lines {
        guests.run(line.split(' ')).is(line, 0, "", "");
    }
    for module in ["ready.wasm", "warm.wasm"] {
        guests
            .run(["text", module, "greet", "World"])
            .is(module, 0, "Hello, World", "");
    }
    let line = "snapshot snapshot/counter.wasm -o counted.wasm --warm-up count";
    guests.run(line.split(' ')).is(line, 0, "", "");
    guests
        .run(["call", "counted.wasm", "count"])
        .is("counted", 0, "102\n", "");

    let line = "snapshot snapshot/table.wasm -o never.wasm";
    let refusal = "pocketwasm: plugin \"module\", load: no snapshot can be made: it has code that \
                   changes a table\n";
    guests.run(line.split(' ')).is(line, 4, "", refusal);
    assert!(!guests.0.path().join("never.wasm").exists());
}

#[test]
fn inspect_says_whether_and_why_not() {
    let guests = Guests::new(&["go-greet.wasm", "c-greet.wasm", "snapshot/table.wat"]);
    let cases = [
        ("c-greet.wasm", "snapshot    not needed\n"),
        (
            "snapshot/table.wasm",
            "snapshot    no snapshot can be made: it has code that changes a table\n",
        ),
        ("go-greet.wasm", "snapshot    taken: "),
    ];
    for (module, expected) in cases {
        let ran = guests.run(["inspect", module]);
        assert!(ran.stdout.contains(expected), "{module}: {ran:?}");
    }
}
