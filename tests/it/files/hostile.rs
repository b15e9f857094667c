//! Guests that try to take more than they may have, or to get out.

use super::script::{
    BOTH, CREATE, DIRECTORY, READ, Step, WRITE, carry_out, carry_out_by, check, guest, lines, on,
    open, step,
};
use crate::support::patient;
use pocketwasm::{Files, RunnerConfig};

/// Small limits.
fn bounded() -> RunnerConfig {
    patient()
        .max_file_bytes(1_000)
        .max_files(10)
        .max_open_files(5)
        .max_name_bytes(8)
        .max_directory_depth(4)
        .max_directory_entries(6)
        .max_symlink_hops(3)
}

fn check_bounded(files: &Files, cases: &[(&str, &[(Step, &str)])]) {
    let plugin = guest(bounded());
    for (name, steps) in cases {
        let (steps, expected): (Vec<_>, Vec<_>) = steps.iter().cloned().unzip();
        let outcome = carry_out_by(&plugin, files, &steps);
        assert_eq!(lines(&outcome), expected, "{name}");
    }
}

#[test]
fn limits() {
    let mkdir = |path| step("mkdir").path(path);
    let symlink = |target, path| step("symlink").path(target).second(path);
    let made = |path| open(path, 4, CREATE, BOTH);
    let close = || on("close", 4);
    check_bounded(
        &Files::new().file("/given", vec![7; 5_000]),
        &[
            (
                "bytes: what fits is written, then nothing",
                &[
                    (made("a"), "0"),
                    (on("write", 4).bytes(&[1; 600]), "0 600"),
                    (on("write", 4).bytes(&[1; 600]), "0 400"),
                    (on("write", 4).bytes(&[1; 600]), "51"),
                    (on("write", 4).bytes(&[]), "0 0"),
                    (on("set_size", 4).n(1_001), "51"),
                    (on("set_size", 4).n(10), "0"),
                    (on("seek", 4), "0 0"),
                    (on("write", 4).bytes(&[1; 600]), "0 600"),
                ],
            ),
            (
                "bytes: a hole counts, and nothing is allocated for one that is too large",
                &[
                    (made("a"), "0"),
                    (on("pwrite", 4).bytes(b"x").m(1_000), "51"),
                    (on("pwrite", 4).bytes(b"x").m(1 << 40), "51"),
                    (on("pwrite", 4).bytes(b"x").m(u64::MAX), "22"),
                    (on("pwrite", 4).bytes(b"xyz").m(998), "0 2"),
                    (on("set_size", 4).n(1 << 40), "51"),
                    (on("allocate", 4).n(1 << 40).m(1), "51"),
                    (on("fstat", 4), "0 type 4 links 1 size 1000"),
                ],
            ),
            (
                "bytes: a file that was given counts once it is changed",
                &[
                    (open("given", 4, 0, BOTH), "0"),
                    (on("write", 4).bytes(b"x"), "0 1"),
                    (on("set_size", 4).n(1_001), "51"),
                    (on("fstat", 4), "0 type 4 links 1 size 5000"),
                ],
            ),
            (
                "bytes: those of a deleted file are free once it is closed",
                &[
                    (made("a"), "0"),
                    (on("write", 4).bytes(&[1; 1_000]), "0 1000"),
                    (step("unlink").path("a"), "0"),
                    (open("b", 5, CREATE, BOTH), "0"),
                    (on("write", 5).bytes(b"x"), "51"),
                    (close(), "0"),
                    (on("write", 5).bytes(b"x"), "0 1"),
                ],
            ),
            (
                "files and entries",
                &[
                    (mkdir("1"), "0"),
                    (mkdir("2"), "0"),
                    (mkdir("3"), "0"),
                    (mkdir("4"), "0"),
                    (made("5"), "0"),
                    (mkdir("6"), "51"),
                    (made("6"), "51"),
                    (symlink("x", "6"), "51"),
                    (step("link").path("5").second("6"), "51"),
                    (mkdir("1/6"), "0"),
                    (mkdir("1/7"), "0"),
                    (mkdir("1/8"), "0"),
                    (mkdir("1/9"), "0"),
                    (symlink("x", "1/10"), "0"),
                    (mkdir("2/11"), "51"),
                    (symlink("x", "2/11"), "51"),
                    (open("2/11", 5, CREATE, BOTH), "51"),
                    (step("rename").path("5").second("2/5"), "0"),
                    (step("rmdir").path("4"), "0"),
                    (mkdir("2/11"), "0"),
                ],
            ),
            (
                "names, also with a slash and in the middle of a path",
                &[
                    (mkdir("12345678"), "0"),
                    (mkdir("123456789"), "37"),
                    (mkdir("123456789/"), "37"),
                    (mkdir("123456789/x"), "37"),
                    (step("rename").path("given").second("123456789"), "37"),
                    (step("stat").path("123456789"), "37"),
                ],
            ),
            (
                "open descriptors",
                &[
                    (open("given", 4, 0, READ), "0"),
                    (open("given", 5, 0, READ), "0"),
                    (open("given", 6, 0, READ), "0"),
                    (open("given", 7, 0, READ), "0"),
                    (open("given", 8, 0, READ), "33"),
                    (open("new", 8, CREATE, BOTH), "33"),
                    (step("stat").path("new"), "44"),
                    (on("close", 5), "0"),
                    (open("given", 8, 0, READ), "0"),
                ],
            ),
            (
                "depth, by making and by moving",
                &[
                    (mkdir("1"), "0"),
                    (mkdir("1/2"), "0"),
                    (mkdir("1/2/3"), "0"),
                    (mkdir("1/2/3/4"), "0"),
                    (mkdir("1/2/3/4/5"), "37"),
                    (mkdir("a"), "0"),
                    (step("rename").path("a").second("1/2/3/4/a"), "37"),
                    (mkdir("a/b"), "0"),
                    (step("rename").path("a").second("1/2/3/a"), "37"),
                    (step("rename").path("a").second("1/2/a"), "0"),
                    (open("1/2/3/4", 4, 0, 0), "0"),
                    (mkdir("5").fd(4), "37"),
                ],
            ),
            (
                "links on the way",
                &[
                    (symlink("given", "1"), "0"),
                    (symlink("1", "2"), "0"),
                    (symlink("2", "3"), "0"),
                    (symlink("3", "4"), "0"),
                    (
                        step("stat").path("3").follow(),
                        "0 type 4 links 1 size 5000",
                    ),
                    (step("stat").path("4").follow(), "32"),
                ],
            ),
        ],
    );
}

/// The memory that a script takes stays about what the limits say.
#[test]
fn a_target_grows_no_path_without_end() {
    let target = "loop/".repeat(800);
    check(
        &Files::new(),
        &[
            (
                "a link that leads to itself, many times over",
                &[
                    (step("symlink").path(&target).second("loop"), "0"),
                    (step("stat").path("loop").follow(), "32"),
                    (open("loop/x", 4, 0, READ), "32"),
                ],
            ),
            (
                "two links that lead to each other",
                &[
                    (step("symlink").path("b").second("a"), "0"),
                    (step("symlink").path("a/x").second("b"), "0"),
                    (step("stat").path("a").follow(), "32"),
                    (step("stat").path("b/y"), "32"),
                ],
            ),
            (
                "targets and paths that are too long",
                &[
                    (step("symlink").path(&"x".repeat(4_097)).second("c"), "37"),
                    (step("symlink").path("x").second(&"x/".repeat(4_000)), "37"),
                    (step("stat").path(&"../".repeat(1_300)), "63"),
                ],
            ),
        ],
    );
}

/// No chain of dots, links and open directories leads out of the directory that was given.
#[test]
fn inside_stays_inside() {
    let files = Files::new()
        .file("/secret", "s")
        .file("/in/side/file", "f")
        .preopen("/in", "/in");
    let (escape, there) = ("63", "0 type 4 links 1 size 1");
    let stat = |path| step("stat").path(path).follow();
    check(
        &files,
        &[
            (
                "by dots",
                &[
                    (step("prestat"), "0 0 2f696e"),
                    (stat("../secret"), escape),
                    (stat("side/../../secret"), escape),
                    (stat("side/../../in/side/file"), escape),
                    (stat(".."), escape),
                    (stat("side/../side/file"), there),
                ],
            ),
            (
                "by links that the guest made",
                &[
                    (step("symlink").path("..").second("up"), "0"),
                    (stat("up/secret"), escape),
                    (stat("up"), escape),
                    (step("symlink").path("../..").second("side/up"), "0"),
                    (stat("side/up/secret"), escape),
                    (step("symlink").path("../side/file").second("side/in"), "0"),
                    (stat("side/in"), there),
                ],
            ),
            (
                "by a directory that is open",
                &[
                    (open("side", 4, DIRECTORY, 0), "0"),
                    (stat("../side/file").fd(4), escape),
                    (step("symlink").path("../side/file").second("l").fd(4), "0"),
                    (stat("l").fd(4), escape),
                    (stat("side/l"), there),
                    (
                        step("rename").path("file").second("../file").fd(4).to(4),
                        escape,
                    ),
                    (
                        step("link").path("file").second("../file").fd(4).to(4),
                        escape,
                    ),
                    (step("mkdir").path("../x").fd(4), escape),
                    (step("rmdir").path("..").fd(4), escape),
                    (step("unlink").path("../../secret").fd(4), escape),
                    (open("../new", 5, CREATE, WRITE).fd(4), escape),
                ],
            ),
            (
                "by a directory that was moved while it was open",
                &[
                    (step("mkdir").path("side/deep"), "0"),
                    (open("side/deep", 4, DIRECTORY, 0), "0"),
                    (step("rename").path("side/deep").second("deep"), "0"),
                    (stat("..").fd(4), escape),
                    (stat("../../secret").fd(4), escape),
                ],
            ),
        ],
    );
}

/// A script that does all it can in loops ends by its fuel, and the next call finds nothing of it.
#[test]
fn work_is_paid() {
    let files = Files::new().file("/given", vec![0; 1 << 20]);
    let fuel = |steps: &[Step]| carry_out(&files, steps).fuel_used();
    let base = fuel(&[open("given", 4, 0, BOTH)]);
    // The file is copied when it is first changed: a unit for each 64 bytes.
    let changed = fuel(&[open("given", 4, 0, BOTH), on("pwrite", 4).bytes(b"x")]);
    assert!(changed - base > (1 << 20) / 64, "{}", changed - base);
    let again = fuel(&[
        open("given", 4, 0, BOTH),
        on("pwrite", 4).bytes(b"x"),
        on("pwrite", 4).bytes(b"x"),
    ]);
    assert!(again - changed < 5_000, "{}", again - changed);
    // Zeros cost fuel as well, and each name of a path does.
    let grown = fuel(&[open("given", 4, 0, BOTH), on("set_size", 4).n(40 << 20)]);
    assert!(grown - base > (40 << 20) / 64, "{}", grown - base);
    let path = |names: usize| fuel(&[step("stat").path(&"./".repeat(names))]);
    let (short, long) = (path(1_000), path(2_000));
    assert!(long - short > 7_900, "{short} and {long}");
}
