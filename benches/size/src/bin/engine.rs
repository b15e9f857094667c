//! The engine alone, with the same features: `engine MODULE EXPORT` calls an export with 2 and 40.

#![no_std]
#![no_main]

extern crate alloc;

#[path = "../bare.rs"]
mod bare;

use alloc::{format, string::String};
use wasmi::{CompilationMode, Config, Engine, Error, Linker, Module, Store};

/// Whether there was an answer.
fn run(arguments: &[String]) -> bool {
    let [module, export] = arguments else {
        bare::print("usage: engine MODULE EXPORT\n");
        return false;
    };
    let answer = answer(module, export);
    bare::print(&match &answer {
        Ok(answer) => format!("{answer}\n"),
        Err(error) => format!("{error}\n"),
    });
    answer.is_ok()
}

fn answer(module: &str, export: &str) -> Result<i32, Error> {
    let mut config = Config::default();
    config
        .consume_fuel(true)
        .compilation_mode(CompilationMode::Eager);
    let engine = Engine::new(&config);
    let module = Module::new(&engine, bare::file(module))?;
    let mut store = Store::new(&engine, ());
    store.set_fuel(1_000_000)?;
    Linker::new(&engine)
        .instantiate_and_start(&mut store, &module)?
        .get_typed_func::<(i32, i32), i32>(&store, export)?
        .call(&mut store, (2, 40))
}
