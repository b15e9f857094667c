//! Names, signatures and parameters: the checks before anything runs.

use crate::support::{fails, fixture, load, runner, runs, wat};
use pocketwasm::{
    CancelToken, Convention, Error, ErrorKind, Instance, Outcome, Plugin, Runner, RunnerConfig,
    types::ValueType,
};

#[test]
fn parameters_are_bit_patterns() {
    let plugin = load(RunnerConfig::new(), "signatures");
    let minus = |n: i64| n.cast_unsigned();
    let numbers = [
        5,
        minus(-6),
        u64::from(1.5_f32.to_bits()),
        (-2.25_f64).to_bits(),
    ];
    let outcome = runs(plugin.call("numbers").params(&numbers));
    assert_eq!(outcome.results(), numbers);
    // 32 bits are accepted sign-extended too, and come back zero-extended.
    let extended = [minus(-1), 0, 0xffff_ffff_8000_0000, 0];
    let outcome = runs(plugin.call("numbers").params(&extended));
    assert_eq!(outcome.results(), [0xffff_ffff, 0, 0x8000_0000, 0]);
}

#[test]
fn a_signature_that_does_not_fit_is_named() {
    let plugin = load(RunnerConfig::new(), "signatures");
    let numbers = "(i32, i64, f32, f64) -> (i32, i64, f32, f64)";
    for (export, params, message) in [
        (
            "numbers",
            &[1, 2][..],
            format!("takes 4 parameters {numbers}, not 2"),
        ),
        (
            "one",
            &[],
            "takes 1 parameter (f32) -> (), not 0".to_owned(),
        ),
        (
            "none",
            &[1],
            "takes no parameters () -> (), not 1".to_owned(),
        ),
        (
            "numbers",
            &[1 << 32, 0, 0, 0],
            "parameter 1 is 0x100000000; i32 takes 32 bits".to_owned(),
        ),
        (
            "numbers",
            &[0, 0, 0xffff_ffff_0000_0001, 0],
            "parameter 3 is 0xffffffff00000001; f32 takes 32 bits".to_owned(),
        ),
        (
            "takes_funcref",
            &[0],
            "unsupported signature (funcref) -> (): funcref cannot be passed as a number; pass values".to_owned(),
        ),
        (
            "gives_externref",
            &[],
            "unsupported signature () -> (externref): externref cannot be passed as a number; pass values".to_owned(),
        ),
    ] {
        let error = fails(plugin.call(export).params(params));
        assert_eq!(error.kind(), ErrorKind::Signature);
        assert_eq!(
            error.to_string(),
            format!("plugin \"signatures\", export \"{export}\": {message}")
        );
        assert!(error.outcome().is_none(), "nothing ran");
    }
}

#[cfg(not(feature = "simd"))]
#[test]
fn vectors_are_refused_by_name() {
    use crate::bytes::{body, module, section};
    let v128 = module(&[
        section(1, [1, 0x60, 1, 0x7b, 0]),
        section(3, [1, 0]),
        section(7, [1, 1, b'v', 0, 0]),
        section(10, [&[1][..], &body(&[0], &[])].concat()),
    ]);
    let error = runner(RunnerConfig::new())
        .load_plugin("v", v128)
        .expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidModule);
    let message = error.to_string();
    assert!(message.contains("SIMD support is not enabled"), "{message}");
}

#[test]
fn what_is_not_there_is_answered_with_the_nearest_names() {
    let runner = runner(RunnerConfig::new());
    let error = runner.plugin("greet").expect_err("none");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.to_string(), "no plugin \"greet\"; loaded are: none");
    for name in ["zebra", "great", "Greet"] {
        runner.load_plugin(name, wat("add")).expect("loads");
    }
    let error = runner
        .run_plugin("greet.wasm", "add", &[])
        .expect_err("none");
    assert_eq!(
        error.to_string(),
        "no plugin \"greet\"; loaded are: Greet, great, zebra"
    );

    let plugin = load(RunnerConfig::new(), "signatures");
    let error = fails(plugin.call("nones"));
    assert_eq!(
        error.to_string(),
        "plugin \"signatures\", export \"nones\": no export \"nones\"; this plugin exports: \
         none, numbers, one, takes_funcref, gives_externref"
    );
    // A global is no function.
    assert_eq!(fails(plugin.call("global")).kind(), ErrorKind::NotFound);
    let error = runner
        .run_function("no/such/file.wasm", "f", &[])
        .expect_err("none");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.to_string(), "cannot read \"no/such/file.wasm\"");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn names_that_cannot_be() {
    let runner = runner(RunnerConfig::new());
    let long = "x".repeat(256);
    for (name, problem) in [
        ("", "is empty"),
        (".wasm", "is empty"),
        (long.as_str(), "has 256 bytes; it may have 255"),
        ("a\nb", "has control characters"),
        ("a\u{202e}b", "has control characters"),
    ] {
        let error = runner.load_plugin(name, wat("add")).expect_err(name);
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert_eq!(
            error.to_string(),
            format!("invalid config: `name` {problem}")
        );
    }
    assert!(runner.load_plugin(&"x".repeat(255), wat("add")).is_ok());
}

/// A message stays one line of bounded length, whatever a name holds.
#[test]
fn hostile_names_are_escaped_and_cut() {
    let plugin = load(RunnerConfig::new(), "signatures");
    let error = fails(plugin.call("a\"b\\c\nd\u{1b}[31m\u{202e}"));
    assert_eq!(
        error.message().split(';').next(),
        Some("no export \"a\\\"b\\\\c\\nd\\u{1b}[31m\\u{202e}\"")
    );
    let error = fails(plugin.call(&"é".repeat(10_000)));
    let message = error.to_string();
    assert!(message.contains(&format!("{}…\"", "é".repeat(120))));
    assert!(
        message.lines().count() == 1 && message.len() < 2_000,
        "{message}"
    );

    // The module's own names: a thousand exports, each long, each hostile.
    use crate::bytes::{body, list, module, number, section, ty};
    let exports = (0..1_000).map(|index| {
        let name = format!("{index}\n\"\u{7}{}", "y".repeat(1_000));
        [number(name.len()), name.into_bytes(), vec![0, 0]].concat()
    });
    let module = module(&[
        section(1, list([ty(0, 0)])),
        section(3, [1, 0]),
        section(7, list(exports)),
        section(10, list([body(&[0], &[])])),
    ]);
    let runner = runner(RunnerConfig::new());
    let plugin = runner.load_plugin("names", module).expect("loads");
    for error in [fails(plugin.call("x")), fails(plugin.call("x").input("y"))] {
        let message = error.to_string();
        assert!(
            message.lines().count() == 1 && message.len() < 4_000,
            "{message}"
        );
        assert!(!message.chars().any(char::is_control), "{message}");
    }
}

#[test]
fn a_plugin_tells_what_it_is() {
    let runner = runner(RunnerConfig::new());
    let module = fixture("rust-greet.wasm");
    let plugin = runner.load_plugin("greet.wasm", &module).expect("loads");
    assert_eq!(plugin.name(), "greet");
    assert_eq!(plugin.size(), module.len());
    assert_eq!(plugin.functions(), 35);
    assert_eq!(plugin.memory_pages(), 17);
    assert_eq!(plugin.convention(), Some(Convention::PackedPointer));
    assert!(plugin.imports().is_empty());
    let names: Vec<&str> = plugin
        .exports()
        .iter()
        .map(|export| &*export.name)
        .collect();
    assert!(names.is_sorted());
    let add = plugin
        .exports()
        .iter()
        .find(|export| &*export.name == "add");
    let signature = add.and_then(|add| add.ty.signature()).expect("a function");
    assert_eq!(signature.params(), [ValueType::I32, ValueType::I32]);
    assert_eq!(signature.results(), [ValueType::I32]);
    assert_eq!(signature.to_string(), "(i32, i32) -> (i32)");
    assert_eq!(
        runner.plugin("greet.wasm").expect("there").sha256(),
        plugin.sha256()
    );
    // Replaced and unloaded under a clone that still runs.
    let old = plugin.clone();
    runner.load_plugin("greet", wat("add")).expect("loads");
    assert_eq!(runs(old.call("greet").input("you")).bytes(), b"Hello, you");
    assert_ne!(
        runner.plugin("greet").expect("there").sha256(),
        old.sha256()
    );
    assert!(runner.unload_plugin("greet.wasm"));
    assert!(!runner.unload_plugin("greet"));
    assert_eq!(runs(old.call("greet").input("you")).bytes(), b"Hello, you");
}

/// A module of half a mebibyte and more is hashed beside the rest of its loading.
#[test]
fn the_hash_of_a_module() {
    for (name, hash) in [
        (
            "rust-greet.wasm",
            "a3cfef61fbd3e735e32761e1395e37ddd0adeca4e792c79b95ea811ad47c0b36",
        ),
        (
            "go-greet.wasm",
            "9b2f7c18b6f89ac32a088b7d71268122fa3d35b031aa3276ce6f2b23734cc593",
        ),
    ] {
        let module = fixture(name);
        let plugin = runner(RunnerConfig::new()).load_plugin("greet", &module);
        let bytes = plugin.expect("loads").sha256();
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digits, hash, "{name}");
    }
}

/// A bad new version does not take the place of a good one.
#[test]
fn a_bad_module_leaves_the_old_one() {
    let runner = runner(RunnerConfig::new());
    runner.load_plugin("add", wat("add")).expect("loads");
    assert!(runner.load_plugin("add", b"\0asm\x01\0\0\0\x01").is_err());
    assert_eq!(
        runner.run_plugin("add", "add", &[2, 40]).expect("runs"),
        [42]
    );
}

#[test]
fn what_threads_share_is_send_and_sync_and_errors_are_small() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Runner>();
    shared::<Plugin>();
    shared::<Instance>();
    shared::<RunnerConfig>();
    shared::<CancelToken>();
    shared::<Outcome>();
    shared::<Error>();
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    assert_eq!(size_of::<Plugin>(), size_of::<usize>());
}
