use super::{Sink, Target};
use anyhow::{Context, Result};
use media::{Codec, Event, Flags, Sample, Time, Tracks};
use mp4::writer::{Config, Writer};

/// A progressive MP4, whose tables come first so that it plays while it loads.
pub struct Mp4 {
    config: Option<Config>,
    /// Those that the first sample is of.
    tracks: Option<Tracks>,
    writer: Option<Writer>,
    out: Target,
}

/// Bytes kept free for the tables: they take about 1/300 of a file, and where the guess is too low, they come last.
fn reserve(input: Option<u64>) -> u32 {
    const LEAST: u64 = 32 << 10;
    const MOST: u64 = 64 << 20;
    let guess = input.map_or(1 << 20, |len| len / 200 + LEAST);
    u32::try_from(guess.clamp(LEAST, MOST)).unwrap_or(u32::MAX)
}

impl Mp4 {
    /// `input` is how many bytes the input has, where that is known.
    pub fn new(out: Target, input: Option<u64>) -> Self {
        Self {
            config: Some(Config::moov_first(reserve(input))),
            tracks: None,
            writer: None,
            out,
        }
    }

    fn write(&mut self) -> Result<()> {
        while let Some(write) = self.writer.as_mut().and_then(Writer::poll_output) {
            self.out.write_at(write.offset, write.data)?;
        }
        Ok(())
    }

    /// Begins with a sample, if there is one: what is decoded before zero and not shown stays so.
    fn begin(&mut self, first: Option<&Sample>) -> Result<&mut Writer> {
        let Some(mut config) = self.config.take() else {
            return self.writer.as_mut().context("the file was not begun");
        };
        if let (Some(tracks), Some(first)) = (&self.tracks, first) {
            config.origin = origin(tracks, first);
        }
        let writer = self.writer.insert(Writer::new(config));
        if let Some(tracks) = &self.tracks {
            writer.set_tracks(tracks)?;
        }
        Ok(writer)
    }
}

/// Where a file begins that begins with a sample: at zero where that is decoded before and not shown.
pub fn origin(tracks: &Tracks, first: &Sample) -> Option<Time> {
    // Sound tells of that as priming, which ends where the file begins.
    let priming = i64::from(tracks.find(first.track)?.priming);
    let is_primed = priming > 0 && first.pts == -priming;
    let is_hidden = is_primed || first.flags.contains(Flags::PREROLL);
    (first.pts < 0 && is_hidden).then_some(Time::ZERO)
}

impl Sink for Mp4 {
    fn name(&self) -> String {
        "MP4".into()
    }

    fn can_carry(&self, codec: &Codec) -> bool {
        super::mp4_carries(codec)
    }

    // The tables name all of them, and come first.
    fn takes_more_tracks(&self) -> bool {
        false
    }

    fn keeps_matrix(&self) -> bool {
        true
    }

    fn set_tracks(&mut self, tracks: &Tracks) -> Result<()> {
        if let Some(writer) = &mut self.writer {
            writer.set_tracks(tracks)?;
            return self.write();
        }
        self.tracks = Some(tracks.clone());
        Ok(())
    }

    fn handle_sample(&mut self, sample: Sample) -> Result<()> {
        self.begin(Some(&sample))?.handle_sample(&sample)?;
        self.write()
    }

    fn handle_event(&mut self, event: &Event) -> Result<()> {
        if let (Event::Metadata(metadata), Some(config)) = (event, &mut self.config) {
            config.metadata = metadata.clone();
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.begin(None)?.finish()?;
        self.write()?;
        self.out.finish()
    }
}
