//! Sessions with programs that nobody here wrote.

#[path = "../examples/tunnel/http.rs"]
mod http;
#[path = "support/served.rs"]
mod served;

use fluvial_rtmp::client::Auth;
use fluvial_rtmp::handshake::Encryption;
use fluvial_rtmp::server::{Config, Event, Rtmpe};
use served::{Stream, listen, listen_http, listen_with};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The path of a newer ffmpeg, which knows RTMPE and Enhanced RTMP.
fn ffmpeg9() -> Option<String> {
    let program = "import imageio_ffmpeg;print(imageio_ffmpeg.get_ffmpeg_exe())";
    let output = Command::new("python3")
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

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("fluvial-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs a program that may not end by itself; gives what it said.
fn run(program: &str, args: &str, patience: Duration) -> String {
    let log = std::env::temp_dir().join(format!(
        "fluvial-log-{}-{:?}",
        std::process::id(),
        Instant::now()
    ));
    let file = std::fs::File::create(&log).unwrap();
    let mut child = Command::new(program)
        .args(args.split_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file)
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > patience {
            let _ = child.kill();
            let _ = child.wait();
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let said = std::fs::read(&log).unwrap_or_default();
    let _ = std::fs::remove_file(&log);
    String::from_utf8_lossy(&said).into_owned()
}

/// Sizes and checksums of the frames of a file, decoded.
fn frames(ffmpeg: &str, path: &str) -> Vec<Vec<String>> {
    let lines = testing::csv(ffmpeg, &format!("-v quiet -i {path} -f framemd5 -"), &[]).unwrap();
    let frames = lines.into_iter().filter(|line| !line[0].starts_with('#'));
    let mut frames: Vec<_> = frames
        .map(|line| [&line[..1], &line[4..]].concat())
        .collect();
    // Each track in its order.
    frames.sort_by_key(|frame| frame[0].clone());
    frames
}

fn clip(ffmpeg: &str, folder: &Folder, name: &str, codecs: &str) -> String {
    let path = folder.file(name);
    let args = format!(
        "-v error -y -f lavfi -i testsrc2=size=160x120:rate=25 -f lavfi -i sine=sample_rate=48000 -t 2 -g 10 {codecs} -f flv {path}"
    );
    testing::run(ffmpeg, &args, &[]).unwrap();
    path
}

/// Publishes a clip with ffmpeg and plays it with ffmpeg: all frames of it must come out.
fn there_and_back(ffmpeg: &str, folder: &Folder, clip: &str, url: &str, options: &str) {
    let said = run(
        ffmpeg,
        &format!("-v warning -i {clip} -c copy {options} -f flv {url}"),
        Duration::from_secs(30),
    );
    let out = folder.file("out.flv");
    let said = said
        + &run(
            ffmpeg,
            &format!("-v warning -y -i {url} -c copy -f flv {out}"),
            Duration::from_secs(30),
        );
    assert!(Path::new(&out).exists(), "{url}: {said}");
    let (sent, came) = (frames(ffmpeg, clip), frames(ffmpeg, &out));
    assert!(!sent.is_empty());
    assert!(
        sent == came,
        "{url}: {} frames of {}: {said}",
        came.len(),
        sent.len()
    );
    std::fs::remove_file(&out).unwrap();
}

#[test]
fn rtmpe_with_ffmpeg() {
    let Some(ffmpeg) = ffmpeg9() else {
        return;
    };
    let folder = Folder::new("rtmpe");
    let clip = clip(&ffmpeg, &folder, "in.flv", "-c:v libx264 -bf 2 -c:a aac");
    for rtmpe in [
        Rtmpe::AsAsked,
        Rtmpe::Always(Encryption::Xtea),
        Rtmpe::Always(Encryption::Blowfish),
    ] {
        let mut config = Config::default();
        config.rtmpe = rtmpe;
        let port = listen(config, &Stream::default());
        there_and_back(
            &ffmpeg,
            &folder,
            &clip,
            &format!("rtmpe://127.0.0.1:{port}/live/x"),
            "",
        );
        // The same server, without.
        there_and_back(
            &ffmpeg,
            &folder,
            &clip,
            &format!("rtmp://127.0.0.1:{port}/live/x"),
            "",
        );
    }
}

#[test]
fn rtmpe_with_rtmpdump() {
    let Some(ffmpeg) = ffmpeg9() else {
        return;
    };
    let folder = Folder::new("rtmpdump");
    let clip = clip(&ffmpeg, &folder, "in.flv", "-c:v libx264 -bf 2 -c:a aac");
    for rtmpe in [
        Rtmpe::AsAsked,
        Rtmpe::Always(Encryption::Xtea),
        Rtmpe::Always(Encryption::Blowfish),
    ] {
        let mut config = Config::default();
        config.rtmpe = rtmpe;
        let port = listen(config, &Stream::default());
        run(
            &ffmpeg,
            &format!("-v warning -i {clip} -c copy -f flv rtmp://127.0.0.1:{port}/live/x"),
            Duration::from_secs(30),
        );
        let out = folder.file("out.flv");
        let said = run(
            "rtmpdump",
            &format!("-r rtmpe://127.0.0.1:{port}/live/x -o {out}"),
            Duration::from_secs(20),
        );
        assert!(said.contains("Download complete"), "{said}");
        assert!(frames(&ffmpeg, &clip) == frames(&ffmpeg, &out), "{said}");
    }
}

#[test]
fn rtmpt_with_ffmpeg() {
    let Some(ffmpeg) = ffmpeg9() else {
        return;
    };
    let folder = Folder::new("rtmpt");
    let clip = clip(&ffmpeg, &folder, "in.flv", "-c:v libx264 -bf 2 -c:a aac");
    let mut config = Config::default();
    config.rtmpe = Rtmpe::AsAsked;
    let port = listen_http(config, &Stream::default());
    // Otherwise it keeps the last packets for itself when it ends.
    let options = "-rtmp_flush_interval 1";
    let url = format!("rtmpt://127.0.0.1:{port}/live/x");
    for program in ["ffmpeg", &ffmpeg] {
        there_and_back(program, &folder, &clip, &url, options);
    }
    let url = format!("rtmpte://127.0.0.1:{port}/live/x");
    there_and_back(&ffmpeg, &folder, &clip, &url, options);
}

#[test]
fn rtmpt_with_rtmpdump() {
    let Some(ffmpeg) = ffmpeg9() else {
        return;
    };
    let folder = Folder::new("rtmpdump-t");
    let clip = clip(&ffmpeg, &folder, "in.flv", "-c:v libx264 -bf 2 -c:a aac");
    let mut config = Config::default();
    config.rtmpe = Rtmpe::AsAsked;
    let port = listen_http(config, &Stream::default());
    run(
        &ffmpeg,
        &format!(
            "-v warning -i {clip} -c copy -rtmp_flush_interval 1 -f flv rtmpt://127.0.0.1:{port}/live/x"
        ),
        Duration::from_secs(30),
    );
    for scheme in ["rtmpt", "rtmpte"] {
        let out = folder.file("out.flv");
        // It does not stop by itself over HTTP.
        let said = run(
            "rtmpdump",
            &format!("-r {scheme}://127.0.0.1:{port}/live/x -o {out}"),
            Duration::from_secs(5),
        );
        assert!(
            frames(&ffmpeg, &clip) == frames(&ffmpeg, &out),
            "{scheme}: {said}"
        );
        std::fs::remove_file(&out).unwrap();
    }
}

/// Every codec that ffmpeg sends by FourCC, published to us and played from us.
#[test]
fn enhanced_codecs_with_ffmpeg() {
    let Some(ffmpeg) = ffmpeg9() else {
        return;
    };
    let folder = Folder::new("enhanced");
    let port = listen(Config::default(), &Stream::default());
    let url = format!("rtmp://127.0.0.1:{port}/live/x");
    for (codecs, told) in [
        (
            "-c:v libx265 -x265-params log-level=none -c:a libopus",
            "hvc1,Opus",
        ),
        ("-c:v libvpx-vp9 -b:v 200k -c:a ac3", "vp09,ac-3"),
        ("-c:v libsvtav1 -c:a eac3", "av01,ec-3"),
        ("-c:v libx264 -c:a flac", "avc1,fLaC"),
        ("-c:v libx264 -c:a libmp3lame", ".mp3"),
    ] {
        let clip = clip(&ffmpeg, &folder, "in.flv", codecs);
        there_and_back(
            &ffmpeg,
            &folder,
            &clip,
            &url,
            &format!("-rtmp_enhanced_codecs {told}"),
        );
    }
}

/// Gives out the four bytes that another client drew.
struct Drawn(u32);

impl rand::RngCore for Drawn {
    fn next_u32(&mut self) -> u32 {
        self.0
    }
    fn next_u64(&mut self) -> u64 {
        self.0.into()
    }
    fn fill_bytes(&mut self, dst: &mut [u8]) {
        dst.copy_from_slice(&self.0.to_be_bytes());
    }
}

/// What ffmpeg answers to a challenge is what we answer.
fn answers_like_ffmpeg(module: &'static str, challenge: &'static str, app: &str) {
    let asked = format!("[ AccessManager.Reject ] : [ code=403 need auth; authmod={module} ] : ");
    let challenged = format!(
        "[ AccessManager.Reject ] : [ authmod={module} ] : ?reason=needauth&user=me{challenge}"
    );
    let queries = Arc::new(Mutex::new(Vec::new()));
    let (heard, first, second) = (queries.clone(), asked.clone(), challenged.clone());
    let port = listen_with(
        Config::default(),
        Arc::new(move |session, event| {
            if let Event::ConnectRequested(request) = &event {
                let mut heard = heard.lock().unwrap();
                heard.push(request.query.clone());
                let description = match heard.len() {
                    1 => &*first,
                    2 => &*second,
                    _ => "enough",
                };
                session.reject(request.id, "NetConnection.Connect.Rejected", description)?;
            }
            Ok(!matches!(event, Event::Closed(_)))
        }),
    );
    let url = format!("rtmp://me:secret@127.0.0.1:{port}/{app}/x");
    let said = run(
        "ffmpeg",
        &format!("-v warning -f lavfi -i anullsrc -t 1 -c:a aac -f flv {url}"),
        Duration::from_secs(20),
    );
    let queries = queries.lock().unwrap();
    assert_eq!(queries.len(), 3, "{queries:?}: {said}");
    let ours = |auth: &mut Auth, description: &str, drawn| {
        auth.answer(app, description, &mut Drawn(drawn)).unwrap()
    };
    let mut auth = Auth::new("me", "secret");
    assert_eq!(queries[1], ours(&mut auth, &asked, 0));
    let key = if module == "adobe" {
        "challenge="
    } else {
        "cnonce="
    };
    let drawn = queries[2].split(key).nth(1).unwrap()[..8].to_owned();
    let drawn = u32::from_str_radix(&drawn, 16).unwrap();
    assert_eq!(queries[2], ours(&mut auth, &challenged, drawn));
    // What the server says last reaches the user.
    assert!(said.contains("enough"), "{said}");
}

#[test]
fn adobe_authentication_is_that_of_ffmpeg() {
    answers_like_ffmpeg("adobe", "&salt=YWJj&challenge=ZGVm&opaque=Z2hp", "live");
}

#[test]
fn llnw_authentication_is_that_of_ffmpeg() {
    answers_like_ffmpeg("llnw", "&nonce=0123abcd", "live");
    answers_like_ffmpeg("llnw", "&nonce=0123abcd", "live/a");
}

/// The frames of one track, decoded.
fn frames_of(ffmpeg: &str, path: &str, track: &str) -> Vec<String> {
    let args = format!("-v quiet -i {path} -map 0:{track} -f framemd5 -");
    let lines = testing::csv(ffmpeg, &args, &[]).unwrap();
    let frames = lines.into_iter().filter(|line| !line[0].starts_with('#'));
    frames.map(|line| line[line.len() - 1].clone()).collect()
}

/// Publishes messages by our client.
fn publish(port: u16, messages: &[fluvial_rtmp::Message]) {
    use fluvial_rtmp::client::{self, PublishType, Session};
    use std::io::{Read, Write};
    let url: fluvial_rtmp::Url = format!("rtmp://127.0.0.1:{port}/live/x").parse().unwrap();
    let mut socket = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let config = client::Config::new(&url);
    let mut session = Session::new(config, &mut rand::rng(), Duration::ZERO);
    let mut buffer = vec![0; 1 << 16];
    let mut closed = false;
    while !closed {
        while let Some(bytes) = session.poll_transmit() {
            socket.write_all(&bytes).unwrap();
        }
        let read = socket.read(&mut buffer).unwrap();
        assert!(read > 0, "the server hung up");
        session.handle_input(&buffer[..read], Duration::ZERO);
        while let Some(event) = session.poll_event().unwrap() {
            match event {
                client::Event::Connected { .. } => {
                    session.publish("x", PublishType::Live).unwrap();
                }
                client::Event::Publishing { stream_id, .. } => {
                    for message in messages {
                        let message = message.clone();
                        session
                            .send_message(&fluvial_rtmp::Message {
                                stream_id,
                                ..message
                            })
                            .unwrap();
                    }
                    session.close();
                }
                client::Event::Closed(_) => closed = true,
                client::Event::Refused { description, .. } => panic!("{description}"),
                _ => {}
            }
        }
    }
    while let Some(bytes) = session.poll_transmit() {
        socket.write_all(&bytes).unwrap();
    }
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    let _ = socket.read_to_end(&mut buffer);
}

/// Two videos and two sounds in one stream, published by our client: ffmpeg 9 plays all four.
#[test]
fn several_tracks_with_ffmpeg() {
    use fluvial_rtmp::flv::{FileDemuxer, Muxer};
    use media::{Event, Sample, TrackId, Tracks};
    let Some(ffmpeg) = ffmpeg9() else {
        return;
    };
    let folder = Folder::new("tracks");
    let (mut tracks, mut samples, mut alone) = (Vec::new(), Vec::new(), Vec::new());
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
        let path = folder.file("one.flv");
        let args = format!("-v error -y -f lavfi -i {input} -t 2 {codec} -f flv {path}");
        testing::run(&ffmpeg, &args, &[]).unwrap();
        alone.push(frames_of(
            &ffmpeg,
            &path,
            if number < 2 { "v" } else { "a" },
        ));
        let mut demuxer = FileDemuxer::new(fluvial_rtmp::Limits::default());
        demuxer.handle_input(&std::fs::read(&path).unwrap());
        demuxer.handle_eof();
        let id = TrackId(10 + u32::try_from(number).unwrap());
        let mut own = None;
        while let Some(event) = demuxer.poll_event().unwrap() {
            match event {
                Event::Tracks(found) => own = Some(found[0].clone()),
                Event::Sample(sample) => samples.push(Sample {
                    track: id,
                    ..sample
                }),
                _ => {}
            }
        }
        let mut track = own.unwrap();
        track.id = id;
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
    let mut muxer = Muxer::new();
    muxer.set_tracks(&tracks).unwrap();
    for sample in &samples {
        muxer.handle_sample(sample).unwrap();
    }
    let messages: Vec<_> = std::iter::from_fn(|| muxer.poll_output()).collect();
    let port = listen(Config::default(), &Stream::default());
    publish(port, &messages);
    let out = folder.file("out.mkv");
    let said = run(
        &ffmpeg,
        &format!("-v warning -y -i rtmp://127.0.0.1:{port}/live/x -map 0 -c copy {out}"),
        Duration::from_secs(30),
    );
    for (track, alone) in ["v:0", "v:1", "a:0", "a:1"].into_iter().zip(&alone) {
        assert!(!alone.is_empty());
        let came = frames_of(&ffmpeg, &out, track);
        assert!(
            came == *alone,
            "{track}: {} of {}: {said}",
            came.len(),
            alone.len()
        );
    }
}
