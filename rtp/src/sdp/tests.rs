use super::*;
use crate::Format;
use media::{Codec, Timescale, Track, TrackId};

fn aac() -> Track {
    let config = aac::AudioSpecificConfig::parse(&[0x11, 0x90]).unwrap();
    Track::new(
        TrackId(2),
        Timescale::new(48_000).unwrap(),
        Codec::Aac(config),
    )
}

fn h264() -> Track {
    let sps = [0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x11, 0x3F, 0x90];
    let pps = [0x68, 0xCE, 0x0F, 0xC8];
    let config = ::h264::DecoderConfig::from_parameter_sets([&sps[..]], [&pps[..]]).unwrap();
    Track::new(TrackId(1), Timescale::KHZ_90, Codec::H264(config))
}

#[test]
fn what_is_described_is_understood() {
    let tracks = [h264(), aac()];
    let formats = tracks
        .iter()
        .zip(96..)
        .map(|(track, number)| (track, Format::of(track, number).unwrap()));
    let session = session("test", 7, [192, 0, 2, 1].into());
    let session = describe(session, formats, |track| {
        Some(format!("trackID={}", track.id))
    });
    let text = to_text(&session).unwrap();
    assert!(text.contains("a=rtpmap:96 H264/90000\r\n"), "{text}");
    assert!(
        text.contains("sprop-parameter-sets=Z0LACtoRP5A=,aM4PyA=="),
        "{text}"
    );
    assert!(
        text.contains("a=rtpmap:97 mpeg4-generic/48000/2\r\n"),
        "{text}"
    );
    assert!(text.contains("config=1190"), "{text}");
    let media = media(&parse(text.as_bytes()).unwrap());
    for ((media, track), number) in media.iter().zip(&tracks).zip(96..) {
        let stream = media.stream(track.id).unwrap();
        assert_eq!(stream.codec.as_ref(), Some(&track.codec));
        assert_eq!(stream.formats, [Format::of(track, number).unwrap()]);
        assert_eq!(media.control, Some(format!("trackID={}", track.id)));
    }
}

#[test]
fn latm_has_its_configuration_in_the_description() {
    let track = aac();
    let format = Format::latm(&track, 98).unwrap();
    let session = describe(
        session("", 1, [127, 0, 0, 1].into()),
        [(&track, format)],
        |_| None,
    );
    let media = media(&parse(to_text(&session).unwrap().as_bytes()).unwrap());
    let stream = media[0].stream(TrackId(1)).unwrap();
    assert_eq!(stream.codec, Some(track.codec));
    assert_eq!(stream.latm.unwrap().layers.len(), 1);
}

#[test]
fn cameras_leave_things_out() {
    // No origin, no name, a bare line feed, a bandwidth that is none, an unknown line.
    let text = "v=0\nb=AS:\nx-weird\nm=video 0 RTP/AVP 96\nc=IN IP4\na=rtpmap:96 H264/90000\na=fmtp:96 packetization-mode=1\na=control:track1\n";
    let media = media(&parse(text.as_bytes()).unwrap());
    assert_eq!(media[0].control.as_deref(), Some("track1"));
    assert!(media[0].stream(TrackId(1)).is_some());
    assert!(parse(b"\xFF\xFE").is_ok_and(|session| session.medias.is_empty()));
}

#[test]
fn formats_of_rfc_3551_need_no_map() {
    let text = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0 8 14\r\nm=video 5006 RTP/AVP 33 34\r\n";
    let media = media(&parse(text.as_bytes()).unwrap());
    let known: Vec<_> = media
        .iter()
        .flat_map(|media| &media.formats)
        .map(|format| format.format.is_some())
        .collect();
    assert_eq!(known, [true, true, true, true, false]);
    assert_eq!(
        media[0].formats[0]
            .codec
            .as_ref()
            .and_then(Codec::sample_rate),
        Some(8000)
    );
}
