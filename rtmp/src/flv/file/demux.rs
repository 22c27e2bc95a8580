use super::{FileItem, FileReader};
use crate::flv::Demuxer;
use crate::stash::Stash;
use crate::{Error, Limits, slice};
use alloc::collections::VecDeque;
use bytes::Bytes;
use media::{Event, Warning};

/// Makes samples of an FLV file, whose bytes come in pieces of any size. See [`Demuxer`] for tracks and times.
///
/// Damage is passed over with a [`Warning`]; offsets in warnings count from the start of the file.
///
/// ```
/// use fluvial_rtmp::{Limits, flv::FileDemuxer};
/// use media::Event;
///
/// let file = b"FLV\x01\x04\0\0\0\x09\0\0\0\0\
///     \x08\0\0\x04\0\0\0\0\0\0\0\xAF\0\x11\x90\0\0\0\x0F\
///     \x08\0\0\x03\0\0\0\0\0\0\0\xAF\x01\x21\0\0\0\x0E";
/// let mut demuxer = FileDemuxer::new(Limits::default());
/// demuxer.handle_input(file);
/// demuxer.handle_eof();
/// assert!(matches!(demuxer.poll_event()?, Some(Event::Tracks(tracks)) if tracks.len() == 1));
/// assert!(matches!(demuxer.poll_event()?, Some(Event::Sample(sample)) if sample.data[..] == [0x21]));
/// assert!(demuxer.poll_event()?.is_none());
/// # Ok::<(), fluvial_rtmp::Error>(())
/// ```
#[derive(Debug)]
pub struct FileDemuxer {
    limits: Limits,
    reader: FileReader,
    demuxer: Demuxer,
    events: VecDeque<Event>,
    /// Input that can be shared and has to wait, before what is in the stash.
    shared: Bytes,
    stash: Stash,
    eof: bool,
    /// Whether the demuxer knows of the end.
    ended: bool,
    overflown: bool,
    /// Whether encrypted tags were complained about.
    encrypted: bool,
}

impl FileDemuxer {
    /// A demuxer at the start of a file.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            reader: FileReader::new(&limits),
            demuxer: Demuxer::new(limits.clone()),
            limits,
            events: VecDeque::new(),
            shared: Bytes::new(),
            stash: Stash::default(),
            eof: false,
            ended: false,
            overflown: false,
            encrypted: false,
        }
    }

    /// Takes the next bytes of the file.
    pub fn handle_input(&mut self, data: &[u8]) {
        if self.eof {
            return;
        }
        let mut rest = data;
        if self.stash.is_empty() && self.shared.is_empty() {
            self.read(&mut rest, None);
        } else if self.stash.len() > self.limits.stashed_bytes {
            // A caller who never polls is told so, before memory runs out.
            self.overflown = true;
            return;
        }
        if !rest.is_empty() {
            self.stash.push(rest);
        }
    }

    /// As [`handle_input`](Self::handle_input), of bytes that can be shared: long bodies of tags that lie in them whole are not copied.
    /// A sample made of one keeps all these bytes in memory.
    pub fn handle_bytes(&mut self, data: Bytes) {
        if self.eof || !self.stash.is_empty() || !self.shared.is_empty() {
            self.handle_input(&data);
        } else {
            self.shared = data;
            self.read_shared();
        }
    }

    /// The file has ended.
    pub fn handle_eof(&mut self) {
        self.eof = true;
    }

    /// The next bytes that come are those from `offset` on, where a tag begins, such as [`KeyFrames`](super::KeyFrames) tell of. What
    /// was not polled is dropped; the next event is a [`Discontinuity`](Event::Discontinuity).
    pub fn handle_seek(&mut self, offset: u64) {
        self.reader = FileReader::at(offset, &self.limits);
        self.shared = Bytes::new();
        self.stash = Stash::default();
        self.events
            .retain(|event| matches!(event, Event::Tracks(_) | Event::Metadata(_)));
        self.eof = false;
        self.ended = false;
        self.demuxer.handle_jump();
    }

    /// The next event; to be called until there is none, after each input.
    ///
    /// # Errors
    /// [`Error::Limit`] where events were not polled for too long, after those that there are.
    pub fn poll_event(&mut self) -> Result<Option<Event>, Error> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if let Some(event) = self.demuxer.poll_event()? {
                return Ok(Some(event));
            }
            if self.overflown {
                return Err(Error::Limit {
                    limit: "input put aside",
                    max: self.limits.stashed_bytes as u64,
                });
            }
            if !self.shared.is_empty() {
                self.read_shared();
            } else if !self.stash.is_empty() {
                let mut stash = core::mem::take(&mut self.stash);
                stash.with(|rest| self.read(rest, None));
                self.stash = stash;
            } else if self.eof && !self.ended {
                match self.reader.finish() {
                    Some(item) => self.handle_item(item),
                    None => {
                        self.ended = true;
                        self.demuxer.handle_eof();
                    }
                }
            } else {
                return Ok(None);
            }
        }
    }

    /// Bytes held.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        let events = self.events.iter().map(|event| match event {
            Event::Sample(sample) => sample.data.len(),
            _ => 0,
        });
        let held = [
            self.reader.buffered_len(),
            self.shared.len(),
            self.stash.len(),
        ];
        let all = events.chain(held);
        all.fold(self.demuxer.buffered_len(), usize::saturating_add)
    }

    fn read_shared(&mut self) {
        let whole = core::mem::take(&mut self.shared);
        let mut rest = &whole[..];
        self.read(&mut rest, Some(&whole));
        let used = whole.len().saturating_sub(rest.len());
        self.shared = slice(&whole, used..whole.len()).unwrap_or_default();
    }

    /// Reads of the last bytes of `whole`, if that is there.
    fn read(&mut self, input: &mut &[u8], whole: Option<&Bytes>) {
        while self.events.len() < self.limits.events {
            let Some(item) = self.reader.read_of(input, whole) else {
                return;
            };
            self.handle_item(item);
        }
    }

    fn handle_item(&mut self, item: FileItem) {
        let (offset, message) = match item {
            FileItem::Header(header) => return self.demuxer.expect(header.audio, header.video),
            FileItem::Damage {
                offset,
                skipped,
                what,
            } => {
                let warning = Warning::new(what).at(offset).skipping(skipped);
                return self.events.push_back(Event::Warning(warning));
            }
            FileItem::Tag {
                offset,
                filter: true,
                message,
            } => {
                if !core::mem::replace(&mut self.encrypted, true) {
                    let warning = Warning::new("encrypted tags are left out");
                    let warning = warning.at(offset).skipping(message.payload.len() as u64);
                    self.events.push_back(Event::Warning(warning));
                }
                return;
            }
            FileItem::Tag {
                offset, message, ..
            } => (offset, message),
        };
        self.demuxer.handle_message(&message);
        // The demuxer never overflows: it is drained after each message.
        while let Ok(Some(event)) = self.demuxer.poll_event() {
            self.events.push_back(match event {
                Event::Warning(warning) if warning.offset.is_none() => {
                    Event::Warning(warning.at(offset))
                }
                event => event,
            });
        }
    }
}
