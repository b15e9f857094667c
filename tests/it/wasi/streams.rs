//! The standard streams: their file types, blocking, and polling.

use super::guest::{Guest, PREVIEW1, SUCCESS, UNSTABLE};
use pocketwasm::{ErrorKind, RunnerConfig, environment::InputSource};
use std::{
    io::sink,
    thread::sleep,
    time::{Duration, Instant},
};

const STAT: u32 = 512;
const AGAIN: u64 = 6;
const INVAL: u64 = 28;
const NOTSUP: u64 = 58;
const NONBLOCK: u64 = 4;

/// Input that arrives after a delay.
struct Late {
    from: Instant,
    bytes: &'static [u8],
}

fn late(after: Duration) -> Late {
    Late {
        from: Instant::now() + after,
        bytes: b"late",
    }
}

impl InputSource for Late {
    fn fetch(&mut self, bytes: &mut [u8]) -> Option<usize> {
        assert!(self.wait(Duration::from_secs(60)), "a read that blocks");
        let count = bytes.len().min(self.bytes.len());
        bytes[..count].copy_from_slice(&self.bytes[..count]);
        self.bytes = &self.bytes[count..];
        Some(count)
    }

    fn wait(&mut self, most: Duration) -> bool {
        let left = self.from.saturating_duration_since(Instant::now());
        sleep(left.min(most));
        left <= most
    }
}

/// An fd is a terminal only if the embedder declares it one. Otherwise it is a pipe.
#[test]
fn what_descriptors_are() {
    const PIPE: u8 = 0;
    const TERMINAL: u8 = 2;
    let all = || RunnerConfig::new().terminals(true, true, true);
    let passed_on = |config: RunnerConfig| config.stdout(sink()).stderr(sink());
    for (name, config, from_source, expected) in [
        ("by default", RunnerConfig::new(), true, [PIPE; 3]),
        ("kept", all(), false, [PIPE; 3]),
        (
            "passed on, pipes",
            passed_on(RunnerConfig::new()),
            true,
            [PIPE; 3],
        ),
        (
            "passed on, terminals",
            passed_on(all()),
            true,
            [TERMINAL; 3],
        ),
        (
            "input at hand",
            passed_on(all()),
            false,
            [PIPE, TERMINAL, TERMINAL],
        ),
        (
            "only the input",
            passed_on(RunnerConfig::new().terminals(true, false, false)),
            true,
            [TERMINAL, PIPE, PIPE],
        ),
    ] {
        for module in [PREVIEW1, UNSTABLE] {
            let functions = ["fd_fdstat_get", "fd_filestat_get"];
            let mut guest = Guest::with(config.clone(), module, &functions);
            for (function, at) in [("fd_fdstat_get", 0), ("fd_filestat_get", 16)] {
                for (fd, ty) in (0..).zip(expected) {
                    let outcome =
                        guest.call(function, &[fd, STAT.into()], |call| match from_source {
                            true => call.stdin_from(late(Duration::ZERO)),
                            false => call.stdin("at hand"),
                        });
                    assert_eq!(outcome.unwrap().results(), [SUCCESS], "{name}: {function}");
                    let found = guest.bytes(STAT + at, 1)[0];
                    assert_eq!(found, ty, "{name}: {function} of {fd}");
                }
            }
        }
    }
}

/// Flags are stored and reported. `NONBLOCK` is refused for output that goes to a sink.
#[test]
fn flags() {
    let passed_on = RunnerConfig::new().stdout(sink()).stderr(sink());
    for (name, config, fd, flags, errno) in [
        ("input", RunnerConfig::new(), 0, NONBLOCK, SUCCESS),
        (
            "output that is kept",
            RunnerConfig::new(),
            1,
            NONBLOCK,
            SUCCESS,
        ),
        (
            "output that is passed on",
            passed_on.clone(),
            1,
            NONBLOCK,
            NOTSUP,
        ),
        (
            "errors that are passed on",
            passed_on.clone(),
            2,
            NONBLOCK,
            NOTSUP,
        ),
        ("appending", passed_on, 1, 1, SUCCESS),
        ("an unknown flag", RunnerConfig::new(), 1, 32, INVAL),
        ("one beyond 16 bits", RunnerConfig::new(), 1, 1 << 16, INVAL),
    ] {
        let mut guest = Guest::with(config, PREVIEW1, &["fd_fdstat_set_flags", "fd_fdstat_get"]);
        assert_eq!(
            guest.errno("fd_fdstat_set_flags", &[fd, flags]),
            errno,
            "{name}"
        );
        assert_eq!(
            guest.errno("fd_fdstat_get", &[fd, STAT.into()]),
            SUCCESS,
            "{name}"
        );
        let kept = u64::from(guest.bytes(STAT + 2, 1)[0]);
        assert_eq!(kept, if errno == SUCCESS { flags } else { 0 }, "{name}");
    }
}

#[test]
fn reading_without_blocking() {
    let mut guest = Guest::with(
        RunnerConfig::new(),
        PREVIEW1,
        &["fd_fdstat_set_flags", "fd_read"],
    );
    guest.put_vectors(256, &[(1_024, 8)]);
    guest.put_vectors(264, &[(1_024, 0)]);
    assert_eq!(guest.errno("fd_fdstat_set_flags", &[0, NONBLOCK]), SUCCESS);
    for (name, list, after, errno, count) in [
        ("nothing yet", 256, Duration::from_secs(3_600), AGAIN, 0),
        (
            "no bytes wanted",
            264,
            Duration::from_secs(3_600),
            SUCCESS,
            0,
        ),
        ("there", 256, Duration::ZERO, SUCCESS, 4),
    ] {
        let outcome = guest.call("fd_read", &[0, list, 1, 128], |call| {
            call.stdin_from(late(after))
        });
        assert_eq!(outcome.unwrap().results(), [errno], "{name}");
        assert_eq!(guest.u32(128), count, "{name}");
    }
}

/// Either input or a clock ends the wait, and only the first has an event.
#[test]
fn input_or_a_clock() {
    const HOUR: Duration = Duration::from_secs(3_600);
    const SOON: Duration = Duration::from_millis(20);
    let subscriptions = |clock: Option<Duration>| {
        let mut records = vec![0; 48];
        records[0] = 7;
        records[8] = 1;
        if let Some(clock) = clock {
            let mut record = [0; 48];
            record[0] = 9;
            record[16] = 1;
            let ns = u64::try_from(clock.as_nanos()).unwrap();
            record[24..32].copy_from_slice(&ns.to_le_bytes());
            records.extend(record);
        }
        records
    };
    for config in [
        RunnerConfig::new().timeout(HOUR),
        RunnerConfig::new()
            .timeout(HOUR)
            .guest_clock(pocketwasm::environment::SystemClock::new()),
    ] {
        for (name, after, clock, events) in [
            ("input first", SOON, Some(HOUR), &[7][..]),
            ("the clock first", HOUR, Some(SOON), &[9]),
            ("input at once", Duration::ZERO, Some(HOUR), &[7]),
            ("input alone", SOON, None, &[7]),
            ("only asked", HOUR, Some(Duration::ZERO), &[9]),
        ] {
            let mut guest = Guest::with(config.clone(), PREVIEW1, &["poll_oneoff"]);
            let records = subscriptions(clock);
            guest.put(1_024, &records);
            let count = records.len() as u64 / 48;
            let outcome = guest.call("poll_oneoff", &[1_024, 8_192, count, 16], |call| {
                call.stdin_from(late(after))
            });
            assert_eq!(outcome.unwrap().results(), [SUCCESS], "{name}");
            let ready = guest.u32(16) as usize;
            let got: Vec<u8> = (0..ready)
                .map(|event| guest.bytes(8_192 + 32 * u32::try_from(event).unwrap(), 1)[0])
                .collect();
            assert_eq!(got, events, "{name}");
        }
    }
    // If nothing arrives in time, the call's timeout ends it.
    let config = RunnerConfig::new().timeout(Duration::from_millis(50));
    let mut guest = Guest::with(config, PREVIEW1, &["poll_oneoff"]);
    guest.put(1_024, &subscriptions(None));
    let ended = guest.call("poll_oneoff", &[1_024, 8_192, 1, 16], |call| {
        call.stdin_from(late(HOUR))
    });
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Timeout);
}

/// The pointer of an empty buffer is not checked.
#[test]
fn no_bytes_at_wild_pointers() {
    let functions = ["random_get", "fd_read", "fd_write", "environ_get"];
    let mut guest = Guest::with(RunnerConfig::new(), PREVIEW1, &functions);
    guest.put_vectors(256, &[(0xffff_fff0, 0), (0x7fff_ffff, 0)]);
    for (name, function, params) in [
        ("random numbers", "random_get", &[0xffff_ffff, 0][..]),
        ("reading", "fd_read", &[0, 256, 2, 128]),
        ("reading no vectors", "fd_read", &[0, 0xffff_ffff, 0, 128]),
        ("writing", "fd_write", &[1, 256, 2, 128]),
        ("writing no vectors", "fd_write", &[1, 0xffff_ffff, 0, 128]),
        ("no environment", "environ_get", &[0xffff_ffff, 0xffff_ffff]),
    ] {
        let before = guest.memory();
        assert_eq!(guest.errno(function, params), SUCCESS, "{name}");
        assert!(guest.memory() == before, "{name}: memory");
    }
}
