use super::container::container;
use super::{Tfdt, Tfhd, Trun};

container! {
    /// One track's part of a movie fragment (ISO/IEC 14496-12 §8.8.6).
    Traf b"traf" {
        /// Which track, and defaults.
        one tfhd: Tfhd,
        /// Where on the time line it begins.
        optional tfdt: Tfdt,
        /// Its samples.
        many truns: Trun,
    }
}
