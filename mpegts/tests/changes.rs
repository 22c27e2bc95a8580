//! Streams that become others: another program map, other codecs behind the same one, another time line.

mod common;

use common::{Found, demux, events};
use fluvial_mpegts::mux::{Config, Muxer};
use fluvial_mpegts::{Demuxer, Limits};
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
    let mut demuxer = Demuxer::new(Limits::default());
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

/// Parameter sets that change while the other track is still to come: the set of tracks is whole all the same, and each picture has its own.
#[test]
fn parameter_sets_that_change_at_the_start_are_told_where_they_do() {
    const SPS: [[u8; 8]; 2] = [
        [0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x11, 0x3F, 0x90],
        [0x67, 0x42, 0xC0, 0x0B, 0xDA, 0x11, 0x3F, 0x90],
    ];
    const PPS: [[u8; 4]; 2] = [[0x68, 0xCE, 0x0F, 0xC8], [0x68, 0xCE, 0x3C, 0x80]];
    let (video, sound) = (media::TrackId(0x100), media::TrackId(0x101));
    let set = |sps: usize, pps: usize| {
        let sets = ([&SPS[sps][..]], [&PPS[pps][..]]);
        let h264 = h264::DecoderConfig::from_parameter_sets(sets.0, sets.1).unwrap();
        let aac = aac::AudioSpecificConfig::lc(48_000, 2).unwrap();
        let track =
            |id, rate, codec| media::Track::new(id, media::Timescale::new(rate).unwrap(), codec);
        media::Tracks::from(vec![
            track(video, 90_000, media::Codec::H264(h264)),
            track(sound, 48_000, media::Codec::Aac(aac)),
        ])
    };
    let sets = [set(0, 0), set(0, 1), set(1, 1)];
    let mut muxer = Muxer::new(Config::default());
    for n in 0..20_i64 {
        let which = usize::try_from(n / 2).unwrap().min(2);
        if n % 2 == 0 && n < 6 {
            muxer.set_tracks(&sets[which]).unwrap();
        }
        let sync = n == 0 || n == 4;
        let slice = if sync {
            [0x65, 0xB8, 0x04, 0x0A]
        } else {
            [0x41, 0xE2, 0x20, 0x20]
        };
        let sample = |track, dts, data| media::Sample {
            track,
            dts,
            pts: dts,
            duration: None,
            flags: media::Flags::SYNC.when(sync || track == sound),
            data,
        };
        let picture = [&[0, 0, 0, 40][..], &slice, &[n as u8 | 0x80; 36]].concat();
        muxer
            .handle_sample(&sample(video, n * 3600, picture.into()))
            .unwrap();
        // Sound begins when both changes are past.
        if n > 8 {
            let data = vec![n as u8; 100].into();
            muxer.handle_sample(&sample(sound, n * 1920, data)).unwrap();
        }
    }
    muxer.finish().unwrap();
    let mut demuxer = Demuxer::new(Limits::default());
    for piece in std::iter::from_fn(|| muxer.poll_output()) {
        demuxer.handle_input(&piece);
    }
    demuxer.handle_eof();
    let (mut told, mut pictures) = (Vec::new(), Vec::new());
    while let Some(event) = demuxer.poll_event().unwrap() {
        match event {
            Event::Tracks(tracks) => told.push(tracks),
            Event::Sample(sample) if sample.track == video => {
                pictures.push((told.len(), sample.data[8] & 0x7F));
            }
            _ => {}
        }
    }
    let sets_of = |tracks: &media::Tracks| match &tracks.find(video).unwrap().codec {
        media::Codec::H264(config) => (
            config.sps().map(<[u8]>::to_vec).collect::<Vec<_>>(),
            config.pps().map(<[u8]>::to_vec).collect::<Vec<_>>(),
        ),
        other => panic!("{other:?}"),
    };
    assert!(told.iter().all(|tracks| tracks.len() == 2), "{told:?}");
    let told: Vec<_> = told.iter().map(sets_of).collect();
    assert_eq!(told, sets.iter().map(sets_of).collect::<Vec<_>>());
    let expected = (0..20).map(|n| (usize::from(n / 2).min(2) + 1, n));
    assert_eq!(pictures, expected.collect::<Vec<_>>());
}

#[test]
fn sound_of_another_rate_does_not_go_back() {
    let sine = |rate: u32| format!("sine=f=440:r={rate} {H264} -c:a aac");
    let (Some(first), Some(second)) = (
        source(SMALL, &sine(48_000), 0),
        source(SMALL, &sine(44_100), 4),
    ) else {
        return;
    };
    // The sound of the first lasts until after that of the second begins.
    let joined = [first, second].concat();
    let (mut tracks, mut newest) = (Tracks::default(), Vec::<(_, media::Time)>::new());
    let mut rates = Vec::new();
    for event in events([&joined[..]]) {
        match event {
            Event::Tracks(now) => {
                tracks = now;
                rates.extend(tracks.iter().filter_map(|track| track.codec.sample_rate()));
            }
            Event::Sample(sample) => {
                let timescale = tracks.find(sample.track).unwrap().timescale;
                let time = timescale.time(sample.dts);
                match newest.iter_mut().find(|(id, _)| *id == sample.track) {
                    Some((_, last)) => {
                        let tick = timescale.time(1);
                        assert!(time + tick >= *last, "{time} after {last}");
                        *last = time;
                    }
                    None => newest.push((sample.track, time)),
                }
            }
            Event::Discontinuity => panic!("the time line goes on"),
            _ => {}
        }
    }
    assert_eq!(rates, [48_000, 44_100]);
}
