/// How much peers can make this end hold.
///
/// The defaults suit a server that faces the internet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one frame or access unit that is put together from packets. Default 16 MiB.
    pub frame_size: usize,
    /// Packets waiting for an earlier one, in each stream. Default 1024.
    pub reorder_packets: usize,
    /// Bytes of samples held until the streams are on one clock. Default 32 MiB.
    pub held_size: usize,
    /// Synchronisation sources remembered in each stream. Default 64.
    pub sources: usize,
    /// Streams of a presentation. Default 64.
    pub streams: usize,
    /// Events waiting to be polled; input that would make more is refused with a warning. Default 4096.
    pub events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_size: 16 << 20,
            reorder_packets: 1024,
            held_size: 32 << 20,
            sources: 64,
            streams: 64,
            events: 4096,
        }
    }
}
