//! Making and deleting directories and files.

use super::script::{BOTH, CREATE, EXCLUSIVE, READ, check, files, on, open, step};

#[test]
fn making_and_deleting() {
    let mkdir = |path| step("mkdir").path(path);
    let rmdir = |path| step("rmdir").path(path);
    let unlink = |path| step("unlink").path(path);
    check(
        &files(),
        &[
            (
                "mkdir",
                &[
                    (mkdir("new"), "0"),
                    (step("stat").path("new"), "0 type 3"),
                    (mkdir("new/er/"), "0"),
                ],
            ),
            (
                "mkdir where something is",
                &[
                    (mkdir("file"), "20"),
                    (mkdir("empty"), "20"),
                    (mkdir("dangling"), "20"),
                    (mkdir("."), "20"),
                    (mkdir(".."), "63"),
                ],
            ),
            (
                "mkdir below nothing, a file",
                &[
                    (mkdir("none/new"), "44"),
                    (mkdir("file/new"), "54"),
                    (mkdir("fixed/new"), "69"),
                    (mkdir(""), "44"),
                ],
            ),
            (
                "mkdir on a closed descriptor",
                &[
                    (mkdir("new").fd(9), "8"),
                    (open("file", 4, 0, READ), "0"),
                    (mkdir("new").fd(4), "8"),
                ],
            ),
            (
                "rmdir",
                &[
                    (rmdir("empty"), "0"),
                    (rmdir("empty"), "44"),
                    (step("stat").path("empty"), "44"),
                ],
            ),
            (
                "rmdir of others",
                &[
                    (rmdir("full"), "55"),
                    (rmdir("file"), "54"),
                    (rmdir("to-dir"), "54"),
                    (rmdir("to-dir/"), "54"),
                    (rmdir("."), "28"),
                    (rmdir("full/.."), "55"),
                    (rmdir("none"), "44"),
                    (rmdir("fixed"), "55"),
                ],
            ),
            (
                "rmdir of one that is open",
                &[
                    (open("empty", 4, 0, 0), "0"),
                    (rmdir("empty"), "0"),
                    (on("fstat", 4), "0 type 3"),
                    (open("x", 5, CREATE, BOTH).fd(4), "44"),
                    (on("readdir", 4).n(999), "0 3:. 3:.."),
                ],
            ),
            (
                "unlink",
                &[
                    (unlink("file"), "0"),
                    (unlink("file"), "44"),
                    (unlink("to-file"), "0"),
                    (step("readlink").path("to-file").n(9), "44"),
                ],
            ),
            (
                "unlink of others",
                &[
                    (unlink("full"), "31"),
                    (unlink("full/"), "31"),
                    (unlink("file/"), "54"),
                    (unlink("none"), "44"),
                    (unlink("."), "31"),
                    (unlink("fixed/file"), "69"),
                    (unlink("up/x"), "63"),
                ],
            ),
            (
                "unlink of one that is open",
                &[
                    (open("file", 4, 0, READ), "0"),
                    (unlink("file"), "0"),
                    (on("read", 4).n(5), "0 68656c6c6f"),
                    (on("fstat", 4), "0 type 4 links 0 size 11"),
                ],
            ),
            (
                "unlinked and made again",
                &[
                    (unlink("file"), "0"),
                    (open("file", 4, CREATE | EXCLUSIVE, BOTH), "0"),
                    (on("fstat", 4), "0 type 4 links 1 size 0"),
                ],
            ),
            (
                "a directory that was emptied",
                &[
                    (unlink("full/inner"), "0"),
                    (rmdir("full"), "0"),
                    (mkdir("full"), "0"),
                    (
                        on("readdir", 3).n(9999),
                        "0 3:. 3:.. 7:absolute 7:dangling 3:empty 4:file 3:fixed 3:full 7:inside 7:loop 7:to-dir 7:to-file 7:up",
                    ),
                ],
            ),
        ],
    );
}
