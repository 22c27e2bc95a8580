use super::Elst;
use super::container::container;

container! {
    /// Holds the edit list (ISO/IEC 14496-12 §8.6.5).
    Edts b"edts" {
        /// The edits.
        optional elst: Elst,
    }
}
