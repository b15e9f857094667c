//! Numbers and rights of descriptors.

use super::script::{BOTH, CREATE, READ, TRUNCATE, WRITE, check, files, on, open, step};

#[test]
fn descriptors() {
    const WITHOUT_READING: u64 = 1 << 2 | 1 << 5;
    check(
        &files(),
        &[
            (
                "renumber",
                &[
                    (open("file", 4, 0, READ), "0"),
                    (open("full/inner", 5, 0, READ), "0"),
                    (on("renumber", 4).to(5), "0"),
                    (on("read", 4).n(9), "8"),
                    (on("read", 5).n(5), "0 68656c6c6f"),
                    (on("renumber", 5).to(4), "8"),
                    (on("renumber", 5).to(9), "8"),
                    (on("renumber", 9).to(5), "8"),
                    (on("renumber", 5).to(5), "0"),
                ],
            ),
            (
                "standard input by another number",
                &[
                    (open("file", 4, 0, READ), "0"),
                    (on("renumber", 0).to(4), "0"),
                    (on("read", 4).n(9), "0 "),
                    (on("read", 0).n(9), "8"),
                    (on("seek", 4), "70"),
                    (on("close", 4), "0"),
                    (on("read", 4).n(9), "8"),
                ],
            ),
            (
                "a file as standard error",
                &[
                    (open("new", 4, CREATE, BOTH), "0"),
                    (on("renumber", 4).to(2), "0"),
                    (on("write", 2).bytes(b"x"), "0 1"),
                    (step("stat").path("new"), "0 type 4 links 1 size 1"),
                    (on("close", 2), "0"),
                    (on("write", 2).bytes(b"x"), "8"),
                ],
            ),
            (
                "the directory that was found open",
                &[
                    (on("prestat", 3), "0 0 2f"),
                    (open("full", 4, 0, 0), "0"),
                    (on("prestat", 4), "8"),
                    (on("renumber", 4).to(3), "0"),
                    (on("prestat", 3), "8"),
                    (step("stat").path("inner"), "0 type 4 links 1 size 1"),
                    (on("close", 3), "0"),
                    (step("stat").path("inner"), "8"),
                ],
            ),
            (
                "rights are taken away",
                &[
                    (open("file", 4, 0, BOTH), "0"),
                    (on("set_rights", 4).n(WITHOUT_READING), "0"),
                    (on("read", 4).n(1), "8"),
                    (on("write", 4).bytes(b"x"), "8"),
                    (on("fstat", 4), "76"),
                    (on("tell", 4), "0 0"),
                    (on("set_rights", 4).n(READ), "76"),
                ],
            ),
            (
                "rights of a directory",
                &[
                    (on("set_rights", 3).n(1 << 13).m(READ | 1 << 21), "0"),
                    (open("file", 4, 0, READ), "0"),
                    (on("fstat", 4), "0 type 4 links 1 size 11"),
                    (on("tell", 4), "76"),
                    (open("file", 5, 0, WRITE), "76"),
                    (open("new", 5, CREATE, READ), "76"),
                    (open("file", 5, TRUNCATE, READ), "76"),
                    (step("mkdir").path("new"), "76"),
                    (step("stat").path("file"), "76"),
                    (on("readdir", 3).n(99), "76"),
                ],
            ),
            (
                "rights as they begin",
                &[
                    (
                        on("fdstat", 3).lookup(1),
                        "0 type 3 flags 0 rights 7bffe19 fffffff",
                    ),
                    (open("file", 4, 0, READ), "0"),
                    (
                        on("fdstat", 4).lookup(1),
                        "0 type 4 flags 0 rights 8a000bf 0",
                    ),
                    (open("file", 5, 0, BOTH), "0"),
                    (
                        on("fdstat", 5).lookup(1),
                        "0 type 4 flags 0 rights 8e001ff 0",
                    ),
                ],
            ),
        ],
    );
}
