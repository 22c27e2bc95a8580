//! HLS and DASH as they are found: keys that change, parts of files, gaps, redirects, renditions.

mod support;

use serde_json::Value;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use support::{Server, fluvial, works};

fn make(args: &str) -> bool {
    testing::run("ffmpeg", &format!("-v error -y {args}"), b"").is_some()
}

fn probe(input: &str) -> Value {
    serde_json::from_slice(&works(&["probe", "--json", input])).unwrap()
}

/// Ten segments of a second; `None` without ffmpeg.
fn segments(folder: &Path) -> Option<Vec<Vec<u8>>> {
    let text = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let made = make(&format!(
        "-f lavfi -i testsrc2=size=128x96:rate=25 -f lavfi -i sine=sample_rate=48000 -t 10 -c:v libx264 -g 25 -bf 0 -c:a aac {}",
        text("x.mp4")
    ));
    if !made {
        return None;
    }
    let ts = ["remux", "--segments", "ts", "--segment-duration", "1"];
    works(&[&ts[..], &[&text("x.mp4"), &text("x.m3u8")]].concat());
    let read = |n| std::fs::read(text(&format!("x-segment-{n}.ts"))).unwrap();
    Some((0..10).map(read).collect())
}

/// All in one file, each segment encrypted by a key that changes in the middle; one of them is a gap.
#[test]
fn keys_change_in_a_live_playlist_of_byte_ranges() {
    let folder = tempfile::tempdir().unwrap();
    let text = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let Some(segments) = segments(folder.path()) else {
        return;
    };
    const GAP: usize = 7;
    let keys = [*b"0123456789abcdef", *b"fedcba9876543210"];
    std::fs::create_dir(folder.path().join("deep")).unwrap();
    let (mut whole, mut ranges) = (Vec::new(), Vec::new());
    for (n, segment) in segments.iter().enumerate() {
        let iv = (n as u128).to_be_bytes();
        let sealed = hls::aes128::encrypt(&keys[n / 5], &iv, segment);
        ranges.push((sealed.len(), whole.len()));
        whole.extend(sealed);
    }
    std::fs::write(text("deep/all.ts"), &whole).unwrap();
    for (n, key) in keys.iter().enumerate() {
        std::fs::write(text(&format!("deep/key{n}")), key).unwrap();
    }
    let list = |first: usize| {
        let mut list = format!(
            "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{first}\n"
        );
        let last = (first + 4).min(10);
        for (n, (len, offset)) in ranges.iter().enumerate().take(last).skip(first) {
            if n == first || n == 5 {
                let _ = writeln!(list, "#EXT-X-KEY:METHOD=AES-128,URI=\"key{}\"", n / 5);
            }
            if n == GAP {
                list += "#EXT-X-GAP\n";
            }
            let _ = writeln!(list, "#EXT-X-BYTERANGE:{len}@{offset}\n#EXTINF:1,\nall.ts");
        }
        list + if last == 10 { "#EXT-X-ENDLIST\n" } else { "" }
    };
    let server = Server::start(folder.path());
    // What is in the playlist is meant from where it is, not from where it was asked for.
    let mut redirects = server.state.redirects.lock().unwrap();
    redirects.insert("live.m3u8".into(), "/deep/list.m3u8".into());
    drop(redirects);
    let tell = |first: usize| {
        let mut answers = server.state.answers.lock().unwrap();
        answers.insert("deep/list.m3u8".into(), (200, list(first).into_bytes()));
    };
    tell(0);
    let (url, output) = (server.url("live.m3u8"), text("out.mp4"));
    let said = std::thread::scope(|scope| {
        let playing = scope.spawn(|| fluvial(&["remux", &url, &output]));
        for first in 1..=6 {
            std::thread::sleep(Duration::from_millis(700));
            tell(first);
        }
        playing.join().unwrap()
    });
    let told = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{told}");
    assert!(told.contains("segment 7 is missing"), "{told}");
    // From the second segment on, three behind the edge, but for the gap.
    let report = probe(&output);
    assert_eq!(report["tracks"][0]["samples"], 8 * 25, "{report}");
    let decoded = testing::csv(
        "ffprobe",
        &format!(
            "-v error -select_streams v -count_frames -show_entries stream=nb_read_frames -of csv=p=0 {output}"
        ),
        b"",
    );
    assert_eq!(decoded.unwrap()[0][0], "200");
}

/// What is gone from a list that is whole is an error, and nothing that is passed over.
#[test]
fn a_missing_segment_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let text = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    if segments(folder.path()).is_none() {
        return;
    }
    std::fs::remove_file(text("x-segment-4.ts")).unwrap();
    let server = Server::start(folder.path());
    for input in [server.url("x.m3u8"), text("x.m3u8")] {
        let output = fluvial(&["remux", &input, &text("out.mp4")]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("x-segment-4.ts"), "{said}");
    }
}

/// Renditions of two sizes: the better one, or what fits.
#[test]
fn a_bandwidth_chooses_the_rendition() {
    let folder = tempfile::tempdir().unwrap();
    let text = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    if !make(&format!(
        "-f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine=sample_rate=48000 -t 6 -c:v libx264 -preset ultrafast -g 50 -c:a aac {}",
        text("x.mp4")
    )) {
        return;
    }
    let renditions = "v:0,agroup:a,name:hi v:1,agroup:a,name:lo a:0,agroup:a,name:so";
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg
        .args(["-v", "error", "-i", &text("x.mp4")])
        .args([
            "-map", "0:v", "-map", "0:v", "-map", "0:a", "-c:v", "libx264",
        ])
        .args(["-preset", "ultrafast", "-g", "50", "-b:v:0", "1500k"])
        .args(["-s:v:1", "320x180", "-b:v:1", "300k", "-c:a", "copy"])
        .args(["-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod"])
        .args(["-hls_segment_type", "fmp4", "-var_stream_map", renditions])
        .args(["-master_pl_name", "x.m3u8", &text("%v.m3u8")]);
    let made = testing::output(&mut ffmpeg, b"").unwrap();
    assert!(made.status.success(), "{made:?}");
    let server = Server::start(folder.path());
    let width = |input: &str, more: &[&str]| {
        let report = works(&[&["probe", "--json", input], more].concat());
        let report: Value = serde_json::from_slice(&report).unwrap();
        let tracks = report["tracks"].as_array().unwrap();
        assert_eq!(tracks.len(), 2, "{report}");
        let video = tracks.iter().find_map(|track| track["width"].as_u64());
        video.unwrap()
    };
    for input in [server.url("x.m3u8"), text("x.m3u8")] {
        assert_eq!(width(&input, &[]), 640);
        assert_eq!(width(&input, &["--bandwidth", "700k"]), 320);
    }
    // As a player would: it begins with the least, and soon has the best.
    let output = fluvial(&[
        "remux",
        "--bandwidth",
        "auto",
        &server.url("x.m3u8"),
        &text("auto.ts"),
    ]);
    assert!(output.status.success(), "{output:?}");
    let paths = server.state.paths.lock().unwrap();
    for rendition in ["lo", "hi"] {
        assert!(
            paths
                .iter()
                .any(|path| path.starts_with(rendition) && path.ends_with("m4s")),
            "{paths:?}"
        );
    }
    let wrong = fluvial(&["probe", "--bandwidth", "fast", "x.m3u8"]);
    assert_eq!(wrong.status.code(), Some(2));
}

/// A hash of each frame as FFmpeg decodes it.
fn frames(name: &str, kind: &str) -> Vec<String> {
    let args = format!("-v error -i {name} -map 0:{kind} -f framemd5 -");
    let text = String::from_utf8(testing::run("ffmpeg", &args, b"").unwrap()).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit(',').next().unwrap().trim().to_owned())
        .collect()
}

/// What came of a file by way of transport streams has all of its pictures, and its sound.
fn same_frames(opened: &str, clear: &str, way: &str) {
    assert_eq!(frames(opened, "v"), frames(clear, "v"), "{way}");
    let (opened, clear) = (frames(opened, "a"), frames(clear, "a"));
    // The encoder's delay and the padding at the end are left out of the one, and not of the other.
    let middle = &clear[2..clear.len() - 2];
    let found = opened.windows(middle.len()).any(|window| window == middle);
    assert!(found, "{way}: {} of {} frames", opened.len(), clear.len());
}

/// FFmpeg takes another key in the middle of what it writes.
#[test]
fn keys_that_ffmpeg_changes_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    let text = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    if segments(folder.path()).is_none() {
        return;
    }
    for (name, key) in [("key0", b"0123456789abcdef"), ("key1", b"fedcba9876543210")] {
        std::fs::write(text(name), key).unwrap();
    }
    // What players ask for, where the key is, and the vector, where it is not the segment's number.
    std::fs::write(text("info"), format!("key0\n{}\n", text("key0"))).unwrap();
    let mut ffmpeg = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-re", "-i", &text("x.mp4")])
        .args([
            "-c",
            "copy",
            "-f",
            "hls",
            "-hls_time",
            "1",
            "-hls_list_size",
            "0",
        ])
        .args([
            "-hls_key_info_file",
            &text("info"),
            "-hls_flags",
            "periodic_rekey",
        ])
        .arg(text("list.m3u8"))
        .spawn()
        .unwrap();
    let list = || std::fs::read_to_string(text("list.m3u8")).unwrap_or_default();
    while list().matches("#EXTINF").count() < 3 {
        assert!(ffmpeg.try_wait().unwrap().is_none(), "{}", list());
        std::thread::sleep(Duration::from_millis(20));
    }
    // In one step, or it may be read half written.
    let vector = "00112233445566778899aabbccddeeff";
    let info = format!("key1\n{}\n{vector}\n", text("key1"));
    std::fs::write(text("next"), info).unwrap();
    std::fs::rename(text("next"), text("info")).unwrap();
    assert!(testing::wait(ffmpeg).status.success());
    let told = list();
    assert!(
        told.contains("URI=\"key0\"") && told.contains(vector),
        "{told}"
    );
    let server = Server::start(folder.path());
    for input in [server.url("list.m3u8"), text("list.m3u8")] {
        works(&["remux", &input, &text("open.mp4")]);
        same_frames(&text("open.mp4"), &text("x.mp4"), &input);
    }
}

/// Samples that are encrypted in transport streams and in raw sound, by shaka-packager; the playlists tell where the key is.
#[test]
fn encrypted_samples_of_transport_streams_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    let text = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    if segments(folder.path()).is_none() {
        return;
    }
    let key = "00112233445566778899aabbccddeeff";
    let bytes = u128::from_str_radix(key, 16).unwrap().to_be_bytes();
    std::fs::write(text("key"), bytes).unwrap();
    let stream = |kind: &str, ending: &str| {
        let (input, segment) = (text("x.mp4"), text(&format!("{kind}-$Number$.{ending}")));
        format!(
            "in={input},stream={kind},segment_template={segment},playlist_name={kind}.m3u8,hls_group_id=a"
        )
    };
    let made = testing::shaka_packager(&[
        stream("video", "ts"),
        stream("audio", "aac"),
        "--segment_duration=2".into(),
        "--protection_scheme=cbcs".into(),
        "--clear_lead=0".into(),
        "--enable_raw_key_encryption".into(),
        format!("--keys=label=:key_id=a0a1a2a3a4a5a6a7a8a9aaabacadaeaf:key={key}"),
        "--hls_key_uri=key".into(),
        format!("--hls_master_playlist_output={}", text("list.m3u8")),
    ]);
    if made.is_none() {
        return;
    }
    let server = Server::start(folder.path());
    let open = text("open.ts");
    for input in [server.url("list.m3u8"), text("list.m3u8")] {
        works(&["remux", &input, &open]);
        same_frames(&open, &text("x.mp4"), &input);
    }
}
