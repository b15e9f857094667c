//! The translator panics at a store whose address and value are the same register.
//!
//! `Module::new` panics, which is caught here. If functions are compiled at their first call, and
//! another function makes that call, the panic ends the process. That is tried in a child process.

use std::{
    env, panic,
    process::{Command, exit},
};
use wasmi::{CompilationMode, Config, Engine, Linker, Module, Store};

fn main() {
    if env::args().nth(1).as_deref() == Some("child") {
        return run(CompilationMode::LazyTranslation);
    }
    let eager = panic::catch_unwind(|| run(CompilationMode::Eager));
    let eager = if eager.is_ok() { "it" } else { "a panic" };
    println!("compiled at load: expected it to run, got {eager}");
    let child = Command::new(env::current_exe().unwrap())
        .arg("child")
        .output()
        .unwrap();
    let lazy = if child.status.success() {
        "it".to_owned()
    } else {
        child.status.to_string()
    };
    println!("compiled when first called: expected it to run, got {lazy}");
    exit(i32::from(eager != "it" || lazy != "it"));
}

fn run(mode: CompilationMode) {
    let mut config = Config::default();
    config.compilation_mode(mode);
    let engine = Engine::new(&config);
    let module = Module::new(&engine, include_str!("module.wat")).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine)
        .instantiate_and_start(&mut store, &module)
        .unwrap();
    let run = instance.get_typed_func::<(), ()>(&store, "run").unwrap();
    run.call(&mut store, ()).unwrap();
}
