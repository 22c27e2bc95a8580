//! FLV files, whose tags carry the very payloads that RTMP messages carry.

use std::{fs, io, path::Path};

use rtmp::{Message, TypeId};

const FILE_HEADER: &[u8] = b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00";

/// The tags of a file as messages of message stream 0.
///
/// # Panics
///
/// When it is no FLV file: ffmpeg has made it.
pub fn read(file: &Path) -> Vec<Message> {
    let bytes = fs::read(file).expect("the file is there");
    let mut rest = bytes.get(FILE_HEADER.len()..).expect("a file header");
    let mut messages = Vec::new();
    while let Some((&[kind, l2, l1, l0, t2, t1, t0, t3, _, _, _], after)) = rest.split_first_chunk()
    {
        let len = u32::from_be_bytes([0, l2, l1, l0]) as usize;
        let timestamp = u32::from_be_bytes([t3, t2, t1, t0]);
        let payload = after.get(..len).expect("a whole tag").to_vec();
        messages.push(Message {
            type_id: TypeId(kind),
            stream_id: 0,
            timestamp,
            payload: payload.into(),
        });
        rest = after.get(len + 4..).expect("a whole tag");
    }
    messages
}

/// Writes messages as the tags of a file.
#[derive(Debug)]
pub struct Writer<W>(W);

impl<W: io::Write> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn new(mut file: W) -> io::Result<Self> {
        file.write_all(FILE_HEADER)?;
        Ok(Self(file))
    }

    /// Appends a tag.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&mut self, message: &Message) -> io::Result<()> {
        let len = u32::try_from(message.payload.len()).expect("a message is not that long");
        let [_, l2, l1, l0] = len.to_be_bytes();
        let [t3, t2, t1, t0] = message.timestamp.to_be_bytes();
        self.0
            .write_all(&[message.type_id.0, l2, l1, l0, t2, t1, t0, t3, 0, 0, 0])?;
        self.0.write_all(&message.payload)?;
        self.0.write_all(&(len + 11).to_be_bytes())
    }
}
