//! Low-latency HLS and DASH of live streams, and files on demand, in players that nobody here wrote.

use std::{process::Command, time::Duration};

use fluvial_interop::{
    PATIENCE,
    clip::{B_FRAMES_25, LONG},
    clock::Clock,
    http, needs,
    peer::{self, CHROMIUM, DASH_JS, FFMPEG, HLS_JS, MEDIAINFO, PLAYWRIGHT, SHAKA},
    process::Process,
    server::Server,
    wait_within,
};
use serde_json::Value;
use tempfile::TempDir;

/// A stall is time that passes while the picture's does not: a machine under load tells of `waiting` where nobody sees any.
fn stands_still_for_less_than(seen: &Value, seconds: f64) {
    let frozen = seen["frozen"].as_f64().expect("a number");
    assert!(frozen < seconds, "{seen}");
}

/// Browsers that are timed are looked at one after the other: several at once are slower than the network that is tested.
pub(crate) fn alone() -> std::sync::MutexGuard<'static, ()> {
    static BROWSER: std::sync::Mutex<()> = std::sync::Mutex::new(());
    BROWSER
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Chromium, told to play a page, and how.
pub(crate) fn watcher(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("node");
    let chromium = peer::find("chromium").expect("the test has asked for it");
    command
        .arg(peer::manifest_dir().join("browser/latency.js"))
        .arg(url)
        .args(arguments)
        .env("CHROMIUM", chromium);
    command
}

/// What it has seen.
pub(crate) fn seen(lines: &[String]) -> Value {
    serde_json::from_str(&lines.concat()).expect("the script prints JSON")
}

/// Has Chromium play a page for some seconds after some to settle, seek, and have its network changed; gives what was seen.
fn watch(url: &str, seconds: u32, warmup: u32, seeks: &str, network: &str) -> Value {
    let (length, settling) = (seconds.to_string(), warmup.to_string());
    let mut command = watcher(url, &[&length, &settling, seeks, network]);
    let mut browser = Process::spawn(format!("Chromium watching {url}"), &mut command);
    // Longer than other waits, where it is to watch for long.
    let most = PATIENCE + Duration::from_secs((seconds + warmup).into());
    wait_within(most, || browser.exited());
    browser.expect_success();
    let seen = seen(&browser.stdout.lines());
    let played = seen["played"].as_f64();
    assert!(
        played >= Some(f64::from(seconds)),
        "it does not play on: {seen}"
    );
    assert_eq!(seen["notice"], "", "{seen}");
    seen
}

/// How long a live stream is watched, if `FLUVIAL_WATCH_SECONDS` says so.
fn told_seconds() -> Option<u32> {
    std::env::var("FLUVIAL_WATCH_SECONDS").ok()?.parse().ok()
}

/// A player of the live stream with the clock in its pictures: no stall, and no further behind than so many seconds.
fn live(player: &str, most: f64) -> Value {
    live_with(&[], player, most)
}

/// The same of a server with these options.
fn live_with(options: &[&str], player: &str, most: f64) -> Value {
    let _alone = alone();
    let server = Server::start(&[&["--no-demo"], options].concat());
    let _clock = Clock::publish(&server.rtmp_url("clock"));
    server.wait_for_playlist("clock");
    let url = server.http_url(&format!("/watch?player={player}&src=/live/clock"));
    let seen = watch(&url, told_seconds().unwrap_or(12), 8, "", "");
    let behind = |which: &str| seen["latency"][which].as_f64().expect("the clock is read");
    // Beside other tests a player falls behind, and makes up for it by playing a little faster, which takes longer than it is
    // watched: it has to get there. Watched for as long as is told, alone, it has to stay there.
    let (near, far) = (behind("min"), behind("p95"));
    let most_of_far = if told_seconds().is_some() {
        most
    } else {
        most + 2.0
    };
    assert!(
        near < most && far < most_of_far,
        "{near} to {far} s behind: {seen}"
    );
    stands_still_for_less_than(&seen, 0.5);
    seen
}

#[test]
fn hls_js_plays_with_low_latency() {
    needs!(CHROMIUM, PLAYWRIGHT, HLS_JS, FFMPEG);
    let seen = live("hls.js", 2.0);
    // By parts, blocking reloads and delta updates.
    for kind in ["parts", "blocking", "deltas"] {
        assert!(seen["requests"][kind].as_u64() > Some(30), "{kind}: {seen}");
    }
}

#[test]
fn dash_js_plays_with_low_latency() {
    needs!(CHROMIUM, PLAYWRIGHT, DASH_JS, FFMPEG);
    live("dash.js", 3.0);
}

#[test]
fn shaka_player_plays_live() {
    needs!(CHROMIUM, PLAYWRIGHT, SHAKA, FFMPEG);
    live("shaka", 8.0);
}

#[test]
fn hls_js_plays_parts_that_are_byte_ranges() {
    needs!(CHROMIUM, PLAYWRIGHT, HLS_JS, FFMPEG);
    let seen = live_with(&["--part-ranges"], "hls.js", 2.0);
    assert!(seen["requests"]["ranges"].as_u64() > Some(30), "{seen}");
    assert_eq!(seen["requests"]["parts"].as_u64(), Some(0), "{seen}");
}

/// Who wants players further behind than low latency has to be says so, and playlists and manifests tell them.
#[test]
fn how_far_behind_to_stay_is_told() {
    needs!(FFMPEG);
    let server = Server::start(&["--no-demo", "--hold-back", "4"]);
    let _clock = Clock::publish(&server.rtmp_url("clock"));
    server.wait_for_playlist("clock");
    let text = |path: &str| {
        let response = http::get(&server.http_url(path));
        response.expect("the server answers").text()
    };
    let list = text("/live/clock/stream.m3u8");
    assert!(list.contains("PART-HOLD-BACK=4,"), "{list}");
    let manifest = text("/live/clock/manifest.mpd");
    assert!(manifest.contains("target=\"4000\""), "{manifest}");
}

/// An encoder of three renditions with the same keyframes, published as `NAME_720`, `NAME_360`, `NAME_180`.
fn ladder(server: &Server, name: &str) -> Process {
    let mut command = Command::new("ffmpeg");
    command
        .args([
            "-nostdin",
            "-v",
            "error",
            "-re",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=1280x720:r=25",
        ])
        .args(["-f", "lavfi", "-i", "sine=440:r=48000", "-filter_complex"])
        .arg("[0:v]split=3[a][b][c];[a]null[v720];[b]scale=640x360[v360];[c]scale=320x180[v180]");
    for (height, rate) in [(720, "3M"), (360, "1M"), (180, "300k")] {
        command
            .args([
                "-map",
                &format!("[v{height}]"),
                "-map",
                "1:a",
                "-c:v",
                "libx264",
            ])
            .args(["-preset", "ultrafast", "-tune", "zerolatency", "-g", "50"])
            .args(["-keyint_min", "50", "-sc_threshold", "0"])
            .args(["-b:v", rate, "-maxrate", rate, "-bufsize", rate])
            .args([
                "-c:a",
                "aac",
                "-f",
                "flv",
                &server.rtmp_url(&format!("{name}_{height}")),
            ]);
    }
    Process::spawn("ffmpeg publishing three renditions", &mut command)
}

/// Each at once where the others have it: what stands between the start and the numbers of their segments is the same.
#[test]
fn renditions_are_one_presentation() {
    needs!(CHROMIUM, PLAYWRIGHT, HLS_JS, FFMPEG);
    let _alone = alone();
    let server = Server::start(&["--no-demo"]);
    let _encoder = ladder(&server, "ladder");
    for height in [720, 360, 180] {
        server.wait_for_playlist(&format!("ladder_{height}"));
    }
    let text = |path: &str| {
        let response = http::get(&server.http_url(path)).expect("the server answers");
        assert_eq!(response.status, 200, "{path}");
        response.text()
    };
    let offered = text("/live/ladder/index.m3u8");
    assert_eq!(offered.matches("#EXT-X-STREAM-INF").count(), 3, "{offered}");
    let manifest = text("/live/ladder/manifest.mpd");
    assert_eq!(manifest.matches("<AdaptationSet").count(), 2, "{manifest}");
    assert_eq!(manifest.matches("frameRate=").count(), 3, "{manifest}");
    let starts = |height: u32| {
        let playlist = text(&format!("/live/ladder_{height}/stream.m3u8"));
        let line = |name: &str| {
            let found = playlist.lines().find(|line| line.starts_with(name));
            found.expect(name).to_owned()
        };
        (
            line("#EXT-X-MEDIA-SEQUENCE"),
            line("#EXT-X-PROGRAM-DATE-TIME"),
        )
    };
    assert_eq!(starts(720), starts(360));
    assert_eq!(starts(720), starts(180));

    // With some seconds of buffer it steps down when the network gets slow, and up again, without a stall.
    let url = server.http_url("/watch?player=hls.js&patient&src=/live/ladder");
    let seen = watch(&url, 55, 6, "", "8:1300,28:0");
    let heights: Vec<u64> = seen["heights"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["height"].as_u64())
        .collect();
    assert_eq!(heights.first(), Some(&720), "{seen}");
    assert_eq!(heights.last(), Some(&720), "{seen}");
    assert!(heights.iter().any(|height| *height < 720), "{seen}");
    stands_still_for_less_than(&seen, 0.5);
}

/// A folder with the same clip as MP4, TS and FLV.
fn library() -> (TempDir, Server) {
    let folder = TempDir::new().expect("a folder");
    let clip = B_FRAMES_25.clip();
    std::fs::create_dir(folder.path().join("a b")).expect("a folder in it");
    for name in ["a b/clip.mp4", "a b/clip.ts", "clip.flv"] {
        let mut command = Command::new("ffmpeg");
        command
            .args(["-v", "error", "-i"])
            .arg(&clip.file)
            .args(["-c", "copy"])
            .arg(folder.path().join(name));
        Process::run(format!("ffmpeg making {name}"), &mut command);
    }
    let path = folder.path().to_str().expect("it is UTF-8");
    let server = Server::start(&["--no-demo", "--vod", path]);
    (folder, server)
}

/// Hashes of the decoded frames of one kind.
fn hashes(input: &str, kind: &str) -> Vec<String> {
    let mut command = Command::new("ffmpeg");
    command.args([
        "-nostdin", "-v", "error", "-i", input, "-map", kind, "-f", "framemd5", "-",
    ]);
    let lines = Process::run(format!("ffmpeg decoding {input}"), &mut command);
    let frames = lines.iter().filter(|line| !line.starts_with('#'));
    frames
        .filter_map(|line| Some(line.rsplit(',').next()?.trim().to_owned()))
        .collect()
}

#[test]
fn ffmpeg_plays_every_frame_of_files() {
    needs!(FFMPEG);
    let (folder, server) = library();
    for (name, path) in [
        ("a b/clip.mp4", "a%20b/clip.mp4"),
        ("a b/clip.ts", "a%20b/clip.ts"),
        ("clip.flv", "clip.flv"),
    ] {
        let file = folder.path().join(name);
        let file = file.to_str().expect("it is UTF-8");
        let video = hashes(file, "0:v");
        let audio = hashes(file, "0:a");
        assert!(video.len() > 100 && audio.len() > 100);
        for manifest in ["index.m3u8", "manifest.mpd"] {
            let url = server.http_url(&format!("/vod/{path}/{manifest}"));
            assert_eq!(hashes(&url, "0:v"), video, "{url}");
            // An edit list takes the encoder's delay away from the start; fragments are played with it.
            let played = hashes(&url, "0:a");
            let delay = played.len() - audio.len();
            assert!(
                delay <= 1,
                "{url}: {} frames of sound, not {}",
                played.len(),
                audio.len()
            );
            assert_eq!(played[delay..], audio, "{url}");
        }
    }
}

/// Durations, segments and bit rates as ffprobe and mediainfo find them in the file itself.
#[test]
fn what_is_told_of_a_file_is_what_peers_see_in_it() {
    needs!(FFMPEG, MEDIAINFO);
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("clip.mp4");
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-i"]).arg(&LONG.clip().file);
    Process::run("ffmpeg", command.args(["-c", "copy"]).arg(&file));
    let path = folder.path().to_str().expect("it is UTF-8");
    let server = Server::start(&["--no-demo", "--vod", path]);
    let text = |name: &str| {
        let url = server.http_url(&format!("/vod/clip.mp4/{name}"));
        http::get(&url).expect("the server answers").text()
    };
    let probe = |what: &str| -> Vec<String> {
        let mut command = Command::new("ffprobe");
        command
            .args(["-v", "error", "-select_streams", "v", "-of", "csv=p=0"])
            .args(["-show_entries", what])
            .arg(&file);
        Process::run("ffprobe", &mut command)
    };
    let number = |text: &str| -> f64 { text.trim().parse().expect(text) };

    // Segments begin at key frames, and are as long as from one to the other.
    let keys: Vec<f64> = probe("packet=pts_time,flags")
        .iter()
        .filter_map(|line| {
            let (time, flags) = line.split_once(',')?;
            flags.contains('K').then(|| number(time))
        })
        .collect();
    let length = number(&probe("stream=duration").concat());
    let list = text("stream.m3u8");
    let told: Vec<f64> = list
        .lines()
        .filter_map(|line| Some(number(line.strip_prefix("#EXTINF:")?.split(',').next()?)))
        .collect();
    assert!(told.len() > 2, "{list}");
    let mut at = keys[0];
    for (index, told) in told.iter().enumerate() {
        let is_key = keys.iter().any(|key| (key - at).abs() < 0.001);
        assert!(
            is_key,
            "segment {index} begins at {at}, not at one of {keys:?}"
        );
        at += told;
    }
    assert!((at - keys[0] - length).abs() < 0.001, "{at}, not {length}");

    // The whole, as the manifest tells it.
    let mpd = text("manifest.mpd");
    let attribute = |name: &str| {
        let value = mpd.split(&format!(" {name}=\"")).nth(1).expect(name);
        value.split('"').next().expect(name).to_owned()
    };
    let whole = attribute("mediaPresentationDuration");
    let whole = number(whole.trim_start_matches("PT").trim_end_matches('S'));
    // Until the last picture and the last sound; of that one ffprobe counts what a decoder begins with.
    let mut command = Command::new("ffprobe");
    let sound = "-v error -select_streams a -of csv=p=0 -show_entries stream=duration";
    command.args(sound.split(' ')).arg(&file);
    let longest = length.max(number(&Process::run("ffprobe", &mut command).concat()));
    assert!(
        whole > length - 0.001 && (whole - longest).abs() < 0.03,
        "{longest}: {mpd}"
    );
    let mut command = Command::new("mediainfo");
    command.arg("--Output=JSON").arg(&file);
    let report = Process::run("mediainfo", &mut command).concat();
    let report: Value = serde_json::from_str(&report).expect("it is JSON");
    let of = |kind: &str, name: &str| {
        let tracks = report["media"]["track"].as_array().expect("tracks");
        let track = tracks.iter().find(|track| track["@type"] == kind);
        number(track.expect(kind)[name].as_str().expect(name))
    };
    assert!((of("Video", "Duration") - length).abs() < 0.05, "{report}");

    // The best segment has no fewer bits than all have on the average, and not many times as many.
    let rate = of("Video", "BitRate");
    let told = number(&attribute("bandwidth"));
    assert!(told >= rate && told < rate * 2.0, "{told}, not {rate}");
    for (name, theirs) in [("width", "Width"), ("height", "Height")] {
        let ours = number(&attribute(name));
        assert!((ours - of("Video", theirs)).abs() < 0.5, "{mpd}");
    }
    let offered = text("index.m3u8");
    let average = offered.split("AVERAGE-BANDWIDTH=").nth(1).expect(&offered);
    let average = number(average.split([',', '\n']).next().expect("a number"));
    let sum = rate + of("Audio", "BitRate");
    assert!((average / sum - 1.0).abs() < 0.1, "{average}, not {sum}");
}

#[test]
fn browsers_seek_in_files() {
    needs!(CHROMIUM, PLAYWRIGHT, HLS_JS, DASH_JS, SHAKA, FFMPEG);
    let _alone = alone();
    let (_folder, server) = library();
    for player in ["hls.js", "dash.js", "shaka"] {
        for file in ["a%20b/clip.mp4", "clip.flv"] {
            let source = format!("/vod/{file}").replace('%', "%25");
            let url = server.http_url(&format!("/watch?player={player}&src={source}"));
            // Far enough from the end that it plays on for two seconds after each jump.
            let seen = watch(&url, 2, 0, "5,1", "");
            let sought = seen["sought"].as_array().expect("a list");
            assert_eq!(sought.len(), 2, "{seen}");
            for jump in sought {
                let (to, at) = (jump["to"].as_f64(), jump["at"].as_f64());
                assert!(at > to, "{player} does not play where it went: {seen}");
            }
        }
    }
}

#[test]
fn files_are_served_as_caches_want_them() {
    needs!(FFMPEG);
    let (_folder, server) = library();
    let get = |path: &str| http::get(&server.http_url(path)).expect("the server answers");
    assert_eq!(get("/vod/clip.flv/index.m3u8").status, 200);
    assert_eq!(get("/vod/clip.flv/segment-0.m4s").status, 200);
    assert_eq!(get("/vod/clip.flv/segment-999.m4s").status, 404);
    for outside in [
        "/vod/../clip.flv/index.m3u8",
        "/vod/%2e%2e/clip.flv/index.m3u8",
        "/vod/a%20b/..%2f..%2fx.mp4/index.m3u8",
    ] {
        assert_eq!(get(outside).status, 404, "{outside}");
    }
    let list = String::from_utf8(get("/vod/").body).expect("it is UTF-8");
    assert!(list.contains("/vod/a%20b/clip.mp4/index.m3u8"), "{list}");
}
