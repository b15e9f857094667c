//! Files that guests may see: the tree that an embedder builds, the directories of others that can
//! be mounted in it, and what a call has changed.
//!
//! A tree never changes once a call uses it. What a call writes is in the room `files`.

mod builder;
mod bytes;
mod changes;
mod directory;
mod fault;
mod graft;
mod tree;

pub use builder::Files;
pub use bytes::FileBytes;
pub(crate) use changes::Changes;
pub use changes::{ChangeKind, FileChange, FileContent};
pub(crate) use directory::{Directory, Entry, FileKind, NewTime, OpenFile, OpenHow, Opened, Stat};
pub(crate) use fault::FileFault;
pub(crate) use tree::{Inode, Tree, TreeKind, TreeNode};
