//! Recordings in FLV files, whose tags are the messages.

mod map;
mod tag;

use anyhow::Context;
use map::Map;
use media::Event;
use rtmp::amf::amf0::{self, Object, Value};
use rtmp::flv::{Demuxer, FileItem, FileReader, KeyFrame, KeyFrames};
use rtmp::message::Role;
use rtmp::{Limits, Message, TypeId};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::time::Duration;
use tag::{BACK_POINTER, TAG, Tag};

/// Bytes read at once.
const READ: usize = 64 << 10;
/// Tags at the start among which headers are looked for.
const FIRST: usize = 64;
/// By how much metadata may know a length better than the last tag's time.
const PLAUSIBLE: Duration = Duration::from_secs(5);

/// An FLV file: its tags are the messages.
#[derive(Debug)]
pub(super) struct Recording {
    file: File,
    reader: FileReader,
    /// What was read and not yet used.
    buffer: Vec<u8>,
    used: usize,
    at_end: bool,
    /// The timestamp that the recording starts with.
    base: u32,
    length: Option<Duration>,
    metadata: Option<Message>,
    /// What the decoders are set up with at the start.
    headers: Vec<Message>,
    /// Where those are that are not to come a second time.
    repeated: Vec<u64>,
    /// Whether the next tag is the first since the start or the last seek.
    fresh: bool,
    /// What comes before that.
    first: Vec<Message>,
    output: VecDeque<Message>,
    /// From the file's metadata.
    index: Option<KeyFrames>,
    /// Made when it is first needed.
    map: Option<Map>,
}

impl Recording {
    pub(super) fn open(file: File) -> anyhow::Result<Self> {
        let mut recording = Self {
            file,
            reader: FileReader::new(&Limits::default()),
            buffer: Vec::new(),
            used: 0,
            at_end: false,
            base: 0,
            length: None,
            metadata: None,
            headers: Vec::new(),
            repeated: Vec::new(),
            fresh: true,
            first: Vec::new(),
            output: VecDeque::new(),
            index: None,
            map: None,
        };
        recording.look()?;
        Ok(recording)
    }

    pub(super) const fn length(&self) -> Option<Duration> {
        self.length
    }

    pub(super) fn seek(&mut self, to: Duration) -> anyhow::Result<()> {
        if to.is_zero() {
            return self.start();
        }
        let map = match self.map.take() {
            Some(map) => map,
            None => Map::of(&mut self.file, self.base, self.index.take())?,
        };
        let Some(place) = map.at(to) else {
            self.map = Some(map);
            return self.start();
        };
        let mut headers = map.headers(&mut self.file, place.offset)?;
        self.map = Some(map);
        // Those that come soon after the place do not come a second time.
        for header in &self.headers {
            if headers.iter().all(|newer| newer.slot() != header.slot()) {
                headers.push(header.clone());
            }
        }
        let reader = FileReader::at(place.offset, &Limits::default());
        self.go(place.offset, reader, headers)
    }

    fn start(&mut self) -> anyhow::Result<()> {
        let headers = self.headers.clone();
        self.go(0, FileReader::new(&Limits::default()), headers)
    }

    fn go(&mut self, offset: u64, reader: FileReader, headers: Vec<Message>) -> anyhow::Result<()> {
        self.file.seek(SeekFrom::Start(offset))?;
        self.reader = reader;
        self.buffer.clear();
        self.used = 0;
        self.at_end = false;
        self.fresh = true;
        self.first = headers;
        self.output.clear();
        Ok(())
    }

    pub(super) fn next(&mut self) -> anyhow::Result<Option<Message>> {
        loop {
            if let Some(message) = self.output.pop_front() {
                return Ok(Some(message));
            }
            let Some((offset, mut message)) = self.tag()? else {
                return Ok(None);
            };
            message.timestamp = message.timestamp.wrapping_sub(self.base);
            if std::mem::take(&mut self.fresh) {
                let first = self.metadata.iter().cloned().chain(self.first.drain(..));
                self.output.extend(first.map(|header| Message {
                    timestamp: message.timestamp,
                    ..header
                }));
            }
            if !self.repeated.contains(&offset) {
                self.output.push_back(message);
            }
        }
    }

    /// The next tag and where it is.
    fn tag(&mut self) -> anyhow::Result<Option<(u64, Message)>> {
        loop {
            let mut input = self.buffer.get(self.used..).unwrap_or_default();
            let before = input.len();
            let item = if self.at_end && input.is_empty() {
                self.reader.finish()
            } else {
                self.reader.read(&mut input)
            };
            self.used += before - input.len();
            match item {
                Some(FileItem::Tag {
                    offset,
                    filter: false,
                    message,
                }) => {
                    return Ok(Some((offset, message)));
                }
                Some(FileItem::Damage { offset, what, .. }) => {
                    tracing::debug!("at {offset}: {what}");
                }
                Some(_) => {}
                None if self.at_end => return Ok(None),
                None => {
                    self.used = 0;
                    self.buffer.resize(READ, 0);
                    let read = self.file.read(&mut self.buffer)?;
                    self.buffer.truncate(read);
                    self.at_end = read == 0;
                }
            }
        }
    }

    /// Finds headers, the first timestamp and the length, then goes back to the start.
    fn look(&mut self) -> anyhow::Result<()> {
        let mut base = None;
        let mut metadata = None;
        for _ in 0..FIRST {
            let Some((offset, message)) = self.tag()? else {
                break;
            };
            let is_media = matches!(message.type_id, TypeId::AUDIO | TypeId::VIDEO);
            if is_media {
                base.get_or_insert(message.timestamp);
            }
            if message.role() != Role::Header {
                continue;
            }
            self.repeated.push(offset);
            if message.type_id == TypeId::DATA {
                metadata = Some(message);
            } else if self
                .headers
                .iter()
                .all(|header| header.slot() != message.slot())
            {
                self.headers.push(message);
            } else {
                // A second one of its kind belongs where it stands.
                self.repeated.pop();
            }
        }
        self.base = base.context("it has no sound and no pictures")?;
        let told = metadata.as_ref().and_then(told);
        if let Some(metadata) = &metadata {
            let mut demuxer = Demuxer::new(Limits::default());
            demuxer.handle_message(metadata);
            while let Some(event) = demuxer.poll_event()? {
                if let Event::Metadata(metadata) = event {
                    self.index = KeyFrames::of(&metadata);
                }
            }
        }
        self.check_index()?;
        self.length = match (self.last_timestamp()?, told) {
            (Some(last), Some(told)) if told.abs_diff(last) <= PLAUSIBLE => Some(told),
            (Some(last), _) => Some(last),
            (None, told) => told,
        };
        self.metadata = Some(describe(metadata.as_ref(), self.length)?);
        self.start()
    }

    /// The time of the last tag, where the end of the file is whole.
    fn last_timestamp(&mut self) -> anyhow::Result<Option<Duration>> {
        let end = self.file.seek(SeekFrom::End(0))?;
        let Some(at) = end.checked_sub(BACK_POINTER) else {
            return Ok(None);
        };
        self.file.seek(SeekFrom::Start(at))?;
        let mut size = [0; 4];
        self.file.read_exact(&mut size)?;
        let size = u64::from(u32::from_be_bytes(size));
        let Some(start) = at.checked_sub(size).filter(|_| size >= TAG) else {
            return Ok(None);
        };
        Ok(Tag::at(&mut self.file, start)?
            .filter(|tag| tag.body + TAG == size)
            .map(|tag| tag.since(self.base)))
    }

    /// Takes the file's own index on the clock of the recording, if it tells the truth.
    fn check_index(&mut self) -> anyhow::Result<()> {
        let Some(index) = self.index.take().filter(|index| index.0.len() > 1) else {
            return Ok(());
        };
        let places = [
            index.0.get(1),
            index.0.get(index.0.len() / 2),
            index.0.last(),
        ];
        for place in places.into_iter().flatten() {
            match Tag::at(&mut self.file, place.offset)? {
                Some(tag) if tag.type_id == TypeId::VIDEO || tag.type_id == TypeId::AUDIO => {}
                _ => return Ok(()),
            }
        }
        let base = Duration::from_millis(self.base.into());
        let places = index.0.into_iter().map(|place| KeyFrame {
            time: place.time.saturating_sub(base),
            offset: place.offset,
        });
        self.index = Some(KeyFrames(places.collect()));
        Ok(())
    }
}

/// The length that metadata tells.
fn told(metadata: &Message) -> Option<Duration> {
    let values = amf0::decode(&metadata.payload, &Limits::default()).ok()?;
    let seconds = values.get(1)?.get("duration")?.as_f64()?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|length| !length.is_zero())
}

/// `onMetaData` with the right length, and without the file's index, which is as long as the file and of no use over RTMP.
fn describe(metadata: Option<&Message>, length: Option<Duration>) -> anyhow::Result<Message> {
    let values = metadata.map(|metadata| amf0::decode(&metadata.payload, &Limits::default()));
    let values = values.transpose()?.unwrap_or_default();
    let mut object = match values.into_iter().nth(1) {
        Some(Value::EcmaArray(object) | Value::Object(object)) => object,
        _ => Object::default(),
    };
    object
        .0
        .retain(|(name, _)| name != "keyframes" && name != "duration");
    if let Some(length) = length {
        object
            .0
            .insert(0, ("duration".into(), Value::from(length.as_secs_f64())));
    }
    let mut payload = Vec::new();
    amf0::encode(
        &[Value::from("onMetaData"), Value::EcmaArray(object)],
        &mut payload,
    )?;
    Ok(Message {
        timestamp: 0,
        type_id: TypeId::DATA,
        stream_id: 0,
        payload: payload.into(),
    })
}
