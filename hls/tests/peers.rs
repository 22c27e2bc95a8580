//! What the live origin writes is read alike by m3u8-rs, and played by ffmpeg.
#![cfg(feature = "media")]

use fluvial_hls::live::{self, Variant};
use fluvial_hls::{MediaPlaylist, Segment};
use media::{SegmentInfo, Time, Timescale, Tracks, WallClock};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const MICROS: u32 = 1_000_000;

fn info(segment: u64, start: i64, duration: u64, size: u64) -> SegmentInfo {
    SegmentInfo {
        track: None,
        segment,
        parts: 1,
        init: 0,
        start,
        duration,
        timescale: Timescale::new(MICROS).unwrap(),
        independent: true,
        discontinuity: false,
        size,
    }
}

#[test]
fn m3u8_rs_reads_the_same() {
    let mut playlist = live::Playlist::new(live::Config::new(Duration::from_secs(2)));
    playlist.set_clock(
        Time::ZERO,
        WallClock::from_unix_nanos(1_700_000_000_000_000_000),
    );
    let mut start = 0;
    for number in 0..30 {
        let duration = 2_000_000 - number * 1000;
        let mut info = info(number, start, duration, 500_000);
        info.init = u32::from(number >= 27);
        info.discontinuity = number % 9 == 0;
        playlist.push_segment(&info).unwrap();
        start += i64::try_from(duration).unwrap();
    }
    playlist.end();
    let bytes = playlist.to_bytes();
    let ours = MediaPlaylist::parse(&bytes).unwrap();
    let theirs = m3u8_rs::parse_media_playlist_res(&bytes).unwrap();
    assert_eq!(theirs.target_duration, ours.target_duration());
    assert_eq!(theirs.media_sequence, ours.media_sequence());
    assert_eq!(theirs.discontinuity_sequence, ours.discontinuity_sequence());
    assert_eq!(ours.discontinuity_sequence(), 2);
    assert_eq!(theirs.version, Some(6));
    assert!(theirs.end_list && theirs.independent_segments);
    assert_eq!(theirs.segments.len(), ours.segments.len());
    for (theirs, ours) in theirs.segments.iter().zip(&ours.segments) {
        assert_eq!(theirs.uri, ours.uri());
        assert_eq!(theirs.discontinuity, ours.is_discontinuity());
        assert_eq!(
            theirs.map.as_ref().map(|map| map.uri.as_str()),
            ours.map().map(|map| map.uri)
        );
        let duration = ours.duration().to_duration().unwrap().as_secs_f32();
        assert!((theirs.duration - duration).abs() < 1e-6);
        let theirs = theirs
            .program_date_time
            .unwrap()
            .timestamp_nanos_opt()
            .unwrap();
        assert_eq!(theirs, ours.program_date_time().unwrap().unix_nanos());
    }

    let multivariant = live::multivariant([Variant {
        uri: "stream.m3u8",
        tracks: &Tracks::default(),
        bandwidth: playlist.bandwidth().unwrap(),
        audio: None,
        closed_captions: None,
    }]);
    let theirs = m3u8_rs::parse_master_playlist_res(multivariant.to_string().as_bytes()).unwrap();
    let ours = multivariant.variants().next().unwrap();
    assert_eq!(theirs.variants[0].uri, ours.uri);
    assert_eq!(theirs.variants[0].bandwidth, ours.stream_inf.bandwidth);
    assert_eq!(
        theirs.variants[0].average_bandwidth,
        ours.stream_inf.average_bandwidth
    );
}

/// A directory that goes away with it.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.0.join(name), bytes).unwrap();
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn ffmpeg(directory: &Path, arguments: &str) -> Option<String> {
    let mut command = Command::new("ffmpeg");
    command
        .current_dir(directory)
        .args(["-v", "error", "-nostdin", "-y"])
        .args(arguments.split(' '));
    let output = testing::ended(&mut command, b"")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && errors.is_empty(),
        "ffmpeg {arguments}: {errors}"
    );
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Checksums of the decoded frames of both tracks.
fn frames(directory: &Path, playlist: &str) -> String {
    ffmpeg(
        directory,
        &format!("-i {playlist} -map 0:v -map 0:a -f framemd5 -"),
    )
    .unwrap()
}

#[test]
fn ffmpeg_plays_it() {
    let directory = Directory::new("fluvial-hls-peers");
    let dir = &directory.0;
    let made = ffmpeg(
        dir,
        "-f lavfi -i testsrc2=d=8:r=25:s=160x120 -f lavfi -i sine=d=8 -c:v libx264 -preset ultrafast -g 25 -c:a aac \
         -f hls -hls_time 1 -hls_list_size 0 -hls_segment_type fmp4 -hls_fmp4_init_filename init-0.mp4 \
         -hls_segment_filename segment-%d.m4s theirs.m3u8",
    );
    if made.is_none() {
        eprintln!("SKIPPED: ffmpeg not found");
        return;
    }
    let theirs = MediaPlaylist::parse(&std::fs::read(dir.join("theirs.m3u8")).unwrap()).unwrap();
    assert!(theirs.is_ended());
    assert_eq!(theirs.segments.len(), 8);

    // The segments that ffmpeg made, listed by us: whole, and as a window that slid.
    let mut whole = live::Config::new(Duration::from_secs(1));
    whole.window = Duration::from_secs(100);
    let mut whole = live::Playlist::new(whole);
    let mut window = live::Playlist::new(live::Config::new(Duration::from_secs(1)));
    let mut start = 0;
    for (number, segment) in (0..).zip(&theirs.segments) {
        let micros = u64::try_from(segment.duration().as_nanos() / 1000).unwrap();
        let size = std::fs::metadata(dir.join(segment.uri())).unwrap().len();
        let info = info(number, start, micros, size);
        whole.push_segment(&info).unwrap();
        window.push_segment(&info).unwrap();
        start += i64::try_from(micros).unwrap();
    }
    whole.end();
    window.end();
    directory.write("stream.m3u8", &whole.to_bytes());
    directory.write("window.m3u8", &window.to_bytes());
    let multivariant = live::multivariant([Variant {
        uri: "stream.m3u8",
        tracks: &Tracks::default(),
        bandwidth: whole.bandwidth().unwrap(),
        audio: None,
        closed_captions: None,
    }]);
    directory.write("index.m3u8", multivariant.to_string().as_bytes());

    let expected = frames(dir, "theirs.m3u8");
    assert_eq!(
        expected
            .lines()
            .filter(|line| line.starts_with("0,"))
            .count(),
        200
    );
    assert_eq!(frames(dir, "stream.m3u8"), expected);
    assert_eq!(frames(dir, "index.m3u8"), expected);
    let slid = frames(dir, "window.m3u8");
    assert_eq!(
        slid.lines().filter(|line| line.starts_with("0,")).count(),
        window.len() * 25
    );

    // The document model, edited: a playlist without its first segment, and with a comment.
    let mut edited = theirs.clone();
    let first = edited.segments.remove(0);
    let map = first.map().or_else(|| theirs.segments[0].map());
    if let Some(map) = map {
        let mut second = edited.segments.remove(0);
        second.insert(fluvial_hls::Tag::Map(map));
        edited.segments.insert(0, second);
    }
    directory.write("edited.m3u8", edited.to_string().as_bytes());
    let frames = frames(dir, "edited.m3u8");
    assert_eq!(
        frames.lines().filter(|line| line.starts_with("0,")).count(),
        175
    );
    assert!(
        edited
            .segments
            .iter()
            .map(Segment::uri)
            .eq(theirs.segments[1..].iter().map(Segment::uri))
    );
}
