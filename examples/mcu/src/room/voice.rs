//! What one participant says: decoded where it is heard, and else only looked at.

use super::person::{Item, Person, Told};
use crate::sound::decode::Decoder;
use crate::sound::floor::Loudness;
use crate::sound::mix::Gate;
use crate::sound::queue::Queue;
use crate::sound::{RATE, level};
use media::{Codec, Flags, Sample};
use std::collections::VecDeque;

/// Frames of the past that a new encoder, or a decoder that has rested, is given first, so that what it makes goes on where another one ends: what
/// came before is forgotten by then.
pub(super) const PAST: usize = 5;
/// Longest gap that is made up for, in samples.
const CONCEALED: i64 = RATE as i64 / 10;

/// Somebody who may be heard.
#[derive(Debug, Default)]
pub(super) struct Voice {
    decoder: Option<Decoder>,
    pub(super) queue: Queue,
    pub(super) gate: Gate,
    /// Packets say how loud they are.
    pub(super) tells: bool,
    /// As the room makes it.
    pub(super) loudness: Loudness,
    /// The last that have come, where they are not decoded: a decoder that goes on later is given them first.
    rest: VecDeque<(Sample, i64)>,
    /// The frame in which it was in the mix last.
    pub(super) mixed: Option<u64>,
}

impl Voice {
    /// Finds out how loud it is: by what packets say, or else by what is in them.
    pub(super) fn look(&mut self, person: &Person, now: i64) {
        let told = person.take_told();
        self.tells = match told {
            Told::Nothing => self.tells,
            Told::Untold => false,
            Told::Level(_) => true,
        };
        let level = match told {
            _ if !self.tells => self.fill(person, now),
            Told::Level(level) => level,
            Told::Untold | Told::Nothing => 0.0,
        };
        self.loudness.hear(level * person.gain());
    }

    /// Decodes what has come, as far as it is due within the next 200 ms; how loud that is.
    pub(super) fn fill(&mut self, person: &Person, now: i64) -> f32 {
        let mut loudest = 0.0_f32;
        for (sample, due) in std::mem::take(&mut self.rest) {
            loudest = loudest.max(self.decode(person, &sample, due));
        }
        while let Some((item, due)) = next(person, now) {
            match item {
                Item::Track(codec, _) => self.begin(person, &codec),
                Item::Turn(_) => {}
                Item::Sample(sample, _) => {
                    loudest = loudest.max(self.decode(person, &sample, due));
                }
            }
        }
        loudest
    }

    /// Keeps the last of what has come, and decodes none of it: nobody hears it.
    pub(super) fn skip(&mut self, person: &Person, now: i64) {
        self.queue = Queue::default();
        while let Some((item, due)) = next(person, now) {
            match item {
                Item::Track(codec, _) => self.begin(person, &codec),
                Item::Turn(_) => {}
                Item::Sample(sample, _) => {
                    if self.rest.len() >= PAST {
                        self.rest.pop_front();
                    }
                    self.rest.push_back((sample, due));
                }
            }
        }
    }

    fn begin(&mut self, person: &Person, codec: &Codec) {
        self.rest.clear();
        self.decoder = Decoder::new(codec)
            .inspect_err(|error| tracing::warn!(name = %person.name, "cannot be heard: {error:#}"))
            .ok();
    }

    /// Decodes one; how loud it is.
    fn decode(&mut self, person: &Person, sample: &Sample, due: i64) -> f32 {
        let Some(decoder) = &mut self.decoder else {
            return 0.0;
        };
        let due = samples(due) - decoder.delay();
        let gap = due - self.queue.end();
        if sample.flags.contains(Flags::GAP)
            && !self.queue.is_empty()
            && (0..CONCEALED).contains(&gap)
        {
            let concealed = decoder.conceal(usize::try_from(gap).unwrap_or(0));
            self.queue.push(self.queue.end(), concealed);
        }
        match decoder.decode(&sample.data) {
            Ok(sound) => {
                self.queue.push(due, sound);
                level(sound)
            }
            Err(error) => {
                tracing::debug!(name = %person.name, "sound is damaged: {error:#}");
                0.0
            }
        }
    }
}

/// The next that is due soon, and when.
fn next(person: &Person, now: i64) -> Option<(Item, i64)> {
    const AHEAD: i64 = 200_000_000;
    let mut arrival = person.arrival();
    let arrival = &mut *arrival;
    let timeline = &arrival.timeline;
    let item = arrival
        .sound
        .next(|time| timeline.due(time) <= now + AHEAD)?;
    let due = match &item {
        Item::Track(..) | Item::Turn(_) => now,
        Item::Sample(_, time) => timeline.due(*time),
    };
    Some((item, due))
}

/// Samples of 48 kHz in so many nanoseconds.
pub(crate) const fn samples(nanos: i64) -> i64 {
    // In this order it does not overflow within three days, and has no remainder that adds up.
    nanos / 1000 * (RATE as i64 / 1000) / 1000
}
