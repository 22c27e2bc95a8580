use crate::Error;
use crate::payload::{Layout, h264, mpeg4_generic};
use alloc::format;
use media::codec::PcmFormat;
use media::{Codec, FourCc, Kind, Timescale, Track};

/// The payload format of a stream, with the number that stands for it in its packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// 7 bits. Those up to 34 have a meaning of their own (RFC 3551 §6), 96 to 127 what a session description says.
    pub payload_type: u8,
    /// Ticks per second of the time stamps.
    pub clock_rate: Timescale,
    /// How frames are laid into packets.
    pub layout: Layout,
}

/// A transport stream as a track: samples are any number of its packets.
pub const MP2T: FourCc = FourCc(*b"mp2t");

impl Format {
    /// The format in which the samples of a track are sent: the one number that RFC 3551 gives it, or else `dynamic`. AAC goes
    /// as RFC 3640 says; for RFC 6416 see [`latm`](Self::latm).
    ///
    /// # Errors
    /// [`Error::Unsupported`] for codecs that have no format here.
    pub fn of(track: &Track, dynamic: u8) -> Result<Self, Error> {
        let video = Timescale::KHZ_90;
        let sound = |codec: &Codec| {
            let rate = codec.sample_rate().and_then(Timescale::new);
            rate.ok_or_else(|| Error::Unsupported("sound of an unknown rate".into()))
        };
        let (payload_type, clock_rate, layout) = match &track.codec {
            Codec::H264(_) => (
                dynamic,
                video,
                Layout::H264 {
                    mode: h264::Mode::NonInterleaved,
                    interleaving_depth: 0,
                },
            ),
            Codec::Hevc(_) => (dynamic, video, Layout::H265 { has_don: false }),
            Codec::Av1(_) => (dynamic, video, Layout::Av1),
            Codec::Vp8(_) => (dynamic, video, Layout::Vp8),
            Codec::Vp9(_) => (dynamic, video, Layout::Vp9),
            Codec::Mpeg2Video(_) => (32, video, Layout::MpegVideo),
            Codec::MpegAudio(_) => (14, video, Layout::MpegAudio),
            Codec::Aac(config) => {
                // Time stamps count samples of the core, as frames do.
                let rate = Timescale::new(config.sampling_frequency());
                let rate = rate.ok_or_else(|| Error::Unsupported("AAC of no rate".into()))?;
                let config = mpeg4_generic::Config::aac_hbr(config.frame_length());
                (dynamic, rate, Layout::Mpeg4Generic(config))
            }
            codec @ Codec::Ac3(_) => (dynamic, sound(codec)?, Layout::Ac3),
            codec @ Codec::Eac3(_) => (dynamic, sound(codec)?, Layout::Eac3),
            codec @ Codec::Opus(_) => (dynamic, sound(codec)?, Layout::Opus),
            codec @ Codec::Pcm(pcm) => {
                let payload_type = match (pcm.format, pcm.bits, pcm.sample_rate, pcm.channels) {
                    (PcmFormat::MuLaw, _, 8000, 1) => 0,
                    (PcmFormat::ALaw, _, 8000, 1) => 8,
                    (PcmFormat::Signed, 16, 44_100, 2) => 10,
                    (PcmFormat::Signed, 16, 44_100, 1) => 11,
                    (PcmFormat::MuLaw | PcmFormat::ALaw, ..)
                    | (PcmFormat::Signed, 16 | 24, ..)
                    | (PcmFormat::Unsigned, 8, ..) => dynamic,
                    _ => return Err(unsupported(&track.codec)),
                };
                let frame_len = pcm.frame_len();
                (payload_type, sound(codec)?, Layout::Pcm { frame_len })
            }
            Codec::Klv => (dynamic, video, Layout::Klv),
            Codec::Other { fourcc: MP2T, .. } => (33, video, Layout::Mp2t),
            other => return Err(unsupported(other)),
        };
        Ok(Self {
            payload_type,
            clock_rate,
            layout,
        })
    }

    /// AAC in LATM (RFC 6416), with its configuration in the session description.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for another codec.
    pub fn latm(track: &Track, dynamic: u8) -> Result<Self, Error> {
        match &track.codec {
            Codec::Aac(_) => Ok(Self {
                layout: Layout::Latm,
                ..Self::of(track, dynamic)?
            }),
            other => Err(unsupported(other)),
        }
    }

    /// The format that a payload type has without a description (RFC 3551 §6), and its codec, where it is told.
    #[must_use]
    pub fn fixed(payload_type: u8) -> Option<(Self, Option<Codec>)> {
        let pcm = |format, sample_rate, channels| match format {
            PcmFormat::Signed => media::codec::Pcm::signed(16, false, sample_rate, channels),
            _ => media::codec::Pcm::g711(format, sample_rate, channels),
        };
        let sound = |pcm: media::codec::Pcm| {
            let frame_len = pcm.frame_len();
            let rate = Timescale::new(pcm.sample_rate)?;
            Some((rate, Layout::Pcm { frame_len }, Some(Codec::Pcm(pcm))))
        };
        let video = Timescale::KHZ_90;
        let (clock_rate, layout, codec) = match payload_type {
            0 => sound(pcm(PcmFormat::MuLaw, 8000, 1))?,
            8 => sound(pcm(PcmFormat::ALaw, 8000, 1))?,
            10 => sound(pcm(PcmFormat::Signed, 44_100, 2))?,
            11 => sound(pcm(PcmFormat::Signed, 44_100, 1))?,
            14 => (video, Layout::MpegAudio, None),
            32 => (video, Layout::MpegVideo, None),
            33 => (video, Layout::Mp2t, Some(transport_stream())),
            _ => return None,
        };
        let format = Self {
            payload_type,
            clock_rate,
            layout,
        };
        Some((format, codec))
    }
}

/// The codec of a transport stream that is passed through.
pub(crate) fn transport_stream() -> Codec {
    Codec::Other {
        kind: Kind::Data,
        fourcc: MP2T,
        config: bytes::Bytes::new(),
    }
}

fn unsupported(codec: &Codec) -> Error {
    Error::Unsupported(format!("{} in RTP", codec.rfc6381()).into())
}
