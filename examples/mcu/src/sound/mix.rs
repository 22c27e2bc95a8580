//! Everybody's frame to what each of them hears: all others, and never themselves.

use super::{FRAME, Frame, RATE, level};

/// Quieter than this, nobody is let through: -54 dB of full scale.
const GATE: f32 = 0.002;
/// For how many frames the gate stays open after the last loud one: half a second.
const HOLD: u32 = 25;
/// Loudest sample that leaves.
const CEILING: f32 = 0.98;
/// Samples in which the limiter's gain comes back by two thirds: 200 ms.
const RELEASE: f32 = RATE as f32 / 5.0;

/// Lets through who says something, and nobody's hiss.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gate {
    open_for: u32,
    gain: f32,
}

impl Gate {
    /// Whether nothing of the last frame was let through, not even its end.
    #[must_use]
    pub const fn is_shut(self) -> bool {
        self.gain == 0.0
    }

    /// Works on a frame; `gain` is how loud the participant is made. Whether anything of it is let through.
    pub fn apply(&mut self, frame: &mut Frame, gain: f32) -> bool {
        self.open_for = match level(frame) * gain > GATE {
            true => HOLD,
            false => self.open_for.saturating_sub(1),
        };
        let to = if self.open_for > 0 { gain } else { 0.0 };
        if self.gain == 0.0 && to == 0.0 {
            return false;
        }
        // From one gain to the other within the frame: no step is heard.
        let (from, length) = (self.gain, FRAME as f32);
        let (pairs, _) = frame.as_chunks_mut::<2>();
        for (index, pair) in pairs.iter_mut().enumerate() {
            let now = from + (to - from) * (index + 1) as f32 / length;
            *pair = [pair[0] * now, pair[1] * now];
        }
        self.gain = to;
        true
    }
}

/// Keeps a sum of many below full scale, by turning it down as a whole for as long as it is too loud.
#[derive(Debug, Clone, Copy)]
pub struct Limiter {
    gain: f32,
}

impl Default for Limiter {
    fn default() -> Self {
        Self { gain: 1.0 }
    }
}

impl Limiter {
    /// Works on a frame.
    pub fn apply(&mut self, frame: &mut Frame) {
        let peak = frame
            .iter()
            .fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        if peak <= CEILING && self.gain >= 1.0 {
            return;
        }
        let wanted = if peak > CEILING { CEILING / peak } else { 1.0 };
        let from = self.gain;
        let to = match wanted < from {
            true => wanted,
            false => (1.0 - (1.0 - from) * (-(FRAME as f32) / RELEASE).exp()).min(wanted),
        };
        let to = if to > 0.999 { 1.0 } else { to };
        let (pairs, _) = frame.as_chunks_mut::<2>();
        for (index, pair) in pairs.iter_mut().enumerate() {
            // Down it goes within a quarter of the frame; what is louder until then is bent, not cut.
            let part = match to < from {
                true => (4.0 * (index + 1) as f32 / FRAME as f32).min(1.0),
                false => (index + 1) as f32 / FRAME as f32,
            };
            let gain = from + (to - from) * part;
            *pair = [soften(pair[0] * gain), soften(pair[1] * gain)];
        }
        self.gain = to;
    }
}

/// Leaves all below three quarters alone, and bends what is above so that it stays below full scale.
fn soften(sample: f32) -> f32 {
    const KNEE: f32 = 0.75;
    let size = sample.abs();
    if size <= KNEE {
        return sample;
    }
    let over = (size - KNEE) / (1.0 - KNEE);
    (KNEE + (1.0 - KNEE) * over.tanh()).copysign(sample)
}

/// The sum of all who are heard, from which each is taken off for themselves.
#[derive(Debug)]
pub struct Mix<'a> {
    voices: &'a [(u64, Frame)],
    all: Box<Frame>,
}

impl<'a> Mix<'a> {
    /// Of these.
    #[must_use]
    pub fn new(voices: &'a [(u64, Frame)]) -> Self {
        let mut all = Box::new([0.0; 2 * FRAME]);
        for (_, voice) in voices {
            for (sum, sample) in all.iter_mut().zip(voice) {
                *sum += sample;
            }
        }
        Self { voices, all }
    }

    /// Whether somebody is among those who are heard: if not, they hear what everybody hears.
    #[must_use]
    pub fn has(&self, id: u64) -> bool {
        self.voices.iter().any(|(other, _)| *other == id)
    }

    /// All but one.
    #[must_use]
    pub fn without(&self, id: Option<u64>) -> Frame {
        let own = self.voices.iter().find(|(other, _)| Some(*other) == id);
        let mut frame = *self.all;
        if let Some((_, own)) = own {
            // Of two or three, adding is exact where taking off is not.
            frame = [0.0; 2 * FRAME];
            if self.voices.len() <= 3 {
                for (_, voice) in self.voices.iter().filter(|(other, _)| Some(*other) != id) {
                    frame
                        .iter_mut()
                        .zip(voice)
                        .for_each(|(sum, sample)| *sum += sample);
                }
            } else {
                for ((left, all), own) in frame.iter_mut().zip(self.all.iter()).zip(own) {
                    *left = all - own;
                }
            }
        }
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{step, strength, tone};
    use super::*;

    fn frame(frequency: f32, amplitude: f32, index: usize) -> Frame {
        tone(frequency, amplitude, index * FRAME, FRAME)
            .try_into()
            .unwrap()
    }

    #[test]
    fn each_hears_all_others_and_not_themselves() {
        let tones = [400.0, 700.0, 1100.0, 1900.0];
        for people in [2, 3, 4] {
            let mut heard = vec![Vec::new(); people + 1];
            for index in 0..20 {
                let voices: Vec<_> = (0..people)
                    .map(|id| (id as u64, frame(tones[id], 0.2, index)))
                    .collect();
                let mix = Mix::new(&voices);
                for (id, heard) in heard.iter_mut().enumerate() {
                    heard.extend(mix.without(Some(id as u64)));
                }
                assert!(mix.has(0) && !mix.has(9));
            }
            for (listener, heard) in heard.iter().enumerate() {
                for (id, tone) in tones[..people].iter().enumerate() {
                    let strength = strength(heard, *tone);
                    match id == listener {
                        true => assert!(strength < 1e-4, "{listener} hears {id}: {strength}"),
                        false => assert!(
                            (strength - 0.2).abs() < 1e-3,
                            "{listener} hears {id}: {strength}"
                        ),
                    }
                }
            }
        }
    }

    #[test]
    fn the_gate_lets_voices_through_and_hiss_not() {
        let mut gate = Gate::default();
        assert!(!gate.apply(&mut frame(440.0, 0.001, 0), 1.0));
        let mut all = Vec::new();
        for index in 0..60 {
            let amplitude = if (5..10).contains(&index) {
                0.5
            } else {
                0.0005
            };
            let mut frame = frame(440.0, amplitude, index);
            let open = gate.apply(&mut frame, 1.0);
            assert_eq!(open, (5..=34).contains(&index), "{index}");
            if open {
                all.extend(frame);
            }
        }
        assert!(strength(&all[2 * FRAME..10 * FRAME], 440.0) > 0.49);
        assert!(step(&all[..10 * FRAME]) < 0.05);
        // Made silent, and twice as loud.
        let mut silent = Gate::default();
        assert!(!silent.apply(&mut frame(440.0, 0.5, 0), 0.0));
        let mut loud = Gate::default();
        loud.apply(&mut frame(440.0, 0.2, 0), 2.0);
        let mut second = frame(440.0, 0.2, 1);
        loud.apply(&mut second, 2.0);
        assert!((strength(&second, 440.0) - 0.4).abs() < 0.03);
    }

    #[test]
    fn the_limiter_leaves_what_is_quiet_and_keeps_what_is_loud_below_full_scale() {
        let mut limiter = Limiter::default();
        let mut quiet = frame(440.0, 0.5, 0);
        limiter.apply(&mut quiet);
        assert_eq!(quiet, frame(440.0, 0.5, 0));
        let mut all = Vec::new();
        for index in 0..50 {
            let amplitude = if index < 25 { 3.0 } else { 0.3 };
            let mut frame = frame(440.0, amplitude, index);
            limiter.apply(&mut frame);
            assert!(frame.iter().all(|sample| sample.abs() <= 1.0));
            all.extend(frame);
        }
        assert!(step(&all) < 0.25, "{}", step(&all));
        // Turned down as a whole, a tone stays a tone.
        let settled = &all[20 * FRAME..40 * FRAME];
        assert!(strength(settled, 440.0) > 0.85);
        assert!(
            strength(settled, 1320.0) < 0.06,
            "{}",
            strength(settled, 1320.0)
        );
        // And comes back.
        assert!(strength(&all[98 * FRAME..], 440.0) > 0.25);
    }
}
