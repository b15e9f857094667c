//! Starts a gateway for one test, on a free port.

use crate::client::{Answer, Client};
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Longer than anything here takes, unless it hangs.
const FOREVER: Duration = Duration::from_secs(30);

/// A running gateway and its plugins' directory.
pub(crate) struct Server {
    child: Child,
    stderr: Option<JoinHandle<String>>,
    pub(crate) address: SocketAddr,
    directory: TempDir,
}

/// A directory with plugins: from `fixtures`, or from WAT where the name ends so.
pub(crate) fn plugins(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, fixture) in files {
        put(directory.path(), name, &fixture_bytes(fixture));
    }
    directory
}

pub(crate) fn fixture_bytes(fixture: &str) -> Vec<u8> {
    let path = Path::new("fixtures").join(fixture);
    match fixture.ends_with(".wat") {
        true => wat::parse_file(path).unwrap(),
        false => fs::read(path).unwrap(),
    }
}

/// A plugin whose `greet` answers `word`.
pub(crate) fn saying(word: &str) -> Vec<u8> {
    let packed = (1024_u64 << 32) | word.len() as u64;
    let text = format!(
        r#"(module
            (memory (export "memory") 1)
            (data (i32.const 1024) "{word}")
            (func (export "allocate") (param i32) (result i32) (i32.const 4096))
            (func (export "greet") (param i32 i32) (result i64) (i64.const {packed})))"#
    );
    wat::parse_str(text).unwrap()
}

/// Puts a plugin's file in its place at once, as whoever deploys should.
fn put(directory: &Path, name: &str, bytes: &[u8]) {
    let path = directory.join(format!("{name}.wasm"));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let beside = path.with_extension("new");
    fs::write(&beside, bytes).unwrap();
    fs::rename(beside, path).unwrap();
}

impl Server {
    pub(crate) fn start(files: &[(&str, &str)], flags: &[&str]) -> Self {
        Self::start_in(plugins(files), flags)
    }

    pub(crate) fn start_in(directory: TempDir, flags: &[&str]) -> Self {
        let mut command = Self::command();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--plugins"])
            .arg(directory.path())
            .args(flags);
        Self::started(command, directory)
    }

    /// A gateway in a folder, on a free port.
    pub(crate) fn start_at(folder: &Path, flags: &[&str]) -> Self {
        let flags = [&["--listen", "127.0.0.1:0"], flags].concat();
        Self::start_with(folder, &flags)
    }

    /// A gateway in a folder, with these flags and no others.
    pub(crate) fn start_with(folder: &Path, flags: &[&str]) -> Self {
        let mut command = Self::command();
        command.current_dir(folder).arg("serve").args(flags);
        Self::started(command, tempfile::tempdir().unwrap())
    }

    fn command() -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pocketwasm"));
        command
            .env_remove("POCKETWASM_RELOAD_TOKEN")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn started(mut command: Command, directory: TempDir) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let stderr = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on http://");
        let Some(address) = address else {
            panic!("it does not listen: {line:?} {:?}", stderr.join());
        };
        Self {
            address: address.parse().unwrap(),
            child,
            stderr: Some(stderr),
            directory,
        }
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        put(self.directory.path(), name, bytes);
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// One request on a connection of its own.
    pub(crate) fn ask(&self, method: &str, target: &str, headers: &[&str], body: &[u8]) -> Answer {
        let mut client = self.client();
        client.request(method, target, headers, body);
        client.answer().unwrap()
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &[], b"")
    }

    pub(crate) fn post(&self, target: &str, body: &[u8]) -> Answer {
        self.ask("POST", target, &[], body)
    }

    /// Sends a request whose answer somebody else waits for.
    pub(crate) fn begin(&self, target: &str) -> Client {
        let mut client = self.client();
        client.request("POST", target, &[], b"World");
        client
    }

    /// The same for a client that leaves an answer unread, so that its system resets the connection
    /// when it closes.
    pub(crate) fn begin_to_reset(&self, target: &str) -> Client {
        let mut client = self.client();
        client.request("GET", "/healthz", &[], b"");
        client.request("POST", target, &[], b"World");
        client
    }

    /// A line of the metrics: the value after that name and those labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let metrics = self.get("/metrics");
        let mut lines = metrics.text().lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Waits until a metric has a value.
    #[track_caller]
    pub(crate) fn wait(&self, name: &str, value: f64) {
        self.wait_until(name, || self.metric(name) == value);
    }

    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < FOREVER, "never came: {what}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether it is alive and well.
    pub(crate) fn is_well(&self) -> bool {
        let greeting = self.post("/execute/greet", b"World");
        greeting.status == 200 && greeting.body == b"Hello, World"
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let process = self.child.id().to_string();
        let status = Command::new("kill").args(["-TERM", &process]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for its end: the exit code and what it said on stderr.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        (code, self.stderr.take().unwrap().join().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
