//! Each `memory.grow` takes native stack and does not release it. This ends the process, and is
//! therefore tried in a child process.

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
    println!("f(1000000): expected an end, got {got}");
    exit(i32::from(got != "an end"));
}

fn child() {
    let engine = Engine::default();
    let module = Module::new(&engine, include_str!("module.wat")).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine)
        .instantiate_and_start(&mut store, &module)
        .unwrap();
    let f = instance.get_typed_func::<i32, ()>(&store, "f").unwrap();
    f.call(&mut store, 1_000_000).unwrap();
    println!("an end");
}
