//! What the fuzz targets share.

use rand_core::{CryptoRng, RngCore};

/// Cuts `data` into pieces whose lengths the fuzzer chooses: the first byte says how long they are.
pub fn pieces(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let size = data.first().map_or(1, |first| usize::from(*first) % 61 + 1);
    data.chunks(size)
}

/// Random numbers that are the same in every run.
#[derive(Default)]
pub struct Counter(u64);

impl RngCore for Counter {
    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }

    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.0
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_le_bytes()[..chunk.len()]);
        }
    }
}

impl CryptoRng for Counter {}
