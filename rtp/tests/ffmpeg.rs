//! ffmpeg over UDP, in both directions: two tracks on one clock.

mod common;

use common::{Numbers, clip, run, samples};
use core::time::Duration;
use fluvial_rtp::sender::{self, Channel};
use fluvial_rtp::{Receiver, Sender, receiver, sdp};
use media::{Event, Sample, Time, Timescale, TrackId, Tracks, WallClock};
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime};

/// Sockets at a port, and as many after it.
fn sockets(count: u16) -> (u16, Vec<UdpSocket>) {
    for port in (20_000 + (std::process::id() as u16 % 500) * 64..65_000).step_by(16) {
        let all: Result<Vec<_>, _> = (port..port + count)
            .map(|port| UdpSocket::bind(("127.0.0.1", port)))
            .collect();
        if let Ok(sockets) = all {
            for socket in &sockets {
                socket.set_nonblocking(true).unwrap();
            }
            return (port, sockets);
        }
    }
    panic!("no free ports");
}

/// Video with reordered pictures, and sound.
fn source(folder: &Path, video: &str, audio: &str) -> Option<std::path::PathBuf> {
    clip(
        folder,
        "source.mp4",
        &format!("-map 0:v -map 1:a -t 2 {video} {audio}"),
    )
}

fn time(tracks: &Tracks, sample: &Sample, at: i64) -> Time {
    tracks
        .find(sample.track)
        .map_or(Timescale::MILLIS, |track| track.timescale)
        .time(at)
}

/// What ffmpeg sends by SAP, whose streams have one clock.
fn from_ffmpeg(
    folder: &Path,
    path: &Path,
    options: &str,
) -> Option<(Tracks, Vec<Sample>, Vec<String>)> {
    let (port, sockets) = sockets(5);
    let announce = port + 4;
    let target = format!(
        "sap://127.0.0.1:{port}?announce_addr=127.0.0.1&announce_port={announce}&same_port=0"
    );
    let mut args: Vec<&str> = "-v error -re -i".split(' ').collect();
    let input = path.to_str().unwrap();
    args.push(input);
    args.extend(options.split_ascii_whitespace());
    args.extend(["-f", "sap", &target]);
    let child = Command::new("ffmpeg")
        .args(&args)
        .stdin(Stdio::null())
        .current_dir(folder)
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("SKIPPED: ffmpeg is not installed");
        return None;
    };
    let start = Instant::now();
    let mut receiver: Option<Receiver> = None;
    let mut early = Vec::new();
    let mut buffer = [0; 2048];
    let (mut tracks, mut out, mut warnings) = (Tracks::default(), Vec::new(), Vec::new());
    let mut ended = None;
    while ended.is_none_or(|at: Instant| at.elapsed() < Duration::from_millis(300)) {
        assert!(start.elapsed() < Duration::from_secs(60));
        if ended.is_none() && child.try_wait().unwrap().is_some() {
            ended = Some(Instant::now());
        }
        let now = start.elapsed();
        let mut idle = true;
        for (n, socket) in sockets.iter().enumerate() {
            while let Ok(len) = socket.recv(&mut buffer) {
                idle = false;
                let data = &buffer[..len];
                let Some(receiver) = receiver.as_mut().filter(|_| n < 4) else {
                    if n == 4 && receiver.is_none() {
                        let at = data.windows(4).position(|four| four == b"v=0\r").unwrap();
                        let session = sdp::parse(&data[at..]).unwrap();
                        let streams = sdp::media(&session);
                        let streams = streams
                            .iter()
                            .zip(0..)
                            .map(|(media, n)| media.stream(TrackId(n)).unwrap());
                        receiver = Some(
                            Receiver::new(receiver::Config::new(7, "us"), streams.collect())
                                .unwrap(),
                        );
                    } else if n < 4 {
                        early.push((n, data.to_vec(), now));
                    }
                    continue;
                };
                for (n, data, now) in early.drain(..) {
                    receiver.handle_datagram(TrackId(n as u32 / 2), &data, now);
                }
                receiver.handle_datagram(TrackId(n as u32 / 2), data, now);
            }
        }
        if let Some(receiver) = &mut receiver {
            receiver.handle_timeout(now);
            if ended.is_some() && idle {
                receiver.handle_eof(now);
            }
            while let Some(event) = receiver.poll_event().unwrap() {
                match event {
                    Event::Tracks(found) => tracks = found,
                    Event::Sample(sample) => out.push(sample),
                    Event::Warning(warning) => warnings.push(warning.to_string()),
                    _ => {}
                }
            }
        }
        if idle {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    Some((tracks, out, warnings))
}

const H264: [&str; 2] = ["-c:v libx264 -preset ultrafast -bf 2 -g 12", "-c:a aac"];
const H265: [&str; 2] = [
    "-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=12 -tag:v hvc1",
    "-c:a libopus",
];
const VP9: [&str; 2] = [
    "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 12",
    "-c:a libmp3lame",
];

#[test]
fn both_tracks_of_ffmpeg_come_as_they_are_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    for (what, [video, audio], options) in [
        ("1200", H264, "-c copy -pkt_size 1200"),
        ("200", H264, "-c copy -pkt_size 200"),
        ("latm", H264, "-c copy -rtpflags latm"),
        ("H.265 and Opus", H265, "-c copy -pkt_size 600"),
        ("VP9 and MP3", VP9, "-c copy -strict experimental"),
    ] {
        let Some(path) = source(folder.path(), video, audio) else {
            return;
        };
        let (put_tracks, put) = samples(&path);
        let Some((tracks, got, warnings)) = from_ffmpeg(folder.path(), &path, options) else {
            return;
        };
        assert_eq!(tracks.len(), 2, "{what}: {warnings:?}");
        assert_eq!(warnings, [""; 0], "{what}");
        let mut offsets: Vec<Time> = Vec::new();
        for (n, put_track) in put_tracks.iter().enumerate() {
            let put: Vec<_> = put
                .iter()
                .filter(|sample| sample.track == put_track.id)
                .collect();
            let got: Vec<_> = got
                .iter()
                .filter(|sample| sample.track == TrackId(n as u32))
                .collect();
            // ffmpeg gathers sound, and does not send what it has gathered at the end.
            assert!(
                got.len() + 6 > put.len() && got.len() <= put.len(),
                "{what}: {} of {}",
                got.len(),
                put.len()
            );
            for (put, got) in put.iter().zip(&got) {
                assert!(put.data == got.data, "{what}");
            }
            let difference = |n: usize| {
                time(&tracks, got[n], got[n].pts) - time(&put_tracks, put[n], put[n].pts)
            };
            for n in 0..got.len() {
                let wander = (difference(n) - difference(0)).as_nanos().abs();
                assert!(
                    wander < 100_000,
                    "{what}: sample {n} wanders by {wander} ns"
                );
            }
            offsets.push(difference(0));
        }
        let apart = (offsets[0] - offsets[1]).as_nanos();
        eprintln!("{what}: {} samples, tracks apart by {apart} ns", got.len());
        // Reports tell the times of their time stamps; these are rounded to ticks, and ffmpeg's clock to microseconds.
        assert!(apart.abs() < 1_000_000, "{what}: {apart}");
    }
}

/// Sends a clip to ffmpeg and gives what it says of each frame: stream, time and hash.
fn to_ffmpeg(
    folder: &Path,
    path: &Path,
    mtu: usize,
    latm: bool,
) -> Option<Vec<(String, f64, String)>> {
    let (tracks, samples) = samples(path);
    let (port, mut held) = sockets(4);
    let epoch = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    let mut config = sender::Config::new(WallClock::from_unix_nanos(epoch.as_nanos() as i64), "us");
    config.max_packet = mtu;
    config.latm = latm;
    let mut sender = Sender::new(config, &mut Numbers(11));
    sender.set_tracks(&tracks).unwrap();
    let formats: Vec<_> = sender
        .streams()
        .iter()
        .map(|stream| *stream.format())
        .collect();
    let session = sdp::session("test", 1, [127, 0, 0, 1].into());
    let mut session = sdp::describe(session, tracks.iter().zip(formats), |_| None);
    for (media, n) in session.medias.iter_mut().zip(0..) {
        media.port = port + 2 * n;
    }
    let file = folder.join("ours.sdp");
    std::fs::write(&file, sdp::to_text(&session).unwrap()).unwrap();
    held.clear();
    let args = [
        "-v",
        "error",
        "-protocol_whitelist",
        "file,udp,rtp",
        "-i",
        file.to_str().unwrap(),
        "-map",
        "0",
        "-c:a",
        "copy",
        "-copyts",
        "-t",
        "1.5",
        "-f",
        "framemd5",
        "-",
    ];
    let child = Command::new("ffmpeg")
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(child) = child else {
        eprintln!("SKIPPED: ffmpeg is not installed");
        return None;
    };
    std::thread::sleep(Duration::from_millis(700));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let start = Instant::now();
    let origin = samples
        .iter()
        .map(|sample| time(&tracks, sample, sample.dts))
        .min()
        .unwrap();
    for sample in &samples {
        let due = (time(&tracks, sample, sample.dts) - origin)
            .to_duration()
            .unwrap();
        std::thread::sleep(due.saturating_sub(start.elapsed()));
        sender.handle_sample(sample, start.elapsed()).unwrap();
        sender.handle_timeout(start.elapsed());
        while let Some(output) = sender.poll_output() {
            let index = tracks
                .iter()
                .position(|track| track.id == output.track)
                .unwrap() as u16;
            let rtcp = u16::from(output.kind == Channel::Rtcp);
            // Nobody may listen yet.
            let _ = socket.send_to(&output.data, ("127.0.0.1", port + 2 * index + rtcp));
        }
    }
    sender.finish(start.elapsed()).unwrap();
    while let Some(output) = sender.poll_output() {
        let index = tracks
            .iter()
            .position(|track| track.id == output.track)
            .unwrap() as u16;
        let _ = socket.send_to(&output.data, ("127.0.0.1", port + 2 * index + 1));
    }
    let output = child.wait_with_output().unwrap();
    Some(frames(&output.stdout))
}

/// Lines of `framemd5`: stream, time in seconds, hash.
fn frames(text: &[u8]) -> Vec<(String, f64, String)> {
    let text = String::from_utf8_lossy(text);
    let mut scales = std::collections::HashMap::new();
    let mut out = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("#tb ") {
            let (stream, scale) = rest.split_once(": ").unwrap();
            let (num, den) = scale.split_once('/').unwrap();
            scales.insert(
                stream.to_owned(),
                num.parse::<f64>().unwrap() / den.parse::<f64>().unwrap(),
            );
        } else if !line.starts_with('#') {
            let fields: Vec<_> = line.split(',').map(str::trim).collect();
            let stream = fields[0].to_owned();
            let time = fields[2].parse::<f64>().unwrap() * scales[&stream];
            out.push((stream, time, fields[5].to_owned()));
        }
    }
    out
}

#[test]
fn ffmpeg_plays_what_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    for ([video, audio], mtu, latm) in [
        (H264, 1200, false),
        (H264, 200, false),
        (H264, 1200, true),
        (H265, 600, false),
    ] {
        let Some(path) = source(folder.path(), video, audio) else {
            return;
        };
        let args = [
            "-v",
            "error",
            "-i",
            path.to_str().unwrap(),
            "-map",
            "0",
            "-c:a",
            "copy",
            "-f",
            "framemd5",
            "-",
        ];
        let Some(whole) = run("ffmpeg", &args) else {
            return;
        };
        let whole = frames(&whole);
        let Some(got) = to_ffmpeg(folder.path(), &path, mtu, latm) else {
            return;
        };
        let mut offsets = Vec::new();
        for stream in ["0", "1"] {
            let of = |frames: &[(String, f64, String)]| -> Vec<(f64, String)> {
                let own = frames.iter().filter(|(name, ..)| name == stream);
                own.map(|(_, time, hash)| (*time, hash.clone())).collect()
            };
            let (got, whole) = (of(&got), of(&whole));
            assert!(
                got.len() > 20,
                "{mtu}, stream {stream}: {} frames of {}",
                got.len(),
                whole.len()
            );
            // Where what came begins; all of it follows from there.
            let first = whole
                .iter()
                .position(|(_, hash)| *hash == got[0].1)
                .unwrap_or_else(|| panic!("{mtu}, stream {stream}: no such frame"));
            for (n, (got, whole)) in got.iter().zip(&whole[first..]).enumerate() {
                assert_eq!(got.1, whole.1, "{mtu}, stream {stream}, frame {n}");
                offsets.push((got.0 - whole.0, stream));
            }
        }
        // Until it has read the first report of each, ffmpeg times the tracks apart.
        let of = |stream: &str| offsets.iter().rfind(|(_, name)| *name == stream).unwrap().0;
        let apart = of("0") - of("1");
        eprintln!(
            "{mtu}: {} frames, tracks apart by {:.3} ms",
            got.len(),
            apart * 1000.0
        );
        assert!(apart.abs() < 0.001, "{apart}");
    }
}
