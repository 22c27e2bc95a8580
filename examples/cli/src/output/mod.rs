//! Outputs: samples become a file of any format.

mod ahead;
mod flv;
mod fragmented;
mod interleave;
mod mp4;
mod ps;
mod raw;
mod recording;
mod room;
mod rtmp;
mod rtsp;
mod segments;
mod target;
mod ts;

pub use self::mp4::origin as mp4_origin;
use crate::format::Format;
use ahead::Ahead;
use anyhow::{Result, bail};
use interleave::Interleave;
use media::{Codec, Event, Sample, Tracks};
pub use segments::Kind as SegmentKind;
use std::path::Path;
use std::time::Duration;
pub use target::{Target, check_apart};

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
    /// Whether tracks can come when others have begun.
    fn takes_more_tracks(&self) -> bool {
        true
    }
    /// Whether it tells how pictures are turned before they are shown.
    fn keeps_matrix(&self) -> bool {
        false
    }
    /// Whether its time line is that of the presentation, which begins at zero.
    fn begins_at_zero(&self) -> bool {
        false
    }
    /// Says what follows, once at the start, and again where it changes.
    fn set_tracks(&mut self, tracks: &Tracks) -> Result<()>;
    /// Takes a sample of one of the tracks.
    fn handle_sample(&mut self, sample: Sample) -> Result<()>;
    /// Takes anything else.
    fn handle_event(&mut self, _: &Event) -> Result<()> {
        Ok(())
    }
    /// Writes what is left.
    fn finish(&mut self) -> Result<()>;
}

/// Whether an MP4 can carry a codec. Hint tracks tell servers how to make packets of the file in which they are (ISO/IEC 14496-12 §12.4), and of no
/// other one.
fn mp4_carries(codec: &Codec) -> bool {
    const HINTS: [&[u8; 4]; 4] = [b"rtp ", b"srtp", b"rrtp", b"fdp "];
    let is_hint =
        matches!(codec, Codec::Other { fourcc, .. } if HINTS.iter().any(|hint| **hint == fourcc.0));
    !is_hint && ::mp4::codec::sample_entry(codec).is_ok()
}

/// How to write.
pub struct Options {
    /// MP4 in fragments.
    pub fragmented: bool,
    /// What the segments of HLS are.
    pub segments: segments::Kind,
    /// How long segments are, at least.
    pub segment_duration: Duration,
    /// Whether the input is still being made: lists are kept up to date while they grow.
    pub is_live: bool,
    /// Whether what is sent to a server goes out in the time that it lasts.
    pub is_paced: bool,
    /// Bytes of the input, where they are known.
    pub input: Option<u64>,
}

/// Opens an output by its name, or that of a format.
pub fn create(path: &str, format: Option<&str>, options: &Options) -> Result<Box<dyn Sink>> {
    if crate::input::is_rtmp(path) {
        // It puts messages in order as FLV does.
        let stream = rtmp::Rtmp::new(path, options.is_paced);
        let stream = Interleave::new(Box::new(stream));
        return Ok(Box::new(Ahead::new(Box::new(stream), options.is_live)));
    }
    if crate::input::is_rtsp(path) {
        let stream = rtsp::Rtsp::new(path, options.is_paced);
        return Ok(Box::new(Interleave::new(Box::new(stream))));
    }
    if let Some(scheme) = crate::net::scheme(path) {
        bail!("{path}: nothing can be written to {scheme}; RTMP, RTSP and files can");
    }
    let named = match format {
        Some(name) => Path::new("x").with_extension(name),
        None => path.into(),
    };
    let Some(format) = Format::by_name(&named) else {
        bail!("{path}: give --format, such as --format ts: the name does not tell the format");
    };
    if path == "-" && matches!(format, Format::Hls | Format::Dash) {
        bail!("{format} is many files, which do not go into one stream");
    }
    let out = || Target::create(path);
    let sink: Box<dyn Sink> = match format {
        // A stream cannot be gone back in, so it gets fragments.
        Format::Mp4 if options.fragmented || path == "-" => {
            Box::new(fragmented::Fragmented::new(out()))
        }
        // Nobody knows how such an input ends.
        Format::Mp4 if options.input.is_none() => {
            return Ok(Box::new(recording::Recording::new(out())));
        }
        // It puts samples in order by itself.
        Format::Mp4 => return Ok(Box::new(mp4::Mp4::new(out(), options.input))),
        Format::Hls => Box::new(segments::Segments::hls(
            path,
            options.segments,
            options.segment_duration,
            options.is_live,
        )),
        Format::Dash => Box::new(segments::Segments::dash(path, options.segment_duration)),
        Format::Raw(format) => Box::new(raw::Raw::new(format, out())),
        Format::Ts => Box::new(ts::Ts::plain(out())),
        Format::M2ts => Box::new(ts::Ts::m2ts(out())),
        Format::Ps => Box::new(ps::Ps::new(out())),
        Format::Flv => Box::new(flv::Flv::new(out())),
        Format::Rtsp => bail!("{path}: a stream needs a URL, as rtsp://host/app/name"),
        Format::Rtmp => bail!("{path}: a stream needs a URL, as rtmp://host/app/name"),
    };
    let sink = Box::new(Interleave::new(sink));
    // MP4 has times of decoding behind those of showing, raw streams and RTP have none.
    let has_such_times = match format {
        Format::Ts | Format::M2ts | Format::Ps | Format::Flv => false,
        Format::Hls => !matches!(options.segments, segments::Kind::Ts),
        _ => true,
    };
    Ok(if has_such_times {
        sink
    } else {
        Box::new(Ahead::new(sink, options.is_live))
    })
}
