use alloc::string::String;

/// Why a peer's bytes cannot be read any further, or a caller's request cannot be met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A field with a value that it must not have.
    #[error("{field} must not be {value:?} at offset {offset}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// Its value, at most the first 64 characters.
        value: String,
        /// Where, in bytes from the start of what was being read: of a header's value, of a message's head, or of all
        /// input of a session.
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
    /// A value that does not fit the field that carries it.
    #[error("{what} of {value} is too long")]
    TooLong {
        /// What it is.
        what: &'static str,
        /// Its length.
        value: u64,
    },
    /// Something came, or was called, that has no place in the present state.
    #[error("{0}")]
    State(&'static str),
    /// The peer refused a request.
    #[error("{method} was refused: {status} {reason}")]
    Refused {
        /// The request.
        method: &'static str,
        /// The status of its response.
        status: u16,
        /// What the peer says about it.
        reason: String,
    },
    /// The peer did not do in time what it had to do.
    #[error("{0} timed out")]
    Timeout(&'static str),
}

impl Error {
    /// An invalid field at an offset.
    pub(crate) fn invalid(field: &'static str, value: &str, offset: usize) -> Self {
        Error::Invalid {
            field,
            value: value.chars().take(64).collect(),
            offset: offset as u64,
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
