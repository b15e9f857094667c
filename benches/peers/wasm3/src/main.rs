//! wasm3 by its Rust crate, which carries the C sources, with its own WASI.

use common::{Guest, Live, Loaded, Peer, Raw, Result, Work};
use std::{collections::BTreeMap, process::ExitCode};
use wasm3::{Environment, Function, Runtime, error::Error};

const STACK_SLOTS: u32 = 1 << 20;

struct Wasm3;

impl Peer for Wasm3 {
    fn load(&self, guest: &Guest, bytes: &[u8]) -> Result<Box<dyn Loaded>> {
        let environment = Environment::new().map_err(|error| error.to_string())?;
        let ready = Ready {
            environment,
            bytes: bytes.into(),
            set_up: guest.set_up,
        };
        Ok(Box::new(ready))
    }
}

struct Ready {
    environment: Environment,
    /// A parsed module goes into one runtime, so each instance parses it.
    bytes: Box<[u8]>,
    set_up: Option<&'static str>,
}

impl Loaded for Ready {
    fn instance(&self) -> Result<Box<dyn Live + '_>> {
        let fail = |error: Error| error.to_string();
        let runtime = Runtime::new(&self.environment, STACK_SLOTS).map_err(fail)?;
        let mut module = runtime
            .parse_and_load_module(self.bytes.clone())
            .map_err(fail)?;
        module.link_wasi().map_err(fail)?;
        let mut one = One {
            funcs: BTreeMap::new(),
            runtime: Box::new(runtime),
        };
        one.set_up(self.set_up)?;
        Ok(Box::new(one))
    }
}

struct One {
    /// Borrowed from `runtime`, and dropped before it.
    funcs: BTreeMap<&'static str, Found>,
    runtime: Box<Runtime>,
}

/// The signatures of the guests' exports.
#[derive(Clone, Copy)]
enum Found {
    Nothing(Function<'static, (), ()>),
    NothingToI32(Function<'static, (), i32>),
    I32(Function<'static, i32, ()>),
    I32ToI32(Function<'static, i32, i32>),
    I32ToI64(Function<'static, i32, i64>),
    Two(Function<'static, (i32, i32), ()>),
    TwoToI32(Function<'static, (i32, i32), i32>),
    TwoToI64(Function<'static, (i32, i32), i64>),
    FourToI32(Function<'static, (i32, i32, i32, i32), i32>),
}

impl One {
    fn find(&self, export: &str) -> Result<Found> {
        // SAFETY: the runtime is boxed, so it stays where it is, and lives longer than `funcs`.
        let runtime: &'static Runtime = unsafe { &*std::ptr::from_ref(&*self.runtime) };
        let mut last = Error::InvalidFunctionSignature;
        macro_rules! attempt {
            ($($kind:ident),*) => {
                $(match runtime.find_function(export) {
                    Ok(func) => return Ok(Found::$kind(func)),
                    Err(Error::InvalidFunctionSignature) => {}
                    Err(error) => last = error,

                })*
            };
        }
        // Those without parameters last: the crate takes them for any.
        attempt!(
            FourToI32,
            TwoToI64,
            TwoToI32,
            Two,
            I32ToI64,
            I32ToI32,
            I32,
            NothingToI32,
            Nothing
        );
        Err(last.to_string().into())
    }
}

impl Live for One {
    fn answer(&mut self, work: &Work) -> Result<Vec<u8>> {
        self.work(work)
    }
}

impl Raw for One {
    fn call(&mut self, export: &'static str, params: &[i32]) -> Result<i64> {
        let found = match self.funcs.get(export) {
            Some(found) => *found,
            None => {
                let found = self.find(export)?;
                self.funcs.insert(export, found);
                found
            }
        };
        let result = match (found, params) {
            (Found::Nothing(func), []) => func.call().map(|()| 0),
            (Found::NothingToI32(func), []) => func.call().map(i64::from),
            (Found::I32(func), [a]) => func.call(*a).map(|()| 0),
            (Found::I32ToI32(func), [a]) => func.call(*a).map(i64::from),
            (Found::I32ToI64(func), [a]) => func.call(*a),
            (Found::Two(func), [a, b]) => func.call(*a, *b).map(|()| 0),
            (Found::TwoToI32(func), [a, b]) => func.call(*a, *b).map(i64::from),
            (Found::TwoToI64(func), [a, b]) => func.call(*a, *b),
            (Found::FourToI32(func), [a, b, c, d]) => func.call(*a, *b, *c, *d).map(i64::from),
            _ => return Err("another signature".into()),
        };
        result.map_err(|error| error.to_string().into())
    }

    fn has(&mut self, export: &'static str) -> bool {
        self.find(export).is_ok()
    }

    fn read(&mut self, at: usize, length: usize) -> Result<Vec<u8>> {
        // SAFETY: nothing runs while the memory is borrowed.
        let memory = unsafe { &*self.runtime.memory() };
        let bytes = memory.get(at..at.saturating_add(length));
        Ok(bytes.ok_or("outside the memory")?.to_vec())
    }

    fn write(&mut self, at: usize, bytes: &[u8]) -> Result<()> {
        // SAFETY: nothing runs while the memory is borrowed.
        let memory = unsafe { &mut *self.runtime.memory_mut() };
        let target = memory.get_mut(at..at.saturating_add(bytes.len()));
        target.ok_or("outside the memory")?.copy_from_slice(bytes);
        Ok(())
    }
}

fn main() -> ExitCode {
    common::main(|_| Ok(Box::new(Wasm3)))
}
