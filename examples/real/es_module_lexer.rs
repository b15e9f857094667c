//! Lists what a JavaScript module imports and exports, by npm's `es-module-lexer`: text goes into the
//! guest's memory, a call parses it, and the results are read by other calls and from memory. The
//! module uses SIMD.

mod packaged;

use pocketwasm::{Instance, Runner, RunnerConfig};
use std::error::Error;

const SOURCE: &str = "import { readFile as read } from 'node:fs';\n\
                      const later = () => import('./later.js');\n\
                      export const version = '1';\n\
                      export default function grüßen() {}\n";

fn number(lexer: &mut Instance, export: &str) -> Result<u32, pocketwasm::Error> {
    let function = lexer.typed::<(), u32>(export)?;
    function.call_in(lexer, ())
}

fn main() -> Result<(), Box<dyn Error>> {
    let runner = Runner::new(RunnerConfig::new())?;
    let module = packaged::module_in_script("dist/lexer.js")?;
    let mut lexer = runner
        .load_plugin("es-module-lexer", module)?
        .instantiate()?;

    let source: Vec<u16> = SOURCE.encode_utf16().collect();
    let units = u32::try_from(source.len())?;
    let allocate = lexer.typed::<u32, u32>("sa")?;
    let place = allocate.call_in(&mut lexer, units)?;
    let bytes: Vec<u8> = source.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    lexer.memory("memory")?.write(place, &bytes)?;
    if number(&mut lexer, "parse")? == 0 {
        return Err(format!("no module: error at {}", number(&mut lexer, "e")?).into());
    }

    let text = |from: u32, to: u32| -> Result<String, Box<dyn Error>> {
        let part = source.get(usize::try_from(from)?..usize::try_from(to)?);
        Ok(String::from_utf16(part.ok_or("outside the source")?)?)
    };
    let mut imports = Vec::new();
    while number(&mut lexer, "ri")? != 0 {
        let (start, end) = (number(&mut lexer, "is")?, number(&mut lexer, "ie")?);
        imports.push(text(start, end)?.replace('\'', ""));
    }
    let mut exports = Vec::new();
    // Each export is a record in the guest's memory, which begins with pointers into the text.
    loop {
        let record = number(&mut lexer, "re")?;
        if record == 0 {
            break;
        }
        let mut memory = lexer.memory("memory")?;
        let (start, end) = (memory.load::<u32>(record)?, memory.load::<u32>(record + 4)?);
        exports.push(text((start - place) / 2, (end - place) / 2)?);
    }
    println!("imports {imports:?}, exports {exports:?}");
    assert_eq!(imports, ["node:fs", "./later.js"]);
    assert_eq!(exports, ["version", "default"]);
    Ok(())
}
