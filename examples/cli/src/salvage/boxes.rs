//! The outermost boxes of a file, as far as they can be believed.

use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// Where an MP4 has its tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tables {
    /// Before the samples, or with each fragment.
    First,
    /// Behind them.
    Last,
    /// Behind them, and cut off.
    Cut,
    /// There is media data, but neither `moov` nor fragments.
    Lost,
}

/// Finds where an MP4 has its tables.
pub fn tables(path: &str) -> Result<Tables> {
    let mut file = File::open(path).with_context(|| path.to_owned())?;
    let len = file.metadata()?.len();
    let (mut at, mut has_media) = (0, false);
    while let Some((name, header, size)) = header(&mut file, at)? {
        let end = at.saturating_add(size);
        match &name {
            b"moov" if end <= len && has_media => return Ok(Tables::Last),
            b"moov" if end <= len => return Ok(Tables::First),
            b"moov" if has_media => return Ok(Tables::Cut),
            b"moof" => return Ok(Tables::First),
            b"mdat" => has_media = true,
            _ => {}
        }
        if size < header {
            break;
        }
        at = end;
    }
    Ok(if has_media {
        Tables::Lost
    } else {
        Tables::First
    })
}

/// The name of the box at a place, the length of its header, and its size: 0 where that goes to the end of the file.
fn header(file: &mut File, at: u64) -> io::Result<Option<([u8; 4], u64, u64)>> {
    let mut bytes = [0; 16];
    file.seek(SeekFrom::Start(at))?;
    let read = {
        let mut read = 0;
        while read < bytes.len() {
            match file.read(&mut bytes[read..])? {
                0 => break,
                n => read += n,
            }
        }
        read
    };
    let [s0, s1, s2, s3, n0, n1, n2, n3, large @ ..] = bytes;
    let name = [n0, n1, n2, n3];
    let small = u32::from_be_bytes([s0, s1, s2, s3]);
    Ok(match (small, read) {
        (_, ..8) | (1, ..16) => None,
        (1, _) => Some((name, 16, u64::from_be_bytes(large))),
        _ => Some((name, 8, small.into())),
    })
}

/// The media data of a file: up to where its box ends, if it says so.
pub(super) fn media_data(path: &str) -> Result<impl Read + use<>> {
    let mut file = File::open(path).with_context(|| path.to_owned())?;
    let len = file.metadata()?.len();
    let mut at = 0;
    while let Some((name, header, size)) = header(&mut file, at)? {
        let end = at.saturating_add(size);
        if name == *b"mdat" {
            // A size that was to be filled in later says nothing.
            let is_known = size > 16 && end <= len;
            let from = at + header;
            file.seek(SeekFrom::Start(from))?;
            let left = if is_known { end - from } else { u64::MAX };
            return Ok(BufReader::with_capacity(256 << 10, file).take(left));
        }
        if size < header {
            break;
        }
        at = end;
    }
    bail!("{path}: there is no media data")
}
