//! The parameters of a loop are copied over a local that is still on the operand stack.

use std::process::exit;
use wasmi::{Engine, Linker, Module, Store};

fn main() {
    let engine = Engine::default();
    let module = Module::new(&engine, include_str!("module.wat")).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine)
        .instantiate_and_start(&mut store, &module)
        .unwrap();
    let double = instance
        .get_typed_func::<(i32, i32), i32>(&store, "double")
        .unwrap();

    let got = double.call(&mut store, (3, 4)).unwrap();
    println!("double(3, 4): expected 6, got {got}");
    exit(i32::from(got != 6));
}
