//! What a good file of the same recorder tells: how its pictures and its sound were coded.

use crate::input;
use anyhow::{Result, bail};
use h264::DecoderConfig;
use media::{Codec, Event, Timescale, Track};
use std::collections::BTreeMap;

/// Pictures of the good file that tell how long one lasts.
const LOOK: usize = 600;

/// What a file of the same recorder tells.
#[derive(Clone, Default)]
pub struct Like {
    pub(super) pictures: Option<DecoderConfig>,
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
                            Codec::H264(config) if pictures.is_none() => {
                                pictures = Some((track.id, track.timescale));
                                like.pictures = Some(config.clone());
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
                "{path}: it has neither H.264 nor AAC LC, which are what can be found without tables"
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
        let says = |nal| h264::Sps::parse(nal).is_ok_and(|sps| sps.frame_rate().is_some());
        let told = self.pictures.iter().flat_map(DecoderConfig::sps).any(says);
        self.frame.filter(|_| !told)
    }
}
