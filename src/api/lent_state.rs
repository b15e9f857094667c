//! The embedder's state for its host functions, which a call is lent.

use alloc::boxed::Box;
use core::any::Any;

/// A value of the embedder's, which is in the store during a call.
pub(super) trait EmbedderState {
    fn lend(&mut self) -> Box<dyn Any + Send + Sync>;
    fn give_back(&mut self, value: Box<dyn Any + Send + Sync>);
}

impl<T: Any + Default + Send + Sync> EmbedderState for T {
    fn lend(&mut self) -> Box<dyn Any + Send + Sync> {
        Box::new(core::mem::take(self))
    }

    fn give_back(&mut self, value: Box<dyn Any + Send + Sync>) {
        if let Ok(value) = value.downcast() {
            *self = *value;
        }
    }
}

/// A value of the embedder's that need not have a default, in an `Option` that is empty during a
/// call.
pub(super) trait OptionalState {
    fn lend_content(&mut self) -> Option<Box<dyn Any + Send + Sync>>;
    fn give_back_content(&mut self, value: Box<dyn Any + Send + Sync>);
}

impl<T: Any + Send + Sync> OptionalState for Option<T> {
    fn lend_content(&mut self) -> Option<Box<dyn Any + Send + Sync>> {
        let value = self.take()?;
        Some(Box::new(value))
    }

    fn give_back_content(&mut self, value: Box<dyn Any + Send + Sync>) {
        *self = value.downcast().ok().map(|value| *value);
    }
}

/// What the host functions of a call may use.
pub(super) enum State<'a> {
    Default(&'a mut (dyn EmbedderState + Send + 'static)),
    Optional(&'a mut (dyn OptionalState + Send + 'static)),
}

impl State<'_> {
    pub(super) fn lend(&mut self) -> Option<Box<dyn Any + Send + Sync>> {
        match self {
            Self::Default(state) => Some(state.lend()),
            Self::Optional(state) => state.lend_content(),
        }
    }

    pub(super) fn give_back(&mut self, value: Box<dyn Any + Send + Sync>) {
        match self {
            Self::Default(state) => state.give_back(value),
            Self::Optional(state) => state.give_back_content(value),
        }
    }
}
