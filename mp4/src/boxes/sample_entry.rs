use super::container::{Slot, children_len, each_child, put_children, raw_len};
use super::{Child, Colr, Esds, FourCc, IsoBox, Raw};
use crate::Error;
use alloc::vec::Vec;
use bytes::Bytes;
use wire::{LengthOf, Reader, Writer};

/// How samples are coded: one entry of [`Stsd`](super::Stsd).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SampleEntry {
    /// Video: `avc1`, `avc3` and the other codecs with the same fields.
    Visual(VisualSampleEntry),
    /// Sound: `mp4a` and the other codecs with the same fields.
    Audio(AudioSampleEntry),
    /// Any other kind, and what is damaged. QuickTime's sound descriptions of version 1 and 2 are kept here too.
    Other(Raw),
}

const VISUAL: [&[u8; 4]; 11] = [
    b"avc1", b"avc3", b"hvc1", b"hev1", b"av01", b"vp08", b"vp09", b"mp4v", b"encv", b"dvh1",
    b"dvhe",
];
const AUDIO: [&[u8; 4]; 8] = [
    b"mp4a", b"ac-3", b"ec-3", b"ac-4", b"Opus", b"fLaC", b"enca", b".mp3",
];

impl SampleEntry {
    pub(super) fn decode(child: &Child<'_>) -> Self {
        let format = child.header.box_type;
        let entry = if VISUAL.contains(&&format.0) {
            VisualSampleEntry::decode(format, &mut child.body()).map(Self::Visual)
        } else if AUDIO.contains(&&format.0) {
            AudioSampleEntry::decode(format, &mut child.body()).map(Self::Audio)
        } else {
            Ok(Self::Other(Raw::new(child.bytes(), None)))
        };
        entry.unwrap_or_else(|error| Self::Other(Raw::new(child.bytes(), Some(error))))
    }

    /// The codec's name; `None` where a damaged entry has none.
    #[must_use]
    pub fn format(&self) -> Option<FourCc> {
        match self {
            Self::Visual(entry) => Some(entry.format),
            Self::Audio(entry) => Some(entry.format),
            Self::Other(raw) => raw.box_type(),
        }
    }

    pub(super) fn put(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        match self {
            Self::Visual(entry) => entry.put(w),
            Self::Audio(entry) => entry.put(w),
            Self::Other(raw) => {
                raw.put(w);
                Ok(())
            }
        }
    }

    pub(super) fn encoded_len(&self) -> usize {
        match self {
            Self::Visual(entry) => entry.encoded_len(),
            Self::Audio(entry) => entry.encoded_len(),
            Self::Other(raw) => raw.bytes.len(),
        }
    }
}

/// Video (ISO/IEC 14496-12 §12.1.3, for H.264 ISO/IEC 14496-15 §5.4.2).
///
/// ```text
/// reserved 6 bytes | data_reference_index u16 | 16 bytes of 0 | width u16 | height u16
/// horizresolution u32 (16.16) | vertresolution u32 (16.16) | reserved u32 | frame_count u16
/// compressorname 32 bytes | depth u16 | pre_defined i16 = -1 | boxes
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisualSampleEntry {
    /// The codec's name: `avc1`, `avc3`, ...
    pub format: FourCc,
    /// Entry of `dref`, from 1.
    pub data_reference_index: u16,
    /// Width in pixels of the coded picture after cropping.
    pub width: u16,
    /// Height in pixels of the coded picture after cropping.
    pub height: u16,
    /// Pixels per inch, 16.16 fixed point.
    pub horizresolution: u32,
    /// Pixels per inch, 16.16 fixed point.
    pub vertresolution: u32,
    /// Frames in a sample.
    pub frame_count: u16,
    /// A name for people: its length, then up to 31 bytes.
    pub compressorname: [u8; 32],
    /// 0x18: colours without alpha.
    pub depth: u16,
    /// H.264's configuration.
    pub avc_c: Option<AvcC>,
    /// Shape of a pixel.
    pub pasp: Option<Pasp>,
    /// Meaning of the colours.
    pub colr: Option<Colr>,
    /// Bit rate.
    pub btrt: Option<Btrt>,
    /// The boxes that are not known here, or are damaged.
    pub other: Vec<Raw>,
}

impl VisualSampleEntry {
    /// An entry of a format and size, without any box.
    #[must_use]
    pub const fn new(format: FourCc, width: u16, height: u16) -> Self {
        Self {
            format,
            data_reference_index: 1,
            width,
            height,
            horizresolution: 72 << 16,
            vertresolution: 72 << 16,
            frame_count: 1,
            compressorname: [0; 32],
            depth: 0x18,
            avc_c: None,
            pasp: None,
            colr: None,
            btrt: None,
            other: Vec::new(),
        }
    }

    fn decode(format: FourCc, r: &mut Reader<'_>) -> Result<Self, Error> {
        r.skip(6, "reserved")?;
        let data_reference_index = r.u16("data_reference_index")?;
        r.skip(16, "pre_defined")?;
        let mut entry = Self::new(format, r.u16("width")?, r.u16("height")?);
        entry.data_reference_index = data_reference_index;
        entry.horizresolution = r.u32("horizresolution")?;
        entry.vertresolution = r.u32("vertresolution")?;
        r.skip(4, "reserved")?;
        entry.frame_count = r.u16("frame_count")?;
        entry.compressorname = *r.array("compressorname")?;
        entry.depth = r.u16("depth")?;
        r.skip(2, "pre_defined")?;
        entry.other = each_child(r, |child| {
            if entry.avc_c.wants(child) {
                entry.avc_c.read_child(child)
            } else if entry.pasp.wants(child) {
                entry.pasp.read_child(child)
            } else if entry.colr.wants(child) {
                entry.colr.read_child(child)
            } else if entry.btrt.wants(child) {
                entry.btrt.read_child(child)
            } else {
                Some(Raw::new(child.bytes(), None))
            }
        });
        Ok(entry)
    }

    fn put(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.sized_u32("sample entry size", LengthOf::FieldAndBody, |w| {
            w.bytes(&self.format.0)
                .zeros(6)
                .u16(self.data_reference_index)
                .zeros(16);
            w.u16(self.width)
                .u16(self.height)
                .u32(self.horizresolution)
                .u32(self.vertresolution);
            w.u32(0)
                .u16(self.frame_count)
                .bytes(&self.compressorname)
                .u16(self.depth)
                .i16(-1);
            put_children(w, &self.avc_c)?;
            put_children(w, &self.pasp)?;
            put_children(w, &self.colr)?;
            put_children(w, &self.btrt)?;
            self.other.iter().for_each(|raw| raw.put(w));
            Ok::<(), Error>(())
        })?;
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        let boxes = [
            children_len(&self.avc_c),
            children_len(&self.pasp),
            children_len(&self.colr),
            children_len(&self.btrt),
            raw_len(&self.other),
        ];
        boxes.into_iter().fold(86, usize::saturating_add)
    }
}

/// Sound (ISO/IEC 14496-12 §12.2.3, for AAC ISO/IEC 14496-14 §6.7).
///
/// ```text
/// reserved 6 bytes | data_reference_index u16 | reserved 8 bytes | channelcount u16 | samplesize u16
/// pre_defined u16 | reserved u16 | samplerate u32 (16.16) | boxes
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioSampleEntry {
    /// The codec's name: `mp4a`, ...
    pub format: FourCc,
    /// Entry of `dref`, from 1.
    pub data_reference_index: u16,
    /// Channels, as far as the codec's own configuration does not say otherwise.
    pub channelcount: u16,
    /// Bits of a decoded sample: 16.
    pub samplesize: u16,
    /// Samples per second, 16.16 fixed point; 0 where they do not fit.
    pub samplerate: u32,
    /// MPEG-4's configuration.
    pub esds: Option<Esds>,
    /// Bit rate.
    pub btrt: Option<Btrt>,
    /// The boxes that are not known here, or are damaged.
    pub other: Vec<Raw>,
}

impl AudioSampleEntry {
    /// An entry of a format, without any box.
    #[must_use]
    pub fn new(format: FourCc, channelcount: u16, samples_per_second: u32) -> Self {
        let samplerate = u16::try_from(samples_per_second).map_or(0, |rate| u32::from(rate) << 16);
        Self {
            format,
            data_reference_index: 1,
            channelcount,
            samplesize: 16,
            samplerate,
            esds: None,
            btrt: None,
            other: Vec::new(),
        }
    }

    fn decode(format: FourCc, r: &mut Reader<'_>) -> Result<Self, Error> {
        r.skip(6, "reserved")?;
        let data_reference_index = r.u16("data_reference_index")?;
        let offset = r.offset() as u64;
        let entry_version = r.u16("entry_version")?;
        if entry_version != 0 {
            return Err(Error::Invalid {
                field: "entry_version",
                value: entry_version.into(),
                offset,
            });
        }
        r.skip(6, "reserved")?;
        let channelcount = r.u16("channelcount")?;
        let samplesize = r.u16("samplesize")?;
        r.skip(4, "pre_defined")?;
        let samplerate = r.u32("samplerate")?;
        let (mut esds, mut btrt) = (None, None);
        let other = each_child(r, |child| {
            if esds.wants(child) {
                esds.read_child(child)
            } else if btrt.wants(child) {
                btrt.read_child(child)
            } else {
                Some(Raw::new(child.bytes(), None))
            }
        });
        Ok(Self {
            format,
            data_reference_index,
            channelcount,
            samplesize,
            samplerate,
            esds,
            btrt,
            other,
        })
    }

    fn put(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.sized_u32("sample entry size", LengthOf::FieldAndBody, |w| {
            w.bytes(&self.format.0)
                .zeros(6)
                .u16(self.data_reference_index)
                .zeros(8);
            w.u16(self.channelcount)
                .u16(self.samplesize)
                .u32(0)
                .u32(self.samplerate);
            put_children(w, &self.esds)?;
            put_children(w, &self.btrt)?;
            self.other.iter().for_each(|raw| raw.put(w));
            Ok::<(), Error>(())
        })?;
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        let boxes = [
            children_len(&self.esds),
            children_len(&self.btrt),
            raw_len(&self.other),
        ];
        boxes.into_iter().fold(36, usize::saturating_add)
    }
}

/// Holds an `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15 §5.4.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvcC {
    /// The record, as it is.
    pub record: Bytes,
}

impl IsoBox for AvcC {
    const TYPE: FourCc = FourCc(*b"avcC");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            record: Bytes::copy_from_slice(r.rest()),
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.bytes(&self.record);
        Ok(())
    }

    fn body_len(&self) -> usize {
        self.record.len()
    }
}

/// The shape of a pixel (ISO/IEC 14496-12 §12.1.4).
///
/// ```text
/// hSpacing u32 | vSpacing u32
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pasp {
    /// Width of a pixel, relative to its height.
    pub h_spacing: u32,
    /// Height of a pixel, relative to its width.
    pub v_spacing: u32,
}

impl IsoBox for Pasp {
    const TYPE: FourCc = FourCc(*b"pasp");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            h_spacing: r.u32("hSpacing")?,
            v_spacing: r.u32("vSpacing")?,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.u32(self.h_spacing).u32(self.v_spacing);
        Ok(())
    }

    fn body_len(&self) -> usize {
        8
    }
}

/// Buffer and bit rates (ISO/IEC 14496-12 §8.5.2).
///
/// ```text
/// bufferSizeDB u32 | maxBitrate u32 | avgBitrate u32
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Btrt {
    /// Bytes of the decoder's buffer.
    pub buffer_size_db: u32,
    /// Most bits in any second.
    pub max_bitrate: u32,
    /// Bits per second over the whole.
    pub avg_bitrate: u32,
}

impl IsoBox for Btrt {
    const TYPE: FourCc = FourCc(*b"btrt");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            buffer_size_db: r.u32("bufferSizeDB")?,
            max_bitrate: r.u32("maxBitrate")?,
            avg_bitrate: r.u32("avgBitrate")?,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.u32(self.buffer_size_db)
            .u32(self.max_bitrate)
            .u32(self.avg_bitrate);
        Ok(())
    }

    fn body_len(&self) -> usize {
        12
    }
}
