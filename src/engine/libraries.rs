//! Plugins of several modules: the others, whose exports a plugin's own module imports.

use crate::{
    common::{
        error_kind::Phase,
        failure::{Cause, Failure},
        value::Signature,
    },
    engine::{
        callee::Callee,
        compiled_module::{CompiledModule, Library},
        execution::Execution,
        imported,
        instantiation_failure::instantiation_failure,
        suspension::complete,
    },
    module::inspect::HASKELL,
};
use alloc::{vec, vec::Vec};
use wasmi::Instance;

impl<'a> Execution<'a> {
    #[inline(never)]
    pub(super) fn instantiate_with_imports_at_once(
        &mut self,
    ) -> Result<Result<Instance, wasmi::Error>, Failure> {
        complete(self.instantiate_with_imports())
    }

    /// Makes the instance of a module that imports more than the host's functions.
    pub(super) async fn instantiate_with_imports(
        &mut self,
    ) -> Result<Result<Instance, wasmi::Error>, Failure> {
        let libraries = self.instantiate_libraries().await?;
        let store = &mut self.guest_store.store;
        let linker = imported::linker(self.code, &libraries, store)?;
        Ok(linker.instantiate_and_start(store, &self.code.module))
    }

    /// Makes an instance of each library, and runs its start function and initialisers.
    async fn instantiate_libraries(&mut self) -> Result<Vec<(&'a str, Instance)>, Failure> {
        let mut made = Vec::new();
        if self.code.libraries.is_empty() {
            return Ok(made);
        }
        self.state().references().is_linked = true;
        for Library { name, code } in &self.code.libraries {
            self.set_phase(Phase::Instantiate);
            let store = &mut self.guest_store.store;
            store.data_mut().limiter.admit_instance();
            let linker = imported::linker(code, &made, store)?;
            let instance = linker
                .instantiate_and_start(&mut *store, &code.module)
                .map_err(|error| instantiation_failure(error, self.config()))?;
            self.initialise_library(code, instance).await?;
            made.push((&**name, instance));
        }
        self.set_phase(Phase::Instantiate);
        // From here on they are those of the plugin's own module.
        self.state().references().forget_imports();
        Ok(made)
    }

    async fn initialise_library(
        &mut self,
        code: &CompiledModule,
        instance: Instance,
    ) -> Result<(), Failure> {
        let start = code.start.iter().map(|name| (Phase::Start, &**name));
        let plain = code.initialisers.iter();
        let plain = plain.map(|name| (Phase::Initialize, *name));
        let haskell = code.haskell.map(|_| (Phase::Initialize, HASKELL));
        let no_params = Signature::new([], []);
        for (phase, name) in start.chain(plain).chain(haskell) {
            self.set_phase(phase);
            let store = &mut self.guest_store.store;
            let missing = || Cause::NotCallable {
                export: name.into(),
            };
            let func = instance.get_func(&*store, name).ok_or_else(missing)?;
            let signature = code.info.function(name).unwrap_or(&no_params);
            let params = vec![0; signature.params().len()];
            self.run_callee(Callee::Any(func), signature, &params)
                .await?;
        }
        Ok(())
    }
}
