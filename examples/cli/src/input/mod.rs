//! Inputs: a file of any format becomes events.

mod pushed;

use crate::format::Format;
use crate::progress::{self, Counted};
use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use media::Event;
use pushed::Pushed;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

/// A file or stream that is read.
pub trait Source {
    /// The next event; `None` at the end.
    fn next(&mut self) -> Result<Option<Event>>;
}

/// An input that was opened.
pub struct Input {
    pub format: Format,
    pub source: Box<dyn Source>,
    pub bar: ProgressBar,
}

/// Opens a file, or standard input (`-`).
pub fn open(path: &str) -> Result<Input> {
    if path == "-" {
        return stream(io::stdin().lock(), None, path);
    }
    let mut file = File::open(path).with_context(|| path.to_owned())?;
    let len = file.metadata().ok().map(|metadata| metadata.len());
    file.rewind().ok();
    stream(file, len, path)
}

fn stream(mut reader: impl Read + 'static, len: Option<u64>, path: &str) -> Result<Input> {
    let mut start = Vec::new();
    reader
        .by_ref()
        .take(Format::LOOK as u64)
        .read_to_end(&mut start)
        .with_context(|| path.to_owned())?;
    let format = Format::sniff(&start).or_else(|| Format::by_name(Path::new(path)));
    let Some(format) = format else {
        bail!("{path}: not a format that is known here");
    };
    let bar = progress::bar(len);
    let reader = Counted {
        inner: io::Cursor::new(start).chain(reader),
        bar: bar.clone(),
    };
    let source: Box<dyn Source> = match format {
        Format::Raw(raw) => {
            let demuxer = elementary::Demuxer::new(raw, elementary::Limits::default());
            Box::new(Pushed::new(demuxer, reader))
        }
        Format::Mp4 => Box::new(Pushed::new(
            mp4::Demuxer::new(mp4::Limits::default()),
            reader,
        )),
        Format::Flv => {
            let demuxer = rtmp::flv::FileDemuxer::new(rtmp::Limits::default());
            Box::new(Pushed::new(demuxer, reader))
        }
        other => bail!("{path}: {other} cannot be read"),
    };
    Ok(Input {
        format,
        source,
        bar,
    })
}
