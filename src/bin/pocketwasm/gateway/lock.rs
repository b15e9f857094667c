//! Admitting plugins by the lock file.

use crate::lock::{Pins, hex};
use sha2::{Digest, Sha256};
use std::{fs, io, path::Path};

/// The largest lock file that is read, in bytes.
const LARGEST: u64 = 16 << 20;

/// The contents of a lock file.
#[derive(Debug)]
pub(super) struct Lock(Pins);

impl Lock {
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        if fs::metadata(path)?.len() > LARGEST {
            return Err(invalid(format!("has more than {LARGEST} bytes")));
        }
        let pins: Pins = serde_json::from_str(&fs::read_to_string(path)?)?;
        for (name, pin) in &pins {
            if pin.len() != 64 || !pin.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(invalid(format!("the pin of {name:?} is no SHA-256")));
            }
        }
        Ok(Self(pins))
    }

    /// Checks a plugin's bytes against its pin.
    pub(super) fn admit(&self, name: &str, bytes: &[u8]) -> Result<(), String> {
        let Some(pin) = self.0.get(name) else {
            return Err("the lock file does not have it".to_owned());
        };
        let actual = hex(&Sha256::digest(bytes));
        if actual.eq_ignore_ascii_case(pin) {
            return Ok(());
        }
        Err(format!(
            "its SHA-256 is {actual}; the lock file has {}",
            pin.to_ascii_lowercase()
        ))
    }
}

fn invalid(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock;
    use pocketwasm::{Runner, RunnerConfig};

    #[test]
    fn what_is_written_is_read_and_pins_the_bytes() {
        let bytes = fs::read("fixtures/add.wasm").unwrap();
        let runner = Runner::new(RunnerConfig::new()).unwrap();
        runner.load_plugin("math/add", &bytes).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("plugins.lock");
        lock::write(&path, &lock::pin(&runner.plugins())).unwrap();
        let lock = Lock::read(&path).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);

        assert_eq!(lock.admit("math/add", &bytes), Ok(()));
        let unknown = lock.admit("add", &bytes).unwrap_err();
        assert_eq!(unknown, "the lock file does not have it");
        let differs = lock.admit("math/add", b"other").unwrap_err();
        assert!(differs.starts_with("its SHA-256 is d9298a10"), "{differs}");
    }

    #[test]
    fn a_file_that_pins_nothing_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("plugins.lock");
        for bad in ["", "[]", "{\"a\": 1}", "{\"a\": \"ff\"}"] {
            fs::write(&path, bad).unwrap();
            assert!(Lock::read(&path).is_err(), "{bad:?}");
        }
    }
}
