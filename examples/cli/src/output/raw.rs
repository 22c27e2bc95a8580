use super::{Sink, Target};
use anyhow::Result;
use elementary::{Format, Muxer};
use media::{Codec, Sample, Tracks};

/// One track without a container.
pub struct Raw {
    format: Format,
    muxer: Muxer,
    out: Target,
}

impl Raw {
    pub fn new(format: Format, out: Target) -> Self {
        Self {
            format,
            muxer: Muxer::new(format),
            out,
        }
    }
}

impl Sink for Raw {
    fn name(&self) -> String {
        format!("a raw {} stream", self.format)
    }

    fn can_carry(&self, codec: &Codec) -> bool {
        Muxer::can_carry(self.format, codec)
    }

    fn max_tracks(&self) -> usize {
        1
    }

    fn set_tracks(&mut self, tracks: &Tracks) -> Result<()> {
        Ok(self.muxer.set_tracks(tracks)?)
    }

    fn handle_sample(&mut self, sample: Sample) -> Result<()> {
        self.muxer.handle_sample(&sample)?;
        if let Some(bytes) = self.muxer.poll_output() {
            self.out.append(bytes)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.out.finish()
    }
}
