//! Where playing of a file can begin, and what its decoders are to be set up with there.

use super::tag::{BACK_POINTER, TAG, Tag};
use rtmp::flv::{FileHeader, KeyFrame, KeyFrames};
use rtmp::message::Role;
use rtmp::{Message, TypeId};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Result, Seek, SeekFrom};
use std::time::Duration;

/// Bytes read at once.
const READ: usize = 64 << 10;
/// Most places that an index of our own has, and most changes of headers that are known.
const PLACES: usize = 4096;
/// Longest body of a header.
const HEADER: u64 = 64 << 10;
/// Tags before a key frame among which its headers are looked for.
const BEFORE: usize = 64;

#[derive(Debug)]
pub(super) struct Map {
    places: KeyFrames,
    /// Where headers are that differ from the ones before, each with its slot; as the file has them.
    changes: Vec<(u64, u32)>,
}

impl Map {
    /// Of a file, whose own index is taken where it has one.
    pub(super) fn of(file: &mut File, base: u32, index: Option<KeyFrames>) -> Result<Self> {
        match index {
            Some(index) => Self::of_index(file, index),
            None => Self::of_tags(file, base),
        }
    }

    /// The last place at or before a time.
    pub(super) fn at(&self, time: Duration) -> Option<KeyFrame> {
        self.places.at(time)
    }

    /// The newest headers of each slot before a place in the file.
    pub(super) fn headers(&self, file: &mut File, offset: u64) -> Result<Vec<Message>> {
        let before = self.changes.iter().take_while(|(at, _)| *at < offset);
        let newest: BTreeMap<u32, u64> = before.map(|(at, slot)| (*slot, *at)).collect();
        let mut headers = Vec::new();
        for at in newest.into_values() {
            if let Some(tag) = Tag::at(file, at)? {
                headers.push(tag.message(file, HEADER)?);
            }
        }
        Ok(headers)
    }

    /// Looks at all tags. However long the file is, there are at most [`PLACES`]: the more it has, the farther those that are
    /// kept are apart.
    fn of_tags(file: &mut File, base: u32) -> Result<Self> {
        let mut file = BufReader::with_capacity(READ, file);
        let mut at = first(&mut file)?;
        let (mut pictures, mut sounds) = (Places::default(), Places::default());
        let mut changes = Changes::default();
        while let Some(tag) = Tag::read(&mut file)? {
            let place = KeyFrame {
                time: tag.since(base),
                offset: at,
            };
            let (role, mut read) = tag.look(&mut file)?;
            match (role, tag.type_id) {
                (Role::JoinPoint, _) => pictures.add(place),
                (Role::Header, TypeId::AUDIO | TypeId::VIDEO) => {
                    file.seek_relative(-i64::try_from(read).unwrap_or(0))?;
                    let header = tag.message(&mut file, HEADER)?;
                    read = header.payload.len() as u64;
                    changes.add(at, header);
                }
                (_, TypeId::AUDIO) => sounds.add(place),
                _ => {}
            }
            let Ok(rest) = i64::try_from(tag.body - read + BACK_POINTER) else {
                break;
            };
            file.seek_relative(rest)?;
            at += TAG + tag.body + BACK_POINTER;
        }
        let places = if pictures.places.is_empty() {
            sounds
        } else {
            pictures
        };
        Ok(Self {
            places: KeyFrames(places.places),
            changes: changes.found,
        })
    }

    /// Looks at the tags before each key frame, back to the picture before: a decoder is set up anew with a key frame. To look at all
    /// tags would be to read the file.
    fn of_index(file: &mut File, places: KeyFrames) -> Result<Self> {
        let mut changes = Changes::default();
        let start = first(file)?;
        for place in &places.0 {
            let mut headers = Vec::new();
            let mut at = place.offset;
            // Some indexes tell the place of the key frame's header.
            let mut picture = false;
            for _ in 0..BEFORE {
                let Some(tag) = Tag::at(file, at)? else { break };
                match tag.look(file)?.0 {
                    Role::Header => headers.push(at),
                    Role::JoinPoint | Role::Dependent if at < place.offset => picture = true,
                    _ => {}
                }
                if picture || at <= start {
                    break;
                }
                // The size of the tag before stands behind it.
                file.seek(SeekFrom::Start(at.saturating_sub(BACK_POINTER)))?;
                let mut size = [0; 4];
                file.read_exact(&mut size)?;
                let back = u64::from(u32::from_be_bytes(size)) + BACK_POINTER;
                match at.checked_sub(back) {
                    Some(before) if before >= start && back > TAG => at = before,
                    _ => break,
                }
            }
            for at in headers.into_iter().rev() {
                if let Some(tag) = Tag::at(file, at)?
                    && tag.type_id != TypeId::DATA
                {
                    changes.add(at, tag.message(file, HEADER)?);
                }
            }
        }
        Ok(Self {
            places,
            changes: changes.found,
        })
    }
}

/// Where the first tag is.
fn first(file: &mut (impl Read + Seek)) -> Result<u64> {
    file.rewind()?;
    let mut head = [0; FileHeader::LEN];
    file.read_exact(&mut head)?;
    let [.., a, b, c, d] = head;
    let at = u64::from(u32::from_be_bytes([a, b, c, d])) + BACK_POINTER;
    file.seek(SeekFrom::Start(at))?;
    Ok(at)
}

/// Headers that differ from the ones before: many encoders repeat them with each key frame.
#[derive(Default)]
struct Changes {
    found: Vec<(u64, u32)>,
    newest: BTreeMap<u32, Message>,
}

impl Changes {
    fn add(&mut self, at: u64, header: Message) {
        let slot = header.slot();
        let same = |newest: &Message| newest.payload == header.payload;
        if self.newest.get(&slot).is_some_and(same) || self.found.len() >= PLACES {
            return;
        }
        self.found.push((at, slot));
        self.newest.insert(slot, header);
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
