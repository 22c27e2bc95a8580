//! Numbers of pictures while the source of a section changes: those of VP8 (RFC 7741 §4.2), VP9 (RFC 9628 §4.2) and, as numbers of frames, of
//! dependency descriptors.

use super::scale::RawDependencies;
use rtp::payload::vp9::Descriptor as Vp9;
use std::sync::Arc;
use str0m::rtp::{Vp8Descriptor, Vp8Patch};

/// Fifteen bits of picture id, or seven.
const LONG: u16 = 0x7fff;
const SHORT: u16 = 0x7f;

/// Lets picture ids and `TL0PICIDX` go on over a switch: a decoder's reference finder takes a number that goes back for an old picture.
#[derive(Debug)]
pub(super) struct Pictures {
    last: Option<(u16, u8)>,
    shift: Option<(u16, u8)>,
}

impl Pictures {
    pub(super) const fn new() -> Self {
        Self {
            last: None,
            shift: None,
        }
    }

    /// The next packet is of another source.
    pub(super) fn switch(&mut self) {
        self.shift = None;
    }

    /// What these have become; `mask` has the bits of a picture's number.
    fn go_on(&mut self, picture: u16, group: u8, mask: u16) -> (u16, u8) {
        let (add, add_group) = *self.shift.get_or_insert_with(|| {
            self.last.map_or((0, 0), |(last, last_group)| {
                (
                    last.wrapping_add(1).wrapping_sub(picture) & mask,
                    last_group.wrapping_add(1).wrapping_sub(group),
                )
            })
        });
        let out = picture.wrapping_add(add) & mask;
        let out_group = group.wrapping_add(add_group);
        // Ahead of the last one by less than half of all numbers.
        let is_newer = |(last, _)| out.wrapping_sub(last) & mask < mask / 2;
        if self.last.is_none_or(is_newer) {
            self.last = Some((out, out_group));
        }
        (out, out_group)
    }

    /// What to write over the descriptor of a packet of VP8; nothing where it has no such numbers.
    pub(super) fn vp8(&mut self, payload: &[u8]) -> Option<Vp8Patch> {
        let descriptor = Vp8Descriptor::parse(payload).ok()?;
        let picture = descriptor.picture_id()?;
        let group = descriptor.tl0_pic_idx();
        let (out, out_group) = self.go_on(picture, group.unwrap_or_default(), LONG);
        let patch = descriptor.patch().picture_id(out);
        match group {
            Some(_) => patch.tl0_pic_idx(out_group),
            None => patch,
        }
        .build()
        .ok()
    }

    /// A packet of VP9 with its numbers; none where they stay.
    pub(super) fn vp9(&mut self, payload: &[u8]) -> Option<Arc<[u8]>> {
        let descriptor = Vp9::parse(payload).ok()?;
        let picture = descriptor.picture_id?;
        let group = descriptor.tl0_pic_idx.unwrap_or_default();
        let is_long = payload.get(1)? & 0x80 != 0;
        let mask = if is_long { LONG } else { SHORT };
        let (out, out_group) = self.go_on(picture, group, mask);
        if (out, out_group) == (picture, group) {
            return None;
        }
        let mut payload = payload.to_vec();
        Vp9::renumber(&mut payload, out, out_group).ok()?;
        Some(payload.into())
    }

    /// A dependency descriptor with its number.
    pub(super) fn dependencies(&mut self, told: &RawDependencies) -> RawDependencies {
        let Some(number) = rtp::dependency::frame_number(&told.0) else {
            return told.clone();
        };
        let (out, _) = self.go_on(number, 0, u16::MAX);
        if out == number {
            return told.clone();
        }
        let mut data = told.0.to_vec();
        rtp::dependency::set_frame_number(&mut data, out);
        RawDependencies(data.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet with a long picture id and a group; some bytes of a frame.
    fn packet(picture: u16, group: u8) -> Vec<u8> {
        let [high, low] = (picture | 0x8000).to_be_bytes();
        vec![0x90, 0xe0, high, low, group, 0, 1, 2]
    }

    fn expected(picture: u16, group: u8) -> Option<Vp8Patch> {
        let any = packet(0, 0);
        let patch = Vp8Descriptor::parse(&any).unwrap().patch();
        patch.picture_id(picture).tl0_pic_idx(group).build().ok()
    }

    #[test]
    fn numbers_go_on_over_a_switch() {
        let mut pictures = Pictures::new();
        assert_eq!(pictures.vp8(&packet(0x7fff, 255)), expected(0x7fff, 255));
        assert_eq!(pictures.vp8(&packet(0, 0)), expected(0, 0));
        assert_eq!(pictures.vp8(&packet(0x7fff, 255)), expected(0x7fff, 255));
        pictures.switch();
        assert_eq!(pictures.vp8(&packet(500, 9)), expected(1, 1));
        assert_eq!(pictures.vp8(&packet(502, 10)), expected(3, 2));
        pictures.switch();
        assert_eq!(pictures.vp8(&packet(100, 77)), expected(4, 3));
        assert_eq!(pictures.vp8(&[0x10, 0]), None, "without numbers");
    }

    #[test]
    fn numbers_of_vp9_and_of_descriptors_go_on_too() {
        let mut pictures = Pictures::new();
        let packet = |picture: u16, group: u8| {
            let [high, low] = picture.to_be_bytes();
            vec![0xa8, high | 0x80, low, 0, group, 9, 9]
        };
        assert_eq!(pictures.vp9(&packet(0x7fff, 255)), None, "as it is");
        pictures.switch();
        let out = pictures.vp9(&packet(500, 9)).unwrap();
        assert_eq!(*out, packet(0, 0));
        let mut frames = Pictures::new();
        let told = |number: u16| {
            let [high, low] = number.to_be_bytes();
            RawDependencies([0xc1, high, low, 0x80][..].into())
        };
        assert_eq!(frames.dependencies(&told(0xffff)).0, told(0xffff).0);
        frames.switch();
        assert_eq!(frames.dependencies(&told(700)).0, told(0).0);
        assert_eq!(frames.dependencies(&told(702)).0, told(2).0);
    }
}
