use super::header::{Format, Header};
use super::{DEFAULT_CHUNK_SIZE, MAX_CHUNK_SIZE};
use crate::message::Control;
use crate::{Error, Message, TypeId};
use alloc::vec::Vec;

/// Writes messages as chunks, each with the shortest header that its chunk stream allows.
///
/// ```
/// use bytes::Bytes;
/// use fluvial_rtmp::{Message, TypeId, chunk};
///
/// let mut writer = chunk::Writer::new();
/// let mut message = Message { timestamp: 40, type_id: TypeId::AUDIO, stream_id: 1, payload: Bytes::from_static(&[0xAF, 1]) };
/// let mut out = Vec::new();
/// writer.write(4, &message, &mut out)?;
/// assert_eq!(out, [4, 0, 0, 40, 0, 0, 2, 8, 1, 0, 0, 0, 0xAF, 1]);
/// message.timestamp = 63;
/// out.clear();
/// writer.write(4, &message, &mut out)?;
/// assert_eq!(out, [0x84, 0, 0, 23, 0xAF, 1]);
/// # Ok::<(), fluvial_rtmp::Error>(())
/// ```
#[derive(Debug)]
pub struct Writer {
    chunk_size: u32,
    history: Vec<History>,
}

/// The last message on a chunk stream.
#[derive(Debug)]
struct History {
    csid: u32,
    timestamp: u32,
    /// The delta of the last header; none after a full one, whose repetition peers read in two ways.
    delta: Option<u32>,
    length: u32,
    type_id: TypeId,
    stream_id: u32,
}

impl Writer {
    /// A writer at the start of a chunk stream, chunk size 128.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            chunk_size: DEFAULT_CHUNK_SIZE,
            history: Vec::new(),
        }
    }

    /// A writer whose peer knows the chunk size already.
    ///
    /// # Errors
    /// [`Error::Invalid`] for 0 and past 2^24 - 1.
    pub fn with_chunk_size(chunk_size: u32) -> Result<Self, Error> {
        check(chunk_size)?;
        Ok(Self {
            chunk_size,
            history: Vec::new(),
        })
    }

    /// Bytes of payload per chunk.
    #[must_use]
    pub const fn chunk_size(&self) -> u32 {
        self.chunk_size
    }

    /// Writes a Set Chunk Size message and cuts by it from then on.
    ///
    /// # Errors
    /// [`Error::Invalid`] for 0 and past 2^24 - 1, the length of the longest message.
    pub fn set_chunk_size(&mut self, size: u32, out: &mut Vec<u8>) -> Result<(), Error> {
        check(size)?;
        self.write(2, &Control::SetChunkSize(size).to_message(), out)?;
        self.chunk_size = size;
        Ok(())
    }

    /// Writes a message on chunk stream `csid`, 2 to 65 599.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a payload of 16 MiB or more, [`Error::Invalid`] for `csid`.
    pub fn write(&mut self, csid: u32, message: &Message, out: &mut Vec<u8>) -> Result<(), Error> {
        if !(2..=65_599).contains(&csid) {
            return Err(Error::invalid("chunk stream id", csid));
        }
        let Ok(length @ 0..=MAX_CHUNK_SIZE) = u32::try_from(message.payload.len()) else {
            let (value, max) = (message.payload.len() as u64, MAX_CHUNK_SIZE.into());
            return Err(wire::TooLong {
                what: "message length",
                value,
                max,
            }
            .into());
        };
        let (format, time) = self.choose(csid, message, length);
        let mut continuation = Vec::new();
        // A format 3 header repeats the extended timestamp of the header before it.
        Header::encode(csid, Format::Same, time, &mut continuation);
        let chunks = length.div_ceil(self.chunk_size) as usize;
        let headers = chunks
            .saturating_mul(continuation.len())
            .saturating_add(super::header::MAX_LEN);
        out.reserve(message.payload.len().saturating_add(headers));
        Header::encode(csid, format, time, out);
        self.cut(&message.payload, &continuation, out);
        Ok(())
    }

    /// Forgets the last message on `csid`: the next one gets a full header.
    ///
    /// For who sends ready-made chunks, such as [`SharedMessage`](crate::SharedMessage)s, between.
    pub fn forget(&mut self, csid: u32) {
        self.history.retain(|last| last.csid != csid);
    }

    /// The format with its timestamp or delta, and remembers the message.
    fn choose(&mut self, csid: u32, message: &Message, length: u32) -> (Format, u32) {
        let full = Format::Full {
            length,
            type_id: message.type_id,
            stream_id: message.stream_id,
        };
        let Some(last) = self.history.iter_mut().find(|last| last.csid == csid) else {
            self.history.push(History {
                csid,
                timestamp: message.timestamp,
                delta: None,
                length,
                type_id: message.type_id,
                stream_id: message.stream_id,
            });
            return (full, message.timestamp);
        };
        let delta = message.timestamp.wrapping_sub(last.timestamp);
        // Half of the clock's range lies ahead, half behind; a delta cannot go back.
        let back = delta >= 1 << 31;
        let (format, time) = if back || last.stream_id != message.stream_id {
            (full, message.timestamp)
        } else if last.length != length || last.type_id != message.type_id {
            (
                Format::SameStream {
                    length,
                    type_id: message.type_id,
                },
                delta,
            )
        } else if last.delta == Some(delta) {
            (Format::Same, delta)
        } else {
            (Format::Delta, delta)
        };
        last.timestamp = message.timestamp;
        last.delta = (format != full).then_some(delta);
        last.length = length;
        last.type_id = message.type_id;
        last.stream_id = message.stream_id;
        (format, time)
    }

    /// Writes the payload with `continuation` between its chunks.
    fn cut(&self, payload: &[u8], continuation: &[u8], out: &mut Vec<u8>) {
        let mut rest = payload;
        if let (DEFAULT_CHUNK_SIZE, &[header]) = (self.chunk_size, continuation) {
            while let Some((block, tail)) = rest.split_first_chunk::<128>() {
                if tail.is_empty() {
                    break;
                }
                out.extend_from_slice(block);
                out.push(header);
                rest = tail;
            }
        }
        while let Some((block, tail)) = rest.split_at_checked(self.chunk_size as usize) {
            if tail.is_empty() {
                break;
            }
            out.extend_from_slice(block);
            out.extend_from_slice(continuation);
            rest = tail;
        }
        out.extend_from_slice(rest);
    }
}

fn check(chunk_size: u32) -> Result<(), Error> {
    match chunk_size {
        1..=MAX_CHUNK_SIZE => Ok(()),
        _ => Err(Error::invalid("chunk size", chunk_size)),
    }
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}
