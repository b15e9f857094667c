//! Hard links and symbolic links.

use super::script::{BOTH, TRUNCATE, WRITE, check, files, open, step};

#[test]
fn links() {
    let link = |from, to| step("link").path(from).second(to);
    let symlink = |target, path| step("symlink").path(target).second(path);
    let readlink = |path| step("readlink").path(path).n(99);
    check(
        &files(),
        &[
            (
                "link",
                &[
                    (link("file", "two"), "0"),
                    (step("stat").path("two"), "0 type 4 links 2 size 11"),
                    (step("unlink").path("file"), "0"),
                    (step("stat").path("two"), "0 type 4 links 1 size 11"),
                ],
            ),
            (
                "a change is seen through both",
                &[
                    (link("file", "two"), "0"),
                    (open("two", 4, TRUNCATE, WRITE), "0"),
                    (step("stat").path("file"), "0 type 4 links 2 size 0"),
                ],
            ),
            (
                "link where something is",
                &[
                    (link("file", "file"), "20"),
                    (link("file", "empty"), "20"),
                    (link("file", "dangling"), "20"),
                ],
            ),
            (
                "link of others",
                &[
                    (link("full", "two"), "63"),
                    (link("none", "two"), "44"),
                    (link("file", "two/"), "44"),
                    (link("file/", "two"), "54"),
                    (link(".", "two"), "63"),
                    (link("file", "fixed/two"), "69"),
                ],
            ),
            (
                "link of a link",
                &[
                    (link("dangling", "two"), "0"),
                    (readlink("two"), "0 6e6f7768657265"),
                ],
            ),
            (
                "link that follows",
                &[(link("to-file", "two").follow(), "28")],
            ),
            (
                "link of descriptors that are none",
                &[
                    (link("file", "two").fd(9), "8"),
                    (link("file", "two").to(9), "8"),
                ],
            ),
            (
                "a read-only file by another name",
                &[
                    (link("fixed/file", "two"), "0"),
                    (open("two", 4, 0, BOTH), "69"),
                ],
            ),
            (
                "symlink",
                &[
                    (symlink("full/inner", "new"), "0"),
                    (readlink("new"), "0 66756c6c2f696e6e6572"),
                    (step("stat").path("new").follow(), "0 type 4 links 1 size 1"),
                    (step("stat").path("new"), "0 type 7 size 10"),
                ],
            ),
            (
                "symlink where something is",
                &[
                    (symlink("x", "file"), "20"),
                    (symlink("x", "dangling"), "20"),
                    (symlink("x", "file/"), "54"),
                    (symlink("x", "full/"), "20"),
                ],
            ),
            (
                "symlink of others",
                &[
                    (symlink("/file", "new"), "63"),
                    (symlink("", "new"), "44"),
                    (symlink("x", "new/"), "44"),
                    (symlink("x", "none/new"), "44"),
                    (symlink("x", "fixed/new"), "69"),
                    (symlink("x", "new").fd(9), "8"),
                ],
            ),
            (
                "symlink out of it is made, not followed",
                &[
                    (symlink("../../x", "new"), "0"),
                    (step("stat").path("new").follow(), "63"),
                ],
            ),
            (
                "readlink",
                &[
                    (readlink("to-file"), "0 66696c65"),
                    (step("readlink").path("to-file").n(2), "0 6669"),
                    (step("readlink").path("to-file"), "0 "),
                ],
            ),
            (
                "readlink of others",
                &[
                    (readlink("file"), "28"),
                    (readlink("full"), "28"),
                    (readlink("none"), "44"),
                    (readlink("."), "28"),
                    (readlink("to-dir/"), "28"),
                    (readlink("file/"), "54"),
                ],
            ),
        ],
    );
}
