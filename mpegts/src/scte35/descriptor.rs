use super::segmentation::SegmentationDescriptor;
use crate::Error;
use crate::psi::{fits, too_long};
use alloc::vec::Vec;
use wire::{LengthOf, Reader, Writer};

/// `splice_descriptor` (ANSI/SCTE 35 §10.2).
///
/// ```text
/// splice_descriptor_tag 8 | descriptor_length 8 | identifier 32 ("CUEI") | content
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpliceDescriptor {
    /// `avail_descriptor`, tag 0x00 (§10.3.1).
    Avail {
        /// `provider_avail_id`, 32 bits.
        provider_avail_id: u32,
    },
    /// `DTMF_descriptor`, tag 0x01 (§10.3.2).
    Dtmf(DtmfDescriptor),
    /// `segmentation_descriptor`, tag 0x02 (§10.3.3).
    Segmentation(SegmentationDescriptor),
    /// `time_descriptor`, tag 0x03 (§10.3.4).
    Time(TimeDescriptor),
    /// `audio_descriptor`, tag 0x04 (§10.3.5).
    Audio(Vec<AudioComponent>),
    /// Of another tag or identifier, or damaged.
    Other {
        /// `splice_descriptor_tag`, 8 bits.
        splice_descriptor_tag: u8,
        /// What follows `descriptor_length`, `identifier` included.
        data: Vec<u8>,
    },
}

/// `DTMF_descriptor`: tones that older equipment wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DtmfDescriptor {
    /// `preroll`, 8 bits: tenths of a second from the last tone to the splice.
    pub preroll: u8,
    /// `DTMF_char`, at most 7: digits, `*` and `#` in ASCII.
    pub dtmf_chars: Vec<u8>,
}

/// `time_descriptor`: the clock on the wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeDescriptor {
    /// `TAI_seconds`, 48 bits: since 1970-01-01 00:00:00 TAI, as PTP counts.
    pub tai_seconds: u64,
    /// `TAI_ns`, 32 bits.
    pub tai_ns: u32,
    /// `UTC_offset`, 16 bits: seconds to take from TAI to have UTC.
    pub utc_offset: u16,
}

/// One component of an `audio_descriptor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioComponent {
    /// `component_tag`, 8 bits; 0xFF: not told.
    pub component_tag: u8,
    /// `ISO_code`, 24 bits: three letters.
    pub iso_code: [u8; 3],
    /// `Bit_Stream_Mode`, 3 bits, as AC-3's `bsmod`.
    pub bit_stream_mode: u8,
    /// `Num_Channels`, 4 bits, as AC-3's descriptor of ATSC has it.
    pub num_channels: u8,
    /// `Full_Srvc_Audio`.
    pub full_srvc_audio: bool,
}

/// `identifier` of the descriptors of the standard.
const CUEI: [u8; 4] = *b"CUEI";

impl SpliceDescriptor {
    /// Reads the descriptor at the front; one that cannot be read is kept as bytes.
    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let splice_descriptor_tag = r.u8("splice_descriptor_tag")?;
        let length = r.u8("descriptor_length")?;
        let body = r.sub(length.into(), "splice_descriptor")?;
        let typed = Self::decode_body(splice_descriptor_tag, body);
        Ok(typed.unwrap_or_else(|| SpliceDescriptor::Other {
            splice_descriptor_tag,
            data: body.peek().to_vec(),
        }))
    }

    fn decode_body(tag: u8, mut r: Reader<'_>) -> Option<Self> {
        let r = &mut r;
        if *r.array("identifier").ok()? != CUEI {
            return None;
        }
        let typed = match tag {
            0 => SpliceDescriptor::Avail {
                provider_avail_id: r.u32("provider_avail_id").ok()?,
            },
            1 => {
                let [preroll, count] = *r.array("preroll").ok()?;
                let dtmf_chars = r.take(usize::from(count >> 5), "DTMF_char").ok()?.to_vec();
                SpliceDescriptor::Dtmf(DtmfDescriptor {
                    preroll,
                    dtmf_chars,
                })
            }
            2 => SpliceDescriptor::Segmentation(SegmentationDescriptor::decode(r).ok()?),
            3 => SpliceDescriptor::Time(TimeDescriptor {
                tai_seconds: r.u48("TAI_seconds").ok()?,
                tai_ns: r.u32("TAI_ns").ok()?,
                utc_offset: r.u16("UTC_offset").ok()?,
            }),
            4 => {
                let count = r.u8("audio_count").ok()? >> 4;
                let components = (0..count).map(|_| AudioComponent::decode(r));
                SpliceDescriptor::Audio(components.collect::<Option<_>>()?)
            }
            _ => return None,
        };
        r.is_empty().then_some(typed)
    }

    pub(super) fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        let tag = match self {
            SpliceDescriptor::Avail { .. } => 0,
            SpliceDescriptor::Dtmf(_) => 1,
            SpliceDescriptor::Segmentation(_) => 2,
            SpliceDescriptor::Time(_) => 3,
            SpliceDescriptor::Audio(_) => 4,
            SpliceDescriptor::Other {
                splice_descriptor_tag,
                ..
            } => *splice_descriptor_tag,
        };
        w.u8(tag)
            .sized_u8("descriptor_length", LengthOf::Body, |w| self.encode_body(w))?;
        Ok(())
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        if !matches!(self, SpliceDescriptor::Other { .. }) {
            w.bytes(&CUEI);
        }
        match self {
            SpliceDescriptor::Avail { provider_avail_id } => {
                w.u32(*provider_avail_id);
            }
            SpliceDescriptor::Dtmf(dtmf) => {
                let count = small_count("dtmf_count", dtmf.dtmf_chars.len(), 7)?;
                w.u8(dtmf.preroll)
                    .u8(count << 5 | 0x1F)
                    .bytes(&dtmf.dtmf_chars);
            }
            SpliceDescriptor::Segmentation(segmentation) => segmentation.encode(w)?,
            SpliceDescriptor::Time(time) => {
                let [_, _, seconds @ ..] =
                    fits("TAI_seconds", time.tai_seconds, (1 << 48) - 1)?.to_be_bytes();
                w.bytes(&seconds).u32(time.tai_ns).u16(time.utc_offset);
            }
            SpliceDescriptor::Audio(components) => {
                let count = small_count("audio_count", components.len(), 0xF)?;
                w.u8(count << 4 | 0xF);
                components.iter().try_for_each(|one| one.encode(w))?;
            }
            SpliceDescriptor::Other { data, .. } => {
                w.bytes(data);
            }
        }
        Ok(())
    }
}

/// A count of at most `max`.
fn small_count(what: &'static str, count: usize, max: u8) -> Result<u8, Error> {
    match u8::try_from(count) {
        Ok(count) if count <= max => Ok(count),
        _ => Err(too_long(what, count as u64, max.into())),
    }
}

impl AudioComponent {
    fn decode(r: &mut Reader<'_>) -> Option<Self> {
        let component_tag = r.u8("component_tag").ok()?;
        let iso_code = *r.array("ISO_code").ok()?;
        let bits = r.u8("Bit_Stream_Mode").ok()?;
        Some(Self {
            component_tag,
            iso_code,
            bit_stream_mode: bits >> 5,
            num_channels: bits >> 1 & 0xF,
            full_srvc_audio: bits & 1 != 0,
        })
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        let mode = fits("Bit_Stream_Mode", self.bit_stream_mode, 7)?;
        let channels = fits("Num_Channels", self.num_channels, 0xF)?;
        w.u8(self.component_tag)
            .bytes(&self.iso_code)
            .u8(mode << 5 | channels << 1 | u8::from(self.full_srvc_audio));
        Ok(())
    }
}
