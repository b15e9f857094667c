//! The packed-pointer convention: `f(pointer, length) -> pointer << 32 | length`.

use crate::{
    error::{Failure, Phase},
    inspect::ModuleInfo,
    session::Session,
    value::{ExternType, Signature, ValueType},
};
use alloc::{format, string::ToString, vec::Vec};
use wasmi::Val;

/// The names that guests give their allocator, the likeliest first.
pub(super) const ALLOCATORS: [&str; 4] = ["allocate", "malloc", "alloc", "__new"];
/// The names that guests give their release function.
const RELEASERS: [&str; 3] = ["deallocate", "free", "dealloc"];

const I32: ValueType = ValueType::I32;
const PARAMS: [ValueType; 2] = [I32, I32];
const RESULTS: [ValueType; 1] = [ValueType::I64];

/// An export that allocates, and how many parameters it takes: the size, and for AssemblyScript's
/// `__new` the class of the object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allocator {
    name: &'static str,
    takes_class: bool,
}

pub(super) fn recognise(info: &ModuleInfo) -> Option<Allocator> {
    let memory = info.export("memory")?;
    if !matches!(memory.ty, ExternType::Memory { .. }) {
        return None;
    }
    ALLOCATORS.into_iter().find_map(|name| {
        let signature = info.function(name)?;
        if signature.is(&[I32], &[I32]) {
            Some(Allocator {
                name,
                takes_class: false,
            })
        } else if signature.is(&[I32, I32], &[I32]) && name == "__new" {
            Some(Allocator {
                name,
                takes_class: true,
            })
        } else {
            None
        }
    })
}

pub(super) fn check(info: &ModuleInfo, export: &str) -> Result<(), Failure> {
    match info.function(export) {
        Some(signature) if signature.is(&PARAMS, &RESULTS) => Ok(()),
        Some(signature) => Err(Failure::Signature {
            problem: format!(
                "has type {signature}; passing bytes needs {} (packed pointer)",
                Signature::new(PARAMS, RESULTS)
            ),
        }),
        None => Err(Failure::not_found(
            "export",
            export,
            "this plugin exports",
            info.function_names(),
        )),
    }
}

pub(super) fn call(session: &mut Session, export: &str, input: &[u8]) -> Result<Vec<u8>, Failure> {
    let length = u32::try_from(input.len()).unwrap_or(u32::MAX);
    session.set_phase(Phase::Allocate);
    let pointer = allocate(session, length)?;
    session.charge_bytes(length.into())?;
    session
        .memory()?
        .write(pointer, input)
        .map_err(|outside| outside.of("the buffer that the allocator gave"))?;

    session.set_phase(Phase::Call);
    let mut packed = [Val::I64(0)];
    session.call(export, &[val(pointer), val(length)], &mut packed)?;
    let (at, size) = unpack(&packed);
    let output = read(session, at, size)?;

    session.set_phase(Phase::Release);
    // A guest may answer in the buffer that it was given; that one goes back once.
    if size > 0 && at != pointer {
        release(session, at, size)?;
    }
    release(session, pointer, length)?;
    Ok(output)
}

fn val(number: u32) -> Val {
    Val::I32(number.cast_signed())
}

fn unpack(packed: &[Val; 1]) -> (u32, u32) {
    let [packed] = packed;
    let [a, b, c, d, e, f, g, h] = packed.i64().unwrap_or_default().to_le_bytes();
    (
        u32::from_le_bytes([e, f, g, h]),
        u32::from_le_bytes([a, b, c, d]),
    )
}

fn allocate(session: &mut Session, length: u32) -> Result<u32, Failure> {
    let info = &session.code().info;
    let allocator = recognise(info).ok_or_else(|| super::Convention::none(info))?;
    let mut pointer = [Val::I32(0)];
    let params = [val(length), Val::I32(0)];
    let params = if allocator.takes_class {
        &params[..]
    } else {
        &params[..1]
    };
    session.call(allocator.name, params, &mut pointer)?;
    match pointer {
        [Val::I32(0)] if length > 0 => Err(Failure::GuestData {
            problem: format!(
                "the allocator `{}` has no room for {length} bytes",
                allocator.name
            ),
            source: None,
        }),
        [Val::I32(pointer)] => Ok(pointer.cast_unsigned()),
        _ => Err(Failure::Signature {
            problem: "the allocator returns no pointer".to_string(),
        }),
    }
}

fn read(session: &mut Session, pointer: u32, length: u32) -> Result<Vec<u8>, Failure> {
    let maximum = session.max_result_bytes();
    if u64::from(length) > maximum {
        return Err(Failure::TooLarge {
            what: "a result",
            length: length.into(),
            limit: "max_result_bytes",
            maximum,
        });
    }
    session.charge_bytes(length.into())?;
    let memory = session.memory()?;
    match memory.bytes(pointer, length.into()) {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(outside) => Err(outside.of("the result")),
    }
}

/// Gives a buffer back, by the arity of the guest's own function.
///
/// The answer is there already, so a guest that traps here loses its instance, not the answer;
/// what the runner itself ends (fuel, time, cancelling) ends the call all the same.
fn release(session: &mut Session, pointer: u32, length: u32) -> Result<(), Failure> {
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
    let params = [val(pointer), val(length)];
    match session.call(name, params.get(..takes).unwrap_or(&params), &mut []) {
        Err(Failure::Trap { message }) => {
            log::warn!("`{name}` trapped on a buffer that the guest gave: {message}");
            session.poison();
            Ok(())
        }
        done => done,
    }
}
