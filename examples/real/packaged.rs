//! Takes WebAssembly modules out of the packages that they are published in.

use std::{env, error::Error, fs, path::PathBuf};

/// The file of that name in the package whose folder is the program's first argument.
pub(crate) fn file(name: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let folder = env::args()
        .nth(1)
        .ok_or("usage: PROGRAM FOLDER-OF-THE-PACKAGE")?;
    let path = PathBuf::from(folder).join(name);
    fs::read(&path).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// The module that a JavaScript file holds as Base64, or as a list of numbers.
#[allow(dead_code, reason = "not every program's module is in a script")]
pub(crate) fn module_in_script(name: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let script = String::from_utf8(file(name)?)?;
    let found = match (script.find("AGFzbQ"), script.find("[0,97,115,109,")) {
        (Some(begin), _) => base64(&script[begin..]),
        (None, Some(begin)) => numbers(&script[begin + 1..]),
        (None, None) => None,
    };
    found.ok_or_else(|| format!("{name}: no module in it").into())
}

fn numbers(text: &str) -> Option<Vec<u8>> {
    let (list, _) = text.split_once(']')?;
    list.split(',').map(|number| number.parse().ok()).collect()
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bits = 0_u32;
    let mut count = 0;
    let mut bytes = Vec::new();
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(bytes)
}
