//! The tree that an embedder has built. It is not changed any more once calls share it.

use crate::common::files::{bytes::FileBytes, directory::Directory};
use alloc::{boxed::Box, collections::BTreeMap, string::String, sync::Arc, vec, vec::Vec};

/// The number of a node. Nodes of the tree come first; those that a call makes follow.
pub(crate) type Inode = u64;

/// 2020-01-01T00:00:00Z in nanoseconds, where the virtual clock begins too.
const BEGINNING: u64 = 1_577_836_800_000_000_000;

/// A file, a directory or a link of the tree.
#[derive(Debug, Clone)]
pub(crate) struct TreeNode {
    /// The name in its directory; empty for the root.
    pub(crate) name: Box<str>,
    pub(crate) parent: Inode,
    /// Whether guests must not change it, nor what is below it.
    pub(crate) read_only: bool,
    /// In nanoseconds since 1970.
    pub(crate) modified: u64,
    pub(crate) kind: TreeKind,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(crate) enum TreeKind {
    File(FileBytes),
    Directory(BTreeMap<Box<str>, Inode>),
    Link(Box<str>),
    #[cfg_attr(
        not(feature = "host-dir"),
        allow(dead_code, reason = "only directories of the host are mounted")
    )]
    Mounted(Arc<dyn Directory>),
}

/// A tree of files.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    nodes: Vec<TreeNode>,
    /// The directories that guests find open, with the names that they see.
    pub(crate) preopens: Vec<(Box<str>, Inode)>,
    /// Whether calls are reproducible: no node is a directory of the host.
    pub(crate) is_reproducible: bool,
    /// The bytes of all files.
    pub(crate) bytes: u64,
    /// The first mistake in building it.
    pub(crate) mistake: Option<String>,
}

impl Tree {
    /// The root directory.
    pub(crate) const ROOT: Inode = 0;

    pub(crate) fn new() -> Self {
        let root = TreeNode {
            name: "".into(),
            parent: Self::ROOT,
            read_only: false,
            modified: BEGINNING,
            kind: TreeKind::Directory(BTreeMap::new()),
        };
        Self {
            nodes: vec![root],
            preopens: Vec::new(),
            is_reproducible: true,
            bytes: 0,
            mistake: None,
        }
    }

    /// The number of nodes, which is the number of the first node that a call makes.
    pub(crate) fn len(&self) -> Inode {
        self.nodes.len() as Inode
    }

    pub(crate) fn node(&self, inode: Inode) -> Option<&TreeNode> {
        self.nodes.get(usize::try_from(inode).ok()?)
    }

    pub(crate) fn node_mut(&mut self, inode: Inode) -> Option<&mut TreeNode> {
        self.nodes.get_mut(usize::try_from(inode).ok()?)
    }

    /// The entries of a directory.
    pub(crate) fn entries(&self, directory: Inode) -> Option<&BTreeMap<Box<str>, Inode>> {
        match &self.node(directory)?.kind {
            TreeKind::Directory(entries) => Some(entries),
            _ => None,
        }
    }

    /// Whether the node or a directory above it is marked as read-only.
    pub(crate) fn is_read_only(&self, mut inode: Inode) -> bool {
        while let Some(node) = self.node(inode) {
            if node.read_only {
                return true;
            }
            if inode == Self::ROOT {
                return false;
            }
            inode = node.parent;
        }
        false
    }

    /// Adds a node to a directory.
    pub(crate) fn add(&mut self, parent: Inode, name: &str, kind: TreeKind) -> Inode {
        let inode = self.len();
        if let TreeKind::File(bytes) = &kind {
            self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        }
        self.is_reproducible &= !matches!(kind, TreeKind::Mounted(_));
        self.nodes.push(TreeNode {
            name: name.into(),
            parent,
            read_only: false,
            modified: BEGINNING,
            kind,
        });
        if let Some(TreeNode {
            kind: TreeKind::Directory(entries),
            ..
        }) = self.node_mut(parent)
        {
            entries.insert(name.into(), inode);
        }
        inode
    }

    /// Replaces what a node that is no directory is.
    pub(super) fn replace(&mut self, inode: Inode, kind: TreeKind) {
        let size = |kind: &TreeKind| match kind {
            TreeKind::File(bytes) => bytes.len() as u64,
            _ => 0,
        };
        let added = size(&kind);
        self.is_reproducible &= !matches!(kind, TreeKind::Mounted(_));
        if let Some(node) = self.node_mut(inode) {
            let removed = size(&node.kind);
            node.kind = kind;
            self.bytes = self.bytes.saturating_sub(removed).saturating_add(added);
        }
    }
}
