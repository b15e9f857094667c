//! A binary as it is loaded into memory: its functions, bytes and pointers.

use object::{
    Architecture, File, Object, ObjectSection, ObjectSymbol, RelocationTarget, SymbolKind,
};
use std::collections::{BTreeMap, BTreeSet};

/// The engine's table of all handlers, by which code is translated.
const TABLE: &str =
    "wasmi::engine::executor::handler::dispatch::backend::op_code_to_handler::HANDLERS";
/// Where the handlers are.
const MODULE: &str = "wasmi::engine::executor::handler::exec::";

pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) address: u64,
    pub(crate) size: u64,
}

pub(crate) struct Image<'a> {
    pub(crate) architecture: Architecture,
    sections: Vec<(u64, &'a [u8])>,
    /// The functions by address; several names can share one.
    functions: BTreeMap<u64, (u64, String)>,
    /// Pointers that the loader fills in: to an address here, or to nowhere here.
    pointers: BTreeMap<u64, Option<u64>>,
    table: Vec<(u64, u64)>,
    handlers: BTreeSet<u64>,
}

impl<'a> Image<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, String> {
        let file = File::parse(bytes).map_err(|error| error.to_string())?;
        let mut image = Self {
            architecture: file.architecture(),
            sections: Vec::new(),
            functions: BTreeMap::new(),
            pointers: BTreeMap::new(),
            table: Vec::new(),
            handlers: BTreeSet::new(),
        };
        for section in file.sections().filter(|section| section.address() != 0) {
            let data = section.data().map_err(|error| error.to_string())?;
            image.sections.push((section.address(), data));
        }
        for symbol in file.symbols() {
            let Ok(name) = symbol.name() else { continue };
            let name = plain(name);
            if name == TABLE {
                image.table.push((symbol.address(), symbol.size()));
            } else if symbol.kind() == SymbolKind::Text && symbol.size() > 0 {
                let entry = image.functions.entry(symbol.address());
                let known = entry.or_insert_with(|| (symbol.size(), name.clone()));
                if name.starts_with(MODULE) && !known.1.starts_with(MODULE) {
                    known.1 = name;
                }
            }
        }
        for (at, relocation) in file.dynamic_relocations().into_iter().flatten() {
            let target = match relocation.target() {
                RelocationTarget::Absolute => Some(relocation.addend().cast_unsigned()),
                _ => None,
            };
            image.pointers.insert(at, target);
        }
        image.handlers = image.find_handlers()?;
        Ok(image)
    }

    /// What the table leads to. Where every use of the table was known while compiling, there is
    /// none left: then all functions of the handlers' module.
    fn find_handlers(&self) -> Result<BTreeSet<u64>, String> {
        let mut found = BTreeSet::new();
        for (address, size) in &self.table {
            for at in (*address..address + size).step_by(8) {
                let target = self.pointer(at);
                let target = target.ok_or_else(|| format!("no pointer at {at:#x} in the table"))?;
                found.insert(target);
            }
        }
        if found.is_empty() {
            let named = self.functions.iter();
            let named = named.filter(|(_, (_, name))| name.starts_with(MODULE));
            found.extend(named.map(|(address, _)| *address));
        }
        if found.is_empty() {
            return Err("no handlers, or no symbols".into());
        }
        Ok(found)
    }

    /// All handlers, by name.
    pub(crate) fn handlers(&self) -> Result<Vec<Function>, String> {
        let mut handlers =
            self.handlers
                .iter()
                .map(|address| {
                    let (size, name) = self.functions.get(address).ok_or_else(|| {
                        format!("no function at {address:#x}, where a handler is")
                    })?;
                    Ok(Function {
                        name: name.strip_prefix(MODULE).unwrap_or(name).to_owned(),
                        address: *address,
                        size: *size,
                    })
                })
                .collect::<Result<Vec<_>, String>>()?;
        handlers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(handlers)
    }

    /// The size in bytes of the function at `address`.
    pub(crate) fn size(&self, address: u64) -> Option<u64> {
        self.functions.get(&address).map(|(size, _)| *size)
    }

    pub(crate) fn is_handler(&self, address: u64) -> bool {
        self.handlers.contains(&address)
    }

    pub(crate) fn bytes(&self, address: u64, size: u64) -> Option<&'a [u8]> {
        self.sections.iter().find_map(|(start, data)| {
            let from = usize::try_from(address.checked_sub(*start)?).ok()?;
            data.get(from..from.checked_add(usize::try_from(size).ok()?)?)
        })
    }

    /// The pointer at `address` once the binary is loaded; nothing if it leads out of it.
    pub(crate) fn pointer(&self, address: u64) -> Option<u64> {
        match self.pointers.get(&address) {
            Some(target) => *target,
            None => Some(u64::from_le_bytes(self.bytes(address, 8)?.try_into().ok()?)),
        }
    }
}

/// A symbol's name as in the source, without hashes and suffixes.
fn plain(name: &str) -> String {
    let name = format!("{:#}", rustc_demangle::demangle(name));
    match name.split_once(".llvm.") {
        Some((name, _)) => name.to_owned(),
        None => name,
    }
}
