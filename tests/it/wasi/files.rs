//! Files in both versions of WASI: seeking, records, polling, sockets, and pointers that lie.

use super::guest::{BADF, FAULT, Guest, INVAL, NOTSOCK, PAGE, PREVIEW1, SUCCESS, UNSTABLE, words};
use pocketwasm::{Files, RunnerConfig};

const NAME: u32 = 64;
const FD: u32 = 128;
const RECORD: u32 = 256;

/// A guest with `file` of ten bytes, open for reading.
fn guest(module: &str, functions: &[&str]) -> (Guest, u64) {
    let files = Files::new().file("file", "0123456789");
    let config = RunnerConfig::new().files(&files);
    let functions = [&["path_open"], functions].concat();
    let mut guest = Guest::with(config, module, &functions);
    guest.put(NAME, b"file");
    let params = [3, 0, NAME.into(), 4, 0, 2 | 1 << 6, 0, 0, FD.into()];
    assert_eq!(guest.errno("path_open", &params), SUCCESS, "{module}");
    let fd = guest.u32(FD).into();
    (guest, fd)
}

#[test]
fn the_ways_to_seek_have_other_numbers() {
    let from = [(PREVIEW1, [0, 1, 2]), (UNSTABLE, [2, 0, 1])];
    for (module, [set, current, end]) in from {
        let (mut guest, fd) = guest(module, &["fd_seek"]);
        for (offset, whence, position) in [(4, set, 4), (3, current, 7), (1, end, 11)] {
            let params = [fd, offset, whence, RECORD.into()];
            assert_eq!(guest.errno("fd_seek", &params), SUCCESS, "{module}");
            assert_eq!(guest.u32(RECORD), position, "{module} {whence}");
        }
        assert_eq!(guest.errno("fd_seek", &[fd, 0, 3, RECORD.into()]), INVAL);
    }
}

#[test]
fn filestat_has_two_layouts() {
    for (module, size, size_at) in [(PREVIEW1, 64, 32), (UNSTABLE, 56, 24)] {
        let (mut guest, fd) = guest(module, &["fd_filestat_get", "path_filestat_get"]);
        let by_path = [3, 0, NAME.into(), 4, RECORD.into()];
        let by_fd = [fd, RECORD.into()];
        let calls: [(&str, &[u64]); 2] =
            [("path_filestat_get", &by_path), ("fd_filestat_get", &by_fd)];
        for (function, params) in calls {
            guest.put(RECORD, &[0xa5; 80]);
            assert_eq!(guest.errno(function, params), SUCCESS, "{module}");
            let record = guest.bytes(RECORD, 80);
            assert_eq!(record[16], 4, "{module} {function}: a regular file");
            assert_eq!(record[size_at], 10, "{module} {function}: its size");
            assert!(
                record[size..].iter().all(|byte| *byte == 0xa5),
                "{module} {function}"
            );
        }
        // It has to fit, to its last byte.
        let last = u64::from(PAGE) - size as u64;
        assert_eq!(
            guest.errno("fd_filestat_get", &[fd, last]),
            SUCCESS,
            "{module}"
        );
        assert_eq!(
            guest.errno("fd_filestat_get", &[fd, last + 1]),
            FAULT,
            "{module}"
        );
    }
}

#[test]
fn files_are_always_ready() {
    let (mut guest, fd) = guest(PREVIEW1, &["poll_oneoff", "fd_seek"]);
    assert_eq!(guest.errno("fd_seek", &[fd, 4, 0, RECORD.into()]), SUCCESS);
    let fd = u32::try_from(fd).unwrap();
    // Reading it, writing it, and reading a directory.
    for (at, (kind, fd)) in (1_024..).step_by(48).zip([(1_u8, fd), (2, fd), (1, 3)]) {
        guest.put(at, &[7; 8]);
        guest.put(at + 8, &[kind]);
        guest.put(at + 16, &fd.to_le_bytes());
    }
    assert_eq!(
        guest.errno("poll_oneoff", &[1_024, 2_048, 3, RECORD.into()]),
        SUCCESS
    );
    assert_eq!(guest.u32(RECORD), 3);
    let events = guest.bytes(2_048, 96);
    let told: Vec<(u8, u8)> = events
        .chunks(32)
        .map(|event| (event[8], event[16]))
        .collect();
    let badf = u8::try_from(BADF).unwrap();
    assert_eq!(told, [(0, 6), (0, 1), (badf, 0)]);
}

#[test]
fn sockets_are_refused() {
    let functions = ["sock_accept", "sock_recv", "sock_send", "sock_shutdown"];
    let (mut guest, fd) = guest(PREVIEW1, &functions);
    let mut refused = |fd: u64, errno: u64| {
        for (function, count) in [
            ("sock_accept", 3),
            ("sock_recv", 6),
            ("sock_send", 5),
            ("sock_shutdown", 2),
        ] {
            let mut params = vec![0; count];
            params[0] = fd;
            assert_eq!(guest.errno(function, &params), errno, "{function} of {fd}");
        }
    };
    refused(fd, NOTSOCK);
    refused(3, NOTSOCK);
    refused(1, NOTSOCK);
    refused(9, BADF);
}

/// Pointers are checked before anything happens: nothing is opened, made, moved or read.
#[test]
fn pointers_that_lie_have_no_effect() {
    let outside = u64::from(PAGE);
    let functions = [
        "fd_read",
        "fd_write",
        "fd_pread",
        "fd_pwrite",
        "fd_seek",
        "fd_tell",
        "fd_readdir",
        "fd_prestat_get",
        "fd_prestat_dir_name",
        "path_create_directory",
        "path_filestat_get",
        "path_link",
        "path_readlink",
        "path_rename",
        "path_symlink",
        "path_unlink_file",
        "fd_fdstat_get",
    ];
    let (mut guest, fd) = guest(PREVIEW1, &functions);
    guest.put(512, &words(&[(PAGE - 4, 8)]));
    guest.put(520, &words(&[(1_024, 8)]));
    let name = u64::from(NAME);
    let cases: [(&str, &str, &[u64]); 21] = [
        (
            "the number of what was opened",
            "path_open",
            &[3, 0, name, 4, 9, 66, 0, 0, outside - 3],
        ),
        (
            "the path",
            "path_open",
            &[3, 0, outside - 3, 4, 9, 66, 0, 0, 128],
        ),
        (
            "4 GiB of path",
            "path_open",
            &[3, 0, name, 0xffff_ffff, 9, 66, 0, 0, 128],
        ),
        ("the vector's bytes", "fd_read", &[fd, 512, 1, 128]),
        ("the count", "fd_read", &[fd, 520, 1, outside]),
        ("2^32 vectors", "fd_read", &[fd, 520, 0xffff_ffff, 128]),
        ("the vector's bytes", "fd_write", &[fd, 512, 1, 128]),
        ("the count", "fd_write", &[fd, 520, 1, outside - 3]),
        ("the count", "fd_pread", &[fd, 520, 1, 0, outside]),
        ("the count", "fd_pwrite", &[fd, 520, 1, 0, outside]),
        ("the position", "fd_seek", &[fd, 5, 0, outside - 7]),
        ("the position", "fd_tell", &[fd, outside]),
        (
            "2^32 bytes of entries",
            "fd_readdir",
            &[3, 1_024, 0xffff_ffff, 0, 128],
        ),
        (
            "how much was used",
            "fd_readdir",
            &[3, 1_024, 64, 0, outside],
        ),
        ("the record", "fd_prestat_get", &[3, outside - 7]),
        ("the name", "fd_prestat_dir_name", &[3, outside, 1]),
        ("the path", "path_create_directory", &[3, outside - 1, 4]),
        (
            "the record",
            "path_filestat_get",
            &[3, 0, name, 4, outside - 63],
        ),
        (
            "the other path",
            "path_rename",
            &[3, name, 4, 3, outside, 4],
        ),
        ("the target", "path_symlink", &[outside, 4, 3, name, 2]),
        ("the record", "fd_fdstat_get", &[fd, outside - 23]),
    ];
    let before = guest.memory();
    for (what, function, params) in cases {
        assert_eq!(guest.errno(function, params), FAULT, "{function}: {what}");
        assert!(guest.memory() == before, "{function}: {what}: memory");
    }
    let outcome = guest.call("fd_tell", &[fd, 128], |call| call).unwrap();
    assert_eq!(outcome.results(), [SUCCESS]);
    assert_eq!(guest.u32(128), 0, "nothing was read");
    assert!(outcome.files().is_empty(), "nothing was made");
}
