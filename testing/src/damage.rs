/// Numbers that look random, and are the same in every run.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A sequence of its own for each seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, less than `limit`; 0 where that is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let number = usize::try_from(self.0 >> 33).unwrap_or(0);
        number.checked_rem(limit).unwrap_or(0)
    }
}

/// Flips one of each hundred bits, at random places.
pub fn flip_bits(data: &mut [u8], random: &mut Random) {
    for _ in 0..(data.len() * 8).div_ceil(100) {
        let at = random.below(data.len());
        data[at] ^= 1 << random.below(8);
    }
}

/// The data cut off at `count` places, all over it.
pub fn truncations(data: &[u8], count: usize) -> impl Iterator<Item = &[u8]> {
    (0..count).map(move |place| &data[..data.len() * place / count])
}
