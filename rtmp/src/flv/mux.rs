use super::{AudioTagHeader, CODEC_ID_AVC, SOUND_FORMAT_AAC, VideoTagHeader, metadata};
use crate::{Error, Message, TypeId};
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use media::{Codec, Flags, Metadata, Sample, Timescale, TrackId, Tracks, Value};

/// Makes the messages of a stream of its samples: H.264 and AAC.
///
/// Each set of tracks gives `onMetaData` and the sequence headers, each sample a message; all on message stream 1.
///
/// ```
/// use fluvial_rtmp::flv::Muxer;
/// use media::{Codec, Flags, Sample, Timescale, Track, TrackId, Tracks};
///
/// let codec = Codec::Aac(aac::AudioSpecificConfig::lc(48_000, 2)?);
/// let track = Track::new(TrackId(1), Timescale::new(48_000).unwrap(), codec);
/// let mut muxer = Muxer::new();
/// muxer.set_tracks(&Tracks::from(vec![track]))?;
/// let data = [0x21][..].into();
/// muxer.handle_sample(&Sample { track: TrackId(1), dts: 1024, pts: 1024, duration: None, flags: Flags::SYNC, data })?;
/// let messages: Vec<_> = std::iter::from_fn(|| muxer.poll_output()).collect();
/// assert_eq!(messages[1].payload[..2], [0xAF, 0]);
/// assert_eq!((messages[2].timestamp, &messages[2].payload[..]), (21, &[0xAF, 1, 0x21][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Muxer {
    tracks: Vec<Output>,
    metadata: Metadata,
    output: VecDeque<Message>,
    /// Milliseconds added to all times, so that the first is not negative.
    offset: Option<i64>,
    /// The last timestamp.
    now: u32,
}

#[derive(Debug)]
struct Output {
    id: TrackId,
    timescale: Timescale,
    type_id: TypeId,
}

impl Muxer {
    /// A muxer at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the next `onMetaData` says besides the facts about the tracks.
    pub fn set_metadata(&mut self, metadata: Metadata) {
        self.metadata = metadata;
    }

    /// Starts with these tracks, or goes on with them.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a codec other than H.264 and AAC, and for two tracks of a kind; nothing has changed then.
    pub fn set_tracks(&mut self, tracks: &Tracks) -> Result<(), Error> {
        let mut outputs: Vec<Output> = Vec::with_capacity(tracks.len());
        let mut facts = Vec::new();
        let mut headers = Vec::new();
        for track in tracks {
            let mut body = Vec::new();
            let type_id = match &track.codec {
                Codec::H264(config) => {
                    VideoTagHeader::avc(VideoTagHeader::KEY_FRAME, 0, 0).encode(&mut body)?;
                    body.extend_from_slice(config.with_length_size(4).raw());
                    facts.push(("videocodecid", Value::Number(CODEC_ID_AVC.into())));
                    if let Some(sps) = config.first_sps() {
                        facts.push(("width", Value::Number(sps.width().into())));
                        facts.push(("height", Value::Number(sps.height().into())));
                        if let Some(rate) = sps.frame_rate() {
                            facts.push((
                                "framerate",
                                Value::Number(f64::from(rate.num) / f64::from(rate.den)),
                            ));
                        }
                    }
                    TypeId::VIDEO
                }
                Codec::Aac(config) => {
                    AudioTagHeader::aac(0).encode(&mut body);
                    config.encode(&mut body);
                    facts.push(("audiocodecid", Value::Number(SOUND_FORMAT_AAC.into())));
                    facts.push((
                        "audiosamplerate",
                        Value::Number(config.output_sampling_frequency().into()),
                    ));
                    facts.push(("audiosamplesize", Value::Number(16.0)));
                    facts.push(("stereo", Value::Bool(config.output_channels() > 1)));
                    TypeId::AUDIO
                }
                _ => {
                    return Err(Error::Unsupported(
                        "FLV without extensions carries H.264 and AAC only",
                    ));
                }
            };
            if outputs.iter().any(|output| output.type_id == type_id) {
                return Err(Error::Unsupported(
                    "FLV without extensions carries one track of a kind",
                ));
            }
            outputs.push(Output {
                id: track.id,
                timescale: track.timescale,
                type_id,
            });
            headers.push(Message {
                timestamp: self.now,
                type_id,
                stream_id: 1,
                payload: body.into(),
            });
        }
        let mut entries: Vec<(String, Value)> = facts
            .into_iter()
            .map(|(name, value)| (String::from(name), value))
            .collect();
        let others = self
            .metadata
            .entries
            .iter()
            .filter(|(name, _)| entries.iter().all(|(fact, _)| fact != name));
        let others: Vec<_> = others.cloned().collect();
        entries.extend(others);
        self.output
            .push_back(metadata::to_message(&Metadata { entries }, self.now)?);
        self.output.extend(headers);
        self.tracks = outputs;
        Ok(())
    }

    /// Adds a sample; samples come in the order of their decoding times, as far as tracks can be told from each other.
    ///
    /// # Errors
    /// [`Error::State`] for a track that is not in the set; [`Error::TooLong`] for a presentation time more than 2 h 19 min off.
    pub fn handle_sample(&mut self, sample: &Sample) -> Result<(), Error> {
        let Some(track) = self.tracks.iter().find(|track| track.id == sample.track) else {
            return Err(Error::State("a sample is on no track of the set"));
        };
        let millis = |ticks| track.timescale.rescale(ticks, Timescale::MILLIS);
        let (dts, pts) = (millis(sample.dts), millis(sample.pts));
        let offset = *self.offset.get_or_insert(dts.saturating_neg().max(0));
        let time = dts.saturating_add(offset).max(0);
        let mut body = Vec::with_capacity(sample.data.len().saturating_add(5));
        if track.type_id == TypeId::VIDEO {
            let frame_type = if sample.is_sync() {
                VideoTagHeader::KEY_FRAME
            } else if sample.flags.contains(Flags::DISPOSABLE) {
                VideoTagHeader::DISPOSABLE_INTER_FRAME
            } else {
                VideoTagHeader::INTER_FRAME
            };
            let composition_time = pts.saturating_sub(dts);
            let composition_time = i32::try_from(composition_time).unwrap_or(i32::MAX);
            VideoTagHeader::avc(frame_type, 1, composition_time).encode(&mut body)?;
        } else {
            AudioTagHeader::aac(1).encode(&mut body);
        }
        body.extend_from_slice(&sample.data);
        // The clock of FLV wraps after 49 days.
        self.now = u32::try_from(time & i64::from(u32::MAX)).unwrap_or_default();
        let type_id = track.type_id;
        self.output.push_back(Message {
            timestamp: self.now,
            type_id,
            stream_id: 1,
            payload: body.into(),
        });
        Ok(())
    }

    /// The next message.
    pub fn poll_output(&mut self) -> Option<Message> {
        self.output.pop_front()
    }

    /// Ends the stream: video gets its end of sequence.
    pub fn finish(&mut self) {
        if self
            .tracks
            .iter()
            .any(|track| track.type_id == TypeId::VIDEO)
        {
            let payload = Bytes::from_static(&[0x17, 2, 0, 0, 0]);
            let (timestamp, type_id) = (self.now, TypeId::VIDEO);
            self.output.push_back(Message {
                timestamp,
                type_id,
                stream_id: 1,
                payload,
            });
        }
        self.tracks.clear();
    }
}
