//! Calls that are paused and that wait.

mod ends;
mod portions;
mod support;
mod waiting;
mod ways;
