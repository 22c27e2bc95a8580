//! Frames of payload formats to samples in the form of their codec.

use super::decode_order::DecodeOrder;
use super::hevc;
use crate::format::transport_stream;
use crate::payload::{Frame, Layout};
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::Bytes;
use core::num::NonZeroU32;
use h264::access_unit::Canonical;
use media::codec::{Av1, Hevc, MpegAudio, MpegVideo, Vp};
use media::{Codec, Flags, Timescale};

/// A sample, with its time from that of its frame.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) ticks: i64,
    /// Ticks that it is decoded before it is shown.
    pub(super) reorder: i64,
    pub(super) duration: Option<NonZeroU32>,
    pub(super) flags: Flags,
    pub(super) data: Bytes,
}

/// What a frame becomes.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// The codec, where it is new or has changed.
    pub(super) codec: Option<Codec>,
    pub(super) units: Vec<Unit>,
    pub(super) error: Option<Cow<'static, str>>,
}

/// Makes samples of the frames of one stream.
#[derive(Debug)]
pub(super) struct Converter {
    layout: Layout,
    clock_rate: Timescale,
    codec: Option<Codec>,
    hevc_sets: Vec<Bytes>,
    latm: Option<aac::latm::Reader>,
    order: DecodeOrder,
}

/// Parameter sets that are kept: more than any stream has.
const MOST_SETS: usize = 128;

impl Converter {
    pub(super) fn new(layout: Layout, clock_rate: Timescale, codec: Option<Codec>) -> Self {
        let latm = (layout == Layout::Latm).then(|| match &codec {
            Some(Codec::Aac(config)) => {
                aac::latm::Reader::out_of_band(aac::latm::StreamMuxConfig::new(config.clone()))
            }
            _ => aac::latm::Reader::in_band(),
        });
        let hevc_sets = match &codec {
            Some(Codec::Hevc(config)) => config.nals().map(Bytes::copy_from_slice).collect(),
            _ => Vec::new(),
        };
        let codec = match layout {
            Layout::Mp2t => Some(transport_stream()),
            Layout::Klv => Some(Codec::Klv),
            _ => codec,
        };
        Self {
            layout,
            clock_rate,
            codec,
            hevc_sets,
            latm,
            order: DecodeOrder::new(clock_rate),
        }
    }

    /// With the configuration of the stream's LATM elements, as `config=` tells it.
    pub(super) fn with_latm(mut self, config: Option<aac::latm::StreamMuxConfig>) -> Self {
        if let (Layout::Latm, Some(config)) = (self.layout, config) {
            self.codec = config
                .layers
                .first()
                .map(|layer| Codec::Aac(layer.config.clone()));
            self.latm = Some(aac::latm::Reader::out_of_band(config));
        }
        self
    }

    pub(super) const fn codec(&self) -> Option<&Codec> {
        self.codec.as_ref()
    }

    /// The stream starts again.
    pub(super) fn restart(&mut self) {
        self.order = DecodeOrder::new(self.clock_rate);
    }

    pub(super) fn convert(&mut self, frame: Frame, pts: i64) -> Given {
        let mut given = Given::default();
        match self.layout {
            Layout::H264 { .. } => self.h264(frame.data, pts, &mut given),
            Layout::H265 { .. } => self.h265(&frame.data, pts, &mut given),
            Layout::Latm => self.latm(&frame.data, &mut given),
            Layout::Ac3 | Layout::Eac3 => self.dolby(&frame.data, &mut given),
            Layout::MpegAudio => self.mpeg_audio(&frame.data, &mut given),
            Layout::MpegVideo => self.mpeg_video(frame.data, pts, &mut given),
            Layout::Vp8 => {
                let config = Vp::from_vp8(&frame.data).map(Codec::Vp8);
                self.picture(config, frame.data, &mut given);
            }
            Layout::Vp9 => {
                let config = Vp::from_vp9(&frame.data).map(Codec::Vp9);
                self.picture(config, frame.data, &mut given);
            }
            Layout::Av1 => {
                let config = Av1::from_temporal_unit(&frame.data).unwrap_or_else(|error| {
                    given.error = Some(error.to_string().into());
                    None
                });
                self.picture(config.map(Codec::Av1), frame.data, &mut given);
            }
            Layout::Mpeg4Generic(_) | Layout::Opus | Layout::Pcm { .. } => {
                self.sound(frame.data, &mut given);
            }
            Layout::Mp2t | Layout::Klv => given.units.push(whole(frame.data, Flags::SYNC)),
        }
        given
    }

    fn set(&mut self, codec: Codec, given: &mut Given) {
        if self.codec.as_ref() != Some(&codec) {
            self.codec = Some(codec.clone());
            given.codec = Some(codec);
        }
    }

    fn h264(&mut self, data: Bytes, pts: i64, given: &mut Given) {
        let mut config = match &self.codec {
            Some(Codec::H264(config)) => config.clone(),
            _ => h264::DecoderConfig::default(),
        };
        let unit = Canonical::from_length_prefixed(&data, 4, &mut config);
        let (summary, reconfigured) = (unit.summary, unit.reconfigured);
        given.error = unit.error.map(|error| error.to_string().into());
        let owned = match unit.data {
            Cow::Borrowed(_) => None,
            Cow::Owned(owned) => Some(owned),
        };
        let data = owned.map_or(data, Bytes::from);
        if config.first_sps().is_none() {
            given
                .error
                .get_or_insert("a picture before the first parameter sets is left out".into());
            return;
        }
        let depth = config.first_sps().and_then(|sps| {
            let restriction = sps.vui.as_ref()?.bitstream_restriction.as_ref()?;
            Some(restriction.max_num_reorder_frames)
        });
        let rate = config.first_sps().and_then(h264::Sps::frame_rate);
        if reconfigured || self.codec.is_none() {
            self.set(Codec::H264(config), given);
        }
        if data.is_empty() {
            return;
        }
        let duration = rate.map(|rate| (rate.num, rate.den));
        let dts = self.order.decode(pts, depth, duration);
        given.units.push(Unit {
            ticks: 0,
            reorder: pts.saturating_sub(dts),
            duration: None,
            flags: Flags::SYNC.when(summary.is_sync()) | Flags::DISPOSABLE.when(!summary.reference),
            data,
        });
    }

    fn h265(&mut self, data: &[u8], pts: i64, given: &mut Given) {
        let mut out = Vec::with_capacity(data.len());
        let mut changed = false;
        for nal in h264::length_prefixed::nals(data, 4).flatten() {
            match hevc::kind(nal) {
                // Parameter sets; delimiters and filler go.
                32..=34 => changed |= self.keep(nal),
                35 | 38 => {}
                _ => {
                    if let Err(error) = h264::length_prefixed::push(nal, &mut out) {
                        given.error = Some(error.to_string().into());
                    }
                }
            }
        }
        if changed {
            let sets: Vec<&[u8]> = self.hevc_sets.iter().map(|set| &**set).collect();
            match Hevc::from_parameter_sets(&sets) {
                Ok(config) => self.set(Codec::Hevc(config), given),
                Err(_) if sets.len() < 3 => {}
                Err(error) => given.error = Some(error.to_string().into()),
            }
        }
        let Some(Codec::Hevc(config)) = &self.codec else {
            given
                .error
                .get_or_insert("a picture before the first parameter sets is left out".into());
            return;
        };
        if !out.is_empty() {
            let flags = Flags::SYNC.when(config.is_sync(&out));
            let mut sets = self.hevc_sets.iter();
            let sps = sets.find(|set| hevc::kind(set) == 33);
            let depth = sps.and_then(|sps| hevc::reorder_depth(sps));
            let dts = self.order.decode(pts, depth, None);
            given.units.push(Unit {
                reorder: pts.saturating_sub(dts),
                ..whole(out.into(), flags)
            });
        }
    }

    /// Keeps a parameter set of H.265; tells whether it is a new one.
    fn keep(&mut self, nal: &[u8]) -> bool {
        let room = self.hevc_sets.len() < MOST_SETS;
        let known = self
            .hevc_sets
            .iter_mut()
            .find(|set| hevc::key(set) == hevc::key(nal));
        match known {
            Some(set) if **set == *nal => false,
            Some(set) => {
                *set = Bytes::copy_from_slice(nal);
                true
            }
            None if room => {
                self.hevc_sets.push(Bytes::copy_from_slice(nal));
                true
            }
            None => false,
        }
    }

    fn picture(&mut self, config: Option<Codec>, data: Bytes, given: &mut Given) {
        let sync = config.is_some()
            || self
                .codec
                .as_ref()
                .is_some_and(|codec| codec.is_sync(&data));
        if let Some(codec) = config {
            self.set(codec, given);
        }
        if self.codec.is_some() {
            given.units.push(whole(data, Flags::SYNC.when(sync)));
        } else {
            given
                .error
                .get_or_insert("pictures before the first key frame are left out".into());
        }
    }

    fn sound(&mut self, data: Bytes, given: &mut Given) {
        let duration = self.codec.as_ref().and_then(|codec| codec.duration(&data));
        given.units.push(Unit {
            duration: duration.and_then(NonZeroU32::new),
            ..whole(data, Flags::SYNC)
        });
    }

    fn latm(&mut self, element: &[u8], given: &mut Given) {
        let Some(reader) = &mut self.latm else {
            return;
        };
        let mut units = Vec::new();
        match reader.read(element, &mut units) {
            Ok(changed) => {
                let layer = reader.config().and_then(|config| config.layers.first());
                let config = layer.map(|layer| layer.config.clone());
                if let Some(config) = config.filter(|_| changed || self.codec.is_none()) {
                    self.set(Codec::Aac(config), given);
                }
            }
            Err(error) => given.error = Some(error.to_string().into()),
        }
        let duration = match &self.codec {
            Some(Codec::Aac(config)) => config.frame_length(),
            _ => 0,
        };
        let mut ticks = 0i64;
        for unit in units.into_iter().filter(|unit| unit.layer == 0) {
            given.units.push(Unit {
                ticks,
                duration: NonZeroU32::new(duration),
                ..whole(unit.data, Flags::SYNC)
            });
            ticks = ticks.saturating_add(duration.into());
        }
    }

    /// Sync frames, and those of all substreams of an access unit together.
    fn dolby(&mut self, data: &[u8], given: &mut Given) {
        let frames = ac3::Frames::new(data).filter_map(|piece| match piece {
            ac3::Piece::Frame { frame, .. } => Some(frame),
            ac3::Piece::Junk { .. } => None,
        });
        let mut units: Vec<(Bytes, u32)> = Vec::new();
        if self.layout == Layout::Eac3 {
            let mut grouper = ac3::Grouper::of_six_blocks();
            for frame in frames {
                units.extend(
                    grouper
                        .handle_frame(&frame)
                        .map(|unit| (unit.data, unit.samples)),
                );
            }
            units.extend(grouper.finish().map(|unit| (unit.data, unit.samples)));
        } else {
            units.extend(frames.map(|frame| (Bytes::copy_from_slice(frame.bytes()), 1536)));
        }
        if units.is_empty() {
            given.error = Some("a packet without a whole frame of sound".into());
        }
        let mut ticks = 0i64;
        for (data, samples) in units {
            match dolby_codec(&data) {
                Ok(codec) => {
                    let known = self.codec.as_ref().is_some_and(|known| {
                        known.sample_rate() == codec.sample_rate()
                            && known.channels() == codec.channels()
                            && known.rfc6381() == codec.rfc6381()
                    });
                    if !known {
                        self.set(codec, given);
                    }
                }
                Err(error) => given.error = Some(error.into()),
            }
            given.units.push(Unit {
                ticks,
                duration: NonZeroU32::new(samples),
                ..whole(data, Flags::SYNC)
            });
            ticks = ticks.saturating_add(samples.into());
        }
    }

    fn mpeg_audio(&mut self, data: &Bytes, given: &mut Given) {
        let mut samples: i64 = 0;
        for piece in mpeg2::audio::Frames::new(data) {
            let mpeg2::audio::Piece::Frame { frame, .. } = piece else {
                continue;
            };
            let Some(config) = MpegAudio::new(frame.header()) else {
                continue;
            };
            let rate = Timescale::new(config.sampling_frequency);
            let ticks = rate.map_or(0, |rate| rate.rescale(samples, self.clock_rate));
            samples = samples.saturating_add(config.samples().into());
            self.set(Codec::MpegAudio(config), given);
            given.units.push(Unit {
                ticks,
                ..whole(Bytes::copy_from_slice(frame.bytes()), Flags::SYNC)
            });
        }
        if given.units.is_empty() {
            given.error = Some("a packet without a whole frame of sound".into());
        }
    }

    fn mpeg_video(&mut self, data: Bytes, pts: i64, given: &mut Given) {
        if let Some(headers) = sequence_headers(&data) {
            let known = matches!(&self.codec, Some(Codec::Mpeg2Video(config)) if **config.raw() == *headers);
            if !known {
                match MpegVideo::parse(headers) {
                    Ok(config) => self.set(Codec::Mpeg2Video(config), given),
                    Err(error) => given.error = Some(error.to_string().into()),
                }
            }
        }
        let Some(codec) = &self.codec else {
            given
                .error
                .get_or_insert("pictures before the first sequence header are left out".into());
            return;
        };
        let sync = codec.is_sync(&data);
        let dts = self.order.decode(pts, Some(1), codec.frame_rate());
        given.units.push(Unit {
            reorder: pts.saturating_sub(dts),
            ..whole(data, Flags::SYNC.when(sync))
        });
    }
}

fn whole(data: Bytes, flags: Flags) -> Unit {
    Unit {
        ticks: 0,
        reorder: 0,
        duration: None,
        flags,
        data,
    }
}

fn dolby_codec(data: &[u8]) -> Result<Codec, String> {
    let frames = ac3::Frames::new(data).filter_map(|piece| match piece {
        ac3::Piece::Frame { frame, .. } => Some(frame),
        ac3::Piece::Junk { .. } => None,
    });
    let mut frames = frames.peekable();
    let first = frames.peek().map(ac3::Frame::bsi);
    match first {
        Some(Ok(ac3::Bsi::Ac3(bsi))) => Ok(Codec::Ac3(ac3::Dac3::new(&bsi))),
        Some(Ok(_)) => ac3::Dec3::new(frames)
            .map(Codec::Eac3)
            .map_err(|e| e.to_string()),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("no frame of sound".into()),
    }
}

/// The sequence header with its extensions that a picture begins with.
fn sequence_headers(data: &[u8]) -> Option<&[u8]> {
    let [0, 0, 1, 0xB3, ..] = data else {
        return None;
    };
    let end = memchr::memmem::find_iter(data, &[0, 0, 1])
        .find(|at| matches!(data.get(at.saturating_add(3)), Some(0x00 | 0xB8)))?;
    data.get(..end)
}
