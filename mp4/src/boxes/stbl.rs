use super::container::container;
use super::{FourCc, Raw, Stsd};

container! {
    /// The sample table (ISO/IEC 14496-12 §8.5.1). Its tables other than `stsd` are kept raw.
    Stbl b"stbl" {
        /// The sample descriptions.
        one stsd: Stsd,
    }
}

impl Stbl {
    /// A table without samples, as stands before movie fragments: `stts`, `stsc`, `stsz` and `stco` are empty.
    #[must_use]
    pub fn for_fragments(stsd: Stsd) -> Self {
        // Version, flags and an entry count of 0; `stsz` has a sample size before the count.
        let tables = [(b"stts", 8), (b"stsc", 8), (b"stsz", 12), (b"stco", 8)];
        let empty =
            |(code, len): (&[u8; 4], usize)| Raw::from_body(FourCc(*code), [0; 12].get(..len)?);
        Self {
            stsd,
            other: tables.into_iter().filter_map(empty).collect(),
        }
    }
}
