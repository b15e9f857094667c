//! Decodes the mappings of a source map by npm's `source-map`, whose module calls a function of ten
//! parameters for each mapping.

mod packaged;

use pocketwasm::{HostContext, Runner, RunnerConfig};
use std::error::Error;

/// A mapping: generated line and column, and the source, line and column that they come from.
type Mapping = (u32, u32, Option<(u32, u32, u32)>);

fn main() -> Result<(), Box<dyn Error>> {
    #[allow(clippy::too_many_arguments, reason = "the module wants them")]
    fn callback(
        context: &mut HostContext<'_>,
        line: u32,
        column: u32,
        _has_last_column: u32,
        _last_column: u32,
        has_original: u32,
        source: u32,
        original_line: u32,
        original_column: u32,
        _has_name: u32,
        _name: u32,
    ) {
        if let Some(mappings) = context.state::<Vec<Mapping>>() {
            let original = (has_original != 0).then_some((source, original_line, original_column));
            mappings.push((line, column, original));
        }
    }
    let config = RunnerConfig::new().function("env", "mapping_callback", callback);
    let module = packaged::file("lib/mappings.wasm")?;
    let mut decoder = Runner::new(config)?
        .load_plugin("source-map", module)?
        .instantiate()?;

    // A line with mappings at columns 0 and 4, an empty line, and a line with one without a source.
    let encoded = "AAAA,IACC;;E";
    let allocate = decoder.typed::<u32, u32>("allocate_mappings")?;
    let place = allocate.call_in(&mut decoder, u32::try_from(encoded.len())?)?;
    decoder.memory("memory")?.write(place, encoded.as_bytes())?;
    let parse = decoder.typed::<u32, u32>("parse_mappings")?;
    let parsed = parse.call_in(&mut decoder, place)?;
    if parsed == 0 {
        let error = decoder.call("get_last_error").run()?;
        return Err(format!("the mappings are wrong: code {:?}", error.results()).into());
    }
    let mut mappings: Vec<Mapping> = Vec::new();
    decoder
        .call("by_generated_location")
        .params(&[parsed.into()])
        .state(&mut mappings)
        .run()?;
    println!("{mappings:?}");
    let expected = [
        (0, 0, Some((0, 0, 0))),
        (0, 4, Some((0, 1, 1))),
        (2, 2, None),
    ];
    assert_eq!(mappings, expected);
    Ok(())
}
