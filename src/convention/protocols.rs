//! Dispatch to the conventions: which ones a module follows, which one fits an export, and calling
//! by one.

use crate::{
    common::{
        failure::{Cause, Failure},
        text::names,
        value::{Import, Signature},
    },
    convention::{
        kinds::Convention,
        protocol::{Called, Protocol},
    },
    engine::{execution::Execution, link::Provided, store_data::StoreData},
    module::inspect::ModuleInfo,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use wasmi::Linker;

/// Defines an imported function, if guests of any convention import it.
pub(crate) fn provide(linker: &mut Linker<StoreData>, import: &Import, _: &Signature) -> Provided {
    let (module, name) = (&import.module, &import.name);
    let mut conventions = Convention::ALL.into_iter();
    if let Some(defined) =
        conventions.find_map(|convention| convention.protocol().define(linker, module, name))
    {
        return Provided::Function(defined);
    }
    #[cfg(not(feature = "conventions"))]
    if let Some(why) = super::left_out::refusal(module, name) {
        return Provided::Refused(why);
    }
    Provided::Unknown
}

impl Convention {
    /// The implementation of a convention. Nothing else names the implementations, which keeps those
    /// that a build leaves out out of the binary.
    fn protocol(self) -> &'static dyn Protocol {
        match self {
            #[cfg(feature = "typst")]
            Self::Typst => &super::typst::Typst,
            #[cfg(feature = "extism")]
            Self::Extism => &super::extism::Extism,
            #[cfg(feature = "wapc")]
            Self::Wapc => &super::wapc::Wapc,
            #[cfg(feature = "http-wasm")]
            Self::HttpHandler => &super::http_handler::HttpHandler,
            #[cfg(feature = "assemblyscript")]
            Self::AssemblyScript => &super::assemblyscript::AssemblyScript,
            Self::PackedPointer => &super::packed::PackedPointer,
            Self::CString => &super::cstring::CString,
            Self::Command => &super::command::Command,
            #[cfg(feature = "cgi")]
            Self::Cgi => &super::cgi::Cgi,
            #[cfg(not(all(
                feature = "assemblyscript",
                feature = "cgi",
                feature = "extism",
                feature = "http-wasm",
                feature = "typst",
                feature = "wapc",
            )))]
            _ => &super::left_out::LeftOut,
        }
    }

    /// The conventions that a module follows, by its exports and imports.
    pub(crate) fn all_of(info: &ModuleInfo) -> Vec<Self> {
        let follows = |convention: &Self| convention.protocol().recognise(info).is_ok();
        Self::ALL.into_iter().filter(follows).collect()
    }

    /// Why a module follows the first of its conventions, or why it follows no convention.
    pub(crate) fn reason(info: &ModuleInfo) -> String {
        for convention in Self::ALL {
            if let Ok(reason) = convention.protocol().recognise(info) {
                return reason.into_owned();
            }
        }
        Self::looked_for(info)
    }

    /// Why a module follows no convention, for each of them.
    fn looked_for(info: &ModuleInfo) -> String {
        let mut reasons = String::new();
        for convention in Self::ALL.into_iter().filter(|other| *other != Self::Cgi) {
            if let Err(reason) = convention.protocol().recognise(info) {
                let separator = if reasons.is_empty() { "" } else { "; " };
                reasons.push_str(&format!("{separator}{convention}: {reason}"));
            }
        }
        reasons
    }

    /// The first of `conventions` by which `export` can take this many inputs.
    pub(crate) fn for_export(
        conventions: &[Self],
        info: &ModuleInfo,
        export: &str,
        inputs: usize,
    ) -> Result<Self, Failure> {
        let mut first = None;
        for convention in conventions {
            match convention.check(info, export, inputs) {
                Ok(()) => return Ok(*convention),
                Err(failure) => first = first.or(Some(failure)),
            }
        }
        // A missing export is reported as missing, whatever else is wrong.
        Err(match first {
            Some(failure) => failure,
            None => match info.signature(export) {
                Err(failure) => failure,
                // Extism plugins need not import anything, and this type fits. Suggest the
                // convention.
                Ok(_) if Self::Extism.check(info, export, inputs).is_ok() => {
                    Failure::from(Cause::Signature {
                        problem: format!(
                            "{}; an Extism plugin needs the convention `extism` to be named",
                            Self::none(info)
                        ),
                    })
                }
                Ok(_) => Self::none(info),
            },
        })
    }

    /// Calls `export` with bytes.
    pub(super) fn call<'f>(
        self,
        execution: &'f mut Execution<'_>,
        export: &'f str,
        inputs: &'f [&'f [u8]],
    ) -> Called<'f> {
        self.protocol().call(execution, export, inputs)
    }

    /// The same, in a call that nobody can suspend.
    pub(super) fn call_at_once(
        self,
        execution: &mut Execution<'_>,
        export: &str,
        inputs: &[&[u8]],
    ) -> Result<Vec<u8>, Failure> {
        self.protocol().call_at_once(execution, export, inputs)
    }

    /// Checks that `export` can be called with this many inputs, before anything is instantiated.
    pub(crate) fn check(
        self,
        info: &ModuleInfo,
        export: &str,
        inputs: usize,
    ) -> Result<(), Failure> {
        self.protocol().check(info, export, inputs)
    }

    /// The error for a plugin that follows no convention.
    pub(crate) fn none(info: &ModuleInfo) -> Failure {
        let exports = names(info.function_names().map(ToString::to_string));
        Failure::from(Cause::Signature {
            problem: format!(
                "this plugin cannot take bytes: {}; its functions are: {exports}",
                Self::looked_for(info),
            ),
        })
    }
}
