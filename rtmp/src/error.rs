/// Why a peer's bytes cannot be read any further, or a caller's request cannot be met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value ends before its last byte.
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
    /// The peer asks for more than the configured [`Limits`](crate::Limits) allow.
    #[error("{limit} would pass its limit of {max}")]
    Limit {
        /// What is limited.
        limit: &'static str,
        /// The limit.
        max: u64,
    },
    /// Something came, or was called, that has no place in the present state.
    #[error("{0}")]
    State(&'static str),
    /// Something that this crate, or the format, cannot carry.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The peer did not do in time what it had to do.
    #[error("{0} timed out")]
    Timeout(&'static str),
}

impl Error {
    /// An invalid field whose offset [`at`](Self::at) fills in.
    pub(crate) fn invalid(field: &'static str, value: impl Into<u64>) -> Self {
        Error::Invalid {
            field,
            value: value.into(),
            offset: 0,
        }
    }

    /// The same error, `base` bytes further on.
    pub(crate) fn at(self, base: u64) -> Self {
        match self {
            Error::Invalid {
                field,
                value,
                offset,
            } => Error::Invalid {
                field,
                value,
                offset: offset.saturating_add(base),
            },
            other => other,
        }
    }
}
