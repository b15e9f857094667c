//! A store that a guest runs in, as a host function sees it and as who resumes a call has it.

use crate::engine::store_data::StoreData;
use wasmi::{AsContextMut, Caller, Store};

/// The engine's trait for stores gives no reference to their data that outlives a call of it.
pub(super) trait LiveStore: AsContextMut<Data = StoreData> {
    fn data(&self) -> &StoreData;
    fn data_mut(&mut self) -> &mut StoreData;
}

impl LiveStore for Caller<'_, StoreData> {
    fn data(&self) -> &StoreData {
        Caller::data(self)
    }

    fn data_mut(&mut self) -> &mut StoreData {
        Caller::data_mut(self)
    }
}

impl LiveStore for Store<StoreData> {
    fn data(&self) -> &StoreData {
        Self::data(self)
    }

    fn data_mut(&mut self) -> &mut StoreData {
        Self::data_mut(self)
    }
}

impl StoreData {
    /// Whether a host function that is called now can wait.
    pub(crate) fn can_wait(&self) -> bool {
        self.mailbox.is_some() && !self.meter.is_nested()
    }
}
