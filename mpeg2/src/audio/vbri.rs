use super::{Frame, Header};
use crate::Error;
use alloc::vec::Vec;
use wire::{Reader, Short, TooLong, Writer};

/// The tag of Fraunhofer's encoder: 32 bytes after the header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vbri {
    /// 1.
    pub version: u16,
    /// Samples of delay.
    pub delay: u16,
    /// 0 to 100.
    pub quality: u16,
    /// Bytes of the stream, this frame not included.
    pub bytes: u32,
    /// Frames of the stream, this one not included.
    pub frames: u32,
    /// What the entries of the table are multiplied by, to be bytes.
    pub scale: u16,
    /// Bytes of an entry as it is stored, 1 to 4.
    pub entry_len: u16,
    /// Frames that an entry stands for.
    pub frames_per_entry: u16,
    /// Bytes from entry to entry, less the scale.
    pub table: Vec<u32>,
}

const OFFSET: usize = Header::LEN + 32;

impl Vbri {
    /// Finds the tag in a frame; `None` where there is none, or it is cut off. A table that does not fit the frame is left out.
    #[must_use]
    pub fn find(frame: &Frame<'_>) -> Option<Self> {
        let tag = frame.bytes().get(OFFSET..)?.strip_prefix(b"VBRI")?;
        Self::decode(&mut Reader::new(tag)).ok()
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, Short> {
        let mut tag = Self {
            version: r.u16("version")?,
            delay: r.u16("delay")?,
            quality: r.u16("quality")?,
            bytes: r.u32("bytes")?,
            frames: r.u32("frames")?,
            ..Self::default()
        };
        let entries = r.u16("table entries")?;
        tag.scale = r.u16("scale")?;
        tag.entry_len = r.u16("entry length")?;
        tag.frames_per_entry = r.u16("frames per entry")?;
        let len = usize::from(tag.entry_len);
        if let 1..=4 = len
            && let Ok(table) = r.take(len * usize::from(entries), "table")
        {
            let mut table = Reader::new(table);
            while let Ok(entry) = table.take(len, "entry") {
                let value = entry.iter().fold(0, |n, &byte| n << 8 | u32::from(byte));
                tag.table.push(value);
            }
        }
        Ok(tag)
    }

    /// Writes a frame of silence that has the tag.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a header that cannot be, or is of free format, or of another layer than III;
    /// [`Error::TooLong`] where the tag does not fit the frame, or an entry its length.
    pub fn encode(&self, header: Header, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut frame = super::xing::silent_frame(header)?;
        let mut tag = Vec::new();
        let mut w = Writer::new(&mut tag);
        w.bytes(b"VBRI")
            .u16(self.version)
            .u16(self.delay)
            .u16(self.quality)
            .u32(self.bytes)
            .u32(self.frames);
        let entries = u16::try_from(self.table.len()).map_err(|_| TooLong {
            what: "table entries",
            value: self.table.len() as u64,
            max: u16::MAX.into(),
        })?;
        w.u16(entries)
            .u16(self.scale)
            .u16(self.entry_len)
            .u16(self.frames_per_entry);
        let len = usize::from(self.entry_len.clamp(1, 4));
        for &entry in &self.table {
            let bytes = entry.to_be_bytes();
            let (zeros, low) = bytes.split_at_checked(4 - len).unwrap_or_default();
            if zeros.iter().any(|&byte| byte != 0) {
                return Err(Error::TooLong(TooLong {
                    what: "entry",
                    value: entry.into(),
                    max: u64::from(u32::MAX >> (32 - 8 * len)),
                }));
            }
            w.bytes(low);
        }
        super::xing::put(&mut frame, OFFSET, &tag)?;
        out.extend(frame);
        Ok(())
    }
}
