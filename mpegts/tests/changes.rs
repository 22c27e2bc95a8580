//! Streams that become others: another program map, other codecs behind the same one, another time line.

mod common;

use common::{Found, demux, events};
use media::{Event, Tracks};

/// Four seconds that ffmpeg makes, from a time on.
fn source(pictures: &str, sound: &str, from: u32) -> Option<Vec<u8>> {
    let args = format!(
        "-v error -f lavfi -i {pictures} -f lavfi -i {sound} -t 4 -output_ts_offset {from} -f mpegts -"
    );
    testing::run("ffmpeg", &args, &[])
}

const SMALL: &str = "testsrc2=s=160x120:r=25";
const LARGE: &str = "testsrc2=s=320x180:r=25";
const H264: &str = "-c:v libx264 -preset fast -g 25";
const H265: &str = "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=25";

/// A stream, and what it is.
type Named = (&'static str, Vec<u8>);

/// What comes first, and what may follow it.
fn sources(from: u32) -> Option<(Vec<u8>, Vec<Named>)> {
    let sine = "sine=f=440:r=48000";
    let first = source(SMALL, &format!("{sine} {H264} -c:a aac"), 0)?;
    let others = [
        ("the same", SMALL, format!("{sine} {H264} -c:a aac")),
        (
            "the same map, other pictures and sound",
            LARGE,
            format!("sine=f=880:r=44100 {H264} -c:a aac"),
        ),
        ("other sound", SMALL, format!("{sine} {H264} -c:a ac3")),
        (
            "MPEG-2",
            LARGE,
            format!("{sine} -c:v mpeg2video -g 12 -c:a mp2"),
        ),
        ("all other", LARGE, format!("{sine} {H265} -c:a ac3")),
        (
            "one more",
            SMALL,
            format!("{sine} -map 0 -map 1 -map 1 {H264} -c:a:0 aac -c:a:1 mp2"),
        ),
        ("one less", SMALL, format!("{sine} -map 0 {H264}")),
        ("no pictures", SMALL, format!("{sine} -map 1 -c:a aac")),
        (
            "another name of a language",
            SMALL,
            format!("{sine} {H264} -c:a aac -metadata:s:a language=deu"),
        ),
    ];
    let others = others.into_iter().map(|(name, pictures, sound)| {
        let data = source(pictures, &sound, from)?;
        Some((name, data))
    });
    Some((first, others.collect::<Option<_>>()?))
}

/// Samples in the order in which each track has them.
fn data(found: &[&Found]) -> Vec<(u32, Vec<bytes::Bytes>)> {
    let all = || found.iter().flat_map(|found| &found.samples);
    let mut ids: Vec<u32> = all().map(|sample| sample.track.0).collect();
    ids.sort_unstable();
    ids.dedup();
    let of = |id| all().filter(move |sample| sample.track.0 == id);
    ids.into_iter()
        .map(|id| (id, of(id).map(|sample| sample.data.clone()).collect()))
        .collect()
}

#[test]
fn tracks_behind_a_change_are_told_at_once_and_no_sample_is_lost() {
    // The second one begins anew, or where the first one ends.
    for from in [0, 4] {
        let Some((first, others)) = sources(from) else {
            return;
        };
        let before = demux(&first);
        for (name, second) in others {
            let name = format!("{name} from {from} s");
            let after = demux(&second);
            let stream = [&first[..], &second].concat();
            let both = demux(&stream);
            let mut told: Vec<&Tracks> = vec![&before.tracks[0], &after.tracks[0]];
            told.dedup();
            assert!(
                both.tracks.iter().eq(told.iter().copied()),
                "{name}: {} tracks",
                both.tracks.len()
            );
            assert!(data(&[&both]) == data(&[&before, &after]), "{name}");
            let cut = |event: &Event| matches!(event, Event::Tracks(_) | Event::Discontinuity);
            let all = events([&stream[..]]);
            // Once each, and nothing between them.
            let cuts: Vec<usize> = (0..all.len()).filter(|at| cut(&all[*at])).collect();
            let wanted = told.len() + usize::from(from == 0);
            assert_eq!(cuts.len(), wanted, "{name}: {cuts:?}");
            assert!(cuts.len() < 3 || cuts[2] == cuts[1] + 1, "{name}: {cuts:?}");
            // Samples of the first one do not come behind the cut.
            if let Some(cut) = cuts.get(1) {
                let earlier = all[..*cut].iter();
                let earlier = earlier.filter(|event| matches!(event, Event::Sample(_)));
                assert_eq!(earlier.count(), before.samples.len(), "{name}");
            }
            for piece in [188, 1000] {
                assert!(events(stream.chunks(piece)) == all, "{name}");
            }
        }
    }
}

#[test]
fn a_track_that_does_not_come_is_not_waited_for_without_bound() {
    let sine = "sine=f=440:r=48000";
    let first = source(SMALL, &format!("{sine} {H264} -c:a aac"), 0);
    let second = source(SMALL, &format!("{sine} {H264} -c:a ac3"), 4);
    let (Some(first), Some(second)) = (first, second) else {
        return;
    };
    // The map has it; of its packets, none comes.
    let pid = |packet: &[u8]| u16::from(packet[1] & 0x1F) << 8 | u16::from(packet[2]);
    let second = second.chunks(188).filter(|packet| pid(packet) != 0x101);
    let second = second.flatten().copied().collect::<Vec<_>>();
    let mut demuxer = fluvial_mpegts::Demuxer::new(fluvial_mpegts::Limits::default());
    let (mut latest, mut longest) = (0, 0);
    for piece in first.chunks(188).chain(second.chunks(188)) {
        demuxer.handle_input(piece);
        longest = longest.max(demuxer.buffered_len());
        while let Some(event) = demuxer.poll_event().unwrap() {
            if let Event::Sample(sample) = event
                && sample.track.0 == 0x100
            {
                latest = sample.dts;
            }
        }
    }
    // Of eight seconds all came, and there was not more than two and a half of pictures to be kept.
    assert!(latest > (1 + 7) * 90_000, "{latest}");
    assert!(
        longest < second.len() * 3 / 4,
        "{longest} of {}",
        second.len()
    );
}
