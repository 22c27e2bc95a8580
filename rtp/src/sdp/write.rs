use super::read::media_type;
use crate::payload::{Layout, h264};
use crate::{Error, Format, MP2T};
use media::codec::PcmFormat;
use media::{Codec, Kind, Language, Track};
use sdp_types::{Attribute, Connection, Media, Origin, Session, Time, TransportProto};
use std::net::IpAddr;
use wire::{base64, hex};

/// A session without media: its name, and where it comes from.
#[must_use]
pub fn session(name: &str, id: u64, address: IpAddr) -> Session {
    let origin = Origin::with_ip_addr(id, 1, address);
    let name = if name.is_empty() { "-" } else { name };
    let mut session = Session::new(origin, name);
    session.connection = Some(Connection::from_ip_addr(address));
    session.times.push(Time::new(0, 0));
    session
}

/// The description of a track in a format: to be sent to port 0 by `RTP/AVP`, which are to be changed where they are used.
#[must_use]
pub fn media_of(track: &Track, format: &Format) -> Media {
    let kind = match &track.codec {
        // A transport stream goes as video (RFC 3551 §6).
        Codec::Other { fourcc: MP2T, .. } => Kind::Video,
        codec => codec.kind(),
    };
    let payload_type = format.payload_type;
    let mut media = Media::new(media_type(kind), 0, TransportProto::RtpAvp, payload_type);
    let rate = format.clock_rate.get();
    let channels = track.codec.channels().unwrap_or(1);
    let name = match format.layout {
        Layout::H264 { .. } => "H264",
        Layout::H265 { .. } => "H265",
        Layout::Mpeg4Generic(_) => "mpeg4-generic",
        Layout::Latm => "MP4A-LATM",
        Layout::Ac3 => "AC3",
        Layout::Eac3 => "EAC3",
        Layout::MpegVideo => "MPV",
        Layout::MpegAudio => "MPA",
        Layout::Mp2t => "MP2T",
        Layout::Opus => "opus",
        Layout::Vp8 => "VP8",
        Layout::Vp9 => "VP9",
        Layout::Av1 => "AV1",
        Layout::Klv => "smpte336m",
        Layout::Pcm { .. } => pcm_name(&track.codec),
    };
    let channels = match format.layout {
        // Always two, whatever there is in it (RFC 7587 §7).
        Layout::Opus => String::from("/2"),
        Layout::MpegAudio | Layout::Latm | Layout::Mpeg4Generic(_) | Layout::Ac3 | Layout::Eac3
            if channels > 0 && format.layout != Layout::MpegAudio =>
        {
            format!("/{channels}")
        }
        Layout::Pcm { .. } if channels > 1 => format!("/{channels}"),
        _ => String::new(),
    };
    media.attributes.push(Attribute::with_value(
        "rtpmap",
        format!("{payload_type} {name}/{rate}{channels}"),
    ));
    let parameters = parameters(track, format);
    if !parameters.is_empty() {
        let value = format!("{payload_type} {}", parameters.join(";"));
        media.attributes.push(Attribute::with_value("fmtp", value));
    }
    if track.language != Language::UNDETERMINED {
        let language = track.language.as_str();
        media
            .attributes
            .push(Attribute::with_value("lang", language));
    }
    media
}

const fn pcm_name(codec: &Codec) -> &'static str {
    match codec {
        Codec::Pcm(pcm) => match (pcm.format, pcm.bits) {
            (PcmFormat::MuLaw, _) => "PCMU",
            (PcmFormat::ALaw, _) => "PCMA",
            (_, 8) => "L8",
            (_, 24) => "L24",
            _ => "L16",
        },
        _ => "L16",
    }
}

/// Parameters of `a=fmtp`.
fn parameters(track: &Track, format: &Format) -> Vec<String> {
    match (&track.codec, format.layout) {
        (
            Codec::H264(config),
            Layout::H264 {
                mode,
                interleaving_depth,
            },
        ) => {
            let mode_number = match mode {
                h264::Mode::SingleNal => 0,
                h264::Mode::NonInterleaved => 1,
                h264::Mode::Interleaved => 2,
            };
            let mut out = vec![
                format!("packetization-mode={mode_number}"),
                format!("profile-level-id={}", config.rfc6381()),
            ];
            let sets: Vec<String> = config
                .sps()
                .chain(config.pps())
                .map(base64::encode)
                .collect();
            if !sets.is_empty() {
                out.push(format!("sprop-parameter-sets={}", sets.join(",")));
            }
            if mode == h264::Mode::Interleaved {
                out.push(format!("sprop-interleaving-depth={interleaving_depth}"));
            }
            out
        }
        (Codec::Hevc(config), _) => {
            let of_type = |wanted: u8| -> Vec<String> {
                let kind = |nal: &&[u8]| nal.first().is_some_and(|byte| byte >> 1 & 0x3F == wanted);
                config.nals().filter(kind).map(base64::encode).collect()
            };
            let names = [("sprop-vps", 32), ("sprop-sps", 33), ("sprop-pps", 34)];
            let sets = names.map(|(name, kind)| (name, of_type(kind)));
            let some = sets.into_iter().filter(|(_, sets)| !sets.is_empty());
            some.map(|(name, sets)| format!("{name}={}", sets.join(",")))
                .collect()
        }
        (Codec::Aac(config), Layout::Mpeg4Generic(bits)) => {
            // A mode tells the lengths too, but many readers look for them.
            let mode = if bits.size_length == 6 {
                "AAC-lbr"
            } else {
                "AAC-hbr"
            };
            vec![
                String::from("streamtype=5"),
                String::from("profile-level-id=1"),
                format!("mode={mode}"),
                format!("sizelength={}", bits.size_length),
                format!("indexlength={}", bits.index_length),
                format!("indexdeltalength={}", bits.index_delta_length),
                format!("config={}", hex::encode(config.raw())),
            ]
        }
        (Codec::Aac(config), Layout::Latm) => {
            let mut mux = Vec::new();
            let config = aac::latm::StreamMuxConfig::new(config.clone());
            let written = config.encode(&mut mux);
            let mut out = vec![
                String::from("profile-level-id=1"),
                String::from("cpresent=0"),
            ];
            if written.is_ok() {
                out.push(format!("config={}", hex::encode(&mux)));
            }
            out
        }
        (Codec::Opus(opus), _) if opus.output_channel_count == 2 => {
            vec![String::from("sprop-stereo=1")]
        }
        (Codec::Av1(config), _) => vec![format!("profile={}", config.profile())],
        (Codec::Vp9(config), _) => vec![format!("profile-id={}", config.profile())],
        _ => Vec::new(),
    }
}

/// Has a medium go by `RTP/SAVP` with the keys of a message: as `a=key-mgmt` (RFC 4567 §3) and as `a=crypto` (RFC 4568), of which the
/// other end takes what it knows. The description is then a secret as well.
///
/// # Errors
/// As [`Message::encode`](crate::srtp::mikey::Message::encode) has them.
#[cfg(feature = "srtp")]
pub fn protect(media: &mut Media, message: &crate::srtp::mikey::Message) -> Result<(), Error> {
    use crate::srtp::sdes::Crypto;
    media.proto = TransportProto::RtpSavp.to_string();
    let value = format!("mikey {}", message.to_base64()?);
    media
        .attributes
        .push(Attribute::with_value("key-mgmt", value));
    for (key, tag) in message.keys.iter().zip(1..) {
        let crypto = Crypto::new(tag, message.profile, key);
        media
            .attributes
            .push(Attribute::with_value("crypto", crypto.to_string()));
    }
    Ok(())
}

/// A description as text.
///
/// # Errors
/// [`Error::Unsupported`] for what the text cannot hold.
pub fn to_text(session: &Session) -> Result<String, Error> {
    let mut out = Vec::new();
    let unsupported = |what: String| Error::Unsupported(what.into());
    session
        .write(&mut out)
        .map_err(|error| unsupported(error.to_string()))?;
    String::from_utf8(out).map_err(|error| unsupported(error.to_string()))
}

/// A session with a description for each track, and its address (`a=control`) by `control`.
#[must_use]
pub fn describe<'t>(
    mut session: Session,
    tracks: impl IntoIterator<Item = (&'t Track, Format)>,
    mut control: impl FnMut(&Track) -> Option<String>,
) -> Session {
    for (track, format) in tracks {
        let mut media = media_of(track, &format);
        if let Some(control) = control(track) {
            media
                .attributes
                .push(Attribute::with_value("control", control));
        }
        session.medias.push(media);
    }
    session
}
