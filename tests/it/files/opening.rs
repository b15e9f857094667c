//! `path_open`: what it opens, and the errno for each kind of mistake.

use super::script::{
    BOTH, CREATE, DIRECTORY, EXCLUSIVE, READ, TRUNCATE, WRITE, check, files, on, open, step,
};

#[test]
fn path_open() {
    check(
        &files(),
        &[
            (
                "a file",
                &[
                    (open("file", 4, 0, READ), "0"),
                    (on("read", 4).n(99), "0 68656c6c6f20776f726c64"),
                ],
            ),
            ("nothing there", &[(open("none", 4, 0, READ), "44")]),
            ("an empty path", &[(open("", 4, 0, READ), "44")]),
            ("below a file", &[(open("file/x", 4, 0, READ), "54")]),
            ("below nothing", &[(open("none/x", 4, CREATE, READ), "44")]),
            ("a zero byte", &[(open("fi\0le", 4, 0, READ), "28")]),
            ("no text", &[(step("open").bytes(&[0xff, 0xfe]), "25")]),
            ("a file with a slash", &[(open("file/", 4, 0, READ), "54")]),
            (
                "a directory with slashes",
                &[(open("full//", 4, 0, READ), "0")],
            ),
            ("from the root", &[(open("/file", 4, 0, READ), "63")]),
            ("out of it", &[(open("../file", 4, 0, READ), "63")]),
            (
                "out of it and back",
                &[(open("full/../../file", 4, 0, READ), "63")],
            ),
            (
                "up and down inside",
                &[(open("./full/.././full//inner", 4, 0, READ), "0")],
            ),
            (
                "the directory itself",
                &[
                    (open(".", 4, 0, READ), "0"),
                    (on("fdstat", 4), "0 type 3 flags 0"),
                ],
            ),
            (
                "made",
                &[
                    (open("new", 4, CREATE, BOTH), "0"),
                    (step("stat").path("new"), "0 type 4 links 1 size 0"),
                ],
            ),
            (
                "made where it is",
                &[
                    (open("file", 4, CREATE, READ), "0"),
                    (on("fstat", 4), "0 type 4 links 1 size 11"),
                ],
            ),
            (
                "made alone where it is",
                &[(open("file", 4, CREATE | EXCLUSIVE, READ), "20")],
            ),
            (
                "made alone where a link is",
                &[(open("dangling", 4, CREATE | EXCLUSIVE, READ).follow(), "20")],
            ),
            (
                "made with a slash",
                &[(open("new/", 4, CREATE, BOTH), "31")],
            ),
            (
                "made through a link",
                &[
                    (open("dangling", 4, CREATE, BOTH).follow(), "0"),
                    (step("stat").path("nowhere"), "0 type 4 links 1 size 0"),
                ],
            ),
            (
                "emptied",
                &[
                    (open("file", 4, TRUNCATE, WRITE), "0"),
                    (on("fstat", 4), "0 type 4 links 1 size 0"),
                ],
            ),
            ("as a directory", &[(open("full", 4, DIRECTORY, READ), "0")]),
            (
                "a file as a directory",
                &[(open("file", 4, DIRECTORY, READ), "54")],
            ),
            (
                "a directory to be made",
                &[(open("new", 4, CREATE | DIRECTORY, READ), "28")],
            ),
            (
                "a directory to be emptied",
                &[(open("full", 4, TRUNCATE, WRITE), "31")],
            ),
            (
                "a directory for writing",
                &[(open("full", 4, 0, WRITE), "31")],
            ),
            (
                "a directory made as a file",
                &[(open("full", 4, CREATE, READ), "31")],
            ),
            (
                "a link that is not followed",
                &[(open("to-file", 4, 0, READ), "32")],
            ),
            (
                "a link that is followed",
                &[(open("to-file", 4, 0, READ).follow(), "0")],
            ),
            (
                "a link on the way",
                &[(open("to-dir/inner", 4, 0, READ), "0")],
            ),
            (
                "a link to a directory with a slash",
                &[(open("to-dir/", 4, 0, READ), "0")],
            ),
            (
                "a link to itself",
                &[(open("loop", 4, 0, READ).follow(), "32")],
            ),
            (
                "a link that leads out",
                &[(open("up", 4, 0, READ).follow(), "63")],
            ),
            (
                "a link that leads up inside",
                &[(open("inside", 4, 0, READ).follow(), "0")],
            ),
            (
                "a link from the root",
                &[(open("absolute", 4, 0, READ).follow(), "63")],
            ),
            (
                "a closed descriptor",
                &[(open("file", 4, 0, READ).fd(9), "8")],
            ),
            (
                "a file for a directory",
                &[
                    (open("file", 4, 0, READ), "0"),
                    (open("x", 5, 0, READ).fd(4), "54"),
                ],
            ),
            (
                "a stream for a directory",
                &[(open("file", 4, 0, READ).fd(0), "8")],
            ),
            (
                "a read-only file for reading",
                &[(open("fixed/file", 4, 0, READ), "0")],
            ),
            (
                "a read-only file for writing",
                &[(open("fixed/file", 4, 0, BOTH), "69")],
            ),
            (
                "a read-only file to be emptied",
                &[(open("fixed/file", 4, TRUNCATE, READ), "69")],
            ),
            (
                "in a read-only directory",
                &[(open("fixed/new", 4, CREATE, BOTH), "69")],
            ),
            (
                "unknown lookup flags",
                &[(open("file", 4, 0, READ).lookup(2), "28")],
            ),
            ("unknown ways to open", &[(open("file", 4, 16, READ), "28")]),
            (
                "unknown fd flags",
                &[(open("file", 4, 0, READ).flags(32), "28")],
            ),
            (
                "a name that is too long",
                &[(open(&"n".repeat(256), 4, CREATE, READ), "37")],
            ),
            (
                "a path that is too long",
                &[(open(&"./".repeat(2049), 4, CREATE, READ), "37")],
            ),
            (
                "below a subdirectory, out of it",
                &[
                    (open("full", 4, 0, 0), "0"),
                    (open("../file", 5, 0, READ).fd(4), "63"),
                ],
            ),
        ],
    );
}
