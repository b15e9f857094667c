//! `bench`: its output, but not the times in it.

use crate::Guests;
use serde_json::{Value, json};

#[test]
fn what_a_call_costs_in_json() {
    let guests = Guests::new(&["add.wasm", "rust-greet.wasm"]);
    let cases = [
        ("bench add.wasm add 2 40", 4, "not needed"),
        ("bench add.wasm add 2 40 --params", 4, "not needed"),
        ("bench rust-greet.wasm add 2 40", 4, "not needed"),
        ("bench rust-greet.wasm greet World", 6_496, "not needed"),
    ];
    for (line, fuel, snapshot) in cases {
        let ran = guests.run(line.split(' ').chain(["-n", "3", "--json"]));
        let mut report = ran.json();
        let fields = report.as_object_mut().unwrap();
        for kind in ["cold", "fresh", "reused"] {
            assert_eq!(fields[&format!("{kind}_calls")], 3, "{line}: {ran:?}");
            let mut time = |name: String| {
                let time = fields.remove(&name).and_then(|time| time.as_f64());
                time.unwrap_or_else(|| panic!("{line}: {name}: {ran:?}"))
            };
            let (median, p99) = (time(format!("{kind}_us")), time(format!("{kind}_p99_us")));
            assert!(0.0 < median && median <= p99, "{line}: {ran:?}");
        }
        assert!(fields["load_us"].as_f64() > Some(0.0), "{line}: {ran:?}");
        assert_eq!(fields["fuel_used"], fuel, "{line}");
        assert_eq!(fields["init_fuel"], 0, "{line}");
        assert_eq!(fields["snapshot"], snapshot, "{line}");
        for name in ["reused_error", "error"] {
            assert_eq!(fields[name], Value::Null, "{line}");
        }
    }
}

#[test]
fn calls_begin_where_a_snapshot_or_a_warm_up_ended() {
    let guests = Guests::new(&["go-greet.wasm", "rust-greet.wasm"]);
    for line in [
        "bench go-greet.wasm greet World",
        "bench rust-greet.wasm greet World --warm-up greet --warm-up-input nobody",
    ] {
        let ran = guests.run(line.split(' ').chain(["-n", "1", "--json"]));
        let report = ran.json();
        assert!(report["init_fuel"].as_u64() > Some(0), "{line}: {ran:?}");
        let saved = format!("saves {} units of fuel", report["init_fuel"]);
        let snapshot = report["snapshot"].as_str().unwrap_or_default();
        assert!(snapshot.starts_with("taken: "), "{line}: {ran:?}");
        assert!(snapshot.ends_with(&saved), "{line}: {ran:?}");
    }
}

#[test]
fn a_table_for_people() {
    let guests = Guests::new(&["add.wasm"]);
    guests.put(
        "plugins/add.wasm",
        std::fs::read("fixtures/add.wasm").unwrap(),
    );
    for line in [
        "bench add.wasm add 2 40 -n 2",
        "bench --plugins plugins add add 2 40 -n 2",
    ] {
        let ran = guests.run(line.split(' '));
        let begins: Vec<&str> = ran
            .stdout
            .lines()
            .filter_map(|line| line.get(..12))
            .collect();
        let expected = [
            "            ",
            "cold start  ",
            "fresh call  ",
            "reused call ",
            "load        ",
            "fuel        ",
            "init fuel   ",
            "memory      ",
            "snapshot    ",
        ];
        assert_eq!(begins, expected, "{line}: {ran:?}");
    }
}

#[test]
fn an_instance_that_cannot_be_kept_is_told_beside_the_rest() {
    let guests = Guests::new(&["c-command.wasm"]);
    let ran = guests.run(["bench", "c-command.wasm", "_start", "-n", "1", "--json"]);
    let report = ran.json();
    assert!(report["fresh_us"].is_f64(), "{ran:?}");
    assert_eq!(report["reused_us"], Value::Null, "{ran:?}");
    assert_eq!(report["reused_error"]["kind"], json!("Trap"), "{ran:?}");
    assert_eq!(ran.code, Some(0));
}

#[test]
fn what_fails_is_told_as_by_the_other_commands() {
    let guests = Guests::new(&["add.wasm", "rust-greet.wasm", "spin.wat"]);
    for (line, code, message) in [
        (
            "bench add.wasm nope",
            3,
            "plugin \"add\", export \"nope\": no export \"nope\"; this plugin exports: add",
        ),
        (
            "bench add.wasm add x 1",
            2,
            "plugin \"add\", export \"add\": parameter 1 is \"x\"; i32 takes from -2147483648 to \
             4294967295, decimal or 0x hexadecimal",
        ),
        (
            "bench add.wasm add 1",
            2,
            "plugin \"add\", export \"add\": takes 2 parameters (i32, i32) -> (i32), not 1",
        ),
        (
            "bench none.wasm add",
            3,
            "cannot read \"none.wasm\": No such file or directory (os error 2); modules in that \
             folder: \"add.wasm\", \"rust-greet.wasm\", \"spin.wasm\"",
        ),
        (
            "bench spin.wasm spin --fuel 1000",
            6,
            "plugin \"spin\", export \"spin\": out of fuel: all 1000 units of the limit \
             `fuel` are used; --fuel raises it",
        ),
    ] {
        guests
            .run(line.split(' '))
            .is(line, code, "", &format!("pocketwasm: {message}\n"));
    }
}
