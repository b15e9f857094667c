//! A case of a test.

use crate::api::call::Call;
use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

/// Changes a call before it runs.
type With = Box<dyn for<'c> Fn(Call<'c>) -> Call<'c> + Send + Sync>;

/// A case of a [`Suite`](crate::testing::Suite): a name, which its golden file has too, and what the call
/// gets.
pub struct Case {
    pub(super) name: String,
    pub(super) input: Option<Vec<u8>>,
    pub(super) params: Vec<u64>,
    pub(super) budget: Option<u64>,
    with: Option<With>,
}

impl Case {
    /// A call without an input and without params.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            input: None,
            params: Vec::new(),
            budget: None,
            with: None,
        }
    }

    /// Passes bytes by the plugin's convention; a command reads them from its standard input.
    #[must_use]
    pub fn input(mut self, input: impl AsRef<[u8]>) -> Self {
        self.input = Some(input.as_ref().to_vec());
        self
    }

    /// Passes numbers, as [`Call::params`] does.
    #[must_use]
    pub fn params(mut self, params: &[u64]) -> Self {
        self.params = params.to_vec();
        self
    }

    /// Sets what the case may cost, in units of fuel. Default: the suite's budget.
    #[must_use]
    pub fn budget(mut self, fuel: u64) -> Self {
        self.budget = Some(fuel);
        self
    }

    /// Sets the rest of the call: arguments, environment, files, limits.
    #[must_use]
    pub fn with(
        mut self,
        with: impl for<'c> Fn(Call<'c>) -> Call<'c> + Send + Sync + 'static,
    ) -> Self {
        self.with = Some(Box::new(with));
        self
    }

    /// The call with what the case passes to it.
    pub(super) fn apply<'c>(&'c self, mut call: Call<'c>) -> Call<'c> {
        call = match &self.input {
            Some(input) => call.input(input),
            None => call.params(&self.params),
        };
        match &self.with {
            Some(with) => with(call),
            None => call,
        }
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("name", &self.name)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}
