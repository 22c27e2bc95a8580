use super::Tenc;
use super::container::container;

container! {
    /// What the protection scheme has to say of a track (ISO/IEC 14496-12 §8.12.7).
    Schi b"schi" {
        /// The defaults of common encryption.
        optional tenc: Tenc,
    }
}
