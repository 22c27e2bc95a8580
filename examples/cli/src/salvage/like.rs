//! What a good file of the same recorder tells: how its pictures and its sound were coded.

use super::find::Coding;
use crate::input;
use anyhow::{Result, bail};
use elementary::h265;
use media::{Codec, Event, Timescale, Track};
use std::collections::BTreeMap;

/// Pictures of the good file that tell how long one lasts.
const LOOK: usize = 600;

/// What a file of the same recorder tells.
#[derive(Clone, Default)]
pub struct Like {
    /// H.264 or H.265.
    pub(super) pictures: Option<Codec>,
    /// How long a picture lasts, in ticks of so many a second.
    frame: Option<(Timescale, u32)>,
    pub(super) sound: Option<(Track, aac::raw_data_block::Walker)>,
}

impl Like {
    /// Looks at a good file.
    pub fn of(path: &str) -> Result<Self> {
        let mut input = input::open(path, &input::Options::default())?;
        let mut like = Self::default();
        let mut pictures = None;
        let mut lasting = BTreeMap::<u32, usize>::new();
        let mut seen = 0;
        while let Some(event) = input.source.next()? {
            match event {
                Event::Tracks(tracks) => {
                    for track in &tracks {
                        match &track.codec {
                            codec @ (Codec::H264(_) | Codec::Hevc(_)) if pictures.is_none() => {
                                pictures = Some((track.id, track.timescale));
                                like.pictures = Some(codec.clone());
                            }
                            Codec::Aac(config) if like.sound.is_none() => {
                                like.sound = aac::raw_data_block::Walker::new(config)
                                    .map(|walker| (track.clone(), walker));
                            }
                            _ => {}
                        }
                    }
                }
                Event::Sample(sample) => {
                    let Some((id, _)) = pictures else { break };
                    if sample.track != id {
                        continue;
                    }
                    if let Some(duration) = sample.duration {
                        *lasting.entry(duration.get()).or_default() += 1;
                    }
                    seen += 1;
                    if seen == LOOK {
                        break;
                    }
                }
                _ => {}
            }
        }
        if like.pictures.is_none() && like.sound.is_none() {
            bail!(
                "{path}: it has neither H.264, H.265 nor AAC LC, which are what can be found without tables"
            );
        }
        let most = lasting.into_iter().max_by_key(|&(_, count)| count);
        like.frame = pictures
            .zip(most)
            .map(|((_, scale), (ticks, _))| (scale, ticks));
        Ok(like)
    }

    /// Whether the stream itself does not say how long its pictures last, so that the good file has to.
    pub(super) fn frame(&self) -> Option<(Timescale, u32)> {
        let told = match &self.pictures {
            Some(Codec::H264(config)) => config
                .sps()
                .any(|nal| h264::Sps::parse(nal).is_ok_and(|sps| sps.frame_rate().is_some())),
            Some(Codec::Hevc(config)) => config.nals().any(|nal| {
                h265::Sps::parse_usable(nal).is_ok_and(|(sps, _)| sps.frame_rate.is_some())
            }),
            _ => false,
        };
        self.frame.filter(|_| !told)
    }

    /// How the pictures are coded, and the parameter sets that are known of them.
    pub(super) fn coding(&self) -> Option<(Coding, Vec<&[u8]>)> {
        match self.pictures.as_ref()? {
            Codec::H264(config) => Some((Coding::H264, config.sps().chain(config.pps()).collect())),
            Codec::Hevc(config) => {
                let is_set = |nal: &&[u8]| {
                    h265::Header::parse(nal).is_some_and(h265::Header::is_parameter_set)
                };
                // Records have messages of the encoder, too.
                Some((Coding::H265, config.nals().filter(is_set).collect()))
            }
            _ => None,
        }
    }
}
