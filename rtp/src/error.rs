use alloc::borrow::Cow;

/// Why a packet or a description cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input ends before the last field.
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
    /// The input asks for more than the configured [`Limits`](crate::Limits) allow.
    #[error("{limit} would pass its limit of {max}")]
    Limit {
        /// What is limited.
        limit: &'static str,
        /// The limit.
        max: u64,
    },
    /// An authentication tag that does not fit its packet: it is not from who has the key, or it is damaged.
    #[error("the authentication tag does not fit")]
    Authentication,
    /// A packet that came before, or is too old to tell.
    #[error("the packet of index {index} came before or is too old")]
    Replayed {
        /// Its index: rollover counter and sequence number, or the SRTCP index.
        index: u64,
    },
    /// Something that this crate does not do.
    #[error("{0} is not supported")]
    Unsupported(Cow<'static, str>),
    /// A call that has no place in the present state.
    #[error("{0}")]
    State(&'static str),
}
