//! Dispatch to the conventions: which ones a module follows, which one fits an export, and calling
//! by one.

use crate::{
    common::{
        failure::{Cause, Failure},
        text::names,
        value::{Import, Signature},
    },
    convention::{kinds::Convention, protocol::Protocol},
    engine::{execution::Execution, link::Provided, store_data::StoreData},
    module::inspect::ModuleInfo,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use wasmi::Linker;

/// Takes the place of a convention that this build leaves out.
#[cfg(pocketwasm_few_conventions)]
pub(super) struct LeftOut;

#[cfg(pocketwasm_few_conventions)]
impl LeftOut {
    fn failure() -> Failure {
        Failure::from(Cause::Signature {
            problem: "the convention is one that this build leaves out".to_string(),
        })
    }
}

#[cfg(pocketwasm_few_conventions)]
impl Protocol for LeftOut {
    fn recognise(&self, _: &ModuleInfo) -> Result<alloc::borrow::Cow<'static, str>, &'static str> {
        Err("this build leaves it out")
    }

    fn check(&self, _: &ModuleInfo, _: &str, _: usize) -> Result<(), Failure> {
        Err(Self::failure())
    }

    fn call(&self, _: &mut Execution<'_>, _: &str, _: &[&[u8]]) -> Result<Vec<u8>, Failure> {
        Err(Self::failure())
    }
}

/// Defines an imported function, if guests of any convention import it.
pub(crate) fn provide(linker: &mut Linker<StoreData>, import: &Import, _: &Signature) -> Provided {
    let (module, name) = (&import.module, &import.name);
    let mut conventions = Convention::ALL.into_iter();
    conventions
        .find_map(|convention| convention.protocol().define(linker, module, name))
        .map_or(Provided::Unknown, Provided::Function)
}

impl Convention {
    /// The implementation of a convention. With `--cfg pocketwasm_few_conventions`, nothing else
    /// names the others, which keeps them out of the binary.
    fn protocol(self) -> &'static dyn Protocol {
        #[cfg(pocketwasm_few_conventions)]
        return match self {
            Self::PackedPointer => &super::packed::PackedPointer,
            Self::CString => &super::cstring::CString,
            Self::Command => &super::command::Command,
            _ => &LeftOut,
        };
        #[cfg(not(pocketwasm_few_conventions))]
        match self {
            Self::Typst => &super::typst::Typst,
            Self::Extism => &super::extism::Extism,
            Self::Wapc => &super::wapc::Wapc,
            Self::HttpHandler => &super::http_handler::HttpHandler,
            Self::AssemblyScript => &super::assemblyscript::AssemblyScript,
            Self::PackedPointer => &super::packed::PackedPointer,
            Self::CString => &super::cstring::CString,
            Self::Command => &super::command::Command,
            Self::Cgi => &super::cgi::Cgi,
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
                Ok(_) => Self::none(info),
            },
        })
    }

    /// Calls `export` with bytes.
    pub(crate) fn call(
        self,
        execution: &mut Execution<'_>,
        export: &str,
        inputs: &[&[u8]],
    ) -> Result<Vec<u8>, Failure> {
        self.protocol().call(execution, export, inputs)
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
