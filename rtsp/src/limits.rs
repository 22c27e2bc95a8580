/// What a peer can make us hold at most.
///
/// The defaults suit a server that faces the internet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a message's start line and headers. Default 32 KiB.
    pub head_size: usize,
    /// Headers of one message. Default 128.
    pub headers: usize,
    /// Bytes of a message's body. Default 256 KiB: session descriptions take a few KiB.
    pub body_size: usize,
    /// Media of one presentation. Default 32.
    pub media: usize,
    /// Events waiting to be polled; the rest of the input waits with them. Default 64.
    pub events: usize,
    /// Input bytes put aside while events wait or a request is undecided. Default 1 MiB.
    pub stashed_bytes: usize,
    /// Bytes waiting to be sent. Default 64 MiB: a late joiner is given the frames since the last key frame at once.
    pub transmit_bytes: usize,
    /// Bytes between two messages that are skipped as garbage before the peer is given up. Default 64 KiB.
    pub garbage: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_size: 32 << 10,
            headers: 128,
            body_size: 256 << 10,
            media: 32,
            events: 64,
            stashed_bytes: 1 << 20,
            transmit_bytes: 64 << 20,
            garbage: 64 << 10,
        }
    }
}
