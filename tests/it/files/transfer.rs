//! Reading, writing, sizes, positions and times.

use super::script::{APPEND, BOTH, READ, WRITE, check, files, on, open, step};

#[test]
fn reading_and_writing() {
    check(
        &files(),
        &[
            (
                "write and read back",
                &[
                    (open("file", 4, 0, BOTH), "0"),
                    (on("write", 4).bytes(b"HE"), "0 2"),
                    (on("tell", 4), "0 2"),
                    (on("seek", 4).n(0), "0 0"),
                    (on("read", 4).n(99), "0 48456c6c6f20776f726c64"),
                ],
            ),
            (
                "past the end",
                &[
                    (open("file", 4, 0, BOTH), "0"),
                    (on("pwrite", 4).bytes(b"!").m(14), "0 1"),
                    (on("pread", 4).n(99).m(10), "0 6400000021"),
                    (on("pread", 4).n(9).m(15), "0 "),
                    (on("pread", 4).n(9).m(u64::MAX), "0 "),
                ],
            ),
            (
                "appended",
                &[
                    (open("file", 4, 0, BOTH).flags(APPEND), "0"),
                    (on("write", 4).bytes(b"!"), "0 1"),
                    (on("tell", 4), "0 12"),
                    (on("set_flags", 4), "0"),
                    (on("seek", 4), "0 0"),
                    (on("write", 4).bytes(b"J"), "0 1"),
                    (on("pread", 4).n(99), "0 4a656c6c6f20776f726c6421"),
                ],
            ),
            (
                "without the right",
                &[
                    (open("file", 4, 0, READ), "0"),
                    (on("write", 4).bytes(b"x"), "8"),
                    (on("pwrite", 4).bytes(b"x"), "8"),
                    (on("set_size", 4), "28"),
                    (on("allocate", 4).n(0).m(1), "8"),
                    (open("file", 5, 0, WRITE), "0"),
                    (on("read", 5).n(1), "8"),
                    (on("pread", 5).n(1), "8"),
                ],
            ),
            (
                "a directory",
                &[
                    (on("read", 3).n(1), "8"),
                    (on("write", 3).bytes(b"x"), "8"),
                    (on("seek", 3), "8"),
                    (on("tell", 3), "8"),
                    (on("set_size", 3), "8"),
                    (on("allocate", 3).m(1), "8"),
                    (on("advise", 3), "8"),
                    (on("sync", 3), "8"),
                    (on("datasync", 3), "8"),
                    (on("set_flags", 3), "8"),
                ],
            ),
            (
                "nothing open",
                &[
                    (on("read", 9).n(1), "8"),
                    (on("write", 9), "8"),
                    (on("seek", 9), "8"),
                    (on("tell", 9), "8"),
                    (on("set_size", 9), "8"),
                    (on("allocate", 9), "8"),
                    (on("advise", 9), "8"),
                    (on("sync", 9), "8"),
                    (on("datasync", 9), "8"),
                    (on("fdstat", 9), "8"),
                    (on("fstat", 9), "8"),
                    (on("set_fd_times", 9).flags(1), "8"),
                    (on("readdir", 9).n(9), "8"),
                    (on("close", 9), "8"),
                    (on("set_flags", 9), "8"),
                    (on("set_rights", 9), "8"),
                    (on("prestat", 9), "8"),
                ],
            ),
            (
                "seek",
                &[
                    (open("file", 4, 0, READ), "0"),
                    (on("seek", 4).n(5), "0 5"),
                    (on("seek", 4).n(u64::MAX).lookup(1), "0 4"),
                    (on("seek", 4).n((-11_i64).cast_unsigned()).lookup(2), "0 0"),
                    (on("seek", 4).n((-1_i64).cast_unsigned()), "28"),
                    (on("seek", 4).n((-12_i64).cast_unsigned()).lookup(2), "28"),
                    (
                        on("seek", 4).n(i64::MAX.cast_unsigned()),
                        "0 9223372036854775807",
                    ),
                    (on("seek", 4).n(1).lookup(1), "28"),
                    (on("seek", 4).lookup(3), "28"),
                ],
            ),
            (
                "sizes",
                &[
                    (open("file", 4, 0, BOTH), "0"),
                    (on("set_size", 4).n(2), "0"),
                    (on("set_size", 4).n(4), "0"),
                    (on("pread", 4).n(9), "0 68650000"),
                    (on("set_size", 4).n(u64::MAX), "28"),
                    (on("allocate", 4).n(1).m(1), "0"),
                    (on("fstat", 4), "0 type 4 links 1 size 4"),
                    (on("allocate", 4).n(4).m(4), "0"),
                    (on("fstat", 4), "0 type 4 links 1 size 8"),
                    (on("allocate", 4), "28"),
                    (on("allocate", 4).n(u64::MAX).m(2), "22"),
                ],
            ),
            (
                "advice",
                &[
                    (open("file", 4, 0, READ), "0"),
                    (on("advise", 4).n(1).m(2).flags(5), "0"),
                    (on("advise", 4).flags(6), "28"),
                    (on("advise", 4).n(u64::MAX), "28"),
                    (on("sync", 4), "0"),
                    (on("datasync", 4), "0"),
                ],
            ),
            (
                "flags",
                &[
                    (open("file", 4, 0, READ), "0"),
                    (on("set_flags", 4).flags(31), "0"),
                    (on("fdstat", 4), "0 type 4 flags 31"),
                    (on("set_flags", 4).flags(32), "28"),
                ],
            ),
            (
                "times",
                &[
                    (open("file", 4, 0, READ), "0"),
                    (on("set_fd_times", 4).n(5).m(6).flags(5), "0"),
                    (
                        on("fstat", 4).flags(1),
                        "0 type 4 links 1 size 11 accessed 5 modified 6",
                    ),
                    (
                        step("set_times")
                            .path("to-file")
                            .follow()
                            .n(7)
                            .m(8)
                            .flags(4),
                        "0",
                    ),
                    (
                        on("fstat", 4).flags(1),
                        "0 type 4 links 1 size 11 accessed 5 modified 8",
                    ),
                    (on("set_fd_times", 4).flags(3), "28"),
                    (on("set_fd_times", 4).flags(12), "28"),
                    (on("set_fd_times", 4).flags(16), "28"),
                    (step("set_times").path("none").flags(1), "44"),
                    (step("set_times").path("fixed/file").flags(1), "69"),
                    (step("set_times").path("file/").flags(1), "54"),
                ],
            ),
            (
                "times as they begin",
                &[(
                    step("stat").path("full/inner").flags(1),
                    "0 type 4 links 1 size 1 accessed 1577836800000000000 modified 1577836800000000000",
                )],
            ),
        ],
    );
}
