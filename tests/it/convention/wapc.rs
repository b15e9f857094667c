//! waPC, with guests that follow the convention and guests that break it.

use super::{config, fixture, load, refused, runner, text, wat};
use pocketwasm::{Error, ErrorKind, HostContext, Runner, RunnerConfig};
use proptest::prelude::*;

fn hostile(config: RunnerConfig) -> pocketwasm::Plugin {
    wat(&Runner::new(config).expect("valid"), "wapc-hostile")
}

#[test]
fn a_host_call_is_answered_by_its_operation() {
    let shout = |context: &mut HostContext<'_>, payload: &[u8]| {
        assert_eq!(context.plugin(), "wapc");
        Ok::<_, Error>(payload.to_ascii_uppercase())
    };
    let config = config()
        .fuel(10_000_000)
        .wapc_operation("b", "ns", "op", shout);
    let runner = Runner::new(config).expect("valid");
    let plugin = runner
        .load_plugin("wapc", fixture("wapc-rust.wasm"))
        .expect("loads");
    assert_eq!(text(&plugin, "host", "hello").expect("runs"), "HELLO");
}

#[test]
fn a_host_call_that_is_refused_is_the_guests_to_tell() {
    let runner = runner();
    let plugin = runner
        .load_plugin("wapc", fixture("wapc-rust.wasm"))
        .expect("loads");
    let error = text(&plugin, "host", "hello").expect_err("no such operation");
    assert_eq!(error.kind(), ErrorKind::Plugin);
    let said = "the host has no operation \"op\" in namespace \"ns\" of binding \"b\"";
    let told = error.plugin_message().expect("a message");
    assert!(told.contains(said), "{told}");
}

#[test]
fn an_operations_error_is_for_the_guest_and_a_contexts_ends_the_call() {
    let fails = |_: &mut HostContext<'_>, _: &[u8]| Err::<Vec<u8>, _>("closed on Sundays");
    let spends = |context: &mut HostContext<'_>, _: &[u8]| -> Result<Vec<u8>, Error> {
        context.charge(u64::MAX).map(|()| Vec::new())
    };
    let binding = "\0\0\0\0\u{1}\0\0\0";
    let call = |config: RunnerConfig| {
        let plugin = hostile(config);
        text(&plugin, "host", &format!("{binding}........nsop"))
    };
    refused(
        call(config().wapc_operation("h", "ns", "op", fails)),
        ErrorKind::Plugin,
        "the plugin reports: closed on Sundays",
    );
    refused(
        call(config().wapc_operation("h", "ns", "op", spends)),
        ErrorKind::OutOfFuel,
        "out of fuel: all 1000000 units of the limit `fuel` are used",
    );
    refused(
        call(config()),
        ErrorKind::Plugin,
        "the plugin reports: the host has no operation \\\"op\\\" in namespace \\\"ns\\\" of \
         binding \\\"h\\\"",
    );
}

#[test]
fn a_broken_guest_is_a_typed_error_and_the_next_call_is_clean() {
    let plugin = hostile(config().max_result_bytes(1_000).max_output_bytes(100));
    let table = [
        (
            "response",
            "",
            ErrorKind::GuestData,
            "a result at 0xffff with length 2 is outside the memory of 65536 bytes",
        ),
        (
            "lies",
            "",
            ErrorKind::TooLarge,
            "a result of 4294967295 bytes; the limit `max_result_bytes` is 1000",
        ),
        (
            "message",
            "",
            ErrorKind::GuestData,
            "the plugin's message at 0xffffffff with length 4294967295 is outside the memory of \
             65536 bytes",
        ),
        (
            "fetch",
            "",
            ErrorKind::GuestData,
            "the buffer for the request at 0xffff with length 5 is outside the memory of 65536 \
             bytes",
        ),
        (
            "host",
            "\u{7f}\u{7f}\u{7f}\u{7f}\u{1}\0\0\0",
            ErrorKind::GuestData,
            "a name for the host at 0x7f7f7f7f with length 1 is outside the memory of 65536 bytes",
        ),
        (
            "host",
            "\0\0\0\0\0\0\u{1}\0",
            ErrorKind::GuestData,
            "a name for the host has 65536 bytes; it may have 1024 (wapc)",
        ),
        (
            "neither",
            "",
            ErrorKind::Plugin,
            "the plugin reports: an error without a message",
        ),
        (
            "unknown",
            "",
            ErrorKind::Plugin,
            "the plugin reports: an error without a message",
        ),
        (
            "on and on",
            "x",
            ErrorKind::OutOfFuel,
            "out of fuel: all 1000000 units of the limit `fuel` are used",
        ),
    ];
    for (operation, payload, kind, said) in table {
        refused(text(&plugin, operation, payload), kind, said);
        let clean = plugin.call("echo").input("x").run().expect(operation);
        assert_eq!((clean.bytes(), clean.stdout()), (&b"x"[..], &b"x\n"[..]));
    }
    assert_eq!(text(&plugin, "answers", "").expect("empty"), "");
}

#[test]
fn a_guest_is_readied_once_and_in_order() {
    let plugin = hostile(config());
    let mut instance = plugin.instantiate().expect("instance");
    for _ in 0..2 {
        instance.call("echo").input("x").run().expect("echoes");
    }
    let order = instance.call("order").run().expect("runs");
    assert_eq!(order.results(), [123]);
}

/// A guest whose host calls it back for each host call.
#[test]
fn recursion_through_host_calls_ends_at_its_limit() {
    for depth in [1, 16] {
        let again = |context: &mut HostContext<'_>, _: &[u8]| -> Result<Vec<u8>, Error> {
            context.call("__guest_call", &[4, 10]).map(|_| Vec::new())
        };
        let config = config()
            .max_host_depth(depth)
            .max_host_stack_bytes(8 << 20)
            .wapc_operation("h", "ns", "op", again);
        let plugin = hostile(config);
        let next = depth + 1;
        refused(
            text(&plugin, "host", "\0\0\0\0\u{1}\0\0\0........nsop"),
            ErrorKind::Host,
            &format!(
                "calls from host functions back into the guest nest {next} deep; the limit \
                 `max_host_depth` is {depth}"
            ),
        );
        assert_eq!(text(&plugin, "echo", "x").expect("clean"), "x");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever numbers a guest passes to its host, in whatever order, and returns, the call ends
    /// in a result or a typed error.
    #[test]
    fn any_numbers_end_in_a_result_or_a_typed_error(
        steps in prop::collection::vec(
            (
                0_usize..9,
                prop::array::uniform8(prop_oneof![
                    0_i32..80, 65_500_i32..65_600, any::<i32>()
                ]),
            ),
            0..8,
        ),
        ok in prop_oneof![Just(0), Just(1), any::<i32>()],
        input in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let functions = [
            ("__guest_request", 2, false), ("__guest_response", 2, false),
            ("__guest_error", 2, false), ("__host_call", 8, true),
            ("__host_response_len", 0, true), ("__host_response", 1, false),
            ("__host_error_len", 0, true), ("__host_error", 1, false),
            ("__console_log", 2, false),
        ];
        let imports: String = functions.iter().map(|(name, params, gives)| {
            let params = "i32 ".repeat(*params);
            let result = if *gives { "i32" } else { "" };
            format!(r#"(import "wapc" "{name}" (func ${name} (param {params}) (result {result})))"#)
        }).collect();
        let body: String = steps.iter().map(|(index, numbers)| {
            let (name, params, gives) = functions[*index];
            let numbers: String = numbers.iter().take(params)
                .map(|number| format!("(i32.const {number})")).collect();
            let call = format!("(call ${name} {numbers})");
            if gives { format!("(drop {call})") } else { call }
        }).collect();
        let echo = |_: &mut HostContext<'_>, payload: &[u8]| Ok::<_, Error>(payload.to_vec());
        let config = config().max_result_bytes(1_000).wapc_operation("", "", "", echo);
        let plugin = load(&Runner::new(config).expect("valid"), "any", &format!(
            r#"(module {imports} (memory (export "memory") 1)
                (func (export "__guest_call") (param i32 i32) (result i32)
                    {body} (i32.const {ok})))"#
        ));
        match plugin.call("operation").input(&input).run() {
            Ok(_) => prop_assert_eq!(ok, 1),
            // An error that the guest sent counts even if its status says success.
            Err(error) if error.kind() == ErrorKind::Plugin => {
                let sends_error = steps.iter().any(|(index, _)| functions[*index].0 == "__guest_error");
                prop_assert!(ok != 1 || sends_error);
            }
            Err(error) => {
                let kind = error.kind();
                prop_assert!(
                    matches!(kind, ErrorKind::GuestData | ErrorKind::TooLarge),
                    "{:?}", kind
                );
            }
        }
    }
}
