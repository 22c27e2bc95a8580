//! The headers of tags, where bodies are not wanted.

use rtmp::message::Role;
use rtmp::{Message, TypeId};
use std::io::{ErrorKind, Read, Result, Seek, SeekFrom};
use std::time::Duration;

/// Bytes of a tag's header (FLV §E.4.1), and of the size behind a tag.
pub(super) const TAG: u64 = 11;
pub(super) const BACK_POINTER: u64 = 4;
/// Bytes of a body that tell what it is.
const TELLING: u64 = 64;

/// The header of a tag.
#[derive(Debug)]
pub(super) struct Tag {
    pub(super) type_id: TypeId,
    /// Bytes of the body.
    pub(super) body: u64,
    timestamp: u32,
}

impl Tag {
    /// None at the end of the file and for what is no tag.
    pub(super) fn read(from: &mut impl Read) -> Result<Option<Self>> {
        let mut header = [0; 11];
        match from.read_exact(&mut header) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let [kind, l2, l1, l0, t2, t1, t0, t3, ..] = header;
        let type_id = TypeId(kind);
        let known = matches!(
            type_id,
            TypeId::AUDIO | TypeId::VIDEO | TypeId::DATA | TypeId::DATA_AMF3
        );
        Ok(known.then(|| Self {
            type_id,
            body: u32::from_be_bytes([0, l2, l1, l0]).into(),
            timestamp: u32::from_be_bytes([t3, t2, t1, t0]),
        }))
    }

    pub(super) fn at(file: &mut (impl Read + Seek), at: u64) -> Result<Option<Self>> {
        file.seek(SeekFrom::Start(at))?;
        Self::read(file)
    }

    /// Its time, since a recording started.
    pub(super) fn since(&self, base: u32) -> Duration {
        // What is before the start, as some headers are, is at it.
        let millis = self.timestamp.wrapping_sub(base);
        Duration::from_millis(if millis > u32::MAX / 2 {
            0
        } else {
            millis.into()
        })
    }

    /// Reads what the body begins with, and so what it is; and how much that was.
    pub(super) fn look(&self, from: &mut impl Read) -> Result<(Role, u64)> {
        let telling = self.message(from, TELLING)?;
        Ok((telling.role(), telling.payload.len() as u64))
    }

    /// Reads the body, or so much of it.
    pub(super) fn message(&self, from: &mut impl Read, most: u64) -> Result<Message> {
        let mut payload = Vec::new();
        from.take(self.body.min(most)).read_to_end(&mut payload)?;
        Ok(Message {
            timestamp: self.timestamp,
            type_id: self.type_id,
            stream_id: 0,
            payload: payload.into(),
        })
    }
}
