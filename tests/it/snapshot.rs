//! Snapshots: whether a plugin's instances start from one can be observed only by the time they
//! take.

use pocketwasm::{
    Call, ErrorKind, HostContext, Plugin, Runner, RunnerConfig, Snapshot, SnapshotMode, WarmUp,
    types::{ExternType, ValueType},
};
use std::{
    fs,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

fn config(mode: SnapshotMode) -> RunnerConfig {
    RunnerConfig::new().no_clock().snapshots(mode)
}

fn runner(mode: SnapshotMode) -> Runner {
    Runner::new(config(mode)).unwrap()
}

fn wat(name: &str) -> Vec<u8> {
    let path = Path::new("fixtures/wat/snapshot")
        .join(name)
        .with_extension("wat");
    wat::parse_file(path).unwrap()
}

fn is_taken(plugin: &Plugin) -> bool {
    matches!(plugin.snapshot(), Snapshot::Taken { .. })
}

/// Everything that a call lets its caller see, with the initialiser's fuel where it belongs.
fn seen(call: Call<'_>) -> String {
    match call.run() {
        Ok(outcome) => format!(
            "{:?} {:?} {:?} {:?} {} {} {}",
            outcome.results(),
            outcome.bytes(),
            outcome.stdout(),
            outcome.stderr(),
            outcome.output_truncated(),
            outcome.fuel_used() + outcome.init_fuel(),
            outcome.peak_memory_pages(),
        ),
        Err(error) => {
            let outcome = error.outcome().map(|outcome| {
                format!(
                    "{:?} {:?} {} {}",
                    outcome.stdout(),
                    outcome.stderr(),
                    outcome.fuel_used() + outcome.init_fuel(),
                    outcome.peak_memory_pages(),
                )
            });
            format!("{error} {outcome:?}")
        }
    }
}

/// A plugin without and with a snapshot.
struct Pair {
    without: Plugin,
    with: Plugin,
}

impl Pair {
    fn load(name: &str, bytes: &[u8]) -> Self {
        let load = |mode| runner(mode).load_plugin(name, bytes).unwrap();
        Self {
            without: load(SnapshotMode::Never),
            with: load(SnapshotMode::WherePossible),
        }
    }

    fn wat(name: &str) -> Self {
        Self::load(name, &wat(name))
    }

    fn fixture(name: &str) -> Self {
        Self::load(name, &fs::read(format!("fixtures/{name}.wasm")).unwrap())
    }

    /// Takes all the memory there is: 20 pages.
    fn growing_to_20_pages() -> Self {
        let load = |mode| {
            let runner = Runner::new(config(mode).max_memory_pages(20)).unwrap();
            runner.load_plugin("grows", wat("grows")).unwrap()
        };
        Self {
            without: load(SnapshotMode::Never),
            with: load(SnapshotMode::WherePossible),
        }
    }

    /// Makes the call with both and compares.
    fn same<'a>(&'a self, export: &'a str, describe: impl Fn(Call<'a>) -> Call<'a>) -> String {
        let without = seen(describe(self.without.call(export)));
        let with = seen(describe(self.with.call(export)));
        assert_eq!(without, with, "{} {export}", self.with.name());
        with
    }

    /// Calls every export that takes and gives numbers, each with a few.
    fn same_everywhere(&self) {
        for export in self.without.exports() {
            let ExternType::Func(signature) = &export.ty else {
                continue;
            };
            for number in [0, 1, 77, 0xffff_ffff] {
                let params = vec![number; signature.params().len()];
                self.same(&export.name, |call| call.params(&params));
            }
        }
    }
}

#[test]
fn every_fixture_answers_the_same() {
    let bytes: [(&str, &[(&str, &str)]); 5] = [
        ("rust-greet", &[("greet", "World"), ("echo", "x")]),
        ("c-greet", &[("greet", "World"), ("echo", "")]),
        ("zig-greet", &[("greet", "World"), ("echo", "x")]),
        (
            "go-greet",
            &[("greet", "World"), ("echo", "x"), ("greet", "")],
        ),
        ("as-packed", &[("greet", "World"), ("echo", "x")]),
    ];
    for (name, calls) in bytes {
        let pair = Pair::fixture(name);
        assert!(is_taken(&pair.with), "{name}: {}", pair.with.snapshot());
        for (export, input) in calls {
            pair.same(export, |call| call.input(input.as_bytes()));
        }
        pair.same("add", |call| call.params(&[2, 40]));
        pair.same("add", |call| {
            call.params(&[2, 40]).args(["x"]).env("A", "1")
        });
        pair.same("_initialize", |call| call);
    }
    for name in [
        "rust-command",
        "c-command",
        "zig-command",
        "go-command",
        "rust-clock",
    ] {
        let pair = Pair::fixture(name);
        assert!(is_taken(&pair.with), "{name}: {}", pair.with.snapshot());
        pair.same("_start", |call| call);
        let shown = pair.same("_start", |call| {
            call.args(["a", "b"])
                .env("FOO", "x")
                .env("CODE", "7")
                .stdin("hello")
        });
        assert!(name == "rust-clock" || shown.contains("code 7"), "{shown}");
    }
    Pair::fixture("add").same("add", |call| call.params(&[1, 2]));
}

#[test]
fn an_instance_answers_the_same_from_call_to_call() {
    for name in ["go-greet", "as-packed"] {
        let pair = Pair::fixture(name);
        let mut without = pair.without.instantiate().unwrap();
        let mut with = pair.with.instantiate().unwrap();
        for input in ["Ada", "Grace", ""] {
            let call = seen(without.call("greet").input(input));
            assert_eq!(call, seen(with.call("greet").input(input)), "{name}");
        }
    }
    // The clock goes on where the call before left it, and initialising counts.
    let pair = Pair::wat("everything");
    let mut without = pair.without.instantiate().unwrap();
    let mut with = pair.with.instantiate().unwrap();
    let mut last = 0;
    for _ in 0..3 {
        let now = without.call("now").run().unwrap().results().to_vec();
        assert_eq!(now, with.call("now").run().unwrap().results());
        assert!(now[0] > last, "{now:?} after {last}");
        last = now[0];
    }
    assert!(last > 1_000_000, "the initialiser slept for 1 ms: {last}");
    assert_eq!(
        seen(without.call("_initialize")),
        seen(with.call("_initialize"))
    );
    assert_eq!(
        seen(without.call("memory_sum")),
        seen(with.call("memory_sum"))
    );
}

#[test]
fn the_whole_state_is_kept() {
    let pair = Pair::wat("everything");
    assert!(is_taken(&pair.with), "{}", pair.with.snapshot());
    pair.same_everywhere();
    let outcome = pair.with.call("globals").run().unwrap();
    let expected = [
        0xffff_ffc0,
        0x8000_0000_0000_0001,
        0x7fa0_0001,
        0xfff4_0000_0000_0001,
        12,
        1024,
    ];
    assert_eq!(outcome.results(), expected);
    assert_eq!(outcome.peak_memory_pages(), 3);
    assert!(outcome.init_fuel() > 0);
    for name in ["passive", "no-memory", "hidden", "haskell"] {
        let pair = Pair::wat(name);
        assert!(is_taken(&pair.with), "{name}: {}", pair.with.snapshot());
        pair.same_everywhere();
    }
    let small = Pair::wat("small-pages");
    assert!(is_taken(&small.with), "{}", small.with.snapshot());
    for address in [[3], [5], [16], [17]] {
        small.same("run", |call| call.params(&address));
    }
}

#[cfg(feature = "simd")]
#[test]
fn vectors_are_kept() {
    let pair = Pair::wat("vector");
    assert!(is_taken(&pair.with), "{}", pair.with.snapshot());
    pair.same("lanes", |call| call);
    let outcome = pair.with.call("lanes").run().unwrap();
    assert_eq!(
        outcome.results(),
        [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210]
    );
}

#[test]
fn what_could_be_observed_is_refused() {
    let no = "no snapshot can be made: ";
    let cases = [
        ("drops-data", "it has code that drops data segments"),
        ("drops-elements", "it has code that drops element segments"),
        ("table", "it has code that changes a table"),
        (
            "reference",
            "it has a global that holds references and can change",
        ),
        ("writes", "the initialiser writes output"),
        (
            "reads",
            "the initialiser calls wasi_snapshot_preview1 fd_read",
        ),
        ("polls", "standard input is asked for"),
        (
            "exits",
            "the initialiser calls wasi_snapshot_preview1 proc_exit",
        ),
        ("traps", "initialise: trap: `unreachable` executed"),
        (
            "endless",
            "initialise: out of fuel: all 100000 units of the limit `fuel` \
             are used",
        ),
        ("clash", "instantiate: trap: memory access out of bounds"),
    ];
    for (name, why) in cases {
        let load = |mode| {
            let config = config(mode).fuel(100_000).max_memories(2);
            Runner::new(config)
                .unwrap()
                .load_plugin(name, wat(name))
                .unwrap()
        };
        let pair = Pair {
            without: load(SnapshotMode::Never),
            with: load(SnapshotMode::WherePossible),
        };
        assert_eq!(
            pair.with.snapshot().to_string(),
            format!("{no}{why}"),
            "{name}"
        );
        pair.same_everywhere();
        for plugin in [&pair.without, &pair.with] {
            assert_eq!(
                plugin.instantiate().is_err(),
                ["exits", "traps", "endless", "clash"].contains(&name),
                "{name}"
            );
        }
    }
    let two = Runner::new(config(SnapshotMode::WherePossible).max_memories(2)).unwrap();
    let plugin = two.load_plugin("memories", wat("memories")).unwrap();
    assert_eq!(
        plugin.snapshot().to_string(),
        format!("{no}it has more than one memory")
    );
    assert_eq!(plugin.call("load").run().unwrap().results(), [7]);
}

#[test]
fn real_time_and_randomness_are_never_kept() {
    struct Real;
    impl pocketwasm::environment::Clock for Real {
        fn monotonic(&self) -> std::time::Duration {
            std::time::Duration::from_secs(1)
        }
        fn since_epoch(&self) -> std::time::Duration {
            std::time::Duration::from_secs(2)
        }
        fn sleep(&self, _: std::time::Duration) {}
    }
    impl pocketwasm::environment::Entropy for Real {
        fn fill(&self, bytes: &mut [u8]) -> bool {
            bytes.fill(4);
            true
        }
    }
    let everything = wat("everything");
    let cases = [
        (
            config(SnapshotMode::WherePossible).guest_clock(Real),
            "clock_time_get",
        ),
        (
            config(SnapshotMode::WherePossible).guest_entropy(Real),
            "random_get",
        ),
    ];
    for (config, function) in cases {
        let runner = Runner::new(config).unwrap();
        let plugin = runner.load_plugin("everything", &everything).unwrap();
        assert_eq!(
            plugin.snapshot().to_string(),
            format!(
                "no snapshot can be made: the initialiser calls wasi_snapshot_preview1 {function}"
            )
        );
    }
}

#[test]
fn output_of_an_initialiser_is_written_by_calls_alone() {
    let sink = std::io::Cursor::new(Vec::new());
    let shared = Arc::new(std::sync::Mutex::new(sink));
    struct Tee(Arc<std::sync::Mutex<std::io::Cursor<Vec<u8>>>>);
    impl std::io::Write for Tee {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let config = config(SnapshotMode::WherePossible).stdout(Tee(shared.clone()));
    let runner = Runner::new(config).unwrap();
    let plugin = runner.load_plugin("writes", wat("writes")).unwrap();
    assert_eq!(shared.lock().unwrap().get_ref().len(), 0);
    plugin.call("run").run().unwrap();
    assert_eq!(shared.lock().unwrap().get_ref(), b"hello\n");
}

#[test]
fn an_initialiser_that_looks_around_is_kept_for_what_it_saw() {
    let pair = Pair::wat("surroundings");
    assert!(is_taken(&pair.with), "{}", pair.with.snapshot());
    let plain = pair.same("sum", |call| call);
    let args = pair.same("sum", |call| call.args(["x", "yz"]));
    let env = pair.same("sum", |call| call.env("A", "b"));
    assert!(plain != args && plain != env && args != env);
    let init_fuel = |call: Call<'_>| call.run().unwrap().init_fuel();
    assert!(init_fuel(pair.with.call("sum")) > 0);
    assert_eq!(init_fuel(pair.with.call("sum").args(["x"])), 0);
}

#[test]
fn all_the_memory_there_is_can_be_taken_at_load() {
    let pair = Pair::growing_to_20_pages();
    assert!(is_taken(&pair.with), "{}", pair.with.snapshot());
    let shown = pair.same("run", |call| call);
    assert!(shown.starts_with("[20]"), "{shown}");
}

#[test]
fn a_call_may_have_less_memory_than_was_taken_at_load() {
    let pair = Pair::growing_to_20_pages();
    assert!(is_taken(&pair.with), "{}", pair.with.snapshot());
    for pages in [1, 7, 19, 20, 21] {
        let shown = pair.same("run", |call| call.max_memory_pages(pages));
        let had = pages.min(20);
        assert!(shown.starts_with(&format!("[{had}]")), "{pages}: {shown}");
    }
    let refused = pair.same("run", |call| call.max_memory_pages(0));
    assert!(refused.contains("max_memory_pages"), "{refused}");
}

#[test]
fn functions_of_the_embedder_and_of_conventions_are_never_called_at_load() {
    let asks = |module: &str, name: &str| {
        let source = format!(
            r#"(module
                (import "{module}" "{name}" (func $ask (result i32)))
                (global $answer (mut i32) (i32.const 0))
                (func (export "_initialize") (global.set $answer (call $ask)))
                (func (export "answer") (result i32) (global.get $answer)))"#
        );
        wat::parse_str(source).unwrap()
    };
    // One of them stands in for a function of WASI that a snapshot could keep.
    for (module, name) in [("env", "ask"), ("wasi_snapshot_preview1", "sched_yield")] {
        let asked = Arc::new(AtomicU32::new(0));
        let counter = asked.clone();
        let config = config(SnapshotMode::WherePossible).function(
            module,
            name,
            move |_: &mut HostContext<'_>| counter.fetch_add(1, Ordering::Relaxed) + 1,
        );
        let runner = Runner::new(config).unwrap();
        let plugin = runner.load_plugin("asks", asks(module, name)).unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 0);
        assert_eq!(
            plugin.snapshot().to_string(),
            format!("no snapshot can be made: the initialiser calls {module} {name}")
        );
        for expected in [1, 2] {
            assert_eq!(plugin.call("answer").run().unwrap().results(), [expected]);
        }
    }
    let source = r#"(module
        (import "extism:host/env" "input_length" (func $length (result i64)))
        (func (export "_initialize") (drop (call $length)))
        (func (export "run") (result i32) (i32.const 0)))"#;
    let plugin = runner(SnapshotMode::WherePossible)
        .load_plugin("length", wat::parse_str(source).unwrap())
        .unwrap();
    assert_eq!(
        plugin.snapshot().to_string(),
        "no snapshot can be made: the initialiser calls extism:host/env input_length"
    );
}

#[test]
fn a_snapshot_is_taken_where_it_pays() {
    let load = |mode, name: &str| {
        let bytes = fs::read(format!("fixtures/{name}.wasm")).unwrap();
        let plugin = runner(mode).load_plugin(name, bytes).unwrap();
        plugin.snapshot().clone()
    };
    let cases = [
        (SnapshotMode::Never, "go-greet", "off"),
        (SnapshotMode::WhereItPays, "rust-greet", "not needed"),
        (SnapshotMode::WhereItPays, "c-greet", "not needed"),
        (SnapshotMode::WhereItPays, "add", "not needed"),
    ];
    for (mode, name, expected) in cases {
        assert_eq!(load(mode, name).to_string(), expected, "{name}");
    }
    let Snapshot::Taken {
        init_fuel, size, ..
    } = load(SnapshotMode::WhereItPays, "go-greet")
    else {
        panic!("none for go-greet");
    };
    assert!(
        init_fuel > 1_000_000 && size > 1_000_000,
        "{init_fuel} {size}"
    );
    // Nothing runs before `_start`, but its thousands of data segments become few.
    let command = load(SnapshotMode::WhereItPays, "go-command");
    assert!(
        matches!(command, Snapshot::Taken { init_fuel: 0, .. }),
        "{command}"
    );
}

#[test]
fn a_warm_up_call_is_made_once() {
    for mode in [SnapshotMode::Never, SnapshotMode::WhereItPays] {
        let runner = runner(mode);
        let warm_up = WarmUp::call("warm").params(&[40]);
        let plugin = runner
            .load_plugin_warm("counter", wat("counter"), warm_up)
            .unwrap();
        assert!(is_taken(&plugin));
        for _ in 0..2 {
            assert_eq!(plugin.call("count").run().unwrap().results(), [141]);
        }
    }
    let runner = runner(SnapshotMode::WhereItPays);
    let go = fs::read("fixtures/go-greet.wasm").unwrap();
    let warm_up = WarmUp::call("greet").input("nobody");
    let warm = runner.load_plugin_warm("go-greet", go, warm_up).unwrap();
    let outcome = warm.call("greet").input("World").run().unwrap();
    assert_eq!(outcome.bytes(), b"Hello, World");

    let warm = |name: &str, export| {
        let error = runner.load_plugin_warm(name, wat(name), WarmUp::call(export));
        let error = error.unwrap_err();
        (error.kind(), error.to_string())
    };
    assert_eq!(
        warm("table", "call"),
        (
            ErrorKind::Snapshot,
            "plugin \"table\", load: no snapshot can be made: it has code that changes a table"
                .to_string()
        )
    );
    assert_eq!(
        warm("counter", "cuont"),
        (
            ErrorKind::NotFound,
            "plugin \"counter\", load: no export \"cuont\"; this plugin exports: count, warm, \
             _initialize"
                .to_string()
        )
    );
    assert_eq!(warm("counter", "warm").0, ErrorKind::Signature);
}

#[test]
fn a_written_snapshot_is_a_module_of_its_own() {
    let maker = runner(SnapshotMode::Never);
    for name in ["everything", "passive", "no-memory", "hidden", "counter"] {
        let bytes = wat(name);
        let written = maker.snapshot_module(&bytes, None).unwrap();
        let original = maker.load_plugin(name, &bytes).unwrap();
        let copy = maker.load_plugin("copy", &written).unwrap();
        let names = |plugin: &Plugin| -> Vec<Box<str>> {
            let names = plugin.exports().iter().map(|export| export.name.clone());
            names.collect()
        };
        assert_eq!(names(&original), names(&copy), "{name}");
        assert_eq!(original.imports(), copy.imports(), "{name}");
        for export in ["memory_sum", "globals", "copy", "state 0", "run", "count"] {
            if original
                .exports()
                .iter()
                .any(|found| *found.name == *export)
            {
                let expected = original.call(export).run().unwrap();
                let outcome = copy.call(export).run().unwrap();
                assert_eq!(expected.results(), outcome.results(), "{name} {export}");
                assert!(
                    expected.fuel_used() > outcome.fuel_used(),
                    "{name} {export}"
                );
            }
        }
        // Initialising again, as other hosts would, does nothing.
        if names(&copy).iter().any(|found| **found == *"_initialize") {
            let outcome = copy.call("_initialize").run().unwrap();
            assert_eq!(outcome.fuel_used(), 1, "{name}");
        }
    }
    let written = maker.snapshot_module(wat("haskell"), None).unwrap();
    let copy = maker.load_plugin("copy", written).unwrap();
    let outcome = copy.call("order").run().unwrap();
    assert_eq!(outcome.results(), [12]);
    let error = maker.snapshot_module(wat("table"), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Snapshot);
}

#[test]
fn another_engine_runs_what_was_written() {
    let node = |args: &[&str]| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/snapshot.mjs");
        let output = Command::new("node")
            .args(["--no-warnings", script])
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_string()
    };
    if Command::new("node").arg("--version").output().is_err() {
        println!("skipped: there is no `node` on the path");
        return;
    }
    let maker = runner(SnapshotMode::Never);
    let directory = tempfile::tempdir().unwrap();
    let written = |name: &str, bytes: &[u8], warm_up| {
        let path = directory.path().join(name).with_extension("wasm");
        fs::write(&path, maker.snapshot_module(bytes, warm_up).unwrap()).unwrap();
        path.to_str().unwrap().to_string()
    };

    let everything = wat("everything");
    let plugin = maker.load_plugin("everything", &everything).unwrap();
    let sum = plugin.call("memory_sum").run().unwrap().results()[0].cast_signed();
    let path = written("everything", &everything, None);
    assert_eq!(node(&[&path, "memory_sum"]), sum.to_string());

    for name in ["go-greet", "c-greet", "as-packed", "rust-greet"] {
        let bytes = fs::read(format!("fixtures/{name}.wasm")).unwrap();
        let path = written(name, &bytes, Some(WarmUp::call("greet").input("nobody")));
        assert_eq!(node(&[&path, "greet", "World"]), "Hello, World", "{name}");
    }
}

/// Numbers for generating modules, the same each time.
struct Numbers(u64);

impl Numbers {
    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut next = || {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (self.0 >> 33).to_le_bytes()[0]
        };
        (0..length).map(|_| next()).collect()
    }
}

#[test]
fn generated_modules_answer_the_same() {
    let mut taken = 0;
    let mut numbers = Numbers(1);
    for _ in 0..100 {
        let bytes = numbers.bytes(4_096);
        let Some(module) = generated(&bytes) else {
            continue;
        };
        let load = |mode| {
            let config = config(mode).fuel(50_000).max_memory_pages(64);
            Runner::new(config)
                .unwrap()
                .load_plugin("generated", &module)
                .ok()
        };
        let (Some(without), Some(with)) =
            (load(SnapshotMode::Never), load(SnapshotMode::WherePossible))
        else {
            continue;
        };
        taken += usize::from(matches!(
            with.snapshot(),
            Snapshot::Taken { init_fuel: 1.., .. }
        ));
        let pair = Pair { without, with };
        for export in pair.without.exports() {
            let ExternType::Func(signature) = &export.ty else {
                continue;
            };
            let number = |ty: &ValueType| {
                matches!(
                    ty,
                    ValueType::I32 | ValueType::I64 | ValueType::F32 | ValueType::F64
                )
            };
            if signature
                .params()
                .iter()
                .chain(signature.results())
                .all(number)
            {
                let params = vec![3; signature.params().len()];
                pair.same(&export.name, |call| call.params(&params));
            }
        }
    }
    assert!(taken > 20, "{taken} snapshots after an initialiser");
}

/// A module whose initialiser does something.
fn generated(bytes: &[u8]) -> Option<Vec<u8>> {
    let exports = wat::parse_str(
        r#"(module
            (func (export "_initialize"))
            (func (export "a") (param i32) (result i64) unreachable)
            (func (export "b") (param f64 i64) (result i32 f32) unreachable))"#,
    )
    .unwrap();
    // What makes snapshots illegal is in a third of the modules.
    let refused = bytes.first()? % 3 == 0;
    let config = wasm_smith::Config {
        allow_start_export: true,
        exports: Some(exports),
        max_memories: 1,
        min_memories: 1,
        reference_types_enabled: refused,
        bulk_memory_enabled: refused,
        disallow_traps: !refused,
        min_data_segments: 2,
        min_globals: 2,
        tail_call_enabled: false,
        ..crate::support::generator()
    };
    let mut source = arbitrary::Unstructured::new(bytes);
    let mut module = wasm_smith::Module::new(config, &mut source).ok()?;
    module.ensure_termination(100).ok()?;
    Some(module.to_bytes())
}

/// What was exported and is not any more stays declared for code that refers to it.
#[test]
fn functions_that_code_refers_to_stay_declared() {
    let modules = [
        (
            "the initialiser",
            r#"(func $init (export "_initialize") (global.set $g (i32.const 5)))
            (func (export "f") (result i32)
                (i32.add (global.get $g) (ref.is_null (ref.func $init))))"#,
        ),
        (
            "Haskell's too",
            r#"(func $init (export "_initialize") (global.set $g (i32.const 4)))
            (func $haskell (export "hs_init") (param i32 i32)
                (global.set $g (i32.add (global.get $g) (i32.const 1))))
            (elem declare func $init)
            (func (export "f") (result i32)
                (i32.add
                    (global.get $g)
                    (i32.add (ref.is_null (ref.func $haskell)) (ref.is_null (ref.func $init)))))"#,
        ),
        (
            "the start function, which is exported",
            r#"(func $s (export "s") (global.set $g (i32.const 5)))
            (start $s)
            (func (export "f") (result i32)
                (i32.add (global.get $g) (ref.is_null (ref.func $s))))"#,
        ),
    ];
    for (name, module) in modules {
        let module = format!("(module (global $g (mut i32) (i32.const 0)) {module})");
        let module = wat::parse_str(module).unwrap();
        let runner = runner(SnapshotMode::WherePossible);
        let plugin = runner.load_plugin("p", &module).unwrap();
        assert!(is_taken(&plugin), "{name}: {}", plugin.snapshot());
        let written = runner.snapshot_module(&module, None).unwrap();
        wasmparser::validate(&written).unwrap_or_else(|error| panic!("{name}: {error}"));
        let written = runner.load_plugin("written", &written).unwrap();
        for plugin in [plugin, written] {
            let outcome = plugin.call("f").run().unwrap();
            assert_eq!(outcome.results(), [5], "{name}");
        }
    }
}
