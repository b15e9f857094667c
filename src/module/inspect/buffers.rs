//! The exports by which a host allocates and releases memory in the guest.

use super::ModuleInfo;
use crate::common::value::ValueType;

/// The names that guests give their allocator, the likeliest first.
const ALLOCATORS: [&str; 4] = ["allocate", "malloc", "alloc", "__new"];
/// The names that guests give their release function.
const RELEASERS: [&str; 3] = ["deallocate", "free", "dealloc"];

const I32: ValueType = ValueType::I32;

/// An export that allocates, and how many parameters it takes: the size, and for AssemblyScript's
/// `__new` the class of the object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allocator {
    pub(crate) name: &'static str,
    pub(crate) takes_class: bool,
}

/// An export that releases, and how many parameters it takes: the pointer, and where there are two
/// the size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Releaser {
    pub(crate) name: &'static str,
    pub(crate) takes_size: bool,
}

pub(super) fn allocator(info: &ModuleInfo) -> Option<Allocator> {
    ALLOCATORS.into_iter().find_map(|name| {
        let signature = info.function(name)?;
        let takes_class = signature.is(&[I32, I32], &[I32]) && name == "__new";
        (takes_class || signature.is(&[I32], &[I32])).then_some(Allocator { name, takes_class })
    })
}

pub(super) fn releaser(info: &ModuleInfo) -> Option<Releaser> {
    RELEASERS.into_iter().find_map(|name| {
        let signature = info.function(name)?;
        let takes_size = signature.is(&[I32, I32], &[]);
        (takes_size || signature.is(&[I32], &[])).then_some(Releaser { name, takes_size })
    })
}

/// Whether an export is an allocator or a release function, and not one to call with input.
pub(crate) fn keeps_buffers(export: &str) -> bool {
    ALLOCATORS.contains(&export) || RELEASERS.contains(&export)
}
