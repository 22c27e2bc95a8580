use super::crc::crc16_reversed;
use super::{Frame, Header, Layer};
use crate::Error;
use alloc::boxed::Box;
use alloc::vec::Vec;
use wire::{BitReader, BitWriter, Reader, Short, TooLong, Writer};

/// The tag of Xing, where the main data of the first frame of layer III would be: `Xing` in streams of variable rate, `Info` in
/// those of constant rate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Xing {
    /// Whether the rate is variable.
    pub is_vbr: bool,
    /// Frames of the stream, this one not included.
    pub frames: Option<u32>,
    /// Bytes of the stream, this frame included.
    pub bytes: Option<u32>,
    /// Where each hundredth of the time begins, in 1/256 of the bytes.
    pub table: Option<Box<[u8; 100]>>,
    /// 0 to 100, where 0 is the best.
    pub quality: Option<u32>,
    /// What LAME and those after it add.
    pub lame: Option<Lame>,
}

/// LAME's part of the tag, 36 bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lame {
    /// Name and version, such as `LAME3.100`.
    pub encoder: [u8; 9],
    /// Revision of the tag, 4 bits.
    pub revision: u8,
    /// How the rate varies, 4 bits: 1 constant, 2 average, 3 to 6 variable.
    pub vbr_method: u8,
    /// In units of 100 Hz.
    pub lowpass: u8,
    /// The highest sample, 1 being full scale: the bits of an IEEE 754 float, or fixed point in old versions; 0 unknown.
    pub peak: u32,
    /// Gain for equal loudness of tracks, as stored.
    pub radio_gain: u16,
    /// Gain for equal loudness of albums, as stored.
    pub audiophile_gain: u16,
    /// Encoding flags in the high 4 bits, type of the absolute threshold in the low ones.
    pub flags: u8,
    /// In kbit/s: constant, average or least; 255 for more.
    pub bit_rate: u8,
    /// Samples that the encoder puts before the sound, 12 bits; a decoder adds 529.
    pub delay: u16,
    /// Samples that it puts after the sound, 12 bits.
    pub padding: u16,
    /// Noise shaping, stereo mode, source frequency.
    pub misc: u8,
    /// In units of 1.5 dB.
    pub gain: i8,
    /// Preset and surround information.
    pub preset: u16,
    /// Bytes from this frame to the last one.
    pub music_length: u32,
    /// Check of the sound.
    pub music_crc: u16,
    /// Whether the check of the tag, over what is before it in the frame, is right. When written it is.
    pub is_intact: bool,
}

const FRAMES: u32 = 1;
const BYTES: u32 = 2;
const TABLE: u32 = 4;
const QUALITY: u32 = 8;

const fn offset(header: Header) -> usize {
    Header::LEN + header.side_info_len()
}

impl Xing {
    /// Finds the tag in a frame; `None` where there is none, or it is cut off.
    #[must_use]
    pub fn find(frame: &Frame<'_>) -> Option<Self> {
        let header = frame.header();
        if header.layer != Layer::III {
            return None;
        }
        // Some put it behind the check, most where the check would be.
        let at = offset(header);
        let at_check = if header.has_crc { at + 2 } else { at };
        [at, at_check].into_iter().find_map(|at| {
            let tag = frame.bytes().get(at..)?;
            let is_vbr = match tag.first_chunk()? {
                b"Xing" => true,
                b"Info" => false,
                _ => return None,
            };
            Self::decode(frame, is_vbr, at).ok()
        })
    }

    fn decode(frame: &Frame<'_>, is_vbr: bool, at: usize) -> Result<Self, Short> {
        let mut r = Reader::new(frame.bytes());
        r.take(at.saturating_add(4), "tag")?;
        let flags = r.u32("flags")?;
        let has = |flag| flags & flag != 0;
        let frames = has(FRAMES).then(|| r.u32("frames")).transpose()?;
        let bytes = has(BYTES).then(|| r.u32("bytes")).transpose()?;
        let table = has(TABLE).then(|| r.array("table")).transpose()?;
        let quality = has(QUALITY).then(|| r.u32("quality")).transpose()?;
        Ok(Self {
            is_vbr,
            frames,
            bytes,
            table: table.map(|table| Box::new(*table)),
            quality,
            lame: Lame::find(frame, &mut r),
        })
    }

    /// Writes a frame of silence that has the tag.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a header that cannot be, or is of free format, or of another layer than III;
    /// [`Error::TooLong`] where the tag does not fit the frame, or a value its field.
    pub fn encode(&self, header: Header, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut frame = silent_frame(header)?;
        let mut tag = Vec::new();
        let flag = |present: bool, flag| if present { flag } else { 0 };
        let mut w = Writer::new(&mut tag);
        w.bytes(if self.is_vbr { b"Xing" } else { b"Info" }).u32(
            flag(self.frames.is_some(), FRAMES)
                | flag(self.bytes.is_some(), BYTES)
                | flag(self.table.is_some(), TABLE)
                | flag(self.quality.is_some(), QUALITY),
        );
        for value in self.frames.iter().chain(&self.bytes) {
            w.u32(*value);
        }
        if let Some(table) = &self.table {
            w.bytes(&table[..]);
        }
        if let Some(quality) = self.quality {
            w.u32(quality);
        }
        let at = offset(header);
        if let Some(lame) = &self.lame {
            lame.write(&mut tag)?;
            put(&mut frame, at, &tag)?;
            let end = at + tag.len();
            let crc = crc16_reversed(frame.get(..end).unwrap_or_default());
            put(&mut frame, end, &crc.to_be_bytes())?;
        } else {
            put(&mut frame, at, &tag)?;
        }
        out.extend(frame);
        Ok(())
    }
}

impl Lame {
    fn find(frame: &Frame<'_>, r: &mut Reader<'_>) -> Option<Self> {
        let encoder: [u8; 9] = *r.array("encoder").ok()?;
        // What is no name is the silence after the tag.
        if !matches!(encoder, [b' '..=b'~', ..]) {
            return None;
        }
        let tag: &[u8; 25] = r.array("tag").ok()?;
        let covered = frame.bytes().get(..r.offset())?;
        let crc = r.u16("crc").ok()?;
        let mut b = BitReader::new(tag);
        let what = "tag";
        Some(Self {
            encoder,
            revision: b.bits8(4, what).ok()?,
            vbr_method: b.bits8(4, what).ok()?,
            lowpass: b.bits8(8, what).ok()?,
            peak: b.bits(32, what).ok()?,
            radio_gain: b.bits16(16, what).ok()?,
            audiophile_gain: b.bits16(16, what).ok()?,
            flags: b.bits8(8, what).ok()?,
            bit_rate: b.bits8(8, what).ok()?,
            delay: b.bits16(12, what).ok()?,
            padding: b.bits16(12, what).ok()?,
            misc: b.bits8(8, what).ok()?,
            gain: b.bits8(8, what).ok()?.cast_signed(),
            preset: b.bits16(16, what).ok()?,
            music_length: b.bits(32, what).ok()?,
            music_crc: b.bits16(16, what).ok()?,
            is_intact: crc16_reversed(covered) == crc,
        })
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        let mut w = BitWriter::new(out);
        w.bytes(&self.encoder)
            .bits(4, "revision", self.revision.into())?
            .bits(4, "vbr_method", self.vbr_method.into())?
            .bytes(&[self.lowpass])
            .bytes(&self.peak.to_be_bytes())
            .bytes(&self.radio_gain.to_be_bytes())
            .bytes(&self.audiophile_gain.to_be_bytes())
            .bytes(&[self.flags, self.bit_rate])
            .bits(12, "delay", self.delay.into())?
            .bits(12, "padding", self.padding.into())?
            .bytes(&[self.misc, self.gain.cast_unsigned()])
            .bytes(&self.preset.to_be_bytes())
            .bytes(&self.music_length.to_be_bytes())
            .bytes(&self.music_crc.to_be_bytes());
        Ok(())
    }
}

/// A frame of zeros, and so of silence.
pub(super) fn silent_frame(mut header: Header) -> Result<Vec<u8>, Error> {
    header.has_crc = false;
    let mut frame = header.to_bytes()?.to_vec();
    match header.frame_len() {
        Some(len) if header.layer == Layer::III => frame.resize(len.max(Header::LEN), 0),
        _ => {
            return Err(Error::Invalid {
                field: "bitrate_index",
                value: header.bitrate_index.into(),
                bit: 20,
            });
        }
    }
    Ok(frame)
}

/// Puts a tag into a frame.
pub(super) fn put(frame: &mut [u8], at: usize, tag: &[u8]) -> Result<(), TooLong> {
    let max = frame.len().saturating_sub(at) as u64;
    let place = frame
        .get_mut(at..)
        .and_then(|rest| rest.get_mut(..tag.len()));
    let place = place.ok_or(TooLong {
        what: "tag",
        value: tag.len() as u64,
        max,
    })?;
    for (to, &from) in place.iter_mut().zip(tag) {
        *to = from;
    }
    Ok(())
}
