use super::{Sink, Target};
use anyhow::Result;
use media::{Codec, Event, Sample, Tracks};
use mp4::recorder::{Config, Recorder};

/// An MP4 of what has no known end: it plays whatever becomes of this process, and is a plain one when it is closed.
pub struct Recording {
    config: Config,
    recorder: Option<Recorder>,
    out: Target,
}

impl Recording {
    pub fn new(out: Target) -> Self {
        Self {
            config: Config::default(),
            recorder: None,
            out,
        }
    }

    fn write(&mut self) -> Result<()> {
        let mut wrote = false;
        while let Some(write) = self.recorder.as_mut().and_then(Recorder::poll_output) {
            self.out.write_at(write.offset, write.data)?;
            wrote = true;
        }
        // What is in a buffer of this process dies with it.
        if wrote { self.out.finish() } else { Ok(()) }
    }

    fn recorder(&mut self) -> &mut Recorder {
        let config = &self.config;
        self.recorder
            .get_or_insert_with(|| Recorder::new(config.clone()))
    }
}

impl Sink for Recording {
    fn name(&self) -> String {
        "MP4".into()
    }

    fn can_carry(&self, codec: &Codec) -> bool {
        super::mp4_carries(codec)
    }

    fn keeps_matrix(&self) -> bool {
        true
    }

    fn set_tracks(&mut self, tracks: &Tracks) -> Result<()> {
        self.recorder().set_tracks(tracks)?;
        self.write()
    }

    fn handle_sample(&mut self, sample: Sample) -> Result<()> {
        self.recorder().handle_sample(&sample)?;
        self.write()
    }

    fn handle_event(&mut self, event: &Event) -> Result<()> {
        if let Event::Metadata(metadata) = event {
            self.config.metadata = metadata.clone();
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.recorder().finish()?;
        self.write()?;
        self.out.finish()
    }
}
