//! Inputs by HTTP: how much is read of them, what is done when a server fails, and that what comes out is what files give.

mod support;

use serde_json::Value;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;
use support::{Server, fluvial, works};

fn make(args: &str) -> bool {
    testing::run("ffmpeg", &format!("-v error -y {args}"), b"").is_some()
}

/// Some seconds at a bit rate at which what is read beyond need shows.
const CLIP: &str = "-f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine=sample_rate=48000 -t 24 -c:v libx264 -preset ultrafast -b:v 4M -minrate 4M -maxrate 4M -bufsize 4M -g 50 -c:a aac";

fn probe(input: &str) -> Value {
    serde_json::from_slice(&works(&["probe", "--json", input])).unwrap()
}

fn size(path: &Path) -> u64 {
    path.metadata().unwrap().len()
}

#[test]
fn an_mp4_is_read_by_ranges() {
    let folder = tempfile::tempdir().unwrap();
    let clip = folder.path().join("last.mp4");
    if !make(&format!("{CLIP} {}", clip.display())) {
        return;
    }
    let total = size(&clip);
    assert!(total > 8 << 20, "{total}");
    let server = Server::start(folder.path());
    let url = server.url("last.mp4");
    let tables = {
        let bytes = std::fs::read(&clip).unwrap();
        let at = bytes.windows(4).rposition(|name| name == b"moov").unwrap();
        total - at as u64
    };
    // The movie's tables come last. To know what there is, nothing else is read.
    let remote = probe(&url);
    assert!(server.sent() < tables + (1 << 20), "{}", server.sent());
    let local = probe(clip.to_str().unwrap());
    for key in ["format", "duration"] {
        assert_eq!(remote[key], local[key]);
    }
    let tracks = |report: &Value| {
        let mut tracks = report["tracks"].clone();
        for track in tracks.as_array_mut().unwrap() {
            // Sizes are those before samples are brought into form.
            track["bitrate"].take();
        }
        tracks
    };
    assert_eq!(tracks(&remote), tracks(&local));

    // A second near the end costs about a second, and the tables.
    server.reset();
    let (part, same) = (
        folder.path().join("part.mp4"),
        folder.path().join("same.mp4"),
    );
    let span = ["--from", "18", "--to", "19"];
    let cut = |from: &str, to: &Path| {
        let mut args = vec!["remux", from, to.to_str().unwrap()];
        args.extend(span);
        works(&args);
    };
    cut(&url, &part);
    let second = total / 24;
    let most = tables + 2 * second + (1 << 20);
    assert!(server.sent() < most, "{} of {most}", server.sent());
    cut(clip.to_str().unwrap(), &same);
    assert_eq!(std::fs::read(&part).unwrap(), std::fs::read(&same).unwrap());

    // All of it, from a server that fails now and then.
    let (whole, same) = (
        folder.path().join("whole.ts"),
        folder.path().join("same.ts"),
    );
    server.reset();
    server.state.break_after.store(100_000, Ordering::SeqCst);
    server
        .state
        .failures
        .lock()
        .unwrap()
        .insert("last.mp4".into(), vec![503]);
    works(&["remux", &url, whole.to_str().unwrap()]);
    works(&["remux", clip.to_str().unwrap(), same.to_str().unwrap()]);
    assert_eq!(
        std::fs::read(&whole).unwrap(),
        std::fs::read(&same).unwrap()
    );
    assert!(
        server.sent() < total + tables + (2 << 20),
        "{}",
        server.sent()
    );

    // From one that gives no parts: through all of it for the tables, and once more for the samples.
    server.state.no_ranges.store(true, Ordering::SeqCst);
    assert_eq!(probe(&url), remote);
    server.reset();
    let again = folder.path().join("again.ts");
    works(&["remux", &url, again.to_str().unwrap()]);
    assert_eq!(
        std::fs::read(&again).unwrap(),
        std::fs::read(&same).unwrap()
    );
    assert!(server.sent() < 2 * total + (1 << 20), "{}", server.sent());
}

#[test]
fn tracks_behind_one_another_are_read_several_times() {
    let folder = tempfile::tempdir().unwrap();
    let text = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    // Pictures of more than is kept, and sound behind all of them, as it begins so late; then it begins with them after all.
    let pictures = "-f lavfi -i testsrc2=size=1280x720:rate=25,noise=alls=100:allf=t";
    let codecs = "-c:v libx264 -preset ultrafast -qp 1 -c:a aac";
    let sound = "-itsoffset 100 -f lavfi -i sine=sample_rate=48000";
    let name = text("few.mp4");
    if !make(&format!(
        "{pictures} {sound}:duration=0.03 -frames:v 50 {codecs} {name}"
    )) {
        return;
    }
    let mut data = std::fs::read(&name).unwrap();
    assert!(data.len() > 40 << 20, "{}", data.len());
    let moov = data.windows(4).rposition(|name| name == b"moov").unwrap();
    while let Some(at) = data[moov..].windows(4).position(|name| name == b"edts") {
        data[moov + at..][..4].copy_from_slice(b"free");
    }
    std::fs::write(&name, data).unwrap();
    let server = Server::start(folder.path());
    server.state.no_ranges.store(true, Ordering::SeqCst);
    works(&["remux", &text("few.mp4"), &text("here.ts")]);
    works(&["remux", &server.url("few.mp4"), &text("there.ts")]);
    let [here, there] = ["here.ts", "there.ts"].map(|name| std::fs::read(text(name)).unwrap());
    assert!(here == there);
    let asked = server.state.requests.load(Ordering::SeqCst);
    assert!((3..=9).contains(&asked), "{asked}");
}

#[test]
fn streams_are_read_as_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = |name: &str| path(name).to_str().unwrap().to_owned();
    if !make(&format!("{CLIP} {}", text("x.ts"))) {
        return;
    }
    works(&["remux", &text("x.ts"), &text("x.flv")]);
    works(&["remux", "--fragmented", &text("x.ts"), &text("x.mp4")]);
    let server = Server::start(folder.path());
    for name in ["x.ts", "x.flv", "x.mp4"] {
        for no_ranges in [false, true] {
            server.state.no_ranges.store(no_ranges, Ordering::SeqCst);
            if !no_ranges {
                // A connection that breaks is made again, from where it broke.
                server.state.break_after.store(1_000_000, Ordering::SeqCst);
            }
            let here = works(&["probe", "--samples", &text(name)]);
            let there = works(&["probe", "--samples", &server.url(name)]);
            assert_eq!(here, there, "{name}, {no_ranges}");
            server.state.break_after.store(0, Ordering::SeqCst);
        }
    }
    // By another address, and with a query.
    server
        .state
        .redirects
        .lock()
        .unwrap()
        .insert("here".into(), "/x.ts?a=b".into());
    assert_eq!(
        works(&["probe", "--samples", &text("x.ts")]),
        works(&["probe", "--samples", &server.url("here")])
    );
    let missing = fluvial(&["probe", &server.url("missing.ts")]);
    assert_eq!(missing.status.code(), Some(1));
    let said = String::from_utf8_lossy(&missing.stderr);
    assert!(
        said.contains("missing.ts") && said.contains("404"),
        "{said}"
    );
    let check = fluvial(&["check", &server.url("x.ts")]);
    assert_eq!(check.stdout, fluvial(&["check", &text("x.ts")]).stdout);
}

#[test]
fn playlists_and_manifests_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = |name: &str| path(name).to_str().unwrap().to_owned();
    if !make(&format!("{CLIP} {}", text("x.mp4"))) {
        return;
    }
    for folder in ["ts", "fmp4", "dash", "ranges"] {
        std::fs::create_dir(path(folder)).unwrap();
    }
    works(&[
        "remux",
        "--segments",
        "ts",
        &text("x.mp4"),
        &text("ts/a b.m3u8"),
    ]);
    works(&["remux", &text("x.mp4"), &text("fmp4/x.m3u8")]);
    works(&["remux", &text("x.mp4"), &text("dash/x.mpd")]);
    // ffmpeg's own: byte ranges of one file.
    assert!(make(&format!(
        "-i {} -c copy -f hls -hls_time 2 -hls_playlist_type vod -hls_flags single_file {}",
        text("x.mp4"),
        text("ranges/x.m3u8")
    )));
    let server = Server::start(folder.path());
    for name in ["ts/a b.m3u8", "fmp4/x.m3u8", "dash/x.mpd", "ranges/x.m3u8"] {
        let url = server.url(&name.replace(' ', "%20"));
        let here = works(&["probe", "--samples", &text(name)]);
        assert_eq!(here, works(&["probe", "--samples", &url]), "{name}");
        assert!(here.iter().filter(|byte| **byte == b'\n').count() > 1700);
    }
}

/// A live playlist that grows by a segment now and then, as its server would tell it.
fn playlist(first: usize, count: usize, total: usize, odd: bool) -> Vec<u8> {
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{first}\n"
    );
    for n in first..(first + count).min(total) {
        // Twice over the same segments: the time line jumps in between.
        if n == total / 2 && odd {
            text += "#EXT-X-DISCONTINUITY\n";
        }
        text += &format!("#EXTINF:1,\nlive-segment-{}.ts\n", n % (total / 2));
    }
    if first + count >= total {
        text += "#EXT-X-ENDLIST\n";
    }
    text.into_bytes()
}

#[test]
fn a_live_playlist_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let text = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let made = make(&format!(
        "-f lavfi -i testsrc2=size=128x96:rate=25 -f lavfi -i sine=sample_rate=48000 -t 5 -c:v libx264 -g 25 -bf 0 -c:a aac {}",
        text("x.mp4")
    ));
    if !made {
        return;
    }
    works(&[
        "remux",
        "--segments",
        "ts",
        "--segment-duration",
        "1",
        &text("x.mp4"),
        &text("live.m3u8"),
    ]);
    let server = Server::start(folder.path());
    const TOTAL: usize = 10;
    let tell = |first: usize| {
        let list = playlist(first, 4, TOTAL, true);
        let mut answers = server.state.answers.lock().unwrap();
        answers.insert("index.m3u8".into(), (200, list));
    };
    tell(0);
    // The first one that is played is not there yet when it is asked for, and comes.
    server
        .state
        .failures
        .lock()
        .unwrap()
        .insert("live-segment-1.ts".into(), vec![404, 404]);
    let url = server.url("index.m3u8");
    let output = text("out.mp4");
    let lines = std::thread::scope(|scope| {
        let playing = scope.spawn(|| works(&["remux", &url, &output]));
        for first in 1..=TOTAL - 4 {
            std::thread::sleep(Duration::from_millis(700));
            tell(first);
        }
        playing.join().unwrap()
    });
    assert!(lines.is_empty());
    let report = probe(&output);
    // Three segments behind the edge: from the second one to the tenth.
    let video = &report["tracks"][0];
    assert_eq!(video["samples"], 9 * 25, "{report}");
    let decoded = testing::csv(
        "ffprobe",
        &format!(
            "-v error -select_streams v -count_frames -show_entries stream=nb_read_frames -of csv=p=0 {output}"
        ),
        b"",
    );
    assert_eq!(decoded.unwrap()[0][0], "225");
}

#[test]
fn encrypted_segments_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = |name: &str| path(name).to_str().unwrap().to_owned();
    if !make(&format!("{CLIP} {}", text("x.mp4"))) {
        return;
    }
    std::fs::write(path("key"), b"0123456789abcdef").unwrap();
    let server = Server::start(folder.path());
    std::fs::write(
        path("info"),
        format!("{}\n{}\n", server.url("key"), text("key")),
    )
    .unwrap();
    std::fs::create_dir(path("clear")).unwrap();
    std::fs::create_dir(path("locked")).unwrap();
    for (name, more) in [
        ("clear", String::new()),
        ("locked", format!("-hls_key_info_file {}", text("info"))),
    ] {
        assert!(make(&format!(
            "-i {} -c copy -f hls -hls_time 2 -hls_playlist_type vod {more} {}",
            text("x.mp4"),
            text(&format!("{name}/x.m3u8"))
        )));
    }
    let clear = works(&["probe", "--samples", &text("clear/x.m3u8")]);
    for name in [server.url("locked/x.m3u8"), text("locked/x.m3u8")] {
        assert_eq!(works(&["probe", "--samples", &name]), clear, "{name}");
    }
    // A key that is another one opens nothing.
    std::fs::write(path("key"), b"another key, 16b").unwrap();
    let output = fluvial(&["probe", &server.url("locked/x.m3u8")]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn common_encryption_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let text = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    if !make(&format!("{CLIP} {}", text("x.mp4"))) {
        return;
    }
    let key = "00112233445566778899aabbccddeeff";
    let name = "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf";
    std::fs::write(
        text("key"),
        u128::from_str_radix(key, 16).unwrap().to_be_bytes(),
    )
    .unwrap();
    let server = Server::start(folder.path());
    let frames = |name: &str| -> Vec<String> {
        let args = format!("-v error -i {name} -map 0:v -f framemd5 -");
        let text = testing::run("ffmpeg", &args, b"").unwrap();
        let text = String::from_utf8(text).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| line.rsplit(',').next().unwrap().trim().to_owned())
            .collect()
    };
    let expected = frames(&text("x.mp4"));
    for scheme in ["cenc", "cbcs"] {
        let mut args = ["video", "audio"]
            .map(|kind| {
                let (source, out) = (text("x.mp4"), text(&format!("{scheme}-{kind}.mp4")));
                format!("in={source},stream={kind},output={out}")
            })
            .to_vec();
        args.extend(
            [
                "--protection_scheme",
                scheme,
                "--clear_lead",
                "0",
                "--enable_raw_key_encryption",
                "--keys",
                &format!("label=:key_id={name}:key={key}"),
                "--mpd_output",
                &text(&format!("{scheme}.mpd")),
                "--hls_master_playlist_output",
                &text(&format!("{scheme}.m3u8")),
                "--hls_key_uri",
                "key",
            ]
            .map(str::to_owned),
        );
        if testing::shaka_packager(&args).is_none() {
            return;
        }
        let named = format!("{name}:{key}");
        let open = text(&format!("{scheme}-open.mp4"));
        // Its files have an index, by which they are read piece by piece.
        works(&[
            "remux",
            "--key",
            &named,
            &server.url(&format!("{scheme}.mpd")),
            &open,
        ]);
        assert!(frames(&open) == expected, "{scheme}");
        works(&[
            "remux",
            "--key",
            key,
            &server.url(&format!("{scheme}-video.mp4")),
            &open,
        ]);
        assert!(frames(&open) == expected, "{scheme}");
        let refused = fluvial(&["remux", &server.url(&format!("{scheme}.mpd")), &open]);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains("--key"), "{said}");
        let list = server.url(&format!("{scheme}.m3u8"));
        if scheme == "cbcs" {
            // The playlist tells where the key is.
            works(&["remux", &list, &open]);
        } else {
            let refused = fluvial(&["remux", &list, &open]);
            let said = String::from_utf8_lossy(&refused.stderr);
            assert!(said.contains("--key"), "{said}");
            works(&["remux", "--key", key, &list, &open]);
        }
        assert!(frames(&open) == expected, "{scheme}");
    }
}
