//! The AssemblyScript convention: strings made by the runtime that a guest exports. Also the
//! functions that AssemblyScript modules import from `env`.

mod imports;
mod objects;

use self::objects::{Classes, new_string, read_object};
use super::buffers::has_memory;
use crate::convention::kinds::Convention;
use crate::convention::protocol::{Called, Protocol, wrong_signature};
use crate::{
    common::{
        error_kind::Phase,
        failure::{Cause, Failure},
        outcome::Numbers,
        value::ValueType,
    },
    engine::{builtin_function::Definition, execution::Execution, store_data::StoreData},
    module::inspect::ModuleInfo,
};
use alloc::{borrow::Cow, boxed::Box, format, string::ToString, vec::Vec};
use wasmi::Linker;

const I32: ValueType = ValueType::I32;

pub(super) struct AssemblyScript;

impl Protocol for AssemblyScript {
    fn recognise(&self, info: &ModuleInfo) -> Result<Cow<'static, str>, &'static str> {
        let makes = info
            .function("__new")
            .is_some_and(|signature| signature.is(&[I32, I32], &[I32]));
        if !makes || info.function("__pin").is_none() {
            return Err("no exported runtime (__new, __pin)");
        }
        if !has_memory(info) {
            return Err("no exported memory");
        }
        Ok("exports AssemblyScript's runtime (`__new`, `__pin`)".into())
    }

    fn check(&self, info: &ModuleInfo, export: &str, inputs: usize) -> Result<(), Failure> {
        self.recognise(info).map_err(|why| {
            Failure::from(Cause::Signature {
                problem: format!("this plugin is none of AssemblyScript's: {why}"),
            })
        })?;
        let signature = info.signature(export)?;
        let params = signature.params();
        // Optional parameters may be left out: the guest has default values for them.
        let fits = (params.len() == inputs || info.takes_fewer(params.len(), inputs))
            && params.iter().all(|ty| *ty == I32)
            && matches!(signature.results(), [] | [I32]);
        if fits {
            return Ok(());
        }
        let needed = match inputs {
            0 => "() -> (i32)",
            1 => "(i32) -> (i32), a string each",
            _ => "an i32 for each input and -> (i32)",
        };
        Err(wrong_signature(
            signature,
            needed,
            Convention::AssemblyScript,
        ))
    }

    fn call<'f>(
        &'f self,
        execution: &'f mut Execution<'_>,
        export: &'f str,
        inputs: &'f [&'f [u8]],
    ) -> Called<'f> {
        Box::pin(async move {
            execution.set_phase(Phase::Allocate);
            let classes = Classes::of(execution);
            let mut strings = Vec::new();
            for input in inputs {
                let Ok(text) = core::str::from_utf8(input) else {
                    return Err(Cause::Signature {
                        problem: "the input is not UTF-8, and strings are text (assemblyscript)"
                            .to_string(),
                    }
                    .into());
                };
                strings.push(new_string(execution, text, classes).await?.into());
            }
            execution.set_phase(Phase::Call);
            let params = execution.with_all_params(export, &strings).await?;
            let output = match execution.call(export, &params).await? {
                Numbers::None => Vec::new(),
                result => read_object(execution, result.one_u32(), classes)?,
            };
            execution.set_phase(Phase::Release);
            if execution.code().info.function("__unpin").is_some() {
                for string in &strings {
                    execution
                        .call_unasked("__unpin", core::slice::from_ref(string))
                        .await?;
                }
            }
            Ok(output)
        })
    }

    fn define(
        &self,
        linker: &mut Linker<StoreData>,
        module: &str,
        name: &str,
    ) -> Option<Definition> {
        imports::define(linker, module, name)
    }
}
