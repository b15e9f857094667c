//! Every WASI function: its result, and every byte that it writes.

use super::guest::{
    BADF, FAULT, Guest, INVAL, NOSYS, NOTSOCK, PAGE, PREVIEW1, SPIPE, STUBS, SUCCESS, UNSTABLE,
    words,
};
use pocketwasm::RunnerConfig;

/// The last address at which so many bytes fit.
fn last(bytes: u32) -> u64 {
    u64::from(PAGE - bytes)
}

struct Case {
    name: &'static str,
    function: &'static str,
    params: Vec<u64>,
    errno: u64,
    /// All that the function writes.
    writes: Vec<(u32, Vec<u8>)>,
}

fn case(
    name: &'static str,
    function: &'static str,
    params: &[u64],
    errno: u64,
    writes: &[(u32, &[u8])],
) -> Case {
    let writes = writes.iter().map(|(at, bytes)| (*at, bytes.to_vec()));
    Case {
        name,
        function,
        params: params.to_vec(),
        errno,
        writes: writes.collect(),
    }
}

/// Runs each case in a fresh guest whose memory is full of 0xa5.
fn check(module: &str, cases: &[Case]) {
    for Case {
        name,
        function,
        params,
        errno,
        writes,
    } in cases
    {
        let mut guest = Guest::with(RunnerConfig::new(), module, &[function]);
        guest.put(1, &[0xa5; PAGE as usize - 1]);
        let mut expected = guest.memory();
        let outcome = guest
            .call(function, params, |call| {
                call.args(["a", "bc"]).env("FOO", "x").stdin("hello world")
            })
            .unwrap_or_else(|error| panic!("{module} {function}, {name}: {error}"));
        assert_eq!(
            outcome.results(),
            [*errno],
            "{module} {function}, {name}: errno"
        );
        for (at, bytes) in writes {
            let at = *at as usize;
            expected[at..at + bytes.len()].copy_from_slice(bytes);
        }
        assert!(
            guest.memory() == expected,
            "{module} {function}, {name}: memory"
        );
    }
}

fn check_both(cases: &[Case]) {
    for module in [PREVIEW1, UNSTABLE] {
        check(module, cases);
    }
}

#[test]
fn arguments_and_environment() {
    let list = |addresses: &[u32]| -> Vec<u8> {
        addresses
            .iter()
            .flat_map(|address| address.to_le_bytes())
            .collect()
    };
    check_both(&[
        case(
            "count and size",
            "args_sizes_get",
            &[16, 24],
            SUCCESS,
            &[(16, &[3, 0, 0, 0]), (24, &[11, 0, 0, 0])],
        ),
        case(
            "at the end of memory",
            "args_sizes_get",
            &[16, last(4)],
            SUCCESS,
            &[(16, &[3, 0, 0, 0]), (PAGE - 4, &[11, 0, 0, 0])],
        ),
        case(
            "count outside",
            "args_sizes_get",
            &[last(3), 24],
            FAULT,
            &[],
        ),
        case("size outside", "args_sizes_get", &[16, last(3)], FAULT, &[]),
        case(
            "pointers at the top",
            "args_sizes_get",
            &[0xffff_ffff, 0xffff_fffc],
            FAULT,
            &[],
        ),
        case(
            "the plugin's name comes first",
            "args_get",
            &[64, 128],
            SUCCESS,
            &[(64, &list(&[128, 134, 136])), (128, b"guest\0a\0bc\0")],
        ),
        case(
            "strings at the end of memory",
            "args_get",
            &[64, last(11)],
            SUCCESS,
            &[
                (64, &list(&[PAGE - 11, PAGE - 5, PAGE - 3])),
                (PAGE - 11, b"guest\0a\0bc\0"),
            ],
        ),
        case("list outside", "args_get", &[last(11), 128], FAULT, &[]),
        case("strings outside", "args_get", &[64, last(10)], FAULT, &[]),
        case(
            "count and size",
            "environ_sizes_get",
            &[16, 24],
            SUCCESS,
            &[(16, &[1, 0, 0, 0]), (24, &[6, 0, 0, 0])],
        ),
        case(
            "count outside",
            "environ_sizes_get",
            &[last(3), 24],
            FAULT,
            &[],
        ),
        case(
            "size outside",
            "environ_sizes_get",
            &[16, last(3)],
            FAULT,
            &[],
        ),
        case(
            "variables",
            "environ_get",
            &[64, 128],
            SUCCESS,
            &[(64, &list(&[128])), (128, b"FOO=x\0")],
        ),
        case("list outside", "environ_get", &[last(3), 128], FAULT, &[]),
        case("strings outside", "environ_get", &[64, last(5)], FAULT, &[]),
    ]);
}

#[test]
fn clocks_and_random_numbers() {
    check_both(&[
        case(
            "realtime",
            "clock_res_get",
            &[0, 8],
            SUCCESS,
            &[(8, &1_u64.to_le_bytes())],
        ),
        case(
            "monotonic, at the end of memory",
            "clock_res_get",
            &[1, last(8)],
            SUCCESS,
            &[(PAGE - 8, &1_u64.to_le_bytes())],
        ),
        case("outside", "clock_res_get", &[1, last(7)], FAULT, &[]),
        case("time of the process", "clock_res_get", &[2, 8], INVAL, &[]),
        case("time of the thread", "clock_res_get", &[3, 8], INVAL, &[]),
        case("no clock", "clock_res_get", &[0xffff_ffff, 8], INVAL, &[]),
        case("outside", "clock_time_get", &[0, 0, last(7)], FAULT, &[]),
        case(
            "time of the process",
            "clock_time_get",
            &[2, 0, 8],
            INVAL,
            &[],
        ),
        case(
            "time of the thread",
            "clock_time_get",
            &[3, 0, 8],
            INVAL,
            &[],
        ),
        case("no clock", "clock_time_get", &[4, 0, 8], INVAL, &[]),
        case("nothing wanted", "random_get", &[8, 0], SUCCESS, &[]),
        case(
            "nothing wanted at the end of memory",
            "random_get",
            &[last(0), 0],
            SUCCESS,
            &[],
        ),
        case(
            "nothing wanted outside",
            "random_get",
            &[last(0) + 1, 0],
            SUCCESS,
            &[],
        ),
        case("a byte too many", "random_get", &[last(7), 8], FAULT, &[]),
        case("4 GiB", "random_get", &[0, 0xffff_ffff], FAULT, &[]),
        case(
            "4 GiB from the last byte",
            "random_get",
            &[last(1), 0xffff_ffff],
            FAULT,
            &[],
        ),
        case("nothing", "sched_yield", &[], SUCCESS, &[]),
    ]);
}

#[test]
fn descriptors() {
    let fdstat = |rights: u64| {
        let mut record = [0; 24];
        record[8..16].copy_from_slice(&rights.to_le_bytes());
        record
    };
    let (read, write) = (
        fdstat(1 << 1 | 1 << 21 | 1 << 27),
        fdstat(1 << 6 | 1 << 21 | 1 << 27),
    );
    check_both(&[
        case(
            "stdin can be read",
            "fd_fdstat_get",
            &[0, 8],
            SUCCESS,
            &[(8, &read)],
        ),
        case(
            "stdout can be written",
            "fd_fdstat_get",
            &[1, 8],
            SUCCESS,
            &[(8, &write)],
        ),
        case(
            "stderr can be written, at the end of memory",
            "fd_fdstat_get",
            &[2, last(24)],
            SUCCESS,
            &[(PAGE - 24, &write)],
        ),
        case("no descriptor", "fd_fdstat_get", &[3, 8], BADF, &[]),
        case("outside", "fd_fdstat_get", &[1, last(23)], FAULT, &[]),
        case("no flags", "fd_fdstat_set_flags", &[1, 0], SUCCESS, &[]),
        case("non-blocking", "fd_fdstat_set_flags", &[0, 4], SUCCESS, &[]),
        case("all flags", "fd_fdstat_set_flags", &[2, 31], SUCCESS, &[]),
        case("unknown flag", "fd_fdstat_set_flags", &[1, 32], INVAL, &[]),
        case("no descriptor", "fd_fdstat_set_flags", &[3, 0], BADF, &[]),
        case("stdin", "fd_seek", &[0, 0, 0, 8], SPIPE, &[]),
        case("stdout", "fd_seek", &[1, 0, 1, 8], SPIPE, &[]),
        case(
            "pointer outside",
            "fd_seek",
            &[1, 0, 1, last(0)],
            SPIPE,
            &[],
        ),
        case("no descriptor", "fd_seek", &[3, 0, 0, 8], BADF, &[]),
        case("stdin", "fd_tell", &[0, 8], SPIPE, &[]),
        case("stderr", "fd_tell", &[2, 8], SPIPE, &[]),
        case("no descriptor", "fd_tell", &[0xffff_ffff, 8], BADF, &[]),
        case("stdin", "fd_close", &[0], SUCCESS, &[]),
        case("stdout", "fd_close", &[1], SUCCESS, &[]),
        case("stderr", "fd_close", &[2], SUCCESS, &[]),
        case("no descriptor", "fd_close", &[3], BADF, &[]),
        case("no descriptor", "fd_filestat_get", &[3, 8], BADF, &[]),
    ]);
}

/// The number of links had 32 bits at first, and the record 56 bytes.
#[test]
fn file_status_by_version() {
    let mut new = [0; 64];
    new[24] = 1;
    check(
        PREVIEW1,
        &[
            case(
                "64 bytes",
                "fd_filestat_get",
                &[1, 8],
                SUCCESS,
                &[(8, &new)],
            ),
            case(
                "64 bytes at the end",
                "fd_filestat_get",
                &[0, last(64)],
                SUCCESS,
                &[(PAGE - 64, &new)],
            ),
            case("63 bytes", "fd_filestat_get", &[1, last(63)], FAULT, &[]),
        ],
    );
    let mut old = [0; 56];
    old[20] = 1;
    check(
        UNSTABLE,
        &[
            case(
                "56 bytes",
                "fd_filestat_get",
                &[1, 8],
                SUCCESS,
                &[(8, &old)],
            ),
            case(
                "56 bytes at the end",
                "fd_filestat_get",
                &[2, last(56)],
                SUCCESS,
                &[(PAGE - 56, &old)],
            ),
            case("55 bytes", "fd_filestat_get", &[1, last(55)], FAULT, &[]),
        ],
    );
}

/// Stubs answer by what they are about and do nothing.
#[test]
fn stubs() {
    for module in [PREVIEW1, UNSTABLE] {
        for (function, params) in STUBS {
            let mut guest = Guest::with(RunnerConfig::new(), module, &[function]);
            guest.put(1, &[0xa5; PAGE as usize - 1]);
            let before = guest.memory();
            for fd in [0, 1, 3, 0xffff_ffff] {
                let expected = match function {
                    "proc_raise" => NOSYS,
                    _ if function.starts_with("sock_") && fd < 3 => NOTSOCK,
                    _ => BADF,
                };
                let mut values = vec![64; params.len()];
                values[0] = fd;
                let errno = guest.errno(function, &values);
                assert_eq!(errno, expected, "{module} {function} of {fd}");
            }
            assert!(guest.memory() == before, "{module} {function}: memory");
        }
    }
}

/// Nothing refers to a descriptor that was closed, and the others stay.
#[test]
fn closed_descriptors() {
    for closed in 0..3 {
        let functions = [
            "fd_close",
            "fd_fdstat_get",
            "fd_fdstat_set_flags",
            "fd_filestat_get",
            "fd_read",
            "fd_seek",
            "fd_tell",
            "fd_write",
            "sock_shutdown",
        ];
        let mut guest = Guest::new(&functions);
        guest.put(256, &words(&[(300, 1)]));
        assert_eq!(guest.errno("fd_close", &[closed]), SUCCESS);
        let operations: [(&str, &[u64]); 8] = [
            ("fd_fdstat_get", &[closed, 8]),
            ("fd_fdstat_set_flags", &[closed, 0]),
            ("fd_filestat_get", &[closed, 8]),
            ("fd_read", &[closed, 256, 1, 8]),
            ("fd_seek", &[closed, 0, 0, 8]),
            ("fd_tell", &[closed, 8]),
            ("fd_write", &[closed, 256, 1, 8]),
            ("fd_close", &[closed]),
        ];
        for (function, params) in operations {
            let errno = guest.errno(function, params);
            assert_eq!(errno, BADF, "{function} of {closed}, closed");
        }
        assert_eq!(guest.errno("sock_shutdown", &[closed, 0]), BADF);
        for open in (0..3).filter(|fd| *fd != closed) {
            let errno = guest.errno("fd_fdstat_get", &[open, 8]);
            assert_eq!(errno, SUCCESS, "{open} after {closed} was closed");
        }
    }
}
