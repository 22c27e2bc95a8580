//! When packets are decoded and shown, as ffprobe sees it.

use serde_json::Value;
use std::path::Path;

/// Times of one track, in seconds, in the order of the file.
#[derive(Debug, Clone, Default)]
pub struct Track {
    /// Presentation and decoding; ffprobe does not know all of them.
    packets: Vec<(Option<f64>, Option<f64>)>,
    /// One tick, in seconds.
    tick: f64,
}

/// Times of the first track of pictures and the first one of sound.
#[derive(Debug, Clone)]
pub struct Times {
    video: Track,
    audio: Track,
}

impl Times {
    ///
    /// Where pictures and sound have `lists` of their own, ffmpeg 5 loses the last packets if it reads both.
    pub fn of(path: &Path, lists: bool) -> Self {
        let read = |which: &str| -> Value {
            let args = format!(
                "-v error {which} -show_entries packet=stream_index,pts_time,dts_time:stream=index,codec_type,time_base -of json {}",
                path.display()
            );
            let json = testing::ask("ffprobe", &args, b"").expect("ffprobe comes with ffmpeg");
            serde_json::from_slice(&json).unwrap()
        };
        if lists {
            return Self {
                video: Track::of(&read("-select_streams v"), "video"),
                audio: Track::of(&read("-select_streams a"), "audio"),
            };
        }
        let json = read("");
        Self {
            video: Track::of(&json, "video"),
            audio: Track::of(&json, "audio"),
        }
    }

    /// One tick of the coarser of its clocks.
    pub fn tick(&self) -> f64 {
        self.video.tick.max(self.audio.tick)
    }

    /// Seconds in which there are pictures and sound, and those in which there is either.
    pub fn common(&self) -> [f64; 2] {
        let (video, audio) = (self.video.span(), self.audio.span());
        [
            video.1.min(audio.1) - video.0.max(audio.0),
            video.1.max(audio.1) - video.0.min(audio.0),
        ]
    }

    /// Pictures before sound begins, or behind its end.
    pub fn silent(&self) -> usize {
        let (start, end) = self.audio.span();
        let times = self.video.packets.iter().filter_map(|(pts, _)| *pts);
        times.filter(|pts| *pts < start || *pts > end).count()
    }

    /// Whether all pictures are shown from one time on and until another one.
    pub fn assert_within(&self, from: f64, to: f64, tick: f64, what: &str) {
        let (start, end) = self.video.span();
        assert!(
            start >= from - tick && end <= to + tick,
            "{what}: from {start} to {end} in {from} to {to}"
        );
    }

    /// Packets of sound.
    pub fn sound(&self) -> usize {
        self.audio.packets.len()
    }

    /// Whether all times of this copy are those of `origin`, after the first picture of each was put at zero, within `tick`.
    pub fn assert_same(&self, origin: &Times, tick: f64, what: &str) {
        let shift = self.video.first() - origin.video.first();
        self.video
            .assert_same(&origin.video, shift, tick, &format!("{what}, video"));
        self.audio
            .assert_same(&origin.audio, shift, tick, &format!("{what}, audio"));
    }
}

impl Track {
    fn of(json: &Value, kind: &str) -> Self {
        let mut streams = json["streams"].as_array().unwrap().iter();
        let stream = streams.find(|stream| stream["codec_type"] == kind).unwrap();
        let time = |value: &Value| value.as_str().and_then(|text| text.parse::<f64>().ok());
        let packets = json["packets"].as_array().unwrap().iter();
        let (num, den) = stream["time_base"]
            .as_str()
            .unwrap()
            .split_once('/')
            .unwrap();
        Self {
            packets: packets
                .filter(|packet| packet["stream_index"] == stream["index"])
                .map(|packet| (time(&packet["pts_time"]), time(&packet["dts_time"])))
                // It cuts pictures into fields, the second of which have no times.
                .filter(|(pts, dts)| pts.is_some() || dts.is_some())
                .collect(),
            tick: num.parse::<f64>().unwrap() / den.parse::<f64>().unwrap(),
        }
    }

    fn first(&self) -> f64 {
        let times = self.packets.iter().filter_map(|(pts, _)| *pts);
        times.fold(f64::INFINITY, f64::min)
    }

    /// From the first to the end of the last one, which lasts as the others do.
    fn span(&self) -> (f64, f64) {
        let times = self.packets.iter().filter_map(|(pts, _)| *pts);
        let (start, last) = (
            self.first(),
            times.clone().fold(f64::NEG_INFINITY, f64::max),
        );
        let steps = times.count().saturating_sub(1).max(1) as f64;
        (start, last + (last - start) / steps)
    }

    fn assert_same(&self, origin: &Self, shift: f64, tick: f64, what: &str) {
        assert_eq!(self.packets.len(), origin.packets.len(), "{what}");
        // ffprobe rounds to microseconds.
        let most = tick + 3e-6;
        for (n, (copy, first)) in self.packets.iter().zip(&origin.packets).enumerate() {
            for (kind, copy, first) in [("pts", copy.0, first.0), ("dts", copy.1, first.1)] {
                let (Some(copy), Some(first)) = (copy, first) else {
                    continue;
                };
                let error = copy - shift - first;
                assert!(
                    error.abs() <= most,
                    "{what}: {kind} of packet {n} is {copy}, which is {error} off {first}; a tick is {tick}"
                );
            }
        }
    }
}
