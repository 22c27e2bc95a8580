use wire::{GolombError, Short, ShortBits, TooLong};

/// Why a configuration record was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It ended within a field of whole bytes.
    #[error(transparent)]
    Short(#[from] Short),
    /// It ended within a field of bits.
    #[error(transparent)]
    ShortBits(#[from] ShortBits),
    /// An Exp-Golomb code has more than 32 bits, or the record ended within it.
    #[error(transparent)]
    Golomb(#[from] GolombError),
    /// A field has a value that the standard does not allow.
    #[error("{field} is {value}")]
    Invalid {
        /// The field, as the standard names it.
        field: &'static str,
        /// Its value.
        value: u64,
    },
    /// A value does not fit the field that is to carry it.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// A header of MPEG video or audio was refused.
    #[error(transparent)]
    Mpeg(#[from] mpeg2::Error),
}
