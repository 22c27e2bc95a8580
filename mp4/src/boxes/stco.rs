use super::table::table_box;

table_box! {
    /// Where each chunk lies in the file (ISO/IEC 14496-12 §8.7.5).
    ///
    /// ```text
    /// version u8 = 0 | flags u24 = 0 | entry_count u32 | each: chunk_offset u32
    /// ```
    Stco b"stco": [u32; 4], "stco entries"
}

table_box! {
    /// Where each chunk lies in a file past 4 GiB (ISO/IEC 14496-12 §8.7.5).
    ///
    /// ```text
    /// version u8 = 0 | flags u24 = 0 | entry_count u32 | each: chunk_offset u64
    /// ```
    Co64 b"co64": [u64; 8], "co64 entries"
}
