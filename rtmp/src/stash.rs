use alloc::vec::Vec;

/// Input that has to wait.
#[derive(Debug, Default)]
pub(crate) struct Stash {
    data: Vec<u8>,
    /// Bytes of `data` that have been used.
    start: usize,
}

impl Stash {
    pub(crate) fn len(&self) -> usize {
        self.data.len().saturating_sub(self.start)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn push(&mut self, data: &[u8]) {
        if self.start > self.data.len() / 2 {
            self.data = self.data.get(self.start..).unwrap_or_default().to_vec();
            self.start = 0;
        }
        self.data.extend_from_slice(data);
    }

    /// Gives what waits to `use_it`, which leaves what it does not use.
    pub(crate) fn with(&mut self, use_it: impl FnOnce(&mut &[u8])) {
        let mut rest = self.data.get(self.start..).unwrap_or_default();
        use_it(&mut rest);
        let left = rest.len();
        if left == 0 {
            *self = Self::default();
        } else {
            self.start = self.data.len().saturating_sub(left);
        }
    }
}
