//! Limits of WASI functions: a guest cannot write more output than the cap, take more time than its
//! limit, or break the host.

use super::guest::{Guest, IO, NOSPC, PREVIEW1, SUCCESS, load, text, text_with};
use pocketwasm::{
    Error, ErrorKind, Plugin, Runner, RunnerConfig,
    environment::{Clock, Entropy, OutputSink, SystemClock},
};
use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::sleep,
    time::Duration,
};

/// A writer whose bytes the test sees.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn length(&self) -> u64 {
        self.0.lock().unwrap().len() as u64
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(!bytes.is_empty(), "asked to write nothing");
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn writes(config: RunnerConfig) -> Plugin {
    load(config, include_str!("../../../fixtures/wat/writes.wat"))
}

/// Writes to a descriptor, `length` bytes `times` times: the bytes taken, the last error number,
/// whether output is missing, and how much the outcome has.
fn run(plugin: &Plugin, fd: u64, length: u64, times: u64) -> (u64, u64, bool, u64) {
    let params = [fd, length, times];
    let outcome = plugin.call("write").params(&params).run().unwrap();
    let kept = outcome.stdout().len() + outcome.stderr().len();
    let [taken, errno] = *outcome.results() else {
        panic!("two results");
    };
    (taken, errno, outcome.output_truncated(), kept as u64)
}

#[test]
fn the_cap_on_output() {
    type Case = (&'static str, u64, u64, (u64, u64, bool));
    let cases: [Case; 7] = [
        ("below", 300, 3, (900, SUCCESS, false)),
        ("all of it", 250, 4, (1000, SUCCESS, false)),
        ("all of it at once", 1000, 1, (1000, SUCCESS, false)),
        ("a short write", 400, 3, (1000, SUCCESS, true)),
        ("none after a short write", 400, 4, (1000, NOSPC, true)),
        ("none after all", 250, 5, (1000, NOSPC, true)),
        ("nothing after all", 0, 5, (0, SUCCESS, false)),
    ];
    for fd in [1, 2] {
        for (name, length, times, (taken, errno, truncated)) in cases {
            let config = RunnerConfig::new().max_output_bytes(1000);
            let kept = run(&writes(config.clone()), fd, length, times);
            let expected = (taken, errno, truncated, taken);
            assert_eq!(kept, expected, "{name}, kept, {fd}");

            let sink = Written::default();
            let config = config.stdout(sink.clone()).stderr(sink.clone());
            let passed_on = run(&writes(config), fd, length, times);
            let expected = (taken, errno, truncated, 0);
            assert_eq!(passed_on, expected, "{name}, passed on, {fd}");
            assert_eq!(sink.length(), taken, "{name}, {fd}");
        }
    }
}

/// What costs the guest does not depend on where its output goes.
#[test]
fn fuel_is_the_same_for_every_path() {
    let plain = RunnerConfig::new().max_output_bytes(1000);
    let fuel = |config: RunnerConfig| {
        let plugin = writes(config);
        let outcome = plugin.call("write").params(&[1, 400, 9]).run();
        outcome.unwrap().fuel_used()
    };
    assert_eq!(
        fuel(plain.clone()),
        fuel(plain.stdout(Written::default()).slice(1))
    );
}

/// Both streams share the cap, however they go out.
#[test]
fn both_streams_together() {
    let vectors = |guest: &mut Guest| {
        guest.put(1024, &[b'.'; 700]);
        guest.put_vectors(64, &[(1024, 700)]);
    };
    let module = text_with(
        PREVIEW1,
        &["fd_write"],
        r#"(func (export "both") (result i32 i32 i32)
             (call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 8))
             (call $fd_write (i32.const 2) (i32.const 64) (i32.const 1) (i32.const 12))
             (call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 16)))"#,
    );
    for streamed in [false, true] {
        let mut config = RunnerConfig::new().max_output_bytes(1000);
        let sink = Written::default();
        if streamed {
            config = config.stderr(sink.clone());
        }
        let mut guest = Guest::of(&load(config, &module));
        vectors(&mut guest);
        let outcome = guest.call("both", &[], |call| call).unwrap();
        assert_eq!(outcome.results(), [SUCCESS, SUCCESS, NOSPC]);
        assert_eq!((guest.u32(8), guest.u32(12), guest.u32(16)), (700, 300, 0));
        assert!(outcome.output_truncated());
        assert_eq!(outcome.stdout().len(), 700);
        assert_eq!(outcome.stderr().len() as u64 + sink.length(), 300);
        // The next call of the same instance has a cap of its own.
        let outcome = guest.call("both", &[], |call| call).unwrap();
        assert_eq!(outcome.results(), [SUCCESS, SUCCESS, NOSPC]);
    }
}

/// A guest that writes 1 GiB leaves no more than the cap, on every path.
#[test]
fn a_gibibyte_of_output() {
    const MIB: u64 = 1 << 20;
    let sink = Written::default();
    let expected = (MIB, NOSPC, true);
    for fd in [1, 2] {
        let config = RunnerConfig::new().fuel(100_000_000);
        let (taken, errno, truncated, kept) = run(&writes(config), fd, MIB, 1024);
        assert_eq!((taken, errno, truncated), expected);
        assert_eq!(kept, MIB);
    }
    let config = RunnerConfig::new().fuel(100_000_000).stdout(sink.clone());
    let (taken, errno, truncated, kept) = run(&writes(config), 1, MIB, 1024);
    assert_eq!((taken, errno, truncated), expected);
    assert_eq!((kept, sink.length()), (0, MIB));
    // A byte at a time, too.
    let config = RunnerConfig::new().max_output_bytes(5_000);
    let (taken, errno, truncated, kept) = run(&writes(config), 1, 1, 6_000);
    assert_eq!((taken, errno, truncated, kept), (5_000, NOSPC, true, 5_000));
}

/// A sink that takes so many writes, and counts all it was offered.
struct Failing {
    good: usize,
    offered: Written,
}

impl OutputSink for Failing {
    fn emit(&mut self, bytes: &[u8]) -> bool {
        self.offered.0.lock().unwrap().extend_from_slice(bytes);
        let good = self.good > 0;
        self.good = self.good.saturating_sub(1);
        good
    }
}

#[test]
fn a_sink_that_fails() {
    let offered = Written::default();
    let sink = |good| Failing {
        good,
        offered: offered.clone(),
    };
    let mut guest = Guest::with(RunnerConfig::new().stdout(sink(1)), PREVIEW1, &["fd_write"]);
    guest.put(16, b"abcd");
    guest.put_vectors(64, &[(16, 2), (18, 2)]);
    // The first vector got through, so the guest hears of that.
    assert_eq!(guest.errno("fd_write", &[1, 64, 2, 8]), SUCCESS);
    assert_eq!(guest.u32(8), 2);
    assert_eq!(guest.errno("fd_write", &[1, 64, 2, 12]), IO);
    assert_eq!(guest.u32(12), 0);

    // What failed counts towards the cap, since some of it may have gone out.
    offered.0.lock().unwrap().clear();
    let config = RunnerConfig::new().max_output_bytes(1000).stdout(sink(0));
    assert_eq!(run(&writes(config), 1, 300, 3), (0, IO, false, 0));
    assert_eq!(offered.length(), 900);
    let config = RunnerConfig::new().max_output_bytes(1000).stdout(sink(0));
    assert_eq!(run(&writes(config), 1, 300, 9), (0, NOSPC, true, 0));
    assert_eq!(offered.length(), 1900);
}

/// The deadline is looked at after every write, since a sink may take its time.
#[test]
fn a_slow_sink_and_the_deadline() {
    struct Slow(Written);
    impl OutputSink for Slow {
        fn emit(&mut self, bytes: &[u8]) -> bool {
            sleep(Duration::from_millis(80));
            self.0.0.lock().unwrap().extend_from_slice(bytes);
            true
        }
    }
    let written = Written::default();
    let config = RunnerConfig::new()
        .stdout(Slow(written.clone()))
        .timeout(Duration::from_millis(800));
    let plugin = writes(config);
    let call = plugin.call("write").params(&[1, 1, 100_000]);
    let error = call.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let writes = written.length();
    assert!((1..=10).contains(&writes), "{writes} writes");
}

/// A vector of one byte, at 64.
const VECTOR: &str = r#"(data (i32.const 64) "\10\00\00\00\01")"#;

/// The embedder's code panics the first time it is called.
struct Panics(Mutex<bool>);

impl Panics {
    fn new() -> Self {
        Self(Mutex::new(true))
    }

    fn once(&self) {
        let first = std::mem::take(&mut *self.0.lock().unwrap());
        assert!(!first, "out of order");
    }
}

impl OutputSink for Panics {
    fn emit(&mut self, _: &[u8]) -> bool {
        self.once();
        true
    }
}

impl Clock for Panics {
    fn monotonic(&self) -> Duration {
        self.once();
        Duration::ZERO
    }

    fn since_epoch(&self) -> Duration {
        self.once();
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) {}
}

impl Entropy for Panics {
    fn fill(&self, _: &mut [u8]) -> bool {
        self.once();
        true
    }
}

/// A panic in the embedder's code is an error of that call, and no other call notices.
#[test]
fn embedders_that_panic() {
    let call = |plugin: &Plugin, function: &str, params: &[u64]| {
        let plugin = plugin.call(function).params(params);
        plugin.run().map(|outcome| outcome.results().to_vec())
    };
    let cases: [(&str, RunnerConfig, &str, &[u64]); 6] = [
        (
            "stdout",
            RunnerConfig::new().stdout(Panics::new()),
            "fd_write",
            &[1, 64, 1, 8],
        ),
        (
            "stderr",
            RunnerConfig::new().stderr(Panics::new()),
            "fd_write",
            &[2, 64, 1, 8],
        ),
        (
            "time of day",
            RunnerConfig::new().guest_clock(Panics::new()),
            "clock_time_get",
            &[0, 0, 8],
        ),
        (
            "monotonic time",
            RunnerConfig::new().guest_clock(Panics::new()),
            "clock_time_get",
            &[1, 0, 8],
        ),
        (
            "sleep",
            RunnerConfig::new().guest_clock(Panics::new()),
            "poll_oneoff",
            &[1024, 2048, 1, 8],
        ),
        (
            "entropy",
            RunnerConfig::new().guest_entropy(Panics::new()),
            "random_get",
            &[8, 8],
        ),
    ];
    for (name, config, function, params) in cases {
        let module = text_with(PREVIEW1, &[function], VECTOR);
        let plugin = load(config, &module);
        let error = call(&plugin, function, params).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Host, "{name}");
        let message = format!(
            "plugin \"guest\", export \"{function}\": a host function panicked: out of order"
        );
        assert_eq!(error.to_string(), message, "{name}");
        let next = call(&plugin, function, params);
        assert_eq!(next.unwrap(), [SUCCESS], "{name}, the next call");
    }
}

#[test]
fn a_reader_that_panics() {
    struct Reader;
    impl io::Read for Reader {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("{}", "no input\nhere");
        }
    }
    let module = text_with(PREVIEW1, &["fd_read"], VECTOR);
    let plugin = load(RunnerConfig::new(), &module);
    let read = || plugin.call("fd_read").params(&[0, 64, 1, 8]);
    let error = read().stdin_from(Reader).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Host);
    assert_eq!(error.message(), "a host function panicked: no input");
    assert_eq!(read().stdin("x").run().unwrap().results(), [SUCCESS]);
}

/// Each function takes fuel for what it does, before it does it.
#[test]
fn work_is_paid_for() {
    let fuel_with = |args: usize, function: &str, params: &[u64]| {
        let plugin = load(RunnerConfig::new(), &text(PREVIEW1, &[function]));
        let call = plugin.call(function).params(params).stdin("x");
        let outcome = call.args(vec!["x"; args]).run().unwrap();
        outcome.fuel_used()
    };
    let fuel = |function: &str, params: &[u64]| fuel_with(0, function, params);
    let cases: [(&str, &[u64], &[u64], u64); 4] = [
        ("random_get", &[0, 0], &[0, 64_000], 8_000),
        ("fd_write", &[1, 1024, 0, 0], &[1, 1024, 100, 0], 1_600),
        ("fd_read", &[0, 1024, 0, 0], &[0, 1024, 2_000, 0], 16_384),
        (
            "poll_oneoff",
            &[1024, 8192, 1, 0],
            &[1024, 8192, 101, 0],
            3_200,
        ),
    ];
    for (function, little, much, more) in cases {
        let (little, much) = (fuel(function, little), fuel(function, much));
        assert!(much - little >= more, "{function}: {little}, {much}");
    }
    for function in ["args_get", "args_sizes_get"] {
        let more = fuel_with(100, function, &[1024, 4096]) - fuel(function, &[1024, 4096]);
        assert!(more >= 100, "{function}: {more}");
    }
    // A budget that does not suffice ends the call before anything is written.
    let plugin = writes(RunnerConfig::new().fuel(17_000));
    let error: Error = plugin
        .call("write")
        .params(&[1, 1 << 20, 1])
        .run()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfFuel);
    let outcome = error.outcome().expect("the call had begun");
    assert_eq!((outcome.stdout(), outcome.fuel_used()), (&b""[..], 17_000));
}

/// Filling memory with random numbers does not hold up the deadline.
#[test]
fn the_deadline_inside_a_function() {
    #[derive(Clone, Default)]
    struct SlowEntropy(Arc<AtomicUsize>);
    impl Entropy for SlowEntropy {
        fn fill(&self, bytes: &mut [u8]) -> bool {
            assert!(bytes.len() <= 4_096);
            self.0.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(20));
            true
        }
    }
    let module = text(PREVIEW1, &["random_get"]).replace("\"memory\") 1", "\"memory\") 16");
    let entropy = SlowEntropy::default();
    let config = RunnerConfig::new()
        .guest_entropy(entropy.clone())
        .clock(SystemClock::new())
        .timeout(Duration::from_millis(800));
    let runner = Runner::new(config).unwrap();
    let plugin = runner
        .load_plugin("guest", wat::parse_str(module).unwrap())
        .unwrap();
    let call = plugin.call("random_get").params(&[0, 1 << 20]);
    assert_eq!(call.run().unwrap_err().kind(), ErrorKind::Timeout);
    let chunks = entropy.0.load(Ordering::Relaxed);
    assert!((1..=40).contains(&chunks), "{chunks} of 256 chunks");
}
