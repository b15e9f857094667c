//! Gives plugins a key-value store: three functions, and a state that each call gets and the host
//! keeps.
//!
//! `cargo run --example kv_store`

use pocketwasm::{Error, HostContext, Runner, RunnerConfig};
use std::collections::BTreeMap;

/// What the host keeps for one of its customers, from call to call.
pub(crate) type Store = BTreeMap<String, Vec<u8>>;

/// The values that a customer may have.
const MOST_VALUES: usize = 100;

/// `kv.set(key, key length, value, value length)`: whether there was room.
pub(crate) fn set(
    context: &mut HostContext<'_>,
    key: u32,
    key_length: u32,
    value: u32,
    value_length: u32,
) -> Result<u32, Error> {
    let key = context.read_text(key, key_length)?.to_owned();
    let value = context.read(value, value_length)?.to_vec();
    let Some(store) = context.state::<Store>() else {
        return Ok(0);
    };
    if store.len() >= MOST_VALUES && !store.contains_key(&key) {
        return Ok(0);
    }
    store.insert(key, value);
    Ok(1)
}

/// `kv.get(key, key length, buffer, buffer length)`: the value's length, or −1 if there is none;
/// the value is written if the buffer is long enough.
pub(crate) fn get(
    context: &mut HostContext<'_>,
    key: u32,
    key_length: u32,
    buffer: u32,
    buffer_length: u32,
) -> Result<i32, Error> {
    let key = context.read_text(key, key_length)?.to_owned();
    let store = context.state::<Store>();
    let Some(value) = store.and_then(|store| store.get(&key)).cloned() else {
        return Ok(-1);
    };
    if value.len() <= buffer_length as usize {
        context.write(buffer, &value)?;
    }
    Ok(i32::try_from(value.len()).unwrap_or(i32::MAX))
}

/// A plugin that keeps what it is given under the key `last`, and answers with what it was given
/// before.
pub(crate) const PLUGIN: &str = r#"(module
    (import "kv" "get" (func $get (param i32 i32 i32 i32) (result i32)))
    (import "kv" "set" (func $set (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "last")
    (func (export "allocate") (param i32) (result i32) (i32.const 1024))
    (func (export "remember") (param $input i32) (param $length i32) (result i64)
        (local $before i32)
        (local.set $before
            (call $get (i32.const 0) (i32.const 4) (i32.const 8192) (i32.const 1024)))
        (if (i32.lt_s (local.get $before) (i32.const 0))
            (then (local.set $before (i32.const 0))))
        (drop (call $set
            (i32.const 0) (i32.const 4) (local.get $input) (local.get $length)))
        (i64.or
            (i64.shl (i64.const 8192) (i64.const 32))
            (i64.extend_i32_u (local.get $before)))))"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = RunnerConfig::new()
        .function("kv", "set", set)
        .function("kv", "get", get);
    let runner = Runner::new(config)?;
    let plugin = runner.load_plugin("memory", wat::parse_str(PLUGIN)?)?;

    let mut stores: BTreeMap<&str, Store> = BTreeMap::new();
    for (customer, input) in [
        ("Ada", "notes"),
        ("Ada", "engine"),
        ("Grace", "compiler"),
        ("Ada", "poetry"),
    ] {
        let store = stores.entry(customer).or_default();
        let outcome = plugin.call("remember").input(input).state(store).run()?;
        let before = String::from_utf8(outcome.into_bytes())?;
        println!("{customer}: {input:?} now, {before:?} before");
    }
    assert_eq!(stores["Ada"]["last"], b"poetry");
    assert_eq!(stores["Grace"]["last"], b"compiler");
    Ok(())
}
