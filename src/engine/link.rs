//! Resolves a module's imports: to the embedder's functions, to WASI's, to those of conventions.

use crate::{
    common::{
        failure::{Cause, Failure},
        text::{Quoted, first_line, names},
        value::{ExternType, Import, Signature},
    },
    engine::{
        host_functions::{Definition, define_host},
        store_data::StoreData,
        values::{func_type, signature},
    },
    host::registry::Functions,
    module::inspect::ModuleInfo,
};
use alloc::{collections::BTreeMap, format, string::String};
use wasmi::{Engine, Linker};

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
) -> Result<Linker<StoreData>, Failure> {
    let mut linker = Linker::new(engine);
    linker.allow_shadowing(true);
    let mut types = BTreeMap::new();
    for import in &info.imports {
        let refuse = |why: &str| {
            let (module, name) = (Quoted(&import.module), Quoted(&import.name));
            let problem = format!("{module} {name} of type {}: {why}", import.ty);
            Failure::from(Cause::UnsupportedImport { problem })
        };
        let ExternType::Func(wanted) = &import.ty else {
            return Err(refuse("only functions can be imported"));
        };
        let (module, name) = (&*import.module, &*import.name);
        let registered = functions.get(module, name).and_then(|function| {
            let ty = func_type(&function.signature)?;
            let defined = define_host(&mut linker, module, name, function, ty.clone());
            Some(Provided::Function(defined.map(|()| ty)))
        });
        let provided = registered.unwrap_or_else(|| {
            let mut offers = definers
                .iter()
                .map(|define| define(&mut linker, import, wanted));
            let found = offers.find(|offer| !matches!(offer, Provided::Unknown));
            found.unwrap_or(Provided::Unknown)
        });
        match provided {
            Provided::Function(Ok(provided)) if signature(&provided) == *wanted => {
                // A stub has the type of its import. It cannot serve two imports of different
                // types.
                let before = types.insert((module, name), wanted);
                if before.is_some_and(|ty| ty != wanted) {
                    return Err(refuse("it is imported with another type too"));
                }
            }
            Provided::Function(Ok(provided)) => {
                let provided = signature(&provided);
                return Err(refuse(&format!("the function has type {provided}")));
            }
            Provided::Function(Err(error)) => return Err(refuse(&first_line(&error))),
            Provided::Refused(why) => return Err(refuse(why)),
            Provided::Unknown => return Err(refuse(&unknown(functions))),
        }
    }
    Ok(linker)
}

/// Why an import is refused that nothing provides.
fn unknown(functions: &Functions) -> String {
    let names = names(functions.names());
    format!(
        "not WASI, not of a known convention, and not among the functions registered with this \
         runner: {names}"
    )
}
