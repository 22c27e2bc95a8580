//! Outputs: samples become a file of any format.

mod raw;

use crate::format::Format;
use anyhow::{Context, Result, bail};
use media::{Codec, Event, Sample, Tracks};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// A file or stream that is written.
pub trait Sink {
    /// The format's name, for people.
    fn name(&self) -> String;
    /// Whether it can carry a codec.
    fn can_carry(&self, codec: &Codec) -> bool;
    /// How many tracks it can carry.
    fn max_tracks(&self) -> usize {
        usize::MAX
    }
    /// Says what follows, once at the start, and again where it changes.
    fn set_tracks(&mut self, tracks: &Tracks) -> Result<()>;
    /// Takes a sample of one of the tracks.
    fn handle_sample(&mut self, sample: &Sample) -> Result<()>;
    /// Takes anything else.
    fn handle_event(&mut self, _: &Event) -> Result<()> {
        Ok(())
    }
    /// Writes what is left.
    fn finish(&mut self) -> Result<()>;
}

/// How to write.
pub struct Options {
    /// MP4 in fragments.
    pub fragmented: bool,
}

/// Opens an output by its name, or that of a format.
pub fn create(path: &str, format: Option<&str>, options: &Options) -> Result<Box<dyn Sink>> {
    let named = match format {
        Some(name) => Path::new("x").with_extension(name),
        None => path.into(),
    };
    let Some(format) = Format::by_name(&named) else {
        bail!("{path}: give --format, such as --format ts: the name does not tell the format");
    };
    let _ = options;
    match format {
        Format::Raw(format) => Ok(Box::new(raw::Raw::new(format, stream(path)?))),
        other => bail!("{path}: {other} cannot be written"),
    }
}

/// Bytes gathered before they are written.
const BUFFER: usize = 256 << 10;

fn stream(path: &str) -> Result<Box<dyn Write>> {
    if path == "-" {
        return Ok(Box::new(BufWriter::with_capacity(BUFFER, io::stdout())));
    }
    let file = File::create(path).with_context(|| path.to_owned())?;
    Ok(Box::new(BufWriter::with_capacity(BUFFER, file)))
}
