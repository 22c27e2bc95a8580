//! What people say: a tone each, encoded before anybody joins, so that the generator costs little. Each voice goes on where it was, as an
//! encoder would: from hiss to the tone, and back.

use anyhow::Result;
use bytes::Bytes;
use common::sound::{FRAME, Frame, Opus, RATE};
use std::time::Duration;

/// Packets of a second, which is said over and over: whole numbers of hertz go on where they end.
const LOOP: usize = 50;
/// Packets after which what was said before is forgotten.
const BEGIN: usize = 10;
/// How loud hiss is: below what any gate lets through.
const HISS: f32 = 0.0003;
/// How loud all talkers are together, about: their powers add up.
const LOUDNESS: f32 = 0.3;

/// The tone of a person, in hertz.
pub(crate) fn frequency(number: usize) -> f32 {
    (300 + 37 * number) as f32
}

/// A sound that begins, and goes on over and over.
#[derive(Debug, Default)]
struct Track {
    packets: Vec<Bytes>,
    /// How loud it is, in decibels of full scale.
    level: i8,
}

impl Track {
    /// The next of an encoder.
    fn encode(encoder: &mut Opus, loudness: f32, sample: impl Fn(usize) -> f32) -> Result<Self> {
        let mut packets = Vec::new();
        for number in 0..BEGIN + LOOP {
            let mut frame: Frame = [0.0; 2 * FRAME];
            for (index, pair) in frame.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                *pair = [sample(number * FRAME + index); 2];
            }
            packets.push(encoder.encode(&frame)?);
        }
        let level = (20.0 * loudness.log10()) as i8;
        Ok(Self { packets, level })
    }

    /// Packet number `count` of it.
    fn packet(&self, count: usize) -> Bytes {
        let index = match count < BEGIN + LOOP {
            true => count,
            false => BEGIN + (count - BEGIN) % LOOP,
        };
        self.packets.get(index).cloned().unwrap_or_default()
    }
}

/// Hiss that repeats each second: a number is as good as drawn.
fn hiss(at: usize) -> f32 {
    let mut state = (at % RATE) as u32;
    for factor in [0x85eb_ca6b_u32, 0xc2b2_ae35] {
        state = (state ^ (state >> 15)).wrapping_mul(factor);
    }
    HISS * ((state >> 8) as f32 / 8_388_608.0 - 1.0)
}

/// All that somebody may send.
#[derive(Debug)]
struct Voice {
    talks: Track,
    rests: Track,
}

/// All voices.
#[derive(Debug)]
pub(crate) struct Crowd {
    voices: Vec<Voice>,
    begin: Track,
    /// That of a tone.
    pub(crate) amplitude: f32,
    talk: usize,
    turn: u64,
}

/// Where somebody is in what they say.
#[derive(Debug, Default)]
pub(crate) struct Place {
    talks: Option<bool>,
    count: usize,
}

impl Crowd {
    pub(crate) fn new(people: usize, talk: usize, turn: u64) -> Result<Self> {
        let amplitude = LOUDNESS / (talk.max(1) as f32).sqrt();
        let voices = (0..people).map(|number| {
            let step = f64::from(frequency(number)) / RATE as f64;
            let tone = |at: usize| {
                let turns = (at as f64 * step).fract();
                amplitude * (turns * std::f64::consts::TAU).sin() as f32
            };
            let mut encoder = Opus::new(32_000)?;
            Track::encode(&mut encoder, HISS, hiss)?;
            let talks = Track::encode(&mut encoder, amplitude, tone)?;
            let rests = Track::encode(&mut encoder, HISS, hiss)?;
            Ok(Voice { talks, rests })
        });
        Ok(Self {
            voices: voices.collect::<Result<_>>()?,
            begin: Track::encode(&mut Opus::new(32_000)?, HISS, hiss)?,
            amplitude,
            talk,
            turn: turn.max(1),
        })
    }

    /// Who talks at a time.
    pub(crate) fn talkers(&self, at: Duration) -> Vec<usize> {
        let people = self.voices.len().max(1);
        let turn = usize::try_from(at.as_secs() / self.turn).unwrap_or(0);
        let first = turn * self.talk % people;
        (first..first + self.talk)
            .map(|number| number % people)
            .collect()
    }

    /// What somebody sends next, at a time, and how loud that is, in decibels of full scale.
    pub(crate) fn packet(&self, number: usize, place: &mut Place, at: Duration) -> (Bytes, i8) {
        let talks = self.talkers(at).contains(&number);
        if place.talks.is_some_and(|talked| talked != talks) || place.talks.is_none() && talks {
            *place = Place {
                talks: Some(talks),
                count: 0,
            };
        }
        let track = match (place.talks, self.voices.get(number)) {
            (Some(true), Some(voice)) => &voice.talks,
            (Some(false), Some(voice)) => &voice.rests,
            _ => &self.begin,
        };
        place.count += 1;
        (track.packet(place.count - 1), track.level)
    }
}

/// How strong a tone is in the left channel: the amplitude of its sine (Goertzel's filter).
pub(crate) fn strength(samples: &[f32], frequency: f32) -> f32 {
    let angle = std::f64::consts::TAU * f64::from(frequency) / RATE as f64;
    let factor = 2.0 * angle.cos();
    let (mut one, mut two) = (0.0_f64, 0.0_f64);
    for sample in samples.iter().step_by(2) {
        (one, two) = (f64::from(*sample) + factor * one - two, one);
    }
    let power = one * one + two * two - factor * one * two;
    (2.0 * power.max(0.0).sqrt() / (samples.len() / 2).max(1) as f64) as f32
}
