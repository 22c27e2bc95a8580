//! Recordings of what is published: an MP4 file each, which plays whatever becomes of the server, and is a plain file at the end.

use anyhow::{Context, Result};
use media::{Codec, Event, Kind, Track, Tracks, WallClock};
use mp4::recorder::{Config, Recorder};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::mem::discriminant;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::SystemTime;
use tokio::sync::watch;

/// Events that wait for the disk, at most: some seconds of a stream.
const WAITING: usize = 1024;
/// Files with the same name but for a number.
const SAME: u32 = 1000;

/// Where recordings go, and how many are being written. Clones are the same.
#[derive(Debug, Clone)]
pub struct Recordings {
    folder: Arc<Path>,
    writing: Arc<watch::Sender<usize>>,
}

impl Recordings {
    /// Files go under `folder`, which is made when the first one comes.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.into(),
            writing: Arc::default(),
        }
    }

    /// Begins to record a stream; the file comes with the first picture, and is called after the stream, whose name is a path.
    #[must_use]
    pub fn start(&self, stream: &str) -> Recording {
        let (sender, events) = sync_channel(WAITING);
        let (folder, stream) = (Arc::clone(&self.folder), stream.to_owned());
        let writing = Arc::clone(&self.writing);
        writing.send_modify(|count| *count += 1);
        let begun = std::thread::Builder::new().spawn(move || {
            if let Err(error) = write(&events, &folder, &stream) {
                tracing::error!(%stream, "recording ends: {error:#}");
            }
            writing.send_modify(|count| *count -= 1);
        });
        if let Err(error) = begun {
            tracing::error!("cannot record: {error}");
            self.writing.send_modify(|count| *count -= 1);
            return Recording(None);
        }
        Recording(Some(sender))
    }

    /// Waits until all files are whole. Who records must have gone.
    pub async fn settle(&self) {
        // The sender is here, so this does not fail.
        let _ = self.writing.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// What is being recorded of one publication. A thread of its own writes, so that a slow disk holds nobody up.
#[derive(Debug)]
pub struct Recording(Option<SyncSender<Event>>);

impl Recording {
    /// Takes an event of the stream. Where the disk is too slow, the recording ends: what it has is whole.
    pub fn handle(&mut self, event: &Event) {
        let Some(sender) = &self.0 else { return };
        match sender.try_send(event.clone()) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                tracing::error!("recording ends: the disk is too slow");
                self.0 = None;
            }
            // It has said why.
            Err(TrySendError::Disconnected(_)) => self.0 = None,
        }
    }
}

/// A file that grows.
struct Take {
    recorder: Recorder,
    file: File,
    path: PathBuf,
    tracks: Tracks,
}

fn write(events: &Receiver<Event>, folder: &Path, stream: &str) -> Result<()> {
    let mut take: Option<Take> = None;
    let mut tracks = Tracks::default();
    while let Ok(event) = events.recv() {
        match event {
            Event::Tracks(found) => {
                tracks = fit(&found, stream);
                let goes_on = take.as_mut().map(|take| take.go_on_with(&tracks));
                if goes_on == Some(false)
                    && let Some(take) = take.take()
                {
                    take.finish()?;
                }
            }
            // Times jump: what comes is another file.
            Event::Discontinuity => {
                if let Some(take) = take.take() {
                    take.finish()?;
                }
            }
            Event::Sample(sample) if tracks.find(sample.track).is_some() => {
                let take = match &mut take {
                    Some(take) => take,
                    // A file begins with something that can be decoded.
                    None if !sample.is_sync() || !leads(&tracks, sample.track) => continue,
                    none => none.insert(Take::begin(folder, stream, &tracks)?),
                };
                take.recorder.handle_sample(&sample)?;
                take.drain()?;
            }
            _ => {}
        }
    }
    match take {
        Some(take) => take.finish(),
        None => Ok(()),
    }
}

/// Whether a track is the one that a file begins with: the first video, if there is one.
fn leads(tracks: &Tracks, id: media::TrackId) -> bool {
    let lead = tracks.first_of(Kind::Video).or(tracks.first());
    lead.is_some_and(|lead| lead.id == id)
}

/// The tracks that an MP4 file can hold.
fn fit(tracks: &Tracks, stream: &str) -> Tracks {
    let fits = |track: &&media::Track| {
        let alone = Tracks::from(vec![(*track).clone()]);
        let fits = Recorder::new(Config::default()).set_tracks(&alone);
        if let Err(error) = &fits {
            tracing::warn!(%stream, "track {} is not recorded: {error}", track.id);
        }
        fits.is_ok()
    };
    tracks.iter().filter(fits).cloned().collect()
}

impl Take {
    fn begin(folder: &Path, stream: &str, tracks: &Tracks) -> Result<Self> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let nanos = now.ok().and_then(|now| i64::try_from(now.as_nanos()).ok());
        let now = WallClock::from_unix_nanos(nanos.unwrap_or_default());
        let (file, path) = create(folder, stream, now)?;
        let mut config = Config::default();
        config.creation_time = Some(now);
        // A camera that is turned, or a network that becomes narrow, makes no other file.
        config.in_band = true;
        let mut recorder = Recorder::new(config);
        recorder.set_tracks(tracks)?;
        tracing::info!(%stream, file = %path.display(), "recording");
        Ok(Self {
            recorder,
            file,
            path,
            tracks: tracks.clone(),
        })
    }

    /// Whether the file can go on with these tracks. Not where decoders need another record than the first one, by which ffmpeg, and Chromium with it,
    /// decode all of a fragmented file; what pictures tell of themselves they follow.
    fn go_on_with(&mut self, tracks: &Tracks) -> bool {
        let fits = |track: &Track| {
            self.tracks.find(track.id).is_some_and(|before| {
                let tells = matches!(
                    track.codec,
                    Codec::H264(_) | Codec::Vp8(_) | Codec::Vp9(_) | Codec::Av1(_)
                );
                tells && discriminant(&before.codec) == discriminant(&track.codec)
                    || before.codec == track.codec
            })
        };
        *tracks == self.tracks
            || tracks.iter().all(fits) && self.recorder.set_tracks(tracks).is_ok() && {
                self.tracks = tracks.clone();
                true
            }
    }

    fn drain(&mut self) -> Result<()> {
        let mut write = || {
            while let Some(write) = self.recorder.poll_output() {
                self.file.seek(SeekFrom::Start(write.offset))?;
                for piece in &write.data {
                    self.file.write_all(piece)?;
                }
            }
            Ok::<(), std::io::Error>(())
        };
        write().with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn finish(mut self) -> Result<()> {
        self.recorder.finish()?;
        self.drain()?;
        tracing::info!(file = %self.path.display(), "recorded");
        Ok(())
    }
}

/// A new file, named after the stream and the time.
fn create(folder: &Path, stream: &str, now: WallClock) -> Result<(File, PathBuf)> {
    let time = hls::DateTime::from_unix_nanos(now.as_unix_nanos()).to_string();
    // 2026-11-26T14:42:00.123Z without what file systems do not like.
    let time: String = time.chars().filter(|c| *c != ':' && *c != '-').collect();
    let time = time
        .split('.')
        .next()
        .unwrap_or_default()
        .trim_end_matches('Z');
    for number in 1..SAME {
        let again = if number > 1 {
            format!("-{number}")
        } else {
            String::new()
        };
        let path = folder.join(format!("{stream}-{time}Z{again}.mp4"));
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)
                .with_context(|| format!("cannot make {}", parent.display()))?;
        }
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot make {}", path.display()));
            }
        }
    }
    anyhow::bail!("there are too many recordings of {stream} in this second")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use media::{Flags, Sample, Timescale, TrackId};

    /// What Chromium calls its pictures of 320×180 and 640×360.
    const RECORDS: [&[u8]; 2] = [
        b"\x01\x42\xc0\x15\xff\xe1\x00\x13\x67\x42\xc0\x15\x8c\x8d\x40\xa0\xcb\xcf\x35\x06\x06\x06\x07\x84\x42\x35\x00\x01\x00\x04\x68\xce\x3c\x80",
        b"\x01\x42\xc0\x1f\xff\xe1\x00\x13\x67\x42\xc0\x1f\x8c\x8d\x40\x50\x17\xfc\xb3\x50\x60\x60\x60\x78\x44\x23\x50\x01\x00\x04\x68\xce\x3c\x80",
    ];

    #[tokio::test]
    async fn pictures_of_another_size_are_in_the_same_file() {
        let folder = std::env::temp_dir().join(format!("fluvial-record-{}", std::process::id()));
        let recordings = Recordings::new(&folder);
        let mut recording = recordings.start("room/ann");
        let mut dts = 0;
        for record in RECORDS {
            let config = h264::DecoderConfig::parse(record).unwrap();
            let timescale = Timescale::new(90_000).unwrap();
            let track = Track::new(TrackId(1), timescale, Codec::H264(config));
            recording.handle(&Event::Tracks(vec![track].into()));
            for picture in 0..5 {
                recording.handle(&Event::Sample(Sample {
                    track: TrackId(1),
                    dts,
                    pts: dts,
                    duration: None,
                    flags: if picture == 0 {
                        Flags::SYNC
                    } else {
                        Flags::NONE
                    },
                    data: Bytes::from_static(&[0, 0, 0, 2, 0x65, 0x88]),
                }));
                dts += 3600;
            }
        }
        drop(recording);
        recordings.settle().await;
        let mut files: Vec<_> = std::fs::read_dir(folder.join("room"))
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        files.sort();
        let [file] = &files[..] else {
            panic!("one file: {files:?}");
        };
        let data = std::fs::read(file).unwrap();
        // The set that tells the size, after its length, where pictures are.
        let sets = RECORDS.map(|record| &record[6..27]);
        let count = |set: &[u8]| {
            data.windows(set.len())
                .filter(|bytes| *bytes == set)
                .count()
        };
        // The first one in two sample entries, too: of the file that grew, and of the closed one.
        assert_eq!(sets.map(count), [3, 1]);
        assert!(data.windows(4).any(|bytes| bytes == b"avc3"));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
