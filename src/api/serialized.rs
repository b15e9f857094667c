//! Outcomes, errors and descriptions of plugins as serde's data, for logs and reports.

use crate::{
    api::{description::Description, plugin::Plugin},
    common::{
        error::Error,
        outcome::Outcome,
        value::{Export, Import},
    },
};
use alloc::{
    format,
    string::{String, ToString},
};
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// What the guest returned, wrote and cost. `bytes` is a list of numbers in JSON; `stdout` and
/// `stderr` are text, in which bytes that are not UTF-8 are replaced.
impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Outcome", 8)?;
        fields.serialize_field("results", self.results())?;
        fields.serialize_field("bytes", self.bytes())?;
        fields.serialize_field("stdout", &String::from_utf8_lossy(self.stdout()))?;
        fields.serialize_field("stderr", &String::from_utf8_lossy(self.stderr()))?;
        fields.serialize_field("output_truncated", &self.output_truncated())?;
        fields.serialize_field("fuel_used", &self.fuel_used())?;
        fields.serialize_field("init_fuel", &self.init_fuel())?;
        fields.serialize_field("peak_memory_pages", &self.peak_memory_pages())?;
        fields.end()
    }
}

/// `text` is the line that `Display` writes.
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Error", 9)?;
        fields.serialize_field("kind", &format!("{:?}", self.kind()))?;
        fields.serialize_field("text", &self.to_string())?;
        fields.serialize_field("message", &self.message())?;
        fields.serialize_field("plugin", &self.plugin())?;
        fields.serialize_field("export", &self.export())?;
        fields.serialize_field("phase", &self.phase().map(|phase| phase.to_string()))?;
        fields.serialize_field("exit_code", &self.exit_code())?;
        fields.serialize_field("plugin_message", &self.plugin_message())?;
        fields.serialize_field("outcome", &self.outcome())?;
        fields.end()
    }
}

impl Serialize for Import {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Import", 3)?;
        fields.serialize_field("module", &*self.module)?;
        fields.serialize_field("name", &*self.name)?;
        fields.serialize_field("type", &self.ty.to_string())?;
        fields.end()
    }
}

impl Serialize for Export {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Export", 2)?;
        fields.serialize_field("name", &*self.name)?;
        fields.serialize_field("type", &self.ty.to_string())?;
        fields.end()
    }
}

/// What is known of the plugin's module. `sha256` is in hexadecimal.
impl Serialize for Plugin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Plugin", 9)?;
        fields.serialize_field("name", self.name())?;
        fields.serialize_field("sha256", &hexadecimal(&self.sha256()))?;
        fields.serialize_field("size", &self.size())?;
        fields.serialize_field("functions", &self.functions())?;
        fields.serialize_field("memory_pages", &self.memory_pages())?;
        fields.serialize_field("convention", &self.convention().map(|it| it.to_string()))?;
        fields.serialize_field("snapshot", &self.snapshot().to_string())?;
        fields.serialize_field("imports", self.imports())?;
        fields.serialize_field("exports", self.exports())?;
        fields.end()
    }
}

/// What is known of the module. `sha256` is in hexadecimal.
impl Serialize for Description {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Description", 7)?;
        fields.serialize_field("sha256", &hexadecimal(&self.sha256()))?;
        fields.serialize_field("size", &self.size())?;
        fields.serialize_field("functions", &self.functions())?;
        fields.serialize_field("memory_pages", &self.memory_pages())?;
        fields.serialize_field("convention", &self.convention().map(|it| it.to_string()))?;
        fields.serialize_field("imports", self.imports())?;
        fields.serialize_field("exports", self.exports())?;
        fields.end()
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
