//! The room's sound: each frame of 20 ms is made of what everybody sent, once for all who hear the same.

use super::person::{Item, Person};
use crate::sound::decode::Decoder;
use crate::sound::encode::Opus;
use crate::sound::mix::{Gate, Limiter, Mix};
use crate::sound::queue::Queue;
use crate::sound::speaker::Speaker;
use crate::sound::{FRAME, Frame, RATE, level};
use anyhow::Context;
use bytes::Bytes;
use media::{Flags, Timescale};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Frames for which somebody who was heard keeps a mix of their own: who hears two encoders by turns would hear the seam.
const OWN: u64 = 500;
/// Frames of the past that a new encoder is given first, so that what it makes goes on where another one ends: what came before is forgotten
/// by then.
const PAST: usize = 5;
/// Bits per second.
const BITRATE: u32 = 64_000;
/// Longest gap that is made up for, in samples.
const CONCEALED: i64 = RATE as i64 / 10;

/// Somebody who is heard.
#[derive(Debug, Default)]
struct Voice {
    decoder: Option<Decoder>,
    scale: Option<Timescale>,
    queue: Queue,
    gate: Gate,
    /// The frame in which it was heard last, or is to be heard soon.
    loud: Option<u64>,
}

impl Voice {
    /// Decodes what has come, as far as it is due within the next 200 ms.
    fn fill(&mut self, person: &Person, now: i64, frame: u64) {
        while let Some((item, due)) = next(person, now) {
            match item {
                Item::Track(codec, scale) => {
                    self.scale = Some(scale);
                    self.decoder = Decoder::new(&codec)
                        .inspect_err(|error| tracing::warn!(name = %person.name, "cannot be heard: {error:#}"))
                        .ok();
                }
                Item::Turn(_) => {}
                Item::Sample(sample, _) => {
                    let Some(decoder) = &mut self.decoder else {
                        continue;
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
                            if level(sound) > 0.001 {
                                self.loud = Some(frame);
                            }
                            self.queue.push(due, sound);
                        }
                        Err(error) => {
                            tracing::debug!(name = %person.name, "sound is damaged: {error:#}");
                        }
                    }
                }
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

/// An encoder of a mix.
#[derive(Debug)]
struct Share {
    encoder: Opus,
    limiter: Limiter,
    /// What was encoded last.
    past: VecDeque<Box<Frame>>,
    used: u64,
}

impl Share {
    /// One that goes on where the one ends that its listener has heard so far: decoders keep what they need of the packets before, and would
    /// make a click of packets that know nothing of those.
    fn after(heard: Option<&Self>) -> anyhow::Result<Self> {
        let mut encoder = Opus::new(BITRATE)?;
        let mut limiter = Limiter::default();
        let mut past = VecDeque::with_capacity(PAST);
        if let Some(heard) = heard {
            limiter = heard.limiter;
            past.clone_from(&heard.past);
            for sound in &past {
                encoder.encode(sound)?;
            }
        }
        Ok(Self {
            encoder,
            limiter,
            past,
            used: 0,
        })
    }

    fn encode(&mut self, mut sound: Box<Frame>) -> anyhow::Result<Bytes> {
        self.limiter.apply(&mut sound);
        let packet = self.encoder.encode(&sound);
        if self.past.len() >= PAST {
            self.past.pop_front();
        }
        self.past.push_back(sound);
        packet
    }
}

/// A listener: what it is told, and who it is in the room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ear {
    pub(crate) id: u64,
    pub(crate) own: Option<u64>,
}

/// What came of a frame.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// For each ear, a packet of Opus.
    pub(crate) packets: Vec<(u64, Bytes)>,
    /// What all say.
    pub(crate) all: Option<Box<Frame>>,
    /// Another one speaks now.
    pub(crate) speaker: Option<Option<u64>>,
}

/// All voices of a room.
#[derive(Debug, Default)]
pub(crate) struct Voices {
    voices: HashMap<u64, Voice>,
    shares: HashMap<Option<u64>, Share>,
    /// Which of them each ear has heard last.
    hears: HashMap<u64, Option<u64>>,
    speaker: Speaker,
    all: Limiter,
    frame: u64,
}

impl Voices {
    /// Makes the frame that begins at `at`, in samples of the room's clock; `now` is the same in nanoseconds. `program` says whether
    /// anybody wants to have what all say.
    pub(crate) fn tick(
        &mut self,
        at: i64,
        now: i64,
        people: &[Arc<Person>],
        ears: &[Ear],
        program: bool,
    ) -> Heard {
        self.frame += 1;
        let frame = self.frame;
        let mut heard = self.leave(at, people);
        let mut levels = Vec::with_capacity(people.len());
        for person in people {
            let voice = self.voices.entry(person.id).or_default();
            voice.fill(person, now, frame);
            let mut sound: Frame = [0.0; 2 * FRAME];
            voice.queue.take(at, &mut sound);
            let open = voice.gate.apply(&mut sound, person.gain());
            let level = if open { level(&sound) } else { 0.0 };
            levels.push((person.id, level));
            if open {
                voice.loud = Some(frame);
                heard.push((person.id, sound));
            }
        }
        let changed = self.speaker.update(&levels);
        for person in people {
            let level = self.speaker.level(person.id);
            person.level.store(level.to_bits(), Ordering::Relaxed);
        }
        let mix = Mix::new(&heard);
        let mut result = Heard {
            packets: Vec::with_capacity(ears.len()),
            all: program.then(|| {
                let mut all = Box::new(mix.without(None));
                self.all.apply(&mut all);
                all
            }),
            speaker: changed.then(|| self.speaker.current()),
        };
        let mut made: HashMap<Option<u64>, Option<Bytes>> = HashMap::new();
        for ear in ears {
            let own = ear.own.filter(|id| {
                let voice = self.voices.get(id);
                voice
                    .and_then(|voice| voice.loud)
                    .is_some_and(|loud| frame - loud < OWN)
            });
            let before = self.hears.insert(ear.id, own);
            let packet = made
                .entry(own)
                .or_insert_with(|| {
                    let mix = Box::new(mix.without(own));
                    self.encode(own, before, mix)
                        .inspect_err(|error| tracing::error!("no Opus: {error:#}"))
                        .ok()
                })
                .clone();
            if let Some(packet) = packet {
                result.packets.push((ear.id, packet));
            }
        }
        self.shares.retain(|_, share| share.used == frame);
        self.hears
            .retain(|id, _| ears.iter().any(|ear| ear.id == *id));
        result
    }

    /// Who has gone is heard for one frame more, in which they fade: else they would end with a click.
    fn leave(&mut self, at: i64, people: &[Arc<Person>]) -> Vec<(u64, Frame)> {
        let mut last = Vec::new();
        self.voices.retain(|id, voice| {
            let stays = people.iter().any(|person| person.id == *id);
            let mut sound: Frame = [0.0; 2 * FRAME];
            if !stays {
                voice.queue.take(at, &mut sound);
                if voice.gate.apply(&mut sound, 0.0) {
                    last.push((*id, sound));
                }
            }
            stays
        });
        last
    }

    /// Encodes a mix for all who hear it, of whom one has heard another one `before`.
    fn encode(
        &mut self,
        own: Option<u64>,
        before: Option<Option<u64>>,
        mix: Box<Frame>,
    ) -> anyhow::Result<Bytes> {
        if !self.shares.contains_key(&own) {
            let heard = before.and_then(|before| self.shares.get(&before));
            self.shares.insert(own, Share::after(heard)?);
        }
        let share = self.shares.get_mut(&own).context("it was made")?;
        share.used = self.frame;
        share.encode(mix)
    }

    /// How many mixes were encoded for the last frame.
    pub(crate) fn encodes(&self) -> usize {
        self.shares.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::clocks::Watch;
    use super::super::person::Way;
    use super::*;
    use crate::sound::tests::{strength, tone};
    use media::codec;
    use media::{Codec, Event, Sample, Track, TrackId, Tracks};

    struct Talker {
        person: Arc<Person>,
        encoder: Opus,
        frequency: f32,
    }

    fn talker(id: u64, frequency: f32) -> Talker {
        let person = Person::new(id, "x", Way::Webrtc, Watch::new(), Arc::default());
        let scale = Timescale::new(48_000).unwrap();
        let track = Track::new(TrackId(1), scale, Codec::Opus(codec::Opus::new(2, 0)));
        person.handle(&Event::Tracks(Tracks::from(vec![track])));
        Talker {
            person: Arc::new(person),
            encoder: Opus::new(64_000).unwrap(),
            frequency,
        }
    }

    impl Talker {
        fn say(&mut self, frame: usize, amplitude: f32) {
            let sound: Frame = tone(self.frequency, amplitude, frame * FRAME, FRAME)
                .try_into()
                .unwrap();
            let sample = Sample {
                track: TrackId(1),
                dts: (frame * FRAME) as i64,
                pts: (frame * FRAME) as i64,
                duration: None,
                flags: Flags::SYNC,
                data: self.encoder.encode(&sound).unwrap(),
            };
            self.person.handle(&Event::Sample(sample));
        }
    }

    /// Runs a room of talkers that have said all before it begins, and gives what each ear has heard.
    fn run(
        talkers: &mut [Talker],
        ears: &[Ear],
        frames: usize,
        amplitude: impl Fn(u64, usize) -> f32,
    ) -> (Vec<Vec<f32>>, Vec<usize>) {
        for frame in 0..frames {
            for talker in talkers.iter_mut() {
                let amplitude = amplitude(talker.person.id, frame);
                talker.say(frame, amplitude);
            }
        }
        // All of it came at nearly the same moment: the first is due when the last has come, and the others follow.
        let people: Vec<_> = talkers
            .iter()
            .map(|talker| Arc::clone(&talker.person))
            .collect();
        let begin = people
            .iter()
            .map(|person| person.arrival().timeline.due(0))
            .min()
            .unwrap();
        let mut voices = Voices::default();
        let mut decoders: Vec<_> = ears
            .iter()
            .map(|_| Decoder::new(&Codec::Opus(codec::Opus::new(2, 0))).unwrap())
            .collect();
        let mut heard = vec![Vec::new(); ears.len()];
        let mut encodes = Vec::new();
        for frame in 0..frames as i64 {
            let now = begin + frame * 20_000_000;
            let result = voices.tick(samples(now), now, &people, ears, true);
            assert!(result.all.is_some());
            encodes.push(voices.encodes());
            for (id, packet) in result.packets {
                let index = ears.iter().position(|ear| ear.id == id).unwrap();
                heard[index].extend_from_slice(decoders[index].decode(&packet).unwrap());
            }
        }
        (heard, encodes)
    }

    #[test]
    fn everybody_hears_the_others() {
        let tones = [400.0, 700.0, 1100.0];
        let mut talkers: Vec<_> = (1..4)
            .map(|id| talker(id, tones[id as usize - 1]))
            .collect();
        let ears: Vec<_> = (0..4)
            .map(|id| Ear {
                id,
                own: Some(id).filter(|id| *id > 0),
            })
            .collect();
        let (heard, encodes) = run(&mut talkers, &ears, 60, |_, _| 0.2);
        assert_eq!(encodes[50], 4);
        for (ear, heard) in heard.iter().enumerate() {
            let settled = &heard[40 * FRAME..];
            for (index, tone) in tones.iter().enumerate() {
                let strength = strength(settled, *tone);
                match index + 1 == ear {
                    true => assert!(strength < 0.005, "{ear} hears itself: {strength}"),
                    false => assert!(
                        (strength - 0.2).abs() < 0.03,
                        "{ear} hears {tone}: {strength}"
                    ),
                }
            }
        }
    }

    /// One packet of twenty is lost, and now and then three in a row: nothing that is heard leaps further than its tone does by itself.
    #[test]
    fn losses_are_not_heard_as_clicks() {
        let mut one = talker(1, 500.0);
        let mut lost = false;
        for frame in 0..300 {
            let sound: Frame = tone(500.0, 0.3, frame * FRAME, FRAME).try_into().unwrap();
            let data = one.encoder.encode(&sound).unwrap();
            if frame % 20 == 13 || frame % 100 > 96 {
                lost = true;
                continue;
            }
            let gap = Flags::GAP.when(std::mem::take(&mut lost));
            one.person.handle(&Event::Sample(Sample {
                track: TrackId(1),
                dts: (frame * FRAME) as i64,
                pts: (frame * FRAME) as i64,
                duration: None,
                flags: Flags::SYNC | gap,
                data,
            }));
        }
        let ears = [Ear { id: 1, own: None }];
        let people = [Arc::clone(&one.person)];
        let begin = one.person.arrival().timeline.due(0);
        let mut voices = Voices::default();
        let mut all = Vec::new();
        for frame in 0..300_i64 {
            let now = begin + frame * 20_000_000;
            let heard = voices.tick(samples(now), now, &people, &ears, true);
            all.extend(heard.all.unwrap().iter().step_by(2).copied());
        }
        let most = all
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).abs())
            .fold(0.0, f32::max);
        // The tone's own: 0.3 * 2 pi * 500 / 48000 = 0.02.
        assert!(most < 0.05, "a step of {most}");
        assert!(strength(&all.iter().flat_map(|s| [*s; 2]).collect::<Vec<_>>(), 500.0) > 0.2);
    }

    #[test]
    fn who_says_nothing_hears_what_all_hear() {
        let mut talkers: Vec<_> = (1..11).map(|id| talker(id, 500.0)).collect();
        let ears: Vec<_> = (1..11).map(|id| Ear { id, own: Some(id) }).collect();
        let (heard, encodes) = run(
            &mut talkers,
            &ears,
            30,
            |id, _| if id == 1 { 0.3 } else { 0.0 },
        );
        assert_eq!(encodes[25], 2);
        assert!(strength(&heard[0][30 * FRAME..], 500.0) < 0.005);
        assert!(strength(&heard[5][30 * FRAME..], 500.0) > 0.25);
    }

    #[test]
    fn time_is_counted_without_drift() {
        assert_eq!(samples(1_000_000_000), 48_000);
        assert_eq!(samples(86_400_000_000_000), 86_400 * 48_000);
        assert_eq!(samples(20_000_000), FRAME as i64);
    }
}
