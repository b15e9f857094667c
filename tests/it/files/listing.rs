//! Listing directories.

use super::script::{BOTH, CREATE, Step, carry_out, check, lines, on, open, step};
use pocketwasm::Files;

#[test]
fn order_cookies_and_cuts() {
    let files = Files::new()
        .file("/b", "")
        .dir("/a")
        .symlink("/c", "b")
        .file("/a/inner", "");
    let list = || on("readdir", 3);
    check(
        &files,
        &[
            (
                "in the order of names",
                &[(list().n(999), "0 3:. 3:.. 3:a 4:b 7:c")],
            ),
            (
                "what the call changed is in its place",
                &[
                    (open("aa", 4, CREATE, BOTH), "0"),
                    (step("mkdir").path("Z"), "0"),
                    (step("unlink").path("b"), "0"),
                    (list().n(999), "0 3:. 3:.. 3:Z 3:a 4:aa 7:c"),
                ],
            ),
            (
                "from a cookie",
                &[
                    (list().n(999).m(1), "0 3:.. 3:a 4:b 7:c"),
                    (list().n(999).m(2), "0 3:a 4:b 7:c"),
                    (list().n(999).m(4), "0 7:c"),
                    (list().n(999).m(5), "0"),
                    (list().n(999).m(u64::MAX), "0"),
                    (list().n(999), "0 3:. 3:.. 3:a 4:b 7:c"),
                ],
            ),
            (
                "what does not fit is cut",
                &[
                    (list().n(0), "0"),
                    (list().n(25), "0 3:."),
                    (list().n(26), "0 3:. cut"),
                    (list().n(50), "0 3:. cut"),
                    (list().n(51), "0 3:. 3:.."),
                ],
            ),
            (
                "entries that were seen can go while the list goes on",
                &[
                    (list().n(76), "0 3:. 3:.. 3:a"),
                    (step("unlink").path("a/inner"), "0"),
                    (step("rmdir").path("a"), "0"),
                    (list().n(999).m(3), "0 4:b 7:c"),
                ],
            ),
            (
                "a file, and a stream",
                &[
                    (open("b", 4, 0, BOTH), "0"),
                    (on("readdir", 4).n(99), "8"),
                    (on("readdir", 0).n(99), "8"),
                ],
            ),
        ],
    );
}

/// 10,000 files, listed in pieces: each is there once, and the work is in proportion.
#[test]
fn large() {
    let listed = |count: u32| {
        let mut files = Files::new();
        for number in 0..count {
            files = files.file(&format!("/dir/{number:05}"), "");
        }
        let mut steps = vec![open("dir", 4, 0, 0)];
        let each = 24 + 5;
        let in_piece = 100;
        let pieces = count / in_piece;
        steps.push(on("readdir", 4).n(25 + 26));
        let piece = |number: u32| -> Step {
            let cookie = u64::from(2 + number * in_piece);
            on("readdir", 4).n(u64::from(each * in_piece)).m(cookie)
        };
        steps.extend((0..pieces).map(piece));
        let outcome = carry_out(&files, &steps);
        let names: Vec<String> = lines(&outcome)[2..]
            .iter()
            .flat_map(|line| line.split(' ').skip(1).map(str::to_owned))
            .collect();
        let expected: Vec<String> = (0..count).map(|number| format!("4:{number:05}")).collect();
        assert_eq!(names, expected);
        outcome.fuel_used()
    };
    let (small, large) = (listed(1_000), listed(10_000));
    assert!(large < small * 11, "{small} and {large}");
}
