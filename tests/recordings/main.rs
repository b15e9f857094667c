//! Recordings: each call is judged against its replay, which has nothing of the host.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "the numbers are any"
)]

mod boards;
mod conventions;
mod damaged;
#[cfg(all(feature = "host-dir", unix))]
mod directories;
#[cfg(feature = "debug-info")]
mod explained;
#[cfg(feature = "http-wasm")]
mod handlers;
mod host;
mod instances;
mod kept;
#[cfg(feature = "debug-info")]
mod kept_explained;
mod kept_host;
mod linked;
mod numbers;
mod strikes;
mod support;
mod tampered;
mod warmed;
