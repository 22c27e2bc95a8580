use super::index::double;
use super::{FileHeader, KeyFrame, KeyFrames, encode_tag};
use crate::flv::{Muxer, MuxerConfig, metadata};
use crate::{Error, Message, TypeId};
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::num::NonZeroU32;
use core::time::Duration;
use media::{Kind, Metadata, Sample, TrackId, Tracks, Value};

/// What a [`FileMuxer`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileOutput {
    /// To be added at the end of the file.
    Append(Bytes),
    /// To be written over what stands at an offset, once all is appended. Where that cannot be done, the file is good without:
    /// it does not tell its duration then, as a stream does not.
    Patch {
        /// Bytes from the start of the file.
        offset: u64,
        /// As many as are there already.
        data: Bytes,
    },
}

/// Makes an FLV file of samples.
///
/// `onMetaData` at its start tells `duration`, `filesize` and, where asked for, an index of key frames, once the file is finished.
///
/// ```
/// use fluvial_rtmp::flv::{FileMuxer, FileOutput};
/// use media::{Codec, Flags, Sample, Timescale, Track, TrackId, Tracks};
///
/// let codec = Codec::Aac(aac::AudioSpecificConfig::lc(48_000, 2)?);
/// let track = Track::new(TrackId(1), Timescale::new(48_000).unwrap(), codec);
/// let mut muxer = FileMuxer::new();
/// muxer.set_tracks(&Tracks::from(vec![track]))?;
/// let data = [0x21][..].into();
/// muxer.handle_sample(&Sample { track: TrackId(1), dts: 0, pts: 0, duration: None, flags: Flags::SYNC, data })?;
/// muxer.finish()?;
/// let mut file = Vec::new();
/// while let Some(output) = muxer.poll_output() {
///     match output {
///         FileOutput::Append(data) => file.extend_from_slice(&data),
///         FileOutput::Patch { offset, data } => file[offset as usize..][..data.len()].copy_from_slice(&data),
///     }
/// }
/// assert!(file.starts_with(b"FLV\x01\x04"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct FileMuxer {
    muxer: Muxer,
    output: VecDeque<FileOutput>,
    /// Bytes appended so far.
    len: u64,
    /// The first metadata, to be written again at the end.
    head: Option<Head>,
    index_room: usize,
    index: KeyFrames,
    /// Only one key frame in so many is put into the index.
    every: usize,
    seen: usize,
    /// The track whose key frames are put into the index.
    indexed: Option<TrackId>,
    tracks: Tracks,
    end: Duration,
}

#[derive(Debug)]
struct Head {
    offset: u64,
    /// Bytes of its tag.
    len: usize,
    metadata: Metadata,
}

/// Entries of an index at most: what is left of its room is filled with values, of which readers take only so many.
const MOST_INDEXED: usize = 3000;
/// The name of what fills the room that is left: nulls, a byte each, since ffmpeg complains of long strings.
const FILLER: &str = "filler";

impl FileMuxer {
    /// A muxer at the start of a file, without an index.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With this configuration of its tags.
    #[must_use]
    pub fn with_config(mut self, config: MuxerConfig) -> Self {
        self.muxer = Muxer::with_config(config);
        self
    }

    /// With room for an index of `key_frames` at the start of the file, 3000 at most. Where there are more, every second or fourth
    /// and so on is put into it.
    #[must_use]
    pub fn with_index(mut self, key_frames: usize) -> Self {
        self.index_room = key_frames.min(MOST_INDEXED);
        self.every = 1;
        self
    }

    /// What `onMetaData` says besides the facts about tracks and file.
    pub fn set_metadata(&mut self, metadata: Metadata) {
        self.muxer.set_metadata(metadata);
    }

    /// Adds a data message (`onCuePoint`, `onTextData`, ...), as [`Muxer::handle_metadata`] knows them; what is told by `onMetaData`
    /// goes to the one at the start of the file, as far as that is still to be written.
    ///
    /// # Errors
    /// As [`Muxer::handle_metadata`]; [`Error::State`] for a data message before the tracks.
    pub fn handle_metadata(&mut self, metadata: &Metadata) -> Result<(), Error> {
        let is_data = matches!(&metadata.entries[..], [(name, _)] if name.starts_with("on"));
        if !is_data {
            self.muxer.set_metadata(metadata.clone());
            return Ok(());
        }
        if self.len == 0 {
            return Err(Error::State("a data message came before the tracks"));
        }
        self.muxer.handle_metadata(metadata)?;
        self.take_messages()
    }

    /// Starts with these tracks, or goes on with them.
    ///
    /// # Errors
    /// As [`Muxer::set_tracks`].
    pub fn set_tracks(&mut self, tracks: &Tracks) -> Result<(), Error> {
        self.muxer.set_tracks(tracks)?;
        self.tracks = tracks.clone();
        self.indexed = tracks
            .first_of(Kind::Video)
            .or_else(|| tracks.first_of(Kind::Audio))
            .map(|track| track.id);
        if self.len == 0 {
            let has = |kind| tracks.first_of(kind).is_some();
            let mut out = Vec::new();
            FileHeader::new(has(Kind::Audio), has(Kind::Video)).encode(&mut out);
            self.append(out);
        }
        self.take_messages()
    }

    /// Adds a sample.
    ///
    /// # Errors
    /// As [`Muxer::handle_sample`].
    pub fn handle_sample(&mut self, sample: &Sample) -> Result<(), Error> {
        self.muxer.handle_sample(sample)?;
        let now = Duration::from_millis(self.muxer.elapsed());
        if self.indexed == Some(sample.track) && sample.is_sync() && self.index_room > 0 {
            self.add_to_index(now);
        }
        if let Some(track) = self.tracks.find(sample.track) {
            let ticks = sample
                .duration
                .map(NonZeroU32::get)
                .or_else(|| track.codec.duration(&sample.data))
                .unwrap_or_default();
            let lasts = track.timescale.time(ticks.into()).to_duration();
            let end = now.saturating_add(lasts.unwrap_or_default());
            self.end = self.end.max(end);
        }
        self.take_messages()
    }

    fn add_to_index(&mut self, time: Duration) {
        if self.seen.is_multiple_of(self.every) {
            if self.index.0.len() >= self.index_room {
                // Half of them make room for as many again.
                let mut keep = false;
                self.index.0.retain(|_| {
                    keep = !keep;
                    keep
                });
                self.every = self.every.saturating_mul(2);
            }
            if self.seen.is_multiple_of(self.every) {
                let offset = self.len;
                self.index.0.push(KeyFrame { time, offset });
            }
        }
        self.seen = self.seen.saturating_add(1);
    }

    /// The next bytes for the file.
    pub fn poll_output(&mut self) -> Option<FileOutput> {
        self.output.pop_front()
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`Error::State`] where its metadata does not fit its place any more, which cannot be.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.muxer.finish();
        self.take_messages()?;
        let Some(head) = self.head.take() else {
            return Ok(());
        };
        let index = core::mem::take(&mut self.index);
        let facts = self.facts(&head.metadata, self.end, self.len, &index);
        let room = head
            .len
            .checked_sub(tag_of(&facts, 0)?.len())
            .ok_or(Error::State("metadata outgrew its place"))?;
        let data = Bytes::from(tag_of(&facts, room)?);
        let offset = head.offset;
        self.output.push_back(FileOutput::Patch { offset, data });
        Ok(())
    }

    fn append(&mut self, data: Vec<u8>) {
        self.len = self.len.saturating_add(data.len() as u64);
        self.output.push_back(FileOutput::Append(data.into()));
    }

    /// Makes tags of the messages that there are.
    fn take_messages(&mut self) -> Result<(), Error> {
        while let Some(message) = self.muxer.poll_output() {
            if message.type_id == TypeId::DATA && self.head.is_none() && self.len < 14 {
                let metadata = self.muxer.described().clone();
                let entry = KeyFrame {
                    time: Duration::ZERO,
                    offset: 0,
                };
                let room = KeyFrames(alloc::vec![entry; self.index_room]);
                let longest = tag_of(&self.facts(&metadata, Duration::ZERO, 0, &room), 0)?.len();
                let none = self.facts(&metadata, Duration::ZERO, 0, &KeyFrames::default());
                let left = longest.saturating_sub(tag_of(&none, 0)?.len());
                let data = tag_of(&none, left)?;
                self.head = Some(Head {
                    offset: self.len,
                    len: data.len(),
                    metadata,
                });
                self.append(data);
                continue;
            }
            let mut out = Vec::new();
            encode_tag(&message, &mut out)?;
            self.append(out);
        }
        Ok(())
    }

    fn facts(
        &self,
        metadata: &Metadata,
        duration: Duration,
        size: u64,
        index: &KeyFrames,
    ) -> Metadata {
        let mut entries = alloc::vec![
            (
                String::from("duration"),
                Value::Number(duration.as_secs_f64())
            ),
            (String::from("filesize"), Value::Number(double(size))),
        ];
        if self.index_room > 0 {
            let first = !index.0.is_empty();
            entries.push((String::from("hasKeyframes"), Value::Bool(first)));
            // One place is no index: ffmpeg warns of it.
            if index.0.len() > 1 {
                entries.push((String::from("keyframes"), index.to_value()));
            }
        }
        let told = |name: &String| {
            ["duration", "filesize", "hasKeyframes", "keyframes", FILLER].contains(&&**name)
        };
        let others = metadata.entries.iter();
        entries.extend(others.filter(|(name, _)| !told(name)).cloned());
        Metadata { entries }
    }
}

/// The tag with this metadata, made `room` bytes longer.
fn tag_of(metadata: &Metadata, room: usize) -> Result<Vec<u8>, Error> {
    let mut metadata = metadata.clone();
    if metadata.get("hasKeyframes").is_some() {
        let filler = Value::List(alloc::vec![Value::Null; room]);
        metadata.entries.push((String::from(FILLER), filler));
    }
    let message: Message = metadata::to_message(&metadata, 0)?;
    let mut out = Vec::new();
    encode_tag(&message, &mut out)?;
    Ok(out)
}
