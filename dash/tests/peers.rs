//! What the live origin writes is played by players that nobody here wrote: ffmpeg and GStreamer, frame for frame.
#![cfg(feature = "media")]

use fluvial_dash::live::{Addressing, Config, Presentation};
use media::segmenter::{Config as Cuts, Segmenter};
use media::{Event, Segmented, Time, WallClock};
use mp4::packager::{Config as Layout, Output};
use mp4::{Demuxer, Packager};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

type Store = Arc<Mutex<HashMap<String, Vec<u8>>>>;

/// Serves what is in a store over HTTP, until the test ends.
fn serve(store: &Store) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let store = Arc::clone(store);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let store = Arc::clone(&store);
            std::thread::spawn(move || answer(stream.unwrap(), &store));
        }
    });
    address
}

fn answer(stream: TcpStream, store: &Store) -> Option<()> {
    let mut input = BufReader::new(stream.try_clone().ok()?);
    let mut output = stream;
    loop {
        let mut line = String::new();
        input
            .read_line(&mut line)
            .ok()
            .filter(|length| *length > 0)?;
        let path = line.split(' ').nth(1)?.trim_start_matches('/').to_owned();
        let head = line.starts_with("HEAD");
        while line.trim() != "" {
            line.clear();
            input
                .read_line(&mut line)
                .ok()
                .filter(|length| *length > 0)?;
        }
        let path = path.split('?').next()?;
        let found = store.lock().unwrap().get(path).cloned();
        let status = if found.is_some() {
            "200 OK"
        } else {
            "404 Not Found"
        };
        let body = found.unwrap_or_default();
        write!(
            output,
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .ok()?;
        if !head {
            output.write_all(&body).ok()?;
        }
    }
}

/// Fragmented MP4 of a test picture and a tone; `None`, said aloud, without ffmpeg.
fn source(size: &str, seconds: u32) -> Option<Vec<u8>> {
    let args = format!(
        "-v error -f lavfi -i testsrc2=size={size}:rate=25:duration={seconds} -f lavfi -i sine=frequency=440:sample_rate=48000:duration={seconds} \
         -c:v libx264 -preset veryfast -g 25 -bf 2 -pix_fmt yuv420p -c:a aac -movflags +frag_keyframe+empty_moov+default_base_moof -f mp4 -"
    );
    testing::run("ffmpeg", &args, &[])
}

fn events(file: &[u8]) -> Vec<Event> {
    let mut demuxer = Demuxer::new(mp4::Limits::default());
    let mut events = Vec::new();
    for piece in file.chunks(1 << 14) {
        demuxer.handle_input(piece);
        while let Some(event) = demuxer.poll_event().unwrap() {
            events.push(event);
        }
    }
    demuxer.handle_eof();
    while let Some(event) = demuxer.poll_event().unwrap() {
        events.push(event);
    }
    events
}

/// A stream on its way from samples to a store.
struct Origin {
    segmenter: Segmenter,
    packager: Packager,
    presentation: Presentation,
    store: Store,
}

impl Origin {
    fn new(cuts: Cuts, config: Config) -> Self {
        Self {
            segmenter: Segmenter::new(cuts),
            packager: Packager::new(Layout::per_track()),
            presentation: Presentation::new(config),
            store: Store::default(),
        }
    }

    fn put(&self, name: &str, data: Vec<u8>) {
        self.store.lock().unwrap().insert(name.into(), data);
    }

    /// Puts out what is ready; how many segments of the first track that were.
    fn drain(&mut self) -> usize {
        let mut segments = 0;
        while let Some(segmented) = self.segmenter.poll_output() {
            if let Segmented::Tracks(tracks) = &segmented {
                self.presentation.set_tracks(tracks);
            }
            self.packager.handle(&segmented).unwrap();
        }
        while let Some(output) = self.packager.poll_output() {
            match output {
                Output::Init(init) => self.put(&init.name(), init.data.to_vec()),
                Output::Part(part) => self.presentation.push_part(&part.info),
                Output::Segment(segment) => {
                    self.put(&segment.name(), segment.data.concat());
                    self.presentation.push_segment(&segment.info).unwrap();
                    segments += usize::from(segment.info.track.is_some_and(|track| track.0 == 1));
                }
            }
        }
        if self.presentation.is_ready() {
            let bytes = self.presentation.to_bytes();
            self.put("manifest.mpd", bytes.to_vec());
        }
        segments
    }

    fn push_all(&mut self, events: &[Event]) {
        for event in events {
            self.segmenter.handle_event(event);
            self.drain();
        }
    }

    fn finish(&mut self) {
        self.segmenter.finish();
        self.drain();
        self.presentation.end();
        self.drain();
    }
}

/// Hashes of decoded pictures, by ffmpeg.
fn ffmpeg(input: &str, map: &str, stdin: &[u8]) -> Option<Vec<String>> {
    let args = format!("-k 5 60 ffmpeg -v error -i {input} -map {map} -f framemd5 -");
    let lines = testing::csv("timeout", &args, stdin)?;
    let hash = |line: &Vec<String>| line.last().unwrap().trim().to_owned();
    Some(
        lines
            .iter()
            .filter(|line| !line[0].starts_with('#'))
            .map(hash)
            .collect(),
    )
}

/// Hashes of decoded pictures, by GStreamer's `dashdemux2`.
fn gstreamer(url: &str) -> Option<Vec<String>> {
    let pipeline = format!(
        "uridecodebin3 uri={url} name=d \
         d. ! queue ! videoconvert ! video/x-raw,format=I420 ! checksumsink hash=md5 \
         d. ! queue ! audioconvert ! fakesink"
    );
    let mut command = Command::new("timeout");
    command
        .args("-k 5 60 gst-launch-1.0 -q".split(' '))
        .args(pipeline.split_whitespace());
    let output = testing::ended(&mut command, b"")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(127) || errors.contains("no element") {
        eprintln!("SKIPPED: GStreamer with dashdemux2 is not installed: {errors}");
        return None;
    }
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let hashes = text.lines().filter_map(|line| line.split(' ').next_back());
    Some(
        hashes
            .filter(|hash| hash.len() == 32)
            .map(str::to_owned)
            .collect(),
    )
}

#[test]
fn on_demand_is_played_frame_for_frame_by_timeline() {
    on_demand(Addressing::Timeline);
}

#[test]
fn on_demand_is_played_frame_for_frame_by_number() {
    on_demand(Addressing::Number);
}

fn on_demand(addressing: Addressing) {
    let Some(file) = source("320x180", 10) else {
        return;
    };
    let mut config = Config::on_demand(Duration::from_secs(2));
    config.addressing = addressing;
    let mut origin = Origin::new(Cuts::segments(Time::from_millis(2000)), config);
    origin.push_all(&events(&file));
    origin.finish();
    let address = serve(&origin.store);
    let url = format!("http://{address}/manifest.mpd");
    for map in ["0:v", "0:a"] {
        let before = ffmpeg("pipe:0", map, &file).unwrap();
        let after = ffmpeg(&url, map, &[]).unwrap();
        assert!(before.len() >= 250);
        assert_eq!(before.len(), after.len(), "{map}");
        assert_eq!(before, after, "{map}");
    }
    let Some(pictures) = gstreamer(&url) else {
        return;
    };
    assert_eq!(pictures, ffmpeg("pipe:0", "0:v", &file).unwrap());
}

#[test]
fn periods_are_played_one_after_the_other() {
    let (Some(one), Some(two)) = (source("320x180", 4), source("640x360", 4)) else {
        return;
    };
    let mut origin = Origin::new(
        Cuts::segments(Time::from_millis(2000)),
        Config::on_demand(Duration::from_secs(2)),
    );
    origin.push_all(&events(&one));
    origin.push_all(&[Event::Discontinuity]);
    origin.push_all(&events(&two));
    origin.finish();
    assert_eq!(origin.presentation.to_mpd().periods.len(), 2);
    let address = serve(&origin.store);
    let Some(pictures) = gstreamer(&format!("http://{address}/manifest.mpd")) else {
        return;
    };
    let mut expected = ffmpeg("pipe:0", "0:v", &one).unwrap();
    expected.extend(ffmpeg("pipe:0", "0:v", &two).unwrap());
    assert_eq!(pictures, expected);
}

/// Plays a live stream while it is made, in real time.
fn live(config: Config, cuts: Cuts) {
    let Some(file) = source("320x180", 14) else {
        return;
    };
    let mut origin = Origin::new(cuts, config);
    let address = serve(&origin.store);
    let url = format!("http://{address}/manifest.mpd");
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    // As if it had begun six seconds ago.
    let behind = Duration::from_secs(6);
    let wall = i64::try_from((now - behind).as_nanos()).unwrap();
    origin
        .presentation
        .set_clock(Time::ZERO, WallClock::from_unix_nanos(wall));
    let player = std::cell::OnceCell::new();
    let begun = std::time::Instant::now();
    for event in events(&file) {
        let time = match &event {
            // Pictures come as they would from a camera.
            Event::Sample(sample) if sample.track.0 == 1 => Some(Duration::from_nanos(
                u64::try_from(sample.dts).unwrap() * 1_000_000_000 / 12_800,
            )),
            _ => None,
        };
        if let Some(wait) = time.and_then(|time| (time).checked_sub(behind + begun.elapsed())) {
            std::thread::sleep(wait);
            player.get_or_init(|| {
                let url = url.clone();
                std::thread::spawn(move || {
                    let args = format!(
                        "-k 5 60 ffmpeg -v warning -i {url} -map 0:v -vsync passthrough -frames:v 100 -f framemd5 -"
                    );
                    testing::csv("timeout", &args, &[])
                })
            });
        }
        origin.segmenter.handle_event(&event);
        origin.drain();
    }
    origin.finish();
    let lines = player.into_inner().unwrap().join().unwrap().unwrap();
    let played: Vec<_> = lines
        .iter()
        .filter(|line| !line[0].starts_with('#'))
        .collect();
    let all = ffmpeg("pipe:0", "0:v", &file).unwrap();
    assert_eq!(played.len(), 100, "4 s at 25 pictures");
    let place = |line: &Vec<String>| {
        all.iter()
            .position(|hash| hash == line.last().unwrap().trim())
    };
    let places: Vec<usize> = played
        .iter()
        .map(|line| place(line).expect("a picture of the source"))
        .collect();
    let following = places.windows(2).all(|pair| pair[1] == pair[0] + 1);
    assert!(following, "{places:?}");
}

#[test]
fn live_is_played_by_timeline() {
    live(
        Config::live(Duration::from_secs(1)),
        Cuts::segments(Time::from_millis(1000)),
    );
}
