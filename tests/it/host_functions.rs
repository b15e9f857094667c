//! Host functions that an embedder registers for plugins.

use crate::convention::{config, load, refused};
use pocketwasm::{CancelToken, Error, ErrorKind, HostContext, Runner, RunnerConfig};
use std::{error::Error as _, fmt, time::Duration};

/// A guest whose `f` passes its parameters on to `env.f` of the same type.
fn relay(params: &str, results: &str) -> String {
    let gets: String = (0..params.split_whitespace().count())
        .map(|index| format!("(local.get {index})"))
        .collect();
    format!(
        r#"(module
            (import "env" "f" (func $f (param {params}) (result {results})))
            (memory (export "memory") 1)
            (data (i32.const 16) "hello\ff")
            (func (export "f") (param {params}) (result {results}) (call $f {gets}))
            (func (export "double") (param i32) (result i32)
                (i32.mul (local.get 0) (i32.const 2)))
            (func (export "trap") (unreachable)))"#
    )
}

fn plugin(config: RunnerConfig, params: &str, results: &str) -> pocketwasm::Plugin {
    let runner = Runner::new(config).expect("valid");
    load(&runner, "relay", &relay(params, results))
}

#[test]
fn every_type_of_number_passes_both_ways() {
    macro_rules! same {
        ($($ty:ident: $wasm:literal, $bits:expr;)*) => {$(
            let same = |_: &mut HostContext<'_>, value: $ty| value;
            let same = plugin(config().function("env", "f", same), $wasm, $wasm);
            let outcome = same.call("f").params(&[$bits]).run().expect($wasm);
            assert_eq!(outcome.results(), [$bits], stringify!($ty));
        )*};
    }
    same! {
        i32: "i32", 0xffff_fffe;
        u32: "i32", 0xffff_fffe;
        i64: "i64", u64::MAX - 1;
        u64: "i64", u64::MAX - 1;
        f32: "f32", u64::from((-1.5_f32).to_bits());
        f64: "f64", (-1.5_f64).to_bits();
    }
}

#[test]
fn several_parameters_and_results() {
    let swap =
        |_: &mut HostContext<'_>, a: i32, b: f64| -> Result<(f64, i32), Error> { Ok((b, a)) };
    let plugin = plugin(config().function("env", "f", swap), "i32 f64", "f64 i32");
    let outcome = plugin.call("f").params(&[7, 2.5_f64.to_bits()]).run();
    assert_eq!(outcome.expect("runs").results(), [2.5_f64.to_bits(), 7]);
}

#[test]
fn a_context_reads_and_writes_memory_within_its_bounds() {
    let shout = |context: &mut HostContext<'_>, pointer: u32, length: u32| -> Result<i32, Error> {
        let text = context.read_text(pointer, length)?.to_uppercase();
        context.write(pointer, text.as_bytes())?;
        assert!(context.write_stdout(text.as_bytes())?);
        assert!(context.write_stderr(context.plugin().to_owned().as_bytes())?);
        assert_eq!(context.memory_size(), 65_536);
        assert_eq!(context.read(pointer, length)?, text.as_bytes());
        Ok(0)
    };
    let plugin = plugin(config().function("env", "f", shout), "i32 i32", "i32");
    let outcome = plugin.call("f").params(&[16, 5]).run().expect("runs");
    assert_eq!(
        (outcome.stdout(), outcome.stderr()),
        (&b"HELLO"[..], &b"relay"[..])
    );
    for (name, params, said) in [
        (
            "beyond the end",
            [65_535, 2],
            "what the host function reads or writes at 0xffff with length 2 is outside the memory \
             of 65536 bytes",
        ),
        (
            "all there is and more",
            [0xffff_ffff, 0xffff_ffff],
            "what the host function reads or writes at 0xffffffff with length 4294967295 is \
             outside the memory of 65536 bytes",
        ),
        (
            "no text",
            [16, 6],
            "what the host function reads at 0x10 is not UTF-8",
        ),
    ] {
        let result = plugin.call("f").params(&params).run();
        let error = result.expect_err(name);
        assert_eq!(
            (error.kind(), error.message().as_str()),
            (ErrorKind::GuestData, said)
        );
        let clean = plugin.call("f").params(&[16, 5]).run().expect(name);
        assert_eq!(clean.stdout(), b"HELLO");
    }
}

#[derive(Debug)]
struct Full(u32);

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the shelf has room for {}\nand no more", self.0)
    }
}

impl std::error::Error for Full {}

#[test]
fn an_error_of_the_embedders_ends_the_call_with_its_cause() {
    let full = |_: &mut HostContext<'_>| -> Result<i32, Full> { Err(Full(3)) };
    let plugin = plugin(config().function("env", "f", full), "", "i32");
    let error = plugin.call("f").run().expect_err("full");
    assert_eq!(error.kind(), ErrorKind::Host);
    assert_eq!(
        error.to_string(),
        "plugin \"relay\", export \"f\": host function \"env\" \"f\": the shelf has room for 3"
    );
    let cause = error
        .source()
        .and_then(|source| source.downcast_ref::<Full>());
    assert_eq!(cause.map(|full| full.0), Some(3));
}

#[test]
fn text_is_an_error_too() {
    let refuse = |_: &mut HostContext<'_>| -> Result<i32, &'static str> { Err("not today") };
    let plugin = plugin(config().function("env", "f", refuse), "", "i32");
    refused(
        plugin.call("f").run(),
        ErrorKind::Host,
        "host function \"env\" \"f\": not today",
    );
}

#[test]
fn a_panic_is_an_error_and_the_runner_goes_on() {
    let panics = |_: &mut HostContext<'_>, odd: i32| -> i32 {
        assert_eq!(odd % 2, 0, "odd\nnumber");
        odd
    };
    let plugin = plugin(config().function("env", "f", panics), "i32", "i32");
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let odd = plugin.call("f").params(&[1]).run();
    std::panic::set_hook(hook);
    refused(
        odd,
        ErrorKind::Host,
        "a host function panicked: assertion `left == right` failed: odd",
    );
    let even = plugin.call("f").params(&[2]).run().expect("even");
    assert_eq!(even.results(), [2]);
}

#[test]
fn another_type_is_refused_at_load_with_both() {
    let runner = Runner::new(config().function(
        "env",
        "f",
        |_: &mut HostContext<'_>, _: i64, _: f32| -> i32 { 0 },
    ));
    let module = wat::parse_str(relay("i32", "i32")).expect("text");
    refused(
        runner.expect("valid").load_plugin("relay", module),
        ErrorKind::UnsupportedImport,
        "unsupported import: \"env\" \"f\" of type (i32) -> (i32): the function has type \
         (i64, f32) -> (i32)",
    );
}

#[test]
fn an_import_that_nothing_provides_is_refused_with_what_there_is() {
    let runner = Runner::new(config().function("kv", "get", |_: &mut HostContext<'_>| {}));
    let module = wat::parse_str(relay("i32", "i32")).expect("text");
    refused(
        runner.expect("valid").load_plugin("relay", module),
        ErrorKind::UnsupportedImport,
        "unsupported import: \"env\" \"f\" of type (i32) -> (i32): not WASI, not of a known \
         convention, and not among the functions registered with this runner: kv.get",
    );
}

#[test]
fn a_function_may_call_the_guest_back() {
    let function = |context: &mut HostContext<'_>, number: u32| -> Result<u32, Error> {
        let doubled = context.call("double", &[number.into()])?;
        Ok(u32::try_from(doubled[0]).expect("an i32") + 1)
    };
    let plugin = plugin(config().function("env", "f", function), "i32", "i32");
    let outcome = plugin.call("f").params(&[20]).run().expect("runs");
    assert_eq!(outcome.results(), [41]);
}

#[test]
fn what_cannot_be_called_back_is_an_error() {
    type Case = (&'static str, &'static [u64], ErrorKind, &'static str);
    let cases: [Case; 4] = [
        (
            "nothing",
            &[],
            ErrorKind::NotFound,
            "the guest has no export \"nothing\" to call back",
        ),
        (
            "double",
            &[],
            ErrorKind::Signature,
            "takes 1 parameter (i32) -> (i32), not 0",
        ),
        (
            "double",
            &[1 << 40],
            ErrorKind::Signature,
            "parameter 1 is 0x10000000000; i32 takes 32 bits",
        ),
        ("trap", &[], ErrorKind::Trap, "trap: `unreachable` executed"),
    ];
    for (export, params, kind, said) in cases {
        let function = move |context: &mut HostContext<'_>| -> Result<i32, Error> {
            context.call(export, params).map(|_| 0)
        };
        let plugin = plugin(config().function("env", "f", function), "", "i32");
        refused(plugin.call("f").run(), kind, said);
    }
}

#[test]
fn an_instance_in_which_a_nested_call_failed_is_poisoned() {
    let swallows = |context: &mut HostContext<'_>| i32::from(context.call("trap", &[]).is_err());
    let plugin = plugin(config().function("env", "f", swallows), "", "i32");
    let mut instance = plugin.instantiate().expect("instance");
    assert_eq!(instance.call("f").run().expect("swallowed").results(), [1]);
    assert!(instance.is_poisoned());
    let error = instance.call("f").run().expect_err("poisoned");
    assert_eq!(error.kind(), ErrorKind::Poisoned);
}

#[test]
fn recursion_through_the_host_ends_at_its_limit() {
    for depth in [1, 16, 32] {
        let dive = |context: &mut HostContext<'_>, level: u32| -> Result<u32, Error> {
            let deeper = context.call("f", &[u64::from(level) + 1])?;
            Ok(u32::try_from(deeper[0]).expect("an i32"))
        };
        let config = config()
            .max_host_depth(depth)
            .max_host_stack_bytes(8 << 20)
            .function("env", "f", dive);
        let plugin = plugin(config, "i32", "i32");
        let next = depth + 1;
        refused(
            plugin.call("f").params(&[0]).run(),
            ErrorKind::Host,
            &format!(
                "calls from host functions back into the guest nest {next} deep; the limit \
                 `max_host_depth` is {depth}"
            ),
        );
    }
}

#[test]
fn nested_calls_are_on_the_same_meter() {
    let looping = r#"(module
        (import "env" "f" (func $f))
        (func (export "f") (call $f))
        (func (export "spin") (loop (br 0))))"#;
    let spin = |context: &mut HostContext<'_>| -> Result<(), Error> {
        context.call("spin", &[]).map(|_| ())
    };
    let runner = Runner::new(RunnerConfig::new().function("env", "f", spin)).expect("valid");
    let plugin = load(&runner, "spin", looping);
    refused(
        plugin.call("f").fuel(100_000).run(),
        ErrorKind::OutOfFuel,
        "out of fuel: all 100000 units of the limit `fuel` are used",
    );
    refused(
        plugin.call("f").timeout(Duration::from_millis(20)).run(),
        ErrorKind::Timeout,
        "timed out: the limit `timeout` is 20ms",
    );
    let token = CancelToken::new();
    token.cancel();
    refused(
        plugin.call("f").cancel(&token).run(),
        ErrorKind::Cancelled,
        "cancelled",
    );
}

#[test]
fn fuel_is_the_call_the_bytes_and_what_the_function_takes() {
    let cost = |length: u32, extra: u64| {
        let function = move |context: &mut HostContext<'_>| -> Result<i32, Error> {
            context.charge(extra)?;
            context.read(0, length)?;
            Ok(0)
        };
        let plugin = plugin(config().function("env", "f", function), "", "i32");
        plugin.call("f").run().expect("runs").fuel_used()
    };
    let bare = cost(0, 0);
    assert!(bare > 50, "{bare}");
    assert_eq!(cost(6_400, 0), bare + 100);
    assert_eq!(cost(0, 100_000), bare + 100_000);
    let greedy = |context: &mut HostContext<'_>| -> Result<i32, Error> {
        context.charge(u64::MAX).map(|()| 0)
    };
    let plugin = plugin(config().function("env", "f", greedy), "", "i32");
    refused(
        plugin.call("f").fuel(1_000).run(),
        ErrorKind::OutOfFuel,
        "out of fuel: all 1000 units of the limit `fuel` are used",
    );
}

#[test]
fn a_function_can_look_at_the_deadline() {
    let waits = |context: &mut HostContext<'_>| -> Result<i32, Error> {
        assert!(context.time_left() <= Some(Duration::from_millis(20)));
        loop {
            context.check()?;
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    let plugin = plugin(config().function("env", "f", waits), "", "i32");
    refused(
        plugin.call("f").timeout(Duration::from_millis(20)).run(),
        ErrorKind::Timeout,
        "timed out: the limit `timeout` is 20ms",
    );
}

#[test]
fn the_embedders_own_state_comes_back_after_every_end() {
    let count = |context: &mut HostContext<'_>, fail: i32| -> Result<i32, &'static str> {
        assert!(context.state::<String>().is_none());
        match context.state::<Vec<i32>>() {
            Some(seen) => seen.push(fail),
            None => return Ok(-1),
        }
        if fail == 1 { Err("asked to") } else { Ok(0) }
    };
    let plugin = plugin(config().function("env", "f", count), "i32", "i32");
    let mut seen = vec![9];
    let good = plugin.call("f").params(&[0]).state(&mut seen).run();
    assert_eq!(good.expect("runs").results(), [0]);
    let bad = plugin.call("f").params(&[1]).state(&mut seen).run();
    assert_eq!(bad.expect_err("asked to").kind(), ErrorKind::Host);
    assert_eq!(seen, [9, 0, 1]);
    let without = plugin.call("f").params(&[0]).run().expect("runs");
    assert_eq!(without.results(), [0xffff_ffff]);
}

#[test]
fn an_embedders_function_goes_before_this_crates_own() {
    let plugin = {
        let config = config().function(
            "wasi_snapshot_preview1",
            "random_get",
            |context: &mut HostContext<'_>, pointer: u32, length: u32| -> Result<i32, Error> {
                let fours = vec![4; usize::try_from(length).expect("small")];
                context.write(pointer, &fours).map(|()| 0)
            },
        );
        let runner = Runner::new(config).expect("valid");
        let text = r#"(module
            (import "wasi_snapshot_preview1" "random_get"
                (func $random (param i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "f") (result i32)
                (drop (call $random (i32.const 0) (i32.const 4)))
                (i32.load (i32.const 0))))"#;
        load(&runner, "dice", text)
    };
    let outcome = plugin.call("f").run().expect("runs");
    assert_eq!(outcome.results(), [0x0404_0404]);
}

/// A function of the host finds the guest however it is reached.
#[test]
fn calls_back_from_wherever_it_was_called() {
    let many: String = (0..9)
        .map(|number| format!("(func (export \"e{number}\"))"))
        .collect();
    for rest in ["", &many] {
        let module = format!(
            r#"(module
                (import "env" "f" (func $f))
                (global $called (mut i32) (i32.const 0))
                (table funcref (elem $f))
                (type $none (func))
                (memory (export "memory") 1)
                (func (export "back")
                    (global.set $called (i32.add (global.get $called) (i32.const 1))))
                (func (export "called") (result i32) (global.get $called))
                (func (export "by a guest") call $f)
                (func (export "by a table") (call_indirect (type $none) (i32.const 0)))
                (func (export "by a tail call") (return_call $f))
                (func (export "by a tail call and a table")
                    (return_call_indirect (type $none) (i32.const 0)))
                (export "by itself" (func $f))
                {rest}
                (start $f))"#
        );
        let back = |context: &mut HostContext<'_>| -> Result<(), Error> {
            context.write(8, b"here")?;
            context.call("back", &[]).map(|_| ())
        };
        let runner = Runner::new(config().function("env", "f", back)).expect("valid");
        let plugin = load(&runner, "back", &module);
        let mut kept = plugin.instantiate().expect("the start function calls back");
        let ways = [
            "by itself",
            "by a guest",
            "by a table",
            "by a tail call",
            "by a tail call and a table",
        ];
        for (way, before) in ways.into_iter().zip(1..) {
            plugin.call(way).run().expect(way);
            kept.call(way).run().expect(way);
            let called = kept.call("called").run().expect("runs");
            assert_eq!(called.results(), [before + 1], "{way}");
        }
    }
}
