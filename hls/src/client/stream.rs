//! One playlist that is followed: where it is, what it needs next, when to read it again.

use super::view::{Entry, Key, Map, Variables, View};
use super::{Config, Kind, Media, Resource};
use crate::{Error, MediaPlaylist, Reload, Skip};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;

/// What a stream needs.
#[derive(Debug)]
pub(super) enum Next {
    Fetch(Kind, Resource),
    /// It is passed over, and to be told.
    Gap(Media),
    /// Nothing, until its playlist comes again.
    Wait,
    /// There is nothing more.
    Done,
}

/// Where another stream, or this one by another playlist, is to go on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anchor {
    pub(super) number: u64,
    pub(super) wall: Option<i64>,
    pub(super) time: u64,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) url: String,
    pub(super) view: Option<View>,
    /// Whether the last version was another one than that before.
    changed: bool,
    /// When the playlist was asked for, and is to be asked for again.
    pub(super) asked_at: i64,
    pub(super) refresh_at: Option<i64>,
    /// When the version at hand came.
    came_at: i64,
    /// Blocking reloads are not to be used for now.
    pub(super) plain: bool,
    /// The segment that is next, how many parts of it are here, and how many bytes; `None` where the first parts were left
    /// out.
    pub(super) position: Option<(u64, usize, Option<u64>)>,
    pub(super) anchor: Option<Anchor>,
    map: Option<Arc<Map>>,
    /// Discontinuities before what was fetched last.
    discontinuity: Option<u64>,
    pub(super) done: bool,
    pub(super) failures: u32,
}

impl Stream {
    pub(super) fn new(url: String, anchor: Option<Anchor>) -> Self {
        Self {
            url,
            view: None,
            changed: false,
            asked_at: 0,
            refresh_at: Some(i64::MIN),
            came_at: 0,
            plain: false,
            position: None,
            anchor,
            map: None,
            discontinuity: None,
            done: false,
            failures: 0,
        }
    }

    /// Where it is on its time line.
    pub(super) fn time(&self) -> u64 {
        match (&self.view, self.position) {
            (Some(view), Some((number, parts, _))) => {
                let entry = view.get(number).or(view.open.as_ref());
                let parts = entry
                    .iter()
                    .flat_map(|entry| entry.parts.iter().take(parts));
                let parts = parts.fold(0_u64, |sum, part| sum.saturating_add(part.nanos));
                view.time_of(number).saturating_add(parts)
            }
            _ => self.anchor.map_or(0, |anchor| anchor.time),
        }
    }

    /// Where another playlist has to go on.
    pub(super) fn here(&self) -> Option<Anchor> {
        let (Some(view), Some((number, ..))) = (&self.view, self.position) else {
            return self.anchor;
        };
        Some(Anchor {
            number,
            wall: view.get(number).and_then(|entry| entry.wall),
            time: view.time_of(number),
        })
    }

    /// The playlist's URL, with what is asked of it.
    pub(super) fn request(&self, config: &Config, now: i64) -> Resource {
        let mut reload = Reload::now();
        if let Some(view) = &self.view {
            if view.can_block && config.low_latency && !self.plain {
                let parts = view.open.as_ref().map_or(0, |open| open.parts.len());
                reload.msn = Some(view.end());
                reload.part = view.has_parts.then_some(parts as u64);
            }
            // A version that is too old may lack what would be left out (§6.2.5.1).
            let age = u64::try_from(now.saturating_sub(self.came_at)).unwrap_or(u64::MAX);
            if view.skip_until.is_some_and(|until| age < until / 2) {
                reload.skip = Skip::Segments;
            }
        }
        let directives = reload.to_string();
        let url = if directives.is_empty() {
            self.url.clone()
        } else {
            let mark = if self.url.contains('?') { '&' } else { '?' };
            format!("{}{mark}{directives}", self.url)
        };
        Resource { url, range: None }
    }

    /// Takes a version of the playlist that came from `url`.
    pub(super) fn take(
        &mut self,
        playlist: &MediaPlaylist,
        url: &str,
        variables: &Variables,
        config: &Config,
        now: i64,
    ) -> Result<(), Error> {
        let view = View::read(playlist, url, variables, self.view.as_ref())?;
        let edge = |view: &View| {
            let parts = view.open.as_ref().map_or(0, |open| open.parts.len());
            (view.end(), parts, view.ended)
        };
        // Where numbers go back, the server has begun anew.
        let restarted = self
            .view
            .as_ref()
            .is_some_and(|before| view.end() < before.sequence);
        if restarted {
            self.position = None;
            self.anchor = None;
        }
        self.changed = self
            .view
            .as_ref()
            .is_none_or(|before| edge(before) != edge(&view));
        self.came_at = now;
        self.refresh_at = self.next_refresh(&view, config);
        self.failures = 0;
        self.plain &= !self.changed;
        self.view = Some(view);
        if self.position.is_none() {
            self.place(config);
        }
        Ok(())
    }

    /// When to ask for it again (§6.3.4).
    fn next_refresh(&self, view: &View, config: &Config) -> Option<i64> {
        if view.ended {
            return None;
        }
        if view.can_block && config.low_latency && self.changed && !self.plain {
            return Some(i64::MIN);
        }
        let last = view.entries.last().map_or(view.target, |last| last.nanos);
        let wait = if self.changed { last } else { view.target / 2 };
        let wait = i64::try_from(wait).unwrap_or(i64::MAX).max(100_000_000);
        Some(self.asked_at.saturating_add(wait))
    }

    /// Where to begin.
    fn place(&mut self, config: &Config) {
        let Some(view) = &mut self.view else { return };
        if let Some(anchor) = self.anchor.take() {
            let listed = |number: u64| (view.sequence..=view.end()).contains(&number);
            let by_wall = anchor.wall.and_then(|wall| view.at_wall(wall));
            let number = match by_wall {
                Some(number) => number,
                // A live playlist numbers as the others do; a whole one starts where they start.
                None if !view.ended && listed(anchor.number) => anchor.number,
                None => view.at(anchor.time),
            };
            if !view.ended || by_wall.is_some() {
                view.origin = 0;
                view.origin = anchor.time.saturating_sub(view.time_of(number));
            }
            self.position = Some((number, 0, Some(0)));
            return;
        }
        let whole = !view.ended && config.delay.is_none();
        let start = match view.start {
            _ if config.from_start || (config.events_from_start && view.is_event) => view.sequence,
            Some(offset) if offset >= 0 && view.ended => view.at(offset.unsigned_abs()),
            Some(offset) if whole && offset >= 0 => {
                view.at(view.origin.saturating_add(offset.unsigned_abs()))
            }
            None if view.ended => view.sequence,
            Some(offset) => back(view, offset.unsigned_abs()),
            None => {
                let told = if view.has_parts && config.low_latency {
                    view.part_hold_back
                } else {
                    view.hold_back
                };
                let delay = config.delay.unwrap_or(told);
                if let Some((number, part)) = view
                    .has_parts
                    .then(|| back_by_parts(view, delay))
                    .flatten()
                    .filter(|_| config.low_latency)
                {
                    self.position = Some((number, part, Some(0).filter(|_| part == 0)));
                    return;
                }
                back(view, delay)
            }
        };
        self.position = Some((start, 0, Some(0)));
    }

    /// Goes to a time.
    pub(super) fn go(&mut self, time: u64) {
        if let Some(view) = &self.view {
            self.position = Some((view.at(time), 0, Some(0)));
            self.done = false;
        } else {
            let anchor = Anchor {
                number: 0,
                wall: None,
                time,
            };
            self.anchor = Some(anchor);
        }
    }

    /// Something of the position is here, or is passed over.
    pub(super) fn passed(&mut self, media: &Media, bytes: u64) {
        let Some((number, parts, held)) = self.position else {
            return;
        };
        if number != media.number {
            return;
        }
        self.position = Some(match media.part {
            Some(_) => (
                number,
                parts + 1,
                held.map(|held| held.saturating_add(bytes)),
            ),
            None => (number.saturating_add(1), 0, Some(0)),
        });
        self.discontinuity = Some(media.discontinuity_sequence);
    }

    pub(super) fn initialized(&mut self) {
        if let (Some(view), Some((number, ..))) = (&self.view, self.position) {
            let entry = view.get(number).or(view.open.as_ref());
            self.map = entry.and_then(|entry| entry.map.clone());
        }
    }

    pub(super) fn next(&mut self, config: &Config, keys: &VecDeque<(String, [u8; 16])>) -> Next {
        loop {
            let (Some(view), Some((number, part, held))) = (&self.view, self.position) else {
                return Next::Wait;
            };
            if number < view.sequence {
                // It fell out of the window: what is left starts later.
                let lost = media(number, None, 0, None, self.discontinuity.unwrap_or(0));
                self.position = Some((view.sequence, 0, Some(0)));
                return Next::Gap(lost);
            }
            let whole = view.get(number);
            let Some(entry) = whole.or(view.open.as_ref().filter(|_| number == view.end())) else {
                return if view.ended { Next::Done } else { Next::Wait };
            };
            let jump = self
                .discontinuity
                .is_some_and(|before| before != entry.discontinuity);
            let what = |part: Option<usize>, nanos| {
                let mut media = media(number, part, nanos, entry.wall, entry.discontinuity);
                media.start = self.time();
                media.discontinuity = jump;
                media
            };
            let (resource, mut media, gap) = match (whole, entry.parts.get(part)) {
                (Some(entry), _) if part == 0 => {
                    (entry.resource.clone(), what(None, entry.nanos), entry.gap)
                }
                (None, Some(_)) if !config.low_latency => return Next::Wait,
                (_, Some(next)) => (
                    next.resource.clone(),
                    what(Some(part), next.nanos),
                    next.gap,
                ),
                // All of its parts are here, or the rest cannot be had.
                (Some(entry), None) if !entry.parts.is_empty() || held.is_none() => {
                    self.position = Some((number.saturating_add(1), 0, Some(0)));
                    continue;
                }
                // Its parts are not told any more: the rest of it.
                (Some(entry), None) => {
                    let (first, end) = entry.resource.range.unwrap_or((0, u64::MAX));
                    let range = Some((first.saturating_add(held.unwrap_or(0)), end));
                    let url = entry.resource.url.clone();
                    (Resource { url, range }, what(None, 0), false)
                }
                (None, _) => return if view.ended { Next::Done } else { Next::Wait },
            };
            if gap {
                self.passed(&media, 0);
                return Next::Gap(media);
            }
            if let Some(map) = &entry.map
                && self.map.as_ref() != Some(map)
            {
                return match encryption(&map.keys, keys) {
                    Choice::Fetch(url) => Next::Fetch(Kind::Key, Resource { url, range: None }),
                    Choice::Clear => Next::Fetch(Kind::Initialization(None), map.resource.clone()),
                    Choice::By(key, value) => {
                        let encryption = key.encryption(number, value);
                        Next::Fetch(Kind::Initialization(Some(encryption)), map.resource.clone())
                    }
                };
            }
            match encryption(&entry.keys, keys) {
                Choice::Fetch(url) => {
                    return Next::Fetch(Kind::Key, Resource { url, range: None });
                }
                Choice::Clear => {}
                Choice::By(key, value) => media.encryption = Some(key.encryption(number, value)),
            }
            return Next::Fetch(Kind::Media(media), resource);
        }
    }
}

/// What to decrypt with.
enum Choice<'a> {
    Clear,
    /// This key has to be fetched before.
    Fetch(String),
    By(&'a Key, Option<[u8; 16]>),
}

fn encryption<'a>(told: &'a [Arc<Key>], known: &VecDeque<(String, [u8; 16])>) -> Choice<'a> {
    let identity = told.iter().find(|key| key.is_identity());
    match (identity, told.first()) {
        (Some(key), _) => match known.iter().find(|(url, _)| *url == key.url) {
            Some((_, value)) => Choice::By(key, Some(*value)),
            None => Choice::Fetch(key.url.clone()),
        },
        (None, Some(key)) => Choice::By(key, None),
        (None, None) => Choice::Clear,
    }
}

fn media(
    number: u64,
    part: Option<usize>,
    duration: u64,
    wall: Option<i64>,
    discontinuity_sequence: u64,
) -> Media {
    Media {
        number,
        part,
        start: 0,
        duration,
        wall,
        discontinuity: false,
        discontinuity_sequence,
        encryption: None,
    }
}

/// The last whole segment that starts so far from the end, or else the first one.
fn back(view: &View, distance: u64) -> u64 {
    let numbers = (view.sequence..view.end()).rev();
    let mut far = numbers.filter(|number| view.until_end(*number) >= distance);
    far.next().unwrap_or(view.sequence)
}

/// The last independent part that starts so far from the end.
fn back_by_parts(view: &View, distance: u64) -> Option<(u64, usize)> {
    let open = view.open.iter().map(|open| (view.end(), open));
    let whole = view.entries.iter().enumerate().rev();
    let whole = whole.map(|(at, entry)| (view.sequence.saturating_add(at as u64), entry));
    let mut behind = 0_u64;
    let starts_at = |(number, entry): (u64, &Entry)| {
        if entry.parts.is_empty() {
            behind = behind.saturating_add(entry.nanos);
            return (behind >= distance).then_some((number, 0));
        }
        for (at, part) in entry.parts.iter().enumerate().rev() {
            behind = behind.saturating_add(part.nanos);
            if behind >= distance && (part.independent || at == 0) {
                return Some((number, at));
            }
        }
        None
    };
    open.chain(whole).find_map(starts_at)
}
