//! Handlers of http-wasm's convention.

#[cfg(feature = "explain")]
use crate::support::names;
use crate::support::{fixture, load, sealed, shown};
use pocketwasm::{
    Error, ErrorKind, HostContext, Outcome, Plugin, Recording, RunnerConfig,
    http::{Exchange, Handled, HttpRequest, HttpResponse},
};
use std::{collections::BTreeSet, time::Duration};

/// `serve-handler.wat` says what this guest does with which path.
fn by_path() -> Vec<u8> {
    wat::parse_file("fixtures/wat/serve-handler.wat").expect("a module")
}

fn request(path: &str) -> HttpRequest {
    let mut request = HttpRequest::new("POST", path);
    request.headers.push(("accept".into(), "text/plain".into()));
    request.body = b"the body of the request".to_vec();
    request.source = "127.0.0.1:4000".into();
    request
}

fn answer() -> HttpResponse {
    let mut response = HttpResponse::new(203);
    response.headers.push(("server".into(), "next".into()));
    response.body = b"the body of the response".to_vec();
    response.trailers.push(("x-end".into(), "1".into()));
    response
}

/// What a handler did: how its calls ended, and what it made if they ended well.
struct Done {
    calls: Vec<Result<Outcome, Error>>,
    made: Option<(Option<HttpRequest>, Option<HttpResponse>)>,
    recording: Recording,
}

/// Records a handler. `next` is what the next handler answers, and whether it failed.
#[track_caller]
fn handle(plugin: &Plugin, request: HttpRequest, next: Option<bool>) -> Done {
    let mut recording = None;
    let call = plugin
        .call("handle_request")
        .input("configured")
        .fuel(1_000_000);
    let mut calls = Vec::new();
    let mut made = None;
    match call.record(&mut recording).handle(request) {
        Err(error) => calls.push(Err(error)),
        Ok((Handled::Response(response), outcome)) => {
            calls.push(Ok(outcome));
            made = Some((None, Some(response)));
        }
        Ok((Handled::Next(pending), outcome)) => {
            calls.push(Ok(outcome));
            made = Some((Some(pending.request().clone()), None));
            match next {
                None => recording = pending.into_recording(),
                Some(failed) => {
                    made = None;
                    let ended = pending.finish_recorded(answer(), failed, &mut recording);
                    calls.push(ended.map(|(response, outcome)| {
                        made = Some((None, Some(response)));
                        outcome
                    }));
                }
            }
        }
        Ok((other, _)) => panic!("{other:?}"),
    }
    Done {
        calls,
        made,
        recording: recording.expect("a recording"),
    }
}

#[track_caller]
fn check(name: &str, plugin: &Plugin, module: &[u8], path: &str, next: Option<bool>) -> Done {
    let done = handle(plugin, request(path), next);
    let file = done.recording.to_bytes();
    let read = Recording::from_bytes(&file).expect(name);
    assert_eq!(read.to_bytes(), file, "{name}");
    for recording in [&done.recording, &read] {
        let replay = recording.replay(module);
        let replay = replay.unwrap_or_else(|error| panic!("{name}: {error}: {:?}", done.calls));
        let all = |calls: &[Result<Outcome, Error>]| {
            let calls: Vec<_> = calls.iter().map(|it| format!("{:?}", shown(it))).collect();
            calls
        };
        assert_eq!(all(replay.calls()), all(&done.calls), "{name}");
        match (replay.exchange(), &done.made) {
            (Some(exchange), Some((request, response))) => {
                assert_eq!(exchange.is_passed_on, request.is_some(), "{name}");
                if let Some(request) = request {
                    assert_eq!(exchange.request, *request, "{name}");
                }
                if let Some(response) = response {
                    assert_eq!(exchange.response, *response, "{name}");
                }
            }
            (None, None) => {}
            (exchange, made) => panic!("{name}: {exchange:?}, {made:?}"),
        }
    }
    done
}

#[test]
fn handlers_are_replayed() {
    let module = by_path();
    let plugin = load(RunnerConfig::new(), &module);
    let (trap, fuel, exit) = (ErrorKind::Trap, ErrorKind::OutOfFuel, ErrorKind::Exit);
    for (name, path, next, calls, kind) in [
        ("passed on", "/", None, 1, None),
        ("answered by the next", "/", Some(false), 2, None),
        ("the next failed", "/", Some(true), 2, None),
        ("its own answer", "/teapot", Some(false), 1, None),
        ("another body", "/body", Some(false), 2, None),
        ("another method", "/method", Some(false), 2, None),
        ("another path", "/go", None, 1, None),
        (
            "another body of the response",
            "/back-body",
            Some(false),
            2,
            None,
        ),
        ("many fields", "/many", Some(false), 2, None),
        ("a trap", "/trap", Some(false), 1, Some(trap)),
        ("an exit", "/leave", Some(false), 1, Some(exit)),
        ("no end", "/spin", Some(false), 1, Some(fuel)),
        (
            "a trap at the end",
            "/back-trap",
            Some(false),
            2,
            Some(trap),
        ),
        ("a status that cannot be", "/never", None, 1, None),
    ] {
        let done = check(name, &plugin, &module, path, next);
        assert_eq!(done.calls.len(), calls, "{name}");
        let last = done.calls.last().expect(name).as_ref();
        assert_eq!(last.err().map(Error::kind), kind, "{name}");
        let exports: Vec<_> = done.recording.exports().collect();
        assert_eq!(
            exports,
            ["handle_request", "handle_response"][..calls],
            "{name}"
        );
    }
    // With a snapshot, of another language, and under a deadline.
    let module = fixture("httpwasm-rust");
    let plugin = load(RunnerConfig::new(), &module);
    check("the kit of Rust", &plugin, &module, "/", Some(false));
    check(
        "denied by the kit of Rust",
        &plugin,
        &module,
        "/deny",
        Some(false),
    );
    let module = by_path();
    let config = RunnerConfig::new().timeout(Duration::from_millis(50));
    let plugin = load(config, &module);
    let mut recording = None;
    let call = plugin.call("handle_request").record(&mut recording);
    let error = call.handle(request("/spin")).expect_err("a deadline");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let replay = recording
        .expect("a recording")
        .replay(&module)
        .expect("the same end");
    let replayed = replay.into_last().expect("a call");
    assert_eq!(shown(&replayed), shown(&Err(error)));
}

/// A handler that asks its host in both calls, and calls from one function to another.
const ASKS: &str = r#"(module
    (import "env" "dice" (func $dice (result i32)))
    (import "http_handler" "set_status_code" (func $status (param i32)))
    (import "http_handler" "get_uri" (func $uri (param i32 i32) (result i32)))
    (import "http_handler" "enable_features" (func $enable (param i32) (result i32)))
    (memory (export "memory") 1)
    (global $rolled (mut i32) (i32.const 0))
    (func $check (param i32)
        (if (i32.eq (call $uri (i32.const 0) (i32.const 100)) (local.get 0)) (then (unreachable))))
    (func $request (export "handle_request") (result i64)
        (drop (call $enable (i32.const 2)))
        (global.set $rolled (call $dice))
        (call $check (i32.const 3))
        (i64.const 0x700000001))
    (func $response (export "handle_response") (param i32 i32)
        (call $check (i32.const 4))
        (call $status (i32.add (i32.const 300)
            (i32.rem_u (i32.add (global.get $rolled) (call $dice)) (i32.const 200))))))"#;

fn with_dice(config: RunnerConfig) -> RunnerConfig {
    let rolled = std::sync::atomic::AtomicI32::new(1);
    config.function("env", "dice", move |_: &mut HostContext<'_>| -> i32 {
        rolled.fetch_add(37, std::sync::atomic::Ordering::Relaxed)
    })
}

#[test]
fn a_handler_that_asks_its_host() {
    let module = wat::parse_str(ASKS).expect("a module");
    let plugin = load(with_dice(RunnerConfig::new()), &module);
    for (name, path, next) in [
        ("both calls", "/", Some(false)),
        ("one call", "/", None),
        ("a trap", "/12", Some(false)),
        ("a trap at the end", "/123", Some(false)),
    ] {
        check(name, &plugin, &module, path, next);
    }
}

#[cfg(feature = "explain")]
#[test]
fn a_failing_handler_is_explained() {
    let module = wat::parse_str(ASKS).expect("a module");
    for (name, path, expected) in [
        ("the request", "/12", ["check", "request"]),
        ("the response", "/123", ["check", "response"]),
    ] {
        // At once, whether it is recorded or not.
        let plugin = load(with_dice(RunnerConfig::new().explain(true)), &module);
        let done = check(name, &plugin, &module, path, Some(false));
        let error = done.calls.last().expect(name).as_ref().expect_err(name);
        assert_eq!(names(error), expected, "{name}");
        let error = match plugin.handle(request(path), b"") {
            Err(error) => error,
            Ok(Handled::Next(pending)) => pending.finish(answer()).expect_err(name),
            Ok(other) => panic!("{other:?}"),
        };
        assert_eq!(names(&error), expected, "{name}");
        // Later, with the plugin.
        let plugin = load(with_dice(RunnerConfig::new().keep_modules(true)), &module);
        let mut done = handle(&plugin, request(path), Some(false));
        let error = done.calls.pop().expect(name).expect_err(name);
        assert!(error.backtrace().is_none() && error.unexplained().is_none());
        let error = done.recording.explain(&plugin, error);
        assert_eq!(names(&error), expected, "{name}");
        // Elsewhere, with the module.
        let file = done.recording.to_bytes();
        let recording = Recording::from_bytes(&file).expect(name);
        let replayer = recording.replayer(&module).expect(name);
        let explained = replayer.explain().expect(name).into_last();
        let error = explained.expect(name).expect_err(name);
        assert_eq!(names(&error), expected, "{name}");
        // Whatever else looks into calls.
        let fuel = |outcome: &Result<Outcome, Error>| match outcome {
            Ok(outcome) => outcome.fuel_used(),
            Err(error) => error.outcome().expect(name).fuel_used(),
        };
        let profiles = replayer.profile().expect(name);
        let profiled: Vec<_> = profiles
            .iter()
            .map(pocketwasm::explain::Profile::fuel)
            .collect();
        let replay = replayer.run().expect(name);
        let recorded: Vec<_> = replay.calls().iter().map(fuel).collect();
        assert_eq!(profiled, recorded, "{name}");
        let debugger = replayer.debugger().expect(name);
        assert_eq!(
            debugger.stop().frames()[0].name(),
            Some(expected[1]),
            "{name}"
        );
    }
    let plugin = load(with_dice(RunnerConfig::new()), &module);
    let other = load(RunnerConfig::new().keep_modules(true), &by_path());
    for (name, of, expected) in [
        (
            "no modules",
            &plugin,
            "the runner does not keep the bytes of modules",
        ),
        (
            "another plugin",
            &other,
            "the recording is one of another module",
        ),
    ] {
        let mut done = handle(&plugin, request("/12"), None);
        let error = done.calls.pop().expect(name).expect_err(name);
        let error = done.recording.explain(of, error);
        assert_eq!(error.unexplained(), Some(expected), "{name}");
    }
}

#[test]
fn what_is_not_recorded() {
    let module = by_path();
    let plugin = load(RunnerConfig::new(), &module);
    let mut recording = None;
    let call = plugin.call("handle_request").record(&mut recording);
    let error = call.check_handler().expect_err("no call");
    assert_eq!(
        (error.kind(), &*error.message()),
        (
            ErrorKind::InvalidConfig,
            "invalid config: `record` is not possible for `check_handler`"
        )
    );
    assert!(recording.is_none());
    let call = plugin.call("handle_response").record(&mut recording);
    call.handle(request("/")).expect_err("another export");
    assert!(recording.is_none(), "it did not begin");
    // What was not recorded has no recording at its end.
    let handled = plugin.handle(request("/"), b"").expect("success");
    let Handled::Next(pending) = handled else {
        panic!("{handled:?}");
    };
    pending
        .finish_recorded(answer(), false, &mut recording)
        .expect("success");
    assert!(recording.is_none());
}

#[test]
fn another_end_is_a_difference() {
    let module = by_path();
    let plugin = load(RunnerConfig::new(), &module);
    let file = handle(&plugin, request("/body"), Some(false))
        .recording
        .to_bytes();
    for (name, from, to, expected) in [
        (
            "another method",
            "POST",
            "PUSH",
            "the replay differs from the recording: the returned bytes: expected ",
        ),
        (
            "another response",
            "the body of the response",
            "The body of the response",
            "the replay differs from the recording: the returned bytes: expected ",
        ),
        (
            "another path",
            "/body",
            "/trap",
            "the replay differs from the recording: the end: expected success, got Trap (call)",
        ),
    ] {
        let mut body = file[..file.len() - 8].to_vec();
        let at = body
            .windows(from.len())
            .position(|it| it == from.as_bytes());
        let at = at.expect(name);
        body[at..at + to.len()].copy_from_slice(to.as_bytes());
        let recording = Recording::from_bytes(&sealed(&body)).expect(name);
        let error = recording.replay(&module).expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Difference, "{name}");
        assert!(error.message().starts_with(expected), "{name}: {error}");
    }
}

#[test]
fn damaged_files_are_refused() {
    let module = by_path();
    let plugin = load(RunnerConfig::new(), &module);
    let passed = handle(&plugin, request("/"), Some(false))
        .recording
        .to_bytes();
    let body = &passed[..passed.len() - 8];
    let at = |bytes: &[u8]| {
        let found = body.windows(bytes.len()).position(|it| it == bytes);
        found.expect("it is there")
    };
    let first = at(b"\x00\x0ehandle_request");
    let second = at(b"\x02\x0fhandle_response");
    let not_two = "the recording is damaged: the calls of a handler are not one for the request and \
                   one for the response";
    for (name, place, byte, expected) in [
        ("the first is kept", first, 2, not_two),
        ("the second is in a new instance", second, 0, not_two),
        ("an instance is made", second, 1, not_two),
    ] {
        let mut changed = body.to_vec();
        changed[place] = byte;
        let error = Recording::from_bytes(&sealed(&changed)).expect_err(name);
        assert_eq!(
            (error.kind(), &*error.message()),
            (ErrorKind::Recording, expected),
            "{name}"
        );
    }
    // The second call after one that answered itself: the path is another, and its answer as well.
    let answered = handle(&plugin, request("/teapot"), None)
        .recording
        .to_bytes();
    let answered = &answered[..answered.len() - 8];
    let calls = answered
        .windows(16)
        .position(|it| it == b"\x00\x0ehandle_request");
    let calls = calls.expect("a call");
    let mut both = answered.to_vec();
    both[calls - 1] = 2;
    both.extend_from_slice(&body[second..]);
    let recording = Recording::from_bytes(&sealed(&both)).expect("a recording");
    let error = recording
        .replay(&module)
        .expect_err("no response is wanted");
    assert_eq!(
        (error.kind(), &*error.message()),
        (
            ErrorKind::Recording,
            "the recording is damaged: a handler that passed nothing on gets a response"
        )
    );
    let (mut read, mut said) = (0, BTreeSet::new());
    for at in first..body.len() {
        assert!(Recording::from_bytes(&sealed(&body[..at])).is_err(), "{at}");
        for change in [1, 2, 0xff] {
            let mut changed = body.to_vec();
            changed[at] ^= change;
            let replay = Recording::from_bytes(&sealed(&changed)).and_then(|recording| {
                read += 1;
                recording.replay(&module)
            });
            if let Err(error) = replay {
                assert!(!error.to_string().contains('\n'), "{error}");
                said.insert(format!("{:?}", error.kind()));
            }
        }
    }
    assert!(read > 100, "{read}");
    assert!(said.len() >= 2, "{said:?}");
}

#[test]
fn an_exchange_is_what_was_made() {
    let module = by_path();
    let plugin = load(RunnerConfig::new(), &module);
    let done = handle(&plugin, request("/method"), None);
    let replay = done.recording.replay(&module).expect("the same end");
    let exchange: &Exchange = replay.exchange().expect("a handler");
    assert!(exchange.is_passed_on);
    assert_eq!(exchange.request.method, "PUT");
    assert_eq!(exchange.request.header("x-seen"), Some("configured"));
    assert_eq!(replay.last().unwrap().as_ref().unwrap().bytes(), b"");
    let greet = fixture("rust-greet");
    let plugin = load(RunnerConfig::new(), &greet);
    let mut recording = None;
    plugin
        .call("greet")
        .input("Ada")
        .record(&mut recording)
        .run()
        .expect("success");
    let replay = recording.unwrap().replay(&greet).expect("the same end");
    assert!(replay.exchange().is_none());
}
