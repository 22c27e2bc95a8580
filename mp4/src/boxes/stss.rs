use super::table::table_box;

table_box! {
    /// The sync samples; without this box all samples are (ISO/IEC 14496-12 §8.6.2).
    ///
    /// ```text
    /// version u8 = 0 | flags u24 = 0 | entry_count u32 | each: sample_number u32, from 1, rising
    /// ```
    Stss b"stss": [u32; 4], "stss entries"
}

table_box! {
    /// The partial sync samples of QuickTime: those from which an open GOP can be decoded (QuickTime File Format,
    /// "Partial Sync Sample Atoms"). Laid out as [`Stss`].
    Stps b"stps": [u32; 4], "stps entries"
}
