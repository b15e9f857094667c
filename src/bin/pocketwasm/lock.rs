//! The lock file, which pins plugins to their bytes.

use pocketwasm::Plugin;
use std::{collections::BTreeMap, fs, io, path::Path};

/// The SHA-256 of each plugin's bytes in hexadecimal, by the plugin's name. A JSON object on disk.
pub(crate) type Pins = BTreeMap<String, String>;

/// The pins of these plugins.
pub(crate) fn pin(plugins: &[Plugin]) -> Pins {
    let pin = |plugin: &Plugin| (plugin.name().to_owned(), hex(&plugin.sha256()));
    plugins.iter().map(pin).collect()
}

/// Writes the file under another name and renames it, so that no reader sees half of it.
pub(crate) fn write(path: &Path, pins: &Pins) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(pins)?;
    text.push('\n');
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    fs::write(&temporary, text)?;
    fs::rename(&temporary, path)
}

/// Formats bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
