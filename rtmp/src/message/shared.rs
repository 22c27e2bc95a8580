use super::{Message, TypeId};
use crate::chunk::Writer;
use crate::flv::{ExTagHeader, PacketType};
use crate::{Error, slice};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use wire::Reader;

/// What a relay has to know of a message to give it to late joiners and slow readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Metadata or a decoder's set-up: a late joiner needs the newest of each [`slot`](Message::slot) before anything else.
    Header,
    /// A key frame: decoding can start here.
    JoinPoint,
    /// A frame that needs those before it, back to the join point.
    Dependent,
    /// Nothing needs it and it needs no other: audio, cue points. It can be left out alone.
    Free,
}

impl Message {
    /// What a relay has to know of it, from the first bytes of its FLV tag body (FLV 10.1 §E.4.2, §E.4.3).
    #[must_use]
    pub fn role(&self) -> Role {
        match (self.type_id, &*self.payload) {
            (TypeId::AUDIO, [0xA0..=0xAF, 0, ..]) => Role::Header,
            (TypeId::AUDIO, body) if ExTagHeader::is_audio(body) => {
                match ExTagHeader::decode_audio(&mut Reader::new(body)) {
                    Ok(header) => match header.packet_type {
                        PacketType::SequenceStart | PacketType::MultichannelConfig => Role::Header,
                        _ => Role::Free,
                    },
                    Err(_) => Role::Free,
                }
            }
            (TypeId::VIDEO, body) if ExTagHeader::is_video(body) => {
                match ExTagHeader::decode_video(&mut Reader::new(body)) {
                    Ok(header) => enhanced(&header),
                    Err(_) => Role::Dependent,
                }
            }
            (TypeId::VIDEO, [first, rest @ ..]) => match (first >> 4, first & 0xF, rest) {
                // Commands show nothing, nor does the end of the sequence.
                (5, ..) | (_, 7 | 12, [2, ..]) => Role::Free,
                (_, 7 | 12, [0, ..]) => Role::Header,
                (1 | 4, ..) => Role::JoinPoint,
                _ => Role::Dependent,
            },
            (TypeId::DATA, payload) if payload.starts_with(b"\x02\x00\x0AonMetaData") => {
                Role::Header
            }
            _ => Role::Free,
        }
    }
}

impl Message {
    /// Which header takes the place of which: those of the same slot. It tells apart types, what Enhanced RTMP has in one type, and
    /// the first of its tracks that a message is of.
    #[must_use]
    pub fn slot(&self) -> u32 {
        let mut r = Reader::new(&self.payload);
        let header = match self.type_id {
            TypeId::AUDIO if ExTagHeader::is_audio(&self.payload) => {
                ExTagHeader::decode_audio(&mut r).ok()
            }
            TypeId::VIDEO if ExTagHeader::is_video(&self.payload) => {
                ExTagHeader::decode_video(&mut r).ok()
            }
            _ => None,
        };
        let (packet, track) = match header {
            Some(header) => {
                let track = header.track(&mut r).ok().flatten();
                let track = track.map_or(0, |track| track.track_id);
                (header.packet_type.value(), track)
            }
            None => (0, 0),
        };
        u32::from_be_bytes([0, track, packet, self.type_id.0])
    }
}

/// The role of a video body whose codec a FourCC tells.
fn enhanced(header: &ExTagHeader) -> Role {
    match (header.packet_type, header.frame_type) {
        _ if header.command.is_some() => Role::Free,
        (
            PacketType::SequenceStart | PacketType::Mpeg2TsSequenceStart | PacketType::Metadata,
            _,
        ) => Role::Header,
        (PacketType::CodedFrames | PacketType::CodedFramesX, Some(1 | 4)) => Role::JoinPoint,
        (PacketType::CodedFrames | PacketType::CodedFramesX, _) => Role::Dependent,
        _ => Role::Free,
    }
}

/// A message encoded once for everybody who plays its stream.
///
/// It has a full header, message stream id 1 and the clock of its stream, so that its bytes are the same in every connection. A
/// session sends them without a copy; a player on another message stream gets its own header before the same bytes, and only where
/// the chunk size of a connection differs is the message encoded again.
#[derive(Debug, Clone)]
pub struct SharedMessage(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    encoded: Bytes,
    /// The body, inside `encoded` where it is one chunk.
    message: Message,
    role: Role,
    chunk_size: u32,
    /// Bytes of the first chunk header.
    header: usize,
}

/// The message stream that nearly every player plays on: the first that `createStream` gives.
const STREAM_ID: u32 = 1;

/// The chunk stream of media of one kind. What a session says itself goes elsewhere.
pub(crate) const fn media_csid(type_id: TypeId) -> u32 {
    match type_id {
        TypeId::AUDIO => 4,
        TypeId::VIDEO => 6,
        _ => 8,
    }
}

impl SharedMessage {
    /// The chunk size for which messages are encoded and that sessions set: most messages are one chunk.
    pub const CHUNK_SIZE: u32 = 1 << 16;

    /// Encodes a message for [`Self::CHUNK_SIZE`]; its stream id is left out of account.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a payload of 16 MiB or more.
    pub fn new(message: &Message) -> Result<Self, Error> {
        Self::with_chunk_size(message, Self::CHUNK_SIZE)
    }

    /// Encodes a message for connections with another chunk size.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a payload of 16 MiB or more, [`Error::Invalid`] for a chunk size of 0 or past 24 bits.
    pub fn with_chunk_size(message: &Message, chunk_size: u32) -> Result<Self, Error> {
        let message = Message {
            stream_id: STREAM_ID,
            ..message.clone()
        };
        let encoded = Bytes::from(encode(&message, chunk_size)?);
        let header = if message.timestamp >= 0xFF_FFFF {
            16
        } else {
            12
        };
        let whole = slice(
            &encoded,
            header..header.saturating_add(message.payload.len()),
        );
        let role = message.role();
        // The body of a message of one chunk is not kept twice.
        let message = match whole {
            Some(payload) if message.payload.len() <= chunk_size as usize => {
                Message { payload, ..message }
            }
            _ => message,
        };
        Ok(Self(Arc::new(Inner {
            encoded,
            message,
            role,
            chunk_size,
            header,
        })))
    }

    /// The message, on stream 1.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.0.message
    }

    /// What a relay has to know of it.
    #[must_use]
    pub fn role(&self) -> Role {
        self.0.role
    }

    /// Bytes that it takes on the wire.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        self.0.encoded.len()
    }

    /// Gives the bytes for a connection, in one or two pieces.
    pub(crate) fn pieces(&self, stream_id: u32, chunk_size: u32) -> Result<[Bytes; 2], Error> {
        let inner = &*self.0;
        if chunk_size != inner.chunk_size {
            let message = Message {
                stream_id,
                ..inner.message.clone()
            };
            return Ok([Bytes::from(encode(&message, chunk_size)?), Bytes::new()]);
        }
        if stream_id == STREAM_ID {
            return Ok([inner.encoded.clone(), Bytes::new()]);
        }
        let (Some(header), Some(body)) = (
            inner.encoded.get(..inner.header),
            slice(&inner.encoded, inner.header..inner.encoded.len()),
        ) else {
            return Err(Error::State("a shared message lost its header"));
        };
        let mut header = header.to_vec();
        if let Some(field) = header.get_mut(8..).and_then(<[u8]>::first_chunk_mut) {
            *field = stream_id.to_le_bytes();
        }
        Ok([Bytes::from(header), body])
    }
}

/// The chunks of one message with a full header.
fn encode(message: &Message, chunk_size: u32) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    Writer::with_chunk_size(chunk_size)?.write(media_csid(message.type_id), message, &mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_different_slots_stand_beside_each_other() {
        let message = |type_id, payload: &[u8]| Message {
            timestamp: 0,
            type_id,
            stream_id: 1,
            payload: payload.to_vec().into(),
        };
        let headers = [
            message(TypeId::DATA, b"\x02\x00\x0AonMetaData\x08"),
            message(TypeId::VIDEO, b"\x17\x00\0\0\0"),
            message(TypeId::VIDEO, b"\x96\x00hvc1\x01record"),
            message(TypeId::VIDEO, b"\x96\x00hvc1\x02record"),
            message(TypeId::VIDEO, b"\x94hvc1\x02\x00\x09colorInfo"),
            message(TypeId::AUDIO, b"\xAF\x00\x11\x90"),
            message(TypeId::AUDIO, b"\x94Opus\x01\x02"),
        ];
        for (at, header) in headers.iter().enumerate() {
            assert_eq!(header.role(), Role::Header, "{header:?}");
            assert!(
                headers[..at]
                    .iter()
                    .all(|other| other.slot() != header.slot()),
                "{header:?}"
            );
        }
        // A new decoder takes the place of the old one, however it is told.
        assert_eq!(
            message(TypeId::VIDEO, b"\x90hvc1record").slot(),
            headers[1].slot()
        );
    }
}
