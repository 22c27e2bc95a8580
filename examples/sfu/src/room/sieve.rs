//! Which packets of a stream with several layers one receiver gets.

use super::scale::Part;

/// Frames that are remembered: those of some twenty pictures, a power of two.
const FRAMES: usize = 512;
/// Spatial layers.
const LAYERS: usize = 8;

/// Lets pass what its receiver can decode and is to see: nothing above its layer, and nothing that needs what it did not get. Layers below
/// its own pass, too, so that it can go down at any picture; it goes up where nothing is needed that it lacks: in spatial layers at the
/// next keyframe.
#[derive(Debug)]
pub(super) struct Sieve {
    /// Whether a frame was let through, at the place of its number.
    frames: Vec<Option<(u32, bool)>>,
    /// Its picture's time, and whether that is a keyframe.
    picture: Option<(u32, bool)>,
    /// The highest spatial and temporal layer, of this picture and from the next one on.
    limit: (u8, u8),
    next: (u8, u8),
    /// Spatial layers whose last frame passed.
    alive: [bool; LAYERS],
    /// The temporal layer up to which everything passed.
    temporal: u8,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It passes; `last`: as the last one of its picture.
    Passes {
        last: bool,
    },
    Stays,
}

impl Sieve {
    pub(super) fn new() -> Self {
        Self {
            frames: vec![None; FRAMES],
            picture: None,
            limit: (u8::MAX, u8::MAX),
            next: (u8::MAX, u8::MAX),
            alive: [false; LAYERS],
            temporal: 0,
        }
    }

    /// The highest spatial and temporal layer from the next picture on; none: all. Of who is `flat` the lowest spatial one.
    pub(super) fn set(&mut self, flat: bool, highest: Option<(u8, u8)>) {
        let (spatial, temporal) = highest.unwrap_or((u8::MAX, u8::MAX));
        self.next = (if flat { 0 } else { spatial }, temporal);
    }

    /// The highest spatial layer that passes just now, and whether that takes a keyframe to become the one that is to.
    pub(super) fn reached(&self) -> (u8, bool) {
        let top = self.top();
        (top, top < self.next.0.min(LAYERS as u8 - 1))
    }

    fn top(&self) -> u8 {
        let alive = self.alive.iter().take_while(|alive| **alive).count();
        // There are eight.
        (alive.saturating_sub(1) as u8).min(self.limit.0)
    }

    /// Looks at a packet of the picture of this time; `is_keyframe`: the first one of a keyframe.
    pub(super) fn handle(&mut self, part: &Part, time: u32, is_keyframe: bool) -> Verdict {
        let is_newer = self
            .picture
            .is_none_or(|(last, _)| time != last && time.wrapping_sub(last) < 1 << 31);
        if is_newer {
            self.picture = Some((time, is_keyframe));
            self.limit = self.next;
            if is_keyframe {
                // All that come with it.
                self.alive = [true; LAYERS];
                self.temporal = self.limit.1;
            }
            self.temporal = self.temporal.min(self.limit.1);
        }
        let slot = part.frame as usize % FRAMES;
        let passes = match self.frames[slot] {
            Some((frame, passes)) if frame == part.frame => passes,
            _ => {
                let passes = self.judge(part, time);
                self.frames[slot] = Some((part.frame, passes));
                passes
            }
        };
        if !passes {
            return Verdict::Stays;
        }
        Verdict::Passes {
            last: part.ends && part.spatial == self.top(),
        }
    }

    /// Whether a frame passes that has not been seen before.
    fn judge(&mut self, part: &Part, time: u32) -> bool {
        let spatial = usize::from(part.spatial).min(LAYERS - 1);
        if part.temporal > self.limit.1 {
            return false;
        }
        if part.vague && part.temporal > self.temporal {
            if !part.up {
                return false;
            }
            self.temporal = part.temporal;
        }
        let lacks = |needed: u32| self.frames[needed as usize % FRAMES] == Some((needed, false));
        let passes =
            part.spatial <= self.limit.0 && self.alive[spatial] && !part.needs().any(lacks);
        // One that comes late says nothing of those after it.
        let is_current = self.picture.is_some_and(|(current, _)| current == time);
        if !passes && is_current && part.temporal == 0 {
            self.alive[spatial] = false;
        }
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::Packet;
    use crate::room::keyframe;
    use crate::room::scale::{RawDependencies, Scale};
    use std::collections::BTreeSet;
    use std::time::Instant;
    use str0m::format::Codec;

    #[derive(Debug)]
    struct Sent {
        part: Part,
        time: u32,
        marker: bool,
        keyframe: bool,
    }

    fn bytes(hex: &str) -> Vec<u8> {
        let digits = hex.as_bytes().chunks_exact(2);
        let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.map(byte).collect()
    }

    /// Packets of a browser: a keyframe and some 25 pictures after it.
    fn captured(codec: Codec) -> Vec<Sent> {
        let text = match codec {
            Codec::Vp9 => include_str!("../../tests/fixtures/vp9-l3t3-key.txt"),
            _ => include_str!("../../tests/fixtures/av1-l3t3-key.txt"),
        };
        let mut scale = Scale::default();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let packets = lines.map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let mut values = str0m::rtp::ExtensionValues::default();
            values
                .user_values
                .set(RawDependencies(bytes(fields[3]).into()));
            let packet = Packet {
                sequence: fields[0].parse().unwrap(),
                time: fields[1].parse().unwrap(),
                marker: fields[2] == "1",
                at: Instant::now(),
                report: None,
                values,
                payload: bytes(fields[4]).into(),
            };
            Sent {
                part: scale.part(codec, &packet).expect("it tells its layer"),
                time: packet.time,
                marker: packet.marker,
                keyframe: keyframe::starts(codec, &packet.payload).is_some(),
            }
        });
        packets.collect()
    }

    /// A receiver, and what it got.
    struct Receiver {
        sieve: Sieve,
        frames: BTreeSet<u32>,
        pictures: Vec<(u8, u8)>,
        open: Option<u32>,
    }

    impl Receiver {
        fn new(highest: (u8, u8)) -> Self {
            let mut sieve = Sieve::new();
            sieve.set(false, Some(highest));
            Self {
                sieve,
                frames: BTreeSet::new(),
                pictures: Vec::new(),
                open: None,
            }
        }

        /// Plays the capture the `round`-th time, up to the picture `until`: every frame that comes has all that it needs, and each
        /// picture ends with one marker.
        fn play(&mut self, packets: &[Sent], round: u32, from: u32, until: u32) {
            let mut picture = 0;
            let mut last = None;
            for packet in packets {
                if last
                    .replace(packet.time)
                    .is_some_and(|last| last != packet.time)
                {
                    picture += 1;
                }
                if !(from..until).contains(&picture) {
                    continue;
                }
                let part = packet.part.later(round * 100_000);
                let time = packet.time.wrapping_add(round * 900_000);
                let Verdict::Passes { last } = self.sieve.handle(&part, time, packet.keyframe)
                else {
                    continue;
                };
                assert!(
                    self.open.is_none_or(|open| open == time),
                    "the last picture has ended"
                );
                for needed in part.needs() {
                    assert!(self.frames.contains(&needed), "{part:?} needs {needed}");
                }
                self.frames.insert(part.frame);
                let ends = last || packet.marker;
                self.open = (!ends).then_some(time);
                if ends {
                    self.pictures.push((part.spatial, part.temporal));
                }
            }
            assert_eq!(self.open, None, "every picture has an end");
        }
    }

    const BOTH: [Codec; 2] = [Codec::Vp9, Codec::Av1];

    #[test]
    fn each_receiver_gets_its_layers_and_can_decode_them() {
        for codec in BOTH {
            let packets = captured(codec);
            let mut counts = Vec::new();
            for highest in [(0, 0), (0, 1), (0, 2), (1, 2), (2, 0), (2, 2)] {
                let mut receiver = Receiver::new(highest);
                receiver.play(&packets, 0, 0, u32::MAX);
                assert!(
                    receiver
                        .pictures
                        .iter()
                        .all(|(s, t)| *s == highest.0 && *t <= highest.1)
                );
                counts.push((receiver.pictures.len(), receiver.frames.len()));
            }
            let [slow, half, all, ..] = counts[..] else {
                unreachable!()
            };
            assert_eq!(all.0, 26, "{codec:?}: {counts:?}");
            assert_eq!(
                (slow.0, half.0),
                (7, 13),
                "a fourth and a half of the pictures"
            );
            assert_eq!(
                (counts[3].1, counts[5].1),
                (2 * 26, 3 * 26),
                "with the sizes below"
            );
        }
    }

    #[test]
    fn down_at_the_next_picture_and_up_at_the_next_keyframe() {
        for codec in BOTH {
            let packets = captured(codec);
            let mut receiver = Receiver::new((2, 2));
            receiver.play(&packets, 0, 0, 9);
            assert_eq!(receiver.sieve.reached(), (2, false));
            receiver.sieve.set(false, Some((0, 2)));
            receiver.play(&packets, 0, 9, 20);
            let tops: Vec<u8> = receiver
                .pictures
                .iter()
                .map(|(spatial, _)| *spatial)
                .collect();
            assert_eq!(tops, [[2; 9].as_slice(), &[0; 11]].concat());
            receiver.sieve.set(false, Some((2, 2)));
            assert_eq!(
                receiver.sieve.reached(),
                (0, true),
                "it waits for a keyframe"
            );
            receiver.play(&packets, 0, 20, u32::MAX);
            assert!(
                receiver.pictures[9..]
                    .iter()
                    .all(|(spatial, _)| *spatial == 0)
            );
            let before = receiver.pictures.len();
            receiver.play(&packets, 1, 0, u32::MAX);
            assert!(
                receiver.pictures[before..]
                    .iter()
                    .all(|(spatial, _)| *spatial == 2)
            );
            assert_eq!(receiver.sieve.reached(), (2, false));
        }
    }

    #[test]
    fn more_pictures_come_as_soon_as_they_can_be_decoded() {
        for codec in BOTH {
            let packets = captured(codec);
            let mut receiver = Receiver::new((1, 0));
            receiver.play(&packets, 0, 0, 10);
            receiver.sieve.set(false, Some((1, 2)));
            receiver.play(&packets, 0, 10, u32::MAX);
            let all = receiver.pictures.len();
            assert!(all >= 3 + 14, "{codec:?}: {all} pictures");
            assert!(receiver.pictures.iter().all(|(spatial, _)| *spatial == 1));
        }
    }
}
