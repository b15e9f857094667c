//! The modules of a plugin that was loaded as several.

use crate::common::recording::codec::{Damage, Reader, Writer};
use alloc::{boxed::Box, vec::Vec};
use sha2::{Digest, Sha256};

/// One of the modules: its name and its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModuleRecord {
    pub(crate) name: Box<str>,
    pub(crate) sha256: [u8; 32],
}

impl ModuleRecord {
    pub(crate) fn of(name: &str, bytes: &[u8]) -> Self {
        Self {
            name: name.into(),
            sha256: Sha256::digest(bytes).into(),
        }
    }

    pub(super) fn put(&self, writer: &mut Writer) {
        writer.text(&self.name);
        writer.0.extend_from_slice(&self.sha256);
    }

    /// The list of all.
    pub(super) fn take_all(reader: &mut Reader<'_>) -> Result<Vec<Self>, Damage> {
        let all = reader.list(|reader| {
            let name = reader.text()?.into();
            let sha256 = reader.array()?;
            Ok(Self { name, sha256 })
        })?;
        match all.is_empty() {
            true => Err(Damage("it has several modules and names no module")),
            false => Ok(all),
        }
    }
}
