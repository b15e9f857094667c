//! `poll_oneoff`: subscriptions in, events out, in both layouts.

use super::guest::{BADF, FAULT, Guest, INVAL, PAGE, PREVIEW1, SUCCESS, UNSTABLE};
use pocketwasm::RunnerConfig;

const INPUT: u32 = 1024;
const OUTPUT: u32 = 8192;
const READY: u32 = 16;

/// What a subscription is about.
#[derive(Clone, Copy)]
enum About {
    Clock {
        id: u32,
        timeout: u64,
        absolute: bool,
    },
    Read(u32),
    Write(u32),
    Kind(u8),
}

const fn sleep(timeout: u64) -> About {
    About::Clock {
        id: 1,
        timeout,
        absolute: false,
    }
}

fn size(module: &str) -> u32 {
    if module == PREVIEW1 { 48 } else { 56 }
}

fn subscription(module: &str, userdata: u64, about: About) -> Vec<u8> {
    let mut record = vec![0; size(module) as usize];
    let mut put = |at: usize, bytes: &[u8]| record[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &userdata.to_le_bytes());
    match about {
        About::Clock {
            id,
            timeout,
            absolute,
        } => {
            // The first layout begins with an identifier of the clock subscription.
            let clock = if module == PREVIEW1 { 16 } else { 24 };
            put(16, &[0xee; 8]);
            put(clock, &id.to_le_bytes());
            put(clock + 8, &timeout.to_le_bytes());
            put(clock + 24, &u16::from(absolute).to_le_bytes());
        }
        About::Read(fd) => {
            put(8, &[1]);
            put(16, &fd.to_le_bytes());
        }
        About::Write(fd) => {
            put(8, &[2]);
            put(16, &fd.to_le_bytes());
        }
        About::Kind(kind) => put(8, &[kind]),
    }
    record
}

/// Userdata, errno, type, bytes and flags.
type Event = (u64, u64, u8, u64, u64);

fn event(record: &[u8]) -> Event {
    let number = |at: usize, length: usize| {
        let mut bytes = [0; 8];
        bytes[..length].copy_from_slice(&record[at..at + length]);
        u64::from_le_bytes(bytes)
    };
    assert_eq!(record[26..], [0; 6], "the rest of an event");
    (
        number(0, 8),
        number(8, 2),
        record[10],
        number(16, 8),
        number(24, 2),
    )
}

#[test]
fn events() {
    const NO_CLOCK: About = About::Clock {
        id: 2,
        timeout: 1,
        absolute: false,
    };
    const PAST: About = About::Clock {
        id: 0,
        timeout: 1,
        absolute: true,
    };
    let cases: [(&str, &str, &[About], &[Event]); 14] = [
        ("a clock", "", &[sleep(9)], &[(100, SUCCESS, 0, 0, 0)]),
        (
            "the first of two clocks",
            "",
            &[sleep(9), sleep(8)],
            &[(101, SUCCESS, 0, 0, 0)],
        ),
        (
            "two clocks alike",
            "",
            &[sleep(9), sleep(9)],
            &[(100, SUCCESS, 0, 0, 0), (101, SUCCESS, 0, 0, 0)],
        ),
        (
            "the time has passed",
            "",
            &[sleep(1), PAST],
            &[(101, SUCCESS, 0, 0, 0)],
        ),
        ("no such clock", "", &[NO_CLOCK], &[(100, INVAL, 0, 0, 0)]),
        (
            "input",
            "hello",
            &[About::Read(0)],
            &[(100, SUCCESS, 1, 5, 0)],
        ),
        (
            "no more input",
            "",
            &[About::Read(0)],
            &[(100, SUCCESS, 1, 0, 1)],
        ),
        (
            "input before a clock",
            "x",
            &[sleep(1), About::Read(0)],
            &[(101, SUCCESS, 1, 1, 0)],
        ),
        (
            "a clock at once and input",
            "x",
            &[sleep(0), About::Read(0)],
            &[(100, SUCCESS, 0, 0, 0), (101, SUCCESS, 1, 1, 0)],
        ),
        (
            "output",
            "",
            &[About::Write(1), About::Write(2)],
            &[(100, SUCCESS, 2, 1, 0), (101, SUCCESS, 2, 1, 0)],
        ),
        (
            "no such descriptor",
            "",
            &[About::Read(3), About::Write(9)],
            &[(100, BADF, 1, 0, 0), (101, BADF, 2, 0, 0)],
        ),
        (
            "reading stdout",
            "",
            &[About::Read(1)],
            &[(100, BADF, 1, 0, 0)],
        ),
        (
            "writing stdin",
            "",
            &[About::Write(0)],
            &[(100, BADF, 2, 0, 0)],
        ),
        (
            "a refused one ends the waiting",
            "",
            &[sleep(9), About::Read(7)],
            &[(101, BADF, 1, 0, 0)],
        ),
    ];
    for module in [PREVIEW1, UNSTABLE] {
        for (name, stdin, abouts, events) in cases {
            let mut guest = Guest::with(RunnerConfig::new(), module, &["poll_oneoff"]);
            let records = (100..)
                .zip(abouts)
                .flat_map(|(userdata, about)| subscription(module, userdata, *about));
            guest.put(INPUT, &records.collect::<Vec<_>>());
            let mut expected = guest.memory();
            let params = [
                INPUT.into(),
                OUTPUT.into(),
                abouts.len() as u64,
                READY.into(),
            ];
            let outcome = guest
                .call("poll_oneoff", &params, |call| call.stdin(stdin))
                .unwrap();
            assert_eq!(outcome.results(), [SUCCESS], "{module}, {name}");
            let ready = guest.u32(READY) as usize;
            let written = guest.bytes(OUTPUT, ready * 32);
            let got: Vec<Event> = written.chunks(32).map(event).collect();
            assert_eq!(got, events, "{module}, {name}");
            expected[READY as usize] = u8::try_from(ready).unwrap();
            let output = OUTPUT as usize;
            expected[output..output + written.len()].copy_from_slice(&written);
            assert!(guest.memory() == expected, "{module}, {name}: memory");
        }
    }
}

#[test]
fn refusals() {
    for module in [PREVIEW1, UNSTABLE] {
        let size = size(module);
        let end = |bytes: u32| u64::from(PAGE - bytes);
        let (input, output, ready) = (u64::from(INPUT), u64::from(OUTPUT), u64::from(READY));
        let cases: [(&str, [u64; 4], u64); 13] = [
            ("no subscriptions", [input, output, 0, ready], INVAL),
            ("2^31 subscriptions", [input, output, 1 << 31, ready], INVAL),
            ("2^32 - 1 subscriptions", [0, 0, 0xffff_ffff, 0], INVAL),
            ("one too many", [input, output, 4_097, ready], INVAL),
            ("input at the end", [end(size), output, 1, ready], SUCCESS),
            ("input outside", [end(size - 1), output, 1, ready], FAULT),
            (
                "the second subscription outside",
                [end(size), output, 2, ready],
                FAULT,
            ),
            ("events at the end", [input, end(32), 1, ready], SUCCESS),
            ("events outside", [input, end(31), 1, ready], FAULT),
            (
                "room for one event of two",
                [input, end(32), 2, ready],
                FAULT,
            ),
            ("count at the end", [input, output, 1, end(4)], SUCCESS),
            ("count outside", [input, output, 1, end(3)], FAULT),
            (
                "pointers at the top",
                [0xffff_ffff, 0xffff_ffff, 1, 0xffff_ffff],
                FAULT,
            ),
        ];
        for (name, params, errno) in cases {
            let mut guest = Guest::with(RunnerConfig::new(), module, &["poll_oneoff"]);
            // Two subscriptions of which one is ready first, so that their events are not alike.
            let two = [(!0, sleep(0)), (!1, sleep(1))];
            let two = two.map(|(userdata, about)| subscription(module, userdata, about));
            guest.put(INPUT, &two.concat());
            let before = guest.memory();
            assert_eq!(
                guest.errno("poll_oneoff", &params),
                errno,
                "{module}, {name}"
            );
            if errno != SUCCESS {
                assert!(guest.memory() == before, "{module}, {name}: memory");
            }
        }
        let mut guest = Guest::with(RunnerConfig::new(), module, &["poll_oneoff"]);
        for kind in [3, 255] {
            guest.put(INPUT, &subscription(module, 1, About::Kind(kind)));
            let errno = guest.errno("poll_oneoff", &[input, output, 1, ready]);
            assert_eq!(errno, INVAL, "{module}, type {kind}");
        }
    }
}

/// The most subscriptions that one call takes, each ready; and events written over them.
#[test]
fn many_subscriptions() {
    let config = RunnerConfig::new();
    let text =
        super::guest::text(PREVIEW1, &["poll_oneoff"]).replace("\"memory\") 1", "\"memory\") 4");
    let mut guest = Guest::of(&super::guest::load(config, &text));
    let record = subscription(PREVIEW1, 7, About::Write(1));
    guest.put(INPUT, &record.repeat(4_096));
    let params = [INPUT.into(), INPUT.into(), 4_096, READY.into()];
    assert_eq!(guest.errno("poll_oneoff", &params), SUCCESS);
    assert_eq!(guest.u32(READY), 4_096);
    let events = guest.bytes(INPUT, 4_096 * 32);
    assert!(
        events
            .chunks(32)
            .all(|record| event(record) == (7, SUCCESS, 2, 1, 0))
    );
}
