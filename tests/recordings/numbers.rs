//! Numbers of each length on a tape, and more functions than have room in it without an allocation.

use crate::support::{check, load};
use pocketwasm::{HostContext, RunnerConfig};
use std::sync::atomic::{AtomicU64, Ordering};

/// What the host answers next. A replay that asks it gets something else.
static NEXT: AtomicU64 = AtomicU64::new(1);

fn surprise() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Numbers at the ends of each length of LEB128.
fn ends() -> Vec<u64> {
    let shifts = (1..=9).map(|bytes| 7 * bytes);
    let around = shifts.flat_map(|shift| [(1_u64 << shift) - 1, 1 << shift]);
    around.chain([0, 1, u64::MAX]).collect()
}

#[test]
fn numbers_of_each_length_are_replayed() {
    let module = wat::parse_str(
        r#"(module
            (import "env" "wide" (func $wide (param i64 f64) (result i64)))
            (import "env" "narrow" (func $narrow (param i32 i32) (result i32)))
            (func (export "both") (param i64 i32) (result i64)
                (i64.add
                    (call $wide (local.get 0) (f64.convert_i64_u (local.get 0)))
                    (i64.extend_i32_u (call $narrow (local.get 1) (i32.const -1))))))"#,
    )
    .expect("a module");
    for number in ends() {
        let wide = move |_: &mut HostContext<'_>, it: u64, _: f64| number ^ it ^ surprise();
        let narrow = move |_: &mut HostContext<'_>, it: u32, _: i32| number as u32 ^ it;
        let config = RunnerConfig::new()
            .function("env", "wide", wide)
            .function("env", "narrow", narrow);
        let plugin = load(config, &module);
        let params = [number, u64::from(number as u32)];
        let name = format!("{number:#x}");
        let (done, _) = check(&name, &plugin, &module, "both", |call| call.params(&params));
        done.expect(&name);
    }
}

#[test]
fn many_functions_are_replayed() {
    const MANY: usize = 9;
    let imports = (0..MANY).map(|number| {
        format!(r#"(import "env" "f{number}" (func $f{number} (param i32) (result i32)))"#)
    });
    // Each is called three times, in two orders.
    let orders = (0..MANY).chain((0..MANY).rev()).chain(0..MANY);
    let calls = orders.map(|number| format!("(call $f{number})"));
    let module = wat::parse_str(format!(
        r#"(module {} (func (export "all") (result i32) (i32.const 1) {}))"#,
        imports.collect::<String>(),
        calls.collect::<String>(),
    ))
    .expect("a module");
    let config = (0..MANY).fold(RunnerConfig::new(), |config, number| {
        let name = format!("f{number}");
        let function = move |_: &mut HostContext<'_>, it: u32| {
            it.wrapping_mul(31).wrapping_add(number as u32) ^ surprise() as u32
        };
        config.function("env", &name, function)
    });
    let plugin = load(config, &module);
    let (done, file) = check("many", &plugin, &module, "all", |call| call);
    done.expect("a result");
    for number in 0..MANY {
        // In the settings, and where it is called first.
        let name = format!("\u{3}env\u{2}f{number}");
        let places = file.windows(name.len()).filter(|it| *it == name.as_bytes());
        assert_eq!(places.count(), 2, "{name:?}");
    }
}

#[test]
fn inputs_and_output_that_are_longer_than_a_tape_are_replayed() {
    let module = crate::support::fixture("rust-greet");
    let plugin = load(RunnerConfig::new(), &module);
    for length in [0, 1, 63, 64, 65, 127, 128, 255, 256, 257, 70_000] {
        let input = vec![b'x'; length];
        let name = format!("{length} bytes");
        let (done, file) = check(&name, &plugin, &module, "echo", |call| call.input(&input));
        assert_eq!(done.expect(&name).bytes(), input, "{name}");
        // Long output is there by its hash.
        let kept = if length <= 64 { 2 * length } else { length };
        assert!(file.len() < kept + 450, "{name}: {}", file.len());
    }
}
