//! Messages and interleaved frames out of a stream of bytes.

use crate::message::{self, Frame, Message};
use crate::{Error, Limits};
use alloc::vec::Vec;
use bytes::Bytes;
use memchr::{memchr, memmem};

/// What a stream of RTSP is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item {
    /// A request or a response.
    Message(Message),
    /// An RTP or RTCP packet between them.
    Frame(Frame),
    /// Bytes that were neither, and were skipped; only from [`Reader::lenient`].
    Garbage(usize),
}

/// Cuts a stream of bytes into messages and frames.
///
/// ```
/// use fluvial_rtsp::{Item, Limits, Message, Reader};
///
/// let mut reader = Reader::new(Limits::default());
/// let mut input: &[u8] = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n$\x00\x00\x02ab";
/// assert!(matches!(reader.read(&mut input)?, Some(Item::Message(Message::Response(_)))));
/// assert!(matches!(reader.read(&mut input)?, Some(Item::Frame(frame)) if frame.data == "ab"));
/// assert_eq!(reader.read(&mut input)?, None);
/// # Ok::<(), fluvial_rtsp::Error>(())
/// ```
#[derive(Debug)]
pub struct Reader {
    limits: Limits,
    lenient: bool,
    /// What has begun and not ended.
    buffer: Vec<u8>,
    /// Bytes of `buffer` that have been used.
    start: usize,
    /// Bytes after that in which the end of the head was not found.
    scanned: usize,
    /// A message that waits for its body, and the body's length.
    pending: Option<(Message, usize)>,
    /// Bytes used since the beginning.
    offset: u64,
    /// Bytes skipped since the last item that was none.
    garbage: usize,
}

enum Step {
    /// Something, and the bytes that it took.
    Item(Item, usize),
    /// Bytes that say nothing.
    Skip(usize),
    /// The head of a message whose body has not come, and its bytes.
    Head(Message, usize, usize),
    /// More is needed.
    More,
}

impl Reader {
    /// A reader for which everything has to be as the standard wants it: a server's.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            lenient: false,
            buffer: Vec::new(),
            start: 0,
            scanned: 0,
            pending: None,
            offset: 0,
            garbage: 0,
        }
    }

    /// A reader that finds its way again after bytes that make no sense, and after a body whose length was told wrong:
    /// a client's, for cameras.
    #[must_use]
    pub fn lenient(limits: Limits) -> Self {
        Self {
            lenient: true,
            ..Self::new(limits)
        }
    }

    /// Bytes held of what has begun and not ended.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        self.buffer.len()
    }

    /// Reads the next item from `input`, taking its bytes away; what does not make a whole one is kept, and `None` given.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the offset in all that was read; [`Error::Limit`]. The reader is of no use after that.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Item>, Error> {
        loop {
            if self.start < self.buffer.len() {
                if !input.is_empty() {
                    self.push(input);
                    *input = &[];
                }
                let buffer = core::mem::take(&mut self.buffer);
                let step = self.step(buffer.get(self.start..).unwrap_or_default());
                self.buffer = buffer;
                match self.apply(step?) {
                    Some((used, item)) => {
                        self.start = self.start.saturating_add(used);
                        if self.start >= self.buffer.len() {
                            // What a large message needed is not kept.
                            self.buffer = Vec::new();
                            self.start = 0;
                        }
                        if item.is_some() {
                            return Ok(item);
                        }
                    }
                    None => return Ok(None),
                }
            } else {
                if input.is_empty() {
                    return Ok(None);
                }
                let step = self.step(input)?;
                match self.apply(step) {
                    Some((used, item)) => {
                        *input = input.get(used..).unwrap_or_default();
                        if item.is_some() {
                            return Ok(item);
                        }
                    }
                    None => {
                        self.buffer = input.to_vec();
                        self.start = 0;
                        *input = &[];
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Keeps input to be read later.
    pub fn push(&mut self, input: &[u8]) {
        self.compact();
        self.buffer.extend_from_slice(input);
    }

    /// Gives up waiting for the rest of a body, and gives the message with what of it has come: its length was told wrong.
    pub fn finish_body(&mut self) -> Option<Message> {
        let (mut message, _) = self.pending.take()?;
        let body = self.buffer.get(self.start..).unwrap_or_default();
        message.set_body(Bytes::copy_from_slice(body));
        self.offset = self.offset.saturating_add(body.len() as u64);
        self.buffer = Vec::new();
        (self.start, self.scanned) = (0, 0);
        Some(message)
    }

    /// Whether a message waits for the rest of its body.
    #[must_use]
    pub fn waits_for_body(&self) -> bool {
        self.pending.is_some()
    }

    /// Whether something has begun and not ended.
    #[must_use]
    pub fn is_within(&self) -> bool {
        self.pending.is_some() || self.start < self.buffer.len()
    }

    fn compact(&mut self) {
        if self.start > 0 {
            self.buffer = self.buffer.get(self.start..).unwrap_or_default().to_vec();
            self.start = 0;
        }
    }

    /// Bytes that were used, with what came of them.
    fn apply(&mut self, step: Step) -> Option<(usize, Option<Item>)> {
        let (used, item) = match step {
            Step::Item(item, used) => {
                match &item {
                    Item::Garbage(count) => self.garbage = self.garbage.saturating_add(*count),
                    Item::Message(_) | Item::Frame(_) => self.garbage = 0,
                }
                (used, Some(item))
            }
            Step::Skip(used) => (used, None),
            Step::Head(message, used, body) => {
                self.pending = Some((message, body));
                (used, None)
            }
            Step::More => return None,
        };
        self.scanned = 0;
        self.offset = self.offset.saturating_add(used as u64);
        Some((used, item))
    }

    fn step(&mut self, data: &[u8]) -> Result<Step, Error> {
        if let Some((mut message, length)) = self.pending.take() {
            let (length, rest_is_known) = match data.get(..length) {
                Some(_) if !self.lenient => (length, true),
                _ if !self.lenient => (length, false),
                whole => match body_end(whole.unwrap_or(data), &mut self.scanned) {
                    Some(end) => (end, true),
                    None => (length, whole.is_some()),
                },
            };
            return Ok(match data.get(..length) {
                Some(body) if rest_is_known => {
                    message.set_body(Bytes::copy_from_slice(body));
                    Step::Item(Item::Message(message), length)
                }
                _ => {
                    self.pending = Some((message, length));
                    Step::More
                }
            });
        }
        match data {
            [b'$', channel, high, low, rest @ ..] => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                Ok(match rest.get(..length) {
                    Some(data) => {
                        let frame = Frame {
                            channel: *channel,
                            data: Bytes::copy_from_slice(data),
                        };
                        Step::Item(Item::Frame(frame), length.saturating_add(4))
                    }
                    None => Step::More,
                })
            }
            [] | [b'$', ..] => Ok(Step::More),
            // RFC 2326 §4: empty lines before a message count for nothing; zeros have been seen, too.
            [b'\r' | b'\n' | 0, ..] => {
                let blank = data
                    .iter()
                    .take_while(|byte| matches!(byte, b'\r' | b'\n' | 0))
                    .count();
                Ok(Step::Skip(blank))
            }
            _ => self.head(data),
        }
    }

    fn head(&mut self, data: &[u8]) -> Result<Step, Error> {
        let max = self.limits.head_size;
        if self.lenient {
            let line_end = memchr(b'\n', data);
            let line = data
                .get(..line_end.unwrap_or(data.len()))
                .unwrap_or_default();
            let hopeless = match line_end {
                Some(_) => !message::is_start_line(line),
                None => {
                    line.len() > 1024
                        || !line
                            .iter()
                            .all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\t' | 0x80..))
                }
            };
            if hopeless {
                return self.skip(data);
            }
        }
        let Some(end) = head_end(data, &mut self.scanned) else {
            if data.len() > max {
                return Err(self.limit("bytes of a head", max));
            }
            return Ok(Step::More);
        };
        if end > max {
            return Err(self.limit("bytes of a head", max));
        }
        let head = data.get(..end).unwrap_or_default();
        let (message, length) =
            message::parse(head, &self.limits).map_err(|error| error.at(self.offset))?;
        if length > self.limits.body_size {
            return Err(self.limit("bytes of a body", self.limits.body_size));
        }
        if length == 0 {
            return Ok(Step::Item(Item::Message(message), end));
        }
        Ok(Step::Head(message, end, length))
    }

    #[expect(clippy::unused_self, reason = "reads better beside the limits")]
    fn limit(&self, limit: &'static str, max: usize) -> Error {
        Error::Limit {
            limit,
            max: max as u64,
        }
    }

    /// Skips to what may be the next message or frame.
    fn skip(&mut self, data: &[u8]) -> Result<Step, Error> {
        let rest = data.get(1..).unwrap_or_default();
        let ends = [
            memchr(b'\n', rest).map(|at| at.saturating_add(1)),
            memchr(b'$', rest),
            memmem::find(rest, b"RTSP/"),
        ];
        let end = ends.into_iter().flatten().min().unwrap_or(rest.len());
        let used = end.saturating_add(1).min(data.len());
        if self.garbage.saturating_add(used) > self.limits.garbage {
            return Err(self.limit("bytes of garbage", self.limits.garbage));
        }
        Ok(Step::Item(Item::Garbage(used), used))
    }
}

/// Where the empty line after the headers ends. `scanned` bytes are known not to have it.
fn head_end(data: &[u8], scanned: &mut usize) -> Option<usize> {
    let mut at = *scanned;
    loop {
        let rest = data.get(at..).unwrap_or_default();
        let Some(line) = memchr(b'\n', rest) else {
            *scanned = at;
            return None;
        };
        let next = at.saturating_add(line).saturating_add(1);
        match data.get(next..).unwrap_or_default() {
            [b'\n', ..] => return Some(next.saturating_add(1)),
            [b'\r', b'\n', ..] => return Some(next.saturating_add(2)),
            // It may still come.
            [] | [b'\r'] => {
                *scanned = at;
                return None;
            }
            _ => at = next,
        }
    }
}

/// Where a body is cut short by a message or a frame, which text cannot look like. `scanned` bytes are known not to be.
fn body_end(data: &[u8], scanned: &mut usize) -> Option<usize> {
    let from = *scanned;
    let rest = data.get(from..).unwrap_or_default();
    let frame = memchr::memchr_iter(b'$', rest)
        .find(|at| matches!(rest.get(at.saturating_add(1)), Some(0..=8 | 14..=31)));
    let message = memmem::find_iter(rest, b"RTSP/1.0 ").find(|at| {
        *at > 0
            && at
                .checked_sub(1)
                .is_some_and(|at| rest.get(at) == Some(&b'\n'))
    });
    let end = [frame, message].into_iter().flatten().min();
    *scanned = data.len().saturating_sub(10).max(from);
    end.map(|end| end.saturating_add(from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Request, Response, Status};
    use alloc::string::ToString;
    use alloc::vec;
    use proptest::prelude::*;

    fn items(reader: &mut Reader, mut input: &[u8], out: &mut Vec<Item>) -> Result<(), Error> {
        while let Some(item) = reader.read(&mut input)? {
            out.push(item);
        }
        assert!(input.is_empty());
        Ok(())
    }

    fn all(mut reader: Reader, input: &[u8]) -> (Vec<Item>, Reader) {
        let mut out = Vec::new();
        items(&mut reader, input, &mut out).unwrap();
        (out, reader)
    }

    fn response(body: &'static str) -> Message {
        let mut response = Response::new(Status::OK);
        response.headers.push("CSeq", 2);
        response.body = body.into();
        Message::Response(response)
    }

    #[test]
    fn a_length_that_is_too_long_is_cut_at_what_follows() {
        for next in ["$\0\0\x02ab", "RTSP/1.0 200 OK\r\nCSeq: 3\r\n\r\n"] {
            let text =
                alloc::format!("RTSP/1.0 200 OK\r\nContent-Length: 40\r\n\r\nv=0\r\ns=x\r\n{next}");
            let (items, reader) = all(Reader::lenient(Limits::default()), text.as_bytes());
            assert_eq!(items.len(), 2, "{items:?}");
            assert!(
                matches!(&items[0], Item::Message(Message::Response(r)) if r.body == "v=0\r\ns=x\r\n")
            );
            assert!(!reader.is_within());
        }
        // Nothing follows: the client waits a while.
        let text = b"RTSP/1.0 200 OK\r\nContent-Length: 40\r\n\r\nv=0\r\n";
        let (items, mut reader) = all(Reader::lenient(Limits::default()), text);
        assert!(items.is_empty() && reader.waits_for_body());
        assert!(matches!(reader.finish_body(), Some(Message::Response(r)) if r.body == "v=0\r\n"));
    }

    #[test]
    fn a_length_that_is_too_short_leaves_garbage() {
        let text = b"RTSP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nv=0\r\ns=x\r\na=control:*\r\nRTSP/1.0 200 OK\r\n\r\n$\0\0\x01a";
        let (items, _) = all(Reader::lenient(Limits::default()), text);
        let kinds: Vec<_> = items
            .iter()
            .map(|item| match item {
                Item::Message(_) => 'm',
                Item::Frame(_) => 'f',
                Item::Garbage(_) => 'g',
            })
            .collect();
        assert_eq!(kinds, ['m', 'g', 'g', 'm', 'f']);
        let mut strict = Reader::new(Limits::default());
        assert!(items_of(&mut strict, text).is_err());
    }

    fn items_of(reader: &mut Reader, input: &[u8]) -> Result<Vec<Item>, Error> {
        let mut out = Vec::new();
        items(reader, input, &mut out)?;
        Ok(out)
    }

    #[test]
    fn limits_hold() {
        let mut limits = Limits::default();
        (
            limits.head_size,
            limits.body_size,
            limits.headers,
            limits.garbage,
        ) = (100, 10, 2, 30);
        let strict = || Reader::new(limits.clone());
        let error = |text: &[u8]| items_of(&mut strict(), text).unwrap_err().to_string();
        assert_eq!(
            error(&[b'A'; 101]),
            "bytes of a head would pass its limit of 100"
        );
        assert_eq!(
            error(b"RTSP/1.0 200 OK\r\nContent-Length: 11\r\n\r\n"),
            "bytes of a body would pass its limit of 10"
        );
        assert_eq!(
            error(b"RTSP/1.0 200 OK\r\na:\r\nb:\r\nc:\r\n\r\n"),
            "headers would pass its limit of 2"
        );
        let mut lenient = Reader::lenient(limits.clone());
        assert!(items_of(&mut lenient, &[0x7F; 31]).is_err());
    }

    #[test]
    fn errors_count_from_the_beginning() {
        let error = items_of(
            &mut Reader::new(Limits::default()),
            b"$\0\0\x01a\r\nPLAY x RTSP/3.0\r\n\r\n",
        );
        assert_eq!(
            error.unwrap_err().to_string(),
            "RTSP-Version must not be \"RTSP/3.0\" at offset 14"
        );
    }

    proptest! {
        #[test]
        fn cut_anywhere(cuts in proptest::collection::vec(1_usize..30, 1..60), lenient: bool) {
            let mut stream = vec![b'\r', b'\n'];
            let mut expected = Vec::new();
            for message in [response("v=0\r\n"), response(""), Message::Request(Request::new(crate::Method::Options, "*"))] {
                message.encode(&mut stream);
                expected.push(Item::Message(message));
                for data in ["RTSP/1.0 x", "", "$$$"] {
                    Frame::encode(1, data.as_bytes(), &mut stream).unwrap();
                    expected.push(Item::Frame(Frame { channel: 1, data: data.into() }));
                }
            }
            let mut reader = if lenient { Reader::lenient(Limits::default()) } else { Reader::new(Limits::default()) };
            let mut got = Vec::new();
            let mut rest: &[u8] = &stream;
            for cut in cuts.into_iter().cycle() {
                if rest.is_empty() { break; }
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                items(&mut reader, piece, &mut got).unwrap();
                rest = after;
            }
            for item in &mut got {
                if let Item::Message(Message::Response(response)) = item {
                    response.headers.remove("Content-Length");
                }
            }
            prop_assert_eq!(got, expected);
            prop_assert!(!reader.is_within());
        }
    }
}
