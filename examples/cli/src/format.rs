//! Which format a file has, by what is in it, and which one it is to get, by its name.

use std::fmt;
use std::path::Path;

/// A container, or a raw stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// ISO base media: MP4, QuickTime, fragments.
    Mp4,
    /// MPEG-2 transport stream, packets of 188 or 204 bytes.
    Ts,
    /// The same with a time before each packet: 192 bytes.
    M2ts,
    /// MPEG program stream.
    Ps,
    /// Flash video.
    Flv,
    /// HLS playlist.
    Hls,
    /// DASH manifest.
    Dash,
    /// A stream from or to a server of the RTMP family.
    Rtmp,
    /// A stream from or to a server of RTSP.
    Rtsp,
    /// A stream of one track without a container.
    Raw(elementary::Format),
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mp4 => "mp4",
            Self::Ts => "ts",
            Self::M2ts => "m2ts",
            Self::Ps => "ps",
            Self::Flv => "flv",
            Self::Hls => "hls",
            Self::Dash => "dash",
            Self::Rtmp => "rtmp",
            Self::Rtsp => "rtsp",
            Self::Raw(format) => format.name(),
        })
    }
}

/// Names that box types of ISO base media files start with.
const BOXES: [&[u8; 4]; 12] = [
    b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"pnot", b"sidx",
    b"emsg", b"uuid",
];

impl Format {
    /// Bytes from the start of a file that [`sniff`](Self::sniff) wants.
    pub const LOOK: usize = 64 << 10;

    /// What a file is, by its start.
    pub fn sniff(start: &[u8]) -> Option<Self> {
        let text = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
        // Not all have `#EXTM3U` in their first line, which is for the check to say.
        if text.starts_with(b"#") && find(text.get(..4096).unwrap_or(text), b"#EXT") {
            return Some(Self::Hls);
        }
        if text.trim_ascii_start().starts_with(b"<") && find(text, b"<MPD") {
            return Some(Self::Dash);
        }
        if start.starts_with(b"FLV") {
            return Some(Self::Flv);
        }
        if start
            .get(4..8)
            .is_some_and(|name| BOXES.iter().any(|known| *known == name))
        {
            return Some(Self::Mp4);
        }
        if start.starts_with(&[0, 0, 1, 0xBA]) || start.starts_with(&[0, 0, 1, 0xBB]) {
            return Some(Self::Ps);
        }
        if let Some(found) = packets(start) {
            return Some(found);
        }
        // Junk before a pack.
        if find(start.get(..4096).unwrap_or(start), &[0, 0, 1, 0xBA]) {
            return Some(Self::Ps);
        }
        elementary::Format::sniff(start).map(Self::Raw)
    }

    /// What a file is to be, by its name.
    pub fn by_name(path: &Path) -> Option<Self> {
        use elementary::Format::{Ac3, Adts, H264, H265, Loas, MpegAudio, MpegVideo};
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "mp4" | "m4v" | "m4a" | "m4s" | "mov" | "cmfv" | "cmfa" | "3gp" => Self::Mp4,
            "ts" | "tsv" | "mpegts" => Self::Ts,
            "m2ts" | "mts" => Self::M2ts,
            "mpg" | "mpeg" | "vob" | "ps" => Self::Ps,
            "flv" => Self::Flv,
            "m3u8" => Self::Hls,
            "mpd" => Self::Dash,
            "aac" | "adts" => Self::Raw(Adts),
            "latm" | "loas" => Self::Raw(Loas),
            "ac3" | "ec3" | "eac3" => Self::Raw(Ac3),
            "mp1" | "mp2" | "mp3" | "mpa" => Self::Raw(MpegAudio),
            "m1v" | "m2v" | "mpv" => Self::Raw(MpegVideo),
            "h264" | "264" | "avc" | "jsv" | "26l" => Self::Raw(H264),
            "h265" | "265" | "hevc" => Self::Raw(H265),
            _ => return None,
        })
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

/// Whether sync bytes follow each other at one of the distances that packets have.
fn packets(start: &[u8]) -> Option<Format> {
    for (len, format) in [(188, Format::Ts), (192, Format::M2ts), (204, Format::Ts)] {
        let wanted = (start.len() / len).clamp(1, 5);
        let starts = |at: &usize| {
            let bytes = (0..wanted).map(|n| start.get(at + n * len));
            bytes.clone().all(|byte| byte == Some(&0x47))
        };
        // Packets may begin anywhere in what was cut out of a stream.
        if start.len() >= len && (0..4 * len).any(|at| starts(&at)) {
            return Some(format);
        }
    }
    None
}
