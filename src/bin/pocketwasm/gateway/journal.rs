//! The gateway's log. Each event is a line with its time, as text or as JSON.

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

/// The filter without RUST_LOG. The gateway itself reports files that do not load.
const DEFAULT: &str = "pocketwasm=info,pocketwasm::api::directory=off";

/// The format of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Time, level, message, then the fields as NAME=VALUE
    Text,
    /// One object
    Json,
}

/// Starts logging to standard error.
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
    // This fails only if a logger is installed already.
    let _ = builder.try_init();
}

/// Logs an event. Fields without a value are left out.
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

/// Calls a closure for each field of a record.
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

/// Replaces control characters, so that a message cannot forge further log lines.
fn one_line(message: &str) -> String {
    message
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
