//! References: handles of the embedder's objects and of guest functions.

use crate::common::value::Signature;
use alloc::sync::Arc;
use core::{any::Any, fmt, ptr};

/// A reference to an object of the embedder's (`externref`). A guest can hold it, pass it on and
/// give it back, and learns nothing about it: it is no address and no number.
///
/// Clones refer to the same object. An instance that received it keeps it alive until the instance
/// is dropped. Each object that an instance was given counts as one element of a table against
/// [`max_table_elements`](crate::RunnerConfig::max_table_elements).
///
/// ```
/// use pocketwasm::types::ExternRef;
///
/// let reference = ExternRef::new(String::from("a connection"));
/// assert_eq!(reference.downcast_ref::<String>().unwrap(), "a connection");
/// assert!(reference.downcast_ref::<u32>().is_none());
/// ```
#[derive(Clone)]
pub struct ExternRef(Arc<dyn Any + Send + Sync>);

impl ExternRef {
    /// A reference to `object`, which guests can hold.
    #[must_use]
    pub fn new(object: impl Any + Send + Sync) -> Self {
        Self(Arc::new(object))
    }

    /// The object, if it is a `T`.
    #[must_use]
    pub fn downcast_ref<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }

    /// The place of the object, which tells objects apart as long as they live.
    pub(crate) fn place(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

/// Two references are equal if they refer to the same object.
impl PartialEq for ExternRef {
    fn eq(&self, other: &Self) -> bool {
        ptr::addr_eq(Arc::as_ptr(&self.0), Arc::as_ptr(&other.0))
    }
}

impl Eq for ExternRef {}

impl fmt::Debug for ExternRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExternRef")
    }
}

/// A reference to a function of an instance (`funcref`). Only that instance can call it, by
/// [`Instance::call_reference`](crate::Instance::call_reference) or, while a host function runs, by
/// [`HostContext::call_reference`](crate::HostContext::call_reference).
#[derive(Clone)]
pub struct FuncRef {
    signature: Signature,
    function: Arc<dyn Any + Send + Sync>,
}

impl FuncRef {
    /// A reference to a function of the engine's.
    pub(crate) fn new(signature: Signature, function: impl Any + Send + Sync) -> Self {
        Self {
            signature,
            function: Arc::new(function),
        }
    }

    /// The function's parameters and results.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    pub(crate) fn function<T: Any>(&self) -> Option<&T> {
        self.function.downcast_ref()
    }
}

/// Two references are equal if one is a clone of the other. A function that a guest passes twice
/// arrives as two references.
impl PartialEq for FuncRef {
    fn eq(&self, other: &Self) -> bool {
        ptr::addr_eq(Arc::as_ptr(&self.function), Arc::as_ptr(&other.function))
    }
}

impl Eq for FuncRef {}

impl fmt::Debug for FuncRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FuncRef({})", self.signature)
    }
}
