//! Calls with serde's values instead of bytes.

use crate::convention::{fixture, load, refused, runner};
use pocketwasm::{Error, ErrorKind, Plugin};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Order {
    customer: String,
    items: Vec<(u32, f64)>,
    note: Option<String>,
}

fn order() -> Order {
    Order {
        customer: "Ada".to_string(),
        items: vec![(1, 2.5), (3, -0.0)],
        note: None,
    }
}

fn plugin(guest: &str) -> Plugin {
    runner()
        .load_plugin(guest, fixture(&format!("{guest}.wasm")))
        .expect("loads")
}

#[test]
fn json_goes_in_and_comes_out() {
    let (same, _): (Order, _) = plugin("rust-greet")
        .call_json("echo", &order())
        .expect("runs");
    assert_eq!(same, order());
    #[derive(Deserialize)]
    struct Counted {
        count: u32,
    }
    let extism = plugin("extism-rust");
    let (counted, _): (Counted, _) = extism.call_json("count_vowels", "aeiou").expect("runs");
    assert_eq!(counted.count, 5);
}

#[test]
fn other_json_is_an_error() {
    let plugin = plugin("rust-greet");
    let result: Result<(u32, _), Error> = plugin.call_json("greet", "x");
    refused(
        result,
        ErrorKind::GuestData,
        "the result is not the JSON asked for: expected value at line 1 column 1",
    );
    let map = std::collections::BTreeMap::from([((1, 2), 3)]);
    let result: Result<(u32, _), Error> = plugin.call_json("echo", &map);
    refused(
        result,
        ErrorKind::Signature,
        "the input cannot be JSON: key must be a string",
    );
}

#[cfg(feature = "msgpack")]
#[test]
fn msgpack_goes_in_and_comes_out() {
    let plugin = plugin("rust-greet");
    let (same, _): (Order, _) = plugin.call_msgpack("echo", &order()).expect("runs");
    assert_eq!(same, order());
    let result: Result<(u32, _), Error> = plugin.call_msgpack("greet", "x");
    refused(
        result,
        ErrorKind::GuestData,
        "the result is not the MessagePack asked for: 10 bytes follow it",
    );
}

#[cfg(feature = "msgpack")]
#[test]
fn msgpack_that_nests_without_end_is_an_error() {
    #[derive(Debug, Deserialize)]
    struct Nested(#[expect(dead_code, reason = "it is never whole")] Vec<Self>);
    // Arrays of one array, 100,000 deep, from a guest that has them in its memory.
    let plugin = load(
        &runner(),
        "nested",
        r#"(module
            (memory (export "memory") 3)
            (func (export "allocate") (param i32) (result i32) (i32.const 131072))
            (func (export "nested") (param i32 i32) (result i64)
                (memory.fill (i32.const 0) (i32.const 0x91) (i32.const 100000))
                (i64.const 100000)))"#,
    );
    let result: Result<(Nested, _), Error> = plugin.call_msgpack("nested", &());
    refused(
        result,
        ErrorKind::GuestData,
        "the result is not the MessagePack asked for: depth limit exceeded",
    );
}

#[test]
fn outcomes_errors_and_plugins_are_data() {
    let runner = runner();
    let text = r#"(module
        (import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))
        (func (export "two") (result i32 i64) (i32.const 1) (i64.const 2))
        (func (export "trap") (unreachable)))"#;
    let plugin = load(&runner, "data", text);
    let outcome = plugin.call("two").run().expect("runs");
    assert_eq!(
        serde_json::to_value(&outcome).expect("data"),
        serde_json::json!({
            "results": [1, 2], "bytes": [], "stdout": "", "stderr": "",
            "output_truncated": false, "fuel_used": outcome.fuel_used(), "init_fuel": 0,
            "peak_memory_pages": 0,
        })
    );
    let error = plugin.call("trap").run().expect_err("a trap");
    let data = serde_json::to_value(&error).expect("data");
    assert_eq!(data["kind"], "Trap");
    assert_eq!(data["text"], error.to_string());
    assert_eq!(data["message"], "trap: `unreachable` executed");
    assert_eq!(
        (&data["plugin"], &data["export"]),
        (&"data".into(), &"trap".into())
    );
    assert_eq!(
        (&data["phase"], &data["exit_code"]),
        (&"call".into(), &().into())
    );
    assert_eq!(
        data["outcome"]["fuel_used"],
        error.outcome().expect("began").fuel_used()
    );
    let data = serde_json::to_value(&plugin).expect("data");
    assert_eq!(data["name"], "data");
    assert_eq!(data["sha256"].as_str().map(str::len), Some(64));
    assert_eq!(data["snapshot"], "not needed");
    let import = serde_json::json!({
        "module": "wasi_snapshot_preview1", "name": "sched_yield", "type": "() -> (i32)",
    });
    assert_eq!(data["imports"], serde_json::json!([import]));
    assert_eq!(data["exports"][1]["type"], "() -> (i32, i64)");
    let module = wat::parse_str(text).expect("text");
    let description = runner.describe_module(module).expect("described");
    let described = serde_json::to_value(&description).expect("data");
    for field in [
        "sha256",
        "size",
        "functions",
        "memory_pages",
        "imports",
        "exports",
    ] {
        assert_eq!(described[field], data[field], "{field}");
    }
}
