//! Rooms of the MCU: what encoders, a camera and headless Chromium send is seen in one picture and heard in one mix.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::webrtc::aiortc;
use fluvial_interop::{
    camera::Camera,
    mcu::Mcu,
    needs,
    nginx::{self, Nginx},
    peer::{self, AIORTC, CHROMIUM, FFMPEG, GST_RTSP_SERVER, PLAYWRIGHT},
    process::Process,
    wait_for,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Of the picture that is looked at.
const SIZE: (usize, usize) = (64, 36);
/// Samples per second of what is listened to.
const RATE: f64 = 48_000.0;

type Colour = [u8; 3];

const RED: Colour = [255, 0, 0];
const BLUE: Colour = [0, 0, 255];
const GREEN: Colour = [0, 128, 0];

/// ffmpeg making a picture of one colour and a tone.
fn source(command: &mut Command, colour: &str, tone: u32) {
    command
        .args(["-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i"])
        .arg(format!("color={colour}:s=320x180:r=25"))
        .args(["-f", "lavfi", "-i"])
        .arg(format!("sine=frequency={tone}:sample_rate=44100"))
        .args([
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-tune",
            "zerolatency",
            "-g",
            "25",
        ])
        .args(["-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "96k"]);
}

pub(crate) fn publish(mcu: &Mcu, name: &str, colour: &str, tone: u32) -> Process {
    let mut command = Command::new("ffmpeg");
    source(&mut command, colour, tone);
    command
        .args(["-f", "flv"])
        .arg(format!("rtmp://{}/room/mix?name={name}", mcu.rtmp));
    Process::spawn(format!("ffmpeg publishing {name}"), &mut command)
}

/// What ffmpeg has seen and heard at the end.
struct Seen {
    /// How many pictures there were.
    pictures: usize,
    picture: Vec<u8>,
    sound: Vec<f64>,
}

impl Seen {
    /// Plays so many seconds of something, and keeps the last picture and the last second.
    fn of(input: &str, seconds: u32) -> Self {
        let folder = TempDir::new().expect("there is room for temporary files");
        let (picture, sound) = (folder.path().join("picture"), folder.path().join("sound"));
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error", "-i", input]);
        for (file, options) in [
            (
                &picture,
                &[
                    "-map",
                    "0:v",
                    "-vf",
                    "scale=64:36",
                    "-pix_fmt",
                    "rgb24",
                    "-f",
                    "rawvideo",
                ][..],
            ),
            (
                &sound,
                &["-map", "0:a", "-ac", "1", "-ar", "48000", "-f", "s16le"][..],
            ),
        ] {
            command
                .args(["-t", &seconds.to_string()])
                .args(options)
                .arg(file);
        }
        Process::run(format!("ffmpeg playing {input}"), &mut command);
        let pictures = std::fs::read(picture).expect("ffmpeg has written it");
        let length = 3 * SIZE.0 * SIZE.1;
        assert!(pictures.len() >= length, "no picture in {input}");
        let samples = samples(&sound);
        assert!(
            samples.len() > RATE as usize,
            "{} samples in {input}",
            samples.len()
        );
        Self {
            pictures: pictures.len() / length,
            picture: pictures[pictures.len() / length * length - length..][..length].to_vec(),
            sound: samples[samples.len() - RATE as usize..].to_vec(),
        }
    }

    /// The colour at a place, in hundredths of the edges.
    fn at(&self, x: usize, y: usize) -> Colour {
        let start = 3 * (y * SIZE.1 / 100 * SIZE.0 + x * SIZE.0 / 100);
        [
            self.picture[start],
            self.picture[start + 1],
            self.picture[start + 2],
        ]
    }

    /// The amplitude of a tone.
    fn strength(&self, frequency: u32) -> f64 {
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (index, sample) in self.sound.iter().enumerate() {
            let angle = std::f64::consts::TAU * f64::from(frequency) * index as f64 / RATE;
            real += sample * angle.cos();
            imaginary += sample * angle.sin();
        }
        2.0 * (real * real + imaginary * imaginary).sqrt() / self.sound.len() as f64
    }

    /// Plays it again and again, until colours are where they are to be, and these tones are heard and no other of the tests':
    /// publishers that do not get to run make gaps, which have a bit of every tone.
    fn expect(
        input: &str,
        seconds: u32,
        colours: &[(usize, usize, Colour)],
        tones: &[u32],
        what: &str,
    ) {
        let mut wrong = Vec::new();
        for _ in 0..5 {
            let seen = Self::of(input, seconds);
            let Some(why) = seen.wrong(colours, tones) else {
                return;
            };
            wrong.push(why);
        }
        panic!("{what}: {wrong:?}");
    }

    /// What is not as it is to be.
    fn wrong(&self, colours: &[(usize, usize, Colour)], tones: &[u32]) -> Option<String> {
        for (x, y, wanted) in colours {
            let seen = self.at(*x, *y);
            let near = seen
                .iter()
                .zip(wanted)
                .all(|(seen, wanted)| seen.abs_diff(*wanted) < 40);
            if !near {
                return Some(format!("{seen:?} at {x}, {y} instead of {wanted:?}"));
            }
        }
        for tone in [400, 1000, 1700] {
            let strength = self.strength(tone);
            let is_right = match tones.contains(&tone) {
                true => strength > 0.03,
                false => strength < 0.003,
            };
            if !is_right {
                return Some(format!("{tone} Hz: {strength}"));
            }
        }
        None
    }
}

/// Samples of a file of `s16le`.
fn samples(file: &Path) -> Vec<f64> {
    let sound = std::fs::read(file).expect("ffmpeg has written it");
    let (pairs, _) = sound.as_chunks::<2>();
    let sample = |pair: &[u8; 2]| f64::from(i16::from_le_bytes(*pair)) / 32_768.0;
    pairs.iter().map(sample).collect()
}

fn recording(folder: &Path) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder.join("room")).ok()?;
    files
        .flatten()
        .map(|file| file.path())
        .find(|path| path.extension().is_some_and(|end| end == "mp4"))
}

#[test]
fn encoders_are_mixed_for_rtmp_hls_and_a_recording() {
    needs!(FFMPEG);
    let folder = TempDir::new().expect("there is room for temporary files");
    let record = folder.path().to_str().expect("a path that can be told");
    let mut mcu = Mcu::start(&["--size", "320x180", "--record", record]);
    let red = publish(&mcu, "red", "red", 400);
    mcu.wait_for_people("mix", 1);
    let blue = publish(&mcu, "blue", "blue", 1000);
    mcu.wait_for_people("mix", 2);
    // Side by side, with black above and below.
    let both: [(usize, usize, Colour); 4] = [
        (25, 40, RED),
        (75, 40, BLUE),
        (25, 10, [0; 3]),
        (75, 90, [0; 3]),
    ];
    let rtmp = format!("rtmp://{}/room/mix", mcu.rtmp);
    Seen::expect(&rtmp, 5, &both, &[400, 1000], "RTMP");
    let hls = mcu.url("/room/mix/index.m3u8");
    Seen::expect(&hls, 5, &both, &[400, 1000], "HLS");
    // Laid out anew, and one of them not heard any more.
    mcu.post(
        "/api/rooms/mix/layout",
        &json!({"mode": "custom", "regions": [
            {"x": 0, "y": 0, "width": 1000, "height": 1000, "name": "blue"},
            {"x": 600, "y": 600, "width": 400, "height": 400, "name": "red"},
        ]}),
    );
    let room = mcu.room("mix").expect("they are there");
    let id = room["people"][0]["id"].as_u64().expect("a number");
    mcu.post(
        &format!("/api/rooms/mix/people/{id}"),
        &json!({"muted": true}),
    );
    let custom: [(usize, usize, Colour); 2] = [(30, 30, BLUE), (75, 75, RED)];
    Seen::expect(&rtmp, 4, &custom, &[1000], "custom");
    drop((red, blue));
    mcu.log().wait_for(0, &["recorded"]);
    let file = recording(folder.path()).expect("it has been recorded");
    let recorded = Seen::of(file.to_str().expect("a path that can be told"), 600);
    assert!(recorded.pictures > 50, "{} pictures", recorded.pictures);
    mcu.process.signal("TERM");
    mcu.process.expect_success();
}

/// The mix is published to servers that nobody here wrote: ffmpeg's, and nginx with its module of RTMP.
#[test]
fn the_mix_goes_out_to_other_servers() {
    needs!(FFMPEG);
    let folder = TempDir::new().expect("there is room for temporary files");
    let mcu = Mcu::start(&["--size", "320x180"]);
    let _red = publish(&mcu, "red", "red", 400);
    mcu.wait_for_people("mix", 1);
    let _blue = publish(&mcu, "blue", "blue", 1000);
    mcu.wait_for_people("mix", 2);
    let both: [(usize, usize, Colour); 3] = [(25, 10, [0; 3]), (25, 40, RED), (75, 40, BLUE)];
    let file = folder.path().join("out.flv");
    let target = format!("rtmp://{}/live/secret", nginx::free_address());
    let mut command = Command::new("ffmpeg");
    command
        .args(["-nostdin", "-v", "error", "-listen", "1", "-f", "flv", "-i"])
        .arg(&target)
        .args(["-c", "copy", "-t", "8"])
        .arg(&file);
    let mut server = Process::spawn("ffmpeg as a server", &mut command);
    mcu.post("/api/rooms/mix/push", &json!({ "url": target }));
    server.expect_success();
    let out = file.to_str().expect("a path that can be told");
    Seen::expect(out, 8, &both, &[400, 1000], "pushed");
    let room = mcu.room("mix").expect("they are there");
    let push = &room["pushes"][0];
    let told = push["url"].as_str().expect("a URL");
    assert!(!told.contains("secret"), "the key is told: {room}");
    if nginx::module().is_some() {
        let nginx = Nginx::start("");
        let url = nginx.url("mix");
        mcu.post("/api/rooms/mix/push", &json!({ "url": url }));
        wait_for("a push that is live", || {
            let room = mcu.room("mix")?;
            (room["pushes"][1]["state"] == "live").then_some(())
        });
        Seen::expect(&url, 5, &both, &[400, 1000], "nginx");
    }
}

#[test]
fn a_camera_and_an_encoder_are_in_one_room() {
    needs!(FFMPEG, GST_RTSP_SERVER);
    let folder = TempDir::new().expect("there is room for temporary files");
    let film = folder.path().join("film.mp4");
    let mut command = Command::new("ffmpeg");
    source(&mut command, "green", 1700);
    // As fast as it can.
    let mut fast = Command::new("ffmpeg");
    fast.args(command.get_args().filter(|argument| *argument != "-re"));
    fast.args(["-t", "60"]).arg(&film);
    Process::run("ffmpeg making a film", &mut fast);
    let camera = Camera::start(&film);
    let mcu = Mcu::start(&["--size", "320x180"]);
    mcu.post("/api/rooms/mix/cameras/door", &json!({"url": camera.url}));
    mcu.wait_for_people("mix", 1);
    let _red = publish(&mcu, "red", "red", 400);
    mcu.wait_for_people("mix", 2);
    let places: [(usize, usize, Colour); 2] = [(25, 40, GREEN), (75, 40, RED)];
    let rtmp = format!("rtmp://{}/room/mix", mcu.rtmp);
    Seen::expect(&rtmp, 6, &places, &[400, 1700], "RTMP");
    let rtsp = format!("rtsp://{}/room/mix", mcu.rtsp);
    Seen::expect(&rtsp, 4, &places, &[400, 1700], "RTSP");
}

/// As sharp as a step of so much of full scale is the sharpest place. Tones are smooth: of their fourth differences nothing is left, and those of
/// a step are up to three times as great as the step.
fn click(sound: &[f64]) -> f64 {
    let sharp = |w: &[f64]| (w[0] - 4.0 * w[1] + 6.0 * w[2] - 4.0 * w[3] + w[4]).abs() / 3.0;
    sound.windows(5).map(sharp).fold(0.0, f64::max)
}

/// What ffmpeg hears while voices are muted, made louder, come and go has no step in it.
#[test]
fn nothing_clicks() {
    needs!(FFMPEG);
    let folder = TempDir::new().expect("there is room for temporary files");
    let mcu = Mcu::start(&["--size", "320x180"]);
    let _red = publish(&mcu, "red", "red", 400);
    mcu.wait_for_people("mix", 1);
    let id = mcu.room("mix").expect("it is there")["people"][0]["id"].clone();
    let change = |body: Value| {
        mcu.post(&format!("/api/rooms/mix/people/{id}"), &body);
        std::thread::sleep(Duration::from_millis(400));
    };
    let mut clicks = Vec::new();
    // Where this machine has too much to do, sound is missing.
    for _ in 0..5 {
        let file = folder.path().join("sound");
        let mut command = Command::new("ffmpeg");
        command
            .args(["-nostdin", "-y", "-v", "error", "-i"])
            .arg(format!("rtmp://{}/room/mix", mcu.rtmp))
            .args(["-t", "7", "-map", "0:a", "-ac", "1", "-f", "s16le"])
            .arg(&file);
        let mut ffmpeg = Process::spawn("ffmpeg listening", &mut command);
        wait_for("something to be heard", || {
            let length = std::fs::metadata(&file).ok()?.len();
            (length > 0).then_some(())
        });
        let blue = publish(&mcu, "blue", "blue", 1000);
        mcu.wait_for_people("mix", 2);
        std::thread::sleep(Duration::from_millis(1200));
        for muted in [true, false] {
            change(json!({ "muted": muted }));
        }
        for gain in [4.0, 0.5, 1.0] {
            change(json!({ "gain": gain }));
        }
        drop(blue);
        mcu.wait_for_people("mix", 1);
        ffmpeg.expect_success();
        let sound = samples(&file);
        let greatest = sound
            .iter()
            .fold(0.0_f64, |most, sample| most.max(sample.abs()));
        let click = click(&sound);
        // It was made louder.
        if greatest > 0.3 && click < 0.01 {
            return;
        }
        clicks.push((greatest, click));
    }
    panic!("the loudest, and the greatest step: {clicks:?}");
}

/// Who has VP8 only, which libvpx encodes in both, is seen and heard by who has H.264.
#[test]
fn who_has_vp8_only_is_mixed() {
    needs!(FFMPEG, AIORTC);
    let mcu = Mcu::start(&["--size", "320x180"]);
    let url = mcu.url("/room/mix/whip");
    let _red = Process::spawn("aiortc", &mut aiortc("publish", &url, &["80", "vp8"]));
    mcu.wait_for_people("mix", 1);
    let _blue = publish(&mcu, "blue", "blue", 1000);
    mcu.wait_for_people("mix", 2);
    // Of 4:3, in the middle of the left half, with a bar that is somewhere.
    let places: [(usize, usize, Colour); 3] =
        [(2, 45, [0; 3]), (35, 35, [200, 0, 0]), (75, 40, BLUE)];
    let rtmp = format!("rtmp://{}/room/mix", mcu.rtmp);
    Seen::expect(&rtmp, 5, &places, &[1000], "RTMP");
    // Here, too, a publisher may not get to run for a while.
    assert!((0..5).any(|_| Seen::of(&rtmp, 3).strength(440) > 0.03));
}

#[test]
fn four_browsers_see_all_and_hear_the_others() {
    meet(&["ff0000:500", "00ff00:900", "0000ff:1300", "ffff00:2100"]);
}

#[test]
fn a_browser_that_has_vp8_only_is_mixed() {
    meet(&["ff0000:500:vp8", "00ff00:900"]);
}

/// Lets browsers meet, until each sees all and hears the others.
fn meet(people: &[&str]) {
    needs!(CHROMIUM, PLAYWRIGHT);
    let _turn = crate::rooms::turn();
    let mcu = Mcu::start(&["--size", "640x360", "--rate", "15", "--bitrate", "600000"]);
    let mut command = Command::new("node");
    command
        .arg(peer::manifest_dir().join("browser/mix.js"))
        .arg(mcu.url("/room/four"))
        .args(people)
        .env(
            "CHROMIUM",
            peer::find("chromium").expect("the test has asked for it"),
        );
    let lines = Process::run("Chromiums in a room", &mut command);
    let seen: Value = serde_json::from_str(lines.last().expect("it tells something"))
        .expect("the script prints JSON");
    assert_eq!(seen["errors"], json!([]), "{seen}");
    assert_eq!(seen["met"], true, "{seen}");
    // They have gone with their browser.
    wait_for("the room's end", || {
        mcu.room("four").is_none().then_some(())
    });
}
