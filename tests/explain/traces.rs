//! Traces: the calls of guest and host with their values, and what the host wrote.

use pocketwasm::{
    HostContext, Plugin, Runner, RunnerConfig,
    explain::{Trace, TraceEvent, TraceKind, TraceOptions},
};
use std::sync::{Arc, Mutex};

/// An event on a line, without its fuel.
fn line(event: &TraceEvent<'_>) -> String {
    let indent = "  ".repeat(event.depth());
    let name = match event.is_host() {
        true => format!("host {}", event.name()),
        false => event.name().to_owned(),
    };
    let said = match event.kind() {
        TraceKind::Call { arguments } => format!("{arguments:?}"),
        TraceKind::Return {
            results, writes, ..
        } => {
            let mut said = match results {
                Some(results) => format!("= {results:?}"),
                None => "= unseen".to_owned(),
            };
            for write in *writes {
                let (address, length) = (write.address(), write.length());
                said += &format!(" wrote {length} at {address}: {:?}", write.bytes());
            }
            said
        }
        TraceKind::TailCall => "by a tail call".to_owned(),
        other => panic!("{other:?}"),
    };
    format!("{indent}{name} {said}")
}

fn load(config: RunnerConfig, module: &str) -> Plugin {
    let bytes = wat::parse_str(module).expect(module);
    let runner = Runner::new(config.explain(true)).expect("a valid config");
    runner.load_plugin("traced", bytes).expect(module)
}

/// The lines of a trace, each with its fuel.
fn traced(
    plugin: &Plugin,
    export: &str,
    params: &[u64],
    options: &TraceOptions,
) -> (Trace, Vec<(u64, String)>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let seen = lines.clone();
    let trace = plugin
        .call(export)
        .params(params)
        .trace(options, move |event| {
            seen.lock()
                .expect("no panic")
                .push((event.fuel(), line(event)));
        })
        .expect(export);
    let lines = lines.lock().expect("no panic").clone();
    assert_eq!(trace.events(), lines.len() as u64);
    (trace, lines)
}

fn lines(plugin: &Plugin, export: &str, params: &[u64]) -> Vec<String> {
    let (_, lines) = traced(plugin, export, params, &TraceOptions::new());
    lines.into_iter().map(|(_, line)| line).collect()
}

fn functions() -> RunnerConfig {
    RunnerConfig::new()
        .function("env", "twice", |_: &mut HostContext<'_>, it: i32| it * 2)
        .function("env", "poke", |ctx: &mut HostContext<'_>, at: u32| {
            let mut memory = ctx.memory("memory")?;
            memory.write(at, b"ab")?;
            memory.write(at + 20, &[7; 100])
        })
        .function("env", "back", |ctx: &mut HostContext<'_>, at: u32| {
            ctx.memory("memory")?.write(at, b"1")?;
            let results = ctx.call("store", &[u64::from(at) + 1])?;
            ctx.memory("memory")?.write(at + 2, b"3")?;
            Ok::<_, pocketwasm::Error>(results[0] as u32)
        })
}

#[test]
fn every_end_of_a_function_has_its_results() {
    let module = r#"(module
        (func $two (param i32) (result i32 i64) (local.get 0) (i64.const 9))
        (func $br (param i32) (result i32) (block (br 1 (i32.const 1))) (i32.const 2))
        (func $br_if (param i32) (result i32)
            (drop (br_if 0 (i32.const 3) (local.get 0))) (i32.const 4))
        (func $table (param i32) (result i32)
            (block (result i32) (br_table 0 1 (i32.const 5) (local.get 0)))
            (drop) (i32.const 6))
        (func $return (param i32) (result f64)
            (if (local.get 0) (then (return (f64.const 1.5)))) (f64.const -0))
        (func $loop (param i32) (result i32)
            (loop (result i32)
                (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
                (br_if 0 (local.get 0))
                (i32.const 8)))
        (func $none (param f32 i64))
        (func (export "run") (param i32)
            (call $two (local.get 0)) drop drop
            (drop (call $br (local.get 0)))
            (drop (call $br_if (local.get 0)))
            (drop (call $table (local.get 0)))
            (drop (call $return (local.get 0)))
            (drop (call $loop (i32.const 3)))
            (call $none (f32.const 0.5) (i64.const -1))))"#;
    let plugin = load(RunnerConfig::new(), module);
    for (param, br_if, table, returned) in [(0, 4, 6, "-0"), (1, 3, 5, "1.5")] {
        let expected = format!(
            "function 7 [i32 {param}]
  two [i32 {param}]
  two = [i32 {param}, i64 9]
  br [i32 {param}]
  br = [i32 1]
  br_if [i32 {param}]
  br_if = [i32 {br_if}]
  table [i32 {param}]
  table = [i32 {table}]
  return [i32 {param}]
  return = [f64 {returned}]
  loop [i32 3]
  loop = [i32 8]
  none [f32 0.5, i64 -1]
  none = []
function 7 = []"
        );
        assert_eq!(lines(&plugin, "run", &[param]).join("\n"), expected);
    }
}

#[test]
fn the_host_s_calls_have_values_and_what_they_wrote() {
    let module = r#"(module
        (import "env" "twice" (func $twice (param i32) (result i32)))
        (import "env" "poke" (func $poke (param i32)))
        (import "env" "back" (func $back (param i32) (result i32)))
        (type $one (func (param i32) (result i32)))
        (memory (export "memory") 1)
        (table funcref (elem $twice $own))
        (func $own (param i32) (result i32) (i32.const 5))
        (func $store (export "store") (param i32) (result i32)
            (i32.store8 (local.get 0) (i32.const 50)) (local.get 0))
        (func $tail (param i32) (result i32) (return_call $twice (local.get 0)))
        (func $hop (param i32) (result i32) (return_call $own (local.get 0)))
        (func $indirect (export "indirect") (param i32) (result i32)
            (call_indirect (type $one) (i32.const 21) (local.get 0)))
        (func $direct (export "direct") (result i32)
            (call $poke (i32.const 100))
            (call $twice (i32.const 4)))
        (func $callback (export "callback") (result i32) (call $back (i32.const 200)))
        (func $tails (export "tails") (result i32)
            (i32.add (call $tail (i32.const 1)) (call $hop (i32.const 2)))))"#;
    let plugin = load(functions(), module);
    let sevens = vec![7_u8; 64];
    for (name, export, params, expected) in [
        (
            "a function of the host in a table",
            "indirect",
            &[0][..],
            "indirect [i32 0]
  host (a function of the host) [i32 21]
  host (a function of the host) = [i32 42]
indirect = [i32 42]"
                .to_owned(),
        ),
        (
            "a function of the guest in a table",
            "indirect",
            &[1],
            "indirect [i32 1]
  own [i32 21]
  own = [i32 5]
indirect = [i32 5]"
                .to_owned(),
        ),
        (
            "writes",
            "direct",
            &[],
            format!(
                "direct []
  host env.poke [i32 100]
  host env.poke = [] wrote 2 at 100: [97, 98] wrote 100 at 120: {sevens:?}
  host env.twice [i32 4]
  host env.twice = [i32 8]
direct = [i32 8]"
            ),
        ),
        (
            "the guest's own writes in a callback are not the host's",
            "callback",
            &[],
            "callback []
  host env.back [i32 200]
  store [i32 201]
  store = [i32 201]
  host env.back = [i32 201] wrote 1 at 200: [49] wrote 1 at 202: [51]
callback = [i32 201]"
                .to_owned(),
        ),
        (
            "tail calls",
            "tails",
            &[],
            "tails []
  tail [i32 1]
    host env.twice [i32 1]
    host env.twice = unseen
  tail = unseen
  hop [i32 2]
  hop by a tail call
  own [i32 2]
  own = [i32 5]
tails = [i32 7]"
                .to_owned(),
        ),
    ] {
        assert_eq!(
            lines(&plugin, export, params).join("\n"),
            expected,
            "{name}"
        );
    }
}

#[test]
fn references_are_shown() {
    let module = r#"(module
        (func $is (param funcref externref) (result i32) (ref.is_null (local.get 0)))
        (elem declare func $is)
        (func (export "run") (result i32 i32)
            (call $is (ref.null func) (ref.null extern))
            (call $is (ref.func $is) (ref.null extern))))"#;
    let plugin = load(RunnerConfig::new(), module);
    let found = lines(&plugin, "run", &[]);
    assert_eq!(found[1], "  is [funcref null, externref null]");
    assert!(
        found[3].starts_with("  is [") && !found[3].contains("funcref null"),
        "{found:?}"
    );
}

#[test]
fn events_are_filtered_by_name_and_fuel_and_cut() {
    let module = r#"(module
        (func $inner_a (param i32))
        (func $inner_b (param i32))
        (func $outer (export "run") (local i32)
            (loop
                (call $inner_a (local.get 0))
                (call $inner_b (local.get 0))
                (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                (br_if 0 (i32.lt_u (local.get 0) (i32.const 10))))))"#;
    let plugin = load(RunnerConfig::new(), module);
    let all = || TraceOptions::new();
    let (trace, everything) = traced(&plugin, "run", &[], &all());
    assert_eq!(everything.len(), 42);
    let fuel = trace.outcome().expect("it ends").fuel_used();
    let middle = fuel / 2;
    for (name, options, count, is_cut) in [
        ("a name", all().function("inner_a"), 20, false),
        (
            "two names",
            all().function("outer").function("inner_b"),
            22,
            false,
        ),
        ("a pattern", all().function("inner_*"), 40, false),
        ("an end", all().function("*_b"), 20, false),
        ("a middle", all().function("i*r_*a"), 20, false),
        ("everything", all().function("*"), 42, false),
        (
            "the parts do not overlap",
            all().function("inner_a*a"),
            0,
            false,
        ),
        ("no such name", all().function("inner"), 0, false),
        ("a limit", all().max_events(5), 5, true),
        ("a limit that suffices", all().max_events(42), 42, false),
        ("no events", all().max_events(0), 0, true),
    ] {
        let (trace, found) = traced(&plugin, "run", &[], &options);
        assert_eq!((found.len(), trace.is_cut()), (count, is_cut), "{name}");
        assert_eq!(trace.outcome().expect(name).fuel_used(), fuel, "{name}");
    }
    for (from, to) in [(0, middle), (middle, u64::MAX), (middle, middle + 20)] {
        let (_, found) = traced(&plugin, "run", &[], &all().from_fuel(from).to_fuel(to));
        let expected: Vec<_> = everything
            .iter()
            .filter(|(fuel, _)| (from..=to).contains(fuel))
            .cloned()
            .collect();
        assert!(!expected.is_empty() && expected.len() < 42);
        assert_eq!(found, expected, "{from} to {to}");
    }
}

#[test]
fn a_trace_of_a_failing_call_ends_where_it_fails() {
    let module = r#"(module
        (func $bad (param i32) unreachable)
        (func (export "run") (call $bad (i32.const 3))))"#;
    let plugin = load(RunnerConfig::new(), module);
    let (trace, found) = traced(&plugin, "run", &[], &TraceOptions::new());
    let found: Vec<&str> = found.iter().map(|(_, line)| &**line).collect();
    assert_eq!(found, ["function 1 []", "  bad [i32 3]"]);
    let error = trace.into_outcome().unwrap_err();
    let ran = plugin.call("run").run().unwrap_err();
    assert_eq!(error.message(), ran.message());
}
