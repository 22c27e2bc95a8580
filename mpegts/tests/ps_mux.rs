//! Program streams that we write, read by ffmpeg and GStreamer: every frame has to come out.

use elementary::Format;
use fluvial_mpegts::ps::{Muxer, mux::Config};
use fluvial_mpegts::{Demuxer, Limits};
use media::{Event, Sample, Track, TrackId, Tracks};
use std::path::PathBuf;
use testing::{csv, run};

/// What one encoder of ffmpeg makes, as a raw stream and as tracks and samples.
struct Stream {
    raw: Vec<u8>,
    /// How ffmpeg names the raw format.
    name: &'static str,
    tracks: Tracks,
    samples: Vec<Sample>,
}

fn stream(id: u32, encode: &str, name: &'static str, format: Format) -> Option<Stream> {
    let raw = run("ffmpeg", &format!("-v error {encode} -f {name} -"), &[])?;
    let mut demuxer = elementary::Demuxer::new(format, elementary::Limits::default());
    let (mut tracks, mut samples) = (Tracks::default(), Vec::new());
    let mut take = |demuxer: &mut elementary::Demuxer| {
        while let Some(event) = demuxer.poll_event() {
            match event {
                Event::Tracks(all) => {
                    tracks = all
                        .iter()
                        .map(|track| Track::new(TrackId(id), track.timescale, track.codec.clone()))
                        .collect();
                }
                Event::Sample(mut sample) => {
                    sample.track = TrackId(id);
                    samples.push(sample);
                }
                Event::Warning(warning) => panic!("{name}: {warning}"),
                _ => {}
            }
        }
    };
    for piece in raw.chunks(10_000) {
        demuxer.handle_input(piece);
        take(&mut demuxer);
    }
    demuxer.handle_eof();
    take(&mut demuxer);
    assert!(samples.len() > 20, "{name}: {} samples", samples.len());
    Some(Stream {
        raw,
        name,
        tracks,
        samples,
    })
}

const VIDEO: &str = "-f lavfi -i testsrc2=s=320x240:r=25:d=2 -pix_fmt yuv420p";
const AUDIO: &str = "-f lavfi -i sine=f=440:r=48000:d=2 -ac 2";

fn h264(id: u32) -> Option<Stream> {
    let encode = format!("{VIDEO} -c:v libx264 -preset veryfast -g 12 -bf 2");
    stream(id, &encode, "h264", Format::H264)
}

fn mpeg2video(id: u32) -> Option<Stream> {
    let encode = format!("{VIDEO} -c:v mpeg2video -b:v 4M -g 12 -bf 2");
    stream(id, &encode, "mpeg2video", Format::MpegVideo)
}

fn aac(id: u32) -> Option<Stream> {
    stream(id, &format!("{AUDIO} -c:a aac"), "adts", Format::Adts)
}

fn mp2(id: u32) -> Option<Stream> {
    stream(id, &format!("{AUDIO} -c:a mp2"), "mp2", Format::MpegAudio)
}

fn ac3(id: u32) -> Option<Stream> {
    stream(id, &format!("{AUDIO} -c:a ac3"), "ac3", Format::Ac3)
}

fn mux(streams: &[&Stream], config: Config) -> Vec<u8> {
    let mut muxer = Muxer::new(config);
    let tracks: Tracks = streams
        .iter()
        .flat_map(|one| one.tracks.iter().cloned())
        .collect();
    muxer.set_tracks(&tracks).unwrap();
    let scale = |sample: &Sample| tracks.find(sample.track).unwrap().timescale;
    let mut samples: Vec<&Sample> = streams.iter().flat_map(|one| &one.samples).collect();
    samples.sort_by_key(|sample| scale(sample).time(sample.dts));
    let mut out = Vec::new();
    for sample in samples {
        muxer.handle_sample(sample).unwrap();
        out.extend(std::iter::from_fn(|| muxer.poll_output()).flatten());
    }
    muxer.finish();
    out.extend(std::iter::from_fn(|| muxer.poll_output()).flatten());
    out
}

/// The hashes of the decoded frames of one kind.
fn frames(format: &str, kind: &str, data: &[u8]) -> Option<Vec<String>> {
    let path = temporary(format, data);
    let format = match format {
        "adts" => "aac",
        "mpeg2video" => "mpegvideo",
        "mp2" => "mp3",
        other => other,
    };
    let args = format!(
        "-v error -f {format} -i {} -map 0:{kind} -fps_mode passthrough -f framehash -hash md5 -",
        path.display()
    );
    let text = run("ffmpeg", &args, &[]);
    std::fs::remove_file(path).unwrap();
    let text = String::from_utf8(text?).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    Some(
        lines
            .map(|line| line.rsplit(',').next().unwrap().trim().to_owned())
            .collect(),
    )
}

fn temporary(name: &str, data: &[u8]) -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("fluvial-{}-{number}.{name}", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, data).unwrap();
    path
}

/// ffmpeg has to decode the same frames from our stream as from the raw ones, and to have nothing to say.
fn same_frames(streams: &[&Stream], kinds: &[&str], config: &Config) {
    let data = mux(streams, config.clone());
    for (stream, kind) in streams.iter().zip(kinds) {
        let Some(ours) = frames("mpeg", kind, &data) else {
            return;
        };
        let kind = kind.get(..1).unwrap();
        let theirs = frames(stream.name, kind, &stream.raw).unwrap();
        assert_eq!(ours.len(), theirs.len(), "{} {config:?}", stream.name);
        assert_eq!(ours, theirs, "{} {config:?}", stream.name);
    }
}

#[test]
fn ffmpeg_reads_every_frame() {
    let all = (|| Some((h264(1)?, mpeg2video(1)?, aac(2)?, mp2(2)?, ac3(3)?)))();
    let Some((h264, mpeg2video, aac, mp2, ac3)) = all else {
        return;
    };
    for config in [Config::file(), Config::dvd(), Config::live()] {
        same_frames(&[&h264, &aac], &["v:0", "a:0"], &config);
        same_frames(&[&mpeg2video, &mp2, &ac3], &["v:0", "a:0", "a:1"], &config);
        same_frames(&[&mpeg2video, &ac3], &["v:0", "a:0"], &config);
        same_frames(&[&mp2], &["a:0"], &config);
    }
}

#[test]
fn ffmpeg_sees_every_time() {
    let Some(h264) = h264(1) else { return };
    let data = mux(&[&h264], Config::file());
    let path = temporary("mpg", &data);
    let args = format!(
        "-v error -f mpeg -show_entries packet=pts,dts -of csv=p=0 {}",
        path.display()
    );
    let packets = csv("ffprobe", &args, &[]);
    std::fs::remove_file(path).unwrap();
    let Some(packets) = packets else { return };
    let timescale = h264.tracks[0].timescale;
    let first = h264.samples[0].dts;
    // 500 ms before the first sample.
    let ticks = |time| timescale.rescale(time - first, media::Timescale::KHZ_90) + 45_000;
    let wanted: Vec<_> = h264
        .samples
        .iter()
        .map(|sample| vec![ticks(sample.pts).to_string(), ticks(sample.dts).to_string()])
        .collect();
    assert_eq!(packets, wanted);
}

#[test]
fn gstreamer_reads_every_frame() {
    let all = (|| Some((h264(1)?, aac(2)?, mpeg2video(1)?, mp2(2)?)))();
    let Some((h264, aac, mpeg2video, mp2)) = all else {
        return;
    };
    for config in [Config::file(), Config::live()] {
        for (streams, pads) in [
            ([&h264, &aac], ["video/x-h264", "audio/mpeg"]),
            ([&mpeg2video, &mp2], ["video/mpeg", "audio/mpeg"]),
        ] {
            let path = temporary("mpg", &mux(&streams, config.clone()));
            for (stream, pad) in streams.iter().zip(pads) {
                let args = format!(
                    "-q filesrc location={} ! mpegpsdemux name=d d. ! {pad} ! fdsink fd=1",
                    path.display()
                );
                let Some(ours) = run("gst-launch-1.0", &args, &[]) else {
                    break;
                };
                if stream.name == "h264" {
                    // Delimiters and parameter sets are more often there than in the raw stream.
                    let theirs = frames("h264", "v:0", &stream.raw);
                    assert_eq!(frames("h264", "v:0", &ours), theirs, "{config:?}");
                } else {
                    assert!(ours == stream.raw, "{} {config:?}", stream.name);
                }
            }
            std::fs::remove_file(path).unwrap();
        }
    }
}

/// All that our demuxer finds.
fn demux(data: &[u8]) -> (Tracks, Vec<Sample>, Vec<String>) {
    let mut demuxer = Demuxer::program_stream(Limits::default());
    let (mut tracks, mut samples, mut others) = (Tracks::default(), Vec::new(), Vec::new());
    for piece in data.chunks(3000).map(Some).chain([None]) {
        match piece {
            Some(piece) => demuxer.handle_input(piece),
            None => demuxer.handle_eof(),
        }
        while let Some(event) = demuxer.poll_event().unwrap() {
            match event {
                Event::Tracks(all) => tracks = all,
                Event::Sample(sample) => samples.push(sample),
                other => others.push(format!("{other:?}")),
            }
        }
    }
    (tracks, samples, others)
}

/// Samples come back as they were, half a second later.
#[test]
fn what_we_write_we_read() {
    let all = (|| {
        Some((
            h264(0xE0)?,
            aac(0xC0)?,
            ac3(0x180)?,
            mpeg2video(0xE0)?,
            mp2(0xC0)?,
        ))
    })();
    let Some((h264, aac, ac3, mpeg2video, mp2)) = all else {
        return;
    };
    for config in [Config::file(), Config::dvd(), Config::live()] {
        for streams in [
            &[&h264, &aac, &ac3][..],
            &[&mpeg2video, &mp2, &ac3],
            &[&h264, &mp2],
            &[&mp2],
        ] {
            let (tracks, samples, others) = demux(&mux(streams, config.clone()));
            assert_eq!(others, [""; 0]);
            assert_eq!(tracks.len(), streams.len(), "{tracks:?}");
            let khz_90 = media::Timescale::KHZ_90;
            let starts = streams.iter().map(|stream| {
                let scale = stream.tracks[0].timescale;
                scale.rescale(stream.samples[0].dts, khz_90)
            });
            // The first sample is sent at 0, and is due after the delay.
            let shift = khz_90.ticks(config.delay) - starts.min().unwrap();
            for stream in streams {
                let was = &stream.tracks[0];
                let is = tracks.find(was.id).unwrap();
                assert_eq!(is.codec.rfc6381(), was.codec.rfc6381());
                let ours: Vec<_> = samples.iter().filter(|one| one.track == was.id).collect();
                assert_eq!(
                    ours.len(),
                    stream.samples.len(),
                    "{} {config:?}",
                    stream.name
                );
                for (i, (ours, sample)) in ours.iter().zip(&stream.samples).enumerate() {
                    let what = format!("{} sample {i} {config:?}", stream.name);
                    assert_eq!(ours.data, sample.data, "{what}");
                    assert_eq!(ours.is_sync(), sample.is_sync(), "{what}");
                    for (ours, was_at) in [(ours.dts, sample.dts), (ours.pts, sample.pts)] {
                        let wanted = was.timescale.rescale(was_at, khz_90) + shift;
                        let ours = is.timescale.rescale(ours, khz_90);
                        assert!(ours.abs_diff(wanted) <= 2, "{what}: {ours} {wanted}");
                    }
                }
            }
        }
    }
}

/// As some cameras send large pictures: with lengths of 0, and a map whose check is not computed.
#[test]
fn lengths_and_checks_that_are_not_told() {
    let (Some(h264), Some(mp2)) = (h264(0xE0), mp2(0xC0)) else {
        return;
    };
    let good = mux(&[&h264, &mp2], Config::live());
    let mut bad = good.clone();
    let mut place = 0;
    while place + 6 <= good.len() {
        let len = usize::from(u16::from_be_bytes([good[place + 4], good[place + 5]]));
        place += match good[place + 3] {
            0xBA => 14,
            0xB9 => 4,
            0xBC => {
                bad[place + len + 2..place + len + 6].fill(0);
                len + 6
            }
            0xE0 => {
                bad[place + 4..place + 6].fill(0);
                len + 6
            }
            _ => len + 6,
        };
    }
    assert_ne!(good, bad);
    assert_eq!(demux(&bad), demux(&good));
}
