//! After a failed instantiation, a function of that instance stays in a table without its instance.
//! Calling it ends the process, and is therefore tried in a child process.

use std::{
    env,
    process::{Command, exit},
};
use wasmi::{Engine, Linker, Module, Nullable, Ref, RefType, Store, Table, TableType};

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
    println!("f(): expected 3, got {got}");
    exit(i32::from(got != "3"));
}

fn child() {
    let engine = Engine::default();
    let module = Module::new(&engine, include_str!("module.wat")).unwrap();
    let mut store = Store::new(&engine, ());
    let null = Ref::Func(Nullable::Null);
    let table = Table::new(&mut store, TableType::new(RefType::Func, 1, None), null).unwrap();
    let mut linker = Linker::new(&engine);
    linker.define("host", "table", table).unwrap();
    linker
        .instantiate_and_start(&mut store, &module)
        .expect_err("the data is out of bounds");

    let Some(Ref::Func(Nullable::Val(f))) = table.get(&store, 0) else {
        panic!("the specification leaves the element in the table");
    };
    let f = f.typed::<(), i32>(&store).unwrap();
    println!("{}", f.call(&mut store, ()).unwrap());
}
