use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;

/// Bytes on their way to the peer.
#[derive(Debug, Default)]
pub(crate) struct Transmit {
    queue: VecDeque<Bytes>,
    /// What was encoded after the queue.
    tail: Vec<u8>,
    queued: usize,
}

impl Transmit {
    /// Bytes that wait.
    pub(crate) fn len(&self) -> usize {
        self.queued.saturating_add(self.tail.len())
    }

    /// Where to append what is encoded.
    pub(crate) fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.tail
    }

    /// Adds bytes as they are.
    pub(crate) fn push(&mut self, bytes: Bytes) {
        self.flush();
        if !bytes.is_empty() {
            self.queued = self.queued.saturating_add(bytes.len());
            self.queue.push_back(bytes);
        }
    }

    pub(crate) fn poll(&mut self) -> Option<Bytes> {
        self.flush();
        let bytes = self.queue.pop_front()?;
        if self.queue.is_empty() {
            // What a burst needed is not kept for the life of a player.
            self.queue.shrink_to(16);
        }
        self.queued = self.queued.saturating_sub(bytes.len());
        Some(bytes)
    }

    /// Ends what was encoded: what follows is another piece.
    fn flush(&mut self) {
        if !self.tail.is_empty() {
            let tail = Bytes::from(core::mem::take(&mut self.tail));
            self.queued = self.queued.saturating_add(tail.len());
            self.queue.push_back(tail);
        }
    }
}
