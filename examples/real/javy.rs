//! Runs JavaScript by Javy's dynamic modules: a small module with the program's bytecode, linked to
//! a plugin with QuickJS in it. The plugin comes from npm's `@chainlink/cre-sdk-javy-plugin`, and
//! compiles the program too.

mod packaged;

use pocketwasm::{MissingImports, Runner, RunnerConfig};
use std::{error::Error, fmt::Write};

const PROGRAM: &str = r#"
    const squares = [1, 2, 3, 4].map(n => n * n);
    console.log(JSON.stringify({squares, sum: squares.reduce((a, b) => a + b)}));
"#;

/// The name by which dynamic modules import from the plugin. The plugin has it in a custom section.
const NAMESPACE: &str = "javy_chainlink_sdk";

fn main() -> Result<(), Box<dyn Error>> {
    let plugin = packaged::file("dist/javy-chainlink-sdk.plugin.wasm")?;
    // It imports functions of its publisher's, which this program never reaches.
    let config = RunnerConfig::new().missing_imports(MissingImports::Trap);
    let runner = Runner::new(config)?;

    let mut compiler = runner.load_plugin("javy", &plugin)?.instantiate()?;
    let length = u32::try_from(PROGRAM.len())?;
    let realloc = compiler.typed::<(u32, u32, u32, u32), u32>("cabi_realloc")?;
    let place = realloc.call_in(&mut compiler, (0, 0, 1, length))?;
    compiler
        .memory("memory")?
        .write(place, PROGRAM.as_bytes())?;
    let compile = compiler.typed::<(u32, u32), u32>("compile-src")?;
    let result = compile.call_in(&mut compiler, (place, length))?;
    let mut memory = compiler.memory("memory")?;
    let [failed, place, length] = [
        memory.load::<u32>(result)?,
        memory.load::<u32>(result + 4)?,
        memory.load::<u32>(result + 8)?,
    ];
    let made = memory.read(place, length)?.to_vec();
    if failed != 0 {
        return Err(String::from_utf8_lossy(&made).into());
    }
    println!("{length} bytes of bytecode");

    let runner_of_programs = runner.load_plugin_linked(
        "program",
        &[(NAMESPACE, &*plugin), ("main", &dynamic_module(&made)?)],
    )?;
    let outcome = runner_of_programs.call("_start").run()?;
    // Javy's `console.log` writes to the standard error stream unless it is told otherwise.
    let written = [outcome.stdout(), outcome.stderr()].concat();
    let written = String::from_utf8(written)?;
    print!("{written}");
    assert_eq!(written, "{\"squares\":[1,4,9,16],\"sum\":30}\n");
    Ok(())
}

/// The module that `javy build -C dynamic` writes for bytecode.
fn dynamic_module(bytecode: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut data = String::new();
    for byte in bytecode {
        write!(data, "\\{byte:02x}")?;
    }
    let length = bytecode.len();
    Ok(wat::parse_str(format!(
        r#"(module
            (import "{NAMESPACE}" "cabi_realloc"
                (func $realloc (param i32 i32 i32 i32) (result i32)))
            (import "{NAMESPACE}" "invoke" (func $invoke (param i32 i32 i32 i32 i32)))
            (import "{NAMESPACE}" "memory" (memory 0))
            (data $bytecode "{data}")
            (func (export "_start") (local $place i32)
                (local.set $place
                    (call $realloc (i32.const 0) (i32.const 0) (i32.const 1) (i32.const {length})))
                (memory.init $bytecode (local.get $place) (i32.const 0) (i32.const {length}))
                (data.drop $bytecode)
                (call $invoke (local.get $place) (i32.const {length})
                    (i32.const 0) (i32.const 0) (i32.const 0))))"#
    ))?)
}
