//! The pictures of one participant: decoded when they are due, turned upright, shown until the next.

use super::person::{Item, Person, is_stale};
use crate::picture::Picture;
use crate::picture::decode::Decoder;
use media::Timescale;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Pictures that wait to be shown: as many as a decoder reorders.
const READY: usize = 17;

/// The pictures of somebody.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    decoder: Option<Decoder>,
    scale: Option<Timescale>,
    ready: VecDeque<(i64, Picture)>,
    /// What is seen now.
    pub(crate) shown: Option<Arc<Picture>>,
    /// When that was due.
    since: i64,
    /// Other for every other picture.
    pub(crate) version: u64,
    /// Quarters of a turn, clockwise, that its pictures need to stand upright.
    turn: u8,
}

impl Screen {
    /// Whether there is anything to be done for it.
    pub(crate) fn is_due(&self, person: &Person, now: i64) -> bool {
        let shows = self.ready.front().is_some_and(|(due, _)| *due <= now);
        let fades = self.shown.is_some() && is_stale(self.since, now);
        shows || fades || person.has_picture_due(now)
    }

    /// Decodes what is due, and shows what is.
    pub(crate) fn fill(&mut self, person: &Person, now: i64) {
        loop {
            let Some((item, delay)) = next(person, now) else {
                break;
            };
            match item {
                Item::Track(codec, scale) => {
                    self.scale = Some(scale);
                    self.decoder = Decoder::after(self.decoder.take(), &codec);
                    if self.decoder.is_none() {
                        tracing::warn!(name = %person.name, "{} cannot be seen: H.264 and VP8 can", codec.rfc6381());
                    }
                }
                Item::Turn(quarters) => self.turn = quarters,
                Item::Sample(sample, _) => {
                    let (Some(decoder), Some(scale)) = (&mut self.decoder, self.scale) else {
                        continue;
                    };
                    if let Some((time, picture)) = decoder.decode(&sample) {
                        person.decoded.fetch_add(1, Ordering::Relaxed);
                        let due = scale.time(time).as_nanos() + delay;
                        self.ready.push_back((due, picture.turned(self.turn)));
                    } else if decoder.waits() {
                        person.want_keyframe();
                    }
                }
            }
        }
        while self.ready.len() > READY || self.ready.front().is_some_and(|(due, _)| *due <= now) {
            let Some((due, picture)) = self.ready.pop_front() else {
                break;
            };
            self.shown = Some(Arc::new(picture));
            self.since = due.min(now);
            self.version += 1;
        }
        if self.shown.is_some() && is_stale(self.since, now) && !person.is_screen() {
            self.shown = None;
            self.version += 1;
        }
    }

    /// Nobody looks: what comes next begins with a keyframe.
    pub(crate) fn rest(&mut self, person: &Person) {
        if let Some(decoder) = &mut self.decoder
            && !decoder.waits()
        {
            decoder.reset();
        }
        self.ready.clear();
        self.shown = None;
        person.arrival().picture.trim();
    }
}

/// The next that is due, and what is added to times to know when they are. What comes meanwhile is not held up by its decoding.
fn next(person: &Person, now: i64) -> Option<(Item, i64)> {
    let mut arrival = person.arrival();
    let arrival = &mut *arrival;
    let timeline = &arrival.timeline;
    let item = arrival.picture.next(|time| timeline.due(time) <= now)?;
    Some((item, timeline.due(0)))
}
