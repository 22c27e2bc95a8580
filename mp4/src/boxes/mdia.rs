use super::container::container;
use super::{Hdlr, Mdhd, Minf};

container! {
    /// The media of a track (ISO/IEC 14496-12 §8.4.1).
    Mdia b"mdia" {
        /// Its clock and language.
        one mdhd: Mdhd,
        /// Its kind.
        one hdlr: Hdlr,
        /// Its sample descriptions and tables.
        one minf: Minf,
    }
}
