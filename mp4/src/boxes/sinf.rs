use super::container::container;
use super::{Frma, Schi, Schm};

container! {
    /// How the samples of a sample entry are protected (ISO/IEC 14496-12 §8.12.2).
    Sinf b"sinf" {
        /// What the sample entry was before.
        one frma: Frma,
        /// The scheme.
        optional schm: Schm,
        /// What the scheme has to say.
        optional schi: Schi,
    }
}
