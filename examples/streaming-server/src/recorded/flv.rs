use anyhow::Context;
use media::Event;
use rtmp::amf::amf0::{self, Object, Value};
use rtmp::flv::{Demuxer, FileHeader, FileItem, FileReader, KeyFrame, KeyFrames};
use rtmp::message::Role;
use rtmp::{Limits, Message, TypeId};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::time::Duration;

/// Bytes read at once.
const READ: usize = 64 << 10;
/// Tags at the start among which headers are looked for.
const FIRST: usize = 64;
/// Most places that an index of our own has.
const PLACES: usize = 4096;
/// By how much metadata may know a length better than the last tag's time.
const PLAUSIBLE: Duration = Duration::from_secs(5);
/// Bytes of a tag's header (FLV §E.4.1), and of the size behind a tag.
const TAG: u64 = 11;
const BACK_POINTER: u64 = 4;

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
    /// `onMetaData` and the headers of the decoders.
    headers: Vec<Message>,
    /// Where those are that are not to come a second time.
    repeated: Vec<u64>,
    /// Whether the next tag is the first since the start or the last seek.
    fresh: bool,
    output: VecDeque<Message>,
    /// From the file's metadata, or made when it is first needed.
    index: Option<KeyFrames>,
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
            headers: Vec::new(),
            repeated: Vec::new(),
            fresh: true,
            output: VecDeque::new(),
            index: None,
        };
        recording.look()?;
        Ok(recording)
    }

    pub(super) const fn length(&self) -> Option<Duration> {
        self.length
    }

    pub(super) fn seek(&mut self, to: Duration) -> anyhow::Result<()> {
        if to.is_zero() {
            self.go(0, FileReader::new(&Limits::default()))?;
            return Ok(());
        }
        let index = match self.index.take() {
            Some(index) => index,
            None => self.scan()?,
        };
        let place = index.at(to);
        self.index = Some(index);
        match place {
            Some(place) => self.go(
                place.offset,
                FileReader::at(place.offset, &Limits::default()),
            ),
            None => self.go(0, FileReader::new(&Limits::default())),
        }
    }

    fn go(&mut self, offset: u64, reader: FileReader) -> anyhow::Result<()> {
        self.file.seek(SeekFrom::Start(offset))?;
        self.reader = reader;
        self.buffer.clear();
        self.used = 0;
        self.at_end = false;
        self.fresh = true;
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
                for header in &self.headers {
                    let timestamp = message.timestamp;
                    self.output.push_back(Message {
                        timestamp,
                        ..header.clone()
                    });
                }
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
        self.base = base.context("has no sound and no pictures")?;
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
        self.headers
            .insert(0, describe(metadata.as_ref(), self.length)?);
        self.go(0, FileReader::new(&Limits::default()))
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
        Ok(self
            .header(start)?
            .filter(|tag| tag.body + TAG == size)
            .map(|tag| self.since_start(tag.timestamp)))
    }

    fn since_start(&self, timestamp: u32) -> Duration {
        // What is before the start, as some headers are, is at it.
        let millis = timestamp.wrapping_sub(self.base);
        Duration::from_millis(if millis > u32::MAX / 2 {
            0
        } else {
            millis.into()
        })
    }

    fn header(&mut self, at: u64) -> anyhow::Result<Option<Tag>> {
        self.file.seek(SeekFrom::Start(at))?;
        Tag::read(&mut self.file).map_err(Into::into)
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
            match self.header(place.offset)? {
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

    /// Looks at the headers of all tags for places where playing can begin. However long the file is, there are at most
    /// [`PLACES`]: the more it has, the farther those that are kept are apart.
    fn scan(&mut self) -> anyhow::Result<KeyFrames> {
        let mut file = BufReader::with_capacity(READ, &self.file);
        file.rewind()?;
        let mut head = [0; FileHeader::LEN];
        file.read_exact(&mut head)?;
        let [.., a, b, c, d] = head;
        let mut at = u64::from(u32::from_be_bytes([a, b, c, d])) + BACK_POINTER;
        file.seek(SeekFrom::Start(at))?;
        let (mut pictures, mut sounds) = (Places::default(), Places::default());
        while let Some(tag) = Tag::read(&mut file)? {
            let place = KeyFrame {
                time: self.since_start(tag.timestamp),
                offset: at,
            };
            let mut first = [0; 1];
            let body = tag.body.min(1);
            file.read_exact(&mut first[..usize::from(body == 1)])?;
            match tag.type_id {
                // The frame type is at the same place in all bodies; bit 7 says how the rest is to be read.
                TypeId::VIDEO if first[0] >> 4 & 7 == 1 => pictures.add(place),
                TypeId::AUDIO => sounds.add(place),
                _ => {}
            }
            let rest = tag.body - body + BACK_POINTER;
            let Ok(rest) = i64::try_from(rest) else { break };
            file.seek_relative(rest)?;
            at += TAG + tag.body + BACK_POINTER;
        }
        let places = if pictures.places.is_empty() {
            sounds
        } else {
            pictures
        };
        Ok(KeyFrames(places.places))
    }
}

/// The header of a tag.
struct Tag {
    type_id: TypeId,
    body: u64,
    timestamp: u32,
}

impl Tag {
    /// None at the end of the file and for what is no tag.
    fn read(from: &mut impl Read) -> std::io::Result<Option<Self>> {
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
}

/// An index that thins itself out.
#[derive(Default)]
struct Places {
    places: Vec<KeyFrame>,
    /// Least time between two.
    apart: Duration,
}

impl Places {
    fn add(&mut self, place: KeyFrame) {
        if self
            .places
            .last()
            .is_some_and(|last| place.time < last.time + self.apart)
        {
            return;
        }
        self.places.push(place);
        if self.places.len() >= PLACES {
            self.apart = (self.apart * 2).max(Duration::from_millis(500));
            let mut last: Option<Duration> = None;
            self.places.retain(|place| {
                let keep = last.is_none_or(|last| place.time >= last + self.apart);
                if keep {
                    last = Some(place.time);
                }
                keep
            });
        }
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
