//! The names of functions, from a module's name section.

use crate::module::binary::{Sections, sized};
use alloc::{boxed::Box, collections::BTreeMap};
use wasmparser::BinaryReader;

/// The names of a module's functions, by their indices. What is wrong in the name section is left
/// out, because nothing depends on names.
pub(crate) fn function_names(bytes: &[u8]) -> BTreeMap<u32, Box<str>> {
    names(bytes, |content, names| read(content, FUNCTIONS, names))
}

/// The names of a module's globals.
#[cfg(all(feature = "explain", feature = "recordings", feature = "std"))]
pub(crate) fn global_names(bytes: &[u8]) -> BTreeMap<u32, Box<str>> {
    const GLOBALS: u8 = 7;
    names(bytes, |content, names| read(content, GLOBALS, names))
}

/// The names of the locals of a function.
#[cfg(all(feature = "explain", feature = "recordings", feature = "std"))]
pub(crate) fn local_names(bytes: &[u8], function: u32) -> BTreeMap<u32, Box<str>> {
    names(bytes, |content, names| {
        read_locals(content, function, names)
    })
}

fn names(
    bytes: &[u8],
    read: impl Fn(BinaryReader<'_>, &mut BTreeMap<u32, Box<str>>) -> Option<()>,
) -> BTreeMap<u32, Box<str>> {
    let mut names = BTreeMap::new();
    let mut sections = Sections::of(bytes).ok();
    while let Some(Ok(Some((id, mut content)))) = sections.as_mut().map(Sections::next) {
        if id == 0 && text(&mut content) == Some("name") {
            read(content, &mut names);
        }
    }
    names
}

const FUNCTIONS: u8 = 1;

fn read(
    mut content: BinaryReader<'_>,
    wanted: u8,
    names: &mut BTreeMap<u32, Box<str>>,
) -> Option<()> {
    while !content.eof() {
        let id = content.read_u8().ok()?;
        let mut part = sized(&mut content).ok()?;
        if id != wanted {
            continue;
        }
        list(&mut part, Some(names))?;
    }
    Some(())
}

/// Reads a list of indices and names.
fn list(
    part: &mut BinaryReader<'_>,
    mut names: Option<&mut BTreeMap<u32, Box<str>>>,
) -> Option<()> {
    for _ in 0..part.read_var_u32().ok()? {
        let index = part.read_var_u32().ok()?;
        let name = text(part)?;
        if let Some(names) = &mut names {
            names.insert(index, name.into());
        }
    }
    Some(())
}

#[cfg(all(feature = "explain", feature = "recordings", feature = "std"))]
fn read_locals(
    mut content: BinaryReader<'_>,
    wanted: u32,
    names: &mut BTreeMap<u32, Box<str>>,
) -> Option<()> {
    const LOCALS: u8 = 2;
    while !content.eof() {
        let id = content.read_u8().ok()?;
        let mut part = sized(&mut content).ok()?;
        if id != LOCALS {
            continue;
        }
        for _ in 0..part.read_var_u32().ok()? {
            let function = part.read_var_u32().ok()?;
            list(&mut part, (function == wanted).then_some(&mut *names))?;
        }
    }
    Some(())
}

fn text<'a>(content: &mut BinaryReader<'a>) -> Option<&'a str> {
    let mut name = sized(content).ok()?;
    core::str::from_utf8(name.read_bytes(name.bytes_remaining()).ok()?).ok()
}
