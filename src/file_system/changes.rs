//! What the call has made, changed and deleted.

use crate::{
    common::files::{ChangeKind, FileBytes, FileChange, FileContent, Inode, Tree, TreeKind},
    file_system::{
        node::{Body, NodeKind},
        state::{FileSystem, View},
    },
};
use alloc::{borrow::ToOwned, collections::BTreeMap, format, string::String, vec, vec::Vec};

impl FileSystem {
    /// All changes since the tree, sorted by path. This looks at nothing that the call has not
    /// changed, unless it moved a directory of the tree.
    pub(crate) fn changes(&self) -> Vec<FileChange> {
        let mut changes = BTreeMap::new();
        for (inode, node) in &self.nodes {
            if node.links == 0 && *inode != Tree::ROOT {
                continue;
            }
            match &node.kind {
                NodeKind::Directory(entries) => {
                    let Some(path) = self.path(*inode) else {
                        continue;
                    };
                    // In a directory that was moved, nothing has been before.
                    let below = self.tree.entries(*inode);
                    let below = below.filter(|_| self.is_in_place(*inode));
                    for (name, new) in &entries.changes {
                        let before = below.and_then(|entries| entries.get(name)).copied();
                        let path = format!("{path}/{name}");
                        self.compare(&mut changes, path, before, *new);
                    }
                }
                NodeKind::File(_) | NodeKind::Link(_) => {
                    // A file of the tree that still has its name there.
                    let Some(below) = self.tree.node(*inode) else {
                        continue;
                    };
                    if self.entry(below.parent, &below.name) == Some(*inode)
                        && let Some(above) = self.path(below.parent)
                    {
                        let path = format!("{above}/{}", below.name);
                        let kind = match self.is_in_place(below.parent) {
                            true => ChangeKind::Changed,
                            false => ChangeKind::Made,
                        };
                        self.note(&mut changes, path, kind, *inode);
                    }
                }
            }
        }
        changes.into_values().collect()
    }

    /// Notes what became of an entry.
    fn compare(
        &self,
        changes: &mut BTreeMap<String, FileChange>,
        path: String,
        before: Option<Inode>,
        after: Option<Inode>,
    ) {
        match (before, after) {
            (None, None) => {}
            (Some(_), None) => {
                let change = FileChange {
                    path: path.clone(),
                    kind: ChangeKind::Deleted,
                    content: FileContent::Nothing,
                };
                changes.insert(path, change);
            }
            (Some(before), Some(after)) if before == after => {}
            (before, Some(after)) => {
                let kind = match before {
                    Some(_) => ChangeKind::Changed,
                    None => ChangeKind::Made,
                };
                self.note(changes, path.clone(), kind, after);
                self.note_moved(changes, path, after);
            }
        }
    }

    /// Notes what is in a directory of the tree that has another path now.
    fn note_moved(&self, changes: &mut BTreeMap<String, FileChange>, path: String, inode: Inode) {
        let mut directories = vec![(path, inode)];
        while let Some((path, inode)) = directories.pop() {
            let Some(below) = self.tree.entries(inode) else {
                continue;
            };
            for (name, there) in below {
                // What the call has changed in it has an entry already, or gets one.
                if self.entry(inode, name) != Some(*there) {
                    continue;
                }
                let path = format!("{path}/{name}");
                self.note(changes, path.clone(), ChangeKind::Made, *there);
                directories.push((path, *there));
            }
        }
    }

    fn note(
        &self,
        changes: &mut BTreeMap<String, FileChange>,
        path: String,
        kind: ChangeKind,
        inode: Inode,
    ) {
        let content = match self.view(inode) {
            Ok(View::File(_)) => FileContent::File(self.contents(inode)),
            Ok(View::Directory) => FileContent::Directory,
            Ok(View::Link(target)) => FileContent::Link(target.to_owned()),
            Ok(View::Mounted(_)) | Err(_) => return,
        };
        let change = FileChange {
            path: path.clone(),
            kind,
            content,
        };
        changes.insert(path, change);
    }

    /// The contents of a file, without copying them.
    fn contents(&self, inode: Inode) -> FileBytes {
        if let Some(node) = self.nodes.get(&inode) {
            return match &node.kind {
                NodeKind::File(Body::Given(bytes)) => bytes.clone(),
                NodeKind::File(Body::Own(bytes)) => FileBytes::from(bytes.clone()),
                _ => FileBytes::EMPTY,
            };
        }
        match self.tree.node(inode).map(|node| &node.kind) {
            Some(TreeKind::File(bytes)) => bytes.clone(),
            _ => FileBytes::EMPTY,
        }
    }

    /// Whether a directory of the tree has the path that it has there.
    fn is_in_place(&self, directory: Inode) -> bool {
        let mut at = directory;
        while at != Tree::ROOT {
            let Some(below) = self.tree.node(at) else {
                return false;
            };
            if let Some(node) = self.nodes.get(&at)
                && (node.parent, &node.name) != (below.parent, &below.name)
            {
                return false;
            }
            at = below.parent;
        }
        true
    }

    /// The path of a directory, empty for the root. `None` if it was deleted, or one above it.
    fn path(&self, directory: Inode) -> Option<String> {
        let mut names: Vec<&str> = Vec::new();
        let mut at = directory;
        while at != Tree::ROOT {
            let (name, above) = match self.nodes.get(&at) {
                Some(node) if node.links == 0 => return None,
                Some(node) => (&node.name, node.parent),
                None => {
                    let node = self.tree.node(at)?;
                    (&node.name, node.parent)
                }
            };
            names.push(name);
            at = above;
        }
        let names = names.into_iter().rev();
        Some(names.fold(String::new(), |path, name| format!("{path}/{name}")))
    }
}
