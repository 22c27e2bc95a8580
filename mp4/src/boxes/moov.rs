use super::container::container;
use super::{Mvex, Mvhd, Trak};

container! {
    /// The movie: what a player must know before the first sample (ISO/IEC 14496-12 §8.2.1).
    Moov b"moov" {
        /// Facts about the whole.
        one mvhd: Mvhd,
        /// The tracks.
        many traks: Trak,
        /// Says that movie fragments follow, and their defaults.
        optional mvex: Mvex,
    }
}
