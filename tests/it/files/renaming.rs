//! `path_rename`.

use super::script::{READ, check, files, on, open, step};

#[test]
fn renaming() {
    let rename = |from, to| step("rename").path(from).second(to);
    let stat = |path| step("stat").path(path);
    check(
        &files(),
        &[
            (
                "a file",
                &[
                    (rename("file", "new"), "0"),
                    (stat("file"), "44"),
                    (stat("new"), "0 type 4 links 1 size 11"),
                ],
            ),
            (
                "over a file",
                &[
                    (rename("file", "full/inner"), "0"),
                    (stat("full/inner"), "0 type 4 links 1 size 11"),
                    (stat("file"), "44"),
                ],
            ),
            (
                "over an open file",
                &[
                    (open("full/inner", 4, 0, READ), "0"),
                    (rename("file", "full/inner"), "0"),
                    (on("read", 4).n(9), "0 78"),
                ],
            ),
            (
                "over itself",
                &[
                    (rename("file", "file"), "0"),
                    (stat("file"), "0 type 4 links 1 size 11"),
                    (rename("full", "full"), "0"),
                ],
            ),
            (
                "over another name of it",
                &[
                    (step("link").path("file").second("two"), "0"),
                    (rename("file", "two"), "0"),
                    (stat("file"), "0 type 4 links 2 size 11"),
                ],
            ),
            (
                "a directory",
                &[
                    (rename("full", "new"), "0"),
                    (stat("new/inner"), "0 type 4 links 1 size 1"),
                    (stat("full/inner"), "44"),
                ],
            ),
            (
                "a directory over an empty one",
                &[
                    (rename("full", "empty"), "0"),
                    (stat("empty/inner"), "0 type 4 links 1 size 1"),
                ],
            ),
            (
                "a directory over a full one",
                &[(rename("empty", "full"), "55")],
            ),
            (
                "a directory over a file",
                &[(rename("empty", "file"), "54")],
            ),
            (
                "a file over a directory",
                &[(rename("file", "empty"), "31")],
            ),
            (
                "a directory into itself",
                &[
                    (rename("full", "full/inner"), "28"),
                    (rename("full", "full/new"), "28"),
                    (step("mkdir").path("full/a"), "0"),
                    (rename("full", "full/a/b"), "28"),
                    (rename("full/a", "full"), "55"),
                ],
            ),
            (
                "with slashes",
                &[
                    (rename("full/", "new/"), "0"),
                    (rename("file/", "two"), "54"),
                    (rename("file", "two/"), "54"),
                ],
            ),
            (
                "of dots",
                &[
                    (rename(".", "new"), "10"),
                    (rename("full/..", "new"), "10"),
                    (rename("empty", "."), "10"),
                ],
            ),
            (
                "of nothing",
                &[
                    (rename("none", "new"), "44"),
                    (rename("file", "none/new"), "44"),
                    (rename("", "new"), "44"),
                ],
            ),
            (
                "a link",
                &[
                    (rename("dangling", "new"), "0"),
                    (step("readlink").path("new").n(99), "0 6e6f7768657265"),
                ],
            ),
            (
                "what is read-only",
                &[
                    (rename("fixed/file", "new"), "69"),
                    (rename("file", "fixed/file"), "69"),
                    (rename("fixed", "new"), "69"),
                ],
            ),
            (
                "out of it",
                &[
                    (rename("file", "../new"), "63"),
                    (rename("../file", "new"), "63"),
                ],
            ),
            (
                "descriptors that are none",
                &[
                    (rename("file", "new").fd(9), "8"),
                    (rename("file", "new").to(9), "8"),
                ],
            ),
            (
                "an open directory moves along",
                &[
                    (open("full", 4, 0, 0), "0"),
                    (rename("full", "empty/deeper"), "0"),
                    (open("inner", 5, 0, READ).fd(4), "0"),
                    (stat("empty/deeper/inner"), "0 type 4 links 1 size 1"),
                ],
            ),
        ],
    );
}
