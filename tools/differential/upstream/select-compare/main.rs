//! A `select` on a comparison with zero takes its condition from a stale register.

use std::process::exit;
use wasmi::{Engine, Linker, Module, Store};

fn main() {
    let engine = Engine::default();
    let module = Module::new(&engine, include_str!("module.wat")).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine)
        .instantiate_and_start(&mut store, &module)
        .unwrap();
    let f = instance.get_typed_func::<i32, i32>(&store, "f").unwrap();

    let got = f.call(&mut store, 1).unwrap();
    println!("f(1): expected 127, got {got}");
    exit(i32::from(got != 127));
}
