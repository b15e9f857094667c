//! Hints for errors of the library: what would have worked.

use crate::limits;
use pocketwasm::{Error, ErrorKind};

/// The hint for an error, if the error alone is enough to know it.
pub(crate) fn hint(error: &Error) -> Option<String> {
    let message = error.message();
    if let Some(limit) = message
        .split_once("the limit `")
        .and_then(|(_, rest)| rest.split_once('`'))
    {
        let (limit, _) = limit;
        return Some(format!("{} raises it", limits::option(limit)));
    }
    let has = |text: &str| message.contains(text);
    let hint = match error.kind() {
        ErrorKind::UnsupportedImport if has("\"wbg\"") || has("__wbindgen") => {
            "wasm-bindgen made it for JavaScript; the target wasm32-wasip1 without wasm-bindgen runs \
             here"
        }
        ErrorKind::UnsupportedImport if has("\"gojs\"") || has("\"go\"") => {
            "it was built with GOOS=js; GOOS=wasip1 runs here"
        }
        ErrorKind::UnsupportedImport if has("emscripten") || has("\"invoke_") => {
            "Emscripten made it for JavaScript; `-sSTANDALONE_WASM` makes one for WASI"
        }
        ErrorKind::UnsupportedImport if has("not among the globals given to this runner") => {
            "only a program that uses the library can give globals: `RunnerConfig::global`"
        }
        ErrorKind::UnsupportedImport => "`pocketwasm inspect` marks all that is missing",
        ErrorKind::InvalidModule if has("component") => {
            "a core module runs here: the target wasm32-wasip1 makes one, and \
             `wasm-tools component unbundle` takes those out that a component has"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}
