//! What a module says about the places in its code: names of functions, and lines of source.

#[cfg(feature = "debug-info")]
use crate::module::debug_info::{DebugInfo, demangled};
use crate::{
    common::backtrace::Frame,
    module::{line_row::LineRow, names::function_names},
};
use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};

/// The names and lines of a module.
pub(crate) struct Symbols<'a> {
    names: BTreeMap<u32, Box<str>>,
    #[cfg(feature = "debug-info")]
    debug_info: Option<DebugInfo<'a>>,
    #[cfg(not(feature = "debug-info"))]
    bytes: core::marker::PhantomData<&'a [u8]>,
}

impl<'a> Symbols<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self {
            names: function_names(bytes),
            #[cfg(feature = "debug-info")]
            debug_info: DebugInfo::of(bytes),
            #[cfg(not(feature = "debug-info"))]
            bytes: core::marker::PhantomData,
        }
    }

    /// The function's name.
    pub(crate) fn name(&self, function: u32) -> Option<Box<str>> {
        let name = self.names.get(&function)?;
        #[cfg(feature = "debug-info")]
        return Some(demangled(name));
        #[cfg(not(feature = "debug-info"))]
        Some(name.clone())
    }

    /// The rows of the line tables that have a line and code, by their positions.
    pub(crate) fn rows(&self) -> Vec<LineRow> {
        #[cfg(feature = "debug-info")]
        return self
            .debug_info
            .as_ref()
            .map_or_else(Vec::new, DebugInfo::rows);
        #[cfg(not(feature = "debug-info"))]
        Vec::new()
    }

    /// The frame of an active function, at a position in the module.
    pub(crate) fn frame(&self, function: u32, offset: u32) -> Frame {
        Frame {
            module: None,
            function,
            name: self.name(function),
            offset,
            #[cfg(feature = "debug-info")]
            lines: self
                .debug_info
                .as_ref()
                .map_or_else(Vec::new, |debug_info| debug_info.lines(offset)),
            #[cfg(not(feature = "debug-info"))]
            lines: Vec::new(),
        }
    }
}
