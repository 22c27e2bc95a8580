//! Who is where.

use crate::room::PeerId;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// The names by which datagrams ask for connections, and the threads that have these. Asked once a client and address.
#[derive(Debug, Default)]
pub(crate) struct Directory(RwLock<HashMap<String, (usize, PeerId)>>);

impl Directory {
    pub(crate) fn insert(&self, ufrag: &str, worker: usize, id: PeerId) {
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        table.insert(ufrag.to_owned(), (worker, id));
    }

    pub(crate) fn remove(&self, ufrag: &str) {
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        table.remove(ufrag);
    }

    pub(crate) fn find(&self, ufrag: &str) -> Option<(usize, PeerId)> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        table.get(ufrag).copied()
    }
}
