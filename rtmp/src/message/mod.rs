//! Messages: what the chunk stream carries.

mod aggregate;
mod command;
mod control;
mod shared;
mod shared_object;

pub use aggregate::Aggregate;
pub(crate) use command::status_info;
pub use command::{Command, status};
pub use control::{BandwidthLimit, Control, UserControl};
pub(crate) use shared::media_csid;
pub use shared::{Role, SharedMessage};
pub use shared_object::{SharedObject, SharedObjectEvent};

use bytes::Bytes;

/// The type of a [`Message`] (RTMP 1.0 §5.4, §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub u8);

impl TypeId {
    /// Set Chunk Size (§5.4.1).
    pub const SET_CHUNK_SIZE: TypeId = TypeId(1);
    /// Abort Message (§5.4.2).
    pub const ABORT: TypeId = TypeId(2);
    /// Acknowledgement (§5.4.3).
    pub const ACKNOWLEDGEMENT: TypeId = TypeId(3);
    /// User control (§6.2).
    pub const USER_CONTROL: TypeId = TypeId(4);
    /// Window Acknowledgement Size (§5.4.4).
    pub const WINDOW_ACK_SIZE: TypeId = TypeId(5);
    /// Set Peer Bandwidth (§5.4.5).
    pub const SET_PEER_BANDWIDTH: TypeId = TypeId(6);
    /// Audio: an FLV audio tag body.
    pub const AUDIO: TypeId = TypeId(8);
    /// Video: an FLV video tag body.
    pub const VIDEO: TypeId = TypeId(9);
    /// Data in AMF3 messages, mostly AMF0 after a format byte.
    pub const DATA_AMF3: TypeId = TypeId(15);
    /// Shared object in AMF3 messages, mostly AMF0 after a format byte.
    pub const SHARED_OBJECT_AMF3: TypeId = TypeId(16);
    /// Command in AMF3 messages, mostly AMF0 after a format byte.
    pub const COMMAND_AMF3: TypeId = TypeId(17);
    /// Data in AMF0: `onMetaData` and the like.
    pub const DATA: TypeId = TypeId(18);
    /// Shared object in AMF0.
    pub const SHARED_OBJECT: TypeId = TypeId(19);
    /// Command in AMF0.
    pub const COMMAND: TypeId = TypeId(20);
    /// Aggregate: several audio, video and data messages in one.
    pub const AGGREGATE: TypeId = TypeId(22);
}

/// One whole message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Milliseconds, modulo 2^32, of the stream's own clock.
    pub timestamp: u32,
    /// What the payload is.
    pub type_id: TypeId,
    /// The message stream: 0 for the connection, else what `createStream` gave.
    pub stream_id: u32,
    /// The body.
    pub payload: Bytes,
}
