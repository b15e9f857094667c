//! A tree of files as a recording has it: its hash, or all of it.

use crate::common::{
    files::{FileBytes, Files, Inode, Tree, TreeKind},
    recording::{
        codec::{Damage, Reader, Writer},
        directories::ReplayedDirectory,
    },
};
use alloc::{boxed::Box, collections::BTreeMap, sync::Arc, vec::Vec};
use sha2::{Digest, Sha256};

impl Files {
    /// The tree in the form of a recording. With `contents`, all bytes of files; without, their
    /// hashes. Directories of the host are named only.
    fn recorded(&self, contents: bool) -> Vec<u8> {
        let tree = self.shared();
        let mut writer = Writer::default();
        writer.number(tree.len());
        for node in (0..tree.len()).filter_map(|inode| tree.node(inode)) {
            writer.text(&node.name);
            writer.number(node.parent);
            writer.flag(node.read_only);
            writer.number(node.modified);
            match &node.kind {
                TreeKind::File(bytes) if contents => {
                    writer.byte(0);
                    writer.bytes(bytes);
                }
                TreeKind::File(bytes) => {
                    writer.byte(0);
                    writer.length(bytes.len());
                    writer.0.extend_from_slice(&Sha256::digest(bytes));
                }
                TreeKind::Directory(_) => writer.byte(1),
                TreeKind::Link(target) => {
                    writer.byte(2);
                    writer.text(target);
                }
                TreeKind::Mounted(_) => writer.byte(3),
            }
        }
        writer.list(&tree.preopens, |writer, (name, inode)| {
            writer.text(name);
            writer.number(*inode);
        });
        writer.0
    }

    /// The hash of the tree: of its names, times, contents and the directories that are open.
    pub(crate) fn record_hash(&self) -> [u8; 32] {
        Sha256::digest(self.recorded(false)).into()
    }

    /// All of the tree but directories of the host.
    pub(crate) fn record_contents(&self) -> Vec<u8> {
        self.recorded(true)
    }

    /// The tree that was recorded with its contents.
    pub(crate) fn of_record(bytes: &[u8]) -> Result<Self, Damage> {
        let mut reader = Reader::new(bytes);
        let nodes: usize = reader.small()?;
        if nodes > reader.left() {
            return Err(Damage("a tree of files has more files than bytes"));
        }
        let mut tree = Tree::new();
        for number in 0..nodes {
            let name: Box<str> = reader.text()?.into();
            let parent: Inode = reader.number()?;
            let read_only = reader.flag()?;
            let modified = reader.number()?;
            let kind = match reader.byte()? {
                0 => TreeKind::File(FileBytes::from(reader.bytes()?.to_vec())),
                1 => TreeKind::Directory(BTreeMap::new()),
                2 => TreeKind::Link(reader.text()?.into()),
                // What it answered is among the answers of each call.
                3 => TreeKind::Mounted(Arc::new(ReplayedDirectory::new(&Arc::default()))),
                _ => return Err(Damage("a file is of no known kind")),
            };
            let inode = if number == 0 {
                if !matches!(kind, TreeKind::Directory(_)) {
                    return Err(Damage("the root is no directory"));
                }
                Tree::ROOT
            } else {
                if tree
                    .entries(parent)
                    .is_none_or(|entries| entries.contains_key(&name))
                {
                    return Err(Damage("a file has no place in its directory"));
                }
                tree.add(parent, &name, kind)
            };
            if let Some(node) = tree.node_mut(inode) {
                node.read_only = read_only;
                node.modified = modified;
            }
        }
        tree.preopens = reader.list(|reader| {
            let (name, inode): (Box<str>, Inode) = (reader.text()?.into(), reader.number()?);
            match tree.node(inode).map(|node| &node.kind) {
                Some(TreeKind::Directory(_) | TreeKind::Mounted(_)) => Ok((name, inode)),
                _ => Err(Damage("a directory that is open is not there")),
            }
        })?;
        match reader.is_empty() {
            true => Ok(Self::of_tree(Arc::new(tree))),
            false => Err(Damage("a tree of files goes on after its end")),
        }
    }
}
