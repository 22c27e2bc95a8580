//! Streams of cues and messages: each PES packet or section is one, nearly always.

use super::frame::{Frame, Input, Out};
use alloc::vec::Vec;
use bytes::Bytes;
use media::Flags;
use wire::Reader;

/// How messages lie in packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// A packet is a message.
    Whole,
    /// ID3 tags, which may go on in the next packet.
    Id3,
    /// Subpictures of DVDs, which begin with their length and go on in the next packets.
    Subpicture,
    /// Metadata access units with headers of 5 bytes (ISO/IEC 13818-1 §2.12.4.2).
    Cells,
}

/// Reads a stream of messages.
#[derive(Debug)]
pub(super) struct Data {
    layout: Layout,
    /// A message whose rest is still to come, with its time.
    begun: Option<(i64, Vec<u8>)>,
    limit: usize,
}

impl Data {
    pub(super) const fn new(layout: Layout, limit: usize) -> Self {
        Self {
            layout,
            begun: None,
            limit,
        }
    }

    pub(super) fn buffered_len(&self) -> usize {
        self.begun.as_ref().map_or(0, |(_, data)| data.len())
    }

    pub(super) fn handle_discontinuity(&mut self) {
        self.begun = None;
    }

    /// Takes a packet; `now` is the time where it has none.
    pub(super) fn handle(&mut self, input: Input, now: i64, out: &mut Vec<Out>) {
        let at = input.times.map_or(now, |times| times.pts);
        match self.layout {
            Layout::Whole => message(at, input.data.into(), out),
            Layout::Id3 => self.id3(at, input, out),
            Layout::Subpicture => self.subpicture(at, input, out),
            Layout::Cells => self.cells(at, &input.data, out),
        }
    }

    fn id3(&mut self, at: i64, input: Input, out: &mut Vec<Out>) {
        let (at, mut data) = match self.begun.take() {
            Some((begun, mut data)) if !input.data.starts_with(b"ID3") => {
                data.extend_from_slice(&input.data);
                (begun, data)
            }
            Some((_, lost)) => {
                let what = alloc::format!("an ID3 tag ends after {} bytes", lost.len());
                out.push(Out::Warning(what.into()));
                (at, input.data)
            }
            None => (at, input.data),
        };
        match tag_len(&data) {
            Some(len) if len > data.len() && len <= self.limit => self.begun = Some((at, data)),
            Some(_) => message(at, core::mem::take(&mut data).into(), out),
            None => out.push(Out::Warning("bytes that are no ID3 tag".into())),
        }
    }

    fn subpicture(&mut self, at: i64, input: Input, out: &mut Vec<Out>) {
        // One that is not whole is dropped where packets are lost, and where a packet with a time begins another.
        if input.gap || input.times.is_some() {
            self.begun = None;
        }
        let (at, data) = match self.begun.take() {
            Some((begun, mut data)) => {
                data.extend_from_slice(&input.data);
                (begun, data)
            }
            None => (at, input.data),
        };
        match data.first_chunk().map(|len| u16::from_be_bytes(*len)) {
            Some(len) if data.len() >= usize::from(len) => message(at, data.into(), out),
            _ => self.begun = Some((at, data)),
        }
    }

    fn cells(&mut self, at: i64, data: &[u8], out: &mut Vec<Out>) {
        let mut r = Reader::new(data);
        while !r.is_empty() {
            let Ok(&[_, _, flags, high, low]) = r.array("metadata_AU_cell") else {
                out.push(Out::Warning("a metadata cell is cut off".into()));
                return;
            };
            let len = usize::from(u16::from_be_bytes([high, low]));
            let body = match r.take(len, "AU_cell_data") {
                Ok(body) => body,
                Err(_) => {
                    out.push(Out::Warning(
                        "a metadata cell is longer than its packet".into(),
                    ));
                    r.rest()
                }
            };
            // cell_fragment_indication: 3 whole, 2 first, 1 last, 0 between.
            let (at, whole) = match flags >> 6 {
                3 => (at, body.to_vec()),
                2 => {
                    self.begun = Some((at, body.to_vec()));
                    continue;
                }
                last => {
                    let Some((begun, mut whole)) = self.begun.take() else {
                        continue;
                    };
                    whole.extend_from_slice(body);
                    whole.truncate(self.limit);
                    if last == 0 {
                        self.begun = Some((begun, whole));
                        continue;
                    }
                    (begun, whole)
                }
            };
            message(at, whole.into(), out);
        }
    }
}

/// Gives a message.
pub(super) fn message(at: i64, data: Bytes, out: &mut Vec<Out>) {
    if !data.is_empty() {
        out.push(Out::Frame(Frame {
            dts: at,
            pts: at,
            duration: None,
            flags: Flags::SYNC,
            data,
        }));
    }
}

/// Length of the ID3v2 tag that some bytes begin with (ID3v2.4 §3.1).
fn tag_len(data: &[u8]) -> Option<usize> {
    match *data {
        [b'I', b'D', b'3', _, _, flags, a, b, c, d, ..] => {
            let size = [a, b, c, d]
                .iter()
                .fold(0, |n, &byte| n << 7 | usize::from(byte & 0x7F));
            let footer = if flags & 0x10 != 0 { 10 } else { 0 };
            Some(size + 10 + footer)
        }
        _ => None,
    }
}
