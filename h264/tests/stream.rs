//! Byte streams as samples: output order and times, against ffmpeg and x264.

mod common;

use fluvial_h264::access_unit::{self, Canonical};
use fluvial_h264::nal::UnitType;
use fluvial_h264::sei::Payload;
use fluvial_h264::slice::SliceType;
use fluvial_h264::stream::{AccessUnit, Demuxer, Event, Limits, Warning};
use fluvial_h264::{
    DecoderConfig, DecodingTimes, Error, ParameterSets, SliceHeader, Sps, annexb, length_prefixed,
    sei,
};
use proptest::prelude::*;

/// What a demuxer makes of a stream in pieces.
fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut demuxer = Demuxer::new(Limits::default());
    let mut events = Vec::new();
    for piece in pieces {
        demuxer.handle_input(piece);
        events.extend(std::iter::from_fn(|| demuxer.poll_event()));
    }
    demuxer.handle_eof();
    events.extend(std::iter::from_fn(|| demuxer.poll_event()));
    assert_eq!(demuxer.buffered_len(), 0);
    events
}

/// An access unit with the type of its first slice.
struct Sample {
    unit: AccessUnit,
    kind: SliceType,
    is_field: bool,
}

/// The samples of a stream, and its timescale.
fn samples(stream: &[u8]) -> (Vec<Sample>, u32) {
    let mut sets = ParameterSets::default();
    let mut samples = Vec::new();
    let mut scale = 0;
    for event in events(stream.chunks(1000)) {
        match event {
            Event::Config { config, timescale } => {
                for nal in config.sps().chain(config.pps()) {
                    sets.insert(nal).unwrap();
                }
                scale = timescale;
            }
            Event::AccessUnit(unit) => {
                let slice = length_prefixed::nals(&unit.data, 4)
                    .flatten()
                    .find_map(|nal| SliceHeader::parse(nal, &sets).ok())
                    .unwrap();
                samples.push(Sample {
                    kind: slice.kind(),
                    is_field: slice.field_pic_flag,
                    unit,
                });
            }
            other => panic!("{other:?}"),
        }
    }
    (samples, scale)
}

/// Frames in output order: the type of the first slice, and the place in decoding order.
fn output_order(samples: &[Sample]) -> Vec<(SliceType, usize)> {
    let mut frames: Vec<(i64, SliceType, usize)> = Vec::new();
    let mut first_field = false;
    for Sample {
        unit,
        kind,
        is_field,
    } in samples
    {
        first_field = *is_field && !first_field;
        if first_field || !is_field {
            frames.push((unit.pts, *kind, frames.len()));
        }
    }
    frames.sort_unstable_by_key(|frame| frame.0);
    frames.into_iter().map(|(_, kind, n)| (kind, n)).collect()
}

/// A line such as `P,12`.
fn frame(line: &str) -> Option<(SliceType, usize)> {
    let (kind, number) = line.trim_end_matches(',').split_once(',')?;
    let kind = match kind {
        "I" => SliceType::I,
        "P" => SliceType::P,
        "B" => SliceType::B,
        other => panic!("{other}"),
    };
    Some((kind, number.parse().unwrap()))
}

/// Frames in output order, as ffmpeg decodes them.
fn theirs(input: &str) -> Option<Vec<(SliceType, usize)>> {
    let entries = "frame=coded_picture_number,pict_type";
    let options = ["-v", "quiet", "-f", "h264", "-show_entries", entries];
    let (frames, _) = common::run(
        "ffprobe",
        &[&options[..], &["-of", "csv=p=0", input]].concat(),
    )?;
    Some(frames.lines().filter_map(frame).collect())
}

/// What holds for the times of any stream.
fn check_times(name: &str, samples: &[Sample]) {
    let mut last = i64::MIN;
    for (n, Sample { unit, .. }) in samples.iter().enumerate() {
        assert!(last < unit.dts && unit.dts <= unit.pts, "{name}: unit {n}");
        last = unit.dts;
    }
    let mut shown: Vec<(i64, u32)> = samples
        .iter()
        .map(|sample| (sample.unit.pts, sample.unit.duration))
        .collect();
    shown.sort_unstable();
    let mut next = 0;
    for (pts, duration) in shown {
        assert_eq!(pts, next, "{name}: shown without gaps");
        next += i64::from(duration);
    }
}

/// A slice of a further layer, without the base layer.
const ONE_LAYER: &str = "sps_subsetsps_bothVUI.264";

/// Of streams with losses ffmpeg withholds, or makes up, pictures.
const LOST: &str = "_LOST";

#[test]
fn samples_of_the_corpus() {
    for (path, stream) in common::streams() {
        let input = path.to_str().unwrap();
        if input.ends_with(ONE_LAYER) {
            let found = events([&stream[..]]);
            assert!(
                matches!(
                    found[..],
                    [Event::Warning(Warning {
                        error: Error::NoPicture,
                        ..
                    })]
                ),
                "{found:?}"
            );
            continue;
        }
        let mut config = DecoderConfig::default();
        let units: Vec<_> = access_unit::units(&stream)
            .map(|unit| Canonical::from_annexb(unit.to_vec(), &mut config))
            .filter(|unit| !unit.data.is_empty())
            .collect();
        let (samples, _) = samples(&stream);
        assert_eq!(samples.len(), units.len(), "{input}");
        for (n, (sample, unit)) in samples.iter().zip(units).enumerate() {
            assert_eq!(sample.unit.data, unit.data, "{input}: unit {n}");
            assert_eq!(sample.unit.summary, unit.summary, "{input}: unit {n}");
            let at = usize::try_from(sample.unit.offset).unwrap();
            assert_eq!(stream[at - 3..at], [0, 0, 1], "{input}: unit {n}");
        }
        check_times(input, &samples);
        if input.contains(LOST) {
            continue;
        }
        let Some(theirs) = theirs(input) else {
            return;
        };
        assert_eq!(output_order(&samples), theirs, "{input}");
    }
}

/// A byte stream, and each packet's times as muxed: presentation, then decoding.
struct Encoded {
    stream: Vec<u8>,
    times: Vec<(i64, i64)>,
    timescale: u32,
}

/// What x264 makes of a pattern of 100 frames.
fn encoded(name: &str, rate: &str, options: &str) -> Option<Encoded> {
    let file = |extension: &str| {
        let name = format!("fluvial-h264-{}-{name}.{extension}", std::process::id());
        std::env::temp_dir().join(name).to_str().unwrap().to_owned()
    };
    let (mp4, raw) = (file("mp4"), file("264"));
    let ffmpeg = |arguments: String| {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        common::run("ffmpeg", &arguments)
    };
    ffmpeg(format!(
        "-v error -y -f lavfi -i testsrc2=size=128x96:rate={rate} -frames:v 100 -c:v libx264 \
         -pix_fmt yuv420p -threads 1 {options} {mp4}"
    ))?;
    ffmpeg(format!("-v error -y -i {mp4} -c copy -f h264 {raw}"))?;
    let entries = "stream=time_base:packet=pts,dts";
    let (told, _) = common::run(
        "ffprobe",
        &[
            "-v",
            "error",
            "-show_entries",
            entries,
            "-of",
            "csv=p=0",
            &mp4,
        ],
    )?;
    let times = told.lines().filter_map(|line| {
        let (pts, dts) = line.trim_end_matches(',').split_once(',')?;
        Some((pts.parse().ok()?, dts.parse().ok()?))
    });
    let timescale = told.lines().find_map(|line| line.strip_prefix("1/"));
    let encoded = Encoded {
        stream: std::fs::read(&raw).unwrap(),
        times: times.collect(),
        timescale: timescale.unwrap().trim_end_matches(',').parse().unwrap(),
    };
    std::fs::remove_file(mp4).unwrap();
    std::fs::remove_file(raw).unwrap();
    Some(encoded)
}

const NTSC_FILM: &str = "24000/1001";

/// Ways to encode: a name, a frame rate, options.
const ENCODINGS: [(&str, &str, &str); 12] = [
    ("none", "25", "-x264-params bframes=0"),
    ("one", "25", "-x264-params bframes=1:keyint=25"),
    (
        "pyramid",
        "25",
        "-x264-params bframes=7:b-pyramid=normal:b-adapt=0:keyint=40",
    ),
    (
        "strict",
        "50",
        "-x264-params bframes=3:b-pyramid=strict:b-adapt=0:keyint=33",
    ),
    (
        "open-gop",
        "25",
        "-x264-params bframes=5:b-pyramid=normal:b-adapt=0:keyint=20:open-gop=1",
    ),
    (
        "film",
        NTSC_FILM,
        "-x264-params bframes=5:b-pyramid=strict:keyint=20:open-gop=1",
    ),
    (
        "film-pyramid",
        NTSC_FILM,
        "-x264-params bframes=7:b-pyramid=normal:b-adapt=0:keyint=48",
    ),
    ("interlaced", "25", "-x264-params bframes=3:tff=1:keyint=30"),
    (
        "ildct",
        "25",
        "-flags +ildct+ilme -x264-params bframes=3:keyint=30",
    ),
    (
        "ildct-open",
        "30000/1001",
        "-flags +ildct+ilme -x264-params bframes=5:b-pyramid=normal:keyint=24:open-gop=1",
    ),
    (
        "fake-interlaced",
        "25",
        "-x264-params fake-interlaced=1:bframes=3:keyint=30",
    ),
    (
        "intra-refresh",
        "60",
        "-x264-params intra-refresh=1:bframes=2:keyint=30",
    ),
];

#[test]
fn times_are_those_of_x264() {
    for (name, rate, options) in ENCODINGS {
        let Some(encoded) = encoded(name, rate, options) else {
            return;
        };
        assert_eq!(encoded.times.len(), 100, "{name}");
        let (samples, timescale) = samples(&encoded.stream);
        check_times(name, &samples);
        let ticks = i64::from(timescale / encoded.timescale);
        assert_eq!(timescale % encoded.timescale, 0, "{name}");
        let ours: Vec<(i64, i64)> = samples
            .iter()
            .map(|sample| (sample.unit.pts, sample.unit.dts))
            .collect();
        let theirs: Vec<(i64, i64)> = encoded
            .times
            .iter()
            .map(|(pts, dts)| (pts * ticks, dts * ticks))
            .collect();
        assert_eq!(ours, theirs, "{name}");

        // What a receiver derives from presentation times alone.
        let sps = annexb::nals(&encoded.stream)
            .find_map(|nal| Sps::parse(nal).ok())
            .unwrap();
        let frame = i64::from(samples[0].unit.duration);
        let mut decoding = DecodingTimes::new(sps.max_num_reorder_frames(), frame);
        for (n, (pts, dts)) in theirs.iter().enumerate() {
            assert_eq!(decoding.push(*pts), *dts, "{name}: packet {n}");
        }
    }
}

/// Places in output order.
fn ranks(times: &[i64]) -> Vec<usize> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    times
        .iter()
        .map(|time| sorted.binary_search(time).unwrap())
        .collect()
}

#[test]
fn fields_have_their_places_by_mkvmerge() {
    // mkvmerge puts the fields of a frame into one block where all frames are coded so.
    let files = [
        ("lu-zero-fate-samples/FRext/HCAFF1_HHI.264", 14, 14),
        ("lu-zero-fate-samples/FRext/freh10.264", 200, 100),
        ("lu-zero-fate-samples/FRext/freh3.264", 100, 100),
        (
            "chromeos-cros-codecs/test_data/test-25fps-interlaced.h264",
            250,
            250,
        ),
    ];
    let Some(folder) = common::corpus() else {
        return;
    };
    let name = format!("fluvial-h264-{}.mkv", std::process::id());
    let mkv = std::env::temp_dir().join(name);
    let mkv = mkv.to_str().unwrap();
    for (file, units, blocks) in files {
        let path = folder.join(file);
        let arguments = format!("-q -o {mkv} --default-duration 0:25fps {}", path.display());
        let Some(_) = testing::run("mkvmerge", &arguments, &[]) else {
            return;
        };
        let entries = format!("-v error -show_entries packet=pts -of csv=p=0 {mkv}");
        let Some(lines) = testing::csv("ffprobe", &entries, &[]) else {
            return;
        };
        std::fs::remove_file(mkv).unwrap();
        let theirs: Vec<i64> = lines.iter().map(|line| line[0].parse().unwrap()).collect();
        assert_eq!(theirs.len(), blocks, "{file}");
        let (samples, _) = samples(&std::fs::read(path).unwrap());
        assert_eq!(samples.len(), units, "{file}");
        let ours: Vec<i64> = samples.iter().map(|sample| sample.unit.pts).collect();
        let ours: Vec<i64> = ours.into_iter().step_by(units / blocks).collect();
        assert_eq!(ranks(&ours), ranks(&theirs), "{file}");
    }
}

#[test]
fn pulldown_lasts_as_long_as_for_ffmpeg() {
    let options = "-x264-params bframes=2:keyint=24:pic-struct=1";
    let Some(encoded) = encoded("pulldown", NTSC_FILM, options) else {
        return;
    };
    // The stream again, with every kind of repetition.
    let sps = annexb::nals(&encoded.stream).find_map(|nal| Sps::parse(nal).ok());
    let sps = sps.unwrap();
    let mut stream = Vec::new();
    let mut structs = [0u8, 5, 4, 6, 3, 7, 8].into_iter().cycle();
    for nal in annexb::nals(&encoded.stream) {
        if UnitType::of(nal) == UnitType::Sei {
            let mut payloads: Vec<Payload> = sei::messages(nal)
                .map(|message| message.unwrap().payload(Some(&sps)).unwrap())
                .collect();
            for payload in &mut payloads {
                if let Payload::PicTiming(timing) = payload {
                    timing.pic_struct.as_mut().unwrap().pic_struct = structs.next().unwrap();
                }
            }
            let mut again = Vec::new();
            sei::encode(&payloads, Some(&sps), &mut again).unwrap();
            annexb::push(&again, &mut stream);
        } else {
            annexb::push(nal, &mut stream);
        }
    }
    let (samples, timescale) = samples(&stream);
    check_times("pulldown", &samples);
    let mut shown: Vec<(i64, u32)> = samples
        .iter()
        .map(|sample| (sample.unit.pts, sample.unit.duration))
        .collect();
    shown.sort_unstable();
    assert_eq!(timescale, 48_000);
    let ours: Vec<u32> = shown.iter().map(|(_, duration)| duration / 1001).collect();
    let entries = "-v error -f h264 -show_entries frame=repeat_pict -of csv=p=0 -";
    let Some(frames) = testing::csv("ffprobe", entries, &stream) else {
        return;
    };
    let theirs: Vec<u32> = frames
        .iter()
        .map(|line| 2 + line[0].parse::<u32>().unwrap())
        .collect();
    assert_eq!(ours, theirs);
    assert!([2, 3, 4, 6].iter().all(|fields| ours.contains(fields)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn how_it_is_cut_makes_no_difference(cuts in proptest::collection::vec(0..3000usize, 0..40)) {
        let Some(folder) = common::corpus() else {
            return Ok(());
        };
        let path = folder.join("chromeos-cros-codecs/test_data/64x64-I-P-B-P-high.h264");
        let stream = std::fs::read(path).unwrap();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % stream.len()).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut start = 0;
        for cut in cuts {
            pieces.push(&stream[start..cut]);
            start = cut;
        }
        pieces.push(&stream[start..]);
        prop_assert_eq!(events(pieces), events([&stream[..]]));
    }
}

#[test]
fn an_access_unit_past_the_limit_is_dropped() {
    let slice = |first: u8, len: usize| {
        let mut nal = vec![first, 0xB8, 0x04, 0x0A];
        nal.resize(len, 0xFF);
        nal
    };
    let mut stream = Vec::new();
    annexb::push(
        &[0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x11, 0x3F, 0x90],
        &mut stream,
    );
    annexb::push(&[0x68, 0xCE, 0x0F, 0xC8], &mut stream);
    for len in [900, 5000, 800] {
        annexb::push(&[0x09, 0xF0], &mut stream);
        annexb::push(&slice(0x65, len), &mut stream);
        // Filler takes no room.
        annexb::push(&slice(0x0C, 2 * len), &mut stream);
    }
    let mut limits = Limits::default();
    limits.access_unit = 4000;
    let mut demuxer = Demuxer::new(limits);
    let mut seen = Vec::new();
    for piece in stream.chunks(100) {
        demuxer.handle_input(piece);
        assert!(demuxer.buffered_len() < 3 * 4000);
        seen.extend(std::iter::from_fn(|| demuxer.poll_event()));
    }
    demuxer.handle_eof();
    seen.extend(std::iter::from_fn(|| demuxer.poll_event()));
    let told: Vec<String> = seen
        .iter()
        .map(|event| match event {
            Event::Config { config, .. } => config.rfc6381(),
            Event::AccessUnit(unit) => {
                assert_eq!(UnitType::of(&unit.data[4..]), UnitType::IdrSlice);
                unit.data.len().to_string()
            }
            Event::Warning(warning) => warning.error.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        told,
        [
            "42C00A",
            "904",
            "access unit has more than 4000 bytes",
            "804"
        ]
    );
}

#[test]
fn what_follows_a_dropped_access_unit_is_whole() {
    let mut stream = Vec::new();
    annexb::push(
        &[0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x11, 0x3F, 0x90],
        &mut stream,
    );
    annexb::push(&[0x68, 0xCE, 0x0F, 0xC8], &mut stream);
    let mut slices = Vec::new();
    for (head, len) in [
        (0x65, 900),
        (0x41, 5000),
        (0x65, 3000),
        (0x41, 6000),
        (0x65, 30),
    ] {
        let mut slice = vec![head];
        slice.extend_from_slice(if head == 0x65 {
            &[0xB8, 0x04, 0x0A, 0xFF]
        } else {
            &[0xE2, 0x10, 0x90, 0xFF]
        });
        slice.extend((0..len).map(|n| (n % 251) as u8 | 1));
        annexb::push(&slice, &mut stream);
        slices.push(slice);
    }
    // Also where the first one just fits.
    for (piece, limit) in [1, 50, 100, 4096, 100_000]
        .map(|piece| [(piece, 4000), (piece, 3010)])
        .concat()
    {
        let mut limits = Limits::default();
        limits.access_unit = limit;
        let mut demuxer = Demuxer::new(limits);
        let (mut found, mut dropped) = (Vec::new(), 0);
        for piece in stream.chunks(piece).map(Some).chain([None]) {
            match piece {
                Some(piece) => demuxer.handle_input(piece),
                None => demuxer.handle_eof(),
            }
            while let Some(event) = demuxer.poll_event() {
                match event {
                    Event::AccessUnit(unit) => found.push(unit.data[4..].to_vec()),
                    Event::Warning(_) => dropped += 1,
                    _ => {}
                }
            }
        }
        assert_eq!(found, [&slices[0][..], &slices[2], &slices[4]], "{piece}");
        assert_eq!(dropped, 2);
    }
}
