//! What the outcome tells of the files that a call changed.

use super::script::{BOTH, CREATE, READ, Step, TRUNCATE, carry_out, on, open, step};
use pocketwasm::{
    Files,
    files::{ChangeKind, FileContent},
};

fn told(files: &Files, steps: &[Step]) -> Vec<String> {
    let mut outcome = carry_out(files, steps);
    let changes = outcome.take_files();
    assert!(outcome.files().is_empty());
    let told = changes.iter().map(|change| {
        let kind = match change.kind() {
            ChangeKind::Made => "made",
            ChangeKind::Changed => "changed",
            ChangeKind::Deleted => "deleted",
            _ => "?",
        };
        let content = match change.content() {
            FileContent::File(bytes) => {
                assert_eq!(change.size(), bytes.len() as u64);
                format!("file {:?}", String::from_utf8_lossy(change.bytes()))
            }
            FileContent::Directory => "directory".into(),
            FileContent::Link(target) => format!("link {target}"),
            FileContent::Nothing => "nothing".into(),
            _ => "?".into(),
        };
        format!("{} {kind}: {content}", change.path())
    });
    told.collect()
}

#[test]
fn each_kind() {
    let files = Files::new()
        .file("/dir/one", "1")
        .file("/dir/deep/two", "22")
        .file("/three", "333")
        .symlink("/link", "three");
    let made = |path| open(path, 4, CREATE, BOTH);
    let write = |text: &str| on("write", 4).bytes(text.as_bytes());
    let cases: &[(&str, &[Step], &[&str])] = &[
        (
            "nothing",
            &[
                open("three", 4, 0, READ),
                on("read", 4).n(9),
                on("readdir", 3).n(99),
            ],
            &[],
        ),
        (
            "made",
            &[
                made("new"),
                write("text"),
                step("mkdir").path("d"),
                step("symlink").path("new").second("d/l"),
            ],
            &[
                "/d made: directory",
                "/d/l made: link new",
                "/new made: file \"text\"",
            ],
        ),
        (
            "made and deleted again",
            &[made("new"), step("unlink").path("new")],
            &[],
        ),
        (
            "changed",
            &[open("dir/deep/two", 4, 0, BOTH), write("x")],
            &["/dir/deep/two changed: file \"x2\""],
        ),
        (
            "emptied",
            &[open("three", 4, TRUNCATE, BOTH)],
            &["/three changed: file \"\""],
        ),
        (
            "opened for writing alone",
            &[open("three", 4, 0, BOTH)],
            &[],
        ),
        (
            "deleted",
            &[step("unlink").path("three"), step("unlink").path("link")],
            &["/link deleted: nothing", "/three deleted: nothing"],
        ),
        (
            "deleted with all that was in it",
            &[
                step("unlink").path("dir/deep/two"),
                step("rmdir").path("dir/deep"),
            ],
            &["/dir/deep deleted: nothing"],
        ),
        (
            "replaced",
            &[step("unlink").path("three"), made("three"), write("new")],
            &["/three changed: file \"new\""],
        ),
        (
            "renamed",
            &[step("rename").path("three").second("dir/3")],
            &["/dir/3 made: file \"333\"", "/three deleted: nothing"],
        ),
        (
            "renamed and back",
            &[
                step("rename").path("three").second("x"),
                step("rename").path("x").second("three"),
            ],
            &["/three changed: file \"333\""],
        ),
        (
            "a directory renamed",
            &[step("rename").path("dir").second("d")],
            &[
                "/d made: directory",
                "/d/deep made: directory",
                "/d/deep/two made: file \"22\"",
                "/d/one made: file \"1\"",
                "/dir deleted: nothing",
            ],
        ),
        (
            "a directory renamed and changed",
            &[
                step("rename").path("dir").second("d"),
                step("unlink").path("d/one"),
                made("d/new"),
            ],
            &[
                "/d made: directory",
                "/d/deep made: directory",
                "/d/deep/two made: file \"22\"",
                "/d/new made: file \"\"",
                "/dir deleted: nothing",
            ],
        ),
        (
            "two names",
            &[step("link").path("three").second("3")],
            &["/3 made: file \"333\"", "/three changed: file \"333\""],
        ),
        (
            "written after it was deleted",
            &[
                open("three", 4, 0, BOTH),
                step("unlink").path("three"),
                write("x"),
            ],
            &["/three deleted: nothing"],
        ),
    ];
    for (name, steps, expected) in cases {
        assert_eq!(told(&files, steps), *expected, "{name}");
    }
}
