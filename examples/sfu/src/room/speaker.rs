//! Who speaks, by the levels that the packets tell (RFC 6464).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Time constant of the mean.
const MEMORY: f32 = 0.6;
/// Below that nobody speaks, in dBov.
const SILENCE: f32 = -55.0;
/// How much louder than the speaker another one has to be.
const MARGIN: f32 = 6.0;
/// And for how long.
const HOLD: Duration = Duration::from_millis(400);
/// Nothing heard for so long is silence.
const GONE: Duration = Duration::from_millis(1500);
const FLOOR: f32 = -127.0;

/// Finds the active speaker among people of type `Id`, with hysteresis: a cough does not turn the page over.
#[derive(Debug)]
pub(super) struct Speakers<Id> {
    levels: BTreeMap<Id, Level>,
    speaker: Option<Id>,
    /// Who is louder than the speaker, since when.
    challenger: Option<(Id, Instant)>,
}

#[derive(Debug)]
struct Level {
    mean: f32,
    heard: Instant,
}

impl<Id: Copy + Ord> Speakers<Id> {
    pub(super) const fn new() -> Self {
        Self {
            levels: BTreeMap::new(),
            speaker: None,
            challenger: None,
        }
    }

    /// A packet of that level, in dBov: 0 is the loudest, −127 silence.
    pub(super) fn hear(&mut self, id: Id, level: i8, now: Instant) {
        let level = f32::from(level).clamp(FLOOR, 0.0);
        let entry = self.levels.entry(id).or_insert(Level {
            mean: FLOOR,
            heard: now,
        });
        let passed = now.saturating_duration_since(entry.heard).as_secs_f32();
        // A first packet counts as 20 ms.
        let weight = 1.0 - (-passed.max(0.02) / MEMORY).exp();
        entry.mean += (level - entry.mean) * weight;
        entry.heard = now;
    }

    pub(super) fn forget(&mut self, id: Id) {
        self.levels.remove(&id);
    }

    /// How loud somebody is just now, in dBov.
    pub(super) fn level(&self, id: Id, now: Instant) -> f32 {
        match self.levels.get(&id) {
            Some(level) if now.saturating_duration_since(level.heard) < GONE => level.mean,
            _ => FLOOR,
        }
    }

    /// Looks again who speaks; the new speaker if that has changed. Somebody who falls silent stays it until another one speaks.
    pub(super) fn update(&mut self, now: Instant) -> Option<Option<Id>> {
        let before = self.speaker;
        if self
            .speaker
            .is_some_and(|id| !self.levels.contains_key(&id))
        {
            self.speaker = None;
        }
        let loudest = self
            .levels
            .keys()
            .map(|&id| (id, self.level(id, now)))
            .filter(|&(_, level)| level > SILENCE)
            .max_by(|(_, a), (_, b)| a.total_cmp(b));
        let present = self.speaker.map_or(FLOOR, |id| self.level(id, now));
        match loudest {
            Some((id, _)) if self.speaker.is_none() => {
                self.speaker = Some(id);
                self.challenger = None;
            }
            Some((id, level)) if self.speaker != Some(id) && level > present + MARGIN => {
                let since = match self.challenger {
                    Some((same, since)) if same == id => since,
                    _ => now,
                };
                self.challenger = Some((id, since));
                if now.saturating_duration_since(since) >= HOLD {
                    self.speaker = Some(id);
                    self.challenger = None;
                }
            }
            _ => self.challenger = None,
        }
        (self.speaker != before).then_some(self.speaker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two people talk at given levels for a while, a packet each 20 ms.
    fn talk(speakers: &mut Speakers<u8>, from: Instant, ms: u64, levels: [i8; 2]) -> Instant {
        for step in (0..ms).step_by(20) {
            let now = from + Duration::from_millis(step);
            speakers.hear(1, levels[0], now);
            speakers.hear(2, levels[1], now);
            speakers.update(now);
        }
        from + Duration::from_millis(ms)
    }

    #[test]
    fn the_louder_one_takes_over_only_after_a_while() {
        let mut speakers = Speakers::new();
        let now = talk(&mut speakers, Instant::now(), 1000, [-127, -127]);
        assert_eq!(speakers.speaker, None, "nobody speaks");
        let now = talk(&mut speakers, now, 2000, [-20, -127]);
        assert_eq!(speakers.speaker, Some(1));
        let now = talk(&mut speakers, now, 100, [-20, 0]);
        assert_eq!(speakers.speaker, Some(1), "a cough");
        let now = talk(&mut speakers, now, 2000, [-25, -22]);
        assert_eq!(speakers.speaker, Some(1), "hardly louder");
        let now = talk(&mut speakers, now, 3000, [-127, -20]);
        assert_eq!(speakers.speaker, Some(2));
        let now = talk(&mut speakers, now, 5000, [-127, -127]);
        assert_eq!(speakers.speaker, Some(2), "silence changes nothing");
        speakers.forget(2);
        assert_eq!(speakers.update(now), Some(None));
    }
}
