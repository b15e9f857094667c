//! Calls that ask the host: functions, clocks, random numbers, standard input, HTTP, sinks.

use crate::support::{check, fixture, load, record, replay, shown};
use pocketwasm::{
    Clock, Entropy, Error, ErrorKind, HostContext, HttpClient, HttpRequest, HttpResponse,
    InputSource, Recording, RunnerConfig,
    types::{ExternRef, FuncRef, Value},
};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// A number that is another one each time.
fn surprise() -> u64 {
    static STATE: AtomicU64 = AtomicU64::new(1);
    let seed = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("a module")
}

/// A module that imports `env.f` of a type and calls it in `run`.
fn one_function(ty: &str, body: &str) -> Vec<u8> {
    wat(&format!(
        r#"(module
            (import "env" "f" (func $f {ty}))
            (memory (export "memory") 1 4)
            (memory (export "other") 1 4)
            (global (export "count") (mut i32) (i32.const 5))
            (global $calls (export "calls") (mut i64) (i64.const 0))
            (func (export "add") (param i32 i32) (result i32)
                (global.set $calls (i64.add (global.get $calls) (i64.const 1)))
                (i32.add (local.get 0) (local.get 1)))
            (func (export "trap") (unreachable))
            (func (export "again") (result i32) (drop (call $again)) (i32.const 1))
            (func $again (result i32) {body})
            (func (export "run") (result i32) {body}))"#
    ))
}

fn config() -> RunnerConfig {
    RunnerConfig::new().max_memories(4)
}

/// Checks a function of the embedder's, of no parameters and one result, and the size of the memory
/// and a sum of what it holds after the call.
#[track_caller]
fn check_function(
    name: &str,
    function: impl Fn(&mut HostContext<'_>) -> Result<i32, Error> + Send + Sync + 'static,
) -> Result<u64, Error> {
    let module = one_function(
        "(result i32)",
        r#"(local $sum i32) (local $at i32)
            (local.set $sum (call $f))
            (loop $next
                (local.set $sum (i32.add
                    (i32.mul (local.get $sum) (i32.const 31))
                    (i32.load8_u (local.get $at))))
                (br_if $next (i32.lt_u
                    (local.tee $at (i32.add (local.get $at) (i32.const 1)))
                    (i32.const 3000))))
            (local.set $sum (i32.add (local.get $sum)
                (i32.add (global.get 0) (i32.wrap_i64 (global.get 1)))))
            (i32.add (local.get $sum) (i32.add (memory.size 0) (i32.mul (memory.size 1) (i32.const 7))))"#,
    );
    let plugin = load(config().function("env", "f", function), &module);
    let (done, _) = check(name, &plugin, &module, "run", |call| call.fuel(10_000_000));
    done.map(|outcome| outcome.results()[0])
}

#[test]
fn what_a_function_does_is_replayed() {
    let text = |problem: &str| -> Error {
        // Any error of this crate that a host function may return.
        let _ = problem;
        Recording::from_bytes(b"nothing").expect_err("not a recording")
    };
    let first = check_function("random", |_| Ok(surprise() as i32)).expect("success");
    let second = check_function("random", |_| Ok(surprise() as i32)).expect("success");
    assert_ne!(first, second);
    check_function("writes", |context| {
        context.write(100, &surprise().to_le_bytes())?;
        context.write(2_000, &[7; 900])?;
        Ok(context.read(100, 8)?[0].into())
    })
    .expect("success");
    check_function("writes to memories by name", |context| {
        context
            .memory("other")?
            .write(8, &surprise().to_le_bytes())?;
        context.memory("memory")?.store(16, surprise())?;
        context.memory("other")?.load::<i32>(8)
    })
    .expect("success");
    check_function("grows", |context| {
        context.memory("other")?.grow(2)?;
        let refused = context.memory("other")?.grow(5);
        assert_eq!(
            refused.expect_err("too large").kind(),
            ErrorKind::MemoryLimit
        );
        Ok(0)
    })
    .expect("success");
    check_function("sets a global", |context| {
        context.set_global("count", surprise() as i32)?;
        Ok(0)
    })
    .expect("success");
    check_function("charges", |context| {
        context.charge(surprise() % 10_000)?;
        Ok(0)
    })
    .expect("success");
    check_function("prints", |context| {
        context.write_stdout(&surprise().to_le_bytes())?;
        context.write_stderr(b"line\n")?;
        Ok(0)
    })
    .expect("success");
    check_function("calls back", |context| {
        let number = surprise() % 1_000;
        let results = context.call("add", &[number, 1])?;
        let results =
            context.call_values("add", &[Value::from(results[0] as i32), Value::from(2)])?;
        Ok(results[0].get().unwrap_or_default())
    })
    .expect("success");
    check_function("calls what is not there", |context| {
        Ok(i32::from(context.call("nothing", &[]).is_err()))
    })
    .expect("success");
    check_function("ignores a trap", |context| {
        Ok(i32::from(context.call("trap", &[]).is_err()))
    })
    .expect("success");
    let trap = check_function("passes a trap on", |context| {
        context.call("trap", &[])?;
        Ok(0)
    });
    assert_eq!(trap.expect_err("a trap").kind(), ErrorKind::Trap);
    let spent = check_function("uses all fuel", |context| {
        loop {
            context.charge(1 + surprise() % 1_000_000)?;
        }
    });
    assert_eq!(spent.expect_err("no fuel").kind(), ErrorKind::OutOfFuel);
    let refused = check_function("fails", move |_| Err(text("x")));
    assert_eq!(refused.expect_err("a failure").kind(), ErrorKind::Recording);
    let outside = check_function("reads outside", |context| {
        context.read(u32::MAX, 1)?;
        Ok(0)
    });
    assert_eq!(outside.expect_err("outside").kind(), ErrorKind::GuestData);
    let panicked = check_function("panics", |_| panic!("at {}", surprise()));
    assert!(
        panicked
            .expect_err("a panic")
            .message()
            .starts_with("a host function panicked: at ")
    );
}

#[test]
fn nested_calls_are_replayed() {
    let module = one_function("(result i32)", "(call $f)");
    let function = |context: &mut HostContext<'_>| -> Result<i32, Error> {
        if surprise().is_multiple_of(8) {
            return Ok(surprise() as i32);
        }
        context.write(surprise() as u32 % 1_000, b"nested")?;
        Ok(context
            .call("again", &[])
            .map_or(-1, |results| results[0] as i32))
    };
    let plugin = load(config().function("env", "f", function), &module);
    for round in 0..20 {
        let _ = check(&format!("round {round}"), &plugin, &module, "run", |call| {
            call
        });
    }
}

#[test]
fn errors_with_messages_are_replayed() {
    let module = one_function("(result i32)", "(call $f)");
    let function = |_: &mut HostContext<'_>| -> Result<i32, std::io::Error> {
        Err(std::io::Error::other(format!(
            "no connection {}",
            surprise()
        )))
    };
    let plugin = load(config().function("env", "f", function), &module);
    let (done, file) = check("an error", &plugin, &module, "run", |call| call);
    let error = done.expect_err("a failure");
    assert!(
        error
            .to_string()
            .contains(r#"host function "env" "f": no connection"#),
        "{error}"
    );
    let replayed = replay(&file, &module)
        .expect("the same")
        .expect_err("a failure");
    assert!(std::error::Error::source(&replayed).is_some());
}

#[test]
fn references_are_replayed() {
    let module = wat(r#"(module
            (import "env" "make" (func $make (result externref)))
            (import "env" "apply" (func $apply (param funcref) (result i32)))
            (import "env" "same" (func $same (param externref externref) (result i32)))
            (func $next (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
            (elem declare func $next)
            (func (export "run") (param externref) (result i32 externref)
                (local externref)
                (local.set 1 (call $make))
                (i32.add
                    (call $apply (ref.func $next))
                    (i32.add
                        (call $same (local.get 0) (local.get 1))
                        (call $same (local.get 1) (local.get 1))))
                (local.get 0)))"#);
    let config = config()
        .function("env", "make", |_: &mut HostContext<'_>| {
            Some(ExternRef::new(surprise()))
        })
        .function(
            "env",
            "same",
            |_: &mut HostContext<'_>, a: Option<ExternRef>, b: Option<ExternRef>| i32::from(a == b),
        )
        .function(
            "env",
            "apply",
            |context: &mut HostContext<'_>, function: Option<FuncRef>| -> Result<i32, Error> {
                let Some(function) = function else {
                    return Ok(0);
                };
                let number = surprise() as i32 >> 4;
                let results = context.call_reference(&function, &[Value::from(number)])?;
                Ok(results[0].get().unwrap_or_default())
            },
        );
    let plugin = load(config, &module);
    let values = [Value::from(Some(ExternRef::new("mine")))];
    let mut recording = None;
    let done = plugin
        .call("run")
        .values(&values)
        .record(&mut recording)
        .run()
        .expect("success");
    let recording = recording.expect("a recording");
    let replayed = recording.replay(&module).expect("the same").into_last();
    let replayed = replayed.expect("a call").expect("success");
    assert_eq!(replayed.values()[0], done.values()[0]);
    assert_eq!(replayed.fuel_used(), done.fuel_used());
}

/// A clock that jumps about and never sleeps.
struct Jumpy;

impl Clock for Jumpy {
    fn monotonic(&self) -> Duration {
        static NOW: AtomicU64 = AtomicU64::new(0);
        Duration::from_nanos(NOW.fetch_add(1 + surprise() % 40_000_000, Ordering::Relaxed))
    }

    fn since_epoch(&self) -> Duration {
        Duration::from_nanos(1_700_000_000_000_000_000 + surprise() % 1_000_000_000_000)
    }

    fn sleep(&self, _: Duration) {}
}

struct Noise;

impl Entropy for Noise {
    fn fill(&self, bytes: &mut [u8]) -> bool {
        bytes.fill_with(|| surprise() as u8);
        true
    }
}

struct Nothing;

impl Entropy for Nothing {
    fn fill(&self, _: &mut [u8]) -> bool {
        false
    }
}

#[test]
fn real_clocks_and_random_numbers_are_replayed() {
    let module = fixture("rust-clock");
    let mut seen = Vec::new();
    for config in [
        RunnerConfig::new().guest_clock(Jumpy).guest_entropy(Noise),
        RunnerConfig::new()
            .guest_clock(Jumpy)
            .guest_entropy(Noise)
            .no_clock(),
        RunnerConfig::new().guest_clock(Jumpy),
        RunnerConfig::new().guest_entropy(Noise),
        RunnerConfig::new().guest_entropy(Nothing),
    ] {
        let plugin = load(config, &module);
        let (done, _) = check("clock", &plugin, &module, "_start", |call| call.input(""));
        seen.push(format!("{done:?}"));
    }
    seen.dedup();
    assert_eq!(seen.len(), 5);
}

#[test]
fn assemblyscript_reads_the_host_on_tape() {
    let module = wat(r#"(module
            (import "env" "seed" (func $seed (result f64)))
            (import "env" "Date.now" (func $now (result f64)))
            (import "env" "performance.now" (func $passed (result f64)))
            (memory (export "memory") 1)
            (func (export "run") (result f64 f64 f64) (call $seed) (call $now) (call $passed)))"#);
    let config = RunnerConfig::new().guest_clock(Jumpy).guest_entropy(Noise);
    let plugin = load(config, &module);
    let _ = check("assemblyscript", &plugin, &module, "run", |call| call);
}

/// Standard input in chunks of random sizes, which fails now and then.
struct Chunks(usize, bool);

impl InputSource for Chunks {
    fn fetch(&mut self, bytes: &mut [u8]) -> Option<usize> {
        let count = bytes.len().min(self.0).min(1 + surprise() as usize % 7);
        self.0 -= count;
        if count == 0 && self.1 {
            return None;
        }
        for byte in bytes.iter_mut().take(count) {
            *byte = b'a' + (surprise() % 26) as u8;
        }
        Some(count)
    }

    fn wait(&mut self, _: Duration) -> bool {
        !surprise().is_multiple_of(4)
    }
}

#[test]
fn chunks_of_stdin_are_replayed() {
    for fixture in ["rust-command", "c-command", "zig-command", "go-command"] {
        let module = self::fixture(fixture);
        let plugin = load(RunnerConfig::new(), &module);
        for fails in [false, true] {
            let name = format!("{fixture} {fails}");
            let (done, _) = check(&name, &plugin, &module, "_start", |call| {
                call.stdin_from(Chunks(60, fails))
            });
            assert!(fails || done.is_ok(), "{name}");
        }
    }
}

#[test]
fn polls_of_stdin_are_replayed() {
    // Waits for stdin or 20 ms, then reads without blocking, until there is no more.
    let module = wat(r#"(module
            (import "wasi_snapshot_preview1" "poll_oneoff"
                (func $poll (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_read"
                (func $read (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_fdstat_set_flags"
                (func $flags (param i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 8) "\01")
            (data (i32.const 72) "\01\00\00\00\00\00\00\00\00\2d\31\01")
            (func (export "run") (result i32)
                (local $sum i32) (local $turns i32)
                (drop (call $flags (i32.const 0) (i32.const 4)))
                (i32.store (i32.const 600) (i32.const 700))
                (i32.store (i32.const 604) (i32.const 50))
                (loop $next
                    (local.set $sum (i32.add (local.get $sum)
                        (call $poll (i32.const 0) (i32.const 200) (i32.const 2) (i32.const 400))))
                    (local.set $sum (i32.add
                        (i32.mul (local.get $sum) (i32.const 31))
                        (i32.add (i32.load (i32.const 400)) (i32.load8_u (i32.const 700)))))
                    (local.set $sum (i32.add (local.get $sum)
                        (call $read (i32.const 0) (i32.const 600) (i32.const 1) (i32.const 620))))
                    (br_if $next (i32.lt_u
                        (local.tee $turns (i32.add (local.get $turns) (i32.const 1)))
                        (i32.const 40))))
                (local.get $sum)))"#);
    for config in [
        RunnerConfig::new(),
        RunnerConfig::new().no_clock(),
        RunnerConfig::new()
            .clock(Jumpy)
            .timeout(Duration::from_secs(1_000)),
        RunnerConfig::new().guest_clock(Jumpy),
    ] {
        let plugin = load(config, &module);
        let (done, _) = check("poll", &plugin, &module, "run", |call| {
            call.stdin_from(Chunks(100, false))
        });
        done.expect("success");
    }
}

/// A sink that refuses every third write.
struct Fussy(u32);

impl pocketwasm::OutputSink for Fussy {
    fn emit(&mut self, _: &[u8]) -> bool {
        self.0 += 1;
        !self.0.is_multiple_of(3)
    }
}

#[test]
fn sinks_are_replayed() {
    for fixture in ["rust-command", "c-command", "zig-command", "go-command"] {
        let module = self::fixture(fixture);
        let plain = load(RunnerConfig::new(), &module);
        let call = |call: pocketwasm::Call<'_>| call.args(["a", "b"]).stdin("input").run();
        let kept = call(plain.call("_start")).expect("success");
        for (config, fails) in [
            (
                RunnerConfig::new().stdout(Vec::new()).stderr(Vec::new()),
                false,
            ),
            (
                RunnerConfig::new()
                    .stdout(Vec::new())
                    .terminals(true, true, true),
                false,
            ),
            (RunnerConfig::new().stdout(Fussy(0)).stderr(Fussy(1)), true),
            (
                RunnerConfig::new().stdout(Vec::new()).max_output_bytes(10),
                true,
            ),
        ] {
            let plugin = load(config, &module);
            let (done, file) = {
                let mut recording = None;
                let done = plugin.call("_start").args(["a", "b"]).stdin("input");
                let done = done.record(&mut recording).run();
                (done, recording.expect("a recording").to_bytes())
            };
            let replayed = Recording::from_bytes(&file)
                .and_then(|recording| recording.replay(&module))
                .unwrap_or_else(|error| panic!("{fixture}: {error}"));
            let passed_on = replayed.passed_on()[0].to_vec();
            let replayed = replayed.into_last().expect("a call");
            assert_eq!(shown(&replayed), shown(&done), "{fixture}");
            match (done, replayed) {
                (Ok(done), Ok(replayed)) => {
                    assert_eq!(done.fuel_used(), replayed.fuel_used());
                    assert!(fails || passed_on == kept.stdout(), "{fixture}");
                }
                (Err(done), Err(replayed)) => {
                    assert_eq!(done.to_string(), replayed.to_string(), "{fixture}");
                }
                (done, replayed) => panic!("{fixture}: {done:?}, {replayed:?}"),
            }
        }
    }
}

struct Client;

impl HttpClient for Client {
    fn send(
        &self,
        request: &HttpRequest,
        _: Duration,
        _: usize,
    ) -> Result<HttpResponse, Box<dyn std::error::Error + Send + Sync>> {
        if surprise().is_multiple_of(2) {
            return Err(format!("no route to {}", request.uri).into());
        }
        let mut response = HttpResponse::new(200);
        response
            .headers
            .push(("x-number".into(), surprise().to_string()));
        response.body = format!("a page, {}", surprise()).into_bytes();
        Ok(response)
    }
}

#[cfg(feature = "http")]
#[test]
fn http_responses_are_replayed() {
    let module = fixture("extism-rust");
    let config = RunnerConfig::new()
        .http_client(Client)
        .allow_host("example.org");
    let plugin = load(config, &module);
    for round in 0..8 {
        let _ = check(
            &format!("round {round}"),
            &plugin,
            &module,
            "fetch",
            |call| call.input(""),
        );
    }
    let plugin = load(RunnerConfig::new().http_client(Client), &module);
    let _ = check("host of the call", &plugin, &module, "fetch", |call| {
        call.input("").allow_host("*")
    });
}

#[cfg(not(feature = "http"))]
#[test]
fn a_client_is_not_needed() {
    let _ = Client.send(&HttpRequest::new("GET", "/"), Duration::ZERO, 0);
}

#[test]
fn operations_are_replayed() {
    let module = fixture("wapc-rust");
    let answer = |context: &mut HostContext<'_>, payload: &[u8]| -> Result<Vec<u8>, String> {
        context
            .charge(surprise() % 1_000)
            .map_err(|error| error.to_string())?;
        match surprise() % 3 {
            0 => Err(format!("not now, {}", surprise())),
            1 => panic!("{}", surprise()),
            _ => Ok([payload, &surprise().to_le_bytes()].concat()),
        }
    };
    let plugin = load(
        RunnerConfig::new().wapc_operation("b", "ns", "op", answer),
        &module,
    );
    for round in 0..12 {
        let _ = check(
            &format!("round {round}"),
            &plugin,
            &module,
            "host",
            |call| call.input("payload"),
        );
    }
}

#[test]
fn the_state_of_the_embedder_is_not_needed() {
    let module = one_function("(result i32)", "(i32.add (call $f) (call $f))");
    let function = |context: &mut HostContext<'_>| -> i32 {
        let Some(state) = context.state::<i32>() else {
            return -1;
        };
        *state += 1;
        *state
    };
    let plugin = load(config().function("env", "f", function), &module);
    let mut state = 20;
    let mut recording = None;
    let call = plugin.call("run").state(&mut state).record(&mut recording);
    let done = call.run();
    let file = recording.expect("a recording").to_bytes();
    assert_eq!(state, 22);
    assert_eq!(
        shown(&replay(&file, &module).expect("the same")),
        shown(&done)
    );
}

#[test]
fn imported_state_is_replayed() {
    let module = wat(r#"(module
            (import "env" "base" (global $base i64))
            (import "env" "memory" (memory 1))
            (import "env" "objects" (table $objects 2 externref))
            (func (export "run") (result i64)
                (i64.add (global.get $base)
                    (i64.add (i64.load (i32.const 0))
                        (i64.extend_i32_u (ref.is_null (table.get $objects (i32.const 1))))))))"#);
    let config = RunnerConfig::new()
        .global("env", "base", 40_i64)
        .memory("env", "memory", vec![2, 0, 0])
        .table("env", "objects", [ExternRef::new(1), ExternRef::new(2)]);
    let plugin = load(config, &module);
    let (done, _) = check("state", &plugin, &module, "run", |call| call);
    assert_eq!(done.expect("success").results(), [42]);
}

#[test]
fn an_incomplete_recording_says_that() {
    let module = wat(r#"(module
            (import "env" "pick" (func $pick (result funcref)))
            (func (export "run") (result i32) (ref.is_null (call $pick)))
            (func $f) (elem declare func $f)
            (global (export "g") funcref (ref.func $f)))"#);
    let config = RunnerConfig::new().function("env", "pick", |context: &mut HostContext<'_>| {
        context
            .global("g")
            .ok()
            .and_then(|value| value.get::<Option<FuncRef>>())
            .flatten()
    });
    let plugin = load(config, &module);
    let (done, file) = record(&plugin, "run", |call| call);
    done.expect("success");
    let error = replay(&file, &module).expect_err("incomplete");
    assert_eq!(error.kind(), ErrorKind::Difference);
    assert_eq!(
        error.message(),
        "the replay differs from the recording: host call 1: the recording is incomplete: a \
         reference to a function that no recorded call received"
    );
}

#[cfg(feature = "files")]
#[test]
fn files_are_replayed() {
    use pocketwasm::Files;
    let module = fixture("rust-shell");
    let files = Files::new()
        .file("/data/in.csv", "a,b\n")
        .dir("/tmp")
        .symlink("/data/l", "in.csv");
    let other = Files::new()
        .file("/data/in.csv", "a,c\n")
        .dir("/tmp")
        .symlink("/data/l", "in.csv");
    let args = ["cat", "/data/in.csv"];
    for of_runner in [false, true] {
        let config = match of_runner {
            true => RunnerConfig::new().files(&files),
            false => RunnerConfig::new(),
        };
        let plugin = load(config, &module);
        let mut recording = None;
        let mut call = plugin.call("_start").args(args);
        if !of_runner {
            call = call.files(&files);
        }
        let done = call.record(&mut recording).run();
        let mut recording = recording.expect("a recording");
        let from_memory = recording.replay(&module).expect("it has its files");
        assert_eq!(shown(from_memory.last().expect("a call")), shown(&done));
        let file = recording.to_bytes();
        let replay = |file: &[u8], files: Option<&Files>| -> Result<_, Error> {
            let recording = Recording::from_bytes(file)?;
            let replay = match files {
                Some(files) => recording.replay_with(&module, files)?,
                None => recording.replay(&module)?,
            };
            Ok(replay.into_last().expect("a call"))
        };
        assert_eq!(
            shown(&replay(&file, Some(&files)).expect("the same")),
            shown(&done)
        );
        let refused = replay(&file, Some(&other)).expect_err("other files");
        assert_eq!(
            (refused.kind(), refused.message().as_str()),
            (
                ErrorKind::Recording,
                "the files are others than those of the recorded call"
            )
        );
        let refused = replay(&file, None).expect_err("no files");
        assert!(
            refused.message().contains("give them to `replay_with`"),
            "{refused}"
        );
        recording.keep_files();
        let whole = recording.to_bytes();
        assert!(whole.len() > file.len());
        assert_eq!(
            shown(&replay(&whole, None).expect("the same")),
            shown(&done)
        );
    }
}
