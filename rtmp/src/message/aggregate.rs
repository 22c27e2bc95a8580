use super::{Message, TypeId};
use crate::slice;
use bytes::Bytes;
use wire::Reader;

/// The messages inside an aggregate message (RTMP 1.0 §7.1.6), in order.
///
/// A tail that is cut short ends it; aggregates inside aggregates are left out.
#[derive(Debug, Clone)]
pub struct Aggregate {
    payload: Bytes,
    at: usize,
    timestamp: u32,
    stream_id: u32,
    /// What brings the inner clock to that of the aggregate.
    offset: Option<u32>,
}

impl Aggregate {
    /// The parts of an aggregate message.
    #[must_use]
    pub fn new(message: &Message) -> Self {
        Self {
            payload: message.payload.clone(),
            at: 0,
            timestamp: message.timestamp,
            stream_id: message.stream_id,
            offset: None,
        }
    }

    /// Reads the part at `at`: type, 24-bit size, timestamp as in FLV, stream id, body, back pointer.
    fn part(&mut self) -> Option<Message> {
        let mut r = Reader::at(self.payload.get(self.at..)?, self.at);
        let type_id = TypeId(r.u8("type").ok()?);
        let size = r.u24("size").ok()? as usize;
        let [t1, t2, t3, t0] = *r.array("timestamp").ok()?;
        r.skip(3, "stream id").ok()?;
        let start = r.offset();
        r.skip(size, "body").ok()?;
        let payload = slice(&self.payload, start..r.offset())?;
        // The last back pointer may be missing.
        let _ = r.skip(4, "back pointer");
        self.at = r.offset();
        let timestamp = u32::from_be_bytes([t0, t1, t2, t3]);
        let offset = *self
            .offset
            .get_or_insert(self.timestamp.wrapping_sub(timestamp));
        Some(Message {
            timestamp: timestamp.wrapping_add(offset),
            type_id,
            stream_id: self.stream_id,
            payload,
        })
    }
}

impl Iterator for Aggregate {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        loop {
            let part = self.part()?;
            if part.type_id != TypeId::AGGREGATE {
                return Some(part);
            }
        }
    }
}
