use alloc::format;
use alloc::string::{String, ToString};
use bytes::Bytes;
use core::fmt;

/// What a track is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
    /// Cues and messages: sparse, and nobody waits for them.
    Data,
}

/// Four characters that name a sample entry or a codec.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FourCc(pub [u8; 4]);

impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

impl fmt::Debug for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FourCc({self})")
    }
}

/// A codec with the configuration that its decoder needs, as it came in, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Codec {
    /// H.264 / AVC. A sample is one access unit, each NAL unit after its length in 4 bytes.
    H264(h264::DecoderConfig),
    /// AAC of any object type. A sample is one raw access unit, without ADTS.
    Aac(aac::AudioSpecificConfig),
    /// Anything else, passed through.
    Other {
        /// What it is for.
        kind: Kind,
        /// Its name as a sample entry of an MP4 file.
        fourcc: FourCc,
        /// Its configuration record.
        config: Bytes,
    },
}

impl Codec {
    /// What a track of this codec is for.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Codec::H264(_) => Kind::Video,
            Codec::Aac(_) => Kind::Audio,
            Codec::Other { kind, .. } => *kind,
        }
    }

    /// The codec's element of a `CODECS` attribute or `codecs` parameter (RFC 6381), such as `avc1.64001F`.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        match self {
            Codec::H264(config) => format!("avc1.{}", config.rfc6381()),
            Codec::Aac(config) => format!("mp4a.{}", config.rfc6381()),
            Codec::Other { fourcc, .. } => fourcc.to_string(),
        }
    }
}
