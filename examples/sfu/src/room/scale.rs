//! Streams that carry several layers in one (SVC): of which layer a packet is, and what its frame needs. VP9 tells it in front of each
//! payload (RFC 9628 §4.2), AV1 in an extension of the header (RTP Payload Format For AV1, appendix A).

use super::layers::Offer;
use super::packet::Packet;
use super::track::{Meter, SILENT};
use rtp::dependency::{Descriptor as Dependencies, Structure};
use rtp::payload::vp9::Descriptor as Vp9;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use str0m::format::Codec;
use str0m::rtp::{ExtensionSerializer, ExtensionValues};

/// Frames that one frame needs, as far as anybody makes them.
const NEEDS: usize = 8;

/// The data of a dependency descriptor.
#[derive(Debug, Clone)]
pub(crate) struct RawDependencies(pub(crate) Arc<[u8]>);

/// Carries dependency descriptors as they are.
#[derive(Debug)]
pub(super) struct RawDependenciesSerializer;

impl ExtensionSerializer for RawDependenciesSerializer {
    fn write_to(&self, buffer: &mut [u8], values: &ExtensionValues) -> usize {
        let Some(RawDependencies(data)) = values.user_values.get() else {
            return 0;
        };
        let Some(place) = buffer.get_mut(..data.len()) else {
            return 0;
        };
        place.copy_from_slice(data);
        data.len()
    }

    fn parse_value(&self, data: &[u8], values: &mut ExtensionValues) -> bool {
        values.user_values.set(RawDependencies(data.into()));
        true
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }

    fn requires_two_byte_form(&self, values: &ExtensionValues) -> bool {
        let data = values.user_values.get::<RawDependencies>();
        data.is_some_and(|RawDependencies(data)| data.len() > 16)
    }
}

/// What a packet is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) spatial: u8,
    pub(super) temporal: u8,
    /// Names its frame, which is the picture in one size.
    pub(super) frame: u32,
    /// Whether it is the last one of its frame.
    pub(super) ends: bool,
    /// The frames that its frame needs.
    needs: [Option<u32>; NEEDS],
    /// Whether these are not known: then who had less temporal layers may have more only where `up` says so.
    pub(super) vague: bool,
    pub(super) up: bool,
}

impl Part {
    pub(super) fn needs(&self) -> impl Iterator<Item = u32> {
        self.needs.into_iter().flatten()
    }

    /// The same part of a frame that comes so many frames later.
    #[cfg(test)]
    pub(super) fn later(mut self, frames: u32) -> Self {
        self.frame += frames;
        for needed in self.needs.iter_mut().flatten() {
            *needed += frames;
        }
        self
    }
}

/// What is known of the layers of a stream.
#[derive(Debug, Default)]
pub(super) struct Scale {
    structure: Option<Structure>,
    heights: Vec<u32>,
    /// By spatial and temporal layer: the rate, and when it was heard.
    heard: BTreeMap<(u8, u8), (Meter, Instant)>,
}

impl Scale {
    /// Looks at a packet; none where it tells of no layers.
    pub(super) fn part(&mut self, codec: Codec, packet: &Packet) -> Option<Part> {
        match codec {
            Codec::Vp9 => self.vp9(&packet.payload),
            Codec::Av1 => self.av1(&packet.values.user_values.get::<RawDependencies>()?.0),
            _ => None,
        }
    }

    /// Height of the largest size, where it is known.
    pub(super) fn height(&self) -> Option<u32> {
        self.heights.last().copied()
    }

    fn vp9(&mut self, payload: &[u8]) -> Option<Part> {
        let descriptor = Vp9::parse(payload).ok()?;
        let (spatial, below) = descriptor.spatial_layer?;
        let (temporal, up) = descriptor.temporal_layer?;
        let picture = descriptor.picture_id?;
        if descriptor.sizes[0].1 > 0 {
            let heights = descriptor
                .sizes
                .iter()
                .map(|(_, height)| u32::from(*height));
            self.heights = heights.take_while(|height| *height > 0).collect();
        }
        // Both 7 and 15 bits of picture id wrap where nobody needs them any more.
        let frame = |picture: u16, spatial: u8| u32::from(picture) << 3 | u32::from(spatial);
        let mut needs = [None; NEEDS];
        let references = descriptor.references.iter().filter(|back| **back > 0);
        for (place, back) in needs.iter_mut().zip(references) {
            let picture = picture.wrapping_sub(u16::from(*back)) & 0x7fff;
            *place = Some(frame(picture, spatial));
        }
        if below && let Some(below) = spatial.checked_sub(1) {
            needs[NEEDS - 1] = Some(frame(picture, below));
        }
        Some(Part {
            spatial,
            temporal,
            frame: frame(picture, spatial),
            ends: descriptor.end_of_frame,
            needs,
            vague: descriptor.inter_picture && !Vp9::is_flexible(payload),
            up,
        })
    }

    fn av1(&mut self, data: &[u8]) -> Option<Part> {
        let told = Dependencies::parse(data, self.structure.as_ref()).ok()?;
        let mut needs = [None; NEEDS];
        for (place, back) in needs.iter_mut().zip(&told.frame.frame_diffs) {
            *place = Some(told.frame_number.wrapping_sub(*back).into());
        }
        if let Some(structure) = told.structure {
            let heights = structure.resolutions.iter().map(|(_, height)| *height);
            self.heights = heights.collect();
            self.structure = Some(structure);
        }
        Some(Part {
            spatial: told.frame.spatial_id,
            temporal: told.frame.temporal_id,
            frame: told.frame_number.into(),
            ends: told.end_of_frame,
            needs,
            vague: false,
            up: false,
        })
    }

    pub(super) fn hear(&mut self, part: &Part, bytes: usize, now: Instant) {
        let entry = self.heard.entry((part.spatial, part.temporal));
        let (meter, heard) = entry.or_insert_with(|| (Meter::new(now), now));
        meter.add(bytes, now);
        *heard = now;
    }

    /// What can be sent of it: the smallest size at its lowest and at its full rate of pictures, then the larger ones, each with those below.
    /// Nothing where there are no layers.
    pub(super) fn ladder(&self, now: Instant) -> Vec<((u8, u8), Offer)> {
        let fresh = |heard: Instant| now.saturating_duration_since(heard) < SILENT;
        let there: Vec<_> = self
            .heard
            .iter()
            .filter(|(_, (_, heard))| fresh(*heard))
            .map(|(layer, (meter, _))| (*layer, meter.rate(now)))
            .collect();
        if there.len() < 2 {
            return Vec::new();
        }
        let mut ladder: Vec<((u8, u8), Offer)> = Vec::new();
        let mut rate = 0;
        for (layer, own) in there {
            rate += own;
            let known = self.heights.get(usize::from(layer.0));
            let offer = Offer {
                rate,
                height: known.copied().unwrap_or_default(),
            };
            let is_first = ladder.len() == 1;
            match ladder.last_mut() {
                // More pictures of that size. The least of the smallest fills no tile: one goes on from there where there is room.
                Some((last, before)) if last.0 == layer.0 && is_first => {
                    before.height = 1;
                    ladder.push((layer, offer));
                }
                Some(last) if last.0.0 == layer.0 => *last = (layer, offer),
                _ => ladder.push((layer, offer)),
            }
        }
        ladder
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn scale(layers: &[(u8, u8)], start: Instant) -> Scale {
        let mut scale = Scale {
            heights: vec![90, 180, 360],
            ..Scale::default()
        };
        for step in 0..100 {
            let now = start + Duration::from_millis(step * 20);
            for &(spatial, temporal) in layers {
                let part = Part {
                    spatial,
                    temporal,
                    frame: 0,
                    ends: true,
                    needs: [None; NEEDS],
                    vague: false,
                    up: false,
                };
                scale.hear(&part, 1000, now);
            }
        }
        scale
    }

    #[test]
    fn each_step_of_the_ladder_has_those_below() {
        let start = Instant::now();
        let all = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0), (2, 2)];
        let scale = scale(&all, start);
        let now = start + Duration::from_secs(2);
        let ladder = scale.ladder(now);
        let steps: Vec<_> = ladder
            .iter()
            .map(|(layer, offer)| (*layer, offer.height))
            .collect();
        assert_eq!(
            steps,
            [((0, 0), 1), ((0, 2), 90), ((1, 1), 180), ((2, 2), 360)]
        );
        let own = ladder[0].1.rate;
        let times: Vec<_> = ladder.iter().map(|(_, offer)| offer.rate / own).collect();
        assert_eq!(times, [1, 3, 5, 7]);
        assert!(scale.ladder(now + SILENT).is_empty(), "nothing comes");
    }

    #[test]
    fn a_stream_of_one_layer_has_no_ladder() {
        let start = Instant::now();
        let scale = scale(&[(0, 0)], start);
        assert!(scale.ladder(start + Duration::from_secs(2)).is_empty());
    }
}
