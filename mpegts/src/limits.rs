/// How much an input can make a reader hold.
///
/// The defaults suit a server that faces the internet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one PES packet, and of one sample. Default 16 MiB.
    pub pes_size: usize,
    /// Bytes held in all PES packets that are not complete, together. Default 64 MiB.
    pub held_size: usize,
    /// Bytes of packets held that come before the program map tables; where more do, the earlier ones are left out. Default 4 MiB.
    pub early_size: usize,
    /// Programs, by the program association table. Default 256.
    pub programs: usize,
    /// Elementary streams of all programs. Default 512.
    pub streams: usize,
    /// Events waiting to be polled; the rest of the input waits with them. Default 64.
    pub events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pes_size: 16 << 20,
            held_size: 64 << 20,
            early_size: 4 << 20,
            programs: 256,
            streams: 512,
            events: 64,
        }
    }
}
