//! A memory that is imported twice and grows by its second name is used after it was freed. This
//! ends the process, and is therefore tried in a child process.

use std::{
    env,
    process::{Command, exit},
};
use wasmi::{Engine, Linker, Memory, MemoryType, Module, Store};

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
    println!("f(0): expected 7, got {got}");
    exit(i32::from(got != "7"));
}

fn child() {
    let engine = Engine::default();
    let module = Module::new(&engine, include_str!("module.wat")).unwrap();
    let mut store = Store::new(&engine, ());
    let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
    let mut linker = Linker::new(&engine);
    linker.define("host", "memory", memory).unwrap();
    let instance = linker.instantiate_and_start(&mut store, &module).unwrap();
    let f = instance.get_typed_func::<i32, i32>(&store, "f").unwrap();
    println!("{}", f.call(&mut store, 0).unwrap());
}
