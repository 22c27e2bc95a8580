use super::{Message, TypeId};
use crate::Error;
use alloc::vec::Vec;
use bytes::Bytes;
use wire::{Reader, Writer};

/// How binding a [`Control::SetPeerBandwidth`] is (RTMP 1.0 §5.4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BandwidthLimit {
    /// Take this window.
    Hard,
    /// Take this window or the one in effect, whichever is smaller.
    Soft,
    /// As hard if the last one was hard, else nothing.
    Dynamic,
}

/// A protocol control message (RTMP 1.0 §5.4), on chunk stream 2 and message stream 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Payload bytes per chunk, from the next chunk on: 31 bits.
    SetChunkSize(u32),
    /// The unfinished message of this chunk stream will not go on.
    Abort(u32),
    /// Bytes received so far, modulo 2^32.
    Acknowledgement(u32),
    /// Bytes after which the sender of this wants an acknowledgement.
    WindowAckSize(u32),
    /// Bytes that the receiver of this may send without one.
    SetPeerBandwidth {
        /// The window.
        size: u32,
        /// How binding it is.
        limit: BandwidthLimit,
    },
}

impl Control {
    /// Reads a protocol control message; `None` for a message of another type.
    ///
    /// # Errors
    /// [`Error::Short`]; [`Error::Invalid`] for an unknown limit type.
    pub fn parse(message: &Message) -> Result<Option<Self>, Error> {
        let mut r = Reader::new(&message.payload);
        Ok(Some(match message.type_id {
            TypeId::SET_CHUNK_SIZE => Control::SetChunkSize(r.u32("chunk size")?),
            TypeId::ABORT => Control::Abort(r.u32("chunk stream id")?),
            TypeId::ACKNOWLEDGEMENT => Control::Acknowledgement(r.u32("sequence number")?),
            TypeId::WINDOW_ACK_SIZE => {
                Control::WindowAckSize(r.u32("acknowledgement window size")?)
            }
            TypeId::SET_PEER_BANDWIDTH => {
                let size = r.u32("acknowledgement window size")?;
                let limit = match r.u8("limit type")? {
                    0 => BandwidthLimit::Hard,
                    1 => BandwidthLimit::Soft,
                    2 => BandwidthLimit::Dynamic,
                    other => {
                        return Err(Error::Invalid {
                            field: "limit type",
                            value: other.into(),
                            offset: 4,
                        });
                    }
                };
                Control::SetPeerBandwidth { size, limit }
            }
            _ => return Ok(None),
        }))
    }

    /// The message that says this.
    #[must_use]
    pub fn to_message(self) -> Message {
        let mut out = Vec::with_capacity(5);
        let mut w = Writer::new(&mut out);
        let type_id = match self {
            Control::SetChunkSize(size) => {
                w.u32(size);
                TypeId::SET_CHUNK_SIZE
            }
            Control::Abort(csid) => {
                w.u32(csid);
                TypeId::ABORT
            }
            Control::Acknowledgement(sequence_number) => {
                w.u32(sequence_number);
                TypeId::ACKNOWLEDGEMENT
            }
            Control::WindowAckSize(size) => {
                w.u32(size);
                TypeId::WINDOW_ACK_SIZE
            }
            Control::SetPeerBandwidth { size, limit } => {
                w.u32(size).u8(match limit {
                    BandwidthLimit::Hard => 0,
                    BandwidthLimit::Soft => 1,
                    BandwidthLimit::Dynamic => 2,
                });
                TypeId::SET_PEER_BANDWIDTH
            }
        };
        Message {
            timestamp: 0,
            type_id,
            stream_id: 0,
            payload: out.into(),
        }
    }
}

/// A user control message (RTMP 1.0 §6.2, §7.1.7), on chunk stream 2 and message stream 0.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserControl {
    /// The message stream can be used.
    StreamBegin(u32),
    /// Its playback is over.
    StreamEof(u32),
    /// There is no more data for a while.
    StreamDry(u32),
    /// The client buffers this much.
    SetBufferLength {
        /// Of this message stream.
        stream_id: u32,
        /// Milliseconds.
        millis: u32,
    },
    /// The stream is a recorded one.
    StreamIsRecorded(u32),
    /// Is the peer there? With the time of the sender, in milliseconds.
    PingRequest(u32),
    /// It is. With the time of the request.
    PingResponse(u32),
    /// Another event.
    Other {
        /// Its number.
        event: u16,
        /// Its data.
        data: Bytes,
    },
}

impl UserControl {
    /// Reads the body of a user control message.
    ///
    /// # Errors
    /// [`Error::Short`].
    pub fn parse(payload: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(payload);
        Ok(match r.u16("event type")? {
            0 => UserControl::StreamBegin(r.u32("stream id")?),
            1 => UserControl::StreamEof(r.u32("stream id")?),
            2 => UserControl::StreamDry(r.u32("stream id")?),
            3 => UserControl::SetBufferLength {
                stream_id: r.u32("stream id")?,
                millis: r.u32("buffer length")?,
            },
            4 => UserControl::StreamIsRecorded(r.u32("stream id")?),
            6 => UserControl::PingRequest(r.u32("timestamp")?),
            7 => UserControl::PingResponse(r.u32("timestamp")?),
            event => UserControl::Other {
                event,
                data: Bytes::copy_from_slice(r.rest()),
            },
        })
    }

    /// The message that says this.
    #[must_use]
    pub fn to_message(&self) -> Message {
        let mut out = Vec::with_capacity(10);
        let mut w = Writer::new(&mut out);
        match self {
            UserControl::StreamBegin(stream_id) => w.u16(0).u32(*stream_id),
            UserControl::StreamEof(stream_id) => w.u16(1).u32(*stream_id),
            UserControl::StreamDry(stream_id) => w.u16(2).u32(*stream_id),
            UserControl::SetBufferLength { stream_id, millis } => {
                w.u16(3).u32(*stream_id).u32(*millis)
            }
            UserControl::StreamIsRecorded(stream_id) => w.u16(4).u32(*stream_id),
            UserControl::PingRequest(time) => w.u16(6).u32(*time),
            UserControl::PingResponse(time) => w.u16(7).u32(*time),
            UserControl::Other { event, data } => w.u16(*event).bytes(data),
        };
        Message {
            timestamp: 0,
            type_id: TypeId::USER_CONTROL,
            stream_id: 0,
            payload: out.into(),
        }
    }
}
