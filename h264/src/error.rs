/// What can be wrong with H.264 syntax, read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A byte structure (an avcC record, a length prefix) ended early.
    #[error(transparent)]
    Short(#[from] wire::Short),
    /// A NAL unit ended within a syntax element.
    #[error(transparent)]
    ShortBits(#[from] wire::ShortBits),
    /// A syntax element has a value that the standard does not allow, or that does not go with the others.
    #[error("{field} at bit {bit} is {value}")]
    Invalid {
        /// The syntax element, as the standard names it.
        field: &'static str,
        /// Its value.
        value: i64,
        /// Its position: bits from the start of the NAL unit, emulation prevention bytes not counted.
        bit: u64,
    },
    /// A syntax element is an Exp-Golomb code of more than 32 bits.
    #[error("{field} at bit {bit} is an Exp-Golomb code past 32 bits")]
    Overlong {
        /// The syntax element, as the standard names it.
        field: &'static str,
        /// Its position, as in [`Error::Invalid`].
        bit: u64,
    },
    /// A parameter set is referred to that has not been seen.
    #[error("{what} {id} is not known")]
    Missing {
        /// The kind of parameter set.
        what: &'static str,
        /// Its id.
        id: u8,
    },
    /// An access unit has no slice whose header could be read.
    #[error("the access unit has no slice")]
    NoPicture,
    /// More than a limit allows.
    #[error("{what} has more than {max} bytes")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// The limit that was set.
        max: usize,
    },
    /// A value does not fit the field that is to carry it.
    #[error(transparent)]
    TooLong(#[from] wire::TooLong),
}

impl From<wire::GolombError> for Error {
    fn from(error: wire::GolombError) -> Self {
        match error {
            wire::GolombError::Short(short) => Self::ShortBits(short),
            wire::GolombError::Overlong { what, bit } => Self::Overlong { field: what, bit },
        }
    }
}
