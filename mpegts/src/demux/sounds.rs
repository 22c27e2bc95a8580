//! The codecs of sound, as [`Sound`]s.

use super::audio::{Given, Sound};
use aac::{adts, latm};
use ac3::{Dac3, Dec3, Grouper, SyncFrames};
use alloc::string::ToString;
use alloc::vec::Vec;
use bytes::Bytes;
use media::Codec;
use media::codec::MpegAudio as MpegAudioConfig;
use mpeg2::audio as mpeg;

/// AAC with ADTS headers.
#[derive(Debug, Default)]
pub(super) struct Adts {
    header: Option<adts::Header>,
}

impl Sound for Adts {
    type Framing = adts::Adts;

    fn encrypted<'a: 'a>(frame: &adts::Frame<'a>) -> Option<(&'a [u8], usize)> {
        let header = if frame.header().protection_absent() {
            7
        } else {
            9
        };
        Some((frame.bytes(), header))
    }

    fn frame(&mut self, frame: adts::Frame<'_>, give: &mut Given) {
        let header = frame.header();
        if !self.header.is_some_and(|last| same_config(last, header)) {
            match frame.config() {
                Ok(config) => {
                    self.header = Some(header);
                    let rate = header.sampling_frequency();
                    give.codec = Some((Codec::Aac(config), rate));
                }
                Err(error) => {
                    give.error = Some(error.to_string());
                    return;
                }
            }
        }
        match frame.blocks() {
            Ok(blocks) => {
                let samples =
                    header.samples() / u32::try_from(header.raw_data_blocks()).unwrap_or(1).max(1);
                let arena = &mut give.arena;
                give.units
                    .extend(blocks.map(|block| (arena.copy(block.data), samples)));
            }
            Err(error) => give.error = Some(error.to_string()),
        }
    }
}

/// Whether two headers give the same configuration.
fn same_config(a: adts::Header, b: adts::Header) -> bool {
    a.object_type() == b.object_type()
        && a.sampling_frequency_index() == b.sampling_frequency_index()
        && a.channel_configuration() == b.channel_configuration()
}

/// AAC in LATM, with LOAS framing.
#[derive(Debug)]
pub(super) struct Latm {
    reader: latm::Reader,
    units: Vec<latm::AccessUnit>,
    frame_length: u32,
}

impl Default for Latm {
    fn default() -> Self {
        Self {
            reader: latm::Reader::in_band(),
            units: Vec::new(),
            frame_length: 1024,
        }
    }
}

impl Sound for Latm {
    type Framing = latm::Loas;

    fn frame(&mut self, element: &[u8], give: &mut Given) {
        match self.reader.read(element, &mut self.units) {
            Ok(false) => {}
            Ok(true) => {
                // The first layer; others are of no use without it.
                let layer = self
                    .reader
                    .config()
                    .and_then(|config| config.layers.first());
                if let Some(layer) = layer {
                    let config = layer.config.clone();
                    self.frame_length = config.frame_length();
                    let rate = config.sampling_frequency();
                    give.codec = Some((Codec::Aac(config), rate));
                }
            }
            Err(error) => give.error = Some(error.to_string()),
        }
        #[expect(clippy::disallowed_methods, reason = "all of them are taken")]
        let first = self.units.drain(..).filter(|unit| unit.layer == 0);
        give.units
            .extend(first.map(|unit| (unit.data, self.frame_length)));
    }
}

/// AC-3 and E-AC-3.
#[derive(Debug)]
pub(super) struct Dolby {
    /// Puts substreams together; AC-3 has none.
    grouper: Option<Grouper>,
    config: Option<Codec>,
}

impl Dolby {
    pub(super) const fn ac3() -> Self {
        Self {
            grouper: None,
            config: None,
        }
    }

    pub(super) const fn eac3() -> Self {
        Self {
            grouper: Some(Grouper::of_six_blocks()),
            config: None,
        }
    }

    fn unit(&mut self, data: Bytes, samples: u32, give: &mut Given) {
        match config(&data) {
            Ok((codec, rate)) => {
                if !self
                    .config
                    .as_ref()
                    .is_some_and(|known| same(known, &codec))
                {
                    self.config = Some(codec.clone());
                    give.codec = Some((codec, rate));
                }
                give.units.push((data, samples));
            }
            Err(error) => give.error = Some(error.to_string()),
        }
    }
}

impl Sound for Dolby {
    type Framing = SyncFrames;

    fn encrypted<'a: 'a>(frame: &ac3::Frame<'a>) -> Option<(&'a [u8], usize)> {
        Some((frame.bytes(), 0))
    }

    fn frame(&mut self, frame: ac3::Frame<'_>, give: &mut Given) {
        match &mut self.grouper {
            Some(grouper) => {
                if let Some(unit) = grouper.handle_frame(&frame) {
                    self.unit(unit.data, unit.samples, give);
                }
            }
            None => {
                // An E-AC-3 frame in a stream that was said to be AC-3 is right all the same.
                let data = give.arena.copy(&frame.big_endian());
                self.unit(data, frame.header().samples(), give);
            }
        }
    }

    fn finish(&mut self, give: &mut Given) {
        if let Some(unit) = self.grouper.as_mut().and_then(Grouper::finish) {
            self.unit(unit.data, unit.samples, give);
        }
    }

    fn is_delayed(&self) -> bool {
        self.grouper.is_some()
    }
}

/// The configuration that an access unit tells, and its sampling frequency.
fn config(unit: &[u8]) -> Result<(Codec, u32), ac3::Error> {
    let first = ac3::Frame::parse(unit)?;
    let rate = first.header().sampling_frequency();
    let codec = match first.bsi()? {
        ac3::Bsi::Ac3(bsi) => Codec::Ac3(Dac3::new(&bsi)),
        ac3::Bsi::Eac3(_) => {
            let frames = ac3::Frames::new(unit).filter_map(|piece| match piece {
                ac3::Piece::Frame { frame, .. } => Some(frame),
                ac3::Piece::Junk { .. } => None,
            });
            Codec::Eac3(Dec3::new(first_of_each(frames))?)
        }
    };
    Ok((codec, rate))
}

/// The frames up to where substream 0 comes again.
fn first_of_each<'a>(
    frames: impl Iterator<Item = ac3::Frame<'a>>,
) -> impl Iterator<Item = ac3::Frame<'a>> {
    let mut begun = false;
    frames.take_while(move |frame| {
        let again = begun && frame.header().begins_access_unit();
        begun = true;
        !again
    })
}

/// Whether two configurations are the same, but for the data rate.
fn same(a: &Codec, b: &Codec) -> bool {
    match (a, b) {
        (Codec::Eac3(a), Codec::Eac3(b)) => {
            a.substreams == b.substreams && a.joc_complexity == b.joc_complexity
        }
        (Codec::Ac3(a), Codec::Ac3(b)) => {
            let b = Dac3 {
                bit_rate_code: a.bit_rate_code,
                ..*b
            };
            *a == b
        }
        _ => false,
    }
}

/// MPEG audio.
#[derive(Debug, Default)]
pub(super) struct MpegAudio {
    config: Option<MpegAudioConfig>,
}

impl Sound for MpegAudio {
    type Framing = mpeg::MpegAudio;

    fn frame(&mut self, frame: mpeg::Frame<'_>, give: &mut Given) {
        let header = frame.header();
        let Some(config) = MpegAudioConfig::new(header) else {
            give.error = Some("a frame of a reserved sampling frequency".to_string());
            return;
        };
        if self.config != Some(config) {
            self.config = Some(config);
            give.codec = Some((Codec::MpegAudio(config), config.sampling_frequency));
        }
        give.units
            .push((give.arena.copy(frame.bytes()), header.samples()));
    }
}
