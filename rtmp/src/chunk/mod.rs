//! The chunk stream: messages cut into chunks, several of them in flight at once (RTMP 1.0 §5.3).

mod header;
mod reader;
mod writer;

pub use reader::Reader;
pub use writer::Writer;

/// Chunk size of either direction until a Set Chunk Size message changes it (§5.4.1).
pub const DEFAULT_CHUNK_SIZE: u32 = 128;

/// No message is longer, so a larger chunk size means the same (§5.4.1).
pub const MAX_CHUNK_SIZE: u32 = 0xFF_FFFF;

/// The value of a 24-bit timestamp field that says that 32 bits follow (§5.3.1.3).
const EXTENDED: u32 = 0xFF_FFFF;
