//! An `if` with parameters and without an `else` takes them from where its other arm left them.

use std::process::exit;
use wasmi::{Engine, Linker, Module, Store};

fn main() {
    let engine = Engine::default();
    let module = Module::new(&engine, include_str!("module.wat")).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine)
        .instantiate_and_start(&mut store, &module)
        .unwrap();
    let f = instance
        .get_typed_func::<(i32, i32), i32>(&store, "f")
        .unwrap();

    let got = f.call(&mut store, (0, 9)).unwrap();
    println!("f(0, 9): expected 9, got {got}");
    exit(i32::from(got != 9));
}
