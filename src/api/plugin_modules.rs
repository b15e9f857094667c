//! The modules that a plugin keeps, for copies of them that explain errors.

use crate::{api::plugin::Plugin, loading::instrumented::KeptModule};
use alloc::sync::Arc;

impl Plugin {
    /// Keeps the module as it was given, if errors are or can be explained.
    pub(super) fn keeping(mut self, bytes: &[u8], is_warm: bool) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0)
            && let context = &inner.plugin_context.runner
            && (context.config.explain || context.config.keep_modules)
        {
            let kept = KeptModule::new(
                context,
                bytes,
                inner.sha256,
                is_warm,
                inner.code.info.imports.iter(),
            );
            inner.kept = Some(Arc::new(kept));
        }
        self
    }

    /// The module as it was given, if errors are or can be explained.
    #[inline(always)]
    pub(crate) fn kept_module(&self) -> Option<&KeptModule> {
        self.kept_modules().filter(|kept| !kept.is_linked())
    }

    /// The same, or all modules of a plugin of several.
    pub(crate) fn kept_modules(&self) -> Option<&KeptModule> {
        self.0.kept.as_deref()
    }

    /// Keeps the modules of a plugin of several, if errors are or can be explained.
    pub(crate) fn keeping_linked(mut self, modules: &[(&str, &[u8])]) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0)
            && let context = &inner.plugin_context.runner
            && (context.config.explain || context.config.keep_modules)
        {
            let kept = KeptModule::linked(context, modules, inner.sha256, &inner.code);
            inner.kept = Some(Arc::new(kept));
        }
        self
    }
}
