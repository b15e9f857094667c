//! Values instead of bytes: whatever serde can write and read.

use crate::{
    api::{call::Call, plugin::Plugin},
    common::{
        error::Error,
        failure::{Cause, Failure, Source},
        text::first_line,
    },
};
use alloc::{boxed::Box, format, vec::Vec};
use serde::{Serialize, de::DeserializeOwned};

/// How values become bytes.
struct Format<I: ?Sized, O> {
    name: &'static str,
    write: fn(&I) -> Result<Vec<u8>, Source>,
    read: fn(&[u8]) -> Result<O, Source>,
}

impl<I: ?Sized, O> Format<I, O> {
    fn run(&self, call: Call<'_>, input: &I) -> Result<O, Error> {
        let (plugin, export) = call.names();
        let name = self.name;
        let written = (self.write)(input).map_err(|source| {
            let problem = format!("the input cannot be {name}: {}", first_line(&source));
            let failure = Failure::from(Cause::Signature { problem });
            Error::from(failure).in_plugin(&plugin).in_export(&export)
        })?;
        let outcome = call.run_input(&written)?;
        (self.read)(outcome.bytes()).map_err(|source| {
            let failure = Failure::from(Cause::GuestData {
                problem: format!(
                    "the result is not the {name} asked for: {}",
                    first_line(&source)
                ),
                source: Some(source),
            });
            Error::from(failure)
                .in_plugin(&plugin)
                .in_export(&export)
                .with_outcome(outcome)
        })
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
    /// As deep as JSON may nest; a result that nests deeper could exhaust the host's stack.
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
                // The library takes the first value and leaves the rest.
                more => Err(format!("{more} bytes follow it").into()),
            }
        },
    }
}

impl Call<'_> {
    /// Passes a value as JSON and reads the result as JSON, in place of
    /// [`input`](Call::input) and [`run`](Call::run). With the feature `serde`.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Call::run); `Signature` where `input` cannot be JSON, `GuestData` where
    /// the result is no such JSON.
    pub fn run_json<I, O>(self, input: &I) -> Result<O, Error>
    where
        I: Serialize + ?Sized,
        O: DeserializeOwned,
    {
        json().run(self, input)
    }

    /// The same as MessagePack, structures as maps by their fields' names. With the feature
    /// `msgpack`, which needs `std`.
    ///
    /// # Errors
    ///
    /// Those of [`run_json`](Self::run_json).
    #[cfg(feature = "msgpack")]
    pub fn run_msgpack<I, O>(self, input: &I) -> Result<O, Error>
    where
        I: Serialize + ?Sized,
        O: DeserializeOwned,
    {
        msgpack().run(self, input)
    }
}

impl Plugin {
    /// Calls `export` in a fresh instance with a value as JSON; the result is JSON too. With the
    /// feature `serde`.
    ///
    /// ```
    /// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
    /// # let module = include_bytes!("../../fixtures/rust-greet.wasm");
    /// let plugin = runner.load_plugin("greet", module)?;
    /// let same: Vec<u32> = plugin.call_json("echo", &[1, 2])?;
    /// assert_eq!(same, [1, 2]);
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Call::run_json`].
    pub fn call_json<I, O>(&self, export: &str, input: &I) -> Result<O, Error>
    where
        I: Serialize + ?Sized,
        O: DeserializeOwned,
    {
        self.call(export).run_json(input)
    }

    /// The same as MessagePack. With the feature `msgpack`, which needs `std`.
    ///
    /// # Errors
    ///
    /// Those of [`Call::run_json`].
    #[cfg(feature = "msgpack")]
    pub fn call_msgpack<I, O>(&self, export: &str, input: &I) -> Result<O, Error>
    where
        I: Serialize + ?Sized,
        O: DeserializeOwned,
    {
        self.call(export).run_msgpack(input)
    }
}
