//! `fd_read` and `fd_write`, with vectors at every boundary.

use super::guest::{
    BADF, FAULT, Guest, INVAL, IO, PAGE, PREVIEW1, SUCCESS, UNSTABLE, load, text, words,
};
use pocketwasm::RunnerConfig;
use std::io::{Error, Read};

const LIST: u32 = 256;
const COUNT: u32 = 128;

struct Write {
    name: &'static str,
    fd: u64,
    vectors: &'static [(u32, u32)],
    /// Where the list of vectors is, and how many it is said to have, if not as many as it has.
    list: u32,
    length: Option<u32>,
    written: u32,
    errno: u64,
    stdout: &'static [u8],
    stderr: &'static [u8],
}

const WRITE: Write = Write {
    name: "",
    fd: 1,
    vectors: &[],
    list: LIST,
    length: None,
    written: COUNT,
    errno: SUCCESS,
    stdout: b"",
    stderr: b"",
};

const fn write(
    name: &'static str,
    vectors: &'static [(u32, u32)],
    errno: u64,
    stdout: &'static [u8],
) -> Write {
    Write {
        name,
        vectors,
        errno,
        stdout,
        ..WRITE
    }
}

/// Memory has "abcdefgh" at 1,024 and "yz" at its end.
const WRITES: &[Write] = &[
    write("no vectors", &[], SUCCESS, b""),
    write("one", &[(1024, 3)], SUCCESS, b"abc"),
    write(
        "three, in order",
        &[(1026, 2), (1024, 2), (1028, 4)],
        SUCCESS,
        b"cdabefgh",
    ),
    write(
        "the same bytes twice",
        &[(1024, 2), (1025, 2)],
        SUCCESS,
        b"abbc",
    ),
    write(
        "empty ones between",
        &[(0, 0), (1024, 1), (0, 0), (1025, 1)],
        SUCCESS,
        b"ab",
    ),
    write("up to the end of memory", &[(PAGE - 2, 2)], SUCCESS, b"yz"),
    write(
        "an empty one at the end of memory",
        &[(PAGE, 0)],
        SUCCESS,
        b"",
    ),
    write("an empty one outside", &[(PAGE + 1, 0)], SUCCESS, b""),
    write("an empty one at the top", &[(0xffff_ffff, 0)], SUCCESS, b""),
    write("a byte past the end", &[(PAGE - 2, 3)], FAULT, b""),
    write(
        "a good one, then one outside",
        &[(1024, 3), (PAGE, 1)],
        FAULT,
        b"",
    ),
    write(
        "pointer and length that wrap",
        &[(0xffff_ffff, 2)],
        FAULT,
        b"",
    ),
    write("length that wraps", &[(1024, 0xffff_ffff)], FAULT, b""),
    Write {
        fd: 2,
        stdout: b"",
        stderr: b"abc",
        ..write("stderr", &[(1024, 3)], SUCCESS, b"")
    },
    Write {
        fd: 0,
        ..write("stdin", &[(1024, 3)], BADF, b"")
    },
    Write {
        fd: 3,
        ..write("no descriptor", &[(1024, 3)], BADF, b"")
    },
    Write {
        fd: 0xffff_ffff,
        ..write("descriptor -1", &[(1024, 3)], BADF, b"")
    },
    Write {
        list: PAGE - 8,
        ..write("list at the end of memory", &[(1024, 3)], SUCCESS, b"abc")
    },
    Write {
        length: Some(2),
        list: PAGE - 8,
        ..write("list past the end", &[(1024, 3)], FAULT, b"")
    },
    Write {
        length: Some(0x2000_0000),
        ..write("list of 4 GiB", &[(1024, 3)], FAULT, b"")
    },
    Write {
        length: Some(0xffff_ffff),
        ..write("list of 32 GiB", &[(1024, 3)], FAULT, b"")
    },
    Write {
        list: PAGE,
        ..write("an empty list at the end", &[], SUCCESS, b"")
    },
    Write {
        list: PAGE + 1,
        ..write("an empty list outside", &[], SUCCESS, b"")
    },
    Write {
        written: PAGE - 4,
        ..write("count at the end of memory", &[(1024, 3)], SUCCESS, b"abc")
    },
    Write {
        written: PAGE - 3,
        ..write("count outside", &[(1024, 3)], FAULT, b"")
    },
    Write {
        written: 0xffff_ffff,
        ..write("count at the top", &[(1024, 3)], FAULT, b"")
    },
    Write {
        written: LIST,
        ..write(
            "count over the list",
            &[(1024, 3), (1027, 1)],
            SUCCESS,
            b"abcd",
        )
    },
    Write {
        written: 1024,
        ..write("count over the bytes", &[(1024, 3)], SUCCESS, b"abc")
    },
];

fn length(said: Option<u32>, vectors: &[(u32, u32)]) -> u64 {
    said.map_or(vectors.len() as u64, u64::from)
}

#[test]
fn writing() {
    for module in [PREVIEW1, UNSTABLE] {
        for case in WRITES {
            let mut guest = Guest::with(RunnerConfig::new(), module, &["fd_write"]);
            guest.put(1024, b"abcdefgh");
            guest.put(PAGE - 2, b"yz");
            if !case.vectors.is_empty() {
                guest.put_vectors(case.list, case.vectors);
            }
            let mut expected = guest.memory();
            let params = [
                case.fd,
                case.list.into(),
                length(case.length, case.vectors),
                case.written.into(),
            ];
            let outcome = guest.call("fd_write", &params, |call| call).unwrap();
            assert_eq!(outcome.results(), [case.errno], "{}: errno", case.name);
            assert_eq!(outcome.stdout(), case.stdout, "{}: stdout", case.name);
            assert_eq!(outcome.stderr(), case.stderr, "{}: stderr", case.name);
            assert!(!outcome.output_truncated(), "{}", case.name);
            if case.errno == SUCCESS {
                let sum = u32::try_from(case.stdout.len() + case.stderr.len()).unwrap();
                let at = case.written as usize;
                expected[at..at + 4].copy_from_slice(&sum.to_le_bytes());
            }
            assert!(guest.memory() == expected, "{}: memory", case.name);
        }
    }
}

/// A list may be longer than what one call looks at; that makes a short write.
#[test]
fn more_vectors_than_one_call_takes() {
    let mut guest = Guest::new(&["fd_write"]);
    guest.put(16, b"x");
    guest.put(1024, &words(&[(16, 1)]).repeat(1025));
    let outcome = guest.call("fd_write", &[1, 1024, 1025, 8], |call| call);
    let outcome = outcome.unwrap();
    assert_eq!(outcome.results(), [SUCCESS]);
    assert_eq!(outcome.stdout(), [b'x'; 1024]);
    assert_eq!(guest.u32(8), 1024);
}

/// What was written or read is told in 32 bits, so there cannot be more.
#[test]
fn vectors_that_add_up_to_4_gib() {
    let large =
        text(PREVIEW1, &["fd_write", "fd_read"]).replace("\"memory\") 1", "\"memory\") 1024");
    let mut guest = Guest::of(&load(RunnerConfig::new(), &large));
    guest.put(1024, &words(&[(0, 0x0400_0000)]).repeat(64));
    for (function, fd) in [("fd_write", 1), ("fd_read", 0)] {
        assert_eq!(guest.errno(function, &[fd, 1024, 64, 8]), INVAL);
        assert_eq!(guest.errno(function, &[fd, 1024, 1, 8]), SUCCESS);
    }
}

struct ReadCase {
    name: &'static str,
    fd: u64,
    vectors: &'static [(u32, u32)],
    /// How many vectors there are said to be, if not as many as there are.
    length: Option<u32>,
    read: u32,
    errno: u64,
    /// What is written where, the count aside.
    writes: &'static [(u32, &'static [u8])],
    count: u32,
}

const fn read(
    name: &'static str,
    vectors: &'static [(u32, u32)],
    errno: u64,
    writes: &'static [(u32, &'static [u8])],
    count: u32,
) -> ReadCase {
    ReadCase {
        name,
        fd: 0,
        vectors,
        length: None,
        read: COUNT,
        errno,
        writes,
        count,
    }
}

const READS: &[ReadCase] = &[
    read("no vectors", &[], SUCCESS, &[], 0),
    read(
        "less than there is",
        &[(1024, 2)],
        SUCCESS,
        &[(1024, b"he")],
        2,
    ),
    read(
        "all there is",
        &[(1024, 5)],
        SUCCESS,
        &[(1024, b"hello")],
        5,
    ),
    read(
        "more than there is",
        &[(1024, 64)],
        SUCCESS,
        &[(1024, b"hello")],
        5,
    ),
    read(
        "two",
        &[(1024, 2), (2048, 9)],
        SUCCESS,
        &[(1024, b"he"), (2048, b"llo")],
        5,
    ),
    read(
        "empty ones between",
        &[(0, 0), (1024, 1), (0, 0), (2048, 1)],
        SUCCESS,
        &[(1024, b"h"), (2048, b"e")],
        2,
    ),
    read(
        "the later wins where they overlap",
        &[(1024, 3), (1025, 2)],
        SUCCESS,
        &[(1024, b"hlo")],
        5,
    ),
    read(
        "up to the end of memory",
        &[(PAGE - 2, 2)],
        SUCCESS,
        &[(PAGE - 2, b"he")],
        2,
    ),
    read("a byte past the end", &[(PAGE - 2, 3)], FAULT, &[], 0),
    read(
        "a good one, then one outside",
        &[(1024, 2), (PAGE - 1, 2)],
        FAULT,
        &[],
        0,
    ),
    read("an empty one outside", &[(PAGE + 1, 0)], SUCCESS, &[], 0),
    read(
        "pointer and length that wrap",
        &[(0xffff_ffff, 1)],
        FAULT,
        &[],
        0,
    ),
    // The first vector's bytes land on the second one, which must not then be read as "hell".
    read(
        "bytes over the list",
        &[(LIST + 8, 4), (1024, 1)],
        SUCCESS,
        &[(LIST + 8, b"hell"), (1024, b"o")],
        5,
    ),
    ReadCase {
        fd: 1,
        ..read("stdout", &[(1024, 2)], BADF, &[], 0)
    },
    ReadCase {
        fd: 2,
        ..read("stderr", &[(1024, 2)], BADF, &[], 0)
    },
    ReadCase {
        fd: 3,
        ..read("no descriptor", &[(1024, 2)], BADF, &[], 0)
    },
    ReadCase {
        read: PAGE - 3,
        ..read("count outside", &[(1024, 2)], FAULT, &[], 0)
    },
    ReadCase {
        length: Some(0xffff_ffff),
        ..read("list of 32 GiB", &[(1024, 2)], FAULT, &[], 0)
    },
    ReadCase {
        read: 1024,
        ..read("count over the bytes", &[(1024, 2)], SUCCESS, &[], 2)
    },
];

#[test]
fn reading() {
    for module in [PREVIEW1, UNSTABLE] {
        for case in READS {
            let mut guest = Guest::with(RunnerConfig::new(), module, &["fd_read"]);
            guest.put(512, &[0xa5; (PAGE - 512) as usize]);
            if !case.vectors.is_empty() {
                guest.put_vectors(LIST, case.vectors);
            }
            let mut expected = guest.memory();
            let params = [
                case.fd,
                LIST.into(),
                length(case.length, case.vectors),
                case.read.into(),
            ];
            let outcome = guest.call("fd_read", &params, |call| call.stdin("hello"));
            assert_eq!(
                outcome.unwrap().results(),
                [case.errno],
                "{}: errno",
                case.name
            );
            for (at, bytes) in case.writes {
                let at = *at as usize;
                expected[at..at + bytes.len()].copy_from_slice(bytes);
            }
            if case.errno == SUCCESS {
                let at = case.read as usize;
                expected[at..at + 4].copy_from_slice(&case.count.to_le_bytes());
            }
            assert!(guest.memory() == expected, "{}: memory", case.name);
        }
    }
}

/// A reader that gives its pieces one by one, and fails when it is asked for more.
struct Pieces(Vec<&'static [u8]>);

impl Read for Pieces {
    fn read(&mut self, to: &mut [u8]) -> Result<usize, Error> {
        assert!(!to.is_empty(), "asked for nothing");
        if self.0.is_empty() {
            return Err(Error::other("nothing more"));
        }
        let piece = self.0.remove(0);
        let taken = piece.len().min(to.len());
        to[..taken].copy_from_slice(&piece[..taken]);
        if taken < piece.len() {
            self.0.insert(0, &piece[taken..]);
        }
        Ok(taken)
    }
}

/// What a reader has given reaches the guest before the reader is asked again, since it may block.
#[test]
fn a_reader_is_asked_once_per_call() {
    let mut guest = Guest::new(&["fd_read"]);
    guest.put_vectors(LIST, &[(0, 0), (1024, 4), (2048, 4)]);
    let params = [0, LIST.into(), 3, COUNT.into()];
    let outcome = guest.call("fd_read", &params, |call| {
        call.stdin_from(Pieces(vec![b"four"]))
    });
    assert_eq!(outcome.unwrap().results(), [SUCCESS]);
    assert_eq!(guest.u32(COUNT), 4);
    assert_eq!(guest.bytes(1024, 4), b"four");
    assert_eq!(guest.bytes(2048, 4), [0; 4]);
}

#[test]
fn a_reader_that_fails() {
    let mut guest = Guest::new(&["fd_read"]);
    guest.put_vectors(LIST, &[(1024, 4)]);
    let params = [0, LIST.into(), 1, COUNT.into()];
    let outcome = guest.call("fd_read", &params, |call| call.stdin_from(Pieces(vec![])));
    assert_eq!(outcome.unwrap().results(), [IO]);
}

/// A source that claims more than it was given room for is not believed.
#[test]
fn a_reader_that_lies() {
    struct Liar;
    impl Read for Liar {
        fn read(&mut self, _: &mut [u8]) -> Result<usize, Error> {
            Ok(usize::MAX)
        }
    }
    let mut guest = Guest::new(&["fd_read"]);
    guest.put_vectors(LIST, &[(1024, 4)]);
    let params = [0, LIST.into(), 1, COUNT.into()];
    let outcome = guest.call("fd_read", &params, |call| call.stdin_from(Liar));
    assert_eq!(outcome.unwrap().results(), [SUCCESS]);
    assert_eq!(guest.u32(COUNT), 4);
}
