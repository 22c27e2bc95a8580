use super::{Sink, Target};
use anyhow::Result;
use media::{Codec, Sample, Timescale, Track, TrackId, Tracks};
use mpegts::mux::{Config, Muxer};

/// A transport stream, plain or with time stamps.
pub struct Ts {
    muxer: Muxer,
    name: &'static str,
    out: Target,
}

impl Ts {
    pub fn plain(out: Target) -> Self {
        Self {
            muxer: Muxer::new(Config::default()),
            name: "a transport stream",
            out,
        }
    }

    pub fn m2ts(out: Target) -> Self {
        Self {
            muxer: Muxer::new(Config::m2ts()),
            name: "M2TS",
            out,
        }
    }

    fn write(&mut self) -> Result<()> {
        while let Some(packets) = self.muxer.poll_output() {
            self.out.append(packets)?;
        }
        Ok(())
    }
}

/// Whether a transport stream can carry a codec.
pub fn can_carry(codec: &Codec) -> bool {
    let track = Track::new(TrackId(0x100), Timescale::KHZ_90, codec.clone());
    let tracks: Tracks = [track].into_iter().collect();
    Muxer::new(Config::default()).set_tracks(&tracks).is_ok()
}

impl Sink for Ts {
    fn name(&self) -> String {
        self.name.into()
    }

    fn can_carry(&self, codec: &Codec) -> bool {
        can_carry(codec)
    }

    fn set_tracks(&mut self, tracks: &Tracks) -> Result<()> {
        self.muxer.set_tracks(tracks)?;
        self.write()
    }

    fn handle_sample(&mut self, sample: &Sample) -> Result<()> {
        self.muxer.handle_sample(sample)?;
        self.write()
    }

    fn finish(&mut self) -> Result<()> {
        self.muxer.finish()?;
        self.write()?;
        self.out.finish()
    }
}
