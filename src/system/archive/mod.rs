//! Archives, read into trees in memory.

mod tar;
mod zip;
