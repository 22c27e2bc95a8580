use bytes::{Bytes, BytesMut};

/// Copies of short pieces of a longer buffer, many of them in one allocation.
///
/// A piece that is shared with the buffer in which it came keeps all of that buffer; one that is copied by itself costs two
/// allocations. Here it keeps a block of 16 KiB at most, which it shares with those copied before and after it.
#[derive(Debug, Default)]
pub struct Arena {
    block: BytesMut,
}

const BLOCK: usize = 16 << 10;

impl Arena {
    /// A copy.
    #[inline]
    pub fn copy(&mut self, piece: &[u8]) -> Bytes {
        if piece.len() >= BLOCK {
            return Bytes::copy_from_slice(piece);
        }
        let room = self.block.capacity().saturating_sub(self.block.len());
        if room < piece.len() {
            self.block = BytesMut::with_capacity(BLOCK);
        }
        self.block.extend_from_slice(piece);
        self.block.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn copies_are_what_they_are_of_and_lie_together() {
        let source: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        let mut arena = Arena::default();
        let lens = [0, 1, 300, 5000, 20_000, 16_383, 16_384, 2, 9000, 9000];
        let copies: Vec<_> = lens.map(|len| arena.copy(&source[len..][..len])).into();
        for (len, copy) in lens.iter().zip(&copies) {
            assert_eq!(copy, &source[*len..][..*len]);
        }
        // The second of those that fit one after the other begins where the first ends.
        assert_eq!(copies[2].as_ptr_range().end, copies[3].as_ptr());
    }
}
