use super::header::{Format, Header, MAX_LEN};
use super::{DEFAULT_CHUNK_SIZE, EXTENDED, MAX_CHUNK_SIZE};
use crate::{Error, Limits, Message, TypeId};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use bytes::Bytes;

/// Chunk streams of the one-byte basic header, which all peers use; they are found by index.
const LOW: u32 = 64;

/// Bytes set aside for a message before any of it came, until the peer has shown that it sends longer ones.
const UNTRUSTED: usize = 16 << 10;

/// Reads messages from a chunk stream.
///
/// A payload byte is copied once, from the input into its message. Set Chunk Size and Abort are obeyed here; they are given as
/// messages all the same.
///
/// ```
/// use fluvial_rtmp::{Limits, chunk};
///
/// let mut reader = chunk::Reader::new(&Limits::default());
/// let mut input: &[u8] = &[3, 0, 0, 40, 0, 0, 2, 8, 1, 0, 0, 0, 0xAF];
/// assert_eq!(reader.read(&mut input)?, None);
/// assert!(input.is_empty());
/// let message = reader.read(&mut [0x01].as_slice())?.expect("now it is whole");
/// assert_eq!((message.timestamp, message.stream_id, &message.payload[..]), (40, 1, &[0xAF, 1][..]));
/// # Ok::<(), fluvial_rtmp::Error>(())
/// ```
#[derive(Debug)]
pub struct Reader {
    message_size: u32,
    incomplete_bytes: usize,
    chunk_streams: usize,
    chunk_size: usize,
    /// Bytes read before the present call.
    offset: u64,
    /// Chunk streams 0..64 by index, as far as used.
    low: Vec<ChunkStream>,
    high: BTreeMap<u32, ChunkStream>,
    /// Chunk streams that have been used.
    used: usize,
    /// Whose chunk is being read, while `chunk_left` is not 0.
    csid: u32,
    /// Bytes to come of the present chunk.
    chunk_left: usize,
    /// Bytes at the end of the input that cannot be read without those that follow: most of a header.
    carry: Vec<u8>,
    /// Capacity of all incomplete payloads.
    held: usize,
    /// The longest message so far: as much is set aside at once for the next.
    trusted: usize,
}

/// What a chunk stream remembers for the next header.
#[derive(Debug, Default)]
struct ChunkStream {
    /// What has come of the present message.
    payload: Vec<u8>,
    length: usize,
    timestamp: u32,
    /// The last timestamp field: absolute after format 0, else a delta.
    field: u32,
    stream_id: u32,
    type_id: u8,
    /// Whether that field was an extended one.
    extended: bool,
    /// Whether a message has begun and not ended.
    open: bool,
    /// Whether there was a header.
    known: bool,
}

impl Reader {
    /// A reader at the start of a chunk stream, chunk size 128.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            message_size: limits.message_size,
            incomplete_bytes: limits.incomplete_bytes,
            chunk_streams: limits.chunk_streams,
            chunk_size: DEFAULT_CHUNK_SIZE as usize,
            offset: 0,
            low: Vec::new(),
            high: BTreeMap::new(),
            used: 0,
            csid: 0,
            chunk_left: 0,
            carry: Vec::new(),
            held: 0,
            trusted: UNTRUSTED,
        }
    }

    /// Reads up to the end of the next message and takes what it read off `input`; `None` where the input ends before.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a chunk size of 0 or past 2^31 - 1, and for a chunk that refers to a message or header that was
    /// not there or contradicts it; [`Error::Limit`]; [`Error::Short`] for a control message without its value. The stream
    /// cannot be read on after an error.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Error> {
        let before = input.len().saturating_add(self.carry.len());
        let result = self.read_on(input);
        let after = input.len().saturating_add(self.carry.len());
        self.offset = self
            .offset
            .saturating_add(before.saturating_sub(after) as u64);
        result.map_err(|error| error.at(self.offset))
    }

    /// Memory held for messages that have begun and not ended.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        self.held.saturating_add(self.carry.len())
    }

    /// Whether what was read ends inside a message or a header.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        !self.carry.is_empty()
            || self
                .low
                .iter()
                .chain(self.high.values())
                .any(|stream| stream.open)
    }

    /// Reads what was carried over together with the bytes after it, then the rest of the input.
    fn read_on(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Error> {
        while !self.carry.is_empty() {
            let mut joined = core::mem::take(&mut self.carry);
            let carried = joined.len();
            joined.extend(input.iter().take(MAX_LEN));
            let mut rest = &joined[..];
            let message = self.next(&mut rest);
            let used = joined.len().saturating_sub(rest.len());
            if used < carried {
                self.carry = joined.get(used..carried).unwrap_or_default().to_vec();
            }
            *input = input
                .get(used.saturating_sub(carried)..)
                .unwrap_or_default();
            if !matches!(message, Ok(None)) || input.is_empty() {
                return message;
            }
        }
        self.next(input)
    }

    /// Reads up to the end of a message, or to the end of the input, whose last bytes may go to `carry`.
    fn next(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Error> {
        loop {
            if self.chunk_left == 0 {
                if self.chunk_size == 128 {
                    self.read_blocks(input);
                }
                if self.continue_message(input) {
                    continue;
                }
                let Some(rest) = self.read_header(input)? else {
                    self.carry.extend_from_slice(input);
                    *input = &[];
                    return Ok(None);
                };
                *input = rest;
            }
            let Some(stream) = stream_mut(&mut self.low, &mut self.high, self.csid) else {
                return Err(Error::State("the chunk stream is not known"));
            };
            let (now, later) = input
                .split_at_checked(self.chunk_left)
                .unwrap_or((*input, &[]));
            let room = stream
                .payload
                .capacity()
                .saturating_sub(stream.payload.len());
            if room < now.len() {
                self.held = stream.grow(now.len(), self.held, self.incomplete_bytes)?;
            }
            stream.payload.extend_from_slice(now);
            *input = later;
            self.chunk_left = self.chunk_left.saturating_sub(now.len());
            if self.chunk_left > 0 {
                return Ok(None);
            }
            if stream.payload.len() == stream.length {
                return self.finish().map(Some);
            }
        }
    }

    /// Chunks of the default size that go on with their message and do not end it, whole in the input, for which there is room:
    /// the bulk of a stream whose sender never sets a chunk size.
    #[inline]
    fn read_blocks(&mut self, input: &mut &[u8]) {
        while let Some(([first, payload @ ..], rest)) = input.split_first_chunk::<129>() {
            let Some(stream) = continued(&mut self.low, *first) else {
                return;
            };
            let len = stream.payload.len();
            if len.saturating_add(128) >= stream.length
                || stream.payload.capacity().saturating_sub(len) < 128
            {
                return;
            }
            stream.payload.extend_from_slice(payload);
            *input = rest;
        }
    }

    /// The one-byte header that goes on with an open message.
    #[inline]
    fn continue_message(&mut self, input: &mut &[u8]) -> bool {
        let Some((&first, rest)) = input.split_first() else {
            return false;
        };
        let Some(stream) = continued(&mut self.low, first) else {
            return false;
        };
        self.csid = u32::from(first & 0x3F);
        self.chunk_left = self.chunk_size.min(stream.left());
        *input = rest;
        true
    }

    /// Reads the header at the start of `data`, readies its chunk, and gives what follows it; none where it goes on past the end.
    fn read_header<'a>(&mut self, data: &'a [u8]) -> Result<Option<&'a [u8]>, Error> {
        let Some((header, rest)) = Header::parse(data) else {
            return Ok(None);
        };
        let stream = self.stream(header.csid)?;
        let (field, extended, rest) = match header.format {
            // Some senders repeat the extended timestamp in format 3 and some do not: it is there if it looks like it.
            Format::Same if stream.extended => {
                let expected = stream.field.to_be_bytes();
                match rest.strip_prefix(&expected) {
                    Some(rest) => (stream.field, true, rest),
                    None if expected.starts_with(rest) => return Ok(None),
                    None => (stream.field, true, rest),
                }
            }
            Format::Same => (stream.field, false, rest),
            _ if header.field == EXTENDED => match rest {
                [a, b, c, d, rest @ ..] => (u32::from_be_bytes([*a, *b, *c, *d]), true, rest),
                _ => return Ok(None),
            },
            _ => (header.field, false, rest),
        };
        if stream.open {
            // A full header in the middle of a message is tolerated where it tells nothing new.
            match header.format {
                Format::Full { length, .. } | Format::SameStream { length, .. }
                    if length as usize != stream.length =>
                {
                    return Err(Error::invalid("length of a message that has begun", length));
                }
                _ => {}
            }
            let left = stream.left();
            self.csid = header.csid;
            self.chunk_left = self.chunk_size.min(left);
            return Ok(Some(rest));
        }
        if !stream.known
            && !matches!(
                header.format,
                Format::Full { .. } | Format::SameStream { .. }
            )
        {
            return Err(Error::invalid(
                "chunk stream whose first header is short",
                header.csid,
            ));
        }
        stream.timestamp = match header.format {
            Format::Full { .. } => field,
            _ => stream.timestamp.wrapping_add(field),
        };
        stream.field = field;
        stream.extended = extended;
        match header.format {
            Format::Full {
                length,
                type_id,
                stream_id,
            } => {
                stream.stream_id = stream_id;
                stream.type_id = type_id.0;
                stream.length = length as usize;
            }
            Format::SameStream { length, type_id } => {
                stream.type_id = type_id.0;
                stream.length = length as usize;
            }
            Format::Delta | Format::Same => {}
        }
        stream.known = true;
        stream.open = true;
        self.csid = header.csid;
        self.start()?;
        Ok(Some(rest))
    }

    /// Finds a chunk stream, or makes it.
    fn stream(&mut self, csid: u32) -> Result<&mut ChunkStream, Error> {
        let known = match csid {
            0..LOW => self
                .low
                .get(csid as usize)
                .is_some_and(|stream| stream.known),
            _ => self.high.contains_key(&csid),
        };
        if !known {
            if self.used >= self.chunk_streams {
                return Err(Error::Limit {
                    limit: "chunk streams",
                    max: self.chunk_streams as u64,
                });
            }
            self.used = self.used.saturating_add(1);
            if csid >= LOW {
                self.high.insert(csid, ChunkStream::default());
            } else if self.low.len() <= csid as usize {
                self.low
                    .resize_with(csid as usize + 1, ChunkStream::default);
            }
        }
        stream_mut(&mut self.low, &mut self.high, csid)
            .ok_or(Error::State("the chunk stream is not known"))
    }

    /// Sets aside room for the message that has just begun on the present chunk stream.
    fn start(&mut self) -> Result<(), Error> {
        let Some(stream) = stream_mut(&mut self.low, &mut self.high, self.csid) else {
            return Ok(());
        };
        if stream.length > self.message_size as usize {
            return Err(Error::Limit {
                limit: "message size",
                max: self.message_size.into(),
            });
        }
        let spare = self.incomplete_bytes.saturating_sub(self.held);
        stream.payload = Vec::with_capacity(stream.length.min(self.trusted).min(spare));
        self.held = self.held.saturating_add(stream.payload.capacity());
        self.chunk_left = self.chunk_size.min(stream.length);
        Ok(())
    }

    /// Takes the message that the present chunk stream has completed.
    fn finish(&mut self) -> Result<Message, Error> {
        let Some(stream) = stream_mut(&mut self.low, &mut self.high, self.csid) else {
            return Err(Error::State("the chunk stream is not known"));
        };
        stream.open = false;
        self.held = self.held.saturating_sub(stream.payload.capacity());
        self.trusted = self.trusted.max(stream.length);
        let message = Message {
            timestamp: stream.timestamp,
            type_id: TypeId(stream.type_id),
            stream_id: stream.stream_id,
            payload: Bytes::from(core::mem::take(&mut stream.payload)),
        };
        match message.type_id {
            TypeId::SET_CHUNK_SIZE => {
                let size = wire::Reader::new(&message.payload).u32("chunk size")?;
                if size == 0 || size > 0x7FFF_FFFF {
                    return Err(Error::invalid("chunk size", size));
                }
                self.chunk_size = size.min(MAX_CHUNK_SIZE) as usize;
            }
            TypeId::ABORT => {
                let csid = wire::Reader::new(&message.payload).u32("chunk stream id")?;
                if let Some(stream) = stream_mut(&mut self.low, &mut self.high, csid) {
                    stream.open = false;
                    self.held = self.held.saturating_sub(stream.payload.capacity());
                    stream.payload = Vec::new();
                }
            }
            _ => {}
        }
        Ok(message)
    }
}

impl ChunkStream {
    /// Bytes to come of the present message.
    fn left(&self) -> usize {
        self.length.saturating_sub(self.payload.len())
    }

    /// Makes room for `more` bytes by doubling, the last time to the exact size of the message; gives the new `held`.
    #[cold]
    fn grow(&mut self, more: usize, held: usize, max: usize) -> Result<usize, Error> {
        let (len, capacity) = (self.payload.len(), self.payload.capacity());
        let wanted = capacity
            .saturating_mul(2)
            .max(len.saturating_add(more))
            .min(self.length);
        let held = held.saturating_add(wanted.saturating_sub(capacity));
        if held > max {
            return Err(Error::Limit {
                limit: "bytes of incomplete messages",
                max: max as u64,
            });
        }
        self.payload.reserve_exact(wanted.saturating_sub(len));
        Ok(held)
    }
}

/// The open message that a chunk goes on with whose only header byte is `first`.
#[inline]
fn continued(low: &mut [ChunkStream], first: u8) -> Option<&mut ChunkStream> {
    if first < 0xC2 {
        return None;
    }
    low.get_mut(usize::from(first & 0x3F))
        .filter(|stream| stream.open && !stream.extended)
}

#[inline]
fn stream_mut<'a>(
    low: &'a mut [ChunkStream],
    high: &'a mut BTreeMap<u32, ChunkStream>,
    csid: u32,
) -> Option<&'a mut ChunkStream> {
    if csid < LOW {
        low.get_mut(csid as usize)
    } else {
        high.get_mut(&csid)
    }
}

#[cfg(test)]
mod tests;
