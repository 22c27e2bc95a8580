use super::container::container;
use super::{Mfhd, Traf};

container! {
    /// A movie fragment: the samples of an `mdat` (ISO/IEC 14496-12 §8.8.4).
    Moof b"moof" {
        /// Its number.
        one mfhd: Mfhd,
        /// Its tracks.
        many trafs: Traf,
    }
}
