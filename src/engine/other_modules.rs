//! What the other modules of a plugin provide for a module's imports.

use crate::{
    common::value::{ExternType, Import},
    module::inspect::ModuleInfo,
};
#[cfg(feature = "recordings")]
use alloc::vec::Vec;

/// The names of the other modules, and what they are.
pub(super) type Others<'a> = [(&'a str, &'a ModuleInfo)];

/// The imports of modules that their host must provide, each once. Each module imports from those
/// before it.
#[cfg(feature = "recordings")]
pub(crate) fn host_imports<'a>(
    modules: impl Iterator<Item = (&'a str, &'a ModuleInfo)>,
) -> Vec<&'a Import> {
    let (mut found, mut others) = (Vec::<&Import>::new(), Vec::new());
    for (name, info) in modules {
        for import in &info.imports {
            let is_new = |it: &&Import| (&it.module, &it.name) != (&import.module, &import.name);
            if provided(&others, import).is_none() && found.iter().all(is_new) {
                found.push(import);
            }
        }
        others.push((name, info));
    }
    found
}

/// What they provide for an import: the type of the export of that name.
pub(super) fn provided<'a>(others: &Others<'a>, import: &Import) -> Option<&'a ExternType> {
    let (_, info) = others.iter().find(|(name, _)| **name == *import.module)?;
    Some(&info.export(&import.name)?.ty)
}

/// Whether something of the type `export` can be imported as `wanted`.
pub(super) fn fits(export: &ExternType, wanted: &ExternType) -> bool {
    let within = |(minimum, maximum): (u64, Option<u64>), (least, most): (u64, Option<u64>)| {
        let bounded = most.is_none_or(|most| maximum.is_some_and(|maximum| maximum <= most));
        minimum >= least && bounded
    };
    match (export, wanted) {
        (
            ExternType::Memory {
                minimum,
                maximum,
                page_bytes,
            },
            ExternType::Memory {
                minimum: least,
                maximum: most,
                page_bytes: wanted,
            },
        ) => page_bytes == wanted && within((*minimum, *maximum), (*least, *most)),
        (
            ExternType::Table {
                element,
                minimum,
                maximum,
            },
            ExternType::Table {
                element: wanted,
                minimum: least,
                maximum: most,
            },
        ) => element == wanted && within((*minimum, *maximum), (*least, *most)),
        _ => export == wanted,
    }
}
