//! A media playlist as a client sees it: every segment with what holds for it, delta updates applied.

use super::{Encryption, Method, Resource};
use crate::tag::{Define, KeyMethod, PlaylistType};
use crate::{ByteRange, Decimal, Error, MediaPlaylist, Segment, Tag};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use wire::uri::resolve;

/// What `{$name}` stands for (`EXT-X-DEFINE`).
#[derive(Debug, Clone, Default)]
pub(super) struct Variables(Vec<(String, String)>);

impl Variables {
    /// Takes a definition; `imported` are those of the multivariant playlist, `url` is the playlist's own.
    pub(super) fn define(&mut self, define: &Define<'_>, imported: &Variables, url: &str) {
        let (name, value) = if let Some(name) = define.import {
            (name, imported.get(name).map(ToOwned::to_owned))
        } else if let Some(name) = define.query_param {
            let query = url.split_once('?').map_or("", |(_, query)| query);
            let mut pairs = query
                .split('&')
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
            let value = pairs.find(|(key, _)| *key == name);
            (name, value.map(|(_, value)| value.to_owned()))
        } else if let Some(name) = define.name {
            (name, define.value.map(ToOwned::to_owned))
        } else {
            return;
        };
        if let Some(value) = value {
            self.0.push((name.to_owned(), value));
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Text with its variables replaced; those that are not known stay.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{$") {
            out.push_str(before);
            match after.split_once('}') {
                Some((name, behind)) if self.get(name).is_some() => {
                    out.push_str(self.get(name).unwrap_or_default());
                    rest = behind;
                }
                _ => {
                    out.push_str("{$");
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        out
    }
}

/// How a segment is encrypted, as the playlist says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    method: Method,
    pub(super) url: String,
    pub(super) format: String,
    iv: Option<u128>,
}

impl Key {
    pub(super) fn is_identity(&self) -> bool {
        self.format == "identity"
    }

    pub(super) fn encryption(&self, number: u64, key: Option<[u8; 16]>) -> Encryption {
        Encryption {
            method: self.method,
            format: self.format.clone(),
            url: self.url.clone(),
            key,
            // Without one, the number of the segment is it (§5.2).
            iv: self.iv.unwrap_or_else(|| number.into()).to_be_bytes(),
            constant_iv: self.iv.is_some(),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) resource: Resource,
    pub(super) nanos: u64,
    pub(super) independent: bool,
    pub(super) gap: bool,
}

/// An initialization section, and what it is encrypted with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Map {
    pub(super) resource: Resource,
    pub(super) keys: Vec<Arc<Key>>,
}

/// A segment.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) resource: Resource,
    pub(super) nanos: u64,
    /// Discontinuities before it.
    pub(super) discontinuity: u64,
    pub(super) wall: Option<i64>,
    pub(super) gap: bool,
    pub(super) map: Option<Arc<Map>>,
    pub(super) keys: Vec<Arc<Key>>,
    pub(super) parts: Vec<Part>,
}

#[derive(Debug, Clone)]
pub(super) struct View {
    /// Nanoseconds of the target duration.
    pub(super) target: u64,
    pub(super) sequence: u64,
    pub(super) entries: Vec<Entry>,
    /// What comes behind the last segment: its parts, as far as they are there.
    pub(super) open: Option<Entry>,
    pub(super) has_parts: bool,
    pub(super) is_event: bool,
    pub(super) ended: bool,
    pub(super) can_block: bool,
    /// Nanoseconds of the skip boundary, where there are delta updates.
    pub(super) skip_until: Option<u64>,
    pub(super) hold_back: u64,
    pub(super) part_hold_back: u64,
    /// Where to start, in nanoseconds from the start, or where negative from the end.
    pub(super) start: Option<i64>,
    /// On the stream's time line, in nanoseconds.
    pub(super) origin: u64,
}

fn nanos(decimal: Decimal) -> u64 {
    u64::try_from(decimal.as_nanos()).unwrap_or(0)
}

/// What holds on from one segment to the next.
struct Reader<'a> {
    url: &'a str,
    variables: &'a Variables,
    discontinuity: u64,
    wall: Option<i64>,
    map: Option<Arc<Map>>,
    keys: Vec<Arc<Key>>,
    /// Where the last byte range ended, and of which resource it was.
    range: Option<(String, u64)>,
    part_range: Option<(String, u64)>,
}

impl Reader<'_> {
    fn resolve(&self, uri: &str) -> String {
        resolve(self.url, &self.variables.fill(uri))
    }

    fn ranged(last: &mut Option<(String, u64)>, url: String, range: Option<ByteRange>) -> Resource {
        let range = range.map(|range| {
            let behind = last.as_ref().filter(|(before, _)| *before == url);
            let offset = range
                .offset
                .or_else(|| behind.map(|(_, end)| *end))
                .unwrap_or(0);
            let end = offset.saturating_add(range.length);
            *last = Some((url.clone(), end));
            (offset, end)
        });
        Resource { url, range }
    }

    /// The tags before a segment's URI, or those of the segment that is open; gives what they say of it.
    fn entry<'b>(&mut self, tags: impl Iterator<Item = Tag<'b>>) -> Entry {
        let mut entry = Entry {
            resource: Resource {
                url: String::new(),
                range: None,
            },
            nanos: 0,
            discontinuity: 0,
            wall: None,
            gap: false,
            map: None,
            keys: Vec::new(),
            parts: Vec::new(),
        };
        let mut keys_begun = false;
        for tag in tags {
            match tag {
                Tag::Discontinuity => {
                    self.discontinuity = self.discontinuity.saturating_add(1);
                    self.wall = None;
                }
                Tag::Gap => entry.gap = true,
                Tag::ProgramDateTime(time) => self.wall = Some(time.unix_nanos()),
                Tag::Key(key) if key.method == KeyMethod::None => {
                    self.keys.clear();
                    keys_begun = true;
                }
                Tag::Key(key) => {
                    // A set of keys in several formats replaces the one before as a whole.
                    if !keys_begun {
                        self.keys.clear();
                        keys_begun = true;
                    }
                    self.keys.push(Arc::new(Key {
                        method: Method::of(key.method),
                        url: self.resolve(key.uri.unwrap_or_default()),
                        format: key.key_format.unwrap_or("identity").to_owned(),
                        iv: key.iv.and_then(crate::Hex::to_u128),
                    }));
                }
                Tag::Map(map) => {
                    let url = self.resolve(map.uri);
                    let resource = Self::ranged(&mut None, url, map.byte_range);
                    let keys = self.keys.clone();
                    let map = Map { resource, keys };
                    if self.map.as_deref() != Some(&map) {
                        self.map = Some(Arc::new(map));
                    }
                }
                Tag::Part(part) => {
                    let url = self.resolve(part.uri);
                    entry.parts.push(Part {
                        resource: Self::ranged(&mut self.part_range, url, part.byte_range),
                        nanos: nanos(part.duration),
                        independent: part.independent,
                        gap: part.gap,
                    });
                }
                _ => {}
            }
        }
        entry.discontinuity = self.discontinuity;
        entry.wall = self.wall;
        entry.map.clone_from(&self.map);
        entry.keys.clone_from(&self.keys);
        entry
    }

    fn segment(&mut self, segment: &Segment) -> Entry {
        let mut entry = self.entry(segment.lines().tags());
        let url = self.resolve(segment.uri());
        entry.resource = Self::ranged(&mut self.range, url, segment.byte_range());
        entry.nanos = nanos(segment.duration());
        self.wall = self
            .wall
            .map(|wall| wall.saturating_add(i64::try_from(entry.nanos).unwrap_or(0)));
        entry
    }
}

impl View {
    /// From a playlist, and the view of the version before it.
    ///
    /// # Errors
    ///
    /// [`Error::State`] where it is a delta update to a version that is not at hand.
    pub(super) fn read(
        playlist: &MediaPlaylist,
        url: &str,
        imported: &Variables,
        before: Option<&View>,
    ) -> Result<Self, Error> {
        let mut variables = Variables::default();
        for tag in playlist.tags() {
            if let Tag::Define(define) = tag {
                variables.define(&define, imported, url);
            }
        }
        let sequence = playlist.media_sequence();
        let skip = playlist.tags().find_map(|tag| match tag {
            Tag::Skip(skip) => Some(skip.skipped_segments),
            _ => None,
        });
        let mut entries = Vec::new();
        if let Some(skip) = skip {
            entries = kept(before, sequence, skip).ok_or(NO_BASE)?;
        }
        let last = entries.last();
        let mut reader = Reader {
            url,
            variables: &variables,
            discontinuity: last
                .map_or(playlist.discontinuity_sequence(), |last| last.discontinuity),
            wall: last.and_then(Entry::wall_end),
            map: last.and_then(|last| last.map.clone()),
            keys: last.map(|last| last.keys.clone()).unwrap_or_default(),
            range: None,
            part_range: None,
        };
        entries.extend(playlist.segments.iter().map(|one| reader.segment(one)));
        let ended = playlist.is_ended();
        let open = (!ended).then(|| reader.entry(playlist.tail.tags()));
        let control = playlist.server_control();
        let target = playlist.target_duration().saturating_mul(1_000_000_000);
        let part_target = playlist.part_inf().map(|inf| nanos(inf.part_target));
        let told = |told: Option<Decimal>| told.map(nanos);
        let start = playlist.tags().find_map(|tag| match tag {
            Tag::Start(start) => Some(start.time_offset.as_nanos()),
            _ => None,
        });
        Ok(Self {
            target,
            sequence,
            origin: before.map_or(0, |before| before.time_of(sequence)),
            entries,
            open,
            has_parts: part_target.is_some(),
            is_event: playlist.playlist_type() == Some(PlaylistType::Event),
            ended,
            can_block: control.is_some_and(|control| control.can_block_reload),
            skip_until: control.and_then(|control| told(control.can_skip_until)),
            hold_back: control
                .and_then(|control| told(control.hold_back))
                .unwrap_or(target.saturating_mul(3)),
            part_hold_back: control
                .and_then(|control| told(control.part_hold_back))
                .unwrap_or_else(|| part_target.unwrap_or(0).saturating_mul(3)),
            start,
        })
    }

    /// The number behind that of the last whole segment.
    pub(super) fn end(&self) -> u64 {
        self.sequence.saturating_add(self.entries.len() as u64)
    }

    pub(super) fn get(&self, number: u64) -> Option<&Entry> {
        let at = usize::try_from(number.checked_sub(self.sequence)?).ok()?;
        self.entries.get(at)
    }

    /// Where a segment starts on the time line; where it is not listed, as near as can be told.
    pub(super) fn time_of(&self, number: u64) -> u64 {
        let count = usize::try_from(number.saturating_sub(self.sequence)).unwrap_or(usize::MAX);
        let before = self.entries.iter().take(count);
        before.fold(self.origin, |time, entry| time.saturating_add(entry.nanos))
    }

    /// The whole segment at a time.
    pub(super) fn at(&self, time: u64) -> u64 {
        let mut end = self.origin;
        let passed = self.entries.iter().take_while(|entry| {
            end = end.saturating_add(entry.nanos);
            end <= time
        });
        let passed = passed.count().min(self.entries.len().saturating_sub(1));
        self.sequence.saturating_add(passed as u64)
    }

    /// The whole segment that holds an instant, if instants are told.
    pub(super) fn at_wall(&self, wall: i64) -> Option<u64> {
        let holds = |entry: &&Entry| {
            let (Some(start), Some(end)) = (entry.wall, entry.wall_end()) else {
                return false;
            };
            // Instants are told to the millisecond.
            start <= wall.saturating_add(2_000_000) && wall.saturating_add(2_000_000) < end
        };
        let mut entries = self.entries.iter();
        let at = entries.position(|entry| holds(&entry))?;
        Some(self.sequence.saturating_add(at as u64))
    }

    /// Nanoseconds from a segment's start to the end, parts included.
    pub(super) fn until_end(&self, number: u64) -> u64 {
        let skip = usize::try_from(number.saturating_sub(self.sequence)).unwrap_or(usize::MAX);
        let whole = self.entries.iter().skip(skip).map(|entry| entry.nanos);
        let open = self.open.iter().flat_map(|open| &open.parts);
        whole
            .chain(open.map(|part| part.nanos))
            .fold(0, u64::saturating_add)
    }
}

impl Entry {
    fn wall_end(&self) -> Option<i64> {
        let nanos = i64::try_from(self.nanos).ok()?;
        Some(self.wall?.saturating_add(nanos))
    }
}

const NO_BASE: Error =
    Error::State("a delta update leaves out segments that the version before did not have");

/// Segments of the version before that a delta update leaves out.
fn kept(before: Option<&View>, sequence: u64, skip: u64) -> Option<Vec<Entry>> {
    let before = before?;
    let from = usize::try_from(sequence.checked_sub(before.sequence)?).ok()?;
    let to = from.checked_add(usize::try_from(skip).ok()?)?;
    Some(before.entries.get(from..to)?.to_vec())
}
