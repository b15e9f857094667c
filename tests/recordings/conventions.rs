//! The fixtures of all conventions, by their toolchains.

use crate::support::{check, fixture, load};
use pocketwasm::{Call, Convention, RunnerConfig, SnapshotMode};

/// A fixture, an export, an input; whether the call succeeds.
const CALLS: &[(&str, &str, &str, bool)] = &[
    ("rust-greet", "greet", "Ada", true),
    ("c-greet", "greet", "Ada", true),
    ("zig-greet", "greet", "Ada", true),
    ("go-greet", "greet", "Ada", true),
    ("as-packed", "greet", "Ada", true),
    ("c-string", "greet", "Ada", true),
    ("as-greet", "greet", "Ada", true),
    ("as-greet", "fail", "no", false),
    ("as-old-greet", "greet", "Ada", true),
    ("as-old-greet", "utf8", "Ada", true),
    ("rust-command", "_start", "some input", true),
    ("c-command", "_start", "some input", true),
    ("zig-command", "_start", "some input", true),
    ("go-command", "_start", "some input", true),
    ("rust-clock", "_start", "", true),
    ("extism-rust", "greet", "Ada", true),
    ("extism-rust", "count_vowels", "Ada", true),
    ("extism-rust", "config", "", true),
    ("extism-rust", "counter", "", true),
    ("extism-rust", "log", "a line", true),
    ("extism-rust", "fail", "", false),
    ("extism-rust", "fetch", "", false),
    ("extism-as", "greet", "Ada", true),
    ("extism-c", "count_vowels", "Ada", true),
    ("extism-zig", "log_input", "a line", true),
    ("extism-go", "counter", "", true),
    ("wapc-rust", "greet", "Ada", true),
    ("wapc-rust", "fail", "", false),
    ("wapc-rust", "host", "payload", false),
    ("typst-rust", "greet", "Ada", true),
    ("typst-rust", "fail", "", false),
    ("rust-greet", "no such export", "Ada", false),
];

fn environment(call: Call<'_>) -> Call<'_> {
    call.args(["one", "two"])
        .env("FOO", "x")
        .env("CODE", "0")
        .config("who", "Grace")
        .seed(7)
        .clock_start(std::time::Duration::from_secs(1_000_000_000))
}

#[test]
fn a_replay_ends_as_the_call() {
    for mode in [
        SnapshotMode::Never,
        SnapshotMode::WhereItPays,
        SnapshotMode::WherePossible,
    ] {
        for (fixture, export, input, succeeds) in CALLS {
            // These are large.
            if fixture.contains("go") && mode != SnapshotMode::WhereItPays {
                continue;
            }
            let module = self::fixture(fixture);
            let plugin = load(RunnerConfig::new().snapshots(mode), &module);
            let name = format!("{fixture} {export} {mode:?}");
            let (done, _) = check(&name, &plugin, &module, export, |call| call.input(*input));
            assert_eq!(done.is_ok(), *succeeds, "{name}: {done:?}");
            let name = format!("{name} with an environment");
            let _ = check(&name, &plugin, &module, export, |call| {
                environment(call.input(*input))
            });
        }
    }
}

#[test]
fn a_typst_function_of_several_inputs_is_replayed() {
    let module = fixture("typst-rust");
    let plugin = load(RunnerConfig::new(), &module);
    let inputs: &[&[u8]] = &[b"Hello, ", b"World"];
    let mut recording = None;
    let done = plugin
        .call("concat")
        .inputs(inputs)
        .record(&mut recording)
        .run();
    let recording = recording.expect("a recording");
    let replayed = recording
        .replay(&module)
        .expect("the same")
        .into_last()
        .expect("a call");
    assert_eq!(replayed.expect("success"), done.expect("success"));
}

#[test]
fn a_cgi_script_is_replayed() {
    let module = fixture("cgi-rust");
    let plugin = load(RunnerConfig::new(), &module);
    let mut request = pocketwasm::HttpRequest::new("POST", "/a?b=c");
    request.body = b"body".to_vec();
    let mut recording = None;
    let call = plugin.call("_start").record(&mut recording);
    let (_, outcome) = call.cgi(&request).expect("a response");
    let recording = recording.expect("a recording");
    let replayed = recording
        .replay(&module)
        .expect("the same")
        .into_last()
        .expect("a call");
    assert_eq!(replayed.expect("success"), outcome);
    let (done, _) = check("cgi", &plugin, &module, "_start", |call| {
        call.convention(Convention::Cgi).input("body")
    });
    assert!(done.is_ok());
}

/// A call that asks nothing of the host is a few hundred bytes and its input.
#[test]
fn a_recording_of_a_pure_call_is_small() {
    let module = fixture("rust-greet");
    let plugin = load(RunnerConfig::new(), &module);
    for (length, most) in [(0, 400), (3, 400), (10_000, 10_400)] {
        let input = "a".repeat(length);
        let (done, file) = check("size", &plugin, &module, "greet", |call| {
            call.input(&*input)
        });
        assert_eq!(done.expect("success").bytes().len(), length + 7);
        assert!(file.len() < most, "{length}: {}", file.len());
    }
}

/// Exit codes are replayed as such.
#[test]
fn an_exit_code_is_replayed() {
    for fixture in ["rust-command", "c-command", "zig-command", "go-command"] {
        let module = self::fixture(fixture);
        let plugin = load(RunnerConfig::new(), &module);
        let (done, _) = check(fixture, &plugin, &module, "_start", |call| {
            call.env("CODE", "7")
        });
        assert_eq!(done.expect_err("an exit").exit_code(), Some(7), "{fixture}");
    }
}
