//! Core dumps, as other tools' parser reads them and compared with one of Wasmtime's.

use pocketwasm::{Error, Plugin, Runner, RunnerConfig, explain::Frame};
use wasmparser::{
    CoreDumpInstance, CoreDumpStackFrame, CoreDumpValue, DataKind, KnownCustom, MemoryType, Parser,
    Payload, Validator,
};

/// What a dump holds.
struct Dump {
    process: String,
    modules: Vec<String>,
    instances: Vec<CoreDumpInstance>,
    thread: String,
    frames: Vec<CoreDumpStackFrame>,
    memories: Vec<MemoryType>,
    /// The contents of the memories.
    bytes: Vec<Vec<u8>>,
    globals: Vec<String>,
}

impl Dump {
    fn read(dump: &[u8]) -> Self {
        // A dump is a valid module too.
        Validator::new().validate_all(dump).expect("a valid module");
        let mut found = Self {
            process: String::new(),
            modules: Vec::new(),
            instances: Vec::new(),
            thread: String::new(),
            frames: Vec::new(),
            memories: Vec::new(),
            bytes: Vec::new(),
            globals: Vec::new(),
        };
        for payload in Parser::new(0).parse_all(dump) {
            match payload.expect("a part") {
                Payload::CustomSection(section) => match section.as_known() {
                    KnownCustom::CoreDump(process) => found.process = process.name.to_owned(),
                    KnownCustom::CoreDumpModules(all) => {
                        found.modules = all.modules.iter().map(ToString::to_string).collect();
                    }
                    KnownCustom::CoreDumpInstances(all) => found.instances = all.instances,
                    KnownCustom::CoreDumpStack(stack) => {
                        found.thread = stack.name.to_owned();
                        found.frames = stack.frames;
                    }
                    _ => panic!("{}", section.name()),
                },
                Payload::MemorySection(memories) => {
                    for memory in memories {
                        let memory = memory.expect("a memory");
                        found.memories.push(memory);
                        let length = usize::try_from(memory.initial << 16).expect("small");
                        found.bytes.push(vec![0; length]);
                    }
                }
                Payload::GlobalSection(globals) => {
                    for global in globals {
                        let global = global.expect("a global");
                        let value = global.init_expr.get_operators_reader().read().unwrap();
                        found.globals.push(format!("{value:?}"));
                    }
                }
                Payload::DataSection(segments) => {
                    for segment in segments {
                        let segment = segment.expect("a segment");
                        let DataKind::Active {
                            memory_index,
                            offset_expr,
                        } = segment.kind
                        else {
                            panic!("a passive segment");
                        };
                        let at = offset_expr.get_operators_reader().read().unwrap();
                        let wasmparser::Operator::I32Const { value } = at else {
                            panic!("{at:?}");
                        };
                        let at = value.cast_unsigned() as usize;
                        found.bytes[memory_index as usize][at..at + segment.data.len()]
                            .copy_from_slice(segment.data);
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// The frames: function and offset, and the values as text.
    fn stack(&self) -> Vec<(u32, u32, String, String)> {
        let text = |values: &[CoreDumpValue]| {
            let values = values.iter().map(|value| match value {
                CoreDumpValue::Missing => "?".to_owned(),
                CoreDumpValue::I32(value) => value.to_string(),
                CoreDumpValue::I64(value) => format!("{value}L"),
                CoreDumpValue::F32(value) => format!("{value:?}f"),
                CoreDumpValue::F64(value) => format!("{value:?}d"),
            });
            values.collect::<Vec<_>>().join(" ")
        };
        let frames = self.frames.iter();
        let frames = frames.map(|frame| {
            assert_eq!(frame.instanceidx, 0);
            let (locals, stack) = (text(&frame.locals), text(&frame.stack));
            (frame.funcidx, frame.codeoffset, locals, stack)
        });
        frames.collect()
    }
}

fn load(config: RunnerConfig, module: &str) -> Plugin {
    let runner = Runner::new(config.core_dumps(true)).expect("a valid config");
    let bytes = wat::parse_str(module).expect(module);
    runner.load_plugin("dumps", bytes).expect(module)
}

#[track_caller]
fn dump(error: &Error) -> Dump {
    let dump = error.core_dump();
    Dump::read(dump.unwrap_or_else(|| panic!("{error}: {:?}", error.unexplained())))
}

const MODULE: &str = r#"(module
    (memory 1 4)
    (memory $other 1)
    (table 2 funcref)
    (global $i (mut i32) (i32.const 7))
    (global $j i64 (i64.const -7))
    (global $f (mut f32) (f32.const 0.5))
    (global $d (mut f64) (f64.const 0.25))
    (global $r funcref (ref.null func))
    (data (i32.const 1000) "the beginning")
    (func $leaf (param $p i32) (param $q i64) (result i32) (local $f f32) (local $d f64)
        (local $r externref) (local $late i32)
        (local.set $f (f32.const 1.5))
        (local.set $d (f64.const -2.5))
        (local.set $late (i32.const 99))
        (i32.const 11) (f64.const 12)
        (i32.load (i32.add (local.get $p) (i32.const 70000)))
        drop drop drop (i32.const 0))
    (func $middle (param $p i32) (result i32)
        (i64.const 21) (ref.null func) (f32.const 22)
        (block (param f32) (result i32)
            drop
            (i32.const 23)
            (call $leaf (i32.mul (local.get $p) (i32.const 1000000)) (i64.const -5))
            i32.add)
        (local.set $p) drop drop (local.get $p))
    (func (export "trap") (result i32)
        (global.set $i (i32.const -1))
        (global.set $f (f32.const 2.5))
        (drop (memory.grow (i32.const 1)))
        (i32.store (i32.const 131068) (i32.const 0x01020304))
        (i32.store8 $other (i32.const 5) (i32.const 6))
        (i32.sub (i32.const 31) (call $middle (i32.const 2))))
    (func $spin (export "spin") (local $n i32)
        (i64.const 5)
        (loop (local.set $n (i32.add (local.get $n) (i32.const 1))) (br 0))
        drop)
    (func $deep (export "deep") (param $n i32)
        (call $deep (i32.add (local.get $n) (i32.const 1)))))"#;

#[test]
fn a_dump_has_the_values_of_all_frames() {
    let plugin = load(RunnerConfig::new().max_memories(2), MODULE);
    let error = plugin.call("trap").run().unwrap_err();
    let dump = dump(&error);
    assert_eq!(dump.process, "dumps");
    assert_eq!(dump.modules, ["dumps"]);
    assert_eq!(dump.thread, "main");
    let [instance] = &*dump.instances else {
        panic!("{:?}", dump.instances);
    };
    assert_eq!(instance.module_index, 0);
    assert_eq!(instance.memories, [0, 1]);
    assert_eq!(instance.globals, [0, 1, 2, 3, 4]);
    let stack = dump.stack();
    let values: Vec<(u32, &str, &str)> = stack
        .iter()
        .map(|(function, _, locals, stack)| (*function, &**locals, &**stack))
        .collect();
    assert_eq!(
        values,
        [
            (0, "2000000 -5L 1.5f -2.5d ? 99", "11 12.0d 2070000"),
            (1, "2", "? ? 23"),
            (2, "", "31"),
        ]
    );
    let backtrace = error.backtrace().expect("a backtrace").frames();
    let functions: Vec<u32> = backtrace.iter().map(Frame::function).collect();
    assert_eq!(functions, [0, 1, 2]);
    assert_eq!(dump.memories[0].initial, 2);
    assert_eq!(dump.memories[0].maximum, Some(4));
    let mut first = vec![0; 2 << 16];
    first[1_000..1_013].copy_from_slice(b"the beginning");
    first[131_068..].copy_from_slice(&[4, 3, 2, 1]);
    assert!(dump.bytes[0] == first);
    assert_eq!(dump.memories[1].initial, 1);
    let mut second = vec![0; 1 << 16];
    second[5] = 6;
    assert!(dump.bytes[1] == second);
    let bits = [2.5_f32.to_bits().into(), 0.25_f64.to_bits()];
    assert_eq!(
        dump.globals,
        [
            "I32Const { value: -1 }".to_owned(),
            "I64Const { value: -7 }".to_owned(),
            format!("F32Const {{ value: Ieee32({}) }}", bits[0]),
            format!("F64Const {{ value: Ieee64({}) }}", bits[1]),
            "RefNull { hty: Abstract { shared: false, ty: Func } }".to_owned(),
        ]
    );
}

#[test]
fn what_is_ended_from_outside_has_a_dump() {
    let plugin = load(RunnerConfig::new().max_memories(2), MODULE);
    let error = plugin.call("spin").fuel(1_000).run().unwrap_err();
    let stack = dump(&error).stack();
    let [(3, _, locals, operands)] = &*stack else {
        panic!("{stack:?}");
    };
    // The engine takes five units a turn, and some before the first.
    let turns: u32 = locals.parse().expect("a number");
    assert!((150..=200).contains(&turns), "{turns}");
    assert_eq!(operands, "?");
    let error = plugin.call("deep").params(&[1]).run().unwrap_err();
    let stack = dump(&error).stack();
    assert_eq!(stack.len(), 10_000);
    for (number, (function, _, locals, operands)) in stack.iter().rev().enumerate() {
        assert_eq!((*function, &**operands), (4, ""));
        assert_eq!(*locals, (number + 1).to_string());
    }
}

/// All that Wasmtime's dumps have is equal. `fixtures/traps/build` made them.
#[test]
fn wasmtime_has_the_same_in_its_dumps() {
    for name in ["c", "rust", "zig"] {
        let file = |ending: &str| {
            let path = format!(
                "{}/fixtures/traps/{name}.{ending}",
                env!("CARGO_MANIFEST_DIR")
            );
            std::fs::read(&path).expect(&path)
        };
        let runner = Runner::new(RunnerConfig::new().core_dumps(true)).expect("a valid config");
        let plugin = runner.load_plugin(name, file("wasm")).expect(name);
        let ours = dump(&plugin.call("trap").run().expect_err(name));
        let theirs = Dump::read(&file("wasmtime.core"));
        assert_eq!(ours.modules.len(), theirs.modules.len(), "{name}");
        assert_eq!(ours.thread, theirs.thread, "{name}");
        let [our, their] = [&ours, &theirs].map(|dump| {
            let instances = dump.instances.iter();
            let instances =
                instances.map(|it| (it.module_index, it.memories.clone(), it.globals.clone()));
            let frames = dump.frames.iter();
            let frames = frames.map(|it| (it.instanceidx, it.funcidx, it.codeoffset));
            (
                instances.collect::<Vec<_>>(),
                frames.collect::<Vec<_>>(),
                dump.memories.clone(),
                dump.globals.clone(),
            )
        });
        assert_eq!(our, their, "{name}");
        assert!(our.1.len() > 1, "{name}");
        assert!(ours.bytes == theirs.bytes, "{name}");
        // Wasmtime knows neither locals nor operands.
        let has_locals = ours.frames.iter().any(|it| !it.locals.is_empty());
        assert_eq!(has_locals, name != "zig", "{name}");
    }
}

#[test]
fn without_the_setting_there_is_no_dump() {
    let runner = Runner::new(RunnerConfig::new().explain(true)).expect("a valid config");
    let bytes = wat::parse_str(r#"(module (func (export "trap") unreachable))"#).expect("valid");
    let plugin = runner.load_plugin("traps", bytes).expect("valid");
    let error = plugin.call("trap").run().unwrap_err();
    assert!(error.backtrace().is_some());
    assert_eq!(error.core_dump(), None);
}
