use core::fmt;

/// What a sample depends on (ISO/IEC 14496-12 §8.8.3.1).
///
/// ```text
/// reserved 4 bits | is_leading 2 | sample_depends_on 2 | sample_is_depended_on 2 | sample_has_redundancy 2
/// sample_padding_value 3 | sample_is_non_sync_sample 1 | sample_degradation_priority 16
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SampleFlags(pub u32);

impl SampleFlags {
    /// A sync sample, which depends on no other one.
    pub const SYNC: SampleFlags = SampleFlags(0x0200_0000);
    /// A sample that needs others.
    pub const NON_SYNC: SampleFlags = SampleFlags(0x0101_0000);
    /// A sample that needs others and that no other one needs.
    pub const NON_SYNC_DISPOSABLE: SampleFlags = SampleFlags(0x0181_0000);

    /// Whether decoding can start here.
    #[must_use]
    pub const fn is_sync(self) -> bool {
        self.0 & 0x1_0000 == 0
    }

    /// Whether it is known that no other sample needs this one.
    #[must_use]
    pub const fn is_disposable(self) -> bool {
        self.0 >> 22 & 3 == 2
    }
}

impl fmt::Debug for SampleFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SampleFlags({:#010x})", self.0)
    }
}
