//! How pictures are turned (`urn:3gpp:video-orientation`, 3GPP TS 26.114 §7.4.5): packets tell it, in whatever order they come, and pictures
//! come out later, in their own.

use std::collections::VecDeque;

/// Most that is remembered: packets of pictures that never come out.
const MOST: usize = 256;

/// What packets told, by their time stamps.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// In the order of time stamps, oldest first.
    told: VecDeque<(u32, u8)>,
    now: Option<u8>,
}

/// Whether a time stamp comes after another one; they go round.
const fn is_after(timestamp: u32, other: u32) -> bool {
    timestamp != other && timestamp.wrapping_sub(other) < 1 << 31
}

impl Turns {
    /// From this time stamp on, pictures need so many quarters of a turn.
    pub(crate) fn tell(&mut self, timestamp: u32, quarters: u8) {
        let place = self
            .told
            .iter()
            .rposition(|(at, _)| !is_after(*at, timestamp))
            .map_or(0, |before| before + 1);
        self.told.insert(place, (timestamp, quarters));
        if self.told.len() > MOST {
            self.told.pop_front();
        }
    }

    /// A picture of this time stamp comes out: how it is turned, if that is another way than the one before it.
    pub(crate) fn at(&mut self, timestamp: u32) -> Option<u8> {
        let newest = self
            .told
            .iter()
            .rposition(|(at, _)| !is_after(*at, timestamp))?;
        // The newest stays, for those that follow.
        self.told.drain(..newest);
        let (_, quarters) = *self.told.front()?;
        (self.now.replace(quarters) != Some(quarters)).then_some(quarters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_turned_as_their_own_packets_told() {
        let mut turns = Turns::default();
        let first = u32::MAX - 3000;
        let stamp = |number: u32| first.wrapping_add(3000 * number);
        turns.tell(stamp(0), 0);
        assert_eq!(turns.at(stamp(0)), Some(0));
        // What the third tells is here before the second is complete, which comes out first all the same.
        turns.tell(stamp(2), 1);
        assert_eq!(turns.at(stamp(1)), None);
        assert_eq!(turns.at(stamp(2)), Some(1));
        assert_eq!(turns.at(stamp(3)), None);
        // One that was lost comes again behind newer ones, and what it tells counts for itself and those up to them.
        turns.tell(stamp(6), 0);
        turns.tell(stamp(4), 3);
        assert_eq!(turns.at(stamp(4)), Some(3));
        assert_eq!(turns.at(stamp(5)), None);
        assert_eq!(turns.at(stamp(6)), Some(0));
        // What comes after its picture has come out turns nothing back.
        turns.tell(stamp(5), 2);
        assert_eq!(turns.at(stamp(7)), None);
    }

    #[test]
    fn what_never_comes_out_is_forgotten() {
        let mut turns = Turns::default();
        for number in 0..10_000_u32 {
            turns.tell(number * 3000, (number % 4) as u8);
        }
        assert_eq!(turns.told.len(), MOST);
        assert_eq!(turns.at(10_000 * 3000), Some(3));
        assert_eq!(turns.told.len(), 1);
    }
}
