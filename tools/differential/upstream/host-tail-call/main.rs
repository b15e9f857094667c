//! A tail call of a host function leaves its caller with a dangling stack pointer. This ends the
//! process, and is therefore tried in a child process.

use std::{
    env,
    process::{Command, exit},
};
use wasmi::{Engine, Linker, Module, Store};

fn main() {
    if env::args().nth(1).as_deref() == Some("child") {
        return child();
    }
    let child = Command::new(env::current_exe().unwrap())
        .arg("child")
        .output()
        .unwrap();
    let got = if child.status.success() {
        String::from_utf8(child.stdout).unwrap().trim().to_owned()
    } else {
        child.status.to_string()
    };
    println!("seven(): expected 7, got {got}");
    exit(i32::from(got != "7"));
}

fn child() {
    let engine = Engine::default();
    let module = Module::new(&engine, include_str!("module.wat")).unwrap();
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    linker.func_wrap("host", "nothing", || ()).unwrap();
    let instance = linker.instantiate_and_start(&mut store, &module).unwrap();
    let seven = instance.get_typed_func::<(), i32>(&store, "seven").unwrap();
    println!("{}", seven.call(&mut store, ()).unwrap());
}
