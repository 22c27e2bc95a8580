//! The clips that are published: made by ffmpeg once, with the traits that real streams have.

use std::{
    collections::{HashMap, hash_map::DefaultHasher},
    env, fs,
    hash::{Hash as _, Hasher as _},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use rtmp::{Message, TypeId};

use crate::{flv, frames::Frames, process::Process};

/// What a clip is made of.
#[derive(Debug, Clone, Copy, Hash)]
pub struct Recipe {
    /// A word for it, which is also a good stream name.
    pub name: &'static str,
    /// Whole seconds.
    pub seconds: u32,
    /// H.264, if any.
    pub video: Option<Video>,
    /// AAC, if any.
    pub audio: Option<Audio>,
}

/// How the pictures are made and encoded.
#[derive(Debug, Clone, Copy, Hash)]
pub struct Video {
    /// Pictures per second, as a fraction or a whole number.
    pub rate: &'static str,
    /// Pictures from one keyframe to the next.
    pub gop: u32,
    /// x264's profile.
    pub profile: &'static str,
    /// x264's further parameters.
    pub x264: &'static str,
}

/// How the sound is made and encoded.
#[derive(Debug, Clone, Copy, Hash)]
pub struct Audio {
    /// Samples per second.
    pub rate: u32,
    /// How many channels.
    pub channels: u32,
}

const STEREO_48K: Option<Audio> = Some(Audio {
    rate: 48_000,
    channels: 2,
});
const STEREO_44K: Option<Audio> = Some(Audio {
    rate: 44_100,
    channels: 2,
});
const B_FRAMES: Option<Video> = Some(Video {
    rate: "25",
    gop: 50,
    profile: "high",
    x264: "bframes=2:b-pyramid=none",
});

/// 25 pictures per second with B-frames, 48 kHz: what most encoders send.
pub const B_FRAMES_25: Recipe = Recipe {
    name: "b-frames-25",
    seconds: 8,
    video: B_FRAMES,
    audio: STEREO_48K,
};
/// The same, for twice as long: for tests that do something meanwhile.
pub const LONG: Recipe = Recipe {
    name: "long",
    seconds: 20,
    video: B_FRAMES,
    audio: STEREO_48K,
};
/// 60 pictures per second, whose times are no whole milliseconds.
pub const SIXTY: Recipe = Recipe {
    name: "sixty",
    seconds: 6,
    video: Some(Video {
        rate: "60",
        gop: 60,
        profile: "high",
        x264: "bframes=3:b-pyramid=none",
    }),
    audio: STEREO_48K,
};
/// NTSC's rate with B-frames that are references, and 44.1 kHz.
pub const NTSC_PYRAMID: Recipe = Recipe {
    name: "ntsc-pyramid",
    seconds: 8,
    video: Some(Video {
        rate: "30000/1001",
        gop: 45,
        profile: "high",
        x264: "bframes=5:b-pyramid=normal:b-adapt=0:ref=4",
    }),
    audio: STEREO_44K,
};
/// Film rate, main profile, several slices in a picture, mono.
pub const FILM_SLICES: Recipe = Recipe {
    name: "film-slices",
    seconds: 6,
    video: Some(Video {
        rate: "24000/1001",
        gop: 48,
        profile: "main",
        x264: "bframes=1:slices=4",
    }),
    audio: Some(Audio {
        rate: 44_100,
        channels: 1,
    }),
};
/// No B-frames, as phones and low-latency encoders send.
pub const BASELINE: Recipe = Recipe {
    name: "baseline",
    seconds: 8,
    video: Some(Video {
        rate: "25",
        gop: 25,
        profile: "baseline",
        x264: "bframes=0",
    }),
    audio: STEREO_44K,
};
/// Pictures alone.
pub const VIDEO_ONLY: Recipe = Recipe {
    name: "video-only",
    seconds: 6,
    video: B_FRAMES,
    audio: None,
};
/// Sound alone.
pub const AUDIO_ONLY: Recipe = Recipe {
    name: "audio-only",
    seconds: 8,
    video: None,
    audio: STEREO_48K,
};

/// A clip on disk, and the frames in it.
#[derive(Debug)]
pub struct Clip {
    /// An FLV file: its times are the milliseconds that RTMP carries, so nothing is rounded on the way.
    pub file: PathBuf,
    /// What it decodes to.
    pub frames: Frames,
}

impl Recipe {
    /// The clip, made now if it was not made before.
    ///
    /// # Panics
    ///
    /// When ffmpeg fails.
    pub fn clip(&self) -> Arc<Clip> {
        type Slot = Arc<Mutex<Option<Arc<Clip>>>>;
        static MADE: LazyLock<Mutex<HashMap<&str, Slot>>> = LazyLock::new(Mutex::default);
        // A clip that could not be made has poisoned nothing: its slot is still empty.
        let slot = MADE
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(self.name)
            .or_default()
            .clone();
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        slot.get_or_insert_with(|| {
            let file = self.file();
            let frames = Frames::of_file(&file);
            Arc::new(Clip { file, frames })
        })
        .clone()
    }

    /// The file, kept beside the test binary from one run to the next.
    fn file(&self) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        let binary = env::current_exe().expect("the test binary has a path");
        let folder = binary
            .parent()
            .unwrap_or(Path::new("."))
            .join("interop-clips");
        let file = folder.join(format!("{}-{:016x}.flv", self.name, hasher.finish()));
        if !file.exists() {
            fs::create_dir_all(&folder).expect("the target folder can be written to");
            // Two runs at once must not see each other's half.
            let unfinished = file.with_extension(format!("{}.part", std::process::id()));
            Process::run(
                format!("ffmpeg making {}", self.name),
                &mut self.command(&unfinished),
            );
            fs::rename(&unfinished, &file).expect("a file can be renamed in its folder");
        }
        file
    }

    fn command(&self, file: &Path) -> Command {
        let seconds = self.seconds;
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error", "-y"]);
        if let Some(Video { rate, .. }) = self.video {
            let source = format!("testsrc2=size=320x180:rate={rate}:duration={seconds}");
            command.args(["-f", "lavfi", "-i", &source]);
        }
        if let Some(Audio { rate, .. }) = self.audio {
            // A sweep: no two blocks of it are alike, so that a doubled one is seen.
            let source = format!(
                "aevalsrc=0.4*sin(2*PI*(200+150*t)*t):sample_rate={rate}:duration={seconds}"
            );
            command.args(["-f", "lavfi", "-i", &source]);
        }
        if let Some(Video {
            gop, profile, x264, ..
        }) = self.video
        {
            let x264 = format!("scenecut=0:{x264}");
            command
                .args([
                    "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p",
                ])
                .args([
                    "-profile:v",
                    profile,
                    "-g",
                    &gop.to_string(),
                    "-x264-params",
                    &x264,
                ]);
        }
        if let Some(Audio { channels, .. }) = self.audio {
            command.args(["-c:a", "aac", "-b:a", "96k", "-ac", &channels.to_string()]);
        }
        command.args(["-f", "flv"]).arg(file);
        command
    }
}

impl Clip {
    /// The pictures' width.
    pub const WIDTH: u64 = 320;

    /// Publishes the clip in real time by ffmpeg, to its end.
    pub fn publish(&self, url: &str) -> Process {
        self.publish_from(0, url)
    }

    /// The same, with times that begin at so many seconds.
    pub fn publish_from(&self, seconds: u32, url: &str) -> Process {
        Process::spawn(
            format!("ffmpeg publishing to {url}"),
            Command::new("ffmpeg")
                .args(["-nostdin", "-hide_banner", "-nostats", "-re", "-i"])
                .arg(&self.file)
                .args(["-output_ts_offset", &seconds.to_string()])
                .args(["-c", "copy", "-f", "flv", url]),
        )
    }

    /// Publishes the clip in real time by an ffmpeg of the caller's choice, with further options of its protocol.
    pub fn publish_by(&self, ffmpeg: &Path, options: &[&str], url: &str) -> Process {
        Process::spawn(
            format!("{} publishing to {url}", ffmpeg.display()),
            Command::new(ffmpeg)
                .args(["-nostdin", "-hide_banner", "-nostats", "-re", "-i"])
                .arg(&self.file)
                .args(["-c", "copy"])
                .args(options)
                .args(["-f", "flv", url]),
        )
    }

    /// How many RTMP messages of audio and video the clip is.
    pub fn media_messages(&self) -> usize {
        let is_media = |message: &Message| matches!(message.type_id, TypeId::AUDIO | TypeId::VIDEO);
        flv::read(&self.file)
            .iter()
            .filter(|message| is_media(message))
            .count()
    }

    /// Publishes the clip in real time by GStreamer's `sink`, `rtmp2sink` or `rtmpsink`, and writes what it
    /// publishes to `copy`.
    pub fn publish_by_gstreamer(&self, sink: &str, url: &str, copy: &Path) -> Process {
        let location = format!("location={}", self.file.display());
        let target = match sink {
            "rtmpsink" => format!("location={url} live=1"),
            // Of rtmps: the certificate is made for the test.
            _ => format!("location={url} tls-validation-flags=0"),
        };
        // librtmp's options are a part of its URL; other properties are not.
        let sink_properties = match sink {
            "rtmpsink" => vec![&*target],
            _ => target.split(' ').collect(),
        };
        Process::spawn(
            format!("{sink} publishing to {url}"),
            Command::new("gst-launch-1.0")
                .args(["-e", "filesrc", &location, "!", "flvdemux", "name=demuxer"])
                .args([
                    "flvmux",
                    "name=muxer",
                    "streamable=true",
                    "!",
                    "tee",
                    "name=sent",
                ])
                .args(["sent.", "!", "queue", "!", sink])
                .args(sink_properties)
                .arg("sync=true")
                .args([
                    "sent.",
                    "!",
                    "queue",
                    "!",
                    "filesink",
                    &format!("location={}", copy.display()),
                ])
                .args([
                    "demuxer.video",
                    "!",
                    "queue",
                    "!",
                    "h264parse",
                    "!",
                    "muxer.video",
                ])
                .args([
                    "demuxer.audio",
                    "!",
                    "queue",
                    "!",
                    "aacparse",
                    "!",
                    "muxer.audio",
                ]),
        )
    }
}
