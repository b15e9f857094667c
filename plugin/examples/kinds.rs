//! Parameters and results of every kind.

#![forbid(unsafe_code)]

use pocketwasm_plugin::{Input, Output, plugin};
use std::{borrow::Cow, num::ParseIntError};

#[plugin]
fn nothing() {}

#[plugin]
fn length(bytes: Vec<u8>) -> String {
    bytes.len().to_string()
}

#[plugin]
fn same(bytes: &[u8]) -> &[u8] {
    bytes
}

#[plugin]
fn first_line(text: &str) -> Result<&str, &'static str> {
    text.lines().next().ok_or("there is no line")
}

#[plugin(name = "to-upper")]
fn to_upper(text: &str) -> Cow<'_, str> {
    text.to_uppercase().into()
}

#[plugin]
fn join(first: &str, separator: String, last: &[u8]) -> Vec<u8> {
    [first.as_bytes(), separator.as_bytes(), last].concat()
}

#[plugin]
fn half(number: &str) -> Result<String, ParseIntError> {
    number.parse::<i64>().map(|number| (number / 2).to_string())
}

/// A type of the plugin's own.
struct Celsius(f64);

impl Input<'_> for Celsius {
    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let text = <&str>::from_bytes(bytes)?;
        let number = text.parse();
        number.map(Self).map_err(|_| "is not a number".to_owned())
    }
}

impl Output for Celsius {
    type Bytes = String;

    fn into_bytes(self) -> Result<String, String> {
        Ok(format!("{:.1} °C", self.0))
    }
}

#[plugin]
fn warmer(temperature: Celsius) -> Celsius {
    Celsius(temperature.0 + 1.0)
}

#[plugin]
fn r#match(text: String) -> String {
    text
}

#[plugin]
fn panics(text: String) {
    panic!("{text}");
}

/// Left out, and its export too.
#[plugin]
#[cfg(any())]
fn absent() {}
