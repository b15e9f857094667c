//! Clocks and random numbers: virtual and reproducible, unless the embedder grants real ones.

use super::guest::{Guest, IO, PREVIEW1, SUCCESS, load, text, text_with};
use pocketwasm::{
    CancelToken, ErrorKind, Outcome, Plugin, Runner, RunnerConfig,
    environment::{Clock, Entropy, SystemClock},
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// 2020-01-01T00:00:00Z in nanoseconds.
const START: u64 = 1_577_836_800_000_000_000;
const HOUR: u64 = 3_600_000_000_000;

/// A guest that reads both clocks, spins, reads them again, sleeps, and reads them once more.
fn reader() -> String {
    text_with(
        PREVIEW1,
        &["clock_time_get", "poll_oneoff"],
        r#"(func $now (param i32) (result i64)
             (drop (call $clock_time_get (local.get 0) (i64.const 0) (i32.const 8)))
             (i64.load (i32.const 8)))
           (func (export "times") (param $spin i32) (param $ns i64)
               (result i64 i64 i64 i64 i64 i64)
             (call $now (i32.const 0))
             (call $now (i32.const 1))
             (loop $again
               (br_if $again (local.tee $spin (i32.sub (local.get $spin) (i32.const 1)))))
             (call $now (i32.const 0))
             (call $now (i32.const 1))
             (i32.store (i32.const 1040) (i32.const 1))
             (i64.store (i32.const 1048) (local.get $ns))
             (drop (call $poll_oneoff
               (i32.const 1024) (i32.const 2048) (i32.const 1) (i32.const 16)))
             (call $now (i32.const 0))
             (call $now (i32.const 1)))"#,
    )
}

fn times(plugin: &Plugin, spin: u64, ns: u64) -> (Vec<u64>, Outcome) {
    let call = plugin.call("times").params(&[spin, ns]).run();
    let outcome = call.unwrap();
    (outcome.results().to_vec(), outcome)
}

#[test]
fn a_virtual_clock_reads_the_same_every_time() {
    let module = reader();
    let plugin = load(RunnerConfig::new(), &module);
    let (first, outcome) = times(&plugin, 1000, HOUR);
    for slice in [1, 100, 1_000_000] {
        let other = load(RunnerConfig::new().slice(slice), &module);
        assert_eq!(times(&other, 1000, HOUR), (first.clone(), outcome.clone()));
    }
    let unclocked = load(RunnerConfig::new().no_clock(), &module);
    assert_eq!(times(&unclocked, 1000, HOUR).0, first);
    assert_eq!(times(&plugin, 1000, HOUR).0, first);
}

#[test]
fn a_virtual_clock_goes_by_the_fuel() {
    // A unit of fuel is a nanosecond.
    let config = RunnerConfig::new().fuel_per_second(1_000_000_000);
    let plugin = load(config, &reader());
    let (short, _) = times(&plugin, 1, 0);
    let (long, outcome) = times(&plugin, 1001, 0);
    let [day, mono, later_day, later_mono, ..] = *long else {
        panic!("six results");
    };
    assert_eq!(short[..2], long[..2], "before the loop");
    assert!((START + 1..START + 1000).contains(&day), "{day}");
    assert!((1..1000).contains(&mono), "{mono}");
    assert!(day - START < mono, "read before");
    assert_eq!(later_day - day, later_mono - mono, "both at one pace");
    // Five operators in the loop, or as many as the engine counts.
    let extra = later_mono - mono - (short[3] - short[1]);
    assert_eq!(extra % 1000, 0);
    assert!(extra >= 3000, "{extra}");
    // The last reading is the last thing that took fuel, and the clock begins at 1.
    assert_eq!(long[5], outcome.fuel_used() + 1);

    // At half the rate time passes twice as fast.
    let config = RunnerConfig::new().fuel_per_second(500_000_000);
    let (slow, _) = times(&load(config, &reader()), 1001, 0);
    assert_eq!(slow[3] - slow[1], 2 * (later_mono - mono));
}

#[test]
fn sleeping_moves_the_virtual_clock_and_blocks_nobody() {
    let plugin = load(RunnerConfig::new(), &reader());
    let begun = Instant::now();
    let (awake, outcome) = times(&plugin, 1, 0);
    let (slept, other) = times(&plugin, 1, HOUR);
    assert_eq!(slept[4] - awake[4], HOUR);
    assert_eq!(slept[5] - awake[5], HOUR);
    assert_eq!(outcome.fuel_used(), other.fuel_used());
    // The end of time is no place to break.
    let (end, _) = times(&plugin, 1, u64::MAX);
    assert_eq!(end[5], u64::MAX);
    assert!(begun.elapsed() < Duration::from_secs(60));
}

/// A guest that is kept does not see time go back from call to call.
#[test]
fn the_virtual_clock_goes_on_in_an_instance() {
    let plugin = load(RunnerConfig::new(), &reader());
    let mut guest = Guest::of(&plugin);
    let mut last = 0;
    for _ in 0..3 {
        let outcome = guest.call("times", &[1000, HOUR], |call| call).unwrap();
        let [_, first, .., end] = *outcome.results() else {
            panic!("six results");
        };
        assert!(first > last, "{first} after {last}");
        last = end;
    }
    assert!(last > 3 * HOUR, "three sleeps: {last}");
}

#[test]
fn a_guest_of_a_real_toolchain_sleeps() {
    let runner = Runner::new(RunnerConfig::new()).unwrap();
    let plugin = runner.plugin_at("fixtures/rust-clock.wasm").unwrap();
    let outcome = plugin.call("_start").run().unwrap();
    let text = String::from_utf8(outcome.stdout().to_vec()).unwrap();
    assert!(text.contains("slept ok"), "{text}");
    assert_eq!(plugin.call("_start").run().unwrap(), outcome);
}

/// A clock that stands still but for sleeping.
#[derive(Clone, Default)]
struct Standing {
    slept: Arc<Mutex<Duration>>,
    longest: Arc<Mutex<Duration>>,
}

impl Clock for Standing {
    fn monotonic(&self) -> Duration {
        Duration::from_nanos(700) + *self.slept.lock().unwrap()
    }

    fn since_epoch(&self) -> Duration {
        Duration::from_nanos(900) + *self.slept.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) {
        *self.slept.lock().unwrap() += duration;
        let mut longest = self.longest.lock().unwrap();
        *longest = duration.max(*longest);
    }
}

#[test]
fn a_clock_of_the_embedder() {
    let clock = Standing::default();
    let plugin = load(RunnerConfig::new().guest_clock(clock.clone()), &reader());
    let ns = 23_000_001;
    let (times, _) = times(&plugin, 1000, ns);
    assert_eq!(times, [900, 700, 900, 700, 900 + ns, 700 + ns]);
    assert_eq!(*clock.longest.lock().unwrap(), Duration::from_millis(5));
}

/// A subscription for an absolute time waits for what is left of it.
#[test]
fn an_absolute_time() {
    for (id, target) in [(0, 900 + 50), (1, 700 + 50)] {
        let clock = Standing::default();
        let config = RunnerConfig::new().guest_clock(clock.clone());
        let mut guest = Guest::with(config, PREVIEW1, &["poll_oneoff"]);
        let mut record = [0; 48];
        record[16] = id;
        record[24..32].copy_from_slice(&u64::to_le_bytes(target));
        record[40] = 1;
        guest.put(1024, &record);
        assert_eq!(guest.errno("poll_oneoff", &[1024, 2048, 1, 16]), SUCCESS);
        assert_eq!(*clock.slept.lock().unwrap(), Duration::from_nanos(50));
    }
}

#[test]
fn the_deadline_ends_a_real_sleep() {
    let config = RunnerConfig::new()
        .guest_clock(SystemClock::new())
        .timeout(Duration::from_millis(30));
    let plugin = load(config, &reader());
    let call = plugin.call("times").params(&[1, HOUR]);
    let error = call.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(
        error.to_string(),
        "plugin \"guest\", export \"times\": timed out: the limit `timeout` is 30ms"
    );
}

#[test]
fn a_token_ends_a_real_sleep() {
    let config = RunnerConfig::new()
        .guest_clock(SystemClock::new())
        .timeout(Duration::from_secs(3600));
    let plugin = load(config, &reader());
    let token = CancelToken::new();
    let error = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(10));
            token.cancel();
        });
        let call = plugin.call("times").params(&[1, HOUR]);
        call.cancel(&token).run().unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

/// Where no clock can end the call, the fuel that stands for its time does.
#[test]
fn a_real_sleep_without_a_deadline() {
    let clock = Standing::default();
    let config = RunnerConfig::new().no_clock().guest_clock(clock.clone());
    let plugin = load(config, &reader());
    let call = plugin.call("times").params(&[1, HOUR]);
    let error = call.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfFuel);
    assert_eq!(
        error.message(),
        "out of fuel: all 10000000000 units that `timeout` 5s stands for are used"
    );
    let slept = *clock.slept.lock().unwrap();
    assert!(slept <= Duration::from_secs(5), "{slept:?}");
    assert!(slept > Duration::from_millis(4_980), "{slept:?}");
}

/// The random bytes that one call gets.
fn random(plugin: &Plugin, length: u32) -> Vec<u8> {
    let mut guest = Guest::of(plugin);
    let params = [16, length.into()];
    assert_eq!(guest.errno("random_get", &params), SUCCESS);
    let memory = guest.memory();
    assert!(memory[16 + length as usize..].iter().all(|byte| *byte == 0));
    memory[16..16 + length as usize].to_vec()
}

#[test]
fn seeded_random_numbers() {
    let module = text(PREVIEW1, &["random_get"]);
    let of_seed = |seed| load(RunnerConfig::new().seed(seed), &module);
    // The first numbers of SplitMix64 from 0.
    let known = [0xe220_a839_7b1d_cdaf_u64, 0x6e78_9e6a_a1b9_65f4];
    let known: Vec<u8> = known.into_iter().flat_map(u64::to_le_bytes).collect();
    let zero = load(RunnerConfig::new(), &module);
    assert_eq!(random(&zero, 16), known);
    assert_eq!(random(&zero, 16), known, "a fresh instance begins again");
    assert_eq!(random(&zero, 11), known[..11]);
    assert_eq!(random(&of_seed(0), 16), known);
    let mut seen = vec![known];
    for seed in [1, 2, u64::MAX] {
        let bytes = random(&of_seed(seed), 16);
        assert!(!seen.contains(&bytes), "seed {seed}");
        seen.push(bytes);
    }
    // However much is asked for at once.
    let long = random(&zero, 60_000);
    assert_eq!(long[..5000], random(&zero, 5000));
    let mut guest = Guest::of(&zero);
    for start in [0, 4096] {
        assert_eq!(guest.errno("random_get", &[16, 4096]), SUCCESS);
        assert_eq!(guest.bytes(16, 4096), long[start..start + 4096]);
    }
}

#[test]
fn entropy_of_the_embedder() {
    /// Bytes of 7, and how often it was asked; never for more than 4,096.
    struct Sevens(Arc<AtomicUsize>, usize);
    impl Entropy for Sevens {
        fn fill(&self, bytes: &mut [u8]) -> bool {
            assert!(bytes.len() <= 4_096);
            bytes.fill(7);
            self.0.fetch_add(1, Ordering::Relaxed) < self.1
        }
    }
    let asked = Arc::new(AtomicUsize::new(0));
    let module = text(PREVIEW1, &["random_get"]);
    let plugin = load(
        RunnerConfig::new().guest_entropy(Sevens(asked.clone(), 4)),
        &module,
    );
    assert_eq!(random(&plugin, 10_000), [7; 10_000]);
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    let mut guest = Guest::of(&plugin);
    assert_eq!(guest.errno("random_get", &[16, 10_000]), IO);
    assert_eq!(
        asked.load(Ordering::Relaxed),
        5,
        "not asked after it failed"
    );
}
