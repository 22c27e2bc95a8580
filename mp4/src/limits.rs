/// How much an input can make a reader hold.
///
/// The defaults suit a server that faces the internet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a box that is read whole: `moov`, `moof`. Default 16 MiB.
    pub box_size: usize,
    /// Bytes of a `moov` that is read for random access; its tables stay as they are. Default 64 MiB.
    pub movie_size: usize,
    /// Tracks of a movie. Default 1024.
    pub tracks: usize,
    /// Bytes of one sample. Default 32 MiB.
    pub sample_size: u32,
    /// Samples of one movie fragment. Default 262 144.
    pub fragment_samples: usize,
    /// Events waiting to be polled; the rest of the input waits with them. Default 64.
    pub events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            box_size: 16 << 20,
            movie_size: 64 << 20,
            tracks: 1024,
            sample_size: 32 << 20,
            fragment_samples: 1 << 18,
            events: 64,
        }
    }
}
