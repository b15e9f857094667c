//! The tree of files, as an embedder builds it.

use crate::common::files::{
    bytes::FileBytes,
    tree::{Inode, Tree, TreeKind},
};
use alloc::{collections::BTreeMap, format, string::String, sync::Arc, vec::Vec};
use core::{fmt, time::Duration};

/// Files for guests, in memory. The embedder builds a tree, and any number of calls use it: by
/// [`Call::files`](crate::Call::files), or all calls of a runner by
/// [`RunnerConfig::files`](crate::RunnerConfig::files).
///
/// Calls share the tree and never change it. What a call writes is its own, and the
/// [`Outcome`](crate::Outcome::files) has it afterwards. Clones are cheap and refer to the same tree.
///
/// Paths begin at the root of the tree, with or without a slash: `/data/in.csv`. The directories of a
/// path are made where they are missing. A mistake, such as a file in place of a directory, is
/// reported by the call or by [`Runner::new`](crate::Runner::new).
///
/// ```
/// use pocketwasm::{Files, Runner, RunnerConfig};
///
/// let files = Files::new().file("/data/in.csv", "a,b\n").dir("/tmp");
/// let runner = Runner::new(RunnerConfig::new())?;
/// # let module = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#)?;
/// let plugin = runner.load_plugin("program", module)?;
/// let outcome = plugin.call("_start").files(&files).run()?;
/// assert!(outcome.files().is_empty()); // this program wrote nothing
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Files(Arc<Tree>);

impl Default for Files {
    fn default() -> Self {
        Self::new()
    }
}

impl Files {
    /// An empty tree: guests see an empty directory `/`, and can write in it.
    pub fn new() -> Self {
        Self(Arc::new(Tree::new()))
    }

    /// Adds a file, or replaces it. Bytes with a `'static` lifetime are not copied.
    pub fn file(self, path: &str, bytes: impl Into<FileBytes>) -> Self {
        self.with(path, TreeKind::File(bytes.into()))
    }

    /// Adds a directory, unless there is one already.
    pub fn dir(mut self, path: &str) -> Self {
        let tree = self.own_tree();
        if let Err(problem) = tree.directory(path) {
            tree.mistake.get_or_insert(problem);
        }
        self
    }

    /// Adds a symbolic link, or replaces it. Guests resolve `target` from the directory of the link,
    /// and never out of the directory that they were given.
    pub fn symlink(self, path: &str, target: &str) -> Self {
        self.with(path, TreeKind::Link(target.into()))
    }

    /// Marks a file or a directory that was added before as read-only, and for a directory all that
    /// is below it, also what is added later. Guests get the errno `ROFS`.
    pub fn read_only(self, path: &str) -> Self {
        self.change(path, |tree, inode| {
            if let Some(node) = tree.node_mut(inode) {
                node.read_only = true;
            }
        })
    }

    /// Sets the time at which an entry that was added before was modified, since 1970. By default all
    /// have the time at which the virtual clock begins.
    pub fn modified(self, path: &str, since_epoch: Duration) -> Self {
        let modified = u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX);
        self.change(path, |tree, inode| {
            if let Some(node) = tree.node_mut(inode) {
                node.modified = modified;
            }
        })
    }

    /// Adds a directory to those that guests find open, under the name `guest`. It is made if it is
    /// missing. Without any, guests find the root under the name `/`.
    ///
    /// A guest gets at nothing outside of the directories that it finds open.
    pub fn preopen(mut self, path: &str, guest: &str) -> Self {
        let tree = self.own_tree();
        match tree.find(path).or_else(|_| tree.directory(path)) {
            Ok(inode) => tree.preopens.push((guest.into(), inode)),
            Err(problem) => {
                tree.mistake.get_or_insert(problem);
            }
        }
        self
    }

    /// The bytes of all files in the tree.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.bytes
    }

    /// Whether calls with these files are reproducible. They are, unless a directory of the host is
    /// mounted.
    #[must_use]
    pub fn is_reproducible(&self) -> bool {
        self.0.is_reproducible
    }

    /// Mounts a directory that is not in memory.
    #[cfg(feature = "host-dir")]
    pub(crate) fn mounted(
        self,
        path: &str,
        directory: Arc<dyn super::directory::Directory>,
    ) -> Self {
        self.with(path, TreeKind::Mounted(directory))
    }

    /// Records a mistake of an addition that is built on this one, unless there is one already.
    #[cfg(feature = "host-dir")]
    pub(crate) fn mistaken(mut self, problem: String) -> Self {
        self.own_tree().mistake.get_or_insert(problem);
        self
    }

    /// The first mistake in building the tree.
    pub(crate) fn mistake(&self) -> Option<&str> {
        self.0.mistake.as_deref()
    }

    #[cfg(feature = "recordings")]
    pub(crate) fn of_tree(tree: Arc<Tree>) -> Self {
        Self(tree)
    }

    pub(crate) fn shared(&self) -> &Arc<Tree> {
        &self.0
    }

    /// The tree, to change it. It is copied if somebody else has it; contents are shared then.
    pub(super) fn own_tree(&mut self) -> &mut Tree {
        Arc::make_mut(&mut self.0)
    }

    fn with(mut self, path: &str, kind: TreeKind) -> Self {
        let tree = self.own_tree();
        if let Err(problem) = tree.put(path, kind) {
            tree.mistake.get_or_insert(problem);
        }
        self
    }

    fn change(mut self, path: &str, change: impl FnOnce(&mut Tree, Inode)) -> Self {
        let tree = self.own_tree();
        match tree.find(path) {
            Ok(inode) => change(tree, inode),
            Err(problem) => {
                tree.mistake.get_or_insert(problem);
            }
        }
        self
    }
}

/// The names of a path. Empty names and `.` are left out.
fn names(path: &str) -> Result<impl Iterator<Item = &str>, String> {
    let names = path.split('/').filter(|name| !matches!(*name, "" | "."));
    if path.contains('\0') || names.clone().any(|name| name == "..") {
        return Err(format!(
            "has the path {path:?}; a path has no `..` and no zero byte"
        ));
    }
    Ok(names)
}

fn below(path: &str) -> String {
    format!("has {path:?} below something that is no directory in memory")
}

impl Tree {
    /// The directory at `path`, made where it is missing.
    pub(super) fn directory(&mut self, path: &str) -> Result<Inode, String> {
        let inode = self.make(path, names(path)?)?;
        match self.entries(inode) {
            Some(_) => Ok(inode),
            None => Err(format!(
                "has a directory {path:?} where something else is already"
            )),
        }
    }

    fn make<'a>(
        &mut self,
        path: &str,
        names: impl Iterator<Item = &'a str>,
    ) -> Result<Inode, String> {
        let mut at = Self::ROOT;
        for name in names {
            let Some(entries) = self.entries(at) else {
                return Err(below(path));
            };
            at = match entries.get(name) {
                Some(inode) => *inode,
                None => self.add(at, name, TreeKind::Directory(BTreeMap::new())),
            };
        }
        Ok(at)
    }

    fn put(&mut self, path: &str, kind: TreeKind) -> Result<(), String> {
        let mut above: Vec<&str> = names(path)?.collect();
        let Some(name) = above.pop() else {
            return Err(format!("has the path {path:?}, which names no entry"));
        };
        let parent = self.make(path, above.into_iter())?;
        if self.entries(parent).is_none() {
            return Err(below(path));
        }
        match self.put_in(parent, name, kind) {
            Some(_) => Ok(()),
            None => Err(format!("has {path:?} where a directory is already")),
        }
    }

    /// Adds an entry to a directory, or replaces it. `None` if a directory is there.
    pub(super) fn put_in(&mut self, parent: Inode, name: &str, kind: TreeKind) -> Option<Inode> {
        let entries = self.entries(parent);
        match entries.and_then(|entries| entries.get(name)).copied() {
            None => Some(self.add(parent, name, kind)),
            Some(there) if self.entries(there).is_some() => None,
            Some(there) => {
                self.replace(there, kind);
                Some(there)
            }
        }
    }

    fn find(&self, path: &str) -> Result<Inode, String> {
        let mut at = Self::ROOT;
        for name in names(path)? {
            let entries = self.entries(at);
            at = match entries.and_then(|entries| entries.get(name)) {
                Some(inode) => *inode,
                None => return Err(format!("has no {path:?} yet; add it first")),
            };
        }
        Ok(at)
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files")
            .field("nodes", &self.0.len())
            .field("bytes", &self.0.bytes)
            .finish_non_exhaustive()
    }
}
