//! The room's sound: each frame of 20 ms is made of what everybody sent, once for all who hear the same.

use super::person::Person;
use super::voice::{PAST, Voice};
use crate::sound::encode::Opus;
use crate::sound::floor::Floor;
use crate::sound::mix::{Limiter, Mix};
use crate::sound::speaker::Speaker;
use crate::sound::{FRAME, Frame, level};
use anyhow::Context;
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Frames for which somebody who was in the mix keeps one of their own. It is what all hear by then, and both encoders have come to the same, so
/// that nobody hears the seam.
const OWN: u64 = 50;
/// Bits per second.
const BITRATE: u32 = 64_000;

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
#[derive(Debug)]
pub(crate) struct Voices {
    voices: HashMap<u64, Voice>,
    floor: Floor,
    decodes: usize,
    shares: HashMap<Option<u64>, Share>,
    /// Which of them each ear has heard last.
    hears: HashMap<u64, Option<u64>>,
    speaker: Speaker,
    all: Limiter,
    frame: u64,
}

impl Voices {
    /// Of whom so many are heard at a time.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            voices: HashMap::new(),
            floor: Floor::new(most),
            decodes: 0,
            shares: HashMap::new(),
            hears: HashMap::new(),
            speaker: Speaker::default(),
            all: Limiter::default(),
            frame: 0,
        }
    }

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
        let loud = people.iter().map(|person| {
            let voice = self.voices.entry(person.id).or_default();
            voice.look(person, now);
            (person.id, voice.loudness)
        });
        let loud: Vec<_> = loud.collect();
        self.floor.update(frame, &loud);
        self.decodes = 0;
        let mut levels = Vec::with_capacity(people.len());
        for person in people {
            let voice = self.voices.entry(person.id).or_default();
            let has_floor = self.floor.has(person.id);
            let mut sound: Frame = [0.0; 2 * FRAME];
            if has_floor {
                voice.mixed = Some(frame);
                voice.fill(person, now);
            }
            if has_floor || !voice.gate.is_shut() || !voice.tells {
                voice.queue.take(at, &mut sound);
                self.decodes += 1;
            } else {
                voice.skip(person, now);
            }
            // Who loses the floor fades.
            let gain = if has_floor { person.gain() } else { 0.0 };
            let open = voice.gate.apply(&mut sound, gain);
            let level = if open { level(&sound) } else { 0.0 };
            levels.push((person.id, level));
            if open {
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
                    .and_then(|voice| voice.mixed)
                    .is_some_and(|mixed| frame - mixed < OWN)
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

    /// Of how many what they say is decoded.
    pub(crate) fn decodes(&self) -> usize {
        self.decodes
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
    use super::super::voice::samples;
    use super::*;
    use crate::sound::RATE;
    use crate::sound::decode::Decoder;
    use crate::sound::tests::{click, strength, tone};
    use media::codec;
    use media::{Codec, Event, Flags, Sample, Timescale, Track, TrackId, Tracks};
    use std::sync::atomic::AtomicI64;
    use std::time::Instant;

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
        let mut voices = Voices::new(16);
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
        let mut voices = Voices::new(16);
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

    /// A room whose clock is set by hand, whose people say as they go how loud they are.
    struct Live {
        voices: Voices,
        hand: Arc<AtomicI64>,
        people: Vec<Arc<Person>>,
        frame: usize,
    }

    impl Live {
        fn new(most: usize, count: u64) -> Self {
            let hand = Arc::new(AtomicI64::new(0));
            let people = (0..count).map(|id| {
                let watch = Watch::by_hand(Instant::now(), Arc::clone(&hand));
                let person = Person::new(id, "x", Way::Webrtc, watch, Arc::default());
                let scale = Timescale::new(48_000).unwrap();
                let track = Track::new(TrackId(1), scale, Codec::Opus(codec::Opus::new(2, 0)));
                person.handle(&Event::Tracks(Tracks::from(vec![track])));
                Arc::new(person)
            });
            Self {
                voices: Voices::new(most),
                people: people.collect(),
                hand,
                frame: 0,
            }
        }

        /// All send the next of what they say; what everybody is given, as who they are.
        fn go_on(&mut self, says: impl Fn(u64) -> (Bytes, Option<i8>)) -> Vec<(u64, Bytes)> {
            let now = self.frame as i64 * 20_000_000;
            self.hand.store(now, Ordering::Relaxed);
            for person in &self.people {
                let (data, decibels) = says(person.id);
                person.loud(decibels);
                let time = (self.frame * FRAME) as i64;
                person.handle(&Event::Sample(Sample {
                    track: TrackId(1),
                    dts: time,
                    pts: time,
                    duration: None,
                    flags: Flags::SYNC,
                    data,
                }));
            }
            self.frame += 1;
            let ear = |person: &Arc<Person>| Ear {
                id: person.id,
                own: Some(person.id),
            };
            let ears: Vec<_> = self.people.iter().map(ear).collect();
            let heard = self
                .voices
                .tick(samples(now), now, &self.people, &ears, false);
            heard.packets
        }
    }

    /// Of a hundred who talk, sixteen are decoded, and each of them has an encoder, and all others share one.
    #[test]
    fn a_crowd_is_bounded() {
        let mut live = Live::new(16, 100);
        let mut encoder = Opus::new(32_000).unwrap();
        let mut say = |amplitude: f32, frame: usize| {
            let sound = tone(400.0, amplitude, frame * FRAME, FRAME);
            encoder.encode(&sound.try_into().unwrap()).unwrap()
        };
        for frame in 0..100 {
            let packet = say(0.05, frame);
            let packets = live.go_on(|_| (packet.clone(), Some(-29)));
            assert_eq!(packets.len(), 100);
            assert_eq!(live.voices.decodes(), 16);
            assert!(live.voices.encodes() <= 17, "{}", live.voices.encodes());
        }
        // Three go on, and the others' rooms hiss.
        for frame in 100..400 {
            let (packet, hiss) = (say(0.05, frame), Bytes::from_static(&[0xfc, 0xff, 0xfe]));
            live.go_on(|id| match id {
                20..23 => (packet.clone(), Some(-29)),
                _ => (hiss.clone(), Some(-70)),
            });
        }
        assert_eq!((live.voices.decodes(), live.voices.encodes()), (3, 4));
        // Of who does not say how loud it is, all has to be decoded; more than sixteen are not mixed all the same.
        for frame in 400..500 {
            let packet = say(0.05, frame);
            live.go_on(|_| (packet.clone(), None));
            assert!(live.voices.encodes() <= 17, "{}", live.voices.encodes());
        }
        assert_eq!(live.voices.decodes(), 100);
    }

    /// Three talk, each louder than the others by turns, and two of them are heard: where one takes the place of another, in the middle of a word,
    /// nothing clicks.
    #[test]
    fn places_are_taken_without_clicks() {
        let tones = [400.0, 700.0, 1100.0];
        let mut live = Live::new(2, 4);
        let mut encoders = tones.map(|_| Opus::new(64_000).unwrap());
        let mut decoders: Vec<_> = (0..4)
            .map(|_| Decoder::new(&Codec::Opus(codec::Opus::new(2, 0))).unwrap())
            .collect();
        let mut heard = vec![Vec::new(); 4];
        for frame in 0..1000 {
            let mut said = Vec::new();
            for (index, encoder) in encoders.iter_mut().enumerate() {
                let mut sound: Frame = tone(tones[index], 0.2, frame * FRAME, FRAME)
                    .try_into()
                    .unwrap();
                for (place, pair) in sound.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                    let seconds = (frame * FRAME + place) as f32 / RATE as f32;
                    let turn = (seconds / 5.0 + index as f32 / 3.0) * std::f32::consts::TAU;
                    let loud = 0.1 + 0.9 * (0.5 + 0.5 * turn.cos()).powi(3);
                    *pair = pair.map(|sample| sample * loud);
                }
                let decibels = (20.0 * level(&sound).log10()).round() as i8;
                said.push((encoder.encode(&sound).unwrap(), Some(decibels)));
            }
            let hiss = (Bytes::from_static(&[0xfc, 0xff, 0xfe]), Some(-80));
            let packets = live.go_on(|id| said.get(id as usize).unwrap_or(&hiss).clone());
            assert!(live.voices.decodes() <= 3);
            for (id, packet) in packets {
                let sound = decoders[id as usize].decode(&packet).unwrap();
                heard[id as usize].extend_from_slice(sound);
            }
        }
        for (id, sound) in heard.iter().enumerate() {
            let (step, at) = click(sound);
            assert!(step < 0.01, "{id}: as of a step of {step} at {at} ms");
        }
        // Each is heard by who only listens while it is the loudest, and not while it is the quietest; and never by itself.
        for (index, tone) in tones.iter().enumerate() {
            let part = |after: f32| {
                let middle = 10.0 + after - 5.0 / 3.0 * index as f32;
                let begin = 2 * ((middle - 0.5) * RATE as f32) as usize;
                begin..begin + 2 * RATE
            };
            let listener = &heard[3];
            assert!(strength(&listener[part(0.0)], *tone) > 0.1);
            assert!(strength(&listener[part(2.5)], *tone) < 0.01);
            assert!(strength(&heard[index][8 * RATE..], *tone) < 0.005);
        }
    }

    #[test]
    fn time_is_counted_without_drift() {
        assert_eq!(samples(1_000_000_000), 48_000);
        assert_eq!(samples(86_400_000_000_000), 86_400 * 48_000);
        assert_eq!(samples(20_000_000), FRAME as i64);
    }
}
