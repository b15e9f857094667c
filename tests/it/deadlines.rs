//! Calls that would never end are ended: by the deadline, the fuel, a cancel token, or closing the
//! runner.

use crate::support::{fails, load, patient, runner, runs, wat};
use pocketwasm::{
    Call, CancelToken, Error, ErrorKind, HostContext, Phase, Plugin, RunnerConfig,
    environment::Clock,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const SHORT: Duration = Duration::from_millis(100);
/// Far beyond any deadline here, and far below a hang.
const HANG: Duration = Duration::from_secs(2);

/// Guest, export, whether it is called with bytes, and the step that never ends.
const ENDLESS: [(&str, &str, bool, Phase); 11] = [
    ("spin-start", "run", false, Phase::Start),
    ("spin-initialize", "run", false, Phase::Initialize),
    ("spin-ctors", "run", false, Phase::Initialize),
    ("spin-allocate", "run", true, Phase::Allocate),
    ("spin-release", "run", true, Phase::Release),
    ("spin", "spin", false, Phase::Call),
    ("spin", "recurse", false, Phase::Call),
    ("spin", "grow", false, Phase::Call),
    ("spin", "write_nothing", false, Phase::Call),
    ("spin", "yield", false, Phase::Call),
    ("spin", "random", false, Phase::Call),
];

fn call<'a>(plugin: &'a Plugin, export: &'a str, bytes: bool) -> Call<'a> {
    let call = plugin.call(export);
    if bytes { call.input("x") } else { call }
}

/// How the phase stands in a message.
fn step(phase: Phase) -> String {
    match phase {
        Phase::Call => String::new(),
        phase => format!(", {phase}"),
    }
}

#[test]
fn by_the_deadline() {
    for (guest, export, bytes, phase) in ENDLESS {
        let plugin = load(RunnerConfig::new().timeout(SHORT), guest);
        let begun = Instant::now();
        let error = fails(call(&plugin, export, bytes));
        assert!(
            begun.elapsed() < HANG,
            "{guest} {export}: {:?}",
            begun.elapsed()
        );
        assert!(
            begun.elapsed() >= SHORT,
            "{guest} {export}: {:?}",
            begun.elapsed()
        );
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(error.phase(), Some(phase));
        assert_eq!(
            error.to_string(),
            format!(
                "plugin \"{guest}\", export \"{export}\"{}: \
                 timed out: the limit `timeout` is 100ms",
                step(phase)
            )
        );
    }
}

#[test]
fn by_exactly_the_budget() {
    for (guest, export, bytes, phase) in ENDLESS {
        // The runner's own budget is what an initialiser may use at load.
        let plugin = load(patient().fuel(1_000_000), guest);
        let error = fails(call(&plugin, export, bytes).fuel(123_457));
        assert_eq!(error.kind(), ErrorKind::OutOfFuel);
        assert_eq!(
            error.outcome().map(pocketwasm::Outcome::fuel_used),
            Some(123_457)
        );
        assert_eq!(
            error.to_string(),
            format!(
                "plugin \"{guest}\", export \"{export}\"{}: \
                 out of fuel: all 123457 units of the limit `fuel` are used",
                step(phase)
            )
        );
    }
}

/// The deadline is that of the whole call, not of each of its steps.
#[test]
fn by_a_deadline_that_an_earlier_step_used_up() {
    let plugin = load(
        RunnerConfig::new().timeout(Duration::from_nanos(1_000)),
        "work",
    );
    let error = fails(plugin.call("run").params(&[25]));
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(error.message(), "timed out: the limit `timeout` is 1µs");
}

/// A call that is over before it begins does not begin.
#[test]
fn before_it_begins() {
    let plugin = load(RunnerConfig::new(), "work");
    assert_eq!(runs(plugin.call("nothing")).fuel_used(), 1);
    let error = fails(plugin.call("nothing").timeout(Duration::ZERO));
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let token = CancelToken::new();
    token.cancel();
    let error = fails(plugin.call("nothing").cancel(&token));
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    let mut instance = plugin.instantiate().expect("instantiates");
    let error = fails(instance.call("nothing").cancel(&token));
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

/// Runs `spin` until `end` ends it from another thread.
fn spin_until(config: RunnerConfig, end: impl FnOnce(&pocketwasm::Runner, &CancelToken)) -> Error {
    let runner = runner(config);
    let plugin = runner.load_plugin("spin", wat("spin")).expect("loads");
    let token = CancelToken::new();
    thread::scope(|scope| {
        let spinning = scope.spawn(|| fails(plugin.call("spin").cancel(&token)));
        thread::sleep(Duration::from_millis(30));
        assert!(!spinning.is_finished());
        let ended = Instant::now();
        end(&runner, &token);
        let error = spinning.join().expect("no panic");
        assert!(ended.elapsed() < HANG, "{:?}", ended.elapsed());
        error
    })
}

#[test]
fn by_a_token_from_another_thread() {
    for config in [patient(), patient().no_clock(), patient().slice(1)] {
        let error = spin_until(config, |_, token| token.cancel());
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert_eq!(
            error.to_string(),
            "plugin \"spin\", export \"spin\": cancelled"
        );
        assert!(error.outcome().expect("it had begun").fuel_used() > 0);
    }
}

#[test]
fn by_closing_the_runner() {
    let error = spin_until(patient(), |runner, _| {
        runner.close();
        runner.close();
        assert!(runner.plugins().is_empty());
        let closed = "the runner is closed";
        let add = wat("add");
        let errors = [
            runner.load_plugin("add", &add).map(drop),
            runner.load_plugins(".").map(drop),
            runner.plugin("spin").map(drop),
            runner.plugin_at("fixtures/add.wasm").map(drop),
            runner.run_plugin("spin", "add", &[1, 2]).map(drop),
            runner.run_plugin_bytes("spin", "add", &[]).map(drop),
            runner.run_plugin_string("spin", "add", "").map(drop),
            runner
                .run_function("fixtures/add.wasm", "add", &[1, 2])
                .map(drop),
            runner.run_greet("fixtures/rust-greet.wasm", "x").map(drop),
            runner.run_module(&add, "add", &[1, 2]).map(drop),
        ];
        for (door, result) in errors.into_iter().enumerate() {
            let error = result.expect_err("closed");
            assert_eq!(error.kind(), ErrorKind::Closed, "door {door}");
            assert_eq!(error.message(), closed, "door {door}");
        }
    });
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert_eq!(
        error.to_string(),
        "plugin \"spin\", export \"spin\": the runner is closed"
    );
}

/// What was loaded before the runner closed does not outlive it.
#[test]
fn a_plugin_of_a_closed_runner_cannot_be_called() {
    let runner = runner(RunnerConfig::new());
    let plugin = runner.load_plugin("work", wat("work")).expect("loads");
    let mut instance = plugin.instantiate().expect("instantiates");
    runner.close();
    for error in [
        fails(plugin.call("nothing")),
        fails(instance.call("nothing")),
        plugin.instantiate().map(drop).expect_err("closed"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Closed);
    }
}

/// A neighbour on the same plugin, and the next call, notice nothing.
#[test]
fn and_nobody_else_notices() {
    let plugin = load(RunnerConfig::new(), "spin");
    let alone = runs(plugin.call("add").params(&[2, 40]));
    assert_eq!(alone.results(), [42]);
    thread::scope(|scope| {
        let spinning = scope.spawn(|| fails(plugin.call("spin").timeout(SHORT)));
        while !spinning.is_finished() {
            assert_eq!(runs(plugin.call("add").params(&[2, 40])), alone);
        }
        assert_eq!(
            spinning.join().expect("no panic").kind(),
            ErrorKind::Timeout
        );
    });
    assert_eq!(runs(plugin.call("add").params(&[2, 40])), alone);
}

/// A clock that goes when it is told to.
#[derive(Clone, Default)]
struct Told(Arc<AtomicU64>);

impl Clock for Told {
    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn since_epoch(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) {}
}

/// The time of the first host function counts, however little the guest did before it.
#[test]
fn host_functions_that_take_their_time() {
    let module = r#"(module
        (import "env" "work" (func $work (param i64)))
        (import "env" "look" (func $look))
        (func (export "run") (param i64) (call $work (local.get 0)) (call $look)))"#;
    let clock = Told::default();
    let time = clock.0.clone();
    let config = RunnerConfig::new()
        .clock(clock)
        .timeout(SHORT)
        .function(
            "env",
            "work",
            move |_: &mut HostContext<'_>, millis: u64| {
                time.fetch_add(millis, Ordering::Relaxed);
            },
        )
        .function("env", "look", |context: &mut HostContext<'_>| {
            context.check()
        });
    let module = wat::parse_str(module).expect("valid");
    let plugin = runner(config).load_plugin("m", module).expect("loads");
    runs(plugin.call("run").params(&[99]));
    let error = fails(plugin.call("run").params(&[100]));
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let mut kept = plugin.instantiate().expect("starts");
    runs(kept.call("run").params(&[99]));
    let error = fails(kept.call("run").params(&[100]));
    assert_eq!(error.kind(), ErrorKind::Timeout);
}
