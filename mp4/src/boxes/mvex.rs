use super::container::container;
use super::{Mehd, Trex};

container! {
    /// Says that the file has movie fragments (ISO/IEC 14496-12 §8.8.1).
    Mvex b"mvex" {
        /// Duration of the whole, where it is known.
        optional mehd: Mehd,
        /// Defaults, one for each track.
        many trexs: Trex,
    }
}
