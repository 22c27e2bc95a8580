//! The two clocks that make a room's mix, one for sound and one for pictures. They stand still when nobody listens.

use super::pictures::{Eye, Pictures};
use super::voice::samples;
use super::voices::{Ear, Voices};
use super::{Out, PROGRAM, Room, SEGMENT, lock};
use crate::layout::Layout;
use crate::sound::FRAME;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// A frame of sound.
pub(super) const TICK: Duration = Duration::from_millis(20);
/// How far a clock may fall behind before it leaves out what it has missed.
const BEHIND: Duration = Duration::from_millis(200);

/// What the time is in a room, in nanoseconds since it was opened.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    start: Instant,
    /// Tests set it themselves.
    #[cfg(test)]
    pub(crate) hand: Option<Arc<std::sync::atomic::AtomicI64>>,
}

impl Watch {
    /// One that begins to go now.
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            #[cfg(test)]
            hand: None,
        }
    }

    /// One that shows what the hand is set to.
    #[cfg(test)]
    pub(crate) fn by_hand(start: Instant, hand: Arc<std::sync::atomic::AtomicI64>) -> Self {
        Self {
            start,
            hand: Some(hand),
        }
    }

    /// What it shows.
    pub(crate) fn now(&self) -> i64 {
        #[cfg(test)]
        if let Some(hand) = &self.hand {
            return hand.load(Ordering::Relaxed);
        }
        i64::try_from(self.start.elapsed().as_nanos()).unwrap_or(i64::MAX)
    }

    /// When it shows this.
    pub(crate) fn instant(&self, time: i64) -> Instant {
        self.start + Duration::from_nanos(u64::try_from(time).unwrap_or(0))
    }
}

impl Room {
    /// Waits until somebody listens; whether the room is still open.
    fn wait(&self) -> bool {
        let mut state = self.state();
        while !state.ended && self.idle.load(Ordering::Relaxed) {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        !state.ended
    }

    /// Calls `tick` every `period`, with the time in nanoseconds, as long as somebody listens and whenever somebody does.
    fn run(&self, period: Duration, mut tick: impl FnMut(i64, bool)) {
        let start = self.watch.instant(0);
        let mut due = Instant::now();
        let mut rested = true;
        while self.wait() {
            let now = Instant::now();
            if now > due + BEHIND {
                // On the same grid.
                let missed = (now - start).as_nanos() / period.as_nanos() + 1;
                due = start + period * u32::try_from(missed).unwrap_or(u32::MAX);
            }
            if let Some(early) = due.checked_duration_since(now) {
                std::thread::sleep(early);
            }
            let at = due.saturating_duration_since(start).as_nanos();
            tick(i64::try_from(at).unwrap_or(i64::MAX), rested);
            rested = self.idle.load(Ordering::Relaxed);
            due += period;
        }
    }

    /// The clock of sound.
    pub(super) fn run_sound(&self) {
        let mut voices = Voices::new(self.settings.voices);
        self.run(TICK, |now, rested| {
            if rested {
                voices = Voices::new(self.settings.voices);
            }
            self.tick_sound(&mut voices, now);
        });
    }

    /// The clock of pictures.
    pub(super) fn run_pictures(&self) {
        let format = self.settings.format;
        let mut pictures = Pictures::new(format);
        self.run(
            Duration::from_secs(1) / format.rate.max(1),
            |now, rested| {
                if rested {
                    pictures = Pictures::new(format);
                }
                self.tick_pictures(&mut pictures, now);
            },
        );
    }

    /// Makes a frame of sound, and gives it to all who hear.
    pub(crate) fn tick_sound(&self, voices: &mut Voices, now: i64) {
        let state = self.state();
        let people = state.people.clone();
        let listeners = state.listeners.clone();
        let program = state.has_program;
        drop(state);
        let ears: Vec<Ear> = listeners
            .iter()
            .filter_map(|listener| listener.ear())
            .collect();
        let at = samples(now) / FRAME as i64 * FRAME as i64;
        let heard = self
            .costs
            .mix
            .time(|| voices.tick(at, now, &people, &ears, program));
        self.sound_encodes
            .store(voices.encodes() + usize::from(program), Ordering::Relaxed);
        self.sound_decodes
            .store(voices.decodes(), Ordering::Relaxed);
        for (id, packet) in heard.packets {
            if let Some(listener) = listeners.iter().find(|listener| listener.id == id) {
                listener.push(Out::Sound(at, packet));
            }
        }
        if let (Some(all), Some(program)) = (heard.all, &mut *lock(&self.program)) {
            self.costs.mix.time(|| program.sound(at, &all));
        }
        if let Some(speaker) = heard.speaker {
            self.state().speaker = speaker;
        }
    }

    /// Makes a picture, and gives it to all who see.
    pub(crate) fn tick_pictures(&self, pictures: &mut Pictures, now: i64) {
        let state = self.state();
        let people = state.people.clone();
        let listeners = state.listeners.clone();
        let (layout, speaker) = (Arc::clone(&state.layout), state.speaker);
        let program = state.has_program;
        drop(state);
        let mut eyes: Vec<Eye> = listeners
            .iter()
            .filter_map(|listener| listener.eye(&layout))
            .collect();
        if program {
            if let Some(program) = &mut *lock(&self.program) {
                program.set_shows(*layout != Layout::Audio);
            }
            eyes.push(Eye {
                id: PROGRAM,
                layout,
                step: 0,
                wants_keyframe: false,
                period: Some(SEGMENT),
            });
        }
        let made = pictures.tick(now, &people, speaker, &eyes, &self.costs);
        self.ticks.fetch_add(1, Ordering::Relaxed);
        self.picture_encodes
            .store(pictures.encodes(), Ordering::Relaxed);
        for (receivers, unit) in made {
            if receivers.contains(&PROGRAM)
                && let Some(program) = &mut *lock(&self.program)
            {
                program.picture(&unit);
            }
            for listener in listeners
                .iter()
                .filter(|listener| receivers.contains(&listener.id))
            {
                listener.push(Out::Picture(Arc::clone(&unit)));
            }
        }
    }
}
