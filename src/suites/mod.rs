//! For the tests of plugins: cases with golden files and fuel budgets, and coverage of all of them.
//!
//! It uses the API as embedders do, files and the environment, and nothing else uses it.

pub(crate) mod case;
pub(crate) mod collector;
pub(crate) mod suite;
pub(crate) mod text;
