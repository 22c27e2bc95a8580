use super::container::container;
use super::{Saio, Saiz, Sbgp, Senc, Sgpd, Subs, Tfdt, Tfhd, Trun};
use alloc::vec::Vec;

container! {
    /// One track's part of a movie fragment (ISO/IEC 14496-12 §8.8.6).
    Traf b"traf" {
        /// Which track, and defaults.
        one tfhd: Tfhd,
        /// Where on the time line it begins.
        optional tfdt: Tfdt,
        /// Its samples.
        many truns: Trun,
        /// Groups of its own that samples can be in.
        many sgpds: Sgpd,
        /// Which are in which.
        many sbgps: Sbgp,
        /// Parts of samples.
        many subss: Subs,
        /// How long the samples' auxiliary information is.
        many saizs: Saiz,
        /// Where it lies.
        many saios: Saio,
        /// How the samples are encrypted.
        optional senc: Senc,
    }
}

impl Traf {
    /// A track without samples yet.
    #[must_use]
    pub const fn new(tfhd: Tfhd) -> Self {
        Self {
            tfhd,
            tfdt: None,
            truns: Vec::new(),
            sgpds: Vec::new(),
            sbgps: Vec::new(),
            subss: Vec::new(),
            saizs: Vec::new(),
            saios: Vec::new(),
            senc: None,
            other: Vec::new(),
        }
    }
}
