//! `pocketwasm inspect`: describes a module.

use crate::{
    exit::Code, failure::Failure, module, options::Options, report, streams::Stream,
    terminal::OneLine,
};
use clap::Args;
use pocketwasm::{Convention, DISPATCH, ENGINE, Plugin, Runner};
use serde_json::{Value, json};
use std::{fmt, path::PathBuf};

/// Show a module's imports, exports and properties
///
/// Loads it as a server would. If a snapshot may pay, this runs the module's initialiser under the
/// limits; no other guest code runs.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The module's file; with --plugins, a plugin's name also works
    module: PathBuf,
}

impl Inspect {
    pub(crate) fn execute(&self, options: &Options) -> Result<Code, Failure> {
        let runner = Runner::new(options.limits.config())?;
        let plugin = module::open(&runner, options, &self.module)?;
        if options.json {
            report::print(in_json(&plugin))?;
        } else {
            Stream::Stdout.write(Description(&plugin).to_string().as_bytes())?;
        }
        Ok(Code::SUCCESS)
    }
}

/// The description of a plugin as text.
struct Description<'a>(&'a Plugin);

impl fmt::Display for Description<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plugin = self.0;
        let convention = plugin.convention().map_or("none", Convention::name);
        writeln!(f, "name        {}", OneLine(plugin.name()))?;
        writeln!(f, "sha256      {}", report::hex(&plugin.sha256()))?;
        writeln!(f, "size        {} bytes", plugin.size())?;
        writeln!(f, "functions   {}", plugin.functions())?;
        writeln!(f, "memory      {} pages of 64 KiB", plugin.memory_pages())?;
        let reason = plugin.convention_reason();
        writeln!(f, "convention  {convention} ({reason})")?;
        writeln!(f, "snapshot    {}", OneLine(&plugin.snapshot().to_string()))?;
        writeln!(f, "engine      {ENGINE}")?;
        writeln!(f, "dispatch    {DISPATCH}")?;
        writeln!(f, "imports     {}", plugin.imports().len())?;
        for import in plugin.imports() {
            let (module, name) = (OneLine(&import.module), OneLine(&import.name));
            writeln!(f, "  {module} {name}: {}", import.ty)?;
        }
        writeln!(f, "exports     {}", plugin.exports().len())?;
        for export in plugin.exports() {
            writeln!(f, "  {}: {}", OneLine(&export.name), export.ty)?;
        }
        Ok(())
    }
}

fn in_json(plugin: &Plugin) -> Value {
    let imports = plugin.imports().iter().map(|import| {
        json!({ "module": import.module, "name": import.name, "type": import.ty.to_string() })
    });
    let exports = plugin
        .exports()
        .iter()
        .map(|export| json!({ "name": export.name, "type": export.ty.to_string() }));
    json!({
        "name": plugin.name(),
        "sha256": report::hex(&plugin.sha256()),
        "size": plugin.size(),
        "functions": plugin.functions(),
        "memory_pages": plugin.memory_pages(),
        "convention": plugin.convention().map(Convention::name),
        "convention_reason": plugin.convention_reason(),
        "snapshot": plugin.snapshot().to_string(),
        "engine": ENGINE,
        "dispatch": DISPATCH,
        "imports": imports.collect::<Value>(),
        "exports": exports.collect::<Value>(),
        "error": null,
    })
}
