//! Streams of other nodes, and which of them are to come.

use crate::room::PeerId;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::media::Mid;

/// What nobody wants any more comes for so long: who has just come in gets something soon, though NATS may be away by then, and who
/// goes between two layers does not ask anew each time.
const LEAVE: Duration = Duration::from_secs(2);

/// Where the packets of a stream of another node go.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) room: Arc<str>,
    pub(super) id: PeerId,
    pub(super) track: String,
    pub(super) layer: usize,
    /// Its highest number so far.
    pub(super) last: u64,
    pub(super) has_begun: bool,
    /// Whether it is one of pictures, and when somebody here wanted it last, or may have.
    pub(super) pictures: bool,
    pub(super) wanted: Instant,
}

impl Place {
    /// Whether it is to come.
    pub(super) fn is_wanted(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.wanted) < LEAVE
    }
}

/// Which streams of pictures of a node are to come to a room, by what its people want now; none where the node has nobody in it.
pub(super) fn wanted(
    places: &mut HashMap<u32, Place>,
    room: &str,
    wants: &HashSet<(PeerId, Mid, usize)>,
    now: Instant,
) -> Option<Vec<u32>> {
    let mut streams = None;
    for (&ssrc, place) in places {
        if &*place.room != room || !place.pictures {
            continue;
        }
        let streams = streams.get_or_insert_with(Vec::new);
        let key = (place.id, Mid::from(place.track.as_str()), place.layer);
        if wants.contains(&key) {
            place.wanted = now;
        }
        let is_wanted = place.is_wanted(now);
        place.has_begun &= is_wanted;
        if is_wanted {
            streams.push(ssrc);
        }
    }
    streams
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last that a node hears before NATS goes away is not that nothing is wanted, where somebody has just come in: what is to be shown
    /// is chosen a moment later.
    #[test]
    fn who_has_just_come_in_is_sent_pictures_though_nobody_has_chosen_them_yet() {
        let start = Instant::now();
        let place = |pictures, layer| Place {
            room: "tea".into(),
            id: PeerId(7),
            track: "1".into(),
            layer,
            last: 0,
            has_begun: false,
            pictures,
            wanted: start,
        };
        let mut places = HashMap::from([
            (1, place(true, 0)),
            (2, place(true, 1)),
            (3, place(false, 0)),
        ]);
        let mut told = |wants: &[usize], after: Duration| {
            let wants = wants.iter().map(|layer| (PeerId(7), "1".into(), *layer));
            let streams = wanted(&mut places, "tea", &wants.collect(), start + after);
            let mut streams = streams.unwrap();
            streams.sort_unstable();
            streams
        };
        let moment = Duration::from_millis(10);
        assert_eq!(told(&[], moment), [1, 2], "all, for now");
        assert_eq!(told(&[1], moment), [1, 2]);
        assert_eq!(told(&[1], LEAVE), [2], "the other one is not missed");
        assert_eq!(told(&[], 2 * LEAVE - moment), [2]);
        assert_eq!(told(&[], 2 * LEAVE), [0; 0]);
        assert_eq!(told(&[0], 3 * LEAVE), [1], "and it is back at once");
        assert_eq!(wanted(&mut places, "cake", &HashSet::new(), start), None);
    }
}
