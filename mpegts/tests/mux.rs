//! What the muxer writes, read by programs that nobody here wrote, and by the checker.

mod common;

use common::{Found, demux};
use fluvial_mpegts::Limits;
use fluvial_mpegts::check::Checker;
use fluvial_mpegts::framer::PacketSize;
use fluvial_mpegts::mux::{Config, Muxer, ProgramConfig};
use fluvial_mpegts::packager::{Output, Packager};
use fluvial_mpegts::reader::{Reader, Unit};
use fluvial_mpegts::remux::{self, Remuxer};
use media::{Event, Segmenter, Time, TrackId, segmenter};
use std::process::Command;

/// Sources that ffmpeg makes: what they are, and its arguments.
const SOURCES: &[(&str, &str)] = &[
    (
        "H.264 with B-pictures, AAC, AC-3",
        "-f lavfi -i testsrc2=s=320x180:r=25:d=4 -f lavfi -i sine=f=440:d=4 -f lavfi -i sine=f=880:d=4 -map 0 -map 1 -map 2 \
         -c:v libx264 -preset fast -bf 3 -g 50 -c:a:0 aac -c:a:1 ac3 -metadata:s:a:0 language=deu",
    ),
    (
        "H.264 at 23.976 pictures a second, interlaced, AAC at 44100",
        "-f lavfi -i testsrc2=s=320x240:r=24000/1001:d=3 -f lavfi -i sine=f=440:r=44100:d=3 -c:v libx264 -preset fast -flags +ildct -x264opts tff=1 \
         -c:a aac",
    ),
    (
        "MPEG-2 video, layer II",
        "-f lavfi -i testsrc2=s=320x240:r=30000/1001:d=3 -f lavfi -i sine=f=440:d=3 -c:v mpeg2video -bf 2 -c:a mp2",
    ),
    (
        "H.265, E-AC-3",
        "-f lavfi -i testsrc2=s=320x180:r=50:d=2 -f lavfi -i sine=f=440:d=2 -c:v libx265 -preset ultrafast -x265-params log-level=none -c:a eac3",
    ),
    (
        "Opus and layer III",
        "-f lavfi -i sine=f=440:r=48000:d=3 -f lavfi -i sine=f=880:d=3 -map 0 -map 1 -c:a:0 libopus -c:a:1 libmp3lame",
    ),
];

fn source(args: &str) -> Option<Vec<u8>> {
    testing::run("ffmpeg", &format!("-v error {args} -f mpegts -"), &[])
}

/// The same as [`mux`], in pieces of some 100 kB that share two buffers.
fn mux_by_swaps(found: &Found, config: Config) -> Vec<u8> {
    let mut muxer = Muxer::new(config);
    muxer.set_tracks(&found.last_tracks()).unwrap();
    let (mut out, mut buffer) = (Vec::new(), vec![7; 1000]);
    for sample in &found.samples {
        muxer.handle_sample(sample).unwrap();
        if muxer.output_len() >= 100_000 {
            muxer.swap_output(&mut buffer);
            out.extend_from_slice(&buffer);
        }
    }
    muxer.finish().unwrap();
    muxer.swap_output(&mut buffer);
    out.extend_from_slice(&buffer);
    assert_eq!(muxer.output_len(), 0);
    assert!(muxer.poll_output().is_none());
    out
}

fn mux(found: &Found, config: Config) -> Vec<u8> {
    let mut muxer = Muxer::new(config);
    muxer.set_tracks(&found.last_tracks()).unwrap();
    let mut out = Vec::new();
    for sample in &found.samples {
        muxer.handle_sample(sample).unwrap();
        out.extend(muxer.poll_output().into_iter().flatten());
    }
    muxer.finish().unwrap();
    out.extend(muxer.poll_output().into_iter().flatten());
    assert_eq!(muxer.lateness(), Time::ZERO);
    assert_eq!(muxer.buffered_len(), 0);
    out
}

/// Every decoded frame of every stream, and what ffmpeg complains of.
fn frames(stream: &[u8]) -> Option<(Vec<String>, String)> {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args("-v warning -i - -map 0 -f framemd5 -".split(' '));
    let output = testing::ended(&mut ffmpeg, stream)?;
    let text = String::from_utf8(output.stdout).unwrap();
    let mut found: Vec<String> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let fields: Vec<&str> = line.split(',').map(str::trim).collect();
            format!("{} {}", fields[0], fields[5])
        })
        .collect();
    // Streams are told apart by their number; how their frames are interleaved is the muxer's business.
    found.sort_by_key(|line| line.split(' ').next().unwrap_or_default().to_owned());
    Some((found, String::from_utf8_lossy(&output.stderr).into_owned()))
}

fn findings(stream: &[u8]) -> Vec<String> {
    let mut checker = Checker::new();
    for piece in stream.chunks(10_000) {
        checker.handle_input(piece);
    }
    checker.handle_eof();
    std::iter::from_fn(|| checker.poll_finding())
        .map(|finding| finding.to_string())
        .collect()
}

fn assert_same_samples(a: &Found, b: &Found, what: &str) {
    assert_eq!(a.last_tracks(), b.last_tracks(), "{what}");
    for track in &a.last_tracks() {
        let (a, b) = (a.of(track.id.0), b.of(track.id.0));
        assert_eq!(a.len(), b.len(), "{what}, track {}", track.id);
        let ticks = i64::from(track.timescale.get() / 90_000).max(1);
        for (a, b) in a.iter().zip(&b) {
            assert_eq!(a.data, b.data, "{what}, track {}", track.id);
            assert!(
                a.dts.abs_diff(b.dts) <= ticks.unsigned_abs(),
                "{what}, track {}: {} {}",
                track.id,
                a.dts,
                b.dts
            );
            assert!(
                a.pts.abs_diff(b.pts) <= ticks.unsigned_abs(),
                "{what}, track {}",
                track.id
            );
            assert_eq!(a.flags, b.flags, "{what}, track {}", track.id);
        }
    }
}

#[test]
fn ffmpeg_finds_every_frame_and_no_fault() {
    for (what, args) in SOURCES {
        let Some(original) = source(args) else {
            return;
        };
        let found = demux(&original);
        assert_eq!(found.warnings, [], "{what}");
        let Some((expected, _)) = frames(&original) else {
            return;
        };
        assert!(expected.len() > 100, "{what}");
        let rate = original.len() as u64 * 8 * 2 / 2;
        for (how, config) in [
            ("variable rate", Config::default()),
            ("constant rate", Config::constant(rate)),
            ("M2TS", Config::m2ts()),
        ] {
            let what = format!("{what}, {how}");
            let stream = mux(&found, config.clone());
            let by_swaps = mux_by_swaps(&found, config);
            assert!(by_swaps == stream, "{what}: other bytes by swaps");
            let (got, complaints) = frames(&stream).unwrap();
            assert_eq!(got, expected, "{what}");
            assert_eq!(complaints, "", "{what}");
            assert_eq!(findings(&stream), [""; 0], "{what}");
            assert_same_samples(&found, &demux(&stream), &what);
        }
    }
}

#[test]
fn tables_come_in_time_between_pictures_that_are_far_apart() {
    let Some(original) = source("-f lavfi -i testsrc2=s=160x120:r=1.6:d=20 -c:v libx264 -g 100")
    else {
        return;
    };
    let found = demux(&original);
    for config in [Config::default(), Config::m2ts()] {
        let stream = mux(&found, config);
        assert_eq!(findings(&stream), [""; 0]);
        assert_same_samples(&found, &demux(&stream), "625 ms from picture to picture");
        assert!(frames(&stream) == frames(&original));
    }
}

#[test]
fn a_constant_rate_is_exact() {
    let Some(original) = source(SOURCES[0].1) else {
        return;
    };
    let found = demux(&original);
    let rate = 4_000_000;
    let stream = mux(&found, Config::constant(rate));
    let mut checker = Checker::new();
    checker.handle_input(&stream);
    checker.handle_eof();
    let clock = checker
        .statistics()
        .find_map(|(_, statistics)| statistics.clock.clone())
        .unwrap();
    let measured = clock.constant_rate.unwrap();
    assert!(measured.abs_diff(rate) < 100, "{measured}");
    assert!(clock.jitter_nanos < 80, "{clock:?}");
    assert!(clock.longest_interval <= 40 * 27_000, "{clock:?}");
}

#[test]
fn other_readers_take_it() {
    let Some(original) = source(SOURCES[0].1) else {
        return;
    };
    let found = demux(&original);
    let stream = mux(&found, Config::constant(3_000_000));
    let file = tempfile::Builder::new().suffix(".ts").tempfile().unwrap();
    std::fs::write(file.path(), &stream).unwrap();
    let path = file.path().display();
    if let Some(report) = testing::run("tsreport", &format!("-b {path}"), &[]) {
        let report = String::from_utf8_lossy(&report).into_owned();
        let exact = "Linear PCR prediction errors: min=0t, max=0t";
        assert!(
            report.contains(exact) && !report.contains("###"),
            "{report}"
        );
    }
    if let Some(report) = testing::run("tsinfo", &format!("{path}"), &[]) {
        let report = String::from_utf8_lossy(&report).into_owned();
        assert!(
            report.contains("H.264/14496-10 video") && !report.contains("###"),
            "{report}"
        );
    }
    if let Some(report) = testing::run("mediainfo", &format!("--Output=JSON {path}"), &[]) {
        let report = String::from_utf8_lossy(&report).into_owned();
        assert!(
            report.contains("\"OverallBitRate_Mode\":\"CBR\"") || report.contains("\"AVC\""),
            "{report}"
        );
        assert!(!report.contains("ConformanceErrors"), "{report}");
    }
    let args = format!(
        "-q filesrc location={path} ! tsparse ! tsdemux name=d d. ! queue ! h264parse ! fakesink d. ! queue ! aacparse ! fakesink"
    );
    if let Some(output) = testing::run("gst-launch-1.0", &args, &[]) {
        assert_eq!(String::from_utf8_lossy(&output), "");
    }
}

#[test]
fn programs_stay_apart() {
    let Some(original) = source(SOURCES[0].1) else {
        return;
    };
    let found = demux(&original);
    let ids: Vec<TrackId> = found.last_tracks().iter().map(|track| track.id).collect();
    let mut config = Config::default();
    config.programs = vec![
        ProgramConfig {
            number: 7,
            tracks: ids[..2].to_vec(),
        },
        ProgramConfig {
            number: 9,
            tracks: ids[2..].to_vec(),
        },
    ];
    let stream = mux(&found, config);
    assert_eq!(findings(&stream), [""; 0]);
    let programs = testing::csv(
        "ffprobe",
        "-v error -show_entries program=program_num,nb_streams -of csv=p=0 -",
        &stream,
    );
    if let Some(programs) = programs {
        let text: Vec<String> = programs.iter().map(|line| line.join(",")).collect();
        assert!(
            text.iter().any(|line| line.starts_with("7,2"))
                && text.iter().any(|line| line.starts_with("9,1")),
            "{text:?}"
        );
    }
    assert_same_samples(&found, &demux(&stream), "two programs");

    // One of them alone, packet by packet, its sound under another number.
    let mut config = remux::Config::default();
    config.programs = Some(vec![7]);
    config.renumbered = vec![(u16::try_from(ids[1].0).unwrap(), 0x333)];
    let mut remuxer = Remuxer::new(config);
    remuxer.handle_input(&stream);
    remuxer.handle_eof();
    let one = remuxer.poll_output().unwrap();
    assert_eq!(remuxer.problems(), 0);
    assert_eq!(findings(&one), [""; 0]);
    let alone = demux(&one);
    let of = |found: &Found, id: u32| -> Vec<_> {
        found
            .of(id)
            .iter()
            .map(|sample| sample.data.clone())
            .collect()
    };
    assert_eq!(alone.last_tracks().len(), 2);
    assert_eq!(of(&alone, ids[0].0), of(&found, ids[0].0));
    assert_eq!(of(&alone, 0x333), of(&found, ids[1].0));
}

#[test]
fn segments_are_streams_of_their_own_and_together() {
    let Some(original) = source(SOURCES[0].1) else {
        return;
    };
    let found = demux(&original);
    let mut segmenter = Segmenter::new({
        let mut config = segmenter::Config::segments(Time::from_millis(2000));
        config.part_target = Some(Time::from_millis(500));
        config
    });
    segmenter.handle_event(&Event::Tracks(found.last_tracks()));
    for sample in &found.samples {
        segmenter.handle_event(&Event::Sample(sample.clone()));
    }
    segmenter.finish();
    let mut packager = Packager::new(Config::default());
    let (mut segments, mut parts) = (Vec::new(), Vec::new());
    while let Some(segmented) = segmenter.poll_output() {
        packager.handle(&segmented).unwrap();
        while let Some(output) = packager.poll_output() {
            match output {
                Output::Part(part) => parts.push(part),
                Output::Segment(segment) => segments.push(segment),
            }
        }
    }
    assert_eq!((segments.len(), packager.buffered_len()), (2, 0));
    let total: u64 = segments.iter().map(|segment| segment.info.duration).sum();
    let track = found.last_tracks()[0].clone();
    assert_eq!(total, u64::from(track.timescale.get()) * 4);
    assert!(
        parts
            .iter()
            .all(|part| part.info.duration <= u64::from(track.timescale.get()) / 2)
    );
    let mut whole = Vec::new();
    for segment in &segments {
        let bytes: Vec<u8> = segment.data.concat();
        assert_eq!(bytes.len() as u64, segment.info.size);
        assert!(segment.info.independent && segment.info.parts >= 4);
        // A segment is decoded alone: tables first, then a picture that begins.
        let alone = demux(&bytes);
        assert_eq!(alone.last_tracks(), found.last_tracks());
        assert!(alone.of(track.id.0)[0].is_sync());
        whole.extend(bytes);
    }
    assert_same_samples(&found, &demux(&whole), "segments");
    assert_eq!(frames(&whole).unwrap().0, frames(&original).unwrap().0);
}

/// A track that goes away and comes back gets its PID again, whose packets are counted on.
#[test]
fn counters_go_on_where_a_track_comes_back() {
    let Some(original) = source(SOURCES[0].1) else {
        return;
    };
    let found = demux(&original);
    let all = found.last_tracks();
    let (last, rest) = all.split_last().unwrap();
    let third = found.samples.len() / 3;
    for config in [Config::default(), Config::constant(3_000_000)] {
        let mut muxer = Muxer::new(config);
        for (round, samples) in found.samples.chunks(third).enumerate() {
            let is_away = round == 1;
            let tracks = if is_away {
                rest.iter().cloned().collect()
            } else {
                all.clone()
            };
            muxer.set_tracks(&tracks).unwrap();
            for sample in samples
                .iter()
                .filter(|sample| !is_away || sample.track != last.id)
            {
                muxer.handle_sample(sample).unwrap();
            }
        }
        muxer.finish().unwrap();
        let findings = findings(&muxer.poll_output().unwrap());
        let wrong = |finding: &&String| finding.contains("Continuity");
        assert_eq!(findings.iter().find(wrong), None);
    }
}

#[test]
fn times_that_jump_are_told_and_not_filled() {
    let Some(original) = source(SOURCES[0].1) else {
        return;
    };
    let found = demux(&original);
    for config in [Config::default(), Config::constant(3_000_000)] {
        for jump in [100_000_000i64, -50_000_000] {
            let mut muxer = Muxer::new(config.clone());
            muxer.set_tracks(&found.last_tracks()).unwrap();
            for round in 0..2 {
                for sample in &found.samples {
                    let mut sample = sample.clone();
                    let scale = found.last_tracks().find(sample.track).unwrap().timescale;
                    let ticks = media::Timescale::KHZ_90.rescale(1 << 30, scale)
                        + round * media::Timescale::KHZ_90.rescale(jump, scale);
                    sample.dts += ticks;
                    sample.pts += ticks;
                    muxer.handle_sample(&sample).unwrap();
                }
            }
            muxer.finish().unwrap();
            let stream = muxer.poll_output().unwrap();
            assert!(stream.len() < 10_000_000, "{}", stream.len());
            assert_eq!(findings(&stream), [""; 0]);
            let read = demux(&stream);
            assert_eq!(
                (read.discontinuities, read.samples.len()),
                (1, 2 * found.samples.len())
            );
        }
    }
}

proptest::proptest! {
    #[test]
    fn nal_units_have_start_codes_wherever_packets_cut_them(
        lens in proptest::collection::vec(1..700usize, 1..12),
        last in 0..3000usize,
        sync: bool,
        size in 0..3usize,
    ) {
        let sps = [0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x11, 0x3F, 0x90];
        let pps = [0x68, 0xCE, 0x0F, 0xC8];
        let avc = h264::DecoderConfig::from_parameter_sets([&sps[..]], [&pps[..]]).unwrap();
        let id = TrackId(0x100);
        let track = media::Track::new(id, media::Timescale::KHZ_90, media::Codec::H264(avc));
        let (mut data, mut units) = (Vec::new(), Vec::new());
        let mut sets = Vec::new();
        h264::annexb::push(&sps, &mut sets);
        h264::annexb::push(&pps, &mut sets);
        for (number, len) in lens.into_iter().chain([last + 1]).enumerate() {
            let mut nal = vec![0x41 + number as u8; len];
            nal[0] = if sync { 0x65 } else { 0x41 };
            h264::length_prefixed::push(&nal, &mut data).unwrap();
            h264::annexb::push(&nal, &mut units);
        }
        let mut config = Config::default();
        config.packet_size = [PacketSize::Plain, PacketSize::TimeStamped, PacketSize::WithParity][size];
        let mut muxer = Muxer::new(config);
        muxer.set_tracks(&[track].into_iter().collect()).unwrap();
        let mut out = Vec::new();
        for n in 0..3 {
            let (dts, data) = (n * 3000, data.clone().into());
            let flags = media::Flags::SYNC.when(sync);
            let sample = media::Sample { track: id, dts, pts: dts, duration: None, flags, data };
            muxer.handle_sample(&sample).unwrap();
        }
        muxer.finish().unwrap();
        out.extend(muxer.poll_output().into_iter().flatten());
        let mut reader = Reader::new(Limits::default());
        let mut found = 0;
        for mut piece in [&out[..], &[]] {
            if piece.is_empty() {
                reader.handle_eof();
            }
            while let Some(unit) = reader.next(&mut piece) {
                if let Unit::Pes(pes) = unit {
                    // The first one has them in any case: nobody has told them yet.
                    let sets = if sync || found == 0 { &sets[..] } else { &[] };
                    let expected = [&[0, 0, 0, 1, 0x09, 0xF0], sets, &units].concat();
                    proptest::prop_assert_eq!(&pes.data, &expected);
                    found += 1;
                }
            }
        }
        proptest::prop_assert_eq!(found, 3);
    }
}

/// Other picture parameter sets may come in the middle of a coded video sequence.
#[test]
fn parameter_sets_come_before_the_picture_that_they_changed_at() {
    let sps = [0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x11, 0x3F, 0x90];
    let [old, new] = [[0x68, 0xCE, 0x0F, 0xC8], [0x68, 0xCE, 0x3C, 0x80]];
    let id = TrackId(0x100);
    let tracks = |pps: &[u8]| {
        let avc = h264::DecoderConfig::from_parameter_sets([&sps[..]], [pps]).unwrap();
        let codec = media::Codec::H264(avc);
        media::Tracks::from(vec![media::Track::new(id, media::Timescale::KHZ_90, codec)])
    };
    let count = |data: &[u8], pps: &[u8]| memchr::memmem::find_iter(data, pps).count();
    // Short and long pictures take different ways.
    for len in [20, 5000] {
        let mut ts = Muxer::new(Config::default());
        let mut ps = fluvial_mpegts::ps::Muxer::new(fluvial_mpegts::ps::mux::Config::default());
        for n in 0..6 {
            let pps = if n < 3 { &old } else { &new };
            let told = tracks(pps);
            if n % 3 == 0 {
                ts.set_tracks(&told).unwrap();
                ps.set_tracks(&told).unwrap();
            }
            let mut data = Vec::new();
            let nal = [&[if n == 0 { 0x65 } else { 0x41 }][..], &vec![0xFF; len]].concat();
            h264::length_prefixed::push(&nal, &mut data).unwrap();
            let flags = media::Flags::SYNC.when(n == 0);
            let dts = n * 3600;
            let sample = media::Sample {
                track: id,
                dts,
                pts: dts,
                duration: None,
                flags,
                data: data.into(),
            };
            ts.handle_sample(&sample).unwrap();
            ps.handle_sample(&sample).unwrap();
        }
        ts.finish().unwrap();
        ps.finish();
        let ts: Vec<u8> = std::iter::from_fn(|| ts.poll_output()).flatten().collect();
        let ps: Vec<u8> = std::iter::from_fn(|| ps.poll_output()).flatten().collect();
        for out in [ts, ps] {
            assert_eq!((count(&out, &old), count(&out, &new)), (1, 1), "{len}");
        }
    }
}

#[test]
fn what_a_clock_on_the_wall_shows_is_told() {
    use fluvial_mpegts::psi::{ClockTable, Descriptors, DvbTime};
    let Some(original) = source(SOURCES[0].1) else {
        return;
    };
    let found = demux(&original);
    let mut stream = mux(&found, Config::default());
    let unix = 1_764_000_000;
    let utc_time = DvbTime::from_unix(unix).unwrap();
    let offsets = Some(Descriptors::default());
    let packets = stream.len() / 188;
    for (at, counter, offsets) in [(packets / 2, 0x11, offsets), (packets / 4, 0x10, None)] {
        let mut section = Vec::new();
        ClockTable { utc_time, offsets }
            .encode(&mut section)
            .unwrap();
        let mut packet = [&[0x47, 0x40, 0x14, counter, 0][..], &section].concat();
        packet.resize(188, 0xFF);
        stream.splice(at * 188..at * 188, packet);
    }
    let read = demux(&stream);
    assert_eq!(read.samples.len(), found.samples.len());
    let [(first, a), (second, b)] = read.clocks[..] else {
        panic!("{:?}", read.clocks);
    };
    assert_eq!((a, b), (unix, unix));
    // Bytes are time, about: a quarter and half of the way.
    let times = read.samples.iter().map(|sample| {
        let track = read.tracks[0].find(sample.track).unwrap();
        track.timescale.time(sample.dts)
    });
    let (start, end) = (times.clone().min().unwrap(), times.max().unwrap());
    assert!(start < first && first < second && second < end);
}

/// Times near zero are moved, so that the clock can run before them: those in cues move too, and a cue comes when the clock shows its
/// time, however often the stream is written.
#[test]
fn cues_move_with_their_stream() {
    use fluvial_mpegts::scte35::SpliceInfoSection;
    use media::{Codec, Flags, Sample, Timescale, Track, Tracks};
    let Some(original) = source(SOURCES[0].1) else {
        return;
    };
    let mut found = demux(&original);
    let tracks = found.last_tracks();
    let (pictures, cues) = (tracks.iter().next().unwrap().id, TrackId(0x1F0));
    let first = |found: &Found| found.of(pictures.0)[0].dts;
    // From zero on.
    let begin = first(&found);
    for sample in &mut found.samples {
        let scale = tracks.find(sample.track).unwrap().timescale;
        let ticks = Timescale::KHZ_90.rescale(begin, scale);
        sample.dts -= ticks;
        sample.pts -= ticks;
    }
    let cue = Track::new(cues, Timescale::KHZ_90, Codec::Scte35);
    found.tracks = vec![tracks.iter().cloned().chain([cue]).collect::<Tracks>()];
    // time_signal at 0x072BD0050, told half a second after the start.
    let section = b"\xFC\x30\x34\0\0\0\0\0\0\xFF\xFF\xF0\x05\x06\xFE\x72\xBD\x00\x50\x00\x1E\x02\x1C\x43\x55\x45\x49\x48\x00\x00\x8E\x7F\xCF\x00\x01\xA5\x99\xB0\x08\x08\x00\x00\x00\x00\x2C\xA0\xA1\x8A\x34\x02\x00\x9A\xC9\xD1\x7E";
    let told = SpliceInfoSection::parse(section).unwrap().pts().unwrap();
    let sample = Sample {
        track: cues,
        dts: 45_000,
        pts: 45_000,
        duration: None,
        flags: Flags::SYNC,
        data: section.to_vec().into(),
    };
    let at = found
        .samples
        .iter()
        .position(|sample| sample.track == pictures && sample.dts >= 45_000);
    found.samples.insert(at.unwrap(), sample);
    for config in [Config::default(), Config::constant(3_000_000)] {
        let mut found = Found {
            tracks: found.tracks.clone(),
            samples: found.samples.clone(),
            ..Found::default()
        };
        for round in 0..3 {
            found = demux(&mux(&found, config.clone()));
            let moved = first(&found);
            let [cue] = found.of(cues.0)[..] else {
                panic!("{round}");
            };
            // Up to a tenth of a second, from one clock reference to the next.
            let late = cue.pts - moved - 45_000;
            assert!((-9000..=9000).contains(&late), "{round}: {late}");
            let section = SpliceInfoSection::parse(&cue.data).unwrap();
            assert_eq!(section.pts(), Some(told + moved as u64), "{round}");
        }
    }
}
