//! Files in memory, through a guest that carries out scripts of operations.

mod builder;
mod changes;
mod descriptors;
mod hostile;
mod isolation;
mod links;
mod listing;
mod making;
mod model;
mod opening;
mod renaming;
mod script;
mod transfer;
