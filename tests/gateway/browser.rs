//! The web page in a real browser: headless Chromium, driven by its debugging protocol, if it is
//! installed.

use crate::server::Server;
use serde_json::{Value, json};
use std::{
    env,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};
use tempfile::TempDir;

/// A browser with one tab. Messages are JSON, each ended by a zero byte.
struct Browser {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: Value,
    messages: u64,
    /// What the browser complained of.
    complaints: Vec<String>,
    _profile: TempDir,
}

fn chromium() -> Option<String> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|program| program.is_file())
        .map(|program| program.to_str().unwrap().to_owned())
}

impl Browser {
    fn start(program: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        // The protocol goes over the descriptors 3 and 4.
        let mut child = Command::new("sh")
            .args([
                "-c",
                "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1",
                program,
            ])
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
            ])
            .args(["--no-first-run", "--disable-background-networking"])
            .args(["--remote-debugging-pipe", "about:blank"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut browser = Self {
            to: child.stdin.take().unwrap(),
            from: BufReader::new(child.stdout.take().unwrap()),
            child,
            session: Value::Null,
            messages: 0,
            complaints: Vec::new(),
            _profile: profile,
        };
        let tab = browser.say("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": tab["targetId"], "flatten": true });
        browser.session = browser.say("Target.attachToTarget", attach)["sessionId"].clone();
        browser.say("Log.enable", json!({}));
        browser.say("Runtime.enable", json!({}));
        browser
    }

    fn say(&mut self, method: &str, params: Value) -> Value {
        self.messages += 1;
        let mut message = json!({ "id": self.messages, "method": method, "params": params });
        if !self.session.is_null() {
            message["sessionId"] = self.session.clone();
        }
        self.to.write_all(message.to_string().as_bytes()).unwrap();
        self.to.write_all(b"\0").unwrap();
        loop {
            let mut bytes = Vec::new();
            self.from.read_until(0, &mut bytes).unwrap();
            assert_eq!(bytes.pop(), Some(0), "the browser ended");
            let heard: Value = serde_json::from_slice(&bytes).unwrap();
            if heard["id"] == self.messages {
                assert!(heard["error"].is_null(), "{method}: {heard}");
                return heard["result"].clone();
            }
            if heard["method"] == "Log.entryAdded" || heard["method"] == "Runtime.exceptionThrown" {
                self.complaints.push(heard["params"].to_string());
            }
        }
    }

    /// The value of a script, when it has come.
    fn evaluate(&mut self, script: &str) -> Value {
        let params = json!({
            "expression": format!("(async () => {{ {script} }})()"),
            "awaitPromise": true,
            "returnByValue": true,
        });
        let result = self.say("Runtime.evaluate", params);
        assert!(result["exceptionDetails"].is_null(), "{result}");
        result["result"]["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const HELPERS: &str = "
    const until = async (is) => {
        for (let left = 500; left > 0; left -= 1) {
            if (is()) return;
            await new Promise((done) => setTimeout(done, 20));
        }
        throw new Error(`never came: ${is}`);
    };
    const get = (id) => document.getElementById(id);
    const choose = (id, value) => {
        get(id).value = value;
        get(id).dispatchEvent(new Event('change'));
    };
    const run = async () => {
        get('result').hidden = true;
        get('run').requestSubmit();
        await until(() => !get('result').hidden);
        return [get('verdict').textContent, get('output').textContent];
    };
";

#[test]
fn people_see_the_plugins_and_run_one() {
    let Some(program) = chromium() else {
        println!("skipped: no chromium is installed");
        return;
    };
    let server = Server::start(
        &[
            ("folder/greet", "rust-greet.wasm"),
            ("add", "add.wasm"),
            ("spin", "wat/serve-spin.wat"),
        ],
        &[],
    );
    let mut browser = Browser::start(&program);
    let url = format!("http://{}/", server.address);
    browser.say("Page.enable", json!({}));
    browser.say("Page.navigate", json!({ "url": url }));
    let mut script = |script: &str| browser.evaluate(&format!("{HELPERS}{script}"));

    let listed = script(
        "await until(() => document.readyState === 'complete');
         await until(() => document.querySelectorAll('#plugins li').length === 3);
         return [...document.querySelectorAll('#plugins h3')].map((it) => it.textContent);",
    );
    assert_eq!(listed, json!(["add", "folder/greet", "spin"]));

    let greeted = script(
        "choose('plugin', 'folder/greet');
         get('input').value = 'Grüße <b>';
         return [await run(), get('func').value, Number(get('fuel-used').textContent) > 0,
                 /^\\d+ pages$/.test(get('pages').textContent),
                 parseFloat(get('time').textContent) > 0];",
    );
    assert_eq!(
        greeted,
        json!([["Done", "Hello, Grüße <b>"], "greet", true, true, true])
    );

    let added = script("choose('plugin', 'add'); get('input').value = '2, 40'; return run();");
    assert_eq!(added, json!(["Done", "42"]));

    let failed = script(
        "choose('plugin', 'spin'); choose('func', 'greet'); get('fuel').value = '1000';
         return run();",
    );
    assert_eq!(failed[0], "Failed with status 504");

    // Whoever cannot see it can use it: each field has a name, each part a heading.
    let unnamed = script(
        "return [...document.querySelectorAll('input, select, textarea')]
             .filter((field) => field.labels.length === 0).length;",
    );
    assert_eq!(unnamed, 0);

    // Nothing was loaded from elsewhere or refused, but for the call that failed.
    let loaded = script(
        "return performance.getEntriesByType('resource')
             .filter((it) => !it.name.startsWith(location.origin) && !it.name.startsWith('data:'))
             .map((it) => it.name);",
    );
    assert_eq!(loaded, json!([]));
    browser
        .complaints
        .retain(|complaint| !complaint.contains("504"));
    assert_eq!(browser.complaints, [""; 0]);
}
