//! Formats JSON by dprint's plugin, from npm's `@dprint/json`. Host and plugin exchange bytes in a
//! buffer of the plugin's.

mod packaged;

use pocketwasm::{Instance, Runner, RunnerConfig};
use std::error::Error;

type Done<T> = Result<T, Box<dyn Error>>;

/// The plugin knows its configurations by number.
const CONFIGURATION: u32 = 1;

/// Puts bytes into the plugin's buffer.
fn put(plugin: &mut Instance, bytes: &[u8]) -> Done<()> {
    let clear = plugin.typed::<u32, u32>("clear_shared_bytes")?;
    let place = clear.call_in(plugin, u32::try_from(bytes.len())?)?;
    plugin.memory("memory")?.write(place, bytes)?;
    Ok(())
}

/// Takes the text that the plugin puts into its buffer when `export` is called.
fn take(plugin: &mut Instance, export: &str) -> Done<String> {
    let length = plugin.typed::<(), u32>(export)?.call_in(plugin, ())?;
    let buffer = plugin.typed::<(), u32>("get_shared_bytes_ptr")?;
    let place = buffer.call_in(plugin, ())?;
    let text = plugin
        .memory("memory")?
        .read_text(place, length)?
        .to_owned();
    Ok(text)
}

fn format(plugin: &mut Instance, path: &str, text: &str) -> Done<String> {
    put(plugin, path.as_bytes())?;
    plugin.call("set_file_path").run()?;
    put(plugin, text.as_bytes())?;
    let format = plugin.typed::<u32, u32>("format")?;
    match format.call_in(plugin, CONFIGURATION)? {
        0 => Ok(text.to_owned()),
        1 => take(plugin, "get_formatted_text"),
        _ => Err(take(plugin, "get_error_text")?.into()),
    }
}

fn main() -> Done<()> {
    let module = packaged::file("plugin.wasm")?;
    let mut plugin = Runner::new(RunnerConfig::new())?
        .load_plugin("dprint-json", module)?
        .instantiate()?;
    let version = plugin.typed::<(), u32>("dprint_plugin_version_4")?;
    assert_eq!(version.call_in(&mut plugin, ())?, 4);

    put(
        &mut plugin,
        br#"{"plugin": {}, "global": {"indentWidth": 2}}"#,
    )?;
    let register = plugin.typed::<u32, ()>("register_config")?;
    register.call_in(&mut plugin, CONFIGURATION)?;

    let formatted = format(
        &mut plugin,
        "/settings.json",
        r#"{"name":"Ada" ,  "languages":[
            "Rust","C"],// the newest first
            "active":true}"#,
    )?;
    print!("{formatted}");
    let expected = r#"{
  "name": "Ada",
  "languages": [
    "Rust",
    "C"
  ], // the newest first
  "active": true
}
"#;
    assert_eq!(formatted, expected);

    let error = format(&mut plugin, "/settings.json", r#"{"name":"#).expect_err("no JSON");
    println!("{error}");
    Ok(())
}
