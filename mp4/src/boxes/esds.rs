use super::header::{put_version_and_flags, version_and_flags};
use super::{FourCc, IsoBox};
use crate::Error;
use alloc::vec::Vec;
use bytes::Bytes;
use wire::{Reader, Writer};

/// The `ES_Descriptor` of an MPEG-4 stream (ISO/IEC 14496-14 §6.7.2, ISO/IEC 14496-1 §7.2.6.5).
///
/// ```text
/// version u8 = 0 | flags u24 = 0 | ES_Descriptor: tag u8 = 3 | size 1-4 bytes | ES_ID u16
/// streamDependenceFlag, URL_Flag, OCRstreamFlag 1 bit each | streamPriority 5 bits | what is flagged | descriptors
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Esds {
    /// Number of the stream; 0 in files.
    pub es_id: u16,
    /// 5 bits.
    pub stream_priority: u8,
    /// How to decode it.
    pub decoder_config: DecoderConfigDescriptor,
    /// The descriptors after that: `SLConfigDescriptor` and others.
    pub descriptors: Vec<Descriptor>,
}

/// How to decode a stream (ISO/IEC 14496-1 §7.2.6.6).
///
/// ```text
/// tag u8 = 4 | size 1-4 bytes | objectTypeIndication u8 | streamType 6 bits | upStream 1 bit | reserved 1 bit = 1
/// bufferSizeDB u24 | maxBitrate u32 | avgBitrate u32 | descriptors
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecoderConfigDescriptor {
    /// The codec: 0x40 is MPEG-4 audio, 0x6B MPEG-1 audio, ...
    pub object_type_indication: u8,
    /// 6 bits: 4 is video, 5 is sound.
    pub stream_type: u8,
    /// Bytes of the decoder's buffer, 24 bits.
    pub buffer_size_db: u32,
    /// Most bits in any second.
    pub max_bitrate: u32,
    /// Bits per second over the whole; 0 where it varies.
    pub avg_bitrate: u32,
    /// `DecoderSpecificInfo`: for AAC the `AudioSpecificConfig`.
    pub decoder_specific_info: Option<Bytes>,
    /// The descriptors after that.
    pub descriptors: Vec<Descriptor>,
}

/// A descriptor as it is (ISO/IEC 14496-1 §7.2.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Its kind.
    pub tag: u8,
    /// What follows its size.
    pub data: Bytes,
}

const ES_DESCR_TAG: u8 = 3;
const DECODER_CONFIG_DESCR_TAG: u8 = 4;
const DEC_SPECIFIC_INFO_TAG: u8 = 5;
const SL_CONFIG_DESCR_TAG: u8 = 6;
const STREAM_DEPENDENCE: u8 = 0x80;
const URL: u8 = 0x40;
const OCR_STREAM: u8 = 0x20;

impl Esds {
    /// MPEG-4 audio, described by its `AudioSpecificConfig`.
    #[must_use]
    pub fn aac(audio_specific_config: Bytes) -> Self {
        Self::new(0x40, 5, Some(audio_specific_config))
    }

    /// A codec by its `objectTypeIndication`, of a `streamType`: 4 is video, 5 is sound.
    #[must_use]
    pub fn new(
        object_type_indication: u8,
        stream_type: u8,
        decoder_specific_info: Option<Bytes>,
    ) -> Self {
        Self {
            es_id: 0,
            stream_priority: 0,
            decoder_config: DecoderConfigDescriptor {
                object_type_indication,
                stream_type,
                buffer_size_db: 0,
                max_bitrate: 0,
                avg_bitrate: 0,
                decoder_specific_info,
                descriptors: Vec::new(),
            },
            // "Reserved for use in MP4 files" (§7.3.2.3).
            descriptors: [Descriptor {
                tag: SL_CONFIG_DESCR_TAG,
                data: Bytes::from_static(&[2]),
            }]
            .into(),
        }
    }
}

/// Reads a tag and a size, and gives what it spans.
fn descriptor<'a>(r: &mut Reader<'a>) -> Result<(u8, Reader<'a>), Error> {
    let tag = r.u8("descriptor tag")?;
    let mut size = 0usize;
    // At most four bytes of seven bits each.
    for _ in 0..4 {
        let byte = r.u8("descriptor size")?;
        size = size << 7 | usize::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Ok((tag, r.sub(size, "descriptor")?))
}

fn expect_tag(r: &mut Reader<'_>, found: u8, expected: u8) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Invalid {
        field: "descriptor tag",
        value: found.into(),
        offset: r.offset() as u64,
    })
}

fn remaining(r: &mut Reader<'_>) -> Result<Vec<Descriptor>, Error> {
    let mut descriptors = Vec::new();
    while !r.is_empty() {
        let (tag, body) = descriptor(r)?;
        descriptors.push(Descriptor {
            tag,
            data: Bytes::copy_from_slice(body.peek()),
        });
    }
    Ok(descriptors)
}

/// Bytes of a descriptor whose body has `len` bytes. The size is written as short as it can be.
const fn descriptor_len(len: usize) -> usize {
    let size_len = match len {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        _ => 4,
    };
    len.saturating_add(1 + size_len)
}

fn put_descriptor(w: &mut Writer<'_>, tag: u8, len: usize) -> Result<(), Error> {
    const MAX: u32 = (1 << 28) - 1;
    let too_long = wire::TooLong {
        what: "descriptor",
        value: len as u64,
        max: MAX.into(),
    };
    let size = u32::try_from(len)
        .ok()
        .filter(|size| *size <= MAX)
        .ok_or(too_long)?;
    w.u8(tag);
    let mut started = false;
    for shift in [21, 14, 7, 0] {
        let [.., bits] = (size >> shift & 0x7F).to_be_bytes();
        started |= bits != 0 || shift == 0;
        if started {
            w.u8(if shift == 0 { bits } else { bits | 0x80 });
        }
    }
    Ok(())
}

fn put_all(w: &mut Writer<'_>, descriptors: &[Descriptor]) -> Result<(), Error> {
    for descriptor in descriptors {
        put_descriptor(w, descriptor.tag, descriptor.data.len())?;
        w.bytes(&descriptor.data);
    }
    Ok(())
}

fn all_len(descriptors: &[Descriptor]) -> usize {
    descriptors
        .iter()
        .map(|descriptor| descriptor_len(descriptor.data.len()))
        .fold(0, usize::saturating_add)
}

impl DecoderConfigDescriptor {
    fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let object_type_indication = r.u8("objectTypeIndication")?;
        let stream_type = r.u8("streamType")? >> 2;
        let buffer_size_db = r.u24("bufferSizeDB")?;
        let max_bitrate = r.u32("maxBitrate")?;
        let avg_bitrate = r.u32("avgBitrate")?;
        let mut descriptors = remaining(r)?.into_iter().peekable();
        let info = descriptors.next_if(|descriptor| descriptor.tag == DEC_SPECIFIC_INFO_TAG);
        Ok(Self {
            object_type_indication,
            stream_type,
            buffer_size_db,
            max_bitrate,
            avg_bitrate,
            decoder_specific_info: info.map(|info| info.data),
            descriptors: descriptors.collect(),
        })
    }

    fn put(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_descriptor(w, DECODER_CONFIG_DESCR_TAG, self.len())?;
        w.u8(self.object_type_indication)
            .u8(self.stream_type << 2 | 1);
        w.u24("bufferSizeDB", self.buffer_size_db)?;
        w.u32(self.max_bitrate).u32(self.avg_bitrate);
        if let Some(info) = &self.decoder_specific_info {
            put_descriptor(w, DEC_SPECIFIC_INFO_TAG, info.len())?;
            w.bytes(info);
        }
        put_all(w, &self.descriptors)
    }

    fn len(&self) -> usize {
        let info = self
            .decoder_specific_info
            .as_ref()
            .map_or(0, |info| descriptor_len(info.len()));
        13usize
            .saturating_add(info)
            .saturating_add(all_len(&self.descriptors))
    }
}

impl Esds {
    fn descriptor_body_len(&self) -> usize {
        3usize
            .saturating_add(descriptor_len(self.decoder_config.len()))
            .saturating_add(all_len(&self.descriptors))
    }
}

impl IsoBox for Esds {
    const TYPE: FourCc = FourCc(*b"esds");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        version_and_flags(r)?;
        let (tag, mut r) = descriptor(r)?;
        expect_tag(&mut r, tag, ES_DESCR_TAG)?;
        let es_id = r.u16("ES_ID")?;
        let flags = r.u8("stream flags")?;
        if flags & STREAM_DEPENDENCE != 0 {
            r.skip(2, "dependsOn_ES_ID")?;
        }
        if flags & URL != 0 {
            let len = r.u8("URLlength")?;
            r.skip(len.into(), "URLstring")?;
        }
        if flags & OCR_STREAM != 0 {
            r.skip(2, "OCR_ES_Id")?;
        }
        let (tag, mut config) = descriptor(&mut r)?;
        expect_tag(&mut config, tag, DECODER_CONFIG_DESCR_TAG)?;
        Ok(Self {
            es_id,
            stream_priority: flags & 0x1F,
            decoder_config: DecoderConfigDescriptor::decode(&mut config)?,
            descriptors: remaining(&mut r)?,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, 0, 0);
        put_descriptor(w, ES_DESCR_TAG, self.descriptor_body_len())?;
        w.u16(self.es_id).u8(self.stream_priority & 0x1F);
        self.decoder_config.put(w)?;
        put_all(w, &self.descriptors)
    }

    fn body_len(&self) -> usize {
        descriptor_len(self.descriptor_body_len()).saturating_add(4)
    }
}
