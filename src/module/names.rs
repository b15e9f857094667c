//! The names of functions, from a module's name section.

use crate::module::binary::{Sections, sized};
use alloc::{boxed::Box, collections::BTreeMap};
use wasmparser::BinaryReader;

/// The names of a module's functions, by their indices. What is wrong in the name section is left
/// out, because nothing depends on names.
pub(crate) fn function_names(bytes: &[u8]) -> BTreeMap<u32, Box<str>> {
    let mut names = BTreeMap::new();
    let mut sections = Sections::of(bytes).ok();
    while let Some(Ok(Some((id, mut content)))) = sections.as_mut().map(Sections::next) {
        if id == 0 && text(&mut content) == Some("name") {
            read(content, &mut names);
        }
    }
    names
}

fn read(mut content: BinaryReader<'_>, names: &mut BTreeMap<u32, Box<str>>) -> Option<()> {
    const FUNCTIONS: u8 = 1;
    while !content.eof() {
        let id = content.read_u8().ok()?;
        let mut part = sized(&mut content).ok()?;
        if id != FUNCTIONS {
            continue;
        }
        for _ in 0..part.read_var_u32().ok()? {
            let function = part.read_var_u32().ok()?;
            let name = text(&mut part)?;
            names.insert(function, name.into());
        }
    }
    Some(())
}

fn text<'a>(content: &mut BinaryReader<'a>) -> Option<&'a str> {
    let mut name = sized(content).ok()?;
    core::str::from_utf8(name.read_bytes(name.bytes_remaining()).ok()?).ok()
}
