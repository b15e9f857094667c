//! Extism, with guests that follow the convention and guests that break it.

use super::{config, load, refused, runner, text, wat};
use pocketwasm::{Error, ErrorKind, HostContext, Runner};
use proptest::prelude::*;

const NOWHERE: &str = "is in no block of the plugin's memory on the host's side (extism)";

#[test]
fn a_variable_is_set_got_and_deleted() {
    let runner = runner();
    let plugin = wat(&runner, "extism-hostile");
    let mut instance = plugin.instantiate().expect("instance");
    for (export, input, output) in [
        ("swap", "a", ""),
        ("swap", "b", ""),
        ("swap", "a", "a"),
        ("forget", "a", ""),
        ("swap", "a", ""),
        ("swap", "b", "b"),
    ] {
        let outcome = instance.call(export).input(input).run().expect(export);
        assert_eq!(outcome.bytes(), output.as_bytes(), "{export} {input}");
    }
}

#[test]
fn a_broken_plugin_is_a_typed_error_and_the_next_call_is_clean() {
    let runner = Runner::new(
        config()
            .max_exchange_bytes(100_000)
            .max_variable_bytes(1_000)
            .max_output_bytes(1_000),
    );
    let runner = runner.expect("valid");
    let plugin = wat(&runner, "extism-hostile");
    let nowhere = |what: &str| format!("{what} at offset 0xdead {NOWHERE}");
    let out_of_fuel = "out of fuel: all 1000000 units of the limit `fuel` are used";
    let table = [
        (
            "output_lies",
            ErrorKind::GuestData,
            format!("the output at offset 0x10 {NOWHERE}"),
        ),
        (
            "output_nowhere",
            ErrorKind::GuestData,
            nowhere("the output"),
        ),
        ("error_nowhere", ErrorKind::GuestData, nowhere("the error")),
        (
            "error_freed",
            ErrorKind::Plugin,
            "the plugin reports: no!\\u{0}\\u{0}\\u{0}\\u{0}\\u{0}".to_string(),
        ),
        (
            "error_then_trap",
            ErrorKind::Plugin,
            "the plugin reports: no\\n\\u{0}\\u{0}\\u{0}\\u{0}\\u{0}".to_string(),
        ),
        (
            "status",
            ErrorKind::Plugin,
            "the plugin reports: status 134 and no message".to_string(),
        ),
        (
            "two_results",
            ErrorKind::Signature,
            "has type () -> (i32, i32); passing bytes needs () -> (i32) (extism)".to_string(),
        ),
        (
            "alloc_too_much",
            ErrorKind::TooLarge,
            "the plugin's memory on the host's side of 18446744073709551615 bytes; the limit \
             `max_exchange_bytes` is 100000"
                .to_string(),
        ),
        (
            "alloc_for_ever",
            ErrorKind::TooLarge,
            "the plugin's memory on the host's side of 100039 bytes; the limit \
             `max_exchange_bytes` is 100000"
                .to_string(),
        ),
        (
            "config_nowhere",
            ErrorKind::GuestData,
            nowhere("a configuration key"),
        ),
        (
            "var_nowhere",
            ErrorKind::GuestData,
            nowhere("a variable's name"),
        ),
        (
            "var_value_nowhere",
            ErrorKind::GuestData,
            nowhere("a variable's value"),
        ),
        (
            "used_twice",
            ErrorKind::GuestData,
            format!("a variable's name at offset 0x20 {NOWHERE}"),
        ),
        (
            "vars_for_ever",
            ErrorKind::TooLarge,
            "the plugin's variables of 1040 bytes; the limit `max_variable_bytes` is 1000"
                .to_string(),
        ),
        (
            "log_nowhere",
            ErrorKind::GuestData,
            nowhere("a message to log"),
        ),
        (
            "log_for_ever",
            ErrorKind::OutOfFuel,
            out_of_fuel.to_string(),
        ),
    ];
    for (export, kind, said) in table {
        refused(text(&plugin, export, "fives"), kind, &said);
        assert_eq!(text(&plugin, "echo", "fives").expect(export), "fives");
    }
    for (export, output) in [
        ("frees_output", "fives"),
        ("frees_input", ""),
        ("part_of_input", "ive"),
        ("error_taken_back", ""),
        ("void", ""),
        ("alloc_and_free", ""),
        ("edges", ""),
    ] {
        assert_eq!(text(&plugin, export, "fives").expect(export), output);
    }
}

#[test]
fn the_input_counts_as_the_plugins_memory() {
    let runner = Runner::new(config().max_exchange_bytes(100)).expect("valid");
    let plugin = wat(&runner, "extism-hostile");
    assert_eq!(
        text(&plugin, "echo", &"x".repeat(36)).expect("fits").len(),
        36
    );
    refused(
        text(&plugin, "echo", &"x".repeat(37)),
        ErrorKind::TooLarge,
        "the plugin's memory on the host's side of 101 bytes; the limit `max_exchange_bytes` is 100",
    );
}

#[test]
fn user_functions_have_blocks() {
    let shout = |context: &mut HostContext<'_>, offset: u64| -> Result<u64, Error> {
        let loud = context.extism_block(offset)?.to_ascii_uppercase();
        context.new_extism_block(&loud)
    };
    let config = config().function("extism:host/user", "shout", shout);
    let runner = Runner::new(config).expect("valid");
    let plugin = load(
        &runner,
        "user",
        r#"(module
            (import "extism:host/user" "shout" (func $shout (param i64) (result i64)))
            (import "extism:host/env" "input_offset" (func $input (result i64)))
            (import "extism:host/env" "length" (func $length (param i64) (result i64)))
            (import "extism:host/env" "output_set" (func $output (param i64 i64)))
            (func (export "shout") (result i32) (local $loud i64)
                (local.set $loud (call $shout (call $input)))
                (call $output (local.get $loud) (call $length (local.get $loud)))
                (i32.const 0))
            (func (export "nowhere") (result i32)
                (drop (call $shout (i64.const 0xdead)))
                (i32.const 0)))"#,
    );
    assert_eq!(text(&plugin, "shout", "hello").expect("runs"), "HELLO");
    refused(
        text(&plugin, "nowhere", "hello"),
        ErrorKind::GuestData,
        "no block of Extism's memory begins at offset 0xdead",
    );
}

#[test]
fn recursion_through_host_calls_ends_at_its_limit() {
    let again = |context: &mut HostContext<'_>, offset: u64| -> Result<u64, Error> {
        context.call("dive", &[])?;
        Ok(offset)
    };
    let config = config()
        .max_host_depth(4)
        .max_host_stack_bytes(8 << 20)
        .function("extism:host/user", "again", again);
    let runner = Runner::new(config).expect("valid");
    let plugin = load(
        &runner,
        "dive",
        r#"(module
            (import "extism:host/user" "again" (func $again (param i64) (result i64)))
            (import "extism:host/env" "input_offset" (func $input (result i64)))
            (func (export "dive") (result i32)
                (drop (call $again (call $input)))
                (i32.const 0)))"#,
    );
    refused(
        text(&plugin, "dive", "hello"),
        ErrorKind::Host,
        "calls from host functions back into the guest nest 5 deep; the limit `max_host_depth` \
         is 4",
    );
}

#[test]
fn configuration_is_bounded_by_what_is_set_and_not_by_what_was() {
    let runner = Runner::new(config().max_input_bytes(10)).expect("valid");
    let plugin = wat(&runner, "extism-hostile");
    let mut call = plugin.call("echo").input("");
    for value in ["1234567", "123", "1234567"] {
        call = call.config("who", value);
    }
    call.run().expect("ten bytes");
    let call = plugin.call("echo").input("").config("who", "12345678");
    refused(
        call.run(),
        ErrorKind::TooLarge,
        "the configuration of 11 bytes; the limit `max_input_bytes` is 10",
    );
}

#[test]
fn haskells_runtime_is_started_after_the_modules_own_initialiser() {
    let runner = runner();
    let plugin = load(
        &runner,
        "haskell",
        r#"(module
            (import "extism:host/env" "input_offset" (func $input (result i64)))
            (global $order (mut i32) (i32.const 0))
            (func $then (param i32)
                (global.set $order
                    (i32.add (i32.mul (global.get $order) (i32.const 10)) (local.get 0))))
            (func (export "_initialize") (call $then (i32.const 1)))
            (func (export "hs_init") (param i32 i32)
                (call $then (i32.add (i32.const 2) (i32.add (local.get 0) (local.get 1)))))
            (func (export "order") (result i32) (global.get $order)))"#,
    );
    let outcome = plugin.call("order").run().expect("runs");
    assert_eq!(outcome.results(), [12]);
}

#[cfg(feature = "http")]
pub(super) use http::Mirror;

#[cfg(feature = "http")]
mod http {
    use super::*;
    use pocketwasm::http::{HttpClient, HttpRequest, HttpResponse};
    use std::{
        error::Error as StdError,
        sync::{Arc, Mutex},
        time::Duration,
    };

    /// Answers every request with its own method and URL.
    #[derive(Clone, Default)]
    pub(crate) struct Mirror(Arc<Mutex<Vec<HttpRequest>>>);

    impl HttpClient for Mirror {
        fn send(
            &self,
            request: &HttpRequest,
            timeout: Duration,
            max_bytes: usize,
        ) -> Result<HttpResponse, Box<dyn StdError + Send + Sync>> {
            assert!(timeout <= Duration::from_secs(60));
            self.0.lock().expect("unpoisoned").push(request.clone());
            if request.uri.ends_with("/broken") {
                return Err("connection refused".into());
            }
            let mut response = HttpResponse::new(203);
            response.headers.push(("X-Seen".into(), "1".into()));
            response.body = if request.uri.ends_with("/endless") {
                vec![0; max_bytes + 1]
            } else {
                format!("{} {}", request.method, request.uri).into_bytes()
            };
            Ok(response)
        }
    }

    #[test]
    fn only_allowed_hosts_and_plain_urls_are_requested() {
        let mirror = Mirror::default();
        let config = config()
            .http_client(mirror.clone())
            .allow_host("example.org")
            .allow_host("*.example.net")
            .allow_host("[::1]")
            .max_input_bytes(2_000);
        let runner = Runner::new(config).expect("valid");
        let plugin = wat(&runner, "extism-hostile");
        let fetch = |url: &str| text(&plugin, "fetch", &format!(r#"{{"url":"{url}"}}"#));
        for url in [
            "http://example.org",
            "https://EXAMPLE.org:8443/a?b@c#d",
            "https://a.example.net/",
            "https://a.b.example.net",
            "http://[::1]:80/",
        ] {
            assert_eq!(fetch(url).expect(url), format!("GET {url}"));
        }
        let sent = mirror.0.lock().expect("unpoisoned").len();
        let allowed = "was refused: allowed hosts are: example.org, *.example.net, [::1]";
        let malformed = "an HTTP request that cannot be sent:";
        for (url, kind, said) in [
            (
                "https://example.com/",
                ErrorKind::Host,
                format!("an HTTP request to \"example.com\" {allowed}"),
            ),
            (
                "https://example.net/",
                ErrorKind::Host,
                format!("an HTTP request to \"example.net\" {allowed}"),
            ),
            (
                "https://evil-example.net/",
                ErrorKind::Host,
                format!("an HTTP request to \"evil-example.net\" {allowed}"),
            ),
            (
                "https://example.org@evil.com/",
                ErrorKind::GuestData,
                format!("{malformed} its URL names no plain host"),
            ),
            (
                "https://evil.com\\\\@example.org/",
                ErrorKind::GuestData,
                format!("{malformed} its URL has characters that a URL cannot have"),
            ),
            (
                "https://example.org\\n.evil.com/",
                ErrorKind::GuestData,
                format!("{malformed} its URL has characters that a URL cannot have"),
            ),
            (
                "https:///example.org",
                ErrorKind::GuestData,
                format!("{malformed} its URL names no plain host"),
            ),
            (
                "file:///etc/passwd",
                ErrorKind::GuestData,
                format!("{malformed} its URL begins with neither http:// nor https://"),
            ),
        ] {
            refused(fetch(url), kind, &said);
        }
        assert_eq!(mirror.0.lock().expect("unpoisoned").len(), sent);
        refused(
            fetch("http://example.org/broken"),
            ErrorKind::Host,
            "an HTTP request to \"example.org\" failed: connection refused",
        );
        refused(
            fetch("http://example.org/endless"),
            ErrorKind::TooLarge,
            "an HTTP response of 2001 bytes; the limit `max_input_bytes` is 2000",
        );
    }

    #[test]
    fn a_call_can_allow_hosts_of_its_own() {
        let mirror = Mirror::default();
        let config = config().http_client(mirror).allow_host("example.org");
        let runner = Runner::new(config).expect("valid");
        let plugin = wat(&runner, "extism-hostile");
        let fetch = |allowed: &str, host: &str| {
            let input = format!(r#"{{"url":"http://{host}/"}}"#);
            let call = plugin.call("fetch").input(&input);
            let call = match allowed {
                "" => call,
                allowed => call.allow_host(allowed),
            };
            let text = |outcome: pocketwasm::Outcome| String::from_utf8(outcome.into_bytes());
            call.run().map(|outcome| text(outcome).expect("UTF-8"))
        };
        for host in ["example.org", "a.example.net"] {
            let answer = fetch("*.Example.net", host).expect(host);
            assert_eq!(answer, format!("GET http://{host}/"));
        }
        let refusal = |host: &str, allowed: &str| {
            format!("an HTTP request to \"{host}\" was refused: allowed hosts are: {allowed}")
        };
        refused(
            fetch("*.Example.net", "example.com"),
            ErrorKind::Host,
            &refusal("example.com", "example.org, *.example.net"),
        );
        refused(
            fetch("", "a.example.net"),
            ErrorKind::Host,
            &refusal("a.example.net", "example.org"),
        );
        refused(
            fetch("http://x", "example.org"),
            ErrorKind::InvalidConfig,
            "invalid config: `allow_host` is \"http://x\"; it must be a host as in a URL, without \
             scheme, port and path: example.org, *.example.org, [::1], or * for any",
        );
    }

    #[test]
    fn what_is_no_request_is_not_sent() {
        let mirror = Mirror::default();
        let config = config().http_client(mirror.clone()).allow_host("*");
        let runner = Runner::new(config).expect("valid");
        let plugin = wat(&runner, "extism-hostile");
        for (json, said) in [
            ("{}", "an HTTP request that cannot be sent: it has no `url`"),
            (
                r#"{"url":"http://a/","method":"GET / HTTP/1.1"}"#,
                "an HTTP request that cannot be sent: the method \"GET / HTTP/1.1\"",
            ),
            (
                r#"{"url":"http://a/","headers":{"a\r\nb":"c"}}"#,
                "an HTTP request that cannot be sent: the field \"a\\r\\nb\"",
            ),
            (
                r#"{"url":5}"#,
                "an HTTP request that cannot be sent: its `url` is not a string",
            ),
            (
                r#"{"url":"http://a/","method":5}"#,
                "an HTTP request that cannot be sent: its `method` is not a string",
            ),
            (
                r#"{"url":"http://a/","headers":["a"]}"#,
                "an HTTP request that cannot be sent: its `headers` are not an object",
            ),
            (
                r#"{"url":"http://a/","headers":null}"#,
                "an HTTP request that cannot be sent: its `headers` are not an object",
            ),
            (
                r#"{"url":"http://a/","headers":{"a":5}}"#,
                "an HTTP request that cannot be sent: the field \"a\" is not a string",
            ),
            (
                r#"{"url":"http://a/","headers":{"a":null}}"#,
                "an HTTP request that cannot be sent: the field \"a\" is not a string",
            ),
            (
                r#"["http://a/"]"#,
                "an HTTP request that cannot be sent: it has no `url`",
            ),
            (
                "nonsense",
                "an HTTP request that is not JSON: expected ident at line 1 column 2",
            ),
        ] {
            refused(text(&plugin, "fetch", json), ErrorKind::GuestData, said);
        }
        refused(
            text(&plugin, "fetch_nowhere", ""),
            ErrorKind::GuestData,
            &format!("an HTTP request at offset 0xdead {NOWHERE}"),
        );
        assert!(mirror.0.lock().expect("unpoisoned").is_empty());
    }
}

#[cfg(not(feature = "http"))]
#[test]
fn a_build_without_http_says_so() {
    let runner = runner();
    let plugin = runner
        .load_plugin("extism", super::fixture("extism-rust.wasm"))
        .expect("loads");
    refused(
        text(&plugin, "fetch", ""),
        ErrorKind::Host,
        "an HTTP request was refused: this build is without the feature `http`",
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever numbers a plugin passes to its host, in whatever order, the call ends in a result
    /// or a typed error.
    #[test]
    fn any_numbers_end_in_a_result_or_a_typed_error(
        steps in prop::collection::vec(
            (0_usize..12, prop_oneof![0_i64..80, any::<i64>()], prop_oneof![0_i64..80, any::<i64>()]),
            1..12,
        ),
        status in prop_oneof![Just(0), any::<i32>()],
    ) {
        let functions = [
            ("alloc", "i64", "i64"), ("free", "i64", ""), ("length", "i64", "i64"),
            ("load_u8", "i64", "i32"), ("load_u64", "i64", "i64"),
            ("store_u64", "i64 i64", ""), ("output_set", "i64 i64", ""), ("error_set", "i64", ""),
            ("config_get", "i64", "i64"), ("var_get", "i64", "i64"), ("var_set", "i64 i64", ""),
            ("log_info", "i64", ""),
        ];
        let imports: String = functions.iter().map(|(name, params, results)| format!(
            r#"(import "extism:host/env" "{name}" (func ${name} (param {params}) (result {results})))"#
        )).collect();
        let body: String = steps.iter().map(|(index, a, b)| {
            let (name, params, results) = functions[*index];
            let second = if params.contains(' ') { format!("(i64.const {b})") } else { String::new() };
            let call = format!("(call ${name} (i64.const {a}) {second})");
            if results.is_empty() { call } else { format!("(drop {call})") }
        }).collect();
        let runner = Runner::new(config().max_exchange_bytes(10_000)).expect("valid");
        let plugin = load(&runner, "any", &format!(
            r#"(module {imports} (func (export "f") (result i32) {body} (i32.const {status})))"#
        ));
        if let Err(error) = text(&plugin, "f", "input") {
            let kind = error.kind();
            prop_assert!(
                matches!(kind, ErrorKind::GuestData | ErrorKind::TooLarge | ErrorKind::Plugin),
                "{:?}", kind
            );
        } else {
            prop_assert_eq!(status, 0);
        }
    }
}
