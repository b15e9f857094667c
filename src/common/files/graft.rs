//! Adding one tree to another.

use crate::common::files::{
    builder::Files,
    tree::{Inode, Tree, TreeKind},
};
use alloc::{collections::BTreeMap, format, string::String, vec};

impl Files {
    /// Adds all that another tree has, below `path`. Contents are shared and not copied. A file that
    /// is there already is replaced, and directories are merged. The directories that guests find
    /// open stay those of this tree.
    pub fn tree(mut self, path: &str, other: &Self) -> Self {
        let mistake = other.mistake().map(String::from);
        let tree = self.own_tree();
        let added = match mistake {
            Some(mistake) => Err(mistake),
            None => tree.directory(path).and_then(|at| {
                graft(tree, at, other.shared())
                    .map_err(|name| format!("has no room for {name:?} of a tree below {path:?}"))
            }),
        };
        if let Err(problem) = added {
            tree.mistake.get_or_insert(problem);
        }
        self
    }
}

/// Adds the nodes of another tree below a directory. The error is the name of one that does not fit:
/// a directory in place of something else, or the other way round.
fn graft(tree: &mut Tree, at: Inode, other: &Tree) -> Result<(), String> {
    let mut waiting = vec![(Tree::ROOT, at)];
    while let Some((from, to)) = waiting.pop() {
        let Some(entries) = other.entries(from) else {
            continue;
        };
        for (name, inode) in entries {
            let Some(node) = other.node(*inode) else {
                continue;
            };
            let there = tree.entries(to).and_then(|entries| entries.get(name));
            let placed = match (&node.kind, there.copied()) {
                (TreeKind::Directory(_), Some(there)) if tree.entries(there).is_some() => there,
                (TreeKind::Directory(_), Some(_)) => return Err(String::from(&**name)),
                (TreeKind::Directory(_), None) => {
                    tree.add(to, name, TreeKind::Directory(BTreeMap::new()))
                }
                (kind, _) => match tree.put_in(to, name, kind.clone()) {
                    Some(placed) => placed,
                    None => return Err(String::from(&**name)),
                },
            };
            if let Some(placed) = tree.node_mut(placed) {
                placed.read_only |= node.read_only;
                placed.modified = node.modified;
            }
            if matches!(node.kind, TreeKind::Directory(_)) {
                waiting.push((*inode, placed));
            }
        }
    }
    Ok(())
}
