use super::container::container;
use super::{
    Co64, Cslg, Ctts, Sbgp, Sdtp, Sgpd, Stco, Stps, Stsc, Stsd, Stss, Stsz, Stts, Stz2, Subs,
};
use alloc::vec::Vec;

container! {
    /// The sample table: what a track's samples are and where they lie (ISO/IEC 14496-12 §8.5.1).
    ///
    /// Its tables are kept as bytes, see [`Table`](super::Table).
    Stbl b"stbl" {
        /// The sample descriptions.
        one stsd: Stsd,
        /// How long each lasts.
        optional stts: Stts,
        /// How long after its decoding each is shown.
        optional ctts: Ctts,
        /// Bounds of that.
        optional cslg: Cslg,
        /// The sync samples.
        optional stss: Stss,
        /// QuickTime's partial sync samples.
        optional stps: Stps,
        /// What each depends on.
        optional sdtp: Sdtp,
        /// Which lie in which chunk.
        optional stsc: Stsc,
        /// How long each is.
        optional stsz: Stsz,
        /// The same in few bits.
        optional stz2: Stz2,
        /// Where each chunk lies.
        optional stco: Stco,
        /// The same in 64 bits.
        optional co64: Co64,
        /// The groups that samples can be in.
        many sgpds: Sgpd,
        /// Which are in which.
        many sbgps: Sbgp,
        /// Parts of samples.
        many subss: Subs,
    }
}

impl Stbl {
    /// A table without any box but the sample descriptions.
    #[must_use]
    pub const fn new(stsd: Stsd) -> Self {
        Self {
            stsd,
            stts: None,
            ctts: None,
            cslg: None,
            stss: None,
            stps: None,
            sdtp: None,
            stsc: None,
            stsz: None,
            stz2: None,
            stco: None,
            co64: None,
            sgpds: Vec::new(),
            sbgps: Vec::new(),
            subss: Vec::new(),
            other: Vec::new(),
        }
    }

    /// A table without samples, as stands before movie fragments: `stts`, `stsc`, `stsz` and `stco` are empty.
    #[must_use]
    pub fn for_fragments(stsd: Stsd) -> Self {
        Self {
            stts: Some(Stts::default()),
            stsc: Some(Stsc::default()),
            stsz: Some(Stsz::default()),
            stco: Some(Stco::default()),
            ..Self::new(stsd)
        }
    }
}
