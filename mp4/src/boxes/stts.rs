use super::table::{entry, table_box};

table_box! {
    /// How long each sample lasts (ISO/IEC 14496-12 §8.6.1.2).
    ///
    /// ```text
    /// version u8 = 0 | flags u24 = 0 | entry_count u32 | each: sample_count u32 | sample_delta u32
    /// ```
    Stts b"stts": [TimeToSample; 8], "stts entries"
}

entry! {
    /// Samples in a row that last the same.
    TimeToSample, 8 {
        /// How many.
        sample_count: u32,
        /// Ticks of the track from the decoding of one to the decoding of the next.
        sample_delta: u32,
    }
}
