//! Who is heard where many talk at once: the loudest, so many at most. What nobody hears has not to be decoded, and who is not in the mix hears
//! what all hear.

/// Who is quieter than that lately does not ask to be heard: half of what opens a gate.
const QUIET: f32 = 0.001;
/// What is left of a loudness after a frame in which nothing is said: pauses between words do not cost anybody the place.
const FADE: f32 = 0.97;
/// How much louder than the quietest who is heard somebody has to be to take their place.
const MARGIN: f32 = 2.0;
/// For how many frames nobody's place is taken: half a second.
const KEPT: u64 = 25;

/// How loud somebody was lately.
#[derive(Debug, Clone, Copy, Default)]
pub struct Loudness(f32);

impl Loudness {
    /// Takes what was said in a frame, as a share of full scale.
    pub fn hear(&mut self, level: f32) {
        self.0 = level.max(self.0 * FADE);
    }

    /// Whether that is anything.
    #[must_use]
    pub fn is_some(self) -> bool {
        self.0 > QUIET
    }
}

/// Who is heard.
#[derive(Debug)]
pub struct Floor {
    most: usize,
    /// Who, how loud, and since which frame.
    places: Vec<(u64, f32, u64)>,
}

impl Floor {
    /// For so many at a time, and one at the least.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            places: Vec::new(),
        }
    }

    /// Whether somebody is heard.
    #[must_use]
    pub fn has(&self, id: u64) -> bool {
        self.places.iter().any(|(other, ..)| *other == id)
    }

    /// Takes how loud all are who are there, in frame number `frame`.
    pub fn update(&mut self, frame: u64, people: &[(u64, Loudness)]) {
        let asks = |id: u64| {
            let own = people.iter().find(|(other, _)| *other == id);
            own.map(|(_, loudness)| *loudness)
                .filter(|loudness| loudness.is_some())
        };
        self.places.retain_mut(|(id, level, _)| {
            let loudness = asks(*id);
            *level = loudness.map_or(0.0, |loudness| loudness.0);
            loudness.is_some()
        });
        let mut others: Vec<_> = people
            .iter()
            .filter(|(id, loudness)| loudness.is_some() && !self.has(*id))
            .collect();
        others.sort_unstable_by(|a, b| b.1.0.total_cmp(&a.1.0));
        for (id, loudness) in others {
            let place = (*id, loudness.0, frame);
            if self.places.len() < self.most {
                self.places.push(place);
                continue;
            }
            let movable = self
                .places
                .iter_mut()
                .filter(|(.., since)| frame.saturating_sub(*since) >= KEPT);
            let quietest = movable.min_by(|a, b| a.1.total_cmp(&b.1));
            // Those after this one are quieter still.
            let Some(quietest) = quietest.filter(|(_, level, _)| loudness.0 > MARGIN * level)
            else {
                break;
            };
            *quietest = place;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many frames of these levels; who is heard after them.
    fn go_on(
        floor: &mut Floor,
        people: &mut [(u64, Loudness)],
        frames: std::ops::Range<u64>,
        level: impl Fn(u64) -> f32,
    ) -> Vec<u64> {
        for frame in frames {
            for (id, loudness) in people.iter_mut() {
                loudness.hear(level(*id));
            }
            floor.update(frame, people);
        }
        let heard = people.iter().filter(|(id, _)| floor.has(*id));
        heard.map(|(id, _)| *id).collect()
    }

    #[test]
    fn the_loudest_are_heard_and_stay_while_others_are_as_loud() {
        let mut floor = Floor::new(3);
        let mut people: Vec<_> = (0..100).map(|id| (id, Loudness::default())).collect();
        assert!(go_on(&mut floor, &mut people, 0..10, |_| 0.0003).is_empty());
        let ramp = |id: u64| 0.01 + 0.001 * id as f32;
        assert_eq!(go_on(&mut floor, &mut people, 10..11, ramp), [97, 98, 99]);
        // As loud as they are is not enough, and for half a second even louder is not.
        let even = |id: u64| if id < 97 { 0.15 } else { 0.1 };
        assert_eq!(go_on(&mut floor, &mut people, 11..500, even), [97, 98, 99]);
        let five = |id: u64| if id == 5 { 0.5 } else { even(id) };
        let heard = go_on(&mut floor, &mut people, 500..501, five);
        assert!(heard.contains(&5) && heard.len() == 3, "{heard:?}");
        let six = |id: u64| match id {
            5 => 0.001,
            6 => 0.5,
            _ => 0.1,
        };
        let heard = go_on(&mut floor, &mut people, 501..502, six);
        assert!(heard.contains(&5) && heard.contains(&6), "{heard:?}");
        // Who falls silent makes room in the end, and who has gone at once.
        let heard = go_on(&mut floor, &mut people, 502..800, six);
        assert!(!heard.contains(&5) && heard.len() == 3, "{heard:?}");
        people.truncate(2);
        assert_eq!(go_on(&mut floor, &mut people, 800..801, six), [0, 1]);
    }

    #[test]
    fn pauses_between_words_cost_nobody_the_place() {
        let mut floor = Floor::new(1);
        let mut people = [(1, Loudness::default()), (2, Loudness::default())];
        go_on(&mut floor, &mut people, 0..50, |id| match id {
            1 => 0.2,
            _ => 0.0,
        });
        let pause = |id: u64| if id == 1 { 0.0 } else { 0.1 };
        assert_eq!(go_on(&mut floor, &mut people, 50..70, pause), [1]);
        assert_eq!(go_on(&mut floor, &mut people, 70..130, pause), [2]);
    }
}
