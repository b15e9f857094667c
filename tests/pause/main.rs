//! Calls that are paused and that wait.

mod ends;
#[cfg(feature = "async")]
mod futures;
#[cfg(all(feature = "async", feature = "http"))]
mod http;
mod portions;
mod support;
mod waiting;
mod ways;
