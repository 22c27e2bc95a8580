use crate::attributes::attribute_tag;
use crate::value::{Value, enumerated};
use crate::{Decimal, Resolution, Rule};
use core::fmt;

enumerated! {
    /// Kind of a rendition: `TYPE` of `EXT-X-MEDIA`.
    MediaType {
        /// Sound.
        Audio = "AUDIO",
        /// Pictures.
        Video = "VIDEO",
        /// Subtitles.
        Subtitles = "SUBTITLES",
        /// Captions within the video.
        ClosedCaptions = "CLOSED-CAPTIONS",
    }
}

enumerated! {
    /// Copy protection that an output has to have: `HDCP-LEVEL`.
    HdcpLevel {
        /// None.
        None = "NONE",
        /// HDCP, type 0.
        Type0 = "TYPE-0",
        /// HDCP, type 1.
        Type1 = "TYPE-1",
    }
}

enumerated! {
    /// Dynamic range of a video: `VIDEO-RANGE`.
    VideoRange {
        /// Standard.
        Sdr = "SDR",
        /// Hybrid log-gamma.
        Hlg = "HLG",
        /// Perceptual quantizer.
        Pq = "PQ",
    }
}

enumerated! {
    /// `FORMAT` of `EXT-X-SESSION-DATA`.
    SessionDataFormat {
        /// JSON.
        Json = "JSON",
        /// Any bytes.
        Raw = "RAW",
    }
}

/// `CLOSED-CAPTIONS` of a variant stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClosedCaptions<'a> {
    /// There are none in any variant.
    None,
    /// The group of renditions that describes them.
    Group(&'a str),
}

impl<'a> Value<'a> for ClosedCaptions<'a> {
    fn read(raw: &'a str) -> Option<Self> {
        match raw {
            "NONE" => Some(ClosedCaptions::None),
            _ => Value::read(raw).map(ClosedCaptions::Group),
        }
    }
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClosedCaptions::None => f.write_str("NONE"),
            ClosedCaptions::Group(group) => group.write(f),
        }
    }
}

attribute_tag! {
    /// A rendition: `EXT-X-MEDIA` (RFC 8216bis §4.4.6.1).
    Media<'a> {
        required {
            /// Its kind.
            kind: MediaType<'a> = "TYPE",
            /// The group that variants name it by.
            group_id: &'a str = "GROUP-ID",
            /// For people.
            name: &'a str = "NAME",
        }
        optional {
            /// Its media playlist; absent: it is within the variant.
            uri: &'a str = "URI",
            /// Main language (RFC 5646).
            language: &'a str = "LANGUAGE",
            /// Language of another role (RFC 5646).
            assoc_language: &'a str = "ASSOC-LANGUAGE",
            /// Names it across playlists.
            stable_rendition_id: &'a str = "STABLE-RENDITION-ID",
            /// Where captions are within the video: `CC1` to `CC4`, `SERVICEn`.
            instream_id: &'a str = "INSTREAM-ID",
            /// Bits per sample of sound.
            bit_depth: u64 = "BIT-DEPTH",
            /// Samples per second of sound.
            sample_rate: u64 = "SAMPLE-RATE",
            /// Media characteristic tags, separated by commas.
            characteristics: &'a str = "CHARACTERISTICS",
            /// Number of channels, then `/` and more about them.
            channels: &'a str = "CHANNELS",
        }
        flags {
            /// To be played unless the user chose another one.
            default = "DEFAULT",
            /// Can be chosen without being asked for.
            autoselect = "AUTOSELECT",
            /// Essential to play.
            forced = "FORCED",
        }
    }
}

attribute_tag! {
    /// A variant stream: `EXT-X-STREAM-INF` (RFC 8216bis §4.4.6.2). Its URI is on the next line.
    StreamInf<'a> {
        required {
            /// Peak bit rate of a segment, in bit/s.
            bandwidth: u64 = "BANDWIDTH",
        }
        optional {
            /// Mean bit rate of the segments, in bit/s.
            average_bandwidth: u64 = "AVERAGE-BANDWIDTH",
            /// How much it is to be preferred.
            score: Decimal = "SCORE",
            /// Formats (RFC 6381), separated by commas.
            codecs: &'a str = "CODECS",
            /// Formats that enhance them.
            supplemental_codecs: &'a str = "SUPPLEMENTAL-CODECS",
            /// Size of the pictures.
            resolution: Resolution = "RESOLUTION",
            /// Most frames per second.
            frame_rate: Decimal = "FRAME-RATE",
            /// Copy protection that it needs.
            hdcp_level: HdcpLevel<'a> = "HDCP-LEVEL",
            /// Content protection configurations that are allowed, separated by commas.
            allowed_cpc: &'a str = "ALLOWED-CPC",
            /// Dynamic range.
            video_range: VideoRange<'a> = "VIDEO-RANGE",
            /// Layout of the views.
            req_video_layout: &'a str = "REQ-VIDEO-LAYOUT",
            /// Names it across playlists.
            stable_variant_id: &'a str = "STABLE-VARIANT-ID",
            /// Group of its audio renditions.
            audio: &'a str = "AUDIO",
            /// Group of its video renditions.
            video: &'a str = "VIDEO",
            /// Group of its subtitle renditions.
            subtitles: &'a str = "SUBTITLES",
            /// Group of its closed captions.
            closed_captions: ClosedCaptions<'a> = "CLOSED-CAPTIONS",
            /// Its pathway, for content steering.
            pathway_id: &'a str = "PATHWAY-ID",
        }
    }
}

attribute_tag! {
    /// A media playlist of I-frames: `EXT-X-I-FRAME-STREAM-INF` (RFC 8216bis §4.4.6.3).
    IFrameStreamInf<'a> {
        required {
            /// Peak bit rate, in bit/s.
            bandwidth: u64 = "BANDWIDTH",
            /// Its media playlist.
            uri: &'a str = "URI",
        }
        optional {
            /// Mean bit rate, in bit/s.
            average_bandwidth: u64 = "AVERAGE-BANDWIDTH",
            /// How much it is to be preferred.
            score: Decimal = "SCORE",
            /// Formats (RFC 6381), separated by commas.
            codecs: &'a str = "CODECS",
            /// Formats that enhance them.
            supplemental_codecs: &'a str = "SUPPLEMENTAL-CODECS",
            /// Size of the pictures.
            resolution: Resolution = "RESOLUTION",
            /// Copy protection that it needs.
            hdcp_level: HdcpLevel<'a> = "HDCP-LEVEL",
            /// Content protection configurations that are allowed, separated by commas.
            allowed_cpc: &'a str = "ALLOWED-CPC",
            /// Dynamic range.
            video_range: VideoRange<'a> = "VIDEO-RANGE",
            /// Layout of the views.
            req_video_layout: &'a str = "REQ-VIDEO-LAYOUT",
            /// Names it across playlists.
            stable_variant_id: &'a str = "STABLE-VARIANT-ID",
            /// Group of its video renditions.
            video: &'a str = "VIDEO",
            /// Its pathway, for content steering.
            pathway_id: &'a str = "PATHWAY-ID",
        }
    }
}

attribute_tag! {
    /// Data of the session: `EXT-X-SESSION-DATA` (RFC 8216bis §4.4.6.4). One of `value` and `uri` is there.
    SessionData<'a> {
        required {
            /// Names it, in reverse DNS notation.
            data_id: &'a str = "DATA-ID",
        }
        optional {
            /// The data.
            value: &'a str = "VALUE",
            /// Where the data is.
            uri: &'a str = "URI",
            /// What `uri` holds; absent: JSON.
            format: SessionDataFormat<'a> = "FORMAT",
            /// Language of `value` (RFC 5646).
            language: &'a str = "LANGUAGE",
        }
    }
    check
}

impl SessionData<'_> {
    fn check(&self) -> Result<(), Rule> {
        if self.value.is_some() == self.uri.is_some() {
            return Err(Rule::OneOf("VALUE and URI"));
        }
        Ok(())
    }
}

attribute_tag! {
    /// Where the choice of pathways is told: `EXT-X-CONTENT-STEERING` (RFC 8216bis §4.4.6.6).
    ContentSteering<'a> {
        required {
            /// The steering manifest.
            server_uri: &'a str = "SERVER-URI",
        }
        optional {
            /// The pathway to begin with.
            pathway_id: &'a str = "PATHWAY-ID",
        }
    }
}
