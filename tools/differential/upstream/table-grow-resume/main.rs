//! A `table.grow` that runs out of fuel resumes at another instruction than it stopped at.

use std::process::exit;
use wasmi::{CompilationMode, Config, Engine, Linker, Module, Store, TypedResumableCall};

fn main() {
    let mut config = Config::default();
    config.consume_fuel(true);
    config.compilation_mode(CompilationMode::Eager);
    let engine = Engine::new(&config);
    let module = Module::new(&engine, include_str!("module.wat")).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine)
        .instantiate_and_start(&mut store, &module)
        .unwrap();
    let run = instance.get_typed_func::<(), i32>(&store, "run").unwrap();

    // Enough for the operators, and too little for the elements.
    store.set_fuel(20).unwrap();
    let call = run.call_resumable(&mut store, ()).unwrap();
    let TypedResumableCall::OutOfFuel(stopped) = call else {
        panic!("the call must run out of fuel: {call:?}");
    };
    store.set_fuel(1_000_000).unwrap();
    let call = stopped.resume(&mut store).unwrap();
    let TypedResumableCall::Finished(got) = call else {
        panic!("the call must end: {call:?}");
    };
    println!("how often run() began: expected 1, got {got}");
    exit(i32::from(got != 1));
}
