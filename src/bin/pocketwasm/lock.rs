//! The lock file: which bytes each plugin has.

use pocketwasm::Plugin;
use std::{collections::BTreeMap, fs, io, path::Path};

/// Plugins' names and the SHA-256 of their bytes, in hexadecimal digits; a JSON object on disk.
pub(crate) type Pins = BTreeMap<String, String>;

/// Pins `plugins` to the bytes that they have.
pub(crate) fn pin(plugins: &[Plugin]) -> Pins {
    let pin = |plugin: &Plugin| (plugin.name().to_owned(), hex(&plugin.sha256()));
    plugins.iter().map(pin).collect()
}

/// Writes the file: first beside it, then in its place, so that nobody reads half of it.
pub(crate) fn write(path: &Path, pins: &Pins) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(pins)?;
    text.push('\n');
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
