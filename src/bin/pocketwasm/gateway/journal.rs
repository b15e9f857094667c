//! The gateway's log: a line for each event, with its time, as text or as JSON.

use clap::ValueEnum;
use env_logger::Builder;
use log::{
    Level, Record,
    kv::{Error, Key, Value, VisitSource},
};
use serde_json::Map;
use std::{
    env,
    io::{self, Write},
};

/// What is logged unless RUST_LOG says otherwise. Files that do not load are told of by the gateway.
const DEFAULT: &str = "pocketwasm=info,pocketwasm::api::directory=off";

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Time, level, message, then the fields as NAME=VALUE
    Text,
    /// One object
    Json,
}

/// Begins to log on standard error.
pub(crate) fn start(format: LogFormat) {
    let filters = env::var("RUST_LOG")
        .ok()
        .filter(|filters| !filters.is_empty());
    let mut builder = Builder::new();
    builder.parse_filters(filters.as_deref().unwrap_or(DEFAULT));
    builder.format(move |to, record| {
        let time = to.timestamp_millis().to_string();
        match format {
            LogFormat::Text => text(to, &time, record),
            LogFormat::Json => json(to, &time, record),
        }
    });
    // It fails only where somebody logs already.
    let _ = builder.try_init();
}

/// Logs an event with those of its fields that have a value.
pub(super) fn event(level: Level, message: &str, fields: &[(&str, Option<&str>)]) {
    if level > log::max_level() {
        return;
    }
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .filter_map(|(name, value)| Some((*name, (*value)?)))
        .collect();
    let fields = fields.as_slice();
    log::logger().log(
        &Record::builder()
            .level(level)
            .target("pocketwasm::gateway")
            .args(format_args!("{message}"))
            .key_values(&fields)
            .build(),
    );
}

/// Fields as they come.
struct Fields<F>(F);

impl<'kvs, F: FnMut(&str, String)> VisitSource<'kvs> for Fields<F> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        (self.0)(key.as_str(), value.to_string());
        Ok(())
    }
}

fn text(to: &mut impl Write, time: &str, record: &Record<'_>) -> io::Result<()> {
    let mut line = format!(
        "{time} {:5} {}",
        record.level(),
        one_line(&record.args().to_string())
    );
    let mut fields = Fields(|name: &str, value: String| {
        let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '=' | '\\');
        match !value.is_empty() && value.chars().all(plain) {
            true => line.push_str(&format!(" {name}={value}")),
            false => line.push_str(&format!(" {name}={value:?}")),
        }
    });
    let _ = record.key_values().visit(&mut fields);
    writeln!(to, "{line}")
}

fn json(to: &mut impl Write, time: &str, record: &Record<'_>) -> io::Result<()> {
    let mut object = Map::new();
    object.insert("time".to_owned(), time.into());
    object.insert(
        "level".to_owned(),
        record.level().as_str().to_ascii_lowercase().into(),
    );
    object.insert("message".to_owned(), record.args().to_string().into());
    let mut fields = Fields(|name: &str, value: String| {
        object.insert(name.to_owned(), value.into());
    });
    let _ = record.key_values().visit(&mut fields);
    writeln!(to, "{}", serde_json::Value::Object(object))
}

/// A message that stays on its line.
fn one_line(message: &str) -> String {
    message
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
