//! Who speaks: the loudest, if they go on being it.

/// How fast a level is forgotten, per frame of 20 ms.
const MEMORY: f32 = 0.93;
/// For how many frames somebody has to be the loudest to become the speaker: 0.4 s.
const PATIENCE: u32 = 20;
/// How much louder than the speaker that is.
const MARGIN: f32 = 1.5;
/// Quieter than this, nobody speaks.
const SILENCE: f32 = 0.005;

/// Finds the speaker.
#[derive(Debug, Default)]
pub struct Speaker {
    levels: Vec<(u64, f32)>,
    current: Option<u64>,
    rival: Option<(u64, u32)>,
}

impl Speaker {
    /// Who speaks, or spoke last.
    #[must_use]
    pub const fn current(&self) -> Option<u64> {
        self.current
    }

    /// How loud somebody is, smoothed.
    #[must_use]
    pub fn level(&self, id: u64) -> f32 {
        let own = self.levels.iter().find(|(other, _)| *other == id);
        own.map_or(0.0, |(_, level)| *level)
    }

    /// Takes the levels of a frame, of all who are there; whether another one speaks now.
    pub fn update(&mut self, levels: &[(u64, f32)]) -> bool {
        self.levels
            .retain(|(id, _)| levels.iter().any(|(other, _)| other == id));
        for (id, level) in levels {
            match self.levels.iter_mut().find(|(other, _)| other == id) {
                Some((_, smooth)) => *smooth = (*smooth * MEMORY + level * (1.0 - MEMORY)).max(0.0),
                None => self.levels.push((*id, level * (1.0 - MEMORY))),
            }
        }
        let gone = self
            .current
            .is_some_and(|id| !levels.iter().any(|(other, _)| *other == id));
        if gone {
            self.current = None;
        }
        let loudest = self
            .levels
            .iter()
            .copied()
            .max_by(|a, b| a.1.total_cmp(&b.1));
        let bar = self
            .current
            .map_or(SILENCE, |id| SILENCE.max(MARGIN * self.level(id)));
        let rival = loudest.filter(|(id, level)| Some(*id) != self.current && *level > bar);
        let Some((id, _)) = rival else {
            self.rival = None;
            return gone;
        };
        let frames = match self.rival {
            Some((other, frames)) if other == id => frames + 1,
            _ => 1,
        };
        // Where nobody has spoken yet, nobody has to be outlasted.
        if frames >= PATIENCE || self.current.is_none() {
            self.current = Some(id);
            self.rival = None;
            return true;
        }
        self.rival = Some((id, frames));
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cough_does_not_make_a_speaker() {
        let mut speaker = Speaker::default();
        for _ in 0..50 {
            speaker.update(&[(1, 0.2), (2, 0.0)]);
        }
        assert_eq!(speaker.current(), Some(1));
        for _ in 0..5 {
            speaker.update(&[(1, 0.1), (2, 0.5)]);
        }
        for _ in 0..50 {
            assert!(!speaker.update(&[(1, 0.2), (2, 0.0)]));
        }
        assert_eq!(speaker.current(), Some(1));
        let changes = (0..60)
            .filter(|_| speaker.update(&[(1, 0.0), (2, 0.3)]))
            .count();
        assert_eq!((changes, speaker.current()), (1, Some(2)));
    }

    #[test]
    fn silence_keeps_the_last_one_and_who_goes_is_none() {
        let mut speaker = Speaker::default();
        assert!(!speaker.update(&[(1, 0.001), (2, 0.0)]));
        assert_eq!(speaker.current(), None);
        for _ in 0..30 {
            speaker.update(&[(1, 0.2), (2, 0.0)]);
        }
        for _ in 0..200 {
            speaker.update(&[(1, 0.0), (2, 0.0)]);
        }
        assert_eq!(speaker.current(), Some(1));
        assert!(speaker.update(&[(2, 0.0)]));
        assert_eq!(speaker.current(), None);
    }
}
