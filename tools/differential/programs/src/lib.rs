//! Generates WebAssembly programs that run. Their operands mix locals, constants and temporaries,
//! and they have sequences that compilers emit and translators fuse. A program is a tree, which can
//! be shrunk and encoded. It ends by itself, and seldom by a trap.
//!
//! A program also has its calls ([`Program::calls`]) and the state to compare after them
//! ([`Program::probes`]), which work with any engine.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "random numbers are cut as they come, and a program has few of everything"
)]

mod body;
mod canonical;
mod control;
mod declare;
mod encode;
mod generate;
pub mod hosts;
mod idioms;
mod ops;
mod probes;
mod random;
mod shrink;
mod steps;
mod storage;
mod tidy;
mod tree;
mod values;
mod vectors;

pub use encode::{HOST, LIBRARY};
pub use probes::RESET;
pub use random::Random;
pub use shrink::shrink;
pub use tree::*;
pub use wasm_encoder::ValType;

/// What programs may have in them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Vectors.
    pub simd: bool,
    /// Memories without a maximum: how far they grow is then for the engine to say.
    pub unbounded: bool,
    /// Pages that every memory has in addition.
    pub more_pages: u64,
    /// What is left out.
    pub without: Without,
}

/// Patterns that the engine is known to run wrongly, each left out where it is set.
#[derive(Debug, Clone, Copy, Default)]
pub struct Without {
    /// Tail calls that reach a host function without parameters and results.
    pub host_tail_calls: bool,
    /// Stores of a lane of 8 or 16 bits far into a memory or in another memory.
    pub lane_stores: bool,
    /// Parameters of blocks.
    pub block_params: bool,
    /// A `select` right after a test for zero.
    pub selects: bool,
    /// Stores of an integer far into a memory or in another memory.
    pub stores: bool,
    /// Growth of memories and tables.
    pub growth_loops: bool,
    /// A `br_table` with two values or a vector.
    pub branch_tables: bool,
}

impl Without {
    /// The names of the patterns.
    pub const NAMES: [&str; 7] = [
        "host-tail-calls",
        "lane-stores",
        "block-params",
        "selects",
        "stores",
        "growth-loops",
        "branch-tables",
    ];

    /// The switch by that name.
    pub fn named(&mut self, name: &str) -> Option<&mut bool> {
        match name {
            "host-tail-calls" => Some(&mut self.host_tail_calls),
            "lane-stores" => Some(&mut self.lane_stores),
            "block-params" => Some(&mut self.block_params),
            "selects" => Some(&mut self.selects),
            "stores" => Some(&mut self.stores),
            "growth-loops" => Some(&mut self.growth_loops),
            "branch-tables" => Some(&mut self.branch_tables),
            _ => None,
        }
    }
}
