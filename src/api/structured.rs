//! Calls with serde's values instead of bytes.

use crate::{
    api::{call::Call, plugin::Plugin},
    common::{
        error::Error,
        failure::{Cause, Failure, Source},
        outcome::Outcome,
        text::first_line,
    },
};
use alloc::{boxed::Box, format, sync::Arc, vec::Vec};
use serde::{Serialize, de::DeserializeOwned};

/// A serialization format.
struct Format<I: ?Sized, O> {
    name: &'static str,
    write: fn(&I) -> Result<Vec<u8>, Source>,
    read: fn(&[u8]) -> Result<O, Source>,
}

impl<I: ?Sized, O> Format<I, O> {
    fn run(&self, call: Call<'_>, input: &I) -> Result<(O, Outcome), Error> {
        let (plugin, export) = call.names();
        let name = self.name;
        let written = (self.write)(input).map_err(|source| {
            let problem = format!("the input cannot be {name}: {}", first_line(&source));
            let failure = Failure::from(Cause::Signature { problem });
            Error::from(failure).in_plugin(&plugin).in_export(&export)
        })?;
        let outcome = call.run_input(&written)?;
        match (self.read)(outcome.bytes()) {
            Ok(value) => Ok((value, outcome)),
            Err(source) => Err(self
                .unreadable(source, &plugin, &export)
                .with_outcome(outcome)),
        }
    }

    fn unreadable(&self, source: Source, plugin: &Arc<str>, export: &str) -> Error {
        let name = self.name;
        let failure = Failure::from(Cause::GuestData {
            problem: format!(
                "the result is not the {name} asked for: {}",
                first_line(&source)
            ),
            source: Some(source),
        });
        Error::from(failure).in_plugin(plugin).in_export(export)
    }
}

fn boxed(error: impl core::error::Error + Send + Sync + 'static) -> Source {
    Box::new(error)
}

fn json<I: Serialize + ?Sized, O: DeserializeOwned>() -> Format<I, O> {
    Format {
        name: "JSON",
        write: |input| serde_json::to_vec(input).map_err(boxed),
        read: |bytes| serde_json::from_slice(bytes).map_err(boxed),
    }
}

#[cfg(feature = "msgpack")]
fn msgpack<I: Serialize + ?Sized, O: DeserializeOwned>() -> Format<I, O> {
    /// The nesting depth that JSON may have too. A result that nests deeper could overflow the
    /// host's stack.
    const DEEPEST: usize = 128;
    Format {
        name: "MessagePack",
        write: |input| rmp_serde::to_vec_named(input).map_err(boxed),
        read: |bytes| {
            let mut rest = bytes;
            let mut reader = rmp_serde::Deserializer::new(&mut rest);
            reader.set_max_depth(DEEPEST);
            let value = O::deserialize(&mut reader).map_err(boxed)?;
            match rest.len() {
                0 => Ok(value),
                // The deserializer reads the first value and ignores the rest.
                more => Err(format!("{more} bytes follow it").into()),
            }
        },
    }
}

impl Call<'_> {
    /// Passes a value as JSON and parses the result as JSON, instead of [`input`](Call::input) and
    /// [`run`](Call::run). Returns the value, and what the call cost and wrote. With the feature
    /// `serde`.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Call::run); `Signature` if `input` cannot be serialized as JSON,
    /// `GuestData` if the result is not JSON of the type `O`.
    pub fn run_json<I, O>(self, input: &I) -> Result<(O, Outcome), Error>
    where
        I: Serialize + ?Sized,
        O: DeserializeOwned,
    {
        json().run(self, input)
    }

    /// Like [`run_json`](Self::run_json), with MessagePack. Structures are maps with their fields'
    /// names as keys. With the feature `msgpack`, which needs `std`.
    ///
    /// # Errors
    ///
    /// Those of [`run_json`](Self::run_json), for MessagePack.
    #[cfg(feature = "msgpack")]
    pub fn run_msgpack<I, O>(self, input: &I) -> Result<(O, Outcome), Error>
    where
        I: Serialize + ?Sized,
        O: DeserializeOwned,
    {
        msgpack().run(self, input)
    }
}

impl Plugin {
    /// Calls `export` in a fresh instance with a value as JSON, and parses the result as JSON. The
    /// outcome tells what the call cost and wrote. With the feature `serde`.
    ///
    /// ```
    /// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
    /// # let module = include_bytes!("../../fixtures/rust-greet.wasm");
    /// let plugin = runner.load_plugin("greet", module)?;
    /// let (same, outcome) = plugin.call_json::<_, Vec<u32>>("echo", &[1, 2])?;
    /// assert_eq!(same, [1, 2]);
    /// assert!(outcome.fuel_used() > 0);
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Call::run_json`].
    pub fn call_json<I, O>(&self, export: &str, input: &I) -> Result<(O, Outcome), Error>
    where
        I: Serialize + ?Sized,
        O: DeserializeOwned,
    {
        self.call(export).run_json(input)
    }

    /// Like [`call_json`](Self::call_json), with MessagePack. With the feature `msgpack`, which
    /// needs `std`.
    ///
    /// # Errors
    ///
    /// Those of [`Call::run_json`].
    #[cfg(feature = "msgpack")]
    pub fn call_msgpack<I, O>(&self, export: &str, input: &I) -> Result<(O, Outcome), Error>
    where
        I: Serialize + ?Sized,
        O: DeserializeOwned,
    {
        self.call(export).run_msgpack(input)
    }
}
