//! Picture numbers of VP8 while the source of a section changes (RFC 7741 §4.2).

use str0m::rtp::{Vp8Descriptor, Vp8Patch};

/// Fifteen bits of picture id.
const PICTURES: u16 = 0x7fff;

/// Lets `PictureID` and `TL0PICIDX` go on over a switch: a decoder's reference finder takes a number that goes back for an old picture.
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

    /// What to write over a packet's descriptor; nothing where it has no such numbers.
    pub(super) fn next(&mut self, payload: &[u8]) -> Option<Vp8Patch> {
        let descriptor = Vp8Descriptor::parse(payload).ok()?;
        let picture = descriptor.picture_id()?;
        let group = descriptor.tl0_pic_idx();
        let (add, add_group) = *self.shift.get_or_insert_with(|| {
            self.last.map_or((0, 0), |(last, last_group)| {
                (
                    last.wrapping_add(1).wrapping_sub(picture) & PICTURES,
                    last_group
                        .wrapping_add(1)
                        .wrapping_sub(group.unwrap_or_default()),
                )
            })
        });
        let out = picture.wrapping_add(add) & PICTURES;
        let out_group = group.unwrap_or_default().wrapping_add(add_group);
        // Ahead of the last one by less than half of all numbers.
        let is_newer = |(last, _)| out.wrapping_sub(last) & PICTURES < PICTURES / 2;
        if self.last.is_none_or(is_newer) {
            self.last = Some((out, out_group));
        }
        let patch = descriptor.patch().picture_id(out);
        match group {
            Some(_) => patch.tl0_pic_idx(out_group),
            None => patch,
        }
        .build()
        .ok()
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
        assert_eq!(pictures.next(&packet(0x7fff, 255)), expected(0x7fff, 255));
        assert_eq!(pictures.next(&packet(0, 0)), expected(0, 0));
        assert_eq!(pictures.next(&packet(0x7fff, 255)), expected(0x7fff, 255));
        pictures.switch();
        assert_eq!(pictures.next(&packet(500, 9)), expected(1, 1));
        assert_eq!(pictures.next(&packet(502, 10)), expected(3, 2));
        pictures.switch();
        assert_eq!(pictures.next(&packet(100, 77)), expected(4, 3));
        assert_eq!(pictures.next(&[0x10, 0]), None, "without numbers");
    }
}
