use crate::h265::H265;
use crate::sound::{Ac3, Adts, Latm, MpegAudio, Sound};
use crate::video::{H264, MpegVideo};
use crate::{Format, Limits, id3};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use media::{Event, Metadata, TrackId, Value};

/// The one track of a raw stream.
pub(crate) const TRACK: TrackId = TrackId(1);

/// Reads a raw stream that comes in pieces of any size. See the [crate](crate).
#[derive(Debug)]
pub struct Demuxer {
    limits: Limits,
    parser: Parser,
    start: Start,
    /// Input that waits until events are polled.
    stash: VecDeque<Bytes>,
    ended: bool,
    /// Whether the parser knows that the stream has ended.
    told: bool,
    pub(crate) events: VecDeque<Event>,
}

/// What may come before the first frame.
#[derive(Debug)]
enum Start {
    /// Not yet enough to tell.
    Undecided(Vec<u8>),
    /// A tag of which so many bytes are still to come; kept where it is short enough.
    Tag { left: usize, kept: Option<Vec<u8>> },
    /// The stream itself.
    Past,
}

#[derive(Debug)]
enum Parser {
    Adts(Sound<Adts>),
    Latm(Sound<Latm>),
    Ac3(Sound<Ac3>),
    MpegAudio(Sound<MpegAudio>),
    MpegVideo(MpegVideo),
    H264(Box<H264>),
    H265(Box<H265>),
}

macro_rules! each {
    ($parser:expr, $it:ident => $what:expr) => {
        match $parser {
            Parser::Adts($it) => $what,
            Parser::Latm($it) => $what,
            Parser::Ac3($it) => $what,
            Parser::MpegAudio($it) => $what,
            Parser::MpegVideo($it) => $what,
            Parser::H264($it) => $what,
            Parser::H265($it) => $what,
        }
    };
}

impl Demuxer {
    /// A demuxer at the start of a stream.
    #[must_use]
    pub fn new(format: Format, limits: Limits) -> Self {
        let parser = match format {
            Format::Adts => Parser::Adts(Sound::default()),
            Format::Loas => Parser::Latm(Sound::default()),
            Format::Ac3 => Parser::Ac3(Sound::default()),
            Format::MpegAudio => Parser::MpegAudio(Sound::default()),
            Format::MpegVideo => Parser::MpegVideo(MpegVideo::default()),
            Format::H264 => Parser::H264(Box::default()),
            Format::H265 => Parser::H265(Box::default()),
        };
        Self {
            limits,
            parser,
            start: Start::Undecided(Vec::new()),
            stash: VecDeque::new(),
            ended: false,
            told: false,
            events: VecDeque::new(),
        }
    }

    /// Takes more of the stream. After [`handle_eof`](Self::handle_eof) nothing is taken.
    ///
    /// While as many events wait as [`Limits::events`] allows, input is put aside.
    pub fn handle_input(&mut self, data: &[u8]) {
        if self.ended || data.is_empty() {
            return;
        }
        if self.events.len() >= self.limits.events || !self.stash.is_empty() {
            self.stash.push_back(Bytes::copy_from_slice(data));
        } else {
            self.take(data);
        }
    }

    /// Says that the stream has ended: what is left comes.
    pub fn handle_eof(&mut self) {
        self.ended = true;
        self.go_on();
    }

    /// The next event; `None` where more input is wanted, or at the end.
    ///
    /// Damage is no error: it is passed over and told by an [`Event::Warning`].
    pub fn poll_event(&mut self) -> Option<Event> {
        while self.events.is_empty() {
            let took = self.go_on();
            each!(&mut self.parser, it => it.parse(&mut self.events, self.limits.events));
            if !took && self.events.is_empty() {
                return None;
            }
        }
        self.events.pop_front()
    }

    /// Bytes held: of frames that are not complete, of samples not polled, and of input put aside.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        let stashed = self.stash.iter().map(Bytes::len);
        let unpolled = self.events.iter().map(|event| match event {
            Event::Sample(sample) => sample.data.len(),
            _ => 0,
        });
        let start = match &self.start {
            Start::Undecided(kept)
            | Start::Tag {
                kept: Some(kept), ..
            } => kept.len(),
            _ => 0,
        };
        let parsing = each!(&self.parser, it => it.buffered_len());
        stashed
            .chain(unpolled)
            .fold(parsing.saturating_add(start), usize::saturating_add)
    }

    /// Takes what was put aside, or tells the end; whether anything came of it.
    fn go_on(&mut self) -> bool {
        if self.events.len() >= self.limits.events {
            return false;
        }
        if let Some(data) = self.stash.pop_front() {
            self.take(&data);
            return true;
        }
        if !self.ended || self.told {
            return false;
        }
        self.told = true;
        if let Start::Undecided(held) = core::mem::replace(&mut self.start, Start::Past) {
            each!(&mut self.parser, it => it.handle_input(&held));
        }
        each!(&mut self.parser, it => it.handle_eof());
        true
    }

    fn take(&mut self, data: &[u8]) {
        match &mut self.start {
            Start::Past => {
                each!(&mut self.parser, it => it.handle_input(data));
                each!(&mut self.parser, it => it.parse(&mut self.events, self.limits.events));
            }
            Start::Undecided(held) => {
                held.extend_from_slice(data);
                let could_be = held.iter().zip(b"ID3").all(|(a, b)| a == b);
                if could_be && held.len() < id3::HEADER {
                    return;
                }
                let held = core::mem::take(held);
                self.start = match id3::total_len(&held) {
                    Some(left) => {
                        let kept = (left <= self.limits.tag_size).then(Vec::new);
                        Start::Tag { left, kept }
                    }
                    None => Start::Past,
                };
                each!(&mut self.parser, it => it.start_at(0));
                self.take(&held);
            }
            Start::Tag { left, kept } => {
                let (tag, rest) = data.split_at_checked(*left).unwrap_or((data, &[]));
                *left -= tag.len();
                if let Some(kept) = kept {
                    kept.extend_from_slice(tag);
                }
                each!(&mut self.parser, it => it.start_at(tag.len() as u64));
                if *left > 0 {
                    return;
                }
                if let Some(tag) = kept.take() {
                    let entry = (String::from("ID3"), Value::Bytes(tag.into()));
                    self.events.push_back(Event::Metadata(Metadata {
                        entries: [entry].into(),
                    }));
                }
                // Some files have several.
                self.start = Start::Undecided(Vec::new());
                if !rest.is_empty() {
                    self.take(rest);
                }
            }
        }
    }
}
