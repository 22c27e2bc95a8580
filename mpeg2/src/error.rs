/// What can be wrong with MPEG syntax, read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input ended within a syntax element.
    #[error(transparent)]
    Short(#[from] wire::ShortBits),
    /// A syntax element has a value that the standard does not allow, or that does not go with the others.
    #[error("{field} at bit {bit} is {value}")]
    Invalid {
        /// The syntax element, as the standard names it.
        field: &'static str,
        /// Its value.
        value: u64,
        /// The position after it, in bits from the start of the input or output.
        bit: u64,
    },
    /// A value does not fit the field that is to carry it.
    #[error(transparent)]
    TooLong(#[from] wire::TooLong),
}
