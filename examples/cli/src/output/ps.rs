use super::{Sink, Target};
use anyhow::Result;
use media::{Codec, Sample, Tracks};
use mpegts::ps::Muxer;
use mpegts::ps::mux::Config;

/// An MPEG program stream.
pub struct Ps {
    muxer: Muxer,
    out: Target,
}

impl Ps {
    pub fn new(out: Target) -> Self {
        Self {
            muxer: Muxer::new(Config::file()),
            out,
        }
    }

    fn write(&mut self) -> Result<()> {
        while let Some(packs) = self.muxer.poll_output() {
            self.out.append(packs)?;
        }
        Ok(())
    }
}

impl Sink for Ps {
    fn name(&self) -> String {
        "a program stream".into()
    }

    fn can_carry(&self, codec: &Codec) -> bool {
        Muxer::can_carry(codec)
    }

    fn set_tracks(&mut self, tracks: &Tracks) -> Result<()> {
        self.muxer.set_tracks(tracks)?;
        self.write()
    }

    fn handle_sample(&mut self, sample: Sample) -> Result<()> {
        self.muxer.handle_sample(&sample)?;
        self.write()
    }

    fn finish(&mut self) -> Result<()> {
        self.muxer.finish();
        self.write()?;
        self.out.finish()
    }
}
