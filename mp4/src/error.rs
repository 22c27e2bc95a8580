use crate::FourCc;

/// Why a box cannot be read or written, or an input cannot be packaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A box ends before its last field.
    #[error(transparent)]
    Short(#[from] wire::Short),
    /// A value that does not fit the field that carries it.
    #[error(transparent)]
    TooLong(#[from] wire::TooLong),
    /// A field with a value that it must not have.
    #[error("{field} must not be {value} at offset {offset}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
        /// Where, in bytes from the start of what was being read.
        offset: u64,
    },
    /// A box of another type than the one that was asked for.
    #[error("expected a {expected} box, found {found}")]
    Type {
        /// The type that was asked for.
        expected: FourCc,
        /// The type that is there.
        found: FourCc,
    },
    /// A box that its container must have is not there, or is damaged.
    #[error("{container} has no valid {missing}")]
    Missing {
        /// The container.
        container: FourCc,
        /// The box.
        missing: FourCc,
    },
    /// The input asks for more than the configured [`Limits`](crate::Limits) allow.
    #[error("{limit} would pass its limit of {max}")]
    Limit {
        /// What is limited.
        limit: &'static str,
        /// The limit.
        max: u64,
    },
    /// Something that this crate does not do.
    #[error("{0} is not supported")]
    Unsupported(alloc::borrow::Cow<'static, str>),
    /// A file without a movie: no `moov` is in it, or damage hides it.
    #[error("no moov is found in the file")]
    NoMovie,
    /// A call that has no place in the present state.
    #[error("{0}")]
    State(&'static str),
}
