//! Resolves a module's imports: to the embedder's functions, to WASI's, to those of conventions.

use crate::{
    common::{
        failure::{Cause, Failure},
        text::{Quoted, first_line, names},
        value::{ExternType, Import, PAGE_BYTES, Signature, ValueType},
        wasm_value::Value,
    },
    engine::{
        builtin_function::Definition,
        host_functions::{define_host, define_missing},
        other_modules::{Others, fits, provided},
        store_data::StoreData,
        values::{func_type, signature},
    },
    host::registry::Functions,
    module::inspect::ModuleInfo,
};
use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use wasmi::{Engine, Linker};

/// Why a memory is refused that is, or may be, another import of the module too. The engine keeps a
/// pointer to the first memory, and does not see that it moves when it grows by another index
/// (`tools/differential/upstream/memory-two-names`).
const TWO_NAMES: &str = "another import of the module is, or may be, the same memory";

/// What WASI or a convention provides for an import.
pub(crate) enum Provided {
    /// Nothing: it does not know the import.
    Unknown,
    /// A function, which is now defined in the linker. This is its type.
    Function(Definition),
    /// It knows the import but cannot provide it, for this reason.
    Refused(&'static str),
}

/// Defines the function for an import of that signature, if it knows the import.
pub(crate) type Definer = fn(&mut Linker<StoreData>, &Import, &Signature) -> Provided;

/// Defines everything that the module imports.
pub(super) fn link(
    engine: &Engine,
    info: &ModuleInfo,
    functions: &Functions,
    definers: &[Definer],
    others: &Others<'_>,
) -> Result<Linker<StoreData>, Failure> {
    let mut link = Link::new(engine, functions, definers);
    for import in &info.imports {
        let done = match provided(others, import) {
            Some(export) if fits(export, &import.ty) => link.skip(import),
            Some(export) => Err(format!("that module's export has type {export}")),
            None => link.define(import),
        };
        let Err(why) = done else {
            continue;
        };
        let (module, name) = (Quoted(&import.module), Quoted(&import.name));
        let problem = format!("{module} {name} of type {}: {why}", import.ty);
        let can_trap = functions.missing_ones_trap && has_one_type(info, import);
        match import.ty.signature().and_then(func_type) {
            Some(ty) if can_trap => define_missing(&mut link.linker, import, ty, problem)?,
            _ => return Err(Cause::UnsupportedImport { problem }.into()),
        }
    }
    Ok(link.linker)
}

/// Whether all imports of this name have the same type. The linker holds one definition for each.
fn has_one_type(info: &ModuleInfo, import: &Import) -> bool {
    info.imports.iter().all(|other| {
        (&other.module, &other.name) != (&import.module, &import.name) || other.ty == import.ty
    })
}

/// The indices of the imports that cannot be provided, each with the reason.
pub(crate) fn missing(
    info: &ModuleInfo,
    functions: &Functions,
    definers: &[Definer],
) -> Vec<(usize, String)> {
    let engine = Engine::default();
    let mut link = Link::new(&engine, functions, definers);
    let refused = |(place, import)| Some((place, link.define(import).err()?));
    info.imports
        .iter()
        .enumerate()
        .filter_map(refused)
        .collect()
}

/// Resolves a module's imports one by one.
struct Link<'a> {
    linker: Linker<StoreData>,
    /// The types of the imports until now, by module and name. A stub takes the type of its import,
    /// and the linker holds one definition for each name.
    types: BTreeMap<(&'a str, &'a str), &'a ExternType>,
    /// Whether a memory comes from another module.
    has_foreign_memory: bool,
    functions: &'a Functions,
    definers: &'a [Definer],
}

impl<'a> Link<'a> {
    fn new(engine: &Engine, functions: &'a Functions, definers: &'a [Definer]) -> Self {
        let mut linker = Linker::new(engine);
        linker.allow_shadowing(true);
        Self {
            linker,
            types: BTreeMap::new(),
            has_foreign_memory: false,
            functions,
            definers,
        }
    }

    /// Passes over an import that another module provides.
    fn skip(&mut self, import: &'a Import) -> Result<(), String> {
        // Two exports may be one memory, by whatever names.
        if matches!(import.ty, ExternType::Memory { .. })
            && core::mem::replace(&mut self.has_foreign_memory, true)
        {
            return Err(TWO_NAMES.to_string());
        }
        self.only_type(import)
    }

    /// Checks that an import has the type of all others of its name until now, and that no memory
    /// is imported twice.
    fn only_type(&mut self, import: &'a Import) -> Result<(), String> {
        let before = self
            .types
            .insert((&import.module, &import.name), &import.ty);
        match before {
            None => Ok(()),
            Some(before) if *before != import.ty => {
                Err("it is imported with another type too".to_string())
            }
            Some(ExternType::Memory { .. }) => Err(TWO_NAMES.to_string()),
            Some(_) => Ok(()),
        }
    }

    /// Checks an import that is no function. It is made for each instance.
    fn admit(&self, import: &Import) -> Result<(), String> {
        let (module, name) = (&*import.module, &*import.name);
        let given = &self.functions.state;
        match &import.ty {
            ExternType::Func(_) => Ok(()),
            ExternType::Memory {
                minimum,
                page_bytes,
                ..
            } => {
                let contents = given.memory(module, name).len() as u64;
                let bytes = minimum.saturating_mul((*page_bytes).into());
                match *page_bytes {
                    PAGE_BYTES if bytes < contents => Err(format!(
                        "it begins with {bytes} bytes, and the runner's contents have {contents}"
                    )),
                    PAGE_BYTES => Ok(()),
                    _ => Err("a memory with pages of its own size cannot be imported".to_string()),
                }
            }
            ExternType::Table {
                element, minimum, ..
            } => {
                let contents = given.table(module, name).len() as u64;
                match element {
                    ValueType::FuncRef if contents > 0 => {
                        Err("it holds functions, and the runner's contents are objects".to_string())
                    }
                    _ if *minimum < contents => Err(format!(
                        "it begins with {minimum} elements, and the runner's contents have \
                         {contents}"
                    )),
                    _ => Ok(()),
                }
            }
            ExternType::Global { ty, .. } => match given.globals.get(module, name) {
                Some(Value::FuncRef(Some(_))) => {
                    Err("a function of an instance cannot be the value of a global".to_string())
                }
                Some(value) if value.ty() == *ty => Ok(()),
                Some(value) => Err(format!("the runner's global has type {}", value.ty())),
                None => {
                    let names = names(given.globals.names());
                    Err(format!(
                        "not among the globals given to this runner: {names}"
                    ))
                }
            },
        }
    }

    /// Defines an import. Fails with the reason if nothing provides it.
    fn define(&mut self, import: &'a Import) -> Result<(), String> {
        let (module, name) = (&*import.module, &*import.name);
        let only_type = self.only_type(import);
        let ExternType::Func(wanted) = &import.ty else {
            return self.admit(import).and(only_type);
        };
        let linker = &mut self.linker;
        let registered = self.functions.get(module, name).and_then(|function| {
            let ty = func_type(function.signature())?;
            let defined = define_host(linker, module, name, function, ty.clone());
            Some(Provided::Function(defined.map(|()| ty)))
        });
        let provided = registered.unwrap_or_else(|| {
            let mut offers = self
                .definers
                .iter()
                .map(|define| define(linker, import, wanted));
            let found = offers.find(|offer| !matches!(offer, Provided::Unknown));
            found.unwrap_or(Provided::Unknown)
        });
        match provided {
            Provided::Function(Ok(provided)) if signature(&provided) == *wanted => only_type,
            Provided::Function(Ok(provided)) => {
                let provided = signature(&provided);
                Err(format!("the function has type {provided}"))
            }
            Provided::Function(Err(error)) => Err(first_line(&error)),
            Provided::Refused(why) => Err(why.to_string()),
            Provided::Unknown => Err(unknown(self.functions)),
        }
    }
}

/// Why an import is refused that nothing provides.
fn unknown(functions: &Functions) -> String {
    let names = names(functions.names());
    format!(
        "not WASI, not of a known convention, and not among the functions registered with this \
         runner: {names}"
    )
}
