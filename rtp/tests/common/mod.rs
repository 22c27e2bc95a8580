//! Clips made by ffmpeg, their samples, and streams of packets in files (RFC 4571).
#![allow(dead_code, reason = "each test uses a part of it")]

use core::time::Duration;
use fluvial_rtp::receiver::{self, StreamConfig};
use fluvial_rtp::sender::{self, Channel};
use fluvial_rtp::{Format, Receiver, Sender};
use media::{Codec, Event, Sample, Track, Tracks, WallClock};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Numbers that are the same each time.
pub(crate) struct Numbers(pub(crate) u64);

impl rand_core::RngCore for Numbers {
    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }
    fn next_u64(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 ^ self.0 >> 31
    }
    fn fill_bytes(&mut self, out: &mut [u8]) {
        out.fill_with(|| self.next_u64() as u8);
    }
}

/// Runs a program; `None`, said aloud, where it is not installed.
pub(crate) fn run(program: &str, args: &[&str]) -> Option<Vec<u8>> {
    let Ok(output) = Command::new(program).args(args).output() else {
        eprintln!("SKIPPED: {program} is not installed");
        return None;
    };
    assert!(
        output.status.success(),
        "{program} {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(output.stdout)
}

/// Runs a pipeline of GStreamer.
pub(crate) fn gst(pipeline: &str) -> Option<Vec<u8>> {
    let mut args = vec!["-q"];
    args.extend(pipeline.split_ascii_whitespace());
    run("gst-launch-1.0", &args)
}

/// Makes a clip of one second with these options.
pub(crate) fn clip(folder: &Path, name: &str, options: &str) -> Option<PathBuf> {
    let path = folder.join(name);
    let inputs = "-v error -f lavfi -i testsrc2=size=320x240:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000";
    let mut args: Vec<&str> = inputs
        .split(' ')
        .chain(options.split_ascii_whitespace())
        .collect();
    let out = path.to_str().unwrap().to_owned();
    if name.ends_with(".mp4") {
        args.extend(["-movflags", "+faststart"]);
    }
    args.extend(["-y", &out]);
    run("ffmpeg", &args)?;
    Some(path)
}

/// Tracks and samples of an MP4 file.
pub(crate) fn samples(path: &Path) -> (Tracks, Vec<Sample>) {
    let mut demuxer = mp4::Demuxer::new(mp4::Limits::default());
    let (mut tracks, mut samples) = (Tracks::default(), Vec::new());
    for piece in std::fs::read(path).unwrap().chunks(65_536) {
        demuxer.handle_input(piece);
        while let Some(event) = demuxer.poll_event().unwrap() {
            match event {
                Event::Tracks(found) => tracks = found,
                Event::Sample(sample) => samples.push(sample),
                _ => {}
            }
        }
    }
    demuxer.handle_eof();
    while let Some(event) = demuxer.poll_event().unwrap() {
        if let Event::Sample(sample) = event {
            samples.push(sample);
        }
    }
    assert!(!samples.is_empty(), "{}", path.display());
    (tracks, samples)
}

/// The packets of samples, without reports.
pub(crate) fn packets(
    tracks: &Tracks,
    samples: &[Sample],
    mtu: usize,
    format: Option<Format>,
) -> Vec<Vec<u8>> {
    let mut config =
        sender::Config::new(WallClock::from_unix_nanos(1_700_000_000_000_000_000), "us");
    config.max_packet = mtu;
    let mut sender = Sender::new(config, &mut Numbers(5));
    match format {
        Some(format) => sender.set_formats(tracks.iter().map(|track| (track, format))),
        None => sender.set_tracks(tracks).unwrap(),
    }
    let mut out = Vec::new();
    for sample in samples {
        sender.handle_sample(sample, Duration::ZERO).unwrap();
        let outputs = core::iter::from_fn(|| sender.poll_output());
        let media = outputs.filter(|output| output.kind == Channel::Rtp);
        out.extend(media.map(|output| output.data.to_vec()));
    }
    assert!(out.iter().all(|packet| packet.len() <= mtu));
    out
}

/// Packets, each after its length in 16 bits.
pub(crate) fn framed(packets: &[Vec<u8>]) -> Vec<u8> {
    let framed = packets.iter().flat_map(|packet| {
        let len = u16::try_from(packet.len()).unwrap().to_be_bytes();
        len.into_iter().chain(packet.iter().copied())
    });
    framed.collect()
}

pub(crate) fn unframed(stream: &[u8]) -> Vec<Vec<u8>> {
    let (mut rest, mut out) = (stream, Vec::new());
    while let Some(([a, b], after)) = rest.split_first_chunk() {
        let (packet, after) = after.split_at(usize::from(u16::from_be_bytes([*a, *b])));
        out.push(packet.to_vec());
        rest = after;
    }
    out
}

/// What a receiver makes of the packets of one stream.
pub(crate) fn receive(
    track: &Track,
    format: Format,
    codec: Option<Codec>,
    packets: &[Vec<u8>],
) -> (Tracks, Vec<Sample>, Vec<String>) {
    let stream = StreamConfig::new(track.id, format, codec);
    let mut receiver = Receiver::new(receiver::Config::new(1, "them"), vec![stream]).unwrap();
    let (mut tracks, mut samples, mut warnings) = (Tracks::default(), Vec::new(), Vec::new());
    for (n, packet) in packets.iter().enumerate() {
        receiver.handle_rtp(track.id, packet, Duration::from_millis(n as u64));
    }
    receiver.handle_eof(Duration::from_secs(9));
    while let Some(event) = receiver.poll_event().unwrap() {
        match event {
            Event::Tracks(found) => tracks = found,
            Event::Sample(sample) => samples.push(sample),
            Event::Warning(warning) => warnings.push(warning.to_string()),
            _ => {}
        }
    }
    (tracks, samples, warnings)
}
