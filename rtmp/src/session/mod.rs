//! What server and client sessions share.

mod capabilities;
pub mod client;
mod connection;
mod endpoint;
pub mod server;
mod transmit;

pub use capabilities::{Capabilities, CodecUse};
use core::time::Duration;

/// Names a request until it is decided, or its answer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(u64);

/// Why a session has closed without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// The transport ended between two messages.
    Ended,
    /// The transport ended in the handshake or inside a message.
    Truncated,
    /// We refused the connection.
    Rejected,
    /// We closed it.
    Local,
}

/// How long a session waits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// From the start until `connect` has come, or, as a client, been answered. Default 10 s.
    pub connect: Duration,
    /// Silence after which the peer is asked whether it is there. Default 30 s.
    pub ping: Duration,
    /// Silence after which it is not. Default 60 s.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            ping: Duration::from_secs(30),
            idle: Duration::from_secs(60),
        }
    }
}

/// A stream's name without what follows a question mark, and that.
fn split_query(name: &str) -> (&str, &str) {
    name.split_once('?').unwrap_or((name, ""))
}

/// The chunk stream of protocol and user control (RTMP 1.0 §5.4, §6.2).
const CONTROL_CSID: u32 = 2;
/// The chunk stream that we use for commands about the connection.
const COMMAND_CSID: u32 = 3;
/// The chunk stream that we use for commands about a stream.
const STREAM_CSID: u32 = 5;

/// The acknowledgement window of Flash Media Server.
const WINDOW: u32 = 2_500_000;
