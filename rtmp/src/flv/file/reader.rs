use super::{BACK_POINTER, FileHeader, TAG_HEADER, TAG_HEADER_SIZE};
use crate::{Limits, Message, TypeId, slice};
use alloc::vec::Vec;
use bytes::Bytes;
use wire::{Arena, Reader};

/// What stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileItem {
    /// The header.
    Header(FileHeader),
    /// A tag.
    Tag {
        /// Bytes from the start of the file to it.
        offset: u64,
        /// Whether its body is encrypted (§E.4.1, `Filter`).
        filter: bool,
        /// Its type, time, stream id and body.
        message: Message,
    },
    /// Something that is wrong; reading goes on behind it.
    Damage {
        /// Bytes from the start of the file to it.
        offset: u64,
        /// Bytes passed over because of it.
        skipped: u64,
        /// What it is.
        what: &'static str,
    },
}

/// Takes the tags off the bytes of a file.
///
/// A tag is believed where the size behind it agrees with the one before it; where it does not, what follows must look like a
/// tag. Otherwise the next tag is looked for that is whole in this sense.
///
/// ```
/// use fluvial_rtmp::{Limits, Message, TypeId, flv};
///
/// let mut file = Vec::new();
/// flv::FileHeader::new(true, false).encode(&mut file);
/// let tag = Message { timestamp: 7, type_id: TypeId::AUDIO, stream_id: 0, payload: [0xAF, 1, 0x21][..].into() };
/// flv::encode_tag(&tag, &mut file)?;
/// let mut reader = flv::FileReader::new(&Limits::default());
/// let mut input = &file[..];
/// assert!(matches!(reader.read(&mut input), Some(flv::FileItem::Header(header)) if header.audio));
/// assert_eq!(reader.read(&mut input), Some(flv::FileItem::Tag { offset: 13, filter: false, message: tag }));
/// assert_eq!((reader.read(&mut input), reader.finish()), (None, None));
/// # Ok::<(), fluvial_rtmp::Error>(())
/// ```
#[derive(Debug)]
pub struct FileReader {
    max_body: usize,
    state: State,
    /// Bytes not used yet.
    carry: Vec<u8>,
    /// Bodies that are copied.
    short: Arena,
    /// Bytes of `carry` that have been used.
    start: usize,
    /// Where in the file the first unused byte is.
    offset: u64,
    /// Whether a size behind a tag was complained about.
    complained: bool,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Header,
    Tag,
    /// The first tag is looked for `scanned` bytes behind the first unused byte; `skipped` bytes before that one are lost.
    Search {
        what: &'static str,
        scanned: usize,
        skipped: u64,
    },
}

/// Room that is made for the rest of a tag, whatever has come of it.
const CARRIED: usize = 64 << 10;

/// Bodies shorter than this are not worth to keep the bytes around them in memory.
const LONG: usize = 4 << 10;

/// What stands at the start of some bytes.
enum Look {
    /// Nothing can be said before there are so many bytes.
    Need(usize),
    Tag {
        body: usize,
        total: usize,
        /// Whether the size behind it is wrong.
        wrong: bool,
    },
    No(&'static str),
}

impl FileReader {
    /// A reader at the start of a file.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            max_body: limits.message_size as usize,
            state: State::Header,
            carry: Vec::new(),
            short: Arena::default(),
            start: 0,
            offset: 0,
            complained: false,
        }
    }

    /// A reader at a tag inside of a file, for instance one that an index tells of.
    #[must_use]
    pub fn at(offset: u64, limits: &Limits) -> Self {
        let mut reader = Self::new(limits);
        reader.state = State::Tag;
        reader.offset = offset;
        reader
    }

    /// Bytes held.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        self.carry.len()
    }

    /// The next item, as far as `input` reaches; what is used is taken off it.
    pub fn read(&mut self, input: &mut &[u8]) -> Option<FileItem> {
        self.read_of(input, None)
    }

    /// As [`read`](Self::read), of bytes that can be shared: long bodies that lie in them whole are pieces of them, not copies, and
    /// keep all of them in memory.
    pub fn read_shared(&mut self, input: &mut Bytes) -> Option<FileItem> {
        let whole = input.clone();
        let mut rest = &whole[..];
        let item = self.read_of(&mut rest, Some(&whole));
        let used = whole.len().saturating_sub(rest.len());
        *input = slice(&whole, used..whole.len()).unwrap_or_default();
        item
    }

    /// Reads of the last bytes of `whole`, if that is there.
    pub(super) fn read_of(&mut self, input: &mut &[u8], whole: Option<&Bytes>) -> Option<FileItem> {
        loop {
            if self.carry.is_empty() {
                let used = *input;
                let (item, len, need) = self.step(used, whole, false);
                *input = used.get(len..).unwrap_or_default();
                if item.is_some() {
                    return item;
                }
                if need {
                    // Room for the rest of the tag, so far as bytes that came vouch for it: then it is not moved again.
                    let room = self.missing(input).min(input.len().max(CARRIED));
                    self.carry.reserve_exact(input.len().saturating_add(room));
                    self.carry.extend_from_slice(input);
                    *input = &[];
                    return None;
                }
            } else {
                let mut carry = core::mem::take(&mut self.carry);
                let (item, len, need) = self.step_owned(&mut carry, false);
                self.put_back(carry, len);
                if item.is_some() {
                    return item;
                }
                if need {
                    let held = self.carry.get(self.start..).unwrap_or_default();
                    let missing = self.missing(held);
                    if input.is_empty() {
                        return None;
                    }
                    let (now, later) = input.split_at_checked(missing).unwrap_or((*input, &[]));
                    self.carry.extend_from_slice(now);
                    *input = later;
                }
            }
        }
    }

    /// To be called at the end of the file until it gives nothing: what can still be made of the last bytes.
    pub fn finish(&mut self) -> Option<FileItem> {
        loop {
            if self.carry.is_empty() && !matches!(self.state, State::Search { .. }) {
                return None;
            }
            let mut carry = core::mem::take(&mut self.carry);
            let (item, len, _) = self.step_owned(&mut carry, true);
            self.put_back(carry, len);
            if item.is_some() {
                return item;
            }
        }
    }

    fn put_back(&mut self, mut carry: Vec<u8>, used: usize) {
        self.start = self.start.saturating_add(used);
        if self.start >= carry.len() {
            carry.clear();
            self.start = 0;
        } else if self.start > carry.len() / 2 {
            carry = carry.get(self.start..).unwrap_or_default().to_vec();
            self.start = 0;
        }
        self.carry = carry;
    }

    /// Bytes of input without which nothing more can be said of what is there.
    fn missing(&self, held: &[u8]) -> usize {
        let need = match self.state {
            State::Header => FileHeader::LEN + BACK_POINTER,
            State::Tag => match look(held, self.max_body, false) {
                Look::Need(need) => need,
                _ => 1,
            },
            State::Search { .. } => return usize::MAX,
        };
        need.saturating_sub(held.len()).max(1)
    }

    /// As `step`, over what is held; a tag that is all of it is not copied.
    fn step_owned(&mut self, carry: &mut Vec<u8>, eof: bool) -> (Option<FileItem>, usize, bool) {
        if let State::Tag = self.state
            && self.start == 0
            && let Look::Tag {
                body,
                total,
                wrong: false,
            } = look(carry, self.max_body, eof)
            && carry.len() <= total
        {
            let offset = self.offset;
            self.offset = offset.saturating_add(carry.len() as u64);
            let bytes = Bytes::from(core::mem::take(carry));
            let payload = slice(&bytes, TAG_HEADER..TAG_HEADER.saturating_add(body));
            return (tag(offset, &bytes, payload.unwrap_or_default()), 0, false);
        }
        let held = carry.get(self.start..).unwrap_or_default();
        self.step(held, None, eof)
    }

    /// Looks at the unused bytes: an item, the number of bytes used, and whether more are needed.
    fn step(
        &mut self,
        data: &[u8],
        whole: Option<&Bytes>,
        eof: bool,
    ) -> (Option<FileItem>, usize, bool) {
        match self.state {
            State::Header => self.header(data, eof),
            State::Tag => {
                if data.is_empty() {
                    return (None, 0, true);
                }
                match look(data, self.max_body, eof) {
                    Look::Need(_) => (None, 0, true),
                    Look::Tag { wrong: true, .. } if !self.complained => {
                        self.complained = true;
                        let what = "PreviousTagSize is not the size of the tag before it";
                        let damage = FileItem::Damage {
                            offset: self.offset,
                            skipped: 0,
                            what,
                        };
                        (Some(damage), 0, false)
                    }
                    Look::Tag { body, total, .. } => {
                        let end = TAG_HEADER.saturating_add(body);
                        let shared = whole.filter(|_| body >= LONG).and_then(|whole| {
                            let start = whole.len().checked_sub(data.len())?;
                            let range = start.checked_add(TAG_HEADER)?..start.checked_add(end)?;
                            slice(whole, range)
                        });
                        let payload = shared.unwrap_or_else(|| {
                            let payload = data.get(TAG_HEADER..end).unwrap_or_default();
                            self.short.copy(payload)
                        });
                        let item = tag(self.offset, data, payload);
                        let total = total.min(data.len());
                        self.offset = self.offset.saturating_add(total as u64);
                        (item, total, false)
                    }
                    Look::No(what) => {
                        self.state = State::Search {
                            what,
                            scanned: 1,
                            skipped: 0,
                        };
                        (None, 0, false)
                    }
                }
            }
            State::Search {
                what,
                scanned,
                skipped,
            } => self.search(data, eof, what, scanned, skipped),
        }
    }

    fn header(&mut self, data: &[u8], eof: bool) -> (Option<FileItem>, usize, bool) {
        /// Headers that announce more are damaged.
        const MOST: usize = 1 << 16;
        let mut r = Reader::new(data);
        let what = match FileHeader::decode(&mut r) {
            Ok(header) => {
                let len = (header.data_offset as usize).saturating_add(BACK_POINTER);
                if len <= MOST && data.len() >= len {
                    self.offset = self.offset.saturating_add(len as u64);
                    self.state = State::Tag;
                    return (Some(FileItem::Header(header)), len, false);
                }
                if len <= MOST && !eof {
                    return (None, 0, true);
                }
                "the file ends in its header, or its DataOffset is wrong"
            }
            Err(crate::Error::Short(_)) if !eof => return (None, 0, true),
            Err(_) => "there is no header of an FLV file",
        };
        self.state = State::Search {
            what,
            scanned: 0,
            skipped: 0,
        };
        (None, 0, false)
    }

    /// Looks for a whole tag from `scanned` on.
    fn search(
        &mut self,
        data: &[u8],
        eof: bool,
        what: &'static str,
        mut scanned: usize,
        skipped: u64,
    ) -> (Option<FileItem>, usize, bool) {
        while let Some(candidate) = data.get(scanned..)
            && !candidate.is_empty()
        {
            // The first bytes rule out nearly all.
            let found = match candidate.first() {
                Some(byte) if is_tag_type(*byte) => look(candidate, self.max_body, eof),
                _ => Look::No(what),
            };
            match found {
                Look::Tag { wrong: false, .. } if has_no_stream_id(candidate) => {
                    return self.found(what, scanned, skipped);
                }
                Look::Need(_) if candidate.len() < TAG_HEADER || has_no_stream_id(candidate) => {
                    let skipped = skipped.saturating_add(scanned as u64);
                    self.offset = self.offset.saturating_add(scanned as u64);
                    self.state = State::Search {
                        what,
                        scanned: 0,
                        skipped,
                    };
                    return (None, scanned, true);
                }
                _ => scanned = scanned.saturating_add(1),
            }
        }
        let scanned = data.len();
        if eof {
            return self.found(what, scanned, skipped);
        }
        self.offset = self.offset.saturating_add(scanned as u64);
        self.state = State::Search {
            what,
            scanned: 0,
            skipped: skipped.saturating_add(scanned as u64),
        };
        (None, scanned, true)
    }

    fn found(
        &mut self,
        what: &'static str,
        scanned: usize,
        skipped: u64,
    ) -> (Option<FileItem>, usize, bool) {
        self.state = State::Tag;
        let damage = FileItem::Damage {
            offset: self.offset.saturating_sub(skipped),
            skipped: skipped.saturating_add(scanned as u64),
            what,
        };
        self.offset = self.offset.saturating_add(scanned as u64);
        (Some(damage), scanned, false)
    }
}

fn is_tag_type(byte: u8) -> bool {
    // Two reserved bits; a filter is set where the body is encrypted.
    matches!(byte & 0xDF, 8 | 9 | 15 | 18)
}

/// Whether the stream id of a tag is 0, as it is in all files.
fn has_no_stream_id(data: &[u8]) -> bool {
    matches!(data, [_, _, _, _, _, _, _, _, 0, 0, 0, ..])
}

fn look(data: &[u8], max_body: usize, eof: bool) -> Look {
    let [kind, a, b, c, _, _, _, _, _, _, _, rest @ ..] = data else {
        return if eof {
            Look::No("the file ends in the header of a tag")
        } else {
            Look::Need(TAG_HEADER)
        };
    };
    if !is_tag_type(*kind) {
        return Look::No("there is no tag of a known type");
    }
    let size = u32::from_be_bytes([0, *a, *b, *c]);
    let body = size as usize;
    if body > max_body {
        return Look::No("a tag passes the limit of a message");
    }
    let total = TAG_HEADER + BACK_POINTER + body;
    let believed = Look::Tag {
        body,
        total,
        wrong: false,
    };
    let Some(after) = rest.get(body..) else {
        return if eof {
            Look::No("the file ends in a tag")
        } else {
            Look::Need(total)
        };
    };
    let Some((back, next)) = after.split_first_chunk() else {
        // The last size may be missing.
        return if eof { believed } else { Look::Need(total) };
    };
    if u32::from_be_bytes(*back) == size.saturating_add(TAG_HEADER_SIZE) {
        return believed;
    }
    let wrong = Look::Tag {
        body,
        total,
        wrong: true,
    };
    match next.first() {
        None if eof => wrong,
        Some(byte) if !is_tag_type(*byte) => Look::No("two sizes of a tag differ"),
        _ if next.len() < TAG_HEADER && !eof => Look::Need(total + TAG_HEADER),
        _ if has_no_stream_id(next) => wrong,
        _ => Look::No("two sizes of a tag differ"),
    }
}

/// The tag whose header `data` starts with.
fn tag(offset: u64, data: &[u8], payload: Bytes) -> Option<FileItem> {
    let mut r = Reader::new(data);
    let kind = r.u8("TagType").ok()?;
    r.u24("DataSize").ok()?;
    let [t1, t2, t3, t0] = *r.array("Timestamp").ok()?;
    let stream_id = r.u24("StreamID").ok()?;
    Some(FileItem::Tag {
        offset,
        filter: kind & 0x20 != 0,
        message: Message {
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            type_id: TypeId(kind & 0x1F),
            stream_id,
            payload,
        },
    })
}
