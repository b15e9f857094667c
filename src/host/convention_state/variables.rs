//! Variables that a plugin keeps with its host between calls of one instance.

use crate::common::failure::{Cause, Failure};
use alloc::{collections::BTreeMap, vec::Vec};

/// The bytes that a variable counts in addition to its name and value.
const OVERHEAD: u64 = 64;

/// Values by name. Together they are bounded.
#[derive(Debug)]
pub(crate) struct Variables {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    used: u64,
    maximum: u64,
}

fn cost(name: &[u8], value: &[u8]) -> u64 {
    name.len() as u64 + value.len() as u64 + OVERHEAD
}

impl Variables {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            values: BTreeMap::new(),
            used: 0,
            maximum: max_bytes as u64,
        }
    }

    pub(crate) fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.values.get(name).map(Vec::as_slice)
    }

    pub(crate) fn remove(&mut self, name: &[u8]) {
        if let Some(value) = self.values.remove(name) {
            self.used -= cost(name, &value);
        }
    }

    /// Sets a variable, if all variables together then stay within the limit.
    pub(crate) fn set(&mut self, name: &[u8], value: &[u8]) -> Result<(), Failure> {
        let before = self.get(name).map_or(0, |value| cost(name, value));
        let used = self.used - before + cost(name, value);
        if used > self.maximum {
            return Err(Cause::TooLarge {
                what: "the plugin's variables",
                length: used,
                limit: "max_variable_bytes",
                maximum: self.maximum,
            }
            .into());
        }
        self.used = used;
        self.values.insert(name.to_vec(), value.to_vec());
        Ok(())
    }
}
