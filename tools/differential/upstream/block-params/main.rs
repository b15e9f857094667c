//! A local below the parameters of a block is not copied before the block sets it.

use std::process::exit;
use wasmi::{Engine, Linker, Module, Store};

fn main() {
    let engine = Engine::default();
    let module = Module::new(&engine, include_str!("module.wat")).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine)
        .instantiate_and_start(&mut store, &module)
        .unwrap();
    let earlier = instance
        .get_typed_func::<(i64, i64, i64, i64), ()>(&store, "earlier")
        .unwrap();
    let first = instance
        .get_typed_func::<(i64, i32), i64>(&store, "first")
        .unwrap();

    // What the slots of this call held is what the next call reads.
    earlier.call(&mut store, (1000, 1001, 1002, 1003)).unwrap();
    let got = first.call(&mut store, (5, 1)).unwrap();
    println!("first(5, 1): expected 5, got {got}");
    if (1000..=1003).contains(&got) {
        println!("{got} is an argument of the call before");
    }
    exit(i32::from(got != 5));
}
