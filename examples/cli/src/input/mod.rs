//! Inputs: a file, a URL or a stream of any format becomes events.

mod dash;
mod dash_list;
mod from_start;
mod hls;
mod hls_list;
mod key;
mod lanes;
mod merge;
mod mp4;
pub mod packed;
mod pushed;
mod rtmp;
mod rtsp;
mod segments;
mod splice;

use crate::format::Format;
use crate::net::http::{self, Body};
use crate::net::{self, Place};
use crate::progress::{self, Counted};
pub use ::mp4::reader::Order;
use anyhow::{Context, Result, bail};
pub use dash_list::segments as dash_segments;
use from_start::FromStart;
pub use hls_list::all_segments as hls_segments;
use indicatif::ProgressBar;
pub use key::Keys;
use media::{Event, Sample, Time, TrackId};
pub use pushed::{Demuxer, Pushed};
pub use segments::{Lock, Piece, Reads, Segment, is_missing};
pub use splice::Splice;
use std::fs::File;
use std::io::{self, Read, Seek};

/// A file or stream that is read.
pub trait Source {
    /// The next event; `None` at the end.
    fn next(&mut self) -> Result<Option<Event>>;
    /// The same for who does not want the bytes of samples.
    fn look(&mut self) -> Result<Option<Look>> {
        Ok(self.next()?.map(Look::Event))
    }
    /// Goes to the last point before a time at which decoding can begin, where that can be done without reading all before it;
    /// whether it did.
    fn seek(&mut self, _: Time) -> bool {
        false
    }
    /// Whether the first set of tracks that it tells is whole.
    fn knows_tracks(&self) -> bool {
        false
    }
}

/// What can be told without the bytes of samples.
pub enum Look {
    Event(Event),
    /// A sample that was not read.
    Outline(Seen),
}

/// A sample without its bytes.
pub struct Seen {
    pub track: TrackId,
    pub dts: i64,
    pub pts: i64,
    pub duration: Option<u32>,
    pub size: usize,
    pub sync: bool,
    /// Decoded, but not shown.
    pub hidden: bool,
}

impl From<&Sample> for Seen {
    fn from(sample: &Sample) -> Self {
        Self {
            track: sample.track,
            dts: sample.dts,
            pts: sample.pts,
            duration: sample.duration.map(std::num::NonZero::get),
            size: sample.data.len(),
            sync: sample.is_sync(),
            hidden: sample.flags.contains(media::Flags::PREROLL),
        }
    }
}

/// An input that was opened.
pub struct Input {
    pub format: Format,
    pub source: Box<dyn Source>,
    pub bar: ProgressBar,
    /// Bytes, where they are known.
    pub len: Option<u64>,
    /// Whether it comes as fast as it is made, not as fast as it can be read.
    pub is_live: bool,
}

/// How to read.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// In which order samples come, where there is a choice.
    pub order: Order,
    /// What opens encrypted samples.
    pub keys: Keys,
    /// Which of several renditions are taken.
    pub bandwidth: Bandwidth,
}

/// What chooses between renditions of the same content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bandwidth {
    /// The best.
    #[default]
    Any,
    /// The best that needs no more bit/s than these.
    Most(u64),
    /// As a player that shows it would, by what the network gives.
    Auto,
}

impl Bandwidth {
    const fn most(self) -> Option<u64> {
        match self {
            Self::Most(most) => Some(most),
            Self::Any | Self::Auto => None,
        }
    }

    fn is_auto(self) -> bool {
        self == Self::Auto
    }
}

impl std::str::FromStr for Bandwidth {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let (digits, unit) = match text.as_bytes().last() {
            Some(b'k' | b'K') => (&text[..text.len() - 1], 1000),
            Some(b'm' | b'M') => (&text[..text.len() - 1], 1_000_000),
            _ => (text, 1),
        };
        let most = digits.parse().ok().and_then(|n: u64| n.checked_mul(unit));
        most.map(Self::Most)
            .with_context(|| format!("{text:?} is neither auto nor a number of bit/s, as 3M"))
    }
}

/// What all commands that read media can be told.
#[derive(Debug, Clone, clap::Args)]
pub struct Reading {
    /// A key that opens encrypted samples: 32 hexadecimal digits, after a colon where its name (KID) stands before it. May be given
    /// several times.
    #[arg(long = "key", value_name = "[KID:]KEY")]
    keys: Vec<key::Named>,
    /// Of several renditions the best that needs no more than so many bit/s (`800k`, `3M`), or, with `auto`, as a player would choose by
    /// what the network gives. Default: the best.
    #[arg(long, value_name = "BITS")]
    bandwidth: Option<Bandwidth>,
    #[command(flatten)]
    http: http::Options,
}

impl Reading {
    /// The same as options; what concerns servers holds from here on.
    pub fn options(&self, order: Order) -> Options {
        http::configure(&self.http);
        Options {
            order,
            keys: Keys::new(&self.keys),
            bandwidth: self.bandwidth.unwrap_or_default(),
        }
    }
}

/// Whether a name means a stream of the RTMP family.
pub fn is_rtmp(name: &str) -> bool {
    net::scheme(name).is_some_and(|scheme| scheme.starts_with("rtmp"))
}

/// Whether a name means a stream of RTSP.
pub fn is_rtsp(name: &str) -> bool {
    net::scheme(name).is_some_and(|scheme| matches!(&*scheme, "rtsp" | "rtsps"))
}

/// Opens a file, a URL, or standard input (`-`).
pub fn open(name: &str, options: &Options) -> Result<Input> {
    if name == "-" {
        let place = Place::of(name);
        return match redirected() {
            Some(file) => opened(file, &place, options),
            None => start(io::stdin().lock(), None, &place, options),
        };
    }
    if is_rtmp(name) {
        return rtmp::open(name);
    }
    if is_rtsp(name) {
        return rtsp::open(name);
    }
    match Place::of(name) {
        Place::Url(url) => remote(&url, options),
        Place::File(_) if net::scheme(name).is_some_and(|scheme| scheme != "file") => {
            bail!("{name}: only http, https, rtsp and the rtmp family can be read from elsewhere")
        }
        place @ Place::File(_) => local(&place, options),
    }
}

fn local(place: &Place, options: &Options) -> Result<Input> {
    let Place::File(path) = place else {
        bail!("{place}: no file");
    };
    let file = File::open(path).with_context(|| place.to_string())?;
    opened(file, place, options)
}

/// Standard input where that is a file from its start, and no pipe.
#[cfg(unix)]
fn redirected() -> Option<File> {
    use std::os::fd::AsFd;
    let mut file = File::from(io::stdin().as_fd().try_clone_to_owned().ok()?);
    let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
    (is_file && file.stream_position().is_ok_and(|at| at == 0)).then_some(file)
}

#[cfg(not(unix))]
const fn redirected() -> Option<File> {
    None
}

fn opened(mut file: File, place: &Place, options: &Options) -> Result<Input> {
    let metadata = file.metadata().with_context(|| place.to_string())?;
    if metadata.is_dir() {
        bail!("{place}: a folder, not a file");
    }
    let len = metadata.is_file().then_some(metadata.len());
    if let Some(len) = len {
        let mut head = Vec::new();
        file.by_ref()
            .take(Format::LOOK as u64)
            .read_to_end(&mut head)
            .with_context(|| place.to_string())?;
        if Format::sniff(&head) == Some(Format::Mp4) {
            let bar = progress::bar(Some(len));
            let ranges = mp4::OnDisk::new(file, place.to_string());
            return mp4(Box::new(ranges), len, bar, place, options);
        }
        file.rewind().with_context(|| place.to_string())?;
    }
    start(file, len, place, options)
}

fn remote(url: &str, options: &Options) -> Result<Input> {
    let look = 0..Format::LOOK as u64;
    let open = || match http::get(url, Some(&look)) {
        // Of nothing there is no part.
        Err(error) if matches!(error.downcast_ref(), Some(http::Status(416))) => {
            http::get(url, None)
        }
        answer => answer,
    };
    let mut response = open().with_context(|| url.to_owned())?;
    let place = Place::Url(response.url.clone());
    let mut head = Vec::new();
    response
        .body
        .by_ref()
        .take(look.end)
        .read_to_end(&mut head)
        .with_context(|| url.to_owned())?;
    let total = response.total;
    if let (Some(Format::Mp4), true, Some(len)) = (Format::sniff(&head), response.is_part, total) {
        let bar = progress::bar(Some(len));
        let ranges = mp4::OverHttp::new(response.url, head.into());
        return mp4(Box::new(ranges), len, bar, &place, options);
    }
    let at = head.len() as u64;
    if let (false, Some(len)) = (response.is_part, total)
        && Format::sniff(&head) == Some(Format::Mp4)
        && from_start::is_moov_last(&head)
    {
        let bar = progress::bar(Some(len));
        let url = response.url.clone();
        let ranges = FromStart::new(url, Body::new(response, at), head);
        return mp4(Box::new(ranges), len, bar, &place, options);
    }
    if response.is_part && total.is_none_or(|total| total > at) {
        response = http::get(&response.url, Some(&(at..u64::MAX)))?;
        if !response.is_part {
            // It gives parts of a start only.
            io::copy(&mut response.body.by_ref().take(at), &mut io::sink())?;
        }
    }
    let rest = Body::new(response, at);
    start(io::Cursor::new(head).chain(rest), total, &place, options)
}

fn mp4(
    ranges: Box<dyn mp4::Ranges>,
    len: u64,
    bar: ProgressBar,
    place: &Place,
    options: &Options,
) -> Result<Input> {
    let source = mp4::Mp4::open(ranges, len, options, bar.clone());
    Ok(Input {
        format: Format::Mp4,
        source: Box::new(source.with_context(|| place.to_string())?),
        bar,
        len: Some(len),
        is_live: false,
    })
}

fn start(
    mut reader: impl Read + 'static,
    len: Option<u64>,
    place: &Place,
    options: &Options,
) -> Result<Input> {
    let mut head = Vec::new();
    reader
        .by_ref()
        .take(Format::LOOK as u64)
        .read_to_end(&mut head)
        .with_context(|| place.to_string())?;
    if head.is_empty() {
        bail!("{place}: it is empty");
    }
    let format = Format::sniff(&head).or_else(|| Format::by_name(place.name()));
    let Some(format) = format else {
        bail!("{place}: not a format that is known here");
    };
    if matches!(format, Format::Hls | Format::Dash) {
        // What comes from standard input comes once; what it refers to is told relative to the working directory.
        let text = (place == &Place::of("-")).then(|| {
            let mut text = head.clone();
            let rest = reader.take(net::TEXT).read_to_end(&mut text);
            rest.map(|_| text.into()).context("standard input")
        });
        let text = text.transpose()?;
        return match format {
            Format::Hls => hls::open(place, text, options),
            _ => dash::open(place, text, options),
        };
    }
    let bar = progress::bar(len);
    let reader = Counted {
        inner: io::Cursor::new(head).chain(reader),
        bar: bar.clone(),
    };
    let demuxer = demuxer(format, &options.keys).with_context(|| place.to_string())?;
    Ok(Input {
        format,
        source: Box::new(Pushed::new(demuxer, reader)),
        len,
        bar,
        is_live: false,
    })
}

/// Opens what is to be read as it is, without regard to its format.
pub fn bytes(name: &str) -> Result<(Box<dyn Read>, Place)> {
    let place = Place::of(name);
    let reader: Box<dyn Read> = match &place {
        _ if name == "-" => Box::new(io::stdin().lock()),
        Place::File(path) => Box::new(File::open(path).with_context(|| name.to_owned())?),
        Place::Url(url) => {
            let response = http::get(url, None).with_context(|| name.to_owned())?;
            let place = Place::Url(response.url.clone());
            return Ok((Box::new(Body::new(response, 0)), place));
        }
    };
    Ok((reader, place))
}

/// A demuxer for samples that are encrypted as a playlist says.
fn unlocking(format: Format, keys: &Keys, lock: lanes::Lock) -> Result<Box<dyn Demuxer>> {
    match format {
        Format::Mp4 => demuxer(format, &keys.with_any(lock.key)),
        // These are told the key with each segment.
        Format::Ts | Format::M2ts | Format::Raw(_) => demuxer(format, keys),
        other => bail!("samples that are encrypted in {other} cannot be read"),
    }
}

/// A demuxer for bytes in order.
pub fn demuxer(format: Format, keys: &Keys) -> Result<Box<dyn Demuxer>> {
    Ok(match format {
        Format::Raw(raw) => Box::new(elementary::Demuxer::new(raw, elementary::Limits::default())),
        Format::Mp4 => {
            let demuxer = ::mp4::Demuxer::new(::mp4::Limits::default());
            Box::new(demuxer.with_keys(keys.cenc()).with_events())
        }
        Format::Ts | Format::M2ts => Box::new(mpegts::Demuxer::new(mpegts::Limits::default())),
        Format::Ps => Box::new(mpegts::Demuxer::program_stream(mpegts::Limits::default())),
        Format::Flv => Box::new(::rtmp::flv::FileDemuxer::new(::rtmp::Limits::default())),
        other => bail!("{other} cannot be read"),
    })
}
