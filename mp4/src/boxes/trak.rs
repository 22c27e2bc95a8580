use super::container::container;
use super::{Edts, Mdia, Tkhd};

container! {
    /// One track (ISO/IEC 14496-12 §8.3.1).
    Trak b"trak" {
        /// Its number, place and size.
        one tkhd: Tkhd,
        /// How its time line is laid on the movie's.
        optional edts: Edts,
        /// Its media.
        one mdia: Mdia,
    }
}
