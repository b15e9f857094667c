//! Every limit of `RunnerConfig`: what exceeds it is refused with the limit's name, and no runner
//! can have a limit out of its bounds.

use crate::{
    bytes::{I64, body, functions, list, module, number, section, times, ty},
    support::{fails, load, patient, runner, runs, wat},
};
use pocketwasm::{ErrorKind, Runner, RunnerConfig};
use std::time::Duration;

const ONE_EMPTY: [u8; 1] = [0];

fn config() -> RunnerConfig {
    RunnerConfig::new()
}

/// Exports of the first memory under different names.
fn exports(count: usize) -> Vec<u8> {
    list((0..count).map(|index| {
        let name = format!("{index}");
        [number(name.len()), name.into_bytes(), vec![2, 0]].concat()
    }))
}

fn with_locals(count: usize) -> Vec<u8> {
    body(&[&[1][..], &number(count), &[I64]].concat(), &[])
}

fn nested(depth: usize) -> Vec<u8> {
    let code = [[0x02, 0x40].repeat(depth), [0x0b].repeat(depth)].concat();
    functions(&[ty(0, 0)], 1, &body(&ONE_EMPTY, &code))
}

#[test]
fn on_the_shape_of_a_module() {
    let page = section(5, [1, 0, 1]);
    let import = [&[1, b'm', 1, b'f', 0][..], &[0]].concat();
    let one = body(&ONE_EMPTY, &[]);
    let cases = [
        (
            "module bytes",
            config().max_module_bytes(100),
            vec![0; 101],
            "the module's size is 101; the limit `max_module_bytes` is 100",
        ),
        (
            "1 GiB of memory",
            config(),
            module(&[section(5, [&[1, 0][..], &number(16_384)].concat())]),
            "declares a memory of 16384 pages at least; the limit `max_memory_pages` is 1024",
        ),
        (
            "three memories of 400 pages",
            config().max_memories(3),
            module(&[section(5, times(3, &[&[0][..], &number(400)].concat()))]),
            "declares a memory of 1200 pages at least; the limit `max_memory_pages` is 1024",
        ),
        (
            "pages of one byte",
            config().max_memory_pages(1),
            module(&[section(5, [&[1, 8][..], &number(65_537), &[0]].concat())]),
            "declares a memory of 2 pages at least; the limit `max_memory_pages` is 1",
        ),
        (
            "more pages than can be counted",
            config(),
            module(&[section(5, [&[1, 4][..], &number(1_u64 << 60)].concat())]),
            "declares a memory of 281474976710656 pages at least; \
             the limit `max_memory_pages` is 1024",
        ),
        (
            "memories",
            config(),
            module(&[section(5, times(3, &[0, 1]))]),
            "the number of memories is 3; the limit `max_memories` is 1",
        ),
        (
            "tables",
            config(),
            module(&[section(4, times(17, &[0x70, 0, 1]))]),
            "the number of tables is 17; the limit `max_tables` is 16",
        ),
        (
            "a table of five million elements",
            config(),
            module(&[section(4, [&[1, 0x70, 0][..], &number(5_000_000)].concat())]),
            "the number of elements in all tables is 5000000; \
             the limit `max_table_elements` is 100000",
        ),
        (
            "two tables of 60,000 elements",
            config(),
            module(&[section(
                4,
                times(2, &[&[0x70, 0][..], &number(60_000)].concat()),
            )]),
            "the number of elements in all tables is 120000; \
             the limit `max_table_elements` is 100000",
        ),
        (
            "elements of segments",
            config(),
            module(&[section(9, [&[1, 1, 0][..], &times(100_001, &[0])].concat())]),
            "the number of elements in all element segments is 100001; \
             the limit `max_table_elements` is 100000",
        ),
        (
            "functions",
            config(),
            functions(&[ty(0, 0)], 100_001, &one),
            "the number of functions is 100001; the limit `max_functions` is 100000",
        ),
        (
            "types",
            config(),
            module(&[section(1, times(100_001, &ty(0, 0)))]),
            "the number of types is 100001; the limit `max_functions` is 100000",
        ),
        (
            "locals",
            config(),
            functions(&[ty(0, 0)], 1, &with_locals(10_001)),
            "the number of a function's locals is 10001; the limit `max_locals` is 10000",
        ),
        (
            "locals in all",
            config(),
            functions(&[ty(0, 0)], 201, &with_locals(10_000)),
            "the number of all functions' locals is 2010000; \
             the limit `max_total_locals` is 2000000",
        ),
        (
            "nesting",
            config(),
            nested(10_001),
            "the nesting of blocks is 10001; the limit `max_nesting` is 10000",
        ),
        (
            "data segments",
            config(),
            module(&[page.clone(), section(11, times(100_001, &[1, 0]))]),
            "the number of data segments is 100001; the limit `max_segments` is 100000",
        ),
        (
            "data segments by their count",
            config(),
            module(&[section(12, number(100_001))]),
            "the number of data segments is 100001; the limit `max_segments` is 100000",
        ),
        (
            "element segments",
            config(),
            module(&[section(9, times(100_001, &[1, 0, 0]))]),
            "the number of element segments is 100001; the limit `max_segments` is 100000",
        ),
        (
            "globals",
            config(),
            module(&[section(6, times(10_001, &[0x7f, 0, 0x41, 0, 0x0b]))]),
            "the number of globals is 10001; the limit `max_globals` is 10000",
        ),
        (
            "imports",
            config(),
            module(&[
                section(1, times(1, &ty(0, 0))),
                section(2, times(1_001, &import)),
            ]),
            "the number of imports is 1001; the limit `max_imports` is 1000",
        ),
        (
            "exports",
            config(),
            module(&[page.clone(), section(7, exports(10_001))]),
            "the number of exports is 10001; the limit `max_exports` is 10000",
        ),
        (
            "an export of 1,000 parameters",
            config(),
            module(&[
                section(1, list([ty(1_000, 0)])),
                section(3, [1, 0]),
                section(7, [1, 1, b'f', 0, 0]),
                section(10, list([one.clone()])),
            ]),
            "the number of a function's parameters is 1000; the limit `max_params` is 128",
        ),
        (
            "results",
            config(),
            module(&[section(1, list([ty(0, 17)]))]),
            "the number of a function's results is 17; the limit `max_results` is 16",
        ),
        (
            "parameters of a block",
            config(),
            functions(
                &[ty(0, 0), ty(17, 0)],
                1,
                &body(&ONE_EMPTY, &[0x00, 0x02, 1, 0x0b]),
            ),
            "the number of a block's parameters or results is 17; the limit `max_results` is 16",
        ),
    ];
    for (name, config, module, message) in cases {
        let error = runner(config).load_plugin("m", module).expect_err(name);
        assert_eq!(
            error.to_string(),
            format!("plugin \"m\", load: {message}"),
            "{name}"
        );
        let kind = match name {
            _ if message.contains("max_memory_pages") => ErrorKind::MemoryLimit,
            _ => ErrorKind::ShapeLimit,
        };
        assert_eq!(error.kind(), kind, "{name}");
    }
}

/// One less is accepted, so that the refusals above are for their reason.
#[test]
fn at_the_limit_is_within_it() {
    let page = section(5, [1, 0, 1]);
    let one = body(&ONE_EMPTY, &[]);
    let cases = [
        ("functions", functions(&[ty(0, 0)], 100_000, &one)),
        ("types", module(&[section(1, times(100_000, &ty(0, 0)))])),
        ("locals", functions(&[ty(0, 0)], 1, &with_locals(10_000))),
        (
            "locals in all",
            functions(&[ty(0, 0)], 200, &with_locals(10_000)),
        ),
        ("nesting", nested(10_000)),
        (
            "data segments",
            module(&[
                page.clone(),
                section(12, number(100_000)),
                section(11, times(100_000, &[1, 0])),
            ]),
        ),
        (
            "element segments",
            module(&[section(9, times(100_000, &[1, 0, 0]))]),
        ),
        (
            "elements",
            module(&[section(4, [&[1, 0x70, 0][..], &number(100_000)].concat())]),
        ),
        (
            "globals",
            module(&[section(6, times(10_000, &[0x7f, 0, 0x41, 0, 0x0b]))]),
        ),
        ("exports", module(&[page, section(7, exports(10_000))])),
        ("parameters", module(&[section(1, list([ty(128, 16)]))])),
        (
            "memory",
            module(&[section(5, [&[1, 0][..], &number(1_024)].concat())]),
        ),
        ("tables", module(&[section(4, times(16, &[0x70, 0, 1]))])),
    ];
    let runner = runner(config());
    for (name, module) in cases {
        if let Err(error) = runner.load_plugin("m", module) {
            panic!("{name}: {error}");
        }
    }
}

/// Name, setting, lowest value that is accepted, highest, and what is said of one beyond.
#[test]
fn on_the_limits_themselves() {
    type Set = fn(RunnerConfig, u64) -> RunnerConfig;
    fn narrow(value: u64) -> u32 {
        u32::try_from(value).expect("the bounds have 32 bits")
    }
    macro_rules! limits {
        ($($name:ident $least:literal..=$most:literal),* $(,)?) => {
            [$((
                stringify!($name),
                (|config, value| config.$name(narrow(value))) as Set,
                $least,
                $most,
            )),*]
        };
    }
    macro_rules! sizes {
        ($($name:ident $least:literal..=$most:literal),* $(,)?) => {
            [$((
                stringify!($name),
                (|config, value| config.$name(narrow(value) as usize)) as Set,
                $least,
                $most,
            )),*]
        };
    }
    let limits = limits! {
        max_memory_pages 0..=65_536,
        max_memories 0..=100,
        max_tables 0..=100,
        max_table_elements 0..=10_000_000,
        max_recursion_depth 1..=1_000_000,
        max_stack_bytes 4_096..=1_073_741_824,
        max_functions 1..=1_000_000,
        max_locals 0..=30_000,
        max_total_locals 0..=1_000_000_000,
        max_nesting 1..=1_000_000,
        max_segments 0..=100_000,
        max_globals 0..=1_000_000,
        max_imports 0..=100_000,
        max_exports 1..=1_000_000,
        max_params 0..=1_000,
        max_results 0..=1_000,
        max_host_depth 1..=32,
        max_host_stack_bytes 4_096..=1_073_741_824,
        max_constant_operators 1..=255,
    };
    let sizes = sizes! {
        max_module_bytes 8..=1_073_741_824,
        max_output_bytes 0..=2_147_483_647,
        max_input_bytes 0..=2_147_483_647,
        max_result_bytes 0..=2_147_483_647,
        max_exchange_bytes 0..=2_147_483_647,
        max_variable_bytes 0..=2_147_483_647,
    };
    let others: [(&str, Set, u64, u64); 1] = [(
        "slice",
        |config, value| config.slice(value),
        1,
        1_000_000_000,
    )];
    for (name, set, least, most) in limits.into_iter().chain(sizes).chain(others) {
        for value in [least, most] {
            assert!(Runner::new(set(config(), value)).is_ok(), "{name} {value}");
        }
        for value in [least.checked_sub(1), Some(most + 1)].into_iter().flatten() {
            let error = Runner::new(set(config(), value)).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::InvalidConfig);
            assert_eq!(
                error.to_string(),
                format!("invalid config: `{name}` is {value}; it must be from {least} to {most}")
            );
        }
    }
    let refused = [
        (
            config().timeout(Duration::from_nanos(999)),
            "invalid config: `timeout` is 999ns; it must be at least 1µs",
        ),
        (
            config().fuel_per_second(0),
            "invalid config: `fuel_per_second` is 0; it must be at least 1",
        ),
    ];
    for (config, message) in refused {
        assert_eq!(Runner::new(config).expect_err(message).to_string(), message);
    }
}

#[test]
fn on_memory_that_grows() {
    let plugin = load(config().max_memory_pages(10), "grow");
    for (pages, answer, peak) in [(0, 1, 1), (9, 1, 10), (10, u64::from(u32::MAX), 1)] {
        let outcome = runs(plugin.call("memory").params(&[pages]));
        assert_eq!(outcome.results(), [answer], "{pages} pages");
        assert_eq!(outcome.peak_memory_pages(), peak, "{pages} pages");
    }
    // What an instance has is kept in mind from call to call.
    let mut instance = plugin.instantiate().expect("instantiates");
    for (pages, answer, peak) in [(5, 1, 6), (5, u64::from(u32::MAX), 6), (4, 6, 10)] {
        let outcome = runs(instance.call("memory").params(&[pages]));
        assert_eq!(outcome.results(), [answer], "{pages} pages more");
        assert_eq!(outcome.peak_memory_pages(), peak, "{pages} pages more");
    }
}

#[test]
fn on_the_sum_of_several_memories() {
    let config = config().max_memories(3).max_memory_pages(10);
    let plugin = load(config, "memories");
    const NO: u64 = u32::MAX as u64;
    for (pages, answers, peak) in [
        ([1, 1, 2], [1, 2, 3], 10),
        ([1, 1, 3], [1, 2, NO], 8),
        ([5, 1, 0], [NO, 2, 3], 7),
        ([5, 0, 4], [NO, 2, 3], 10),
    ] {
        let outcome = runs(plugin.call("grow").params(&pages));
        assert_eq!(outcome.results(), answers, "{pages:?}");
        assert_eq!(outcome.peak_memory_pages(), peak, "{pages:?}");
    }
}

#[test]
fn on_the_sum_of_all_tables() {
    let plugin = load(config().max_table_elements(30), "grow");
    const NO: u64 = u32::MAX as u64;
    for (elements, answers) in [
        ([5, 5], [10, 10]),
        ([5, 6], [10, NO]),
        ([11, 10], [NO, 10]),
        ([0, 0], [10, 10]),
    ] {
        let outcome = runs(plugin.call("tables").params(&elements));
        assert_eq!(outcome.results(), answers, "{elements:?}");
    }
}

#[test]
fn on_recursion() {
    let exhausted = |depth: u32, bytes: u32| {
        format!(
            "plugin \"recurse\", export \"down\": trap: call stack exhausted; \
             the limits `max_recursion_depth` and `max_stack_bytes` are {depth} and {bytes}"
        )
    };
    let plugin = load(patient(), "recurse");
    let outcome = runs(plugin.call("down").params(&[9_000]));
    assert_eq!(outcome.results(), [9_000]);
    let error = fails(plugin.call("down").params(&[10_000]));
    assert_eq!(error.kind(), ErrorKind::Trap);
    assert_eq!(error.to_string(), exhausted(10_000, 1 << 20));
    // By its own settings, each.
    let plugin = load(patient().max_recursion_depth(100), "recurse");
    assert_eq!(runs(plugin.call("down").params(&[90])).results(), [90]);
    let error = fails(plugin.call("down").params(&[100]));
    assert_eq!(error.to_string(), exhausted(100, 1 << 20));
    let plugin = load(patient().max_stack_bytes(4_096), "recurse");
    let error = fails(plugin.call("down").params(&[1_000]));
    assert_eq!(error.to_string(), exhausted(10_000, 4_096));
    // The deepest setting, on a thread with a small stack: it is never the host's.
    let plugin = load(
        patient()
            .max_recursion_depth(1_000_000)
            .max_stack_bytes(1 << 30),
        "recurse",
    );
    let call = move || runs(plugin.call("down").params(&[900_000]));
    let thread = std::thread::Builder::new()
        .stack_size(256 * 1024)
        .spawn(call);
    let outcome = thread.expect("a thread").join().expect("no overflow");
    assert_eq!(outcome.results(), [900_000]);
}

#[test]
fn on_input_and_result() {
    let plugin = load(
        config().max_input_bytes(10).max_result_bytes(5),
        "release-2",
    );
    let error = fails(plugin.call("empty").input(&[0; 11]));
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(
        error.to_string(),
        "plugin \"release-2\", export \"empty\": \
         an input of 11 bytes; the limit `max_input_bytes` is 10"
    );
    assert!(error.outcome().is_none(), "nothing ran");
    let error = fails(plugin.call("in_place").input(&[0; 6]));
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(
        error.to_string(),
        "plugin \"release-2\", export \"in_place\": \
         a result of 6 bytes; the limit `max_result_bytes` is 5"
    );
    assert_eq!(runs(plugin.call("in_place").input(&[7; 5])).bytes(), [7; 5]);
    assert_eq!(runs(plugin.call("empty").input(&[0; 10])).bytes(), b"");
}

/// A limit does not depend on how a module comes.
#[test]
fn at_every_door() {
    let module = wat("memories");
    let runner = runner(config());
    let message = "the number of memories is 3; the limit `max_memories` is 1";
    let error = runner
        .run_module(&module, "grow", &[0; 3])
        .expect_err("refused");
    assert_eq!(
        error.to_string(),
        format!("plugin \"module\", load: {message}")
    );
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("m.wasm");
    std::fs::write(&path, &module).expect("written");
    let error = runner
        .run_function(&path, "grow", &[0; 3])
        .expect_err("refused");
    let path = path.to_str().expect("UTF-8");
    assert_eq!(
        error.to_string(),
        format!("plugin \"{path}\", load: {message}")
    );
}
