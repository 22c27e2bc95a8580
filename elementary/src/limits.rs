/// How much an input can make a demuxer hold.
///
/// The defaults suit a server that faces the internet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Events waiting to be polled; the rest of the input waits with them. Default 64.
    pub events: usize,
    /// Bytes of an ID3v2 tag that is kept; a longer one is passed over. Default 256 KiB.
    pub tag_size: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            events: 64,
            tag_size: 256 << 10,
        }
    }
}
