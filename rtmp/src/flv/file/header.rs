use super::TAG_HEADER_SIZE;
use crate::{Error, Message};
use alloc::vec::Vec;
use wire::{Reader, TooLong, Writer};

/// The header of a file (§E.2).
///
/// ```text
/// Signature 24 "FLV", Version 8, Reserved 5, Audio 1, Reserved 1, Video 1, DataOffset 32
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileHeader {
    /// 8 bits: 1.
    pub version: u8,
    /// Whether there are audio tags. Many files say so that have none.
    pub audio: bool,
    /// Whether there are video tags. Many files say so that have none.
    pub video: bool,
    /// Bytes from the start of the file to the first `PreviousTagSize`, 32 bits: 9.
    pub data_offset: u32,
}

impl FileHeader {
    /// Bytes of the header in version 1.
    pub const LEN: usize = 9;

    /// A header of version 1.
    #[must_use]
    pub const fn new(audio: bool, video: bool) -> Self {
        Self {
            version: 1,
            audio,
            video,
            data_offset: 9,
        }
    }

    /// Reads a header.
    ///
    /// # Errors
    /// [`Error::Short`]; [`Error::Invalid`] for another signature and for a `DataOffset` inside the header.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let signature = r.u24("Signature")?;
        if signature.to_be_bytes() != *b"\0FLV" {
            return Err(Error::invalid("Signature", signature));
        }
        let version = r.u8("Version")?;
        let flags = r.u8("TypeFlags")?;
        let data_offset = r.u32("DataOffset")?;
        if data_offset < 9 {
            return Err(Error::Invalid {
                field: "DataOffset",
                value: data_offset.into(),
                offset: 5,
            });
        }
        Ok(Self {
            version,
            audio: flags & 4 != 0,
            video: flags & 1 != 0,
            data_offset,
        })
    }

    /// Writes the header and the `PreviousTagSize` of 0 behind it; always 13 bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let flags = u8::from(self.audio) << 2 | u8::from(self.video);
        out.extend_from_slice(b"FLV");
        out.extend_from_slice(&[self.version, flags, 0, 0, 0, 9, 0, 0, 0, 0]);
    }
}

/// Writes a message as a tag (§E.4.1) with its size behind it; its stream id is written as 0, as all files have it.
///
/// ```text
/// Reserved 2, Filter 1, TagType 5, DataSize 24, Timestamp 24, TimestampExtended 8, StreamID 24, body, PreviousTagSize 32
/// ```
///
/// # Errors
/// [`Error::TooLong`] for a body of 16 MiB or more, and for a type past 5 bits.
pub fn encode_tag(message: &Message, out: &mut Vec<u8>) -> Result<(), Error> {
    let len = message.payload.len();
    let type_id = message.type_id.0;
    if type_id > 0x1F {
        return Err(TooLong {
            what: "TagType",
            value: type_id.into(),
            max: 0x1F,
        }
        .into());
    }
    let size = u32::try_from(len).unwrap_or(u32::MAX);
    let [high, low @ ..] = message.timestamp.to_be_bytes();
    out.reserve(len.saturating_add(15));
    let mut w = Writer::new(out);
    w.u8(type_id);
    w.u24("DataSize", size)?;
    w.bytes(&low).u8(high).zeros(3);
    w.bytes(&message.payload);
    w.u32(size.saturating_add(TAG_HEADER_SIZE));
    Ok(())
}
