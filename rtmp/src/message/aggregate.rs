use super::{Message, TypeId};
use crate::{Error, slice};
use alloc::vec::Vec;
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

    /// The aggregate message of these messages, on the stream of the first and with its time.
    ///
    /// # Errors
    /// [`Error::TooLong`] where one or all of them have 16 MiB or more.
    pub fn encode(messages: &[Message]) -> Result<Message, Error> {
        let mut out = Vec::new();
        for message in messages {
            // As tags of a file have it.
            crate::flv::encode_tag(message, &mut out)?;
        }
        let max = 0xFF_FFFF;
        if out.len() as u64 > max {
            return Err(wire::TooLong {
                what: "aggregate message",
                value: out.len() as u64,
                max,
            }
            .into());
        }
        let first = messages.first();
        Ok(Message {
            timestamp: first.map_or(0, |first| first.timestamp),
            type_id: TypeId::AGGREGATE,
            stream_id: first.map_or(0, |first| first.stream_id),
            payload: out.into(),
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trip(parts in prop::collection::vec((prop_oneof![Just(8u8), Just(9), Just(18)], any::<u32>(), prop::collection::vec(any::<u8>(), 0..50)), 0..5), cut in any::<prop::sample::Index>()) {
            let messages: Vec<Message> = parts
                .into_iter()
                .map(|(kind, timestamp, payload)| Message { timestamp, type_id: TypeId(kind), stream_id: 7, payload: payload.into() })
                .collect();
            let aggregate = Aggregate::encode(&messages).unwrap();
            let again: Vec<Message> = Aggregate::new(&aggregate).collect();
            prop_assert_eq!(&again, &messages);
            // A tail that is cut off ends it.
            let len = cut.index(aggregate.payload.len() + 1);
            let short = Message { payload: slice(&aggregate.payload, 0..len).unwrap(), ..aggregate };
            let some: Vec<Message> = Aggregate::new(&short).collect();
            prop_assert_eq!(&some[..], &messages[..some.len()]);
        }
    }
}
