//! `pocketwasm::testing`: what it says about cases that are wrong.

use pocketwasm::{
    ErrorKind, HostContext, Plugin, Recording, Runner, RunnerConfig, SnapshotMode,
    explain::Coverage,
    testing::{Case, Collector, Failures, Suite, golden_text},
};
use std::{fs, path::Path};

fn load(module: &str) -> Plugin {
    let bytes = wat::parse_str(module).expect(module);
    let runner = Runner::new(RunnerConfig::new().explain(true)).expect("a valid config");
    runner.load_plugin("tested", bytes).expect(module)
}

fn numbers() -> Plugin {
    load(
        r#"(module
            (func (export "divide") (param i32 i32) (result i32)
                (i32.div_u (local.get 0) (local.get 1)))
            (func (export "count") (param i32)
                (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"#,
    )
}

#[track_caller]
fn messages(ended: Result<(), Failures>) -> Vec<String> {
    ended.expect_err("wrong cases").messages().to_vec()
}

fn greet() -> Plugin {
    let runner = Runner::new(RunnerConfig::new().explain(true)).expect("a valid config");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/rust-greet.wasm");
    runner
        .load_plugin("greet", fs::read(path).unwrap())
        .unwrap()
}

#[test]
fn budgets() {
    let plugin = numbers();
    let cost = |rounds: u64| {
        let params = [rounds];
        plugin
            .call("count")
            .params(&params)
            .run()
            .unwrap()
            .fuel_used()
    };
    let suite = |budget: u64| {
        Suite::new(&plugin, "count")
            .case(Case::new("three").params(&[3]))
            .case(Case::new("nine").params(&[9]).budget(cost(9)))
            .budget(budget)
            .run()
    };
    assert_eq!(suite(cost(3)), Ok(()));
    let (cost, budget) = (cost(3), cost(3) - 1);
    let expected =
        format!("case \"three\": cost {cost} units of fuel, 1 more than its budget of {budget}");
    assert_eq!(messages(suite(budget)), [expected.as_str()]);
    assert_eq!(
        suite(budget).unwrap_err().to_string(),
        format!("1 fault in 2 cases\n{expected}")
    );
}

#[test]
fn golden_files() {
    let folder = tempfile::tempdir().unwrap();
    let golden = folder.path().join("golden");
    let plugin = greet();
    let suite = |name: &str, input: &str| {
        Suite::new(&plugin, "greet")
            .case(Case::new(name).input(input))
            .golden(&golden)
    };
    let file = golden.join("name.golden");
    let shown = file.display();
    assert_eq!(
        messages(suite("name", "World").rewrite(false).run()),
        [format!(
            "case \"name\": there is no {shown}; POCKETWASM_GOLDEN=rewrite writes it"
        )]
    );
    assert_eq!(suite("name", "World").rewrite(true).run(), Ok(()));
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text, "ended: well\nbytes: 12\n| Hello, World\n");
    assert_eq!(suite("name", "World").rewrite(false).run(), Ok(()));
    fs::write(&file, text.replace('\n', "\r\n")).unwrap();
    assert_eq!(suite("name", "World").rewrite(false).run(), Ok(()));
    assert_eq!(
        messages(suite("name", "Moon\nand stars").rewrite(false).run()),
        [format!(
            "case \"name\": differs from {shown}; POCKETWASM_GOLDEN=rewrite accepts it\
             \n  - bytes: 12\n  - | Hello, World\n  + bytes: 21\n  + | Hello, Moon\n  + | and stars"
        )]
    );
    let long = "\n".repeat(30);
    let message = &messages(suite("name", &long).rewrite(false).run())[0];
    assert!(
        message.ends_with("\n  + | \n  + and 12 lines more"),
        "{message}"
    );
    assert_eq!(
        messages(suite("a/b", "").rewrite(true).run()),
        ["case \"a/b\": its name cannot be that of a golden file"]
    );
    fs::create_dir(golden.join("taken.golden")).unwrap();
    let message = &messages(suite("taken", "").rewrite(false).run())[0];
    let taken = golden.join("taken.golden");
    let beginning = format!("case \"taken\": cannot read {}: ", taken.display());
    assert!(message.starts_with(&beginning), "{message}");
}

#[test]
fn errors_without_and_with_golden_files() {
    let plugin = numbers();
    let suite = || Suite::new(&plugin, "divide").case(Case::new("by zero").params(&[1, 0]));
    assert_eq!(
        messages(suite().run()),
        ["case \"by zero\": plugin \"tested\", export \"divide\": trap: integer divided by zero"]
    );
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(suite().golden(folder.path()).rewrite(true).run(), Ok(()));
    let text = fs::read_to_string(folder.path().join("by zero.golden")).unwrap();
    assert_eq!(text, "ended: Trap: trap: integer divided by zero\n");
    assert_eq!(suite().golden(folder.path()).rewrite(false).run(), Ok(()));
}

#[test]
#[should_panic(
    expected = "1 fault in 1 case\ncase \"by zero\": plugin \"tested\", export \"divide\": trap"
)]
fn a_check_panics() {
    Suite::new(&numbers(), "divide")
        .case(Case::new("by zero").params(&[1, 0]))
        .check();
}

#[test]
fn inputs_from_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = greet();
    let suite = |path: &Path| {
        Suite::new(&plugin, "greet")
            .inputs(path)
            .rewrite(false)
            .run()
    };
    let empty = folder.path().display();
    assert_eq!(
        messages(suite(folder.path())),
        [format!("no files in the directory {empty}")]
    );
    let gone = folder.path().join("gone");
    let message = &messages(suite(&gone))[0];
    let beginning = format!("cannot read the directory {}: ", gone.display());
    assert!(message.starts_with(&beginning), "{message}");
    fs::write(folder.path().join("b"), "B").unwrap();
    fs::write(folder.path().join("a"), "A").unwrap();
    assert_eq!(suite(folder.path()), Ok(()));
    let golden = folder.path().join("golden");
    let suite = || {
        Suite::new(&plugin, "greet")
            .inputs(folder.path())
            .golden(&golden)
    };
    assert_eq!(suite().rewrite(true).run(), Ok(()));
    let text = fs::read_to_string(golden.join("b.golden")).unwrap();
    assert_eq!(text, "ended: well\nbytes: 8\n| Hello, B\n");
    let twice = suite().case(Case::new("a").input("A")).rewrite(false).run();
    assert_eq!(messages(twice), ["case \"a\": another case has that name"]);
    assert_eq!(
        messages(Suite::new(&plugin, "greet").run()),
        ["there are no cases"]
    );
}

#[test]
fn coverage_of_many_suites() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("coverage");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/coverage/c.wasm");
    let module = fs::read(path).unwrap();
    let runner = Runner::new(RunnerConfig::new().explain(true)).unwrap();
    let plugin = runner.load_plugin("classify", &module).unwrap();
    std::thread::scope(|scope| {
        for n in [1_u64, 4, 5, 7, 9, 25, 35, 97, 1200, 1201] {
            let (file, plugin) = (&file, &plugin);
            scope.spawn(move || {
                let collector = Collector::to(file);
                let case = Case::new("a number").params(&[n]);
                let suite = Suite::new(plugin, "classify")
                    .case(case)
                    .collector(&collector);
                suite.check();
                let params = [n];
                collector
                    .run(plugin.call("classify").params(&params))
                    .unwrap();
                // It writes the second call when it is dropped.
            });
        }
    });
    let coverage = Coverage::from_bytes(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(coverage.calls(), 20);
    let report = coverage.report(&module).unwrap();
    assert_eq!(report.lines().to_string(), "28/30  93.3 %");
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no lock and no half of a file"
    );

    fs::write(&file, "something else").unwrap();
    let collector = Collector::to(&file);
    let suite = Suite::new(&plugin, "classify").case(Case::new("one").params(&[1]));
    assert_eq!(
        messages(suite.collector(&collector).run()),
        [
            "coverage: invalid config: `coverage` is no file of coverage: line 1 is not \"pocketwasm \
          coverage 1\""
        ]
    );
}

#[test]
fn a_budget_is_the_same_with_a_snapshot_and_with_coverage() {
    let module = wat::parse_str(
        r#"(module
            (global $sum (mut i32) (i32.const 0))
            (func (export "_initialize") (local i32)
                (local.set 0 (i32.const 1000))
                (loop
                    (global.set $sum (i32.add (global.get $sum) (local.get 0)))
                    (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
            (func (export "sum") (result i32) (global.get $sum)))"#,
    )
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut said = Vec::new();
    for mode in [SnapshotMode::Never, SnapshotMode::WherePossible] {
        let runner = Runner::new(RunnerConfig::new().explain(true).snapshots(mode)).unwrap();
        let plugin = runner.load_plugin("sum", &module).unwrap();
        for collector in [
            Collector::from_env(),
            Collector::to(folder.path().join("c")),
        ] {
            let suite = Suite::new(&plugin, "sum")
                .case(Case::new("sum"))
                .budget(1_000);
            said.push(messages(suite.collector(&collector).run()));
        }
    }
    assert!(
        said[0][0].ends_with(" more than its budget of 1000"),
        "{said:?}"
    );
    said.dedup();
    assert_eq!(said.len(), 1, "{said:?}");
}

#[test]
fn outcomes_as_text() {
    let plugin = load(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write"
                (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 16) "a\tb\n\ff\00")
            (data (i32.const 0) "\10\00\00\00\04\00\00\00\14\00\00\00\02\00\00\00")
            (func (export "f") (param i32 i32) (result i32 i64)
                (drop (call $write (i32.const 1) (i32.const 0) (local.get 0) (i32.const 64)))
                (drop (call $write (i32.const 2) (i32.const 8) (local.get 1) (i32.const 64)))
                (i32.const 7) (i64.const -1)))"#,
    );
    let text = |params: &[u64]| golden_text(&plugin.call("f").params(params).run());
    assert_eq!(
        text(&[0, 0]),
        "ended: well\nresult: 7\nresult: 18446744073709551615\n"
    );
    assert_eq!(
        text(&[1, 1]),
        "ended: well\nresult: 7\nresult: 18446744073709551615\nstdout: 4\n| a\tb\n| \nstderr: 2\nx ff00\n"
    );
    let refused = plugin.call("g").run();
    assert_eq!(
        golden_text(&refused),
        "ended: NotFound: no export \"g\"; this plugin exports: f\n"
    );
}

/// A build of a plugin that asks the host for numbers.
fn build(body: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (import "shop" "price" (func $price (param i32) (result i32)))
            (func (export "total") (param i32) (result i32) {body}))"#
    );
    wat::parse_str(text).expect(body)
}

const SUM: &str = "(i32.add (call $price (local.get 0)) (call $price (i32.const 2)))";

/// A call of `total` with a host that knows the prices, on tape.
fn recorded() -> Recording {
    let price = |_: &mut HostContext<'_>, item: i32| -> i32 { 10 * item };
    let config = RunnerConfig::new().function("shop", "price", price);
    let runner = Runner::new(config).unwrap();
    let plugin = runner.load_plugin("shop", build(SUM)).unwrap();
    let mut recording = None;
    let call = plugin.call("total").params(&[1]).record(&mut recording);
    assert_eq!(call.run().unwrap().results(), [30]);
    Recording::from_bytes(&recording.unwrap().to_bytes()).unwrap()
}

#[test]
fn recordings_answer_in_place_of_the_host() {
    let recording = recorded();
    let prefix = "ended: Difference: the replay differs from the recording: ";
    for (name, body, expected) in [
        (
            "the same build",
            SUM.to_owned(),
            "ended: well\nresult: 30\n".to_owned(),
        ),
        (
            "another build",
            format!("(i32.mul (i32.const 2) {SUM})"),
            "ended: well\nresult: 60\n".to_owned(),
        ),
        (
            "one that traps",
            "(drop (call $price (local.get 0))) unreachable".to_owned(),
            "ended: Trap: trap: `unreachable` executed\n".to_owned(),
        ),
        (
            "another question",
            "(i32.add (call $price (local.get 0)) (call $price (i32.const 3)))".to_owned(),
            format!(
                "{prefix}host call 2: expected \"shop\" \"price\" (i32 2), got \"shop\" \"price\" (i32 3)\n"
            ),
        ),
        (
            "fewer questions",
            "(call $price (local.get 0))".to_owned(),
            format!(
                "{prefix}after host call 1: expected a call of a host function, got the end of the call\n"
            ),
        ),
        (
            "more questions",
            format!("(i32.add {SUM} (call $price (i32.const 3)))"),
            format!(
                "{prefix}host call 3: expected the end of the call, got \"shop\" \"price\" (i32 3)\n"
            ),
        ),
    ] {
        let ended = recording.mock(&build(&body)).expect(name);
        assert_eq!(ended.len(), 1, "{name}");
        assert_eq!(golden_text(&ended[0]), expected, "{name}");
    }
}

#[test]
fn suites_of_recordings() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("total.pwrec"), recorded().to_bytes()).unwrap();
    fs::write(path.join("total.golden"), "ended: well\nresult: 30\n").unwrap();
    let load = |body: &str, keep: bool| {
        let price = |_: &mut HostContext<'_>, _: i32| -> i32 { panic!("the host is not asked") };
        let config = RunnerConfig::new()
            .keep_modules(keep)
            .function("shop", "price", price);
        let runner = Runner::new(config).unwrap();
        runner.load_plugin("shop", build(body)).unwrap()
    };
    let suite = |plugin: &Plugin| {
        let suite = Suite::new(plugin, "total").recordings(path);
        suite.golden(path).budget(200).rewrite(false).run()
    };
    let tested = load(SUM, true);
    assert_eq!(suite(&tested), Ok(()));
    let slow = "(local $i i32) (loop (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) \
                (i32.const 1))) (i32.const 99))))";
    let wrong = messages(suite(&load(&format!("{slow} {SUM}"), true)));
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(wrong[0].starts_with("case \"total\": cost "), "{wrong:?}");
    let other = "(i32.add (call $price (local.get 0)) (call $price (i32.const 3)))";
    let wrong = messages(suite(&load(other, true)));
    let lines = "\n  - ended: well\n  - result: 30\n  + ended: Difference: ";
    assert!(wrong[0].contains(lines), "{wrong:?}");
    let wrong = messages(suite(&load(SUM, false)));
    let ending = "`keep_modules` must be set for cases of recordings\n";
    assert!(wrong[0].contains(ending.trim_end()), "{wrong:?}");

    // Coverage of the build that is tested.
    let file = path.join("coverage");
    let collector = Collector::to(&file);
    let covered = Suite::new(&tested, "total")
        .recordings(path)
        .collector(&collector);
    assert_eq!(covered.run(), Ok(()));
    let coverage = Coverage::from_bytes(&fs::read(&file).unwrap()).unwrap();
    let report = coverage.report(&build(SUM)).unwrap();
    assert_eq!((report.calls(), report.functions().hit()), (1, 1));

    let empty = tempfile::tempdir().unwrap();
    let suite = || Suite::new(&tested, "total").recordings(empty.path()).run();
    let shown = empty.path().display();
    assert_eq!(
        messages(suite()),
        [format!(
            "no recordings, whose names end with .pwrec, in the directory {shown}"
        )]
    );
    fs::write(empty.path().join("broken.pwrec"), "?").unwrap();
    let wrong = messages(suite());
    let broken = empty.path().join("broken.pwrec");
    let beginning = format!("cannot read {}: ", broken.display());
    assert!(wrong[0].starts_with(&beginning), "{wrong:?}");
    assert_eq!(
        Recording::from_bytes(b"?").unwrap_err().kind(),
        ErrorKind::Recording
    );
}
