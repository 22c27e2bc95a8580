//! Program streams: the corpus's against androidx/media's dumps, ffmpeg's against ffprobe, and what we write.

use fluvial_mpegts::{Demuxer, Limits};
use media::{Codec, Event, Kind, Sample, Timescale, Tracks};
use proptest::prelude::*;
use std::path::Path;
use testing::dump::{self, Dump};
use testing::{csv, run};

#[derive(Debug, Default, PartialEq)]
struct Found {
    tracks: Tracks,
    samples: Vec<Sample>,
    warnings: Vec<String>,
}

impl Found {
    fn of(&self, track: u32) -> Vec<&Sample> {
        let of = |sample: &&Sample| sample.track.0 == track;
        self.samples.iter().filter(of).collect()
    }
}

fn demux(data: &[u8], piece: usize) -> Found {
    demux_by(Demuxer::program_stream(Limits::default()), data, piece)
}

fn demux_by(mut demuxer: Demuxer, data: &[u8], piece: usize) -> Found {
    let mut found = Found::default();
    let mut drain = |demuxer: &mut Demuxer| {
        while let Some(event) = demuxer.poll_event().unwrap() {
            match event {
                Event::Tracks(tracks) => found.tracks = tracks,
                Event::Sample(sample) => found.samples.push(sample),
                Event::Warning(warning) => found.warnings.push(warning.to_string()),
                other => found.warnings.push(format!("{other:?}")),
            }
        }
    };
    for piece in data.chunks(piece) {
        demuxer.handle_input(piece);
        drain(&mut demuxer);
    }
    demuxer.handle_eof();
    drain(&mut demuxer);
    assert_eq!(demuxer.buffered_len(), 0);
    found
}

/// The ids there of the substreams here.
fn id(track: u32) -> u32 {
    match track {
        0x100..=0x1FF => 0xBD,
        other => other,
    }
}

#[test]
fn every_dump_agrees() {
    let Some(folder) = testing::corpus("mpegps/androidx-media") else {
        return;
    };
    let mut looked_at = 0;
    for path in testing::files(&folder.join("extractordumps/ts")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if let Some(stream) = name.strip_suffix(".0.dump") {
            compare(&path, &folder.join("media/ts").join(stream));
            looked_at += 1;
        }
    }
    assert_eq!(looked_at, 2);
}

fn compare(dump: &Path, stream: &Path) {
    let found = demux(&std::fs::read(stream).unwrap(), 1000);
    assert_eq!(found.warnings, [""; 0], "{}", stream.display());
    let micros = Timescale::new(1_000_000).unwrap();
    // Their times begin with those of the first packet, and so have all the same shift.
    let mut shift = None;
    let mut dump = Dump::read(dump);
    // Video first: its times are exact there too.
    dump.tracks.sort_by_key(|track| track.id < 0xE0);
    for expected in &dump.tracks {
        let what = format!("{}, track {}", stream.display(), expected.id);
        let track = found.tracks.iter().find(|one| id(one.id.0) == expected.id);
        let track = track.unwrap_or_else(|| panic!("{what}"));
        let samples = found.of(track.id.0);
        assert_eq!(samples.len(), expected.samples.len(), "{what}");
        // Sound is counted in samples here, in rounded microseconds there.
        let tolerance = if track.codec.kind() == Kind::Audio {
            60
        } else {
            1
        };
        for (i, (sample, expected)) in samples.iter().zip(&expected.samples).enumerate() {
            let time = track.timescale.rescale(sample.pts, micros);
            let shift = *shift.get_or_insert(time - expected.time);
            let off = (time - shift).abs_diff(expected.time);
            assert!(
                off <= tolerance,
                "{what}, sample {i}: at {time}, off by {off}"
            );
            assert_eq!(
                (
                    u32::from(sample.is_sync()),
                    sample.data.len(),
                    dump::hash(&sample.data)
                ),
                (expected.flags, expected.len, expected.hash),
                "{what}, sample {i}"
            );
        }
    }
}

const VIDEO: &str = "-f lavfi -i testsrc2=s=320x240:r=25:d=2";
const AUDIO: &str = "-f lavfi -i sine=f=440:r=48000:d=2 -ac 2";

/// PTS, DTS and size of a packet.
type Packet = (Option<i64>, Option<i64>, usize);

/// What ffprobe says of the packets of one kind: time and size.
fn probe(data: &[u8], kind: &str) -> Option<Vec<Packet>> {
    let args = format!(
        "-v error -f mpeg -select_streams {kind} -show_entries packet=pts,dts,size -of csv=p=0 -"
    );
    let lines = csv("ffprobe", &args, data)?;
    let line = |fields: &Vec<String>| {
        let number = |i: usize| fields[i].parse::<i64>().ok();
        // Of pictures without times in their packets ffprobe does not always find some.
        let (pts, dts) = (number(0), number(1));
        (pts, dts, fields[2].parse().unwrap())
    };
    Some(lines.iter().map(line).collect())
}

/// Streams of every kind that ffmpeg writes have the samples that ffprobe sees.
#[test]
fn what_ffmpeg_writes_is_read() {
    for (encode, format) in [
        ("-c:v mpeg2video -bf 2 -c:a mp2", "vob"),
        ("-c:v mpeg2video -bf 2 -c:a ac3", "vob"),
        ("-c:v mpeg2video -bf 2 -c:a ac3", "dvd"),
        ("-c:v mpeg2video -bf 2 -c:a mp2", "svcd"),
        ("-c:v mpeg1video -bf 2 -c:a mp2", "mpeg"),
        ("-c:v mpeg1video -bf 2 -c:a mp2", "vcd"),
        ("-c:v libx264 -bf 2 -c:a mp2", "vob"),
        ("-c:v libx264 -bf 0 -preset ultrafast -c:a mp2", "mpeg"),
        ("-c:v mpeg2video -bf 0 -c:a mp3", "vob"),
        ("-c:v mpeg2video -bf 0 -c:a dca -strict -2", "vob"),
        ("-c:v mpeg2video -bf 0 -c:a pcm_s16be", "vob"),
    ] {
        let args = format!(
            "-v error {VIDEO} {AUDIO} -pix_fmt yuv420p {encode} -g 12 -b:v 1M -f {format} -"
        );
        let Some(data) = run("ffmpeg", &args, &[]) else {
            return;
        };
        let what = format!("{encode} in {format}");
        let found = demux(&data, 10_000);
        assert_eq!(found.warnings, [""; 0], "{what}");
        assert_eq!(found.tracks.len(), 2, "{what}: {:?}", found.tracks);
        for (kind, name) in [(Kind::Video, "v:0"), (Kind::Audio, "a:0")] {
            let track = found.tracks.first_of(kind).unwrap();
            let ticks = |time| track.timescale.rescale(time, Timescale::KHZ_90);
            let theirs = probe(&data, name).unwrap();
            let ours = found.of(track.id.0);
            if matches!(track.codec, Codec::Pcm(_) | Codec::Other { .. }) {
                // Samples are what packets carry, which ffprobe cuts in another way.
                let len: usize = ours.iter().map(|sample| sample.data.len()).sum();
                let wanted = match track.codec {
                    // 2 s of 48 kHz, 2 channels, 2 bytes; ffprobe counts 3 bytes of header in each packet.
                    Codec::Pcm(_) => 384_000,
                    _ => theirs.iter().map(|(.., size)| size).sum(),
                };
                assert_eq!(len, wanted, "{what} {name}");
                let first = ours.first().map(|sample| ticks(sample.pts));
                assert_eq!(first, theirs[0].0, "{what} {name}");
                continue;
            }
            assert_eq!(ours.len(), theirs.len(), "{what} {name}");
            for (i, (sample, (pts, dts, size))) in ours.iter().zip(&theirs).enumerate() {
                let at = format!("{what} {name} sample {i}");
                let near = |ours: i64, theirs: Option<i64>| {
                    let theirs = theirs.unwrap_or_else(|| panic!("{at} has no time"));
                    let ours = ticks(ours);
                    assert!(ours.abs_diff(theirs) <= 1, "{at}: {ours} {theirs}");
                };
                near(sample.pts, *pts);
                near(sample.dts, *dts);
                if kind == Kind::Audio || !encode.contains("x264") {
                    assert_eq!(sample.data.len(), *size, "{at}");
                }
            }
        }
    }
}

#[test]
fn what_others_made_is_read() {
    let Some(folder) = testing::corpus("mpegps/UniversalMediaServer-UniversalMediaServer/videos")
    else {
        return;
    };
    for path in testing::files(&folder) {
        let data = std::fs::read(&path).unwrap();
        let found = demux(&data, 5000);
        let Some(theirs) = probe(&data, "v:0") else {
            return;
        };
        let track = found.tracks.first_of(Kind::Video).unwrap();
        eprintln!("{}: {:?}", path.display(), found.warnings);
        let ours = found.of(track.id.0);
        assert_eq!(ours.len(), theirs.len(), "{}", path.display());
        for (i, (sample, (pts, dts, size))) in ours.iter().zip(&theirs).enumerate() {
            let what = format!("{}, picture {i}", path.display());
            assert_eq!(sample.data.len(), *size, "{what}");
            assert!(
                pts.is_none_or(|pts| pts == sample.pts),
                "{what}: {pts:?} {sample:?}"
            );
            assert!(
                dts.is_none_or(|dts| dts == sample.dts),
                "{what}: {dts:?} {sample:?}"
            );
        }
    }
}

/// Several small pictures share a packet, and only the first of them has a time.
#[test]
fn pictures_that_share_a_packet_are_shown_in_their_order() {
    for encode in [
        "-bf 2 -g 25",
        "-bf 3 -b_strategy 2 -x264-params b-pyramid=normal:open-gop=1 -g 12",
    ] {
        let args = format!(
            "-v error -f lavfi -i testsrc2=size=128x96:rate=25 -t 2 -pix_fmt yuv420p -c:v libx264 {encode} -f mpegts -"
        );
        let Some(stream) = run("ffmpeg", &args, &[]) else {
            return;
        };
        let again = "-v fatal -f mpegts -i - -c copy -f vob -";
        let shared = demux(&run("ffmpeg", again, &stream).unwrap(), 1000);
        let whole = demux_by(Demuxer::new(Limits::default()), &stream, 1000);
        let times = |found: &Found, of: fn(&Sample) -> i64| -> Vec<i64> {
            let first = found.samples[0].pts;
            found
                .samples
                .iter()
                .map(|sample| of(sample) - first)
                .collect()
        };
        assert_eq!(whole.samples.len(), 50);
        let pts = |sample: &Sample| sample.pts;
        assert_eq!(times(&shared, pts), times(&whole, pts), "{encode}");
        let decoded = times(&shared, |sample| sample.dts);
        assert!(decoded.is_sorted_by(|a, b| a < b), "{decoded:?}");
        let late = shared.samples.iter().find(|sample| sample.dts > sample.pts);
        assert_eq!(late, None);
    }
}

/// As ffmpeg's `-f vob` makes it of H.264 out of an MP4: lengths instead of start codes, parameter sets nowhere, and no map.
#[test]
fn a_stream_without_headers_is_told() {
    let pack = [
        0, 0, 1, 0xBA, 0x44, 0, 4, 0, 4, 1, 0, 5, 3, 0xF8, // and a packet with a PTS
        0, 0, 1, 0xE2, 0, 17, 0x80, 0x80, 5, 0x21, 0, 5, 0xBF, 0x21, 0, 0, 0, 5, 0x65, 0x88, 0x84,
        7, 0xFF,
    ];
    let stream = pack.repeat(3);
    for piece in [1, stream.len()] {
        let found = demux(&stream, piece);
        assert_eq!((found.tracks.len(), found.samples.len()), (0, 0));
        let told = "a stream that no map tells of shows no headers by which it could be read";
        let wanted = format!("{told} at offset 14, track 226, 27 bytes skipped");
        assert!(found.warnings.contains(&wanted), "{:?}", found.warnings);
    }
}

fn corpus_file() -> Option<Vec<u8>> {
    let folder = testing::corpus("mpegps/androidx-media/media/ts")?;
    Some(std::fs::read(folder.join("sample_h262_mpeg_audio.ps")).unwrap())
}

/// A length that goes past the end costs the packet that has it.
#[test]
fn a_length_past_the_end_hides_nothing() {
    let Some(mut data) = corpus_file() else {
        return;
    };
    let whole = demux(&data, 4096).samples.len();
    // Of a packet of `private_stream_2`, the first.
    assert_eq!(data[38..44], [0, 0, 1, 0xBF, 0x03, 0xD4]);
    data[42..44].fill(0xFF);
    let found = demux(&data, 4096);
    assert_eq!(found.samples.len(), whole, "{:?}", found.warnings);
    assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn cuts_change_nothing(piece in 1usize..5000) {
        let Some(data) = corpus_file() else { return Ok(()) };
        prop_assert_eq!(demux(&data, piece), demux(&data, data.len()));
    }

    /// Damage costs what is damaged, and no more than the packets around it: one of them has four frames of sound.
    #[test]
    fn damage_is_survived(place in 0usize..49_000, len in 1usize..200, value: u8) {
        let Some(mut data) = corpus_file() else { return Ok(()) };
        let whole = demux(&data, 4096).samples.len();
        let end = (place + len).min(data.len());
        data[place.min(end)..end].fill(value);
        let found = demux(&data, 4096);
        prop_assert!(found.samples.len() + 5 >= whole, "{} of {whole}, {:?}", found.samples.len(), found.warnings);
    }
}
