use super::container::container;
use super::{Dinf, Nmhd, Smhd, Stbl, Vmhd};

container! {
    /// What describes the media of a track (ISO/IEC 14496-12 §8.4.4).
    Minf b"minf" {
        /// For video.
        optional vmhd: Vmhd,
        /// For sound.
        optional smhd: Smhd,
        /// For anything else.
        optional nmhd: Nmhd,
        /// Where the samples lie.
        optional dinf: Dinf,
        /// The samples.
        one stbl: Stbl,
    }
}
