//! FLV files that nobody here wrote, beside what others say is in them.

use bytes::Bytes;
use fluvial_rtmp::flv::{
    FileDemuxer, FileHeader, FileItem, FileMuxer, FileOutput, FileReader, KeyFrames, MuxerConfig,
    encode_tag,
};
use fluvial_rtmp::{Limits, Message, TypeId};
use media::{Codec, Event, Kind, Metadata, Sample, Tracks, Warning};
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use testing::dump::{Dump, hash};
use testing::{Random, corpus, csv, files, flip_bits, run};

/// What was found in a file.
#[derive(Debug, Default, PartialEq)]
struct Found {
    tracks: Option<Tracks>,
    samples: Vec<Sample>,
    metadata: Vec<Metadata>,
    warnings: Vec<Warning>,
    jumps: usize,
    /// How often tracks were told behind samples.
    changes: usize,
}

impl Found {
    fn take(&mut self, demuxer: &mut FileDemuxer) {
        while let Some(event) = demuxer.poll_event().unwrap() {
            match event {
                Event::Tracks(tracks) => {
                    self.changes += usize::from(!self.samples.is_empty());
                    self.tracks = Some(tracks);
                }
                Event::Sample(sample) => self.samples.push(sample),
                Event::Metadata(metadata) => self.metadata.push(metadata),
                Event::Warning(warning) => self.warnings.push(warning),
                Event::Discontinuity => self.jumps += 1,
                _ => {}
            }
        }
    }

    fn of_kind(&self, kind: Kind) -> Vec<&Sample> {
        let tracks = self.tracks.clone().unwrap_or_default();
        let of = |sample: &&Sample| tracks.find(sample.track).map(|t| t.codec.kind()) == Some(kind);
        self.samples.iter().filter(of).collect()
    }

    /// A sample's times, in milliseconds.
    fn millis(&self, sample: &Sample) -> (f64, f64) {
        let tracks = self.tracks.as_ref().unwrap();
        let scale = f64::from(tracks.find(sample.track).unwrap().timescale.get()) / 1000.0;
        (sample.dts as f64 / scale, sample.pts as f64 / scale)
    }
}

fn demux(data: &[u8], piece: usize) -> Found {
    let mut demuxer = FileDemuxer::new(Limits::default());
    let mut found = Found::default();
    for piece in data.chunks(piece) {
        demuxer.handle_input(piece);
        found.take(&mut demuxer);
        assert!(demuxer.buffered_len() <= 32 << 20);
    }
    demuxer.handle_eof();
    found.take(&mut demuxer);
    assert_eq!(demuxer.buffered_len(), 0);
    found
}

/// As `demux`, of bytes that are shared; looks at what came after every so many pieces only, so that input has to wait.
fn demux_shared(data: &[u8], piece: usize, polls: usize) -> Found {
    let mut demuxer = FileDemuxer::new(Limits::default());
    let mut found = Found::default();
    for (n, piece) in data.chunks(piece).enumerate() {
        demuxer.handle_bytes(Bytes::copy_from_slice(piece));
        assert!(demuxer.buffered_len() <= 32 << 20);
        if n % polls == 0 {
            found.take(&mut demuxer);
        }
    }
    demuxer.handle_eof();
    found.take(&mut demuxer);
    assert_eq!(demuxer.buffered_len(), 0);
    found
}

/// A file of one track of sound, whose frames have bodies of 2 to 20 000 bytes.
fn sound() -> Vec<u8> {
    let mut file = Vec::new();
    FileHeader::new(true, false).encode(&mut file);
    let mut tag = |timestamp: u32, payload: Vec<u8>| {
        let message = Message {
            timestamp,
            type_id: TypeId::AUDIO,
            stream_id: 0,
            payload: payload.into(),
        };
        encode_tag(&message, &mut file).unwrap();
    };
    // ffmpeg 9 begins with a header that says nothing, where it learns only later what there is to say.
    tag(0, vec![0xAF, 0]);
    tag(0, vec![0xAF, 0, 0x11, 0x90]);
    for n in 0..300 {
        let len = (n as usize * 7919) % 20_000 + 1;
        let body = (0..len).map(|at| (at * 31 + n as usize) as u8);
        tag(n * 21, [0xAF, 1].into_iter().chain(body).collect());
    }
    file
}

#[test]
fn shared_bytes_give_the_same_and_are_not_copied() {
    let file = sound();
    let whole = demux(&file, file.len());
    assert_eq!((whole.samples.len(), &*whole.warnings), (300, &[][..]));
    for piece in [1000, 4096, 50_000, file.len()] {
        for polls in [1, 7] {
            let shared = demux_shared(&file, piece, polls);
            assert_eq!(shared.samples, whole.samples, "{piece} {polls}");
            assert_eq!(shared.warnings, whole.warnings);
        }
    }
    // What damage does is the same, too.
    let mut broken = file.clone();
    broken[file.len() / 3..][..30_000].fill(0xA5);
    let one = demux(&broken, 3000);
    let other = demux_shared(&broken, 3000, 1);
    assert!(!one.warnings.is_empty());
    assert_eq!(
        (&one.samples, &one.warnings),
        (&other.samples, &other.warnings)
    );

    let bytes = Bytes::from(file);
    let range = bytes.as_ptr_range();
    let mut demuxer = FileDemuxer::new(Limits::default());
    demuxer.handle_bytes(bytes.clone());
    let mut found = Found::default();
    found.take(&mut demuxer);
    let lies_within = |sample: &&Sample| range.contains(&sample.data.as_ptr());
    let (long, short): (Vec<_>, Vec<_>) = found
        .samples
        .iter()
        .partition(|sample| sample.data.len() + 2 >= 4096);
    assert!(long.len() > 200 && short.len() > 50);
    assert!(long.iter().all(lies_within));
    assert!(!short.iter().any(lies_within));

    // By tags as by samples.
    let mut reader = FileReader::new(&Limits::default());
    let mut input = bytes.clone();
    let mut shared = 0;
    while let Some(item) = reader.read_shared(&mut input) {
        if let FileItem::Tag { message, .. } = item {
            shared += usize::from(range.contains(&message.payload.as_ptr()));
        }
    }
    assert!(input.is_empty() && reader.finish().is_none());
    assert_eq!(shared, long.len());
}

fn flv_files() -> Vec<PathBuf> {
    let Some(folder) = corpus("flv") else {
        return Vec::new();
    };
    let mut found = files(&folder);
    found.retain(|path| path.extension().is_some_and(|ext| ext == "flv"));
    assert!(found.len() > 25);
    found
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// The path of a newer ffmpeg, which knows Enhanced RTMP.
fn ffmpeg9() -> Option<String> {
    let program = "import imageio_ffmpeg;print(imageio_ffmpeg.get_ffmpeg_exe())";
    let output = std::process::Command::new("python3")
        .args(["-c", program])
        .output()
        .ok()?;
    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if path.is_empty() {
        eprintln!("SKIPPED: imageio-ffmpeg is not installed");
        return None;
    }
    Some(path)
}

/// A packet as a peer sees it: DTS and PTS in milliseconds, size, and whether it is a key frame.
type Packet = (f64, f64, usize, bool);

/// The packets of the first track of a kind, as ffmpeg 9 sees them; it leaves out what it has no codec for.
fn packets(ffmpeg: &str, path: &Path, kind: Kind) -> Option<Vec<Packet>> {
    let select = if kind == Kind::Video { "v:0" } else { "a:0" };
    let args = format!(
        "-v quiet -copyts -i {} -map 0:{select}? -c copy -f framecrc -",
        path.display()
    );
    let mut lines = csv(ffmpeg, &args, &[])?;
    // Where there is no such track it takes another.
    let wanted = format!(
        "#media_type 0: {}",
        if kind == Kind::Video {
            "video"
        } else {
            "audio"
        }
    );
    if !lines.iter().any(|line| line[0] == wanted) {
        lines.clear();
    }
    let packets = lines
        .iter()
        .filter(|line| !line[0].starts_with('#'))
        .map(|line| {
            let number = |at: usize| line[at].trim().parse::<f64>().unwrap();
            (
                number(1),
                number(2),
                number(4) as usize,
                !line.last().unwrap().contains("F=0x0"),
            )
        });
    // Empty ones are the ends of sequences.
    Some(packets.filter(|packet| packet.2 > 0).collect())
}

/// Where it is right that sizes differ from ffmpeg's, and why.
fn other_sizes(place: &str) -> Option<&'static str> {
    const OTHERS: [(&str, &str); 5] = [
        (
            "fixtures/test.flv",
            "ffmpeg takes the byte before a frame of VP6 as configuration",
        ),
        (
            "exiftool/Flash.flv",
            "ffmpeg takes the byte before a frame of VP6 as configuration",
        ),
        (
            "MonaServer/AudioAndVideo.flv",
            "parameter sets in frames go to the configuration",
        ),
        (
            "MonaServer/VideoAndAudio.flv",
            "parameter sets in frames go to the configuration",
        ),
        (
            "MonaServer/Video.flv",
            "parameter sets in frames go to the configuration",
        ),
    ];
    let found = OTHERS.iter().find(|(name, _)| place.ends_with(name))?;
    println!("{}: {}", found.0, found.1);
    Some(found.1)
}

#[test]
fn packets_agree_with_ffmpeg() {
    let Some(ffmpeg) = ffmpeg9() else {
        return;
    };
    let mut compared = 0;
    for path in flv_files() {
        let data = std::fs::read(&path).unwrap();
        let found = demux(&data, 4096);
        let place = path.display().to_string();
        let other_sizes = other_sizes(&place).is_some();
        for kind in [Kind::Video, Kind::Audio] {
            let mut packets = packets(&ffmpeg, &path, kind).unwrap();
            let samples = found.of_kind(kind);
            if name(&path) == "breakdance.flv" && kind == Kind::Audio {
                // The file ends in it: ffmpeg gives what there is of it.
                packets.pop();
            }
            assert_eq!(samples.len(), packets.len(), "{place} {kind:?}");
            for (sample, packet) in samples.iter().zip(&packets) {
                if kind == Kind::Audio || !other_sizes {
                    assert_eq!(sample.data.len(), packet.2, "{place} {kind:?}");
                }
                assert_eq!(sample.is_sync(), packet.3, "{place} {kind:?} {packet:?}");
                let (dts, pts) = found.millis(sample);
                for (ours, theirs) in [(dts, packet.0), (pts, packet.1)] {
                    assert!(
                        (ours - theirs).abs() <= 5.5,
                        "{place} {kind:?}: {ours} {theirs}"
                    );
                }
                compared += 1;
            }
        }
    }
    assert!(compared == 0 || compared > 3000, "{compared}");
    println!("{compared} packets");
}

/// The bytes of a sample as the dumps have them: start codes for lengths.
fn with_start_codes(codec: &Codec, data: &[u8]) -> Vec<u8> {
    let mut out = data.to_vec();
    if matches!(codec, Codec::H264(_)) {
        let mut at = 0;
        while let Some(len) = out
            .get_mut(at..)
            .and_then(|rest| rest.first_chunk_mut::<4>())
        {
            at += 4 + u32::from_be_bytes(*len) as usize;
            *len = [0, 0, 0, 1];
        }
    }
    out
}

#[test]
fn dumps_agree() {
    let Some(folder) = corpus("flv/androidx-media/extractordumps/flv") else {
        return;
    };
    let mut compared = 0;
    for path in files(&folder) {
        let dump = Dump::read(&path);
        let (file, case) = name(&path)
            .strip_suffix(".dump")
            .unwrap()
            .rsplit_once('.')
            .unwrap();
        let data = std::fs::read(folder.join("../../media/flv").join(file)).unwrap();
        let whole = demux(&data, 1000);
        let index = whole.metadata.first().and_then(KeyFrames::of);
        let mut found = Found::default();
        let mut demuxer = FileDemuxer::new(Limits::default());
        demuxer.handle_input(&data);
        found.take(&mut demuxer);
        // The cases are a seek to each third of the duration, where there is an index.
        let case: u64 = case.parse().unwrap_or(0);
        if case > 0 {
            let time = dump.duration.unwrap() * case / 3;
            let place = index
                .as_ref()
                .unwrap()
                .at(std::time::Duration::from_micros(time))
                .unwrap();
            demuxer.handle_seek(place.offset);
            found.samples.clear();
            demuxer.handle_input(&data[place.offset as usize..]);
            found.take(&mut demuxer);
            assert_eq!(found.jumps, 1);
        }
        demuxer.handle_eof();
        found.take(&mut demuxer);
        for (time, places) in dump.positions.iter().filter(|_| index.is_some()) {
            let place = index
                .as_ref()
                .unwrap()
                .at(std::time::Duration::from_micros(*time))
                .unwrap();
            assert_eq!((place.time.as_micros() as u64, place.offset), places[0]);
        }
        let tracks = found.tracks.clone().unwrap();
        assert_eq!(tracks.len(), dump.tracks.len());
        for theirs in &dump.tracks {
            let kind = if theirs.id == 9 {
                Kind::Video
            } else {
                Kind::Audio
            };
            let codec = &tracks.first_of(kind).unwrap().codec;
            assert_eq!(
                theirs.value("codecs").unwrap().to_lowercase(),
                codec.rfc6381().to_lowercase()
            );
            let ours = found.of_kind(kind);
            assert_eq!(ours.len(), theirs.samples.len(), "{}", path.display());
            for (ours, theirs) in ours.iter().zip(&theirs.samples) {
                let data = with_start_codes(codec, &ours.data);
                assert_eq!((data.len(), hash(&data)), (theirs.len, theirs.hash));
                assert_eq!(u32::from(ours.is_sync()), theirs.flags & 1);
                let (_, pts) = found.millis(ours);
                assert!((pts - theirs.time as f64 / 1000.0).abs() <= 5.0);
                compared += 1;
            }
        }
    }
    assert!(compared > 300, "{compared}");
}

#[test]
fn the_size_of_pieces_does_not_matter() {
    for path in flv_files() {
        let data = std::fs::read(&path).unwrap();
        let data = &data[..data.len().min(100_000)];
        let whole = demux(data, usize::MAX);
        for piece in [1, 7, 1000] {
            assert_eq!(
                demux(data, piece),
                whole,
                "{} in pieces of {piece}",
                path.display()
            );
        }
    }
}

#[test]
fn damage_costs_what_is_damaged() {
    for path in flv_files() {
        let good = std::fs::read(&path).unwrap();
        let good = &good[..good.len().min(300_000)];
        let whole = demux(good, 4096);
        // Junk inside of a file: all that is whole after it is found.
        if whole.samples.len() > 20 && whole.warnings.is_empty() {
            let mut junk = good.to_vec();
            let middle = junk.len() / 2;
            junk.splice(middle..middle + 10, [0xA5; 300]);
            let found = demux(&junk, 4096);
            let lost = whole.samples.len() - found.samples.len().min(whole.samples.len());
            assert!(lost <= 2, "{}: {lost} lost", path.display());
            assert!(!found.warnings.is_empty());
        }
        let mut random = Random::new(7);
        for _ in 0..3 {
            let mut bad = good.to_vec();
            flip_bits(&mut bad, &mut random);
            demux(&bad, 4096);
            let end = random.below(good.len());
            demux(&good[..end], 777);
        }
    }
}

/// A file made of what was found in another one.
fn mux(found: &Found, index: usize) -> Vec<u8> {
    let mut muxer = FileMuxer::new().with_index(index);
    muxer.set_tracks(found.tracks.as_ref().unwrap()).unwrap();
    for sample in &found.samples {
        muxer.handle_sample(sample).unwrap();
    }
    muxer.finish().unwrap();
    let mut file = Vec::new();
    while let Some(output) = muxer.poll_output() {
        match output {
            FileOutput::Append(data) => file.extend_from_slice(&data),
            FileOutput::Patch { offset, data } => {
                file[offset as usize..][..data.len()].copy_from_slice(&data);
            }
        }
    }
    file
}

/// Sizes and checksums of decoded frames.
fn decoded(ffmpeg: &str, path: &Path, kind: &str) -> Vec<Vec<String>> {
    let map = if kind.is_empty() {
        String::new()
    } else {
        format!("-map 0:{kind}")
    };
    let args = format!("-v quiet -i {} {map} -f framemd5 -", path.display());
    let lines = csv(ffmpeg, &args, &[]).unwrap_or_default();
    let frames = lines.into_iter().filter(|line| !line[0].starts_with('#'));
    frames.map(|line| line[4..].to_vec()).collect()
}

#[test]
fn what_is_written_is_read_by_us_and_ffmpeg() {
    let Some(ffmpeg) = ffmpeg9() else {
        return;
    };
    let mut indexed = 0;
    for path in flv_files() {
        let data = std::fs::read(&path).unwrap();
        let found = demux(&data, 4096);
        let Some(tracks) = &found.tracks else {
            continue;
        };
        let file = mux(&found, 10);
        let again = demux(&file, 4096);
        assert_eq!(again.warnings, [], "{}", path.display());
        let again_tracks = again.tracks.clone().unwrap();
        assert_eq!(again_tracks.len(), tracks.len());
        for (ours, theirs) in again_tracks.iter().zip(tracks) {
            assert_eq!(ours.codec, theirs.codec, "{}", path.display());
        }
        let content = |found: &Found, kind| -> Vec<_> {
            found
                .of_kind(kind)
                .iter()
                .map(|s| (s.data.clone(), s.flags))
                .collect()
        };
        for kind in [Kind::Video, Kind::Audio] {
            assert_eq!(
                content(&again, kind),
                content(&found, kind),
                "{}",
                path.display()
            );
        }
        // Its metadata tells the truth.
        let metadata = &again.metadata[0];
        assert_eq!(
            metadata.get("filesize"),
            Some(&media::Value::Number(file.len() as f64))
        );
        // Of one place there is no index.
        let index = KeyFrames::of(metadata).unwrap_or_default();
        assert!(index.0.len() != 1 && index.0.len() <= 10);
        indexed += usize::from(!index.0.is_empty());
        for entry in &index.0 {
            let tag = &file[entry.offset as usize..];
            assert!(matches!(tag[0], 8 | 9));
            let time = u32::from_be_bytes([tag[7], tag[4], tag[5], tag[6]]);
            assert_eq!(u128::from(time), entry.time.as_millis());
        }
        // And ffmpeg sees in ours what it sees in the other.
        let written =
            std::env::temp_dir().join(format!("fluvial-{}-{}", std::process::id(), name(&path)));
        std::fs::write(&written, &file).unwrap();
        for kind in [Kind::Video, Kind::Audio] {
            let select = if kind == Kind::Video { "v" } else { "a" };
            if name(&path) != "breakdance.flv" && !found.of_kind(kind).is_empty() {
                let theirs = decoded(&ffmpeg, &path, select);
                assert!(
                    decoded(&ffmpeg, &written, select) == theirs,
                    "{} {kind:?}",
                    path.display()
                );
            }
        }
        std::fs::remove_file(&written).unwrap();
    }
    assert!(indexed > 0, "{indexed}");
}

/// Codecs that ffmpeg puts into FLV, and by which encoder. The last is the `rtmp_enhanced_codecs` or FourCC way.
#[test]
fn codecs_of_ffmpeg() {
    let Some(ffmpeg) = ffmpeg9() else {
        return;
    };
    let video = "-f lavfi -i testsrc2=size=160x120:rate=25 -t 2 -g 10";
    let audio = "-f lavfi -i sine=sample_rate=48000 -t 2 -ac 2";
    let folder = std::env::temp_dir().join(format!("fluvial-codecs-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (input, codec, name, frames) in [
        (video, "-c:v libx264 -bf 2", "avc1", 50),
        (
            video,
            "-c:v libx265 -x265-params log-level=none:bframes=2",
            "hvc1",
            50,
        ),
        (video, "-c:v libvpx-vp9 -b:v 200k", "vp09", 50),
        (
            video,
            "-c:v libsvtav1 -svtav1-params fast-decode=0",
            "av01",
            50,
        ),
        (video, "-c:v flv1", "FLV1", 50),
        (audio, "-c:a aac", "mp4a.40.2", 94),
        (audio, "-c:a libmp3lame", "mp4a.6B", 84),
        (
            "-f lavfi -i sine=sample_rate=44100 -t 2",
            "-c:a libmp3lame",
            "mp4a.6B",
            78,
        ),
        (
            "-f lavfi -i sine=sample_rate=44100 -t 2",
            "-c:a pcm_s16le",
            "ipcm",
            0,
        ),
        (
            "-f lavfi -i sine=sample_rate=8000 -t 2",
            "-c:a pcm_alaw",
            "alaw",
            0,
        ),
        (audio, "-c:a libopus", "opus", 101),
        (audio, "-c:a flac", "flac", 0),
        (audio, "-c:a ac3", "ac-3", 63),
        (audio, "-c:a eac3", "ec-3", 63),
    ] {
        let path = folder.join("theirs.flv");
        let args = format!("-v error -y {input} {codec} -f flv {}", path.display());
        run(&ffmpeg, &args, &[]).unwrap();
        let found = demux(&std::fs::read(&path).unwrap(), 4096);
        assert_eq!(found.warnings, [], "{codec}");
        let tracks = found.tracks.clone().unwrap();
        assert_eq!(tracks.len(), 1, "{codec}");
        assert!(
            tracks[0].codec.rfc6381().starts_with(name),
            "{codec}: {}",
            tracks[0].codec.rfc6381()
        );
        // FLAC has another header at its end, which knows how long it is.
        assert_eq!(found.changes, 0, "{codec}");
        let kind = tracks[0].codec.kind();
        let size = (kind == Kind::Video).then_some((160, 120));
        assert_eq!(tracks[0].codec.dimensions(), size, "{codec}");
        let theirs = packets(&ffmpeg, &path, kind).unwrap();
        assert_eq!(found.samples.len(), theirs.len(), "{codec}");
        assert!(
            frames == 0 || found.samples.len().abs_diff(frames) <= 1,
            "{codec}: {}",
            found.samples.len()
        );
        for (sample, packet) in found.samples.iter().zip(&theirs) {
            assert_eq!(
                (sample.data.len(), sample.is_sync()),
                (packet.2, packet.3),
                "{codec}"
            );
            let (dts, pts) = found.millis(sample);
            assert!(
                (dts - packet.0).abs() <= 1.5 && (pts - packet.1).abs() <= 1.5,
                "{codec}: {dts} {pts} {packet:?}"
            );
        }
        // Decoded, ours is the same.
        let ours = folder.join("ours.flv");
        std::fs::write(&ours, mux(&found, 0)).unwrap();
        let theirs = decoded(&ffmpeg, &path, "");
        assert!(!theirs.is_empty());
        assert!(decoded(&ffmpeg, &ours, "") == theirs, "{codec}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Two videos and two sounds in one file: ffmpeg 9 finds all four, frame for frame.
#[test]
fn ffmpeg_reads_our_tracks() {
    let Some(ffmpeg) = ffmpeg9() else {
        return;
    };
    let folder = std::env::temp_dir().join(format!("fluvial-tracks-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("in.flv");
    let mut tracks = Vec::new();
    let mut samples = Vec::new();
    let mut decoded_alone = Vec::new();
    for (number, (input, codec)) in [
        ("testsrc2=size=160x120:rate=25", "-c:v libx264 -bf 2"),
        (
            "testsrc=size=80x60:rate=30",
            "-c:v libx265 -x265-params log-level=none",
        ),
        ("sine=sample_rate=48000", "-c:a aac"),
        ("sine=sample_rate=48000:frequency=300", "-c:a libopus"),
    ]
    .into_iter()
    .enumerate()
    {
        let args = format!(
            "-v error -y -f lavfi -i {input} -t 1 {codec} -f flv {}",
            path.display()
        );
        run(&ffmpeg, &args, &[]).unwrap();
        decoded_alone.push(decoded(&ffmpeg, &path, ""));
        let found = demux(&std::fs::read(&path).unwrap(), 4096);
        let mut track = found.tracks.unwrap()[0].clone();
        track.id = media::TrackId(10 + number as u32);
        samples.extend(found.samples.into_iter().map(|sample| Sample {
            track: track.id,
            ..sample
        }));
        tracks.push(track);
    }
    let tracks = Tracks::from(tracks);
    samples.sort_by_key(|sample| {
        tracks
            .find(sample.track)
            .unwrap()
            .timescale
            .time(sample.dts)
    });
    for nanoseconds in [false, true] {
        let mut config = MuxerConfig::default();
        config.nanoseconds = nanoseconds;
        let mut muxer = FileMuxer::new().with_config(config);
        muxer.set_tracks(&tracks).unwrap();
        for sample in &samples {
            muxer.handle_sample(sample).unwrap();
        }
        muxer.finish().unwrap();
        let mut file = Vec::new();
        while let Some(output) = muxer.poll_output() {
            match output {
                FileOutput::Append(data) => file.extend_from_slice(&data),
                FileOutput::Patch { offset, data } => {
                    file[offset as usize..][..data.len()].copy_from_slice(&data);
                }
            }
        }
        std::fs::write(&path, &file).unwrap();
        let found = demux(&file, 999);
        let ids = found
            .tracks
            .as_ref()
            .unwrap()
            .iter()
            .map(|track| track.id.0);
        assert_eq!(ids.collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(found.samples.len(), samples.len());
        assert_eq!(found.warnings, []);
        for (ours, theirs) in found.samples.iter().zip(&samples) {
            assert_eq!(ours.data, theirs.data);
            let of = |track, ticks| {
                found
                    .tracks
                    .as_ref()
                    .unwrap()
                    .find(track)
                    .unwrap()
                    .timescale
                    .time(ticks)
            };
            let was = |ticks| tracks.find(theirs.track).unwrap().timescale.time(ticks);
            let off = (of(ours.track, ours.pts) - was(theirs.pts))
                .as_nanos()
                .abs();
            assert!(off <= if nanoseconds { 1000 } else { 1_000_000 }, "{off}");
        }
        for (select, alone) in ["v:0", "v:1", "a:0", "a:1"].into_iter().zip(&decoded_alone) {
            assert!(!alone.is_empty());
            assert!(
                decoded(&ffmpeg, &path, select) == *alone,
                "{select} {nanoseconds}"
            );
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces(mut data in prop::collection::vec(prop_oneof![Just(0u8), Just(8), Just(9), Just(18), any::<u8>()], 0..300), cut in 1usize..50, header in any::<bool>()) {
        if header {
            data.splice(0..0, *b"FLV\x01\x05\0\0\0\x09\0\0\0\0");
        }
        prop_assert_eq!(demux(&data, cut), demux(&data, usize::MAX));
    }
}
