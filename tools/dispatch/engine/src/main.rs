//! The engine alone: what `leaks` reads of a target on which the library does not make tail calls.

use wasmi::{Engine, Linker, Module, Store};

fn main() -> Result<(), wasmi::Error> {
    let engine = Engine::default();
    let module = Module::new(&engine, *b"\0asm\x01\0\0\0")?;
    Linker::new(&engine).instantiate_and_start(&mut Store::new(&engine, ()), &module)?;
    Ok(())
}
