//! Extism plugins built with its kits for five languages. All of them do the same through the host
//! functions. `tests/extism_reference` checks that Extism's own runtime returns the same results.

use super::{fixture, runner, text};
use pocketwasm::{ErrorKind, Plugin, Runner};
use std::sync::{LazyLock, Mutex, Once};

const GUESTS: [&str; 5] = [
    "extism-rust",
    "extism-as",
    "extism-c",
    "extism-zig",
    "extism-go",
];

/// A test for each guest, in a runner without an HTTP client. Go's takes a while to compile.
fn each(test: impl Fn(&str, &Plugin)) {
    static PLUGINS: LazyLock<[Plugin; 5]> = LazyLock::new(|| {
        let runner = runner();
        GUESTS.map(|guest| loaded(&runner, guest))
    });
    for plugin in &*PLUGINS {
        test(plugin.name(), plugin);
    }
}

fn loaded(runner: &Runner, guest: &str) -> Plugin {
    let module = fixture(&format!("{guest}.wasm"));
    runner.load_plugin(guest, module).expect(guest)
}

/// The calls of each instance in the file, with what Extism's own runtime answers.
#[cfg(feature = "http")]
#[test]
fn answers_are_those_of_extisms_own_runtime() {
    use super::{config, extism::Mirror, load};
    use serde_json::Value;

    let cases = include_str!("../../extism_reference/cases.json");
    let cases: Vec<Value> = serde_json::from_str(cases).expect("JSON");
    assert!(cases.len() > 20);
    for case in &cases {
        let file = case["plugin"].as_str().expect("a file");
        let mut settings = config().fuel(100_000_000).http_client(Mirror::default());
        for host in case["hosts"].as_array().into_iter().flatten() {
            settings = settings.allow_host(host.as_str().expect("a host"));
        }
        let runner = Runner::new(settings).expect("valid");
        let plugin = match file.strip_suffix(".wasm") {
            Some(guest) => loaded(&runner, guest),
            None => load(&runner, file, &String::from_utf8_lossy(&fixture(file))),
        };
        let mut instance = plugin.instantiate().expect(file);
        for call in case["calls"].as_array().expect("calls") {
            let input = call["input"].as_str().unwrap_or_default();
            let input = input.replace("PORT", "80");
            let mut made = instance
                .call(call["export"].as_str().expect("an export"))
                .input(&input);
            for (key, value) in case["config"].as_object().into_iter().flatten() {
                made = made.config(key, value.as_str().expect("text"));
            }
            let answer = match made.run() {
                Ok(outcome) => ("output", String::from_utf8_lossy(outcome.bytes()).into()),
                Err(error) => ("error", error.plugin_message().unwrap_or_default().into()),
            };
            let (kind, text): (&str, String) = answer;
            // Its interface gives an error up to the first zero byte; of failures only that.
            let text = match kind {
                "error" => text.split('\0').next().unwrap_or_default(),
                _ => &text,
            };
            let expected = call[kind].as_str().map(|text| text.replace("PORT", "80"));
            let same =
                expected.as_deref() == Some(text) || kind == "error" && call["fails"] == true;
            assert!(same, "{file}: {call}: {kind} {text:?}");
            if instance.is_poisoned() {
                instance = plugin.instantiate().expect(file);
            }
        }
    }
}

#[test]
fn input_and_output_are_of_any_length() {
    each(|guest, plugin| {
        for length in [0, 1, 7, 8, 9, 1_000] {
            let name = "ä".repeat(length);
            let greeting = text(plugin, "greet", &name).expect(guest);
            assert_eq!(greeting, format!("Hello, {name}"), "{guest}");
        }
        let counted = text(plugin, "count_vowels", "Queueing Äpfel").expect(guest);
        assert_eq!(counted, r#"{"count":6}"#, "{guest}");
    });
}

#[test]
fn configuration_is_a_calls_own() {
    each(|guest, plugin| {
        let call = || plugin.call("config").input("");
        assert_eq!(call().run().expect(guest).bytes(), b"", "{guest}");
        let told = call().config("who", "Ada").config("other", "x").run();
        assert_eq!(told.expect(guest).bytes(), b"Ada", "{guest}");
    });
}

#[test]
fn variables_live_as_long_as_their_instance() {
    each(|guest, plugin| {
        for _ in 0..2 {
            assert_eq!(text(plugin, "counter", "").expect(guest), "1", "{guest}");
        }
        let mut instance = plugin.instantiate().expect(guest);
        for count in ["1", "2", "3"] {
            let outcome = instance.call("counter").input("").run().expect(guest);
            assert_eq!(outcome.bytes(), count.as_bytes(), "{guest}");
        }
        assert_eq!(text(plugin, "counter", "").expect(guest), "1", "{guest}");
    });
}

#[test]
fn an_error_is_the_plugins_own() {
    each(|guest, plugin| {
        let error = text(plugin, "fail", "").expect_err(guest);
        assert_eq!(error.kind(), ErrorKind::Plugin, "{guest}");
        assert_eq!(error.plugin_message(), Some("no thanks"), "{guest}");
    });
}

/// What plugins have logged in this process: target, level and line.
static LOGGED: Mutex<Vec<(String, log::Level, String)>> = Mutex::new(Vec::new());

struct Logged;

impl log::Log for Logged {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target() == "pocketwasm::plugin"
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let target = record.target().to_string();
            let line = (target, record.level(), record.args().to_string());
            LOGGED.lock().expect("unpoisoned").push(line);
        }
    }

    fn flush(&self) {}
}

#[test]
fn logs_reach_the_hosts_log_by_the_plugins_name() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        log::set_logger(&Logged).expect("the only logger");
        log::set_max_level(log::LevelFilter::Info);
    });
    each(|guest, plugin| {
        let export = if guest == "extism-zig" {
            "log_input"
        } else {
            "log"
        };
        assert_eq!(text(plugin, export, "one\ntwo").expect(guest), "");
        let (target, line) = ("pocketwasm::plugin", format!("{guest}: one\\ntwo"));
        let logged = LOGGED.lock().expect("unpoisoned");
        let of_guest = logged.iter().filter(|(.., other)| *other == line);
        let of_guest: Vec<_> = of_guest.collect();
        assert_eq!(
            of_guest,
            [&(target.to_string(), log::Level::Info, line.clone())],
            "{guest}"
        );
    });
}

#[cfg(feature = "http")]
#[test]
fn a_page_is_fetched_where_a_client_and_the_host_are_granted() {
    use super::{config, extism::Mirror, refused};

    let granted = config()
        .fuel(100_000_000)
        .http_client(Mirror::default())
        .allow_host("Example.org");
    let granted = Runner::new(granted).expect("valid");
    each(|guest, plugin| {
        refused(
            text(plugin, "fetch", ""),
            ErrorKind::Host,
            "an HTTP request to \"example.org\" was refused: this runner has no HTTP client",
        );
        let page = text(&loaded(&granted, guest), "fetch", "").expect(guest);
        assert_eq!(page, "GET https://example.org/", "{guest}");
    });
}
