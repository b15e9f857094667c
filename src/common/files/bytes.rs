//! The contents of a file, which many calls can share.

use alloc::{borrow::Cow, string::String, sync::Arc, vec::Vec};
use core::{fmt, ops::Deref};

/// The contents of a file. Clones share the bytes. Static bytes are never copied, which is for
/// boards that keep them in flash.
///
/// ```
/// use pocketwasm::files::FileBytes;
///
/// let shared = FileBytes::from(vec![1, 2, 3]);
/// assert_eq!(*shared.clone(), [1, 2, 3]);
/// assert_eq!(*FileBytes::from("text"), *b"text");
/// ```
#[derive(Clone)]
pub struct FileBytes(Source);

#[derive(Clone)]
enum Source {
    Static(&'static [u8]),
    Vec(Arc<Vec<u8>>),
    Slice(Arc<[u8]>),
}

impl FileBytes {
    pub(crate) const EMPTY: Self = Self(Source::Static(&[]));
}

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Source::Static(bytes) => bytes,
            Source::Vec(bytes) => bytes,
            Source::Slice(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for FileBytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl PartialEq for FileBytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for FileBytes {}

impl fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}

impl From<&'static [u8]> for FileBytes {
    fn from(bytes: &'static [u8]) -> Self {
        Self(Source::Static(bytes))
    }
}

impl<const N: usize> From<&'static [u8; N]> for FileBytes {
    fn from(bytes: &'static [u8; N]) -> Self {
        Self(Source::Static(bytes))
    }
}

impl From<&'static str> for FileBytes {
    fn from(text: &'static str) -> Self {
        Self(Source::Static(text.as_bytes()))
    }
}

impl From<Vec<u8>> for FileBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Source::Vec(Arc::new(bytes)))
    }
}

impl From<String> for FileBytes {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl From<Cow<'static, [u8]>> for FileBytes {
    fn from(bytes: Cow<'static, [u8]>) -> Self {
        match bytes {
            Cow::Borrowed(bytes) => Self::from(bytes),
            Cow::Owned(bytes) => Self::from(bytes),
        }
    }
}

impl From<Arc<Vec<u8>>> for FileBytes {
    fn from(bytes: Arc<Vec<u8>>) -> Self {
        Self(Source::Vec(bytes))
    }
}

impl From<Arc<[u8]>> for FileBytes {
    fn from(bytes: Arc<[u8]>) -> Self {
        Self(Source::Slice(bytes))
    }
}
