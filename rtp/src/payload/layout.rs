use super::{
    Frame, Payload, ac3, av1, h264, h265, mpeg_audio, mpeg_video, mpeg4_generic, raw, vp8, vp9,
};
use crate::{Error, Limits, Packet};

/// A payload format with its parameters, as a session description tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// H.264 (RFC 6184).
    H264 {
        /// `packetization-mode`.
        mode: h264::Mode,
        /// `sprop-interleaving-depth`, for mode 2.
        interleaving_depth: usize,
    },
    /// H.265 (RFC 7798).
    H265 {
        /// `sprop-max-don-diff` is not 0.
        has_don: bool,
    },
    /// AAC and other elementary streams of MPEG-4 (RFC 3640).
    Mpeg4Generic(mpeg4_generic::Config),
    /// AAC in LATM (RFC 6416): a frame is one `AudioMuxElement`.
    Latm,
    /// AC-3 (RFC 4184).
    Ac3,
    /// E-AC-3 (RFC 4598).
    Eac3,
    /// MPEG-1 and MPEG-2 video (RFC 2250).
    MpegVideo,
    /// MPEG audio (RFC 2250).
    MpegAudio,
    /// Transport streams (RFC 2250 §2): a frame is any number of their packets of 188 bytes.
    Mp2t,
    /// Opus (RFC 7587).
    Opus,
    /// VP8 (RFC 7741).
    Vp8,
    /// VP9 (RFC 9628).
    Vp9,
    /// AV1.
    Av1,
    /// Uncompressed sound, big-endian, and that of ITU-T G.711 (RFC 3551 §4.5): `frame_len` bytes for all channels.
    Pcm {
        /// Bytes of a number of each channel.
        frame_len: usize,
    },
    /// Key-length-value metadata (RFC 6597).
    Klv,
}

/// Bytes of a packet of a transport stream.
const TS_PACKET: usize = 188;

impl Layout {
    const fn raw(self) -> Option<raw::Kind> {
        Some(match self {
            Layout::Opus => raw::Kind::Whole,
            Layout::Pcm { frame_len } => raw::Kind::Pieces {
                size: frame_len,
                ticks: 1,
            },
            Layout::Mp2t => raw::Kind::Pieces {
                size: TS_PACKET,
                ticks: 0,
            },
            Layout::Latm | Layout::Klv => raw::Kind::Parts,
            _ => return None,
        })
    }
}

macro_rules! formats {
    ($($variant:ident($module:ident),)*) => {
        /// Lays frames of any format into packets.
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub enum Packetizer {
            $(#[doc = concat!("By [`", stringify!($module), "`].")] $variant($module::Packetizer),)*
        }

        /// The payloads of one frame of any format.
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub enum Payloads<'a> {
            $(#[doc = concat!("By [`", stringify!($module), "`].")] $variant($module::Payloads<'a>),)*
        }

        impl<'a> Iterator for Payloads<'a> {
            type Item = Payload<'a>;

            #[inline]
            fn next(&mut self) -> Option<Payload<'a>> {
                match self {
                    $(Self::$variant(payloads) => payloads.next(),)*
                }
            }
        }

        /// Puts frames of any format together.
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub enum Depacketizer {
            $(#[doc = concat!("By [`", stringify!($module), "`].")] $variant($module::Depacketizer),)*
        }

        impl Depacketizer {
            /// Takes the next packet, in the order of sequence numbers.
            ///
            /// # Errors
            /// What is wrong with its payload; what could be read of it is kept, and the next packet may come.
            #[inline]
            pub fn handle_packet(&mut self, packet: &Packet<'_>) -> Result<(), Error> {
                match self {
                    $(Self::$variant(depacketizer) => depacketizer.handle_packet(packet),)*
                }
            }

            /// The next frame that is complete.
            #[inline]
            pub fn poll_frame(&mut self) -> Option<Frame> {
                match self {
                    $(Self::$variant(depacketizer) => depacketizer.poll_frame(),)*
                }
            }

            /// Ends the stream: what is there of the last frame comes out, where that is of use.
            pub fn finish(&mut self) {
                match self {
                    $(Self::$variant(depacketizer) => depacketizer.finish(),)*
                }
            }

            /// Bytes held.
            #[must_use]
            pub fn buffered_len(&self) -> usize {
                match self {
                    $(Self::$variant(depacketizer) => depacketizer.buffered_len(),)*
                }
            }
        }
    };
}

formats! {
    H264(h264),
    H265(h265),
    Mpeg4Generic(mpeg4_generic),
    Ac3(ac3),
    MpegVideo(mpeg_video),
    MpegAudio(mpeg_audio),
    Vp8(vp8),
    Vp9(vp9),
    Av1(av1),
    Raw(raw),
}

impl Packetizer {
    /// Makes payloads of `max_size` bytes at most.
    #[must_use]
    pub fn new(layout: Layout, max_size: usize) -> Self {
        match layout {
            Layout::H264 { mode, .. } => Self::H264(h264::Packetizer::new(max_size, mode)),
            Layout::H265 { .. } => Self::H265(h265::Packetizer::new(max_size)),
            Layout::Mpeg4Generic(config) => {
                Self::Mpeg4Generic(mpeg4_generic::Packetizer::new(max_size, config))
            }
            Layout::Ac3 => Self::Ac3(ac3::Packetizer::new(max_size, ac3::Kind::Ac3)),
            Layout::Eac3 => Self::Ac3(ac3::Packetizer::new(max_size, ac3::Kind::Eac3)),
            Layout::MpegVideo => Self::MpegVideo(mpeg_video::Packetizer::new(max_size)),
            Layout::MpegAudio => Self::MpegAudio(mpeg_audio::Packetizer::new(max_size)),
            Layout::Vp8 => Self::Vp8(vp8::Packetizer::new(max_size, 0)),
            Layout::Vp9 => Self::Vp9(vp9::Packetizer::new(max_size, 0)),
            Layout::Av1 => Self::Av1(av1::Packetizer::new(max_size)),
            Layout::Latm | Layout::Mp2t | Layout::Opus | Layout::Pcm { .. } | Layout::Klv => {
                let kind = layout.raw().unwrap_or(raw::Kind::Parts);
                Self::Raw(raw::Packetizer::new(max_size, kind))
            }
        }
    }

    /// The payloads of one frame in the form that samples have.
    ///
    /// # Errors
    /// What does not fit, or is not in that form.
    #[inline]
    pub fn packetize<'a>(&mut self, frame: &'a [u8]) -> Result<Payloads<'a>, Error> {
        Ok(match self {
            Self::H264(packetizer) => Payloads::H264(packetizer.packetize(frame)?),
            Self::H265(packetizer) => Payloads::H265(packetizer.packetize(frame)?),
            Self::Mpeg4Generic(packetizer) => Payloads::Mpeg4Generic(packetizer.packetize(frame)?),
            Self::Ac3(packetizer) => Payloads::Ac3(packetizer.packetize(frame)?),
            Self::MpegVideo(packetizer) => Payloads::MpegVideo(packetizer.packetize(frame)),
            Self::MpegAudio(packetizer) => Payloads::MpegAudio(packetizer.packetize(frame)?),
            Self::Vp8(packetizer) => Payloads::Vp8(packetizer.packetize(frame)),
            Self::Vp9(packetizer) => Payloads::Vp9(packetizer.packetize(frame)),
            Self::Av1(packetizer) => Payloads::Av1(packetizer.packetize(frame)?),
            Self::Raw(packetizer) => Payloads::Raw(packetizer.packetize(frame)?),
        })
    }
}

impl Payloads<'_> {
    /// Without the marker bit on the last one: more of the same frame follows. Only where a frame is made of units.
    #[must_use]
    pub fn to_be_continued(self) -> Self {
        match self {
            Self::H264(payloads) => Self::H264(payloads.to_be_continued()),
            Self::H265(payloads) => Self::H265(payloads.to_be_continued()),
            other => other,
        }
    }
}

impl Depacketizer {
    /// For streams of this format.
    #[must_use]
    pub fn new(layout: Layout, limits: &Limits) -> Self {
        match layout {
            Layout::H264 {
                mode: h264::Mode::Interleaved,
                interleaving_depth,
            } => Self::H264(h264::Depacketizer::interleaved(limits, interleaving_depth)),
            Layout::H264 { .. } => Self::H264(h264::Depacketizer::new(limits)),
            Layout::H265 { has_don } => Self::H265(h265::Depacketizer::new(limits, has_don)),
            Layout::Mpeg4Generic(config) => {
                Self::Mpeg4Generic(mpeg4_generic::Depacketizer::new(limits, config))
            }
            Layout::Ac3 => Self::Ac3(ac3::Depacketizer::new(limits, ac3::Kind::Ac3)),
            Layout::Eac3 => Self::Ac3(ac3::Depacketizer::new(limits, ac3::Kind::Eac3)),
            Layout::MpegVideo => Self::MpegVideo(mpeg_video::Depacketizer::new(limits)),
            Layout::MpegAudio => Self::MpegAudio(mpeg_audio::Depacketizer::new(limits)),
            Layout::Vp8 => Self::Vp8(vp8::Depacketizer::new(limits)),
            Layout::Vp9 => Self::Vp9(vp9::Depacketizer::new(limits)),
            Layout::Av1 => Self::Av1(av1::Depacketizer::new(limits)),
            Layout::Latm | Layout::Mp2t | Layout::Opus | Layout::Pcm { .. } | Layout::Klv => {
                let kind = layout.raw().unwrap_or(raw::Kind::Parts);
                Self::Raw(raw::Depacketizer::new(limits, kind))
            }
        }
    }
}
