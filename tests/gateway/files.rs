//! Files of plugins: the keys `files`, `file`, `dir` and `tmp` of their sections.

use crate::server::{Server, fixture_bytes};
use std::{fs, path::Path, process::Command};
use tempfile::TempDir;

/// A folder with plugins, files and a configuration.
fn folder(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    for name in ["with", "without", "mounted"] {
        put(
            &format!("plugins/{name}.wasm"),
            &fixture_bytes("rust-shell.wasm"),
        );
    }
    put("data/a.txt", b"A");
    put("note", b"a note");
    put("gateway.toml", config.as_bytes());
    folder
}

const CONFIG: &str = r#"
    plugins = "plugins"
    [plugin.with]
    files = ["data:/data"]
    file = ["note:/in/"]
    tmp = true
    [plugin.mounted]
    dir = ["data:/data"]
"#;

fn serve(folder: &Path) -> Server {
    Server::start_at(folder, &["--config", "gateway.toml"])
}

#[test]
fn plugins_see_their_own_files() {
    let folder = folder(CONFIG);
    let server = serve(folder.path());
    for (plugin, steps, expected) in [
        (
            "with",
            "tree /\ncat /data/a.txt\ncat /in/note\n",
            "data/ data/a.txt in/ in/note tmp/\nA\na note\n",
        ),
        (
            "with",
            "write /tmp/mine 1\nwrite /data/a.txt 2\ntree /tmp\n",
            "ok\nok\nmine\n",
        ),
        // Of another call there is nothing.
        ("with", "tree /tmp\ncat /data/a.txt\n", "\nA\n"),
        ("without", "ls /\n", "errno 44\n"),
        (
            "mounted",
            "cat /data/a.txt\nwrite /data/kept 1\n",
            "A\nok\n",
        ),
        ("mounted", "cat /data/kept\n", "1\n"),
    ] {
        let target = format!("/execute/{plugin}?func=_start");
        let answer = server.post(&target, steps.as_bytes());
        assert_eq!(
            (answer.status, answer.text()),
            (200, expected),
            "{plugin}: {steps}"
        );
    }
    assert_eq!(fs::read(folder.path().join("data/a.txt")).unwrap(), b"A");
    assert_eq!(fs::read(folder.path().join("data/kept")).unwrap(), b"1");
    // They are read once.
    fs::write(folder.path().join("note"), "another").unwrap();
    let answer = server.post("/execute/with?func=_start", b"cat /in/note\n");
    assert_eq!(answer.text(), "a note\n");
    server.terminate();
    let (_, log) = server.end();
    let said = "calls of \"mounted\" are not reproducible: they see a directory of the host";
    assert!(log.contains(said), "{log}");
    assert!(!log.contains("calls of \"with\""), "{log}");
}

#[test]
fn what_is_wrong_with_files_is_said_at_the_start() {
    for (section, code, message) in [
        (
            "files = [\"gone.tar\"]",
            3,
            "cannot open \"gone.tar\": No such file or directory (os error 2)",
        ),
        (
            "files = [\"data:\"]",
            2,
            "gateway.toml: plugin \"with\": `files`: \"data:\": after the colon belongs a path of the \
             guest",
        ),
        (
            "tmp = \"yes\"",
            2,
            "invalid type: string \"yes\", expected a boolean",
        ),
        ("dirs = []", 2, "plugin \"with\": unknown field `dirs`"),
    ] {
        let folder = folder(&format!(
            "plugins = \"plugins\"\n[plugin.with]\n{section}\n"
        ));
        let output = Command::new(env!("CARGO_BIN_EXE_pocketwasm"))
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--config",
                "gateway.toml",
            ])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{section}: {said}");
        assert!(said.contains(message), "{section}: {said}");
    }
}
