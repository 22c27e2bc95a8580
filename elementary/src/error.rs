use alloc::string::String;

/// Why a stream cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The format cannot carry a track.
    #[error("{0}")]
    Unsupported(String),
    /// A call out of turn, such as a sample before any track.
    #[error("{0}")]
    State(&'static str),
    /// A frame of AAC could not be written.
    #[error(transparent)]
    Aac(#[from] aac::Error),
    /// An access unit of H.264 or H.265 could not be written.
    #[error(transparent)]
    H264(#[from] h264::Error),
}
