//! Buffers in a guest's memory, allocated by the allocator that it exports.

use crate::{
    common::{
        error_kind::Phase,
        failure::{Cause, Failure},
        value::ExternType,
    },
    engine::execution::Execution,
    module::inspect::{
        ModuleInfo,
        buffers::{Allocator, Releaser},
    },
};
use alloc::{borrow::Cow, format, vec::Vec};
use smallvec::SmallVec;

/// A range of a guest's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Buffer {
    pub(super) pointer: u32,
    pub(super) length: u32,
}

impl Buffer {
    /// Whether the pointer lies in the buffer. An empty buffer contains its start.
    fn contains(self, pointer: u32) -> bool {
        let into = pointer.wrapping_sub(self.pointer);
        pointer >= self.pointer && (into < self.length || into == 0)
    }
}

/// The buffers of a call. Most calls have one.
pub(super) type Buffers = SmallVec<[Buffer; 2]>;

pub(super) fn has_memory(info: &ModuleInfo) -> bool {
    info.export("memory")
        .is_some_and(|export| matches!(export.ty, ExternType::Memory { .. }))
}

/// The name of the guest's allocator, or why it cannot take buffers.
pub(super) fn recognise(info: &ModuleInfo) -> Result<&'static str, &'static str> {
    if !has_memory(info) {
        return Err("no exported memory");
    }
    match info.allocator {
        Some(Allocator { name, .. }) => Ok(name),
        None => Err("no allocator (allocate, malloc, alloc, __new)"),
    }
}

/// Allocates a buffer in the guest for each input and writes the input there.
pub(super) async fn pass<'a>(
    execution: &mut Execution<'_>,
    inputs: impl Iterator<Item = Cow<'a, [u8]>>,
) -> Result<Buffers, Failure> {
    execution.set_phase(Phase::Allocate);
    let mut buffers = Buffers::new();
    for input in inputs {
        let length = u32::try_from(input.len()).unwrap_or(u32::MAX);
        let pointer = allocate(execution, length).await?;
        execution.charge_bytes(length.into())?;
        execution
            .memory()?
            .write(pointer, &input)
            .map_err(|outside| outside.of("the buffer that the allocator gave"))?;
        buffers.push(Buffer { pointer, length });
    }
    Ok(buffers)
}

async fn allocate(execution: &mut Execution<'_>, length: u32) -> Result<u32, Failure> {
    let info = &execution.code().info;
    let Some(Allocator { name, takes_class }) = info.allocator else {
        return Err(crate::convention::kinds::Convention::none(info));
    };
    let params = [length.into(), 0];
    match execution
        .call(name, taken(&params, takes_class))
        .await?
        .one_u32()
    {
        0 if length > 0 => Err(Cause::GuestData {
            problem: format!("the allocator `{name}` has no room for {length} bytes"),
            source: None,
        }
        .into()),
        pointer => Ok(pointer),
    }
}

/// Both parameters, or the first alone if the function does not take the second.
fn taken(params: &[u64; 2], second: bool) -> &[u64] {
    let [first, _] = params;
    match second {
        true => params,
        false => core::slice::from_ref(first),
    }
}

/// Refuses a result that is longer than `max_result_bytes`, before anything is copied.
pub(super) fn admit(execution: &Execution<'_>, length: u64) -> Result<(), Failure> {
    let maximum = execution.max_result_bytes();
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

/// Copies a result out of the guest's memory.
pub(super) fn read(execution: &mut Execution<'_>, buffer: Buffer) -> Result<Vec<u8>, Failure> {
    let Buffer { pointer, length } = buffer;
    admit(execution, length.into())?;
    execution.charge_bytes(length.into())?;
    let memory = execution.memory()?;
    match memory.bytes(pointer, length.into()) {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(outside) => Err(outside.of("the result")),
    }
}

/// Releases the result's buffer and the inputs' buffers. If the guest returned one of the input
/// buffers as its result, that buffer is released once.
pub(super) async fn release_all(
    execution: &mut Execution<'_>,
    result: Option<Buffer>,
    inputs: &[Buffer],
) -> Result<(), Failure> {
    execution.set_phase(Phase::Release);
    let own = |buffer: &Buffer| !inputs.iter().any(|input| input.contains(buffer.pointer));
    for buffer in result.filter(own).iter().chain(inputs) {
        release(execution, *buffer).await?;
    }
    Ok(())
}

/// Releases a buffer by the guest's own function, if it exports one.
///
/// A failure of the guest's function is only logged: the result was read already, and some guests
/// return static memory that cannot be released. If the runner stops the call (fuel, deadline,
/// cancellation), the call fails.
async fn release(execution: &mut Execution<'_>, buffer: Buffer) -> Result<(), Failure> {
    let Some(Releaser { name, takes_size }) = execution.code().info.releaser else {
        return Ok(());
    };
    let params = [buffer.pointer.into(), buffer.length.into()];
    let Err(failure) = execution
        .call_unasked(name, taken(&params, takes_size))
        .await
    else {
        return Ok(());
    };
    if !failure.is_the_guests() {
        return Err(failure);
    }
    log::debug!("`{name}` failed on a buffer that the guest gave: {failure}");
    Ok(())
}
