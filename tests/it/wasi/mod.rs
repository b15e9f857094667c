//! The WASI functions, each called by a module made for it.

mod descriptors;
mod files;
mod functions;
mod guest;
mod imports;
mod limits;
mod memoryless;
mod polling;
mod property;
mod streams;
mod surroundings;
mod time;
