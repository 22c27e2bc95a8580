//! Inputs: a file of any format becomes events.

mod dash;
mod hls;
mod merge;
mod mp4;
mod pushed;
mod segments;

use crate::format::Format;
use crate::progress::{self, Counted};
pub use ::mp4::reader::Order;
use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use media::{Event, Time};
use pushed::Demuxer;
pub use pushed::Pushed;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

/// A file or stream that is read.
pub trait Source {
    /// The next event; `None` at the end.
    fn next(&mut self) -> Result<Option<Event>>;
    /// Goes to the last point before a time at which decoding can begin, where that can be done without reading all before it;
    /// whether it did.
    fn seek(&mut self, _: Time) -> bool {
        false
    }
}

/// An input that was opened.
pub struct Input {
    pub format: Format,
    pub source: Box<dyn Source>,
    pub bar: ProgressBar,
    /// Bytes, where they are known.
    pub len: Option<u64>,
}

/// Opens a file, or standard input (`-`). Where the samples of a file can be had in an order other than its own, `order` says which.
pub fn open(path: &str, order: Order) -> Result<Input> {
    if path == "-" {
        return stream(io::stdin().lock(), None, path);
    }
    let mut file = File::open(path).with_context(|| path.to_owned())?;
    let len = file
        .metadata()
        .ok()
        .filter(std::fs::Metadata::is_file)
        .map(|metadata| metadata.len());
    if let Some(len) = len {
        let mut start = Vec::new();
        file.by_ref()
            .take(Format::LOOK as u64)
            .read_to_end(&mut start)
            .with_context(|| path.to_owned())?;
        if Format::sniff(&start) == Some(Format::Mp4) {
            let bar = progress::bar(Some(len));
            return Ok(Input {
                format: Format::Mp4,
                source: Box::new(mp4::Mp4::open(file, len, path, order, bar.clone())?),
                bar,
                len: Some(len),
            });
        }
        file.rewind().with_context(|| path.to_owned())?;
    }
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
    let (source, bar) = match format {
        Format::Hls => hls::open(Path::new(path))?,
        Format::Dash => dash::open(Path::new(path))?,
        _ => {
            let bar = progress::bar(len);
            let reader = Counted {
                inner: io::Cursor::new(start).chain(reader),
                bar: bar.clone(),
            };
            let demuxer = demuxer(format).with_context(|| path.to_owned())?;
            let source: Box<dyn Source> = Box::new(Pushed::new(demuxer, reader));
            (source, bar)
        }
    };
    Ok(Input {
        format,
        source,
        len: len.max(bar.length()),
        bar,
    })
}

/// A demuxer for bytes in order.
fn demuxer(format: Format) -> Result<Box<dyn Demuxer>> {
    Ok(match format {
        Format::Raw(raw) => Box::new(elementary::Demuxer::new(raw, elementary::Limits::default())),
        Format::Mp4 => Box::new(::mp4::Demuxer::new(::mp4::Limits::default())),
        Format::Ts | Format::M2ts => Box::new(mpegts::Demuxer::new(mpegts::Limits::default())),
        Format::Ps => Box::new(mpegts::Demuxer::program_stream(mpegts::Limits::default())),
        Format::Flv => Box::new(rtmp::flv::FileDemuxer::new(rtmp::Limits::default())),
        other => bail!("{other} cannot be read"),
    })
}

/// The file that a reference in another file means.
fn beside(path: &Path, uri: &str) -> Result<PathBuf> {
    if uri.contains("://") {
        bail!("{uri}: only files can be read");
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let plain = uri.split(['?', '#']).next().unwrap_or(uri);
    let as_is = folder.join(plain);
    if as_is.exists() {
        return Ok(as_is);
    }
    let decoded = percent_encoding::percent_decode_str(plain).decode_utf8_lossy();
    Ok(folder.join(decoded.as_ref()))
}
