//! A `br_table` with two values leaves them where they are, though the target reads other slots.

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

    let got = [0, 1].map(|index| f.call(&mut store, index).unwrap());
    println!("f(0) and f(1): expected [5, 5], got {got:?}");
    exit(i32::from(got != [5, 5]));
}
