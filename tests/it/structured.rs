//! Calls with serde's values instead of bytes.

use crate::convention::{fixture, refused, runner};
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
    let same: Order = plugin("rust-greet")
        .call_json("echo", &order())
        .expect("runs");
    assert_eq!(same, order());
    #[derive(Deserialize)]
    struct Counted {
        count: u32,
    }
    let extism = plugin("extism-rust");
    let counted: Counted = extism.call_json("count_vowels", "aeiou").expect("runs");
    assert_eq!(counted.count, 5);
}

#[test]
fn other_json_is_an_error() {
    let plugin = plugin("rust-greet");
    let result: Result<u32, Error> = plugin.call_json("greet", "x");
    refused(
        result,
        ErrorKind::GuestData,
        "the result is not the JSON asked for: expected value at line 1 column 1",
    );
    let map = std::collections::BTreeMap::from([((1, 2), 3)]);
    let result: Result<u32, Error> = plugin.call_json("echo", &map);
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
    let same: Order = plugin.call_msgpack("echo", &order()).expect("runs");
    assert_eq!(same, order());
    let result: Result<u32, Error> = plugin.call_msgpack("greet", "x");
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
    let plugin = crate::convention::load(
        &runner(),
        "nested",
        r#"(module
            (memory (export "memory") 3)
            (func (export "allocate") (param i32) (result i32) (i32.const 131072))
            (func (export "nested") (param i32 i32) (result i64)
                (memory.fill (i32.const 0) (i32.const 0x91) (i32.const 100000))
                (i64.const 100000)))"#,
    );
    let result: Result<Nested, Error> = plugin.call_msgpack("nested", &());
    refused(
        result,
        ErrorKind::GuestData,
        "the result is not the MessagePack asked for: depth limit exceeded",
    );
}
