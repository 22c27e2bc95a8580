//! From access units of H.264 to pictures.

use super::super::Picture;
use h264::{DecoderConfig, annexb, length_prefixed};
use media::{Flags, Sample};
use openh264::OpenH264API;
use openh264::decoder::{self, DecodeOptions, Flush};
use openh264::formats::YUVSource;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;

/// Most pictures whose times are waited for: the depth of a decoder's buffer.
const REORDER: usize = 17;

/// Decodes one stream, and shows nothing that is broken: after a loss it waits for a keyframe.
pub struct H264 {
    config: DecoderConfig,
    inner: Option<decoder::Decoder>,
    /// Nothing can be shown until a keyframe comes.
    waits: bool,
    /// Pictures come in another order than they are shown in.
    reorders: bool,
    /// When the pictures that are still to come are shown.
    times: BinaryHeap<Reverse<i64>>,
    annexb: Vec<u8>,
}

impl fmt::Debug for H264 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("H264")
            .field("waits", &self.waits)
            .field("reorders", &self.reorders)
            .finish_non_exhaustive()
    }
}

impl H264 {
    /// For a stream with these parameter sets.
    #[must_use]
    pub fn new(config: DecoderConfig) -> Self {
        Self {
            config,
            inner: None,
            waits: true,
            reorders: false,
            times: BinaryHeap::new(),
            annexb: Vec::new(),
        }
    }

    /// Other parameter sets: they go before the next keyframe.
    pub fn set_config(&mut self, config: DecoderConfig) {
        self.config = config;
    }

    /// Whether a keyframe is needed to go on.
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.waits
    }

    /// Forgets all: what comes next is to be a keyframe.
    pub fn reset(&mut self) {
        self.waits = true;
        self.inner = None;
        self.times.clear();
    }

    /// Decodes an access unit, and gives a picture with the time at which it is to be shown (PTS), if one is complete.
    pub fn decode(&mut self, sample: &Sample) -> Option<(i64, Picture)> {
        let sync = sample.is_sync();
        if sample.flags.contains(Flags::GAP) && !sync {
            self.reset();
        }
        if self.waits && !sync {
            return None;
        }
        self.reorders |= sample.pts != sample.dts;
        match self.try_decode(sample, sync) {
            Ok(picture) => {
                self.waits = false;
                picture
            }
            Err(error) => {
                tracing::debug!("a picture cannot be decoded: {error}");
                self.reset();
                None
            }
        }
    }

    fn try_decode(
        &mut self,
        sample: &Sample,
        sync: bool,
    ) -> Result<Option<(i64, Picture)>, openh264::Error> {
        let inner = match &mut self.inner {
            Some(inner) => inner,
            none => none.insert(decoder::Decoder::with_api_config(
                OpenH264API::from_source(),
                decoder::DecoderConfig::new(),
            )?),
        };
        self.annexb.clear();
        if sync {
            for nal in self.config.sps().chain(self.config.pps()) {
                annexb::push(nal, &mut self.annexb);
            }
        }
        for nal in length_prefixed::nals(&sample.data, 4).flatten() {
            annexb::push(nal, &mut self.annexb);
        }
        if self.times.len() >= REORDER {
            self.times.pop();
        }
        self.times.push(Reverse(sample.pts));
        let flush = match self.reorders {
            true => Flush::NoFlush,
            false => Flush::Flush,
        };
        let options = DecodeOptions::new().flush_after_decode(flush);
        let Some(yuv) = inner.decode_with_options(&self.annexb, options)? else {
            return Ok(None);
        };
        let (strides, planes) = (yuv.strides(), [yuv.y(), yuv.u(), yuv.v()]);
        let strides = [strides.0, strides.1, strides.2];
        let picture = Picture::from_planes(yuv.dimensions(), planes, strides);
        let time = self.times.pop().map_or(sample.pts, |Reverse(time)| time);
        Ok(picture.map(|picture| (time, picture)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Colour;
    use super::super::super::encode::{Encoder, Settings};
    use super::*;
    use media::TrackId;

    /// So many pictures, each a little brighter.
    fn film(count: usize) -> (DecoderConfig, Vec<Sample>) {
        let mut encoder = Encoder::new(Settings {
            width: 320,
            height: 180,
            rate: 25,
            bitrate: 500_000,
            keyframes: None,
        });
        let samples = (0..count).map(|index| {
            let luma = 40 + 4 * u8::try_from(index).unwrap();
            let picture = Picture::new(320, 180, Colour::new(luma, 100, 180));
            let encoded = encoder
                .encode(&picture, 40 * index as u64)
                .unwrap()
                .unwrap();
            Sample {
                track: TrackId(1),
                dts: index as i64,
                pts: index as i64,
                duration: None,
                flags: Flags::SYNC.when(encoded.sync),
                data: encoded.data,
            }
        });
        let samples = samples.collect();
        (encoder.config().unwrap().clone(), samples)
    }

    #[test]
    fn pictures_come_as_they_went() {
        let (config, samples) = film(10);
        assert!(samples[0].is_sync() && !samples[1].is_sync());
        let mut decoder = H264::new(config);
        for (index, sample) in samples.iter().enumerate() {
            let (time, picture) = decoder.decode(sample).unwrap();
            assert_eq!(
                (time, picture.width(), picture.height()),
                (index as i64, 320, 180)
            );
            let colour = picture.at(100, 100);
            assert!(
                colour.y.abs_diff(40 + 4 * index as u8) <= 4,
                "{index}: {colour:?}"
            );
        }
    }

    #[test]
    fn after_a_loss_nothing_is_shown_until_a_keyframe() {
        let (config, mut samples) = film(6);
        let mut decoder = H264::new(config);
        assert!(decoder.waits());
        assert!(
            decoder.decode(&samples[1]).is_none(),
            "it began in the middle"
        );
        assert!(decoder.decode(&samples[0]).is_some());
        samples[3].flags = Flags::GAP;
        assert!(decoder.decode(&samples[3]).is_none());
        assert!(decoder.waits());
        assert!(decoder.decode(&samples[4]).is_none());
        assert!(decoder.decode(&samples[0]).is_some());
        assert!(!decoder.waits());
        // What is no H.264 at all is no reason to end.
        let mut wrong = samples[0].clone();
        wrong.data = vec![0, 0, 0, 4, 0x65, 1, 2, 3].into();
        decoder.decode(&wrong);
        assert!(decoder.decode(&samples[0]).is_some());
    }
}
