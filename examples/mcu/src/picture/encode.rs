//! From pictures to access units of H.264, in the form that the whole house gives them.

use super::Picture;
use bytes::Bytes;
use h264::access_unit::Canonical;
use h264::nal::UnitType;
use h264::{DecoderConfig, annexb};
use openh264::encoder::{
    self, BitRate, Complexity, EncoderConfig, FrameRate, IntraFramePeriod, Profile,
    RateControlMode, UsageType,
};
use openh264::formats::YUVSlices;
use openh264::{OpenH264API, Timestamp};
use std::fmt;

/// What is encoded, and how well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Pixels per line.
    pub width: usize,
    /// Lines.
    pub height: usize,
    /// Pictures per second, at most.
    pub rate: u32,
    /// Bits per second.
    pub bitrate: u32,
    /// A keyframe after so many pictures; none: only when asked for.
    pub keyframes: Option<u32>,
}

/// An access unit.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// NAL units with a length of 4 bytes before each, without parameter sets.
    pub data: Bytes,
    /// Whether it is a keyframe.
    pub sync: bool,
}

/// Encodes one stream.
pub struct Encoder {
    settings: Settings,
    inner: Option<encoder::Encoder>,
    config: Option<DecoderConfig>,
    wants_keyframe: bool,
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Encoder {
    /// With these settings.
    #[must_use]
    pub const fn new(settings: Settings) -> Self {
        Self {
            settings,
            inner: None,
            config: None,
            wants_keyframe: false,
        }
    }

    /// Parameter sets, once there is a picture.
    #[must_use]
    pub const fn config(&self) -> Option<&DecoderConfig> {
        self.config.as_ref()
    }

    /// Makes the next picture a keyframe.
    pub const fn want_keyframe(&mut self) {
        self.wants_keyframe = true;
    }

    /// Encodes a picture, `time` in milliseconds; nothing, where the bits of the last ones leave no room for it.
    ///
    /// # Errors
    /// If the library does not take it; the next picture begins anew.
    pub fn encode(&mut self, picture: &Picture, time: u64) -> anyhow::Result<Option<Encoded>> {
        let encoded = self.try_encode(picture, time);
        if encoded.is_err() {
            self.inner = None;
        }
        encoded
    }

    fn try_encode(&mut self, picture: &Picture, time: u64) -> anyhow::Result<Option<Encoded>> {
        let inner = match &mut self.inner {
            Some(inner) => inner,
            none => none.insert(encoder::Encoder::with_api_config(
                OpenH264API::from_source(),
                config(&self.settings),
            )?),
        };
        if std::mem::take(&mut self.wants_keyframe) {
            inner.force_intra_frame();
        }
        let [y, u, v] = picture.planes();
        let (width, height) = (picture.width(), picture.height());
        let slices = YUVSlices::new((y, u, v), (width, height), (width, width / 2, width / 2));
        let stream = inner
            .encode_at(&slices, Timestamp::from_millis(time))?
            .to_vec();
        if stream.is_empty() {
            return Ok(None);
        }
        if self.config.is_none() {
            let of = |kind| annexb::nals(&stream).filter(move |nal| UnitType::of(nal) == kind);
            self.config = Some(DecoderConfig::from_parameter_sets(
                of(UnitType::Sps),
                of(UnitType::Pps),
            )?);
        }
        let Some(config) = &mut self.config else {
            anyhow::bail!("there are no parameter sets");
        };
        let unit = Canonical::from_annexb(stream, config);
        Ok(Some(Encoded {
            sync: unit.summary.is_sync(),
            data: unit.data,
        }))
    }
}

fn config(settings: &Settings) -> EncoderConfig {
    let keyframes = settings
        .keyframes
        .map_or(IntraFramePeriod::auto(), IntraFramePeriod::from_num_frames);
    EncoderConfig::new()
        .bitrate(BitRate::from_bps(settings.bitrate))
        .max_frame_rate(FrameRate::from_hz(settings.rate as f32))
        .usage_type(UsageType::CameraVideoRealTime)
        .rate_control_mode(RateControlMode::Bitrate)
        .profile(Profile::Baseline)
        .complexity(Complexity::Low)
        .intra_frame_period(keyframes)
        // One stream is one thread: there are several.
        .num_threads(1)
        .scene_change_detect(false)
        .adaptive_quantization(false)
        .background_detection(true)
}

#[cfg(test)]
mod tests {
    use super::super::Colour;
    use super::*;

    #[test]
    fn a_keyframe_comes_when_it_is_wanted() {
        let mut encoder = Encoder::new(Settings {
            width: 160,
            height: 96,
            rate: 25,
            bitrate: 200_000,
            keyframes: None,
        });
        let picture = Picture::new(160, 96, Colour::RED);
        let mut sync = Vec::new();
        for index in 0..40_u64 {
            if index == 30 {
                encoder.want_keyframe();
            }
            if encoder
                .encode(&picture, index * 40)
                .unwrap()
                .is_some_and(|unit| unit.sync)
            {
                sync.push(index);
            }
        }
        assert_eq!(sync, [0, 30]);
        let config = encoder.config().unwrap();
        let sps = config.first_sps().unwrap();
        assert_eq!((sps.width(), sps.height()), (160, 96));
        assert_eq!(config.profile(), 66);
    }

    #[test]
    fn keyframes_come_by_themselves_where_segments_need_them() {
        let mut encoder = Encoder::new(Settings {
            width: 160,
            height: 96,
            rate: 25,
            bitrate: 200_000,
            keyframes: Some(10),
        });
        let picture = Picture::new(160, 96, Colour::RED);
        let sync = (0..25_u64).filter(|index| {
            encoder
                .encode(&picture, index * 40)
                .unwrap()
                .is_some_and(|unit| unit.sync)
        });
        assert_eq!(sync.collect::<Vec<_>>(), [0, 10, 20]);
    }
}
