//! The dependency descriptor (RTP Payload Format For AV1, appendix A): which layer a frame is of, and which frames it needs. It stands in an
//! element of the header extension ([`URI`](crate::extension::DEPENDENCY_DESCRIPTOR_URI)), so that it can be read of any codec, and of frames
//! that are encrypted.
//!
//! ```text
//! S E template(6) | frame_number(16)                       every packet
//! structure, active, dtis, fdiffs, chains: present (5 × 1) where there are more than three bytes
//! structure | active_decode_targets_bitmask | custom dtis, fdiffs, chains
//! ```

use crate::Error;
use alloc::vec::Vec;
use wire::BitReader;

/// Templates that a structure can have: `frame_dependency_template_id` has 6 bits.
const TEMPLATES: usize = 64;
/// Frames that a frame can need, as far as anybody makes them.
const DIFFERENCES: usize = 32;

/// What a frame is to those who want a decode target (A.8.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indication {
    /// No part of it.
    NotPresent,
    /// A part that nothing else needs.
    Discardable,
    /// A part from which on one can go on with this target.
    Switch,
    /// A part that others need.
    Required,
}

impl Indication {
    const fn of(bits: u8) -> Self {
        match bits {
            0 => Self::NotPresent,
            1 => Self::Discardable,
            2 => Self::Switch,
            _ => Self::Required,
        }
    }
}

/// What many frames have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The spatial layer, 0 is the smallest.
    pub spatial_id: u8,
    /// The temporal layer, 0 is the slowest.
    pub temporal_id: u8,
    /// What it is to each decode target.
    pub indications: Vec<Indication>,
    /// How many frames back those are that it needs.
    pub frame_diffs: Vec<u16>,
}

/// `template_dependency_structure`: comes with keyframes, and is needed to read what comes after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure {
    /// `template_id_offset`, 6 bits: the id of the first template.
    pub template_id_offset: u8,
    /// `DtCnt`: 1 to 32.
    pub decode_targets: u8,
    /// One or more, by their id.
    pub templates: Vec<Template>,
    /// `chain_cnt`: so many chains there are.
    pub chains: u8,
    /// Largest width and height of each spatial layer; empty where it does not tell.
    pub resolutions: Vec<(u32, u32)>,
}

/// What stands in a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// `start_of_frame`: the packet is the first one of its frame.
    pub start_of_frame: bool,
    /// `end_of_frame`: it is the last one.
    pub end_of_frame: bool,
    /// `frame_number`: counts frames in coding order, and wraps.
    pub frame_number: u16,
    /// What comes new with this frame.
    pub structure: Option<Structure>,
    /// `active_decode_targets_bitmask`, where it is told: those that the sender makes from here on.
    pub active_decode_targets: Option<u32>,
    /// Its template, with what is its own in place.
    pub frame: Template,
}

impl Descriptor {
    /// Reads the data of an element; `known` is the structure that came last.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early, [`Error::Invalid`] where it names a template that there is not.
    pub fn parse(data: &[u8], known: Option<&Structure>) -> Result<Self, Error> {
        let mut r = Reader(BitReader::new(data));
        let start_of_frame = r.flag("start_of_frame")?;
        let end_of_frame = r.flag("end_of_frame")?;
        let template = r.bits(6, "frame_dependency_template_id")?;
        let frame_number = r.bits16("frame_number")?;
        let [
            mut has_structure,
            mut has_active,
            mut has_dtis,
            mut has_fdiffs,
        ] = [false; 4];
        if data.len() > 3 {
            has_structure = r.flag("template_dependency_structure_present_flag")?;
            has_active = r.flag("active_decode_targets_present_flag")?;
            has_dtis = r.flag("custom_dtis_flag")?;
            has_fdiffs = r.flag("custom_fdiffs_flag")?;
            r.flag("custom_chains_flag")?;
        }
        let structure = match has_structure {
            true => Some(r.structure()?),
            false => None,
        };
        let unknown = || Error::Invalid {
            field: "frame_dependency_template_id",
            value: template.into(),
            offset: 0,
        };
        let current = structure.as_ref().or(known).ok_or_else(unknown)?;
        let active_decode_targets = match has_active {
            true => Some(
                r.0.bits(
                    current.decode_targets.into(),
                    "active_decode_targets_bitmask",
                )
                .map_err(short)?,
            ),
            false => None,
        };
        let index = template.wrapping_sub(current.template_id_offset) & 63;
        let mut frame = current
            .templates
            .get(usize::from(index))
            .ok_or_else(unknown)?
            .clone();
        if has_dtis {
            frame.indications = r.indications(current.decode_targets)?;
        }
        if has_fdiffs {
            frame.frame_diffs = r.frame_diffs()?;
        }
        Ok(Self {
            start_of_frame,
            end_of_frame,
            frame_number,
            structure,
            active_decode_targets,
            frame,
        })
    }
}

/// The frame's number in the data of an element.
#[must_use]
pub const fn frame_number(data: &[u8]) -> Option<u16> {
    match data {
        [_, high, low, ..] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

/// Puts another number into the data of an element, for streams that are made of several: those that a frame needs are told as differences.
pub const fn set_frame_number(data: &mut [u8], number: u16) {
    if let [_, high, low, ..] = data {
        [*high, *low] = number.to_be_bytes();
    }
}

/// In whole bytes, as other errors tell it.
fn short(short: wire::ShortBits) -> Error {
    let bytes = |bits: u64| usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX);
    let offset = usize::try_from(short.bit / 8).unwrap_or(usize::MAX);
    crate::packet::short(short.what, offset, bytes(short.needed), bytes(short.left))
}

struct Reader<'a>(BitReader<'a>);

impl Reader<'_> {
    fn flag(&mut self, what: &'static str) -> Result<bool, Error> {
        self.0.bit(what).map_err(short)
    }

    fn bits(&mut self, count: u32, what: &'static str) -> Result<u8, Error> {
        self.0.bits8(count, what).map_err(short)
    }

    fn bits16(&mut self, what: &'static str) -> Result<u16, Error> {
        self.0.bits16(16, what).map_err(short)
    }

    /// `ns(n)`: one of `n` values (A.8.2).
    fn below(&mut self, n: u8, what: &'static str) -> Result<u8, Error> {
        let Some(width) = n.checked_ilog2() else {
            return Ok(0);
        };
        // Of less than 33 values: 6 bits at most.
        let few = (2_u8 << width).saturating_sub(n);
        let value = self.bits(width, what)?;
        if value < few {
            return Ok(value);
        }
        let more = self.bits(1, what)?;
        Ok((value << 1).saturating_sub(few).saturating_add(more))
    }

    fn indications(&mut self, decode_targets: u8) -> Result<Vec<Indication>, Error> {
        (0..decode_targets)
            .map(|_| Ok(Indication::of(self.bits(2, "dti")?)))
            .collect()
    }

    /// `frame_fdiffs` (A.8.2.4).
    fn frame_diffs(&mut self) -> Result<Vec<u16>, Error> {
        let mut diffs = Vec::new();
        loop {
            let size = self.bits(2, "next_fdiff_size")?;
            if size == 0 {
                return Ok(diffs);
            }
            let diff = self
                .0
                .bits16(u32::from(size) * 4, "fdiff_minus_one")
                .map_err(short)?;
            push(&mut diffs, diff)?;
        }
    }

    /// `template_dependency_structure` (A.8.2.2).
    fn structure(&mut self) -> Result<Structure, Error> {
        let template_id_offset = self.bits(6, "template_id_offset")?;
        let decode_targets = self.bits(5, "dt_cnt_minus_one")?.saturating_add(1);
        let mut templates = Vec::new();
        let (mut spatial_id, mut temporal_id) = (0_u8, 0_u8);
        loop {
            if templates.len() >= TEMPLATES {
                return Err(Error::Limit {
                    limit: "templates",
                    max: TEMPLATES as u64,
                });
            }
            templates.push(Template {
                spatial_id,
                temporal_id,
                indications: Vec::new(),
                frame_diffs: Vec::new(),
            });
            match self.bits(2, "next_layer_idc")? {
                0 => {}
                1 => temporal_id = temporal_id.saturating_add(1),
                2 => (spatial_id, temporal_id) = (spatial_id.saturating_add(1), 0),
                _ => break,
            }
        }
        for template in &mut templates {
            template.indications = self.indications(decode_targets)?;
        }
        for template in &mut templates {
            while self.flag("fdiff_follows_flag")? {
                let diff = self.bits(4, "fdiff_minus_one")?;
                push(&mut template.frame_diffs, diff.into())?;
            }
        }
        let chains = self.below(decode_targets.saturating_add(1), "chain_cnt")?;
        if chains > 0 {
            for _ in 0..decode_targets {
                self.below(chains, "decode_target_protected_by")?;
            }
            let all = u64::from(chains).saturating_mul(templates.len() as u64);
            self.0
                .skip(all.saturating_mul(4), "template_chain_fdiff")
                .map_err(short)?;
        }
        let mut resolutions = Vec::new();
        if self.flag("resolutions_present_flag")? {
            for _ in 0..=spatial_id {
                let width = self.bits16("max_render_width_minus_1")?;
                let height = self.bits16("max_render_height_minus_1")?;
                resolutions.push((u32::from(width) + 1, u32::from(height) + 1));
            }
        }
        Ok(Structure {
            template_id_offset,
            decode_targets,
            templates,
            chains,
            resolutions,
        })
    }
}

/// `fdiff_minus_one` as the number of frames.
fn push(diffs: &mut Vec<u16>, minus_one: u16) -> Result<(), Error> {
    if diffs.len() >= DIFFERENCES {
        return Err(Error::Limit {
            limit: "frame differences",
            max: DIFFERENCES as u64,
        });
    }
    diffs.push(minus_one.saturating_add(1));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// Of a keyframe of Chromium's L2T3_KEY at 640 × 360.
    const KEY: &[u8] = b"\xc0\x00\x01\x80\x05\x14\x85\x3a\xaa\xa8\x01\x80\x04\x00\x40\x02\xa0\x2a\x00\x60\x01\x00\x15\xd3\
        \x45\x14\x17\x4d\x14\x4c\x70\x08\x74\x32\x16\x51\x11\x85\x43\x27\x68\x09\xf8\x05\x98\x13\xf8\x0b\x38";

    #[test]
    fn a_structure_tells_layers_and_sizes() {
        let key = Descriptor::parse(KEY, None).unwrap();
        assert!(key.start_of_frame && key.end_of_frame);
        assert_eq!(key.frame_number, 1);
        let structure = key.structure.unwrap();
        assert_eq!((structure.decode_targets, structure.chains), (6, 2));
        assert_eq!(structure.resolutions, [(320, 180), (640, 360)]);
        let layers = structure
            .templates
            .iter()
            .map(|t| (t.spatial_id, t.temporal_id));
        let highest = layers.max();
        assert_eq!(highest, Some((1, 2)));
        assert_eq!(key.frame.indications, vec![Indication::Switch; 6]);
        assert!(key.frame.frame_diffs.is_empty());
        // What came after it: spatial and temporal layer, and what is needed.
        for (data, layer, diffs) in [
            ([0xc5, 0, 2], (1, 0), &[1][..]),
            ([0xc3, 0, 3], (0, 2), &[2]),
            ([0xc8, 0, 4], (1, 2), &[2]),
            ([0xc2, 0, 5], (0, 1), &[4]),
            ([0xc1, 0, 9], (0, 0), &[8]),
        ] {
            let told = Descriptor::parse(&data, Some(&structure)).unwrap();
            assert_eq!((told.frame.spatial_id, told.frame.temporal_id), layer);
            assert_eq!(told.frame.frame_diffs, diffs, "{data:x?}");
        }
        let unknown = Descriptor::parse(&[0xff, 0, 2], Some(&structure));
        assert!(matches!(unknown, Err(Error::Invalid { value: 63, .. })));
    }

    #[test]
    fn what_is_a_frames_own_goes_before_its_template() {
        let structure = Descriptor::parse(KEY, None).unwrap().structure.unwrap();
        // Active targets 110000; indications of six; a difference of 5 in four bits and one of 18 in eight.
        let data = [0x81, 0, 9, 0x76, 0x07, 0x62, 0xa4, 0x22, 0x00];
        let told = Descriptor::parse(&data, Some(&structure)).unwrap();
        assert_eq!(told.active_decode_targets, Some(0b11_0000));
        use Indication::{Discardable, NotPresent, Required, Switch};
        assert_eq!(
            told.frame.indications,
            [
                NotPresent,
                Required,
                Switch,
                Required,
                NotPresent,
                Discardable
            ]
        );
        assert_eq!(told.frame.frame_diffs, [5, 18]);
    }

    #[test]
    fn descriptors_cut_anywhere_are_refused_or_shorter() {
        for end in 0..KEY.len() - 1 {
            let cut = Descriptor::parse(&KEY[..end], None);
            assert!(cut.is_err(), "{end}: {cut:?}");
        }
    }

    #[test]
    fn numbers_are_put_in_place() {
        let mut data = KEY.to_vec();
        set_frame_number(&mut data, 0xABCD);
        assert_eq!(frame_number(&data), Some(0xABCD));
        assert_eq!(data[3..], KEY[3..]);
        assert_eq!(frame_number(&[1, 2]), None);
    }
}
