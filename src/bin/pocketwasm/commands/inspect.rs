//! `pocketwasm inspect`: describes a module.

use crate::{
    exit::Code,
    failure::Failure,
    limits::widest,
    lock::hex,
    module,
    options::Options,
    report,
    streams::{Stream, say},
    terminal::OneLine,
};
use clap::Args;
use pocketwasm::{
    Convention, DISPATCH, Description, ENGINE, Plugin, Runner,
    types::{Export, Import},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{fmt, path::PathBuf};

/// Show a module's imports, exports and properties
///
/// Loads the module as a server would. Only its initialiser may run, under the limits, to see
/// whether a snapshot pays off. A module that cannot be loaded is shown as far as it can be read,
/// with its missing imports marked.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The module's file, binary or text, or - for standard input; with --plugins, also a plugin's
    /// name
    module: PathBuf,
    #[command(flatten)]
    options: Options,
}

impl Inspect {
    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn execute(&self) -> Result<Code, Failure> {
        let Options {
            plugins,
            limits,
            json,
        } = &self.options;
        let runner = Runner::new(limits.config())?;
        // Standard input can be read only once. Keep the bytes for the description.
        let opened = match module::is_stdin(&self.module) {
            true => {
                let bytes = module::bytes(plugins, &limits.module, &self.module)?;
                let plugin = runner.load_plugin(&module::name(&self.module), &bytes);
                plugin.map_err(|error| (error.into(), Some(bytes)))
            }
            false => module::open(&runner, plugins, &limits.module, &self.module)
                .map_err(|failure| (failure, None)),
        };
        let (sheet, failure) = match opened {
            Ok(plugin) => (Sheet::of(&plugin), None),
            Err((failure, bytes)) => {
                let bytes = match bytes {
                    Some(bytes) => bytes,
                    None => match module::bytes(plugins, &limits.module, &self.module) {
                        Ok(bytes) => bytes,
                        Err(_) => return Err(failure),
                    },
                };
                let name = module::name(&self.module).into_owned();
                (Sheet::of_refused(name, &bytes)?, Some(failure))
            }
        };
        if json.json {
            report::print(sheet.json(failure.as_ref()))?;
        } else {
            Stream::Stdout.write(sheet.to_string().as_bytes())?;
        }
        match failure {
            None => Ok(Code::SUCCESS),
            Some(failure) => {
                say(&report::describe(&failure));
                Ok(failure.code())
            }
        }
    }
}

/// The description of a module. Fields are `None` if the module could not be read that far.
struct Sheet {
    name: String,
    sha256: [u8; 32],
    size: usize,
    shape: Option<Shape>,
    snapshot: Option<String>,
}

/// The content of the module's sections.
struct Shape {
    functions: u32,
    memory_pages: u64,
    convention: Option<Convention>,
    convention_reason: String,
    /// Each import, with the reason if it cannot be provided.
    imports: Vec<(Import, Option<String>)>,
    exports: Vec<Export>,
}

impl Sheet {
    fn of(plugin: &Plugin) -> Self {
        let imports = plugin.imports().iter();
        Self {
            name: plugin.name().to_owned(),
            sha256: plugin.sha256(),
            size: plugin.size(),
            shape: Some(Shape {
                functions: plugin.functions(),
                memory_pages: plugin.memory_pages(),
                convention: plugin.convention(),
                convention_reason: plugin.convention_reason(),
                imports: imports.map(|import| (import.clone(), None)).collect(),
                exports: plugin.exports().to_vec(),
            }),
            snapshot: Some(plugin.snapshot().to_string()),
        }
    }

    /// Describes a module that was refused. The limits are as wide as possible, to show as much as
    /// possible.
    fn of_refused(name: String, bytes: &[u8]) -> Result<Self, Failure> {
        let described = Runner::new(widest())?.describe_module(bytes).ok();
        Ok(Self {
            name,
            sha256: Sha256::digest(bytes).into(),
            size: bytes.len(),
            shape: described.as_ref().map(Shape::of),
            snapshot: None,
        })
    }

    fn json(&self, failure: Option<&Failure>) -> Value {
        let shape = self.shape.as_ref();
        let imports = shape.map(|shape| {
            let imports = shape.imports.iter().map(|(import, missing)| {
                let mut shown = json!({
                    "module": import.module,
                    "name": import.name,
                    "type": import.ty.to_string(),
                });
                if let (Some(why), Some(shown)) = (missing, shown.as_object_mut()) {
                    shown.insert("missing".to_owned(), why.as_str().into());
                }
                shown
            });
            imports.collect::<Value>()
        });
        let exports = shape.map(|shape| {
            let exports = shape
                .exports
                .iter()
                .map(|export| json!({ "name": export.name, "type": export.ty.to_string() }));
            exports.collect::<Value>()
        });
        json!({
            "name": self.name,
            "sha256": hex(&self.sha256),
            "size": self.size,
            "functions": shape.map(|shape| shape.functions),
            "memory_pages": shape.map(|shape| shape.memory_pages),
            "convention": shape.and_then(|shape| shape.convention).map(Convention::name),
            "convention_reason": shape.map(|shape| &*shape.convention_reason),
            "snapshot": self.snapshot,
            "engine": ENGINE,
            "dispatch": DISPATCH,
            "imports": imports,
            "exports": exports,
            "error": failure.map(Failure::json),
        })
    }
}

impl Shape {
    fn of(described: &Description) -> Self {
        let imports = described.imports().iter().enumerate();
        Self {
            functions: described.functions(),
            memory_pages: described.memory_pages(),
            convention: described.convention(),
            convention_reason: described.convention_reason(),
            imports: imports
                .map(|(place, import)| {
                    let missing = described.missing(place).map(str::to_owned);
                    (import.clone(), missing)
                })
                .collect(),
            exports: described.exports().to_vec(),
        }
    }
}

impl fmt::Display for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "name        {}", OneLine(&self.name))?;
        writeln!(f, "sha256      {}", hex(&self.sha256))?;
        writeln!(f, "size        {} bytes", self.size)?;
        if let Some(shape) = &self.shape {
            let convention = shape.convention.map_or("none", Convention::name);
            writeln!(f, "functions   {}", shape.functions)?;
            writeln!(f, "memory      {} pages of 64 KiB", shape.memory_pages)?;
            writeln!(f, "convention  {convention} ({})", shape.convention_reason)?;
        }
        if let Some(snapshot) = &self.snapshot {
            writeln!(f, "snapshot    {}", OneLine(snapshot))?;
        }
        writeln!(f, "engine      {ENGINE}")?;
        writeln!(f, "dispatch    {DISPATCH}")?;
        let Some(shape) = &self.shape else {
            return Ok(());
        };
        let missing = shape.imports.iter().filter(|(_, why)| why.is_some());
        match missing.count() {
            0 => writeln!(f, "imports     {}", shape.imports.len())?,
            missing => writeln!(f, "imports     {}, {missing} missing", shape.imports.len())?,
        }
        for (import, missing) in &shape.imports {
            let (module, name) = (OneLine(&import.module), OneLine(&import.name));
            match missing {
                None => writeln!(f, "  {module} {name}: {}", import.ty)?,
                Some(why) => {
                    let why = OneLine(why);
                    writeln!(f, "  {module} {name}: {}  MISSING: {why}", import.ty)?;
                }
            }
        }
        writeln!(f, "exports     {}", shape.exports.len())?;
        for export in &shape.exports {
            writeln!(f, "  {}: {}", OneLine(&export.name), export.ty)?;
        }
        Ok(())
    }
}
