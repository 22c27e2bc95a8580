use crate::payload::{Layout, h264, mpeg4_generic};
use crate::receiver::StreamConfig;
use crate::{Error, Format};
use media::codec::{Hevc, Opus, Pcm, PcmFormat};
use media::{Codec, Kind, Language, Timescale, TrackId};
use sdp_types::Session;
use wire::{base64, hex};

/// Reads a session description. What a strict reader refuses, but cameras send, is put right: missing or repeated lines, fields
/// that say nothing about media, line ends of any kind.
///
/// # Errors
/// [`Error::Unsupported`] with the reason, where nothing can be made of it.
pub fn parse(text: &[u8]) -> Result<Session, Error> {
    match Session::parse(text) {
        Ok(session) => Ok(session),
        Err(strict) => {
            let reduced = reduce(&String::from_utf8_lossy(text));
            Session::parse(reduced.as_bytes())
                .map_err(|_| Error::Unsupported(format!("a session description: {strict}").into()))
        }
    }
}

/// The lines that matter, with those that have to be there.
fn reduce(text: &str) -> String {
    let mut out = String::from("v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n");
    let lines = text.split(['\r', '\n']).map(str::trim);
    let mut in_media = true;
    let mut attributes = String::new();
    for line in lines {
        match line
            .split_once('=')
            .map(|(key, value)| (key.trim(), value.trim()))
        {
            Some(("a", value)) if !value.is_empty() && in_media => {
                attributes.push_str("a=");
                attributes.push_str(value);
                attributes.push_str("\r\n");
            }
            Some(("m", value)) => {
                in_media = is_media(value);
                if in_media {
                    out.push_str(&core::mem::take(&mut attributes));
                    out.push_str("m=");
                    out.push_str(value);
                    out.push_str("\r\n");
                }
            }
            _ => {}
        }
    }
    out.push_str(&attributes);
    out
}

/// Whether a media line has its four fields.
fn is_media(value: &str) -> bool {
    let mut fields = value.split_ascii_whitespace();
    let (kind, port) = (fields.next(), fields.next());
    let port = port.and_then(|port| port.split('/').next());
    kind.is_some() && port.is_some_and(|port| port.parse::<u16>().is_ok()) && fields.count() >= 2
}

/// One format of a media description.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MediaFormat {
    /// The number that stands for it in packets.
    pub payload_type: u8,
    /// Its name in `a=rtpmap`, such as `H264`; empty for those that need none.
    pub encoding: String,
    /// Ticks per second.
    pub clock_rate: u32,
    /// Channels, where they are told.
    pub channels: Option<u16>,
    /// The parameters of `a=fmtp`, in their order.
    pub parameters: Vec<(String, String)>,
    /// What this crate makes of it; `None` for what it does not do.
    pub format: Option<Format>,
    /// The codec, where the description tells it whole.
    pub codec: Option<Codec>,
    /// The configuration of LATM elements that do not have it in them.
    pub latm: Option<aac::latm::StreamMuxConfig>,
}

impl MediaFormat {
    /// A parameter by its name, in any case of letters.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self
            .parameters
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }

    fn number<T: core::str::FromStr>(&self, name: &str) -> Option<T> {
        self.parameter(name)?.trim().parse().ok()
    }
}

/// What a media description says about a stream.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Media {
    /// `video`, `audio`, `application`, ...
    pub kind: String,
    /// The port, as it is there.
    pub port: u16,
    /// Such as `RTP/AVP`.
    pub protocol: String,
    /// The address of the stream (`a=control`), as it is there.
    pub control: Option<String>,
    /// Whether the other end sends (`sendonly`, `sendrecv`, or nothing said).
    pub sends: bool,
    /// Whether the other end receives.
    pub receives: bool,
    /// Formats, in the order of preference.
    pub formats: Vec<MediaFormat>,
    /// The language (`a=lang`), where it has three letters.
    pub language: Language,
    /// A key management message of MIKEY in base64 (`a=key-mgmt`, RFC 4567 §3), of the medium or of the whole.
    pub mikey: Option<String>,
    /// Keys as they are there (`a=crypto`, RFC 4568).
    pub crypto: Vec<String>,
}

impl Media {
    /// Whether its packets are encrypted: `RTP/SAVP` and its like, or with keys.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.protocol.to_ascii_uppercase().contains("SAVP")
            || self.mikey.is_some()
            || !self.crypto.is_empty()
    }

    /// What decrypts its packets, by the first key that is understood; none where there are no keys.
    ///
    /// # Errors
    /// What is wrong with the last one where none is understood.
    #[cfg(feature = "srtp")]
    pub fn context(&self) -> Result<Option<crate::srtp::Context>, Error> {
        use crate::srtp::{Context, mikey::Message, sdes::Crypto};
        let mikey = self.mikey.iter();
        let mikey = mikey.map(|text| Message::from_base64(text)?.context());
        let crypto = self.crypto.iter().map(|text| {
            let crypto: Crypto = text.parse()?;
            Context::new(crypto.profile()?, &crypto.master_keys()?, crypto.config()?)
        });
        let mut wrong = None;
        for context in mikey.chain(crypto) {
            match context {
                Ok(context) => return Ok(Some(context)),
                Err(error) => wrong = Some(error),
            }
        }
        wrong.map_or(Ok(None), Err)
    }

    /// What a receiver needs, where a format of it can be received.
    #[must_use]
    pub fn stream(&self, track: TrackId) -> Option<StreamConfig> {
        let first = self.formats.iter().find(|format| format.format.is_some())?;
        let mut stream = StreamConfig::new(track, first.format?, first.codec.clone());
        stream.formats = self
            .formats
            .iter()
            .filter_map(|format| format.format)
            .collect();
        stream.latm = first.latm.clone();
        stream.language = self.language;
        Some(stream)
    }
}

/// The media of a session, in their order.
#[must_use]
pub fn media(session: &Session) -> Vec<Media> {
    let whole = session.get_attribute_values("key-mgmt").flatten();
    let whole = whole.filter_map(mikey).next();
    let medias = session.medias.iter().map(|media| {
        let mut media = read(media);
        if media.mikey.is_none() && media.is_secure() {
            media.mikey.clone_from(&whole);
        }
        media
    });
    medias.collect()
}

/// The data of a key management message, where it is of MIKEY.
fn mikey(value: &str) -> Option<String> {
    let (protocol, data) = value.trim().split_once(|c: char| c.is_ascii_whitespace())?;
    protocol
        .eq_ignore_ascii_case("mikey")
        .then(|| data.trim().to_owned())
}

fn read(media: &sdp_types::Media) -> Media {
    let values = |name: &'static str| media.get_attribute_values(name).flatten();
    let has = |name: &str| media.get_first_attribute_value(name).is_some();
    let formats = media
        .fmt
        .split_ascii_whitespace()
        .filter_map(|payload_type| {
            let payload_type: u8 = payload_type.parse().ok().filter(|number| *number < 128)?;
            let of_type = |value: &str| -> Option<String> {
                let (number, rest) = value.trim().split_once(|c: char| c.is_ascii_whitespace())?;
                (number.parse() == Ok(payload_type)).then(|| rest.trim().to_owned())
            };
            let rtpmap = values("rtpmap").find_map(of_type);
            let fmtp = values("fmtp").find_map(of_type).unwrap_or_default();
            Some(format(payload_type, rtpmap.as_deref(), &fmtp))
        });
    Media {
        kind: media.media.clone(),
        port: media.port,
        protocol: media.proto.clone(),
        control: values("control")
            .next()
            .map(|control| control.trim().to_owned()),
        sends: !has("recvonly") && !has("inactive"),
        receives: !has("sendonly") && !has("inactive"),
        formats: formats.collect(),
        mikey: values("key-mgmt").find_map(mikey),
        crypto: values("crypto").map(str::to_owned).collect(),
        language: values("lang")
            .find_map(|lang| Language::new(lang.trim().as_bytes().try_into().ok()?))
            .unwrap_or_default(),
    }
}

fn format(payload_type: u8, rtpmap: Option<&str>, fmtp: &str) -> MediaFormat {
    let mut fields = rtpmap.unwrap_or_default().split('/').map(str::trim);
    let encoding = fields.next().unwrap_or_default().to_owned();
    let clock_rate = fields.next().and_then(|rate| rate.parse().ok());
    let channels = fields.next().and_then(|channels| channels.parse().ok());
    let parameters = fmtp
        .split(';')
        .map(str::trim)
        .filter(|text| !text.is_empty());
    let parameters = parameters.map(|text| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        (name.trim().to_owned(), value.trim().to_owned())
    });
    let mut format = MediaFormat {
        payload_type,
        encoding,
        clock_rate: clock_rate.unwrap_or(0),
        channels,
        parameters: parameters.collect(),
        format: None,
        codec: None,
        latm: None,
    };
    if format.encoding.is_empty() {
        if let Some((fixed, codec)) = Format::fixed(payload_type) {
            format.clock_rate = fixed.clock_rate.get();
            (format.format, format.codec) = (Some(fixed), codec);
        }
    } else {
        understand(&mut format);
    }
    format
}

/// What the name and the parameters of a format say.
fn understand(format: &mut MediaFormat) {
    let name = format.encoding.to_ascii_uppercase();
    let rate = format.clock_rate;
    let channels = format.channels.unwrap_or(1);
    let (layout, codec) = match name.as_str() {
        "H264" => h264(format),
        "H265" | "HEVC" => h265(format),
        "MPEG4-GENERIC" => match mpeg4_generic(format) {
            Some(found) => found,
            None => return,
        },
        "MP4A-LATM" => latm(format),
        "AC3" => (Layout::Ac3, None),
        "EAC3" => (Layout::Eac3, None),
        "MPV" => (Layout::MpegVideo, None),
        "MPA" => (Layout::MpegAudio, None),
        "MP2T" => (Layout::Mp2t, Some(crate::format::transport_stream())),
        "OPUS" => {
            let channels = u8::try_from(channels).unwrap_or(2);
            (Layout::Opus, Some(Codec::Opus(Opus::new(channels, 0))))
        }
        "VP8" => (Layout::Vp8, None),
        "VP9" => (Layout::Vp9, None),
        "AV1" => (Layout::Av1, None),
        "SMPTE336M" => (Layout::Klv, Some(Codec::Klv)),
        "PCMU" => pcm(Pcm::g711(PcmFormat::MuLaw, rate, channels)),
        "PCMA" => pcm(Pcm::g711(PcmFormat::ALaw, rate, channels)),
        "L16" => pcm(Pcm::signed(16, false, rate, channels)),
        "L24" => pcm(Pcm::signed(24, false, rate, channels)),
        "L8" => pcm(Pcm {
            format: PcmFormat::Unsigned,
            ..Pcm::signed(8, false, rate, channels)
        }),
        _ => return,
    };
    format.format = Timescale::new(rate).map(|clock_rate| Format {
        payload_type: format.payload_type,
        clock_rate,
        layout,
    });
    format.codec = codec;
}

fn pcm(pcm: Pcm) -> (Layout, Option<Codec>) {
    let frame_len = pcm.frame_len();
    (Layout::Pcm { frame_len }, Some(Codec::Pcm(pcm)))
}

/// NAL units in base64, with commas between them.
fn sets(text: Option<&str>) -> Vec<Vec<u8>> {
    let all = text.unwrap_or_default().split(',').map(str::trim);
    all.filter(|set| !set.is_empty())
        .filter_map(|text| base64::decode(text.trim_end_matches('=')))
        .collect()
}

fn h264(format: &MediaFormat) -> (Layout, Option<Codec>) {
    let mode = match format.number::<u8>("packetization-mode") {
        Some(1) => h264::Mode::NonInterleaved,
        Some(2) => h264::Mode::Interleaved,
        _ => h264::Mode::SingleNal,
    };
    let depth = format.number("sprop-interleaving-depth").unwrap_or(0);
    let layout = Layout::H264 {
        mode,
        // The parameter goes up to 32767; as many units of a byte are what is held then.
        interleaving_depth: depth.min(32_767),
    };
    let mut config = ::h264::DecoderConfig::default();
    let sets = sets(format.parameter("sprop-parameter-sets"));
    // Some have start codes, or bytes of zero at the end.
    let nals = sets.iter().map(|set| {
        let set = set.strip_prefix(&[0, 0, 0, 1]).unwrap_or(set);
        let len = set
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        set.get(..len).unwrap_or_default()
    });
    // What is wrong there comes right with the first access unit, or is told then.
    let _ = config.merge(nals);
    let codec = config.first_sps().is_some() && config.pps().next().is_some();
    (layout, codec.then_some(Codec::H264(config)))
}

fn h265(format: &MediaFormat) -> (Layout, Option<Codec>) {
    let names = ["sprop-vps", "sprop-sps", "sprop-pps"];
    let sets: Vec<Vec<u8>> = names
        .into_iter()
        .flat_map(|name| sets(format.parameter(name)))
        .collect();
    let nals: Vec<&[u8]> = sets.iter().map(Vec::as_slice).collect();
    let config = if nals.len() < 3 {
        None
    } else {
        Hevc::from_parameter_sets(&nals).ok()
    };
    let has_don = format
        .number::<u32>("sprop-max-don-diff")
        .is_some_and(|most| most > 0);
    (Layout::H265 { has_don }, config.map(Codec::Hevc))
}

fn mpeg4_generic(format: &MediaFormat) -> Option<(Layout, Option<Codec>)> {
    let config = format.parameter("config").and_then(hex::decode);
    let config = config.and_then(|config| aac::AudioSpecificConfig::parse(&config).ok());
    let duration = config
        .as_ref()
        .map_or(1024, aac::AudioSpecificConfig::frame_length);
    let bits = |name: &str| {
        format
            .number::<u8>(name)
            .filter(|bits| *bits <= 32)
            .unwrap_or(0)
    };
    let mode = format
        .parameter("mode")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let layout = mpeg4_generic::Config {
        size_length: bits("sizeLength"),
        index_length: bits("indexLength"),
        index_delta_length: bits("indexDeltaLength"),
        cts_delta_length: bits("CTSDeltaLength"),
        dts_delta_length: bits("DTSDeltaLength"),
        random_access_indication: bits("randomAccessIndication") > 0,
        stream_state_indication: bits("streamStateIndication"),
        auxiliary_data_size_length: bits("auxiliaryDataSizeLength"),
        constant_size: format.number("constantSize").unwrap_or(0),
        constant_duration: format.number("constantDuration").unwrap_or(duration),
    };
    // Without them, what the mode means.
    let layout = match mode.as_str() {
        "aac-hbr" if layout.size_length == 0 => mpeg4_generic::Config::aac_hbr(duration),
        "aac-lbr" if layout.size_length == 0 => mpeg4_generic::Config::aac_lbr(duration),
        _ => layout,
    };
    let is_aac = mode.starts_with("aac") || mode == "generic" && config.is_some();
    is_aac.then_some((Layout::Mpeg4Generic(layout), config.map(Codec::Aac)))
}

fn latm(format: &mut MediaFormat) -> (Layout, Option<Codec>) {
    let in_band = format.number::<u8>("cpresent") != Some(0);
    let config = format.parameter("config").and_then(hex::decode);
    let config = config.and_then(|config| aac::latm::StreamMuxConfig::parse(&config).ok());
    let layer = config.as_ref().and_then(|config| config.layers.first());
    let codec = layer.map(|layer| Codec::Aac(layer.config.clone()));
    if !in_band {
        format.latm = config;
        return (Layout::Latm, codec);
    }
    (Layout::Latm, None)
}

/// What a track of a kind is in a media line.
pub(super) const fn media_type(kind: Kind) -> sdp_types::MediaType {
    match kind {
        Kind::Video => sdp_types::MediaType::Video,
        Kind::Audio => sdp_types::MediaType::Audio,
        Kind::Data => sdp_types::MediaType::Application,
    }
}
