//! Samples made up here, for files of which every byte is known.

use bytes::Bytes;
use core::num::NonZeroU32;
use media::{Codec, Event, Flags, Sample, Timescale, Track, TrackId, Tracks};

pub(crate) const VIDEO: TrackId = TrackId(1);
pub(crate) const AUDIO: TrackId = TrackId(2);

const SPS: [u8; 28] = [
    0x67, 0x64, 0x00, 0x1F, 0xAC, 0xD9, 0x40, 0x50, 0x05, 0xBB, 0x01, 0x6A, 0x02, 0x02, 0x02, 0x80,
    0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x19, 0x07, 0x8C, 0x18, 0xCB,
];
const PPS: [u8; 6] = [0x68, 0xEB, 0xE3, 0xCB, 0x22, 0xC0];

pub(crate) fn tracks(priming: u32) -> Tracks {
    let avc = h264::DecoderConfig::from_parameter_sets([&SPS[..]], [&PPS[..]]).unwrap();
    let asc = aac::AudioSpecificConfig::lc(48_000, 2).unwrap();
    let mut audio = Track::new(AUDIO, Timescale::new(48_000).unwrap(), Codec::Aac(asc));
    audio.priming = priming;
    [
        Track::new(VIDEO, Timescale::KHZ_90, Codec::H264(avc)),
        audio,
    ]
    .into_iter()
    .collect()
}

/// `seconds` of 25 pictures with two B-frames between references, a key frame each second, and AAC.
pub(crate) fn events(seconds: i64) -> Vec<Event> {
    let mut samples = Vec::new();
    for n in 0..seconds * 25 {
        let dts = n * 3600;
        let ahead = [2, 4, 1, 1][usize::try_from(n % 4).unwrap()];
        samples.push(Sample {
            track: VIDEO,
            dts,
            pts: dts + ahead * 3600,
            duration: None,
            flags: Flags::SYNC.when(n % 25 == 0),
            data: Bytes::from(vec![
                u8::try_from(n % 251).unwrap();
                100 + usize::try_from(n).unwrap()
            ]),
        });
    }
    for n in 0..seconds * 48_000 / 1024 {
        samples.push(Sample {
            track: AUDIO,
            dts: n * 1024,
            pts: n * 1024,
            duration: NonZeroU32::new(1024),
            flags: Flags::SYNC,
            data: Bytes::from(vec![0xAA; 50]),
        });
    }
    let tracks = tracks(0);
    samples.sort_by_key(|sample| {
        tracks
            .find(sample.track)
            .unwrap()
            .timescale
            .time(sample.dts)
    });
    core::iter::once(Event::Tracks(tracks))
        .chain(samples.into_iter().map(Event::Sample))
        .collect()
}
