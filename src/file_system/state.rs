//! The files of one call, or of one kept instance.

use crate::{
    common::{
        files::{Directory, FileBytes, FileFault, FileKind, Inode, Stat, Tree, TreeKind, TreeNode},
        limits::FileLimits,
    },
    file_system::{
        descriptor::{Descriptor, FIRST, Target},
        node::{Body, Entries, Node, NodeKind},
        rights,
    },
};
use alloc::{boxed::Box, collections::BTreeMap, sync::Arc};

/// The device of all files in memory.
const DEVICE: u64 = 1;

/// The embedder's tree, and what the call has made of it.
#[derive(Debug, Clone)]
pub(crate) struct FileSystem {
    pub(super) tree: Arc<Tree>,
    /// The embedder's tree, if the directories of the host were replaced in this one.
    original: Option<Arc<Tree>>,
    pub(super) limits: FileLimits,
    /// The nodes that the call has made or changed.
    pub(super) nodes: BTreeMap<Inode, Node>,
    /// The number of the next node.
    next: Inode,
    /// The nodes that the call has made and that are still there.
    made: u32,
    /// The bytes that count towards the limit.
    pub(super) bytes: u64,
    pub(super) table: BTreeMap<u32, Descriptor>,
    /// No number below this one is free.
    pub(super) lowest: u32,
    /// The fuel that is due for what was done.
    work: u64,
}

/// What a node is.
pub(super) enum View<'a> {
    File(&'a [u8]),
    Directory,
    Link(&'a str),
    Mounted(&'a Arc<dyn Directory>),
}

impl FileSystem {
    /// The files of a new instance: those of the tree.
    pub(crate) fn new(tree: &Arc<Tree>, limits: FileLimits) -> Self {
        let mut files = Self {
            tree: tree.clone(),
            original: None,
            limits,
            nodes: BTreeMap::new(),
            next: tree.len(),
            made: 0,
            bytes: 0,
            table: BTreeMap::new(),
            lowest: FIRST,
            work: 0,
        };
        let root: [(Box<str>, Inode); 1] = [("/".into(), Tree::ROOT)];
        let preopens: &[_] = match &*tree.preopens {
            [] => &root,
            given => given,
        };
        for ((name, inode), fd) in preopens.iter().zip(FIRST..) {
            let target = match tree.node(*inode).map(|node| &node.kind) {
                Some(TreeKind::Mounted(directory)) => Target::HostDirectory(directory.clone()),
                _ => Target::Directory(*inode),
            };
            let mut descriptor = Descriptor::new(target, rights::DIRECTORY, rights::ALL, 0);
            descriptor.preopen = Some(name.clone());
            files.table.insert(fd, descriptor);
        }
        files
    }

    /// Whether these files began as the tree.
    pub(crate) fn is_of(&self, tree: &Arc<Tree>) -> bool {
        Arc::ptr_eq(self.original.as_ref().unwrap_or(&self.tree), tree)
    }

    /// Whether a directory of the host is among them.
    #[cfg(feature = "recordings")]
    pub(crate) fn see_host(&self) -> bool {
        !self.tree.is_reproducible
    }

    /// Puts something in the place of each directory of the host.
    #[cfg(feature = "recordings")]
    pub(crate) fn replace_directories(
        &mut self,
        replaced: impl Fn(&Arc<dyn Directory>) -> Arc<dyn Directory>,
    ) {
        self.original = Some(self.tree.clone());
        let tree = Arc::make_mut(&mut self.tree);
        for inode in 0..tree.len() {
            let node = tree.node_mut(inode);
            let Some(TreeKind::Mounted(directory)) = node.map(|node| &mut node.kind) else {
                continue;
            };
            let new = replaced(directory);
            for descriptor in self.table.values_mut() {
                if let Target::HostDirectory(target) = &mut descriptor.target
                    && Arc::ptr_eq(target, directory)
                {
                    *target = new.clone();
                }
            }
            *directory = new;
        }
    }

    /// Takes the fuel that is due.
    pub(crate) fn take_work(&mut self) -> u64 {
        core::mem::take(&mut self.work)
    }

    pub(super) fn owe(&mut self, fuel: u64) {
        self.work = self.work.saturating_add(fuel);
    }

    pub(super) fn view(&self, inode: Inode) -> Result<View<'_>, FileFault> {
        if let Some(node) = self.nodes.get(&inode) {
            return Ok(match &node.kind {
                NodeKind::File(body) => View::File(body.bytes()),
                NodeKind::Directory(_) => View::Directory,
                NodeKind::Link(target) => View::Link(target),
            });
        }
        Ok(match &self.below(inode)?.kind {
            TreeKind::File(bytes) => View::File(bytes),
            TreeKind::Directory(_) => View::Directory,
            TreeKind::Link(target) => View::Link(target),
            TreeKind::Mounted(directory) => View::Mounted(directory),
        })
    }

    /// The node as the tree has it.
    pub(super) fn below(&self, inode: Inode) -> Result<&TreeNode, FileFault> {
        self.tree.node(inode).ok_or(FileFault::Io)
    }

    /// The entry of that name in a directory.
    pub(super) fn entry(&self, directory: Inode, name: &str) -> Option<Inode> {
        if let Some(Node {
            kind: NodeKind::Directory(entries),
            ..
        }) = self.nodes.get(&directory)
            && let Some(changed) = entries.changes.get(name)
        {
            return *changed;
        }
        self.tree.entries(directory)?.get(name).copied()
    }

    /// The number of entries of a directory.
    pub(super) fn length(&self, directory: Inode) -> u32 {
        match self.nodes.get(&directory) {
            Some(Node {
                kind: NodeKind::Directory(entries),
                ..
            }) => entries.length,
            _ => {
                let entries = self.tree.entries(directory);
                entries.map_or(0, |entries| {
                    u32::try_from(entries.len()).unwrap_or(u32::MAX)
                })
            }
        }
    }

    /// The directory that a directory is in. The root is in itself.
    pub(super) fn parent(&self, directory: Inode) -> Inode {
        match self.nodes.get(&directory) {
            Some(node) => node.parent,
            None => self
                .tree
                .node(directory)
                .map_or(Tree::ROOT, |node| node.parent),
        }
    }

    /// The node, to change it. The tree's own stays as it is.
    pub(super) fn node_mut(&mut self, inode: Inode) -> Result<&mut Node, FileFault> {
        if !self.nodes.contains_key(&inode) {
            let below = self.below(inode)?;
            let kind = match &below.kind {
                TreeKind::File(bytes) => NodeKind::File(Body::Given(bytes.clone())),
                TreeKind::Directory(entries) => NodeKind::Directory(Entries {
                    changes: BTreeMap::new(),
                    length: u32::try_from(entries.len()).unwrap_or(u32::MAX),
                }),
                TreeKind::Link(target) => NodeKind::Link(target.clone()),
                TreeKind::Mounted(_) => return Err(FileFault::Busy),
            };
            let node = Node {
                kind,
                links: 1,
                parent: below.parent,
                name: below.name.clone(),
                accessed: below.modified,
                modified: below.modified,
                changed: below.modified,
            };
            self.nodes.insert(inode, node);
        }
        self.nodes.get_mut(&inode).ok_or(FileFault::Io)
    }

    /// Refuses to change what the embedder has marked as read-only.
    pub(super) fn check_writable(&self, inode: Inode) -> Result<(), FileFault> {
        match self.tree.is_read_only(inode) {
            true => Err(FileFault::ReadOnly),
            false => Ok(()),
        }
    }

    /// Makes a node, which has no name yet.
    pub(super) fn make(
        &mut self,
        kind: NodeKind,
        parent: Inode,
        now: u64,
    ) -> Result<Inode, FileFault> {
        if self.made >= self.limits.max_files {
            return Err(FileFault::NoSpace);
        }
        let inode = self.next;
        self.next = inode.checked_add(1).ok_or(FileFault::NoSpace)?;
        self.made = self.made.saturating_add(1);
        let node = Node {
            kind,
            links: 0,
            parent,
            name: Box::default(),
            accessed: now,
            modified: now,
            changed: now,
        };
        self.nodes.insert(inode, node);
        Ok(inode)
    }

    /// Drops a node if it has no name and no descriptor any more.
    pub(super) fn release(&mut self, inode: Inode) {
        let is_gone = self.nodes.get(&inode).is_some_and(|node| node.links == 0);
        if !is_gone || self.is_open(inode) {
            return;
        }
        let is_own = self.tree.node(inode).is_none();
        if let Some(node) = self.nodes.get_mut(&inode)
            && let NodeKind::File(body) = &mut node.kind
        {
            self.bytes = self.bytes.saturating_sub(body.counted());
            *body = Body::Given(FileBytes::EMPTY);
        }
        if is_own {
            self.nodes.remove(&inode);
            self.made = self.made.saturating_sub(1);
        }
    }

    /// Whether a descriptor is open on the node.
    fn is_open(&self, inode: Inode) -> bool {
        self.table.values().any(|descriptor| {
            matches!(descriptor.target, Target::File(it) | Target::Directory(it) if it == inode)
        })
    }

    /// What is known of a node.
    pub(super) fn stat_node(&self, inode: Inode) -> Result<Stat, FileFault> {
        let (kind, size) = match self.view(inode)? {
            View::File(bytes) => (FileKind::File, bytes.len() as u64),
            View::Directory => (FileKind::Directory, 0),
            View::Link(target) => (FileKind::Link, target.len() as u64),
            View::Mounted(directory) => return directory.stat(".", true),
        };
        let (links, accessed, modified, changed) = match self.nodes.get(&inode) {
            Some(node) => (node.links, node.accessed, node.modified, node.changed),
            None => {
                let modified = self.below(inode)?.modified;
                (1, modified, modified, modified)
            }
        };
        Ok(Stat {
            device: DEVICE,
            // 0 stands for "no inode" in places.
            inode: inode.saturating_add(1),
            kind,
            links,
            size,
            accessed,
            modified,
            changed,
        })
    }
}
