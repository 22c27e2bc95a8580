use super::table::{entry, table_box};

table_box! {
    /// Which samples lie in which chunk (ISO/IEC 14496-12 §8.7.4).
    ///
    /// ```text
    /// version u8 = 0 | flags u24 = 0 | entry_count u32
    /// each: first_chunk u32 | samples_per_chunk u32 | sample_description_index u32
    /// ```
    Stsc b"stsc": [SampleToChunk; 12], "stsc entries"
}

entry! {
    /// Chunks in a row that are alike, up to the next entry's first.
    SampleToChunk, 12 {
        /// The first of them, from 1.
        first_chunk: u32,
        /// Samples in each.
        samples_per_chunk: u32,
        /// Entry of [`Stsd`](super::Stsd), from 1.
        sample_description_index: u32,
    }
}
