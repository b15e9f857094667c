//! The AssemblyScript convention: strings made by the runtime that a guest exports. Also the
//! functions that AssemblyScript modules import from `env`.

use super::buffers::{Buffer, admit, has_memory, read};
use crate::convention::kinds::Convention;
use crate::convention::protocol::{Protocol, wrong_signature};
use crate::{
    common::{
        error_kind::Phase,
        failure::{Cause, Failure, LONGEST_REPORT},
        outcome::Numbers,
        output::Stream,
        value::ValueType,
    },
    engine::{
        execution::Execution,
        host_functions::{BuiltinFunction, Definition, charge_bytes, guest},
        store_data::StoreData,
    },
    host::memory::GuestMemory,
    module::inspect::ModuleInfo,
};
use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
    vec::Vec,
};
use wasmi::{Caller, Linker};

const I32: ValueType = ValueType::I32;
/// A flag in the runtime's description of a class: its objects hold no pointers.
const POINTER_FREE: u32 = 1 << 5;

/// The ids of two classes, which are the same in every program of one compiler version.
#[derive(Debug, Clone, Copy)]
struct Classes {
    array_buffer: u32,
    string: u32,
}

impl Classes {
    /// Since version 0.24, in which `Object` is class 0.
    const CURRENT: Self = Self {
        array_buffer: 1,
        string: 2,
    };
    /// Up to version 0.23.
    const OLD: Self = Self {
        array_buffer: 0,
        string: 1,
    };

    /// The ids that the guest's compiler uses.
    ///
    /// The guest's table of classes begins with their count. In current versions, classes 1 and 2
    /// are the two without pointers. In older ones, class 2 has pointers; in still older ones, the
    /// second word of the table is not a class's flags but the base of class 0.
    fn of(execution: &mut Execution<'_>) -> Self {
        let Some(table) = execution.exported_u32("__rtti_base") else {
            return Self::CURRENT;
        };
        let Ok(memory) = execution.memory() else {
            return Self::CURRENT;
        };
        let entry = |class: u32| memory.u32(table.checked_add(4 + 4 * class)?).ok();
        match (entry(1), entry(2)) {
            (Some(one), Some(two)) if one & two & POINTER_FREE == 0 => Self::OLD,
            _ => Self::CURRENT,
        }
    }
}

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
        let fits = params.len() == inputs
            && params.iter().all(|ty| *ty == I32)
            && matches!(signature.results(), [] | [I32]);
        if fits {
            return Ok(());
        }
        let needed = match inputs {
            1 => "(i32) -> (i32), a string each",
            _ => "an i32 for each input and -> (i32)",
        };
        Err(wrong_signature(
            signature,
            needed,
            Convention::AssemblyScript,
        ))
    }

    fn call(
        &self,
        execution: &mut Execution<'_>,
        export: &str,
        inputs: &[&[u8]],
    ) -> Result<Vec<u8>, Failure> {
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
            strings.push(new_string(execution, text, classes)?.into());
        }
        execution.set_phase(Phase::Call);
        let output = match execution.call(export, &strings)? {
            Numbers::None => Vec::new(),
            result => read_object(execution, result.one_u32(), classes)?,
        };
        execution.set_phase(Phase::Release);
        if execution.code().info.function("__unpin").is_some() {
            for string in &strings {
                execution.call("__unpin", core::slice::from_ref(string))?;
            }
        }
        Ok(output)
    }

    fn define(
        &self,
        linker: &mut Linker<StoreData>,
        module: &str,
        name: &str,
    ) -> Option<Definition> {
        match (module, name) {
            ("env", "abort") => Some(abort.define(linker, module, name)),
            ("env", "trace") => Some(trace.define(linker, module, name)),
            ("env", "seed") => Some(seed.define(linker, module, name)),
            _ => None,
        }
    }
}

/// Creates a string in the guest and pins it, so that the garbage collector keeps it.
fn new_string(execution: &mut Execution<'_>, text: &str, classes: Classes) -> Result<u32, Failure> {
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let length = u32::try_from(units.len()).unwrap_or(u32::MAX);
    let params = [length.into(), classes.string.into()];
    let pointer = execution.call("__new", &params)?.one_u32();
    execution.charge_bytes(length.into())?;
    let written = execution.memory()?.write(pointer, &units);
    written.map_err(|outside| outside.of("the string that `__new` gave"))?;
    execution.call("__pin", &[pointer.into()])?;
    Ok(pointer)
}

/// Reads an object's class and its length in bytes from the header before it.
fn header(memory: &GuestMemory<'_>, pointer: u32) -> Option<(u32, u32)> {
    let class = memory.u32(pointer.checked_sub(8)?).ok()?;
    let length = memory.u32(pointer.checked_sub(4)?).ok()?;
    Some((class, length))
}

/// Reads a string as UTF-8, or the bytes of an `ArrayBuffer`.
fn read_object(
    execution: &mut Execution<'_>,
    pointer: u32,
    classes: Classes,
) -> Result<Vec<u8>, Failure> {
    let wrong = |problem: String| {
        Failure::from(Cause::GuestData {
            problem,
            source: None,
        })
    };
    if pointer == 0 {
        return Err(wrong("the result is null (assemblyscript)".to_string()));
    }
    let Some((class, length)) = header(&execution.memory()?, pointer) else {
        let problem = format!("the result at {pointer:#x} is no object in memory (assemblyscript)");
        return Err(wrong(problem));
    };
    let bytes = read(execution, Buffer { pointer, length })?;
    match class {
        class if class == classes.array_buffer => Ok(bytes),
        class if class == classes.string => {
            let text = utf8(&bytes)
                .ok_or_else(|| wrong("the result is not UTF-16 (assemblyscript)".to_string()))?;
            // UTF-8 can be half as long again as UTF-16, and the same limit applies to it.
            admit(execution, text.len() as u64)?;
            Ok(text.into_bytes())
        }
        class => Err(wrong(format!(
            "the result is of class {class}, neither string nor ArrayBuffer (assemblyscript)"
        ))),
    }
}

fn units(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.chunks_exact(2).map(|pair| match pair {
        [low, high] => u16::from_le_bytes([*low, *high]),
        _ => 0,
    })
}

fn utf8(bytes: &[u8]) -> Option<String> {
    char::decode_utf16(units(bytes))
        .collect::<Result<_, _>>()
        .ok()
}

/// Reads a string that the guest passes to a host function, cut to a bounded length. For messages
/// only.
fn text(caller: &mut Caller<'_, StoreData>, pointer: u32) -> Result<String, Failure> {
    if pointer == 0 {
        return Ok(String::new());
    }
    let (memory, _) = guest(caller)?;
    let Some((_, length)) = header(&memory, pointer) else {
        return Err(Cause::GuestData {
            problem: format!("a string at {pointer:#x} is no object in memory (assemblyscript)"),
            source: None,
        }
        .into());
    };
    memory
        .range(pointer, length.into())
        .map_err(|outside| outside.of("a string for the host"))?;
    let cut = u64::from(length).min(LONGEST_REPORT as u64);
    charge_bytes(caller, cut)?;
    let (memory, _) = guest(caller)?;
    let bytes = memory.bytes(pointer, cut);
    let bytes = bytes.map_err(|outside| outside.of("a string for the host"))?;
    let lossy = |unit: Result<char, _>| unit.unwrap_or(char::REPLACEMENT_CHARACTER);
    Ok(char::decode_utf16(units(bytes)).map(lossy).collect())
}

/// `env.abort`: called by the runtime when nothing catches an error.
fn abort(
    caller: &mut Caller<'_, StoreData>,
    message: u32,
    file: u32,
    line: u32,
    column: u32,
) -> Result<(), Failure> {
    let message = text(caller, message)?;
    let file = text(caller, file)?;
    let at = format!("{file}:{line}:{column}");
    let report = match (&*message, &*file) {
        ("", "") => "aborted".to_string(),
        ("", _) => format!("aborted at {at}"),
        (_, "") => message,
        _ => format!("{message} at {at}"),
    };
    Err(Failure::reported(report.as_bytes()))
}

/// `env.trace`: writes a line to the guest's standard error.
#[allow(clippy::too_many_arguments, reason = "AssemblyScript's signature")]
fn trace(
    caller: &mut Caller<'_, StoreData>,
    message: u32,
    count: u32,
    a: f64,
    b: f64,
    c: f64,
    d: f64,
    e: f64,
) -> Result<(), Failure> {
    let mut line = format!("trace: {}", text(caller, message)?);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    for (position, number) in [a, b, c, d, e].into_iter().take(count).enumerate() {
        let separator = if position == 0 { " " } else { ", " };
        line.push_str(&format!("{separator}{number}"));
    }
    line.push('\n');
    let _ = caller.data_mut().write(Stream::Stderr, line.as_bytes());
    Ok(())
}

/// `env.seed`: the seed of the guest's own random numbers.
fn seed(caller: &mut Caller<'_, StoreData>) -> Result<f64, Failure> {
    let mut bytes = [0; 4];
    let entropy = caller.data().meter.context().config.guest_entropy.clone();
    match entropy {
        Some(entropy) if entropy.fill(&mut bytes) => {}
        Some(_) => {
            return Err(Cause::Host {
                problem: "there is no randomness for `env.seed`".to_string(),
                source: None,
            }
            .into());
        }
        None => caller.data_mut().random.fill(&mut bytes),
    }
    Ok(u32::from_le_bytes(bytes).into())
}
