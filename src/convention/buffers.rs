//! Buffers in a guest's memory, by the allocator that it exports.

use crate::{
    error::{Cause, Failure, Phase},
    inspect::ModuleInfo,
    session::Session,
    value::{ExternType, ValueType},
};
use alloc::{borrow::Cow, format, string::ToString, vec::Vec};
use smallvec::SmallVec;
use wasmi::Val;

/// The names that guests give their allocator, the likeliest first.
const ALLOCATORS: [&str; 4] = ["allocate", "malloc", "alloc", "__new"];
/// The names that guests give their release function.
const RELEASERS: [&str; 3] = ["deallocate", "free", "dealloc"];

const I32: ValueType = ValueType::I32;

/// An export that allocates, and how many parameters it takes: the size, and for AssemblyScript's
/// `__new` the class of the object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allocator {
    name: &'static str,
    takes_class: bool,
}

/// A place in a guest's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Buffer {
    pub(super) pointer: u32,
    pub(super) length: u32,
}

/// The buffers of a call: most have one.
pub(super) type Buffers = SmallVec<[Buffer; 2]>;

pub(super) fn val(number: u32) -> Val {
    Val::I32(number.cast_signed())
}

pub(super) fn has_memory(info: &ModuleInfo) -> bool {
    info.export("memory")
        .is_some_and(|export| matches!(export.ty, ExternType::Memory { .. }))
}

/// The module's allocator, if it has one.
pub(super) fn allocator(info: &ModuleInfo) -> Option<Allocator> {
    ALLOCATORS.into_iter().find_map(|name| {
        let signature = info.function(name)?;
        let takes_class = signature.is(&[I32, I32], &[I32]) && name == "__new";
        (takes_class || signature.is(&[I32], &[I32])).then_some(Allocator { name, takes_class })
    })
}

/// The name of the allocator of a guest that can be given buffers, or why it can not.
pub(super) fn recognise(info: &ModuleInfo) -> Result<&'static str, &'static str> {
    if !has_memory(info) {
        return Err("no exported memory");
    }
    match allocator(info) {
        Some(Allocator { name, .. }) => Ok(name),
        None => Err("no allocator (allocate, malloc, alloc, __new)"),
    }
}

/// Whether an export is there for the buffers, and not to be called with one.
pub(super) fn keeps_buffers(export: &str) -> bool {
    ALLOCATORS.contains(&export) || RELEASERS.contains(&export)
}

/// Has the guest allocate a buffer for each input and writes it there.
pub(super) fn pass<'a>(
    session: &mut Session<'_>,
    inputs: impl Iterator<Item = Cow<'a, [u8]>>,
) -> Result<Buffers, Failure> {
    session.set_phase(Phase::Allocate);
    let mut buffers = Buffers::new();
    for input in inputs {
        let length = u32::try_from(input.len()).unwrap_or(u32::MAX);
        let pointer = allocate(session, length)?;
        session.charge_bytes(length.into())?;
        session
            .memory()?
            .write(pointer, &input)
            .map_err(|outside| outside.of("the buffer that the allocator gave"))?;
        buffers.push(Buffer { pointer, length });
    }
    Ok(buffers)
}

fn allocate(session: &mut Session<'_>, length: u32) -> Result<u32, Failure> {
    let info = &session.code().info;
    let Some(Allocator { name, takes_class }) = allocator(info) else {
        return Err(super::Convention::none(info));
    };
    let mut pointer = [Val::I32(0)];
    let params = [val(length), Val::I32(0)];
    let params = if takes_class {
        &params[..]
    } else {
        &params[..1]
    };
    session.call(name, params, &mut pointer)?;
    match pointer {
        [Val::I32(0)] if length > 0 => Err(Cause::GuestData {
            problem: format!("the allocator `{name}` has no room for {length} bytes"),
            source: None,
        }
        .into()),
        [Val::I32(pointer)] => Ok(pointer.cast_unsigned()),
        _ => Err(Cause::Signature {
            problem: "the allocator returns no pointer".to_string(),
        }
        .into()),
    }
}

/// Refuses a result that is longer than allowed, before anything is copied.
pub(super) fn admit(session: &Session<'_>, length: u64) -> Result<(), Failure> {
    let maximum = session.max_result_bytes();
    if length <= maximum {
        return Ok(());
    }
    Err(Cause::TooLarge {
        what: "a result",
        length,
        limit: "max_result_bytes",
        maximum,
    }
    .into())
}

/// Copies a result.
pub(super) fn read(session: &mut Session<'_>, buffer: Buffer) -> Result<Vec<u8>, Failure> {
    let Buffer { pointer, length } = buffer;
    admit(session, length.into())?;
    session.charge_bytes(length.into())?;
    let memory = session.memory()?;
    match memory.bytes(pointer, length.into()) {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(outside) => Err(outside.of("the result")),
    }
}

/// Gives buffers back: the result's, unless the guest answered in one that it was given, and the
/// inputs'.
pub(super) fn release_all(
    session: &mut Session<'_>,
    result: Option<Buffer>,
    inputs: &[Buffer],
) -> Result<(), Failure> {
    session.set_phase(Phase::Release);
    let own = |buffer: &Buffer| inputs.iter().all(|input| input.pointer != buffer.pointer);
    for buffer in result.filter(own).iter().chain(inputs) {
        release(session, *buffer)?;
    }
    Ok(())
}

/// Gives a buffer back, by the arity of the guest's own function.
///
/// The answer is there already, so a guest that traps here loses its instance, not the answer;
/// what the runner itself ends (fuel, time, cancelling) ends the call all the same.
fn release(session: &mut Session<'_>, buffer: Buffer) -> Result<(), Failure> {
    let info = &session.code().info;
    let releaser = RELEASERS.into_iter().find_map(|name| {
        let signature = info.function(name)?;
        let takes = signature
            .params()
            .iter()
            .all(|ty| *ty == I32)
            .then_some(signature.params().len())?;
        ((1..=2).contains(&takes) && signature.results().is_empty()).then_some((name, takes))
    });
    let Some((name, takes)) = releaser else {
        return Ok(());
    };
    let params = [val(buffer.pointer), val(buffer.length)];
    let done = session.call(name, params.get(..takes).unwrap_or(&params), &mut []);
    let Err(failure) = &done else { return done };
    let Cause::Trap { message } = &**failure else {
        return done;
    };
    log::warn!("`{name}` trapped on a buffer that the guest gave: {message}");
    session.poison();
    Ok(())
}
