/// What a peer can make us hold at most.
///
/// The defaults suit a server that faces the internet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one message. Default 8 MiB: a key frame at 200 Mbit/s is smaller.
    pub message_size: u32,
    /// Bytes held for messages that have begun and not ended, all chunk streams together. Default 16 MiB.
    pub incomplete_bytes: usize,
    /// Chunk streams used at the same time. Default 64.
    pub chunk_streams: usize,
    /// Message streams (`createStream`) of one connection. Default 16.
    pub message_streams: usize,
    /// Depth of nested AMF objects and arrays. Default 32.
    pub amf_depth: usize,
    /// AMF values in one message. Default 65 536.
    pub amf_values: usize,
    /// Events waiting to be polled; the rest of the input waits with them. Default 64.
    pub events: usize,
    /// Samples that a demuxer holds back until it knows all tracks. Default 256.
    pub held_samples: usize,
    /// Tracks of one stream. Default 32.
    pub tracks: usize,
    /// Input bytes put aside while events wait or a request is undecided. Default 1 MiB.
    pub stashed_bytes: usize,
    /// Bytes waiting to be sent. Default 64 MiB: a late joiner is given the frames since the last key frame at once.
    pub transmit_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_size: 8 << 20,
            incomplete_bytes: 16 << 20,
            chunk_streams: 64,
            message_streams: 16,
            amf_depth: 32,
            amf_values: 1 << 16,
            events: 64,
            held_samples: 256,
            tracks: 32,
            stashed_bytes: 1 << 20,
            transmit_bytes: 64 << 20,
        }
    }
}
