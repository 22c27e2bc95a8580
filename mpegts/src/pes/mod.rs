//! Packets of elementary streams, PES (ISO/IEC 13818-1 §2.4.3.6, §2.4.3.7), of transport and program streams alike.
//!
//! ```text
//! packet_start_code_prefix   24   0x000001
//! stream_id                   8
//! PES_packet_length          16   bytes after this field; 0: not told (video in transport streams)
//!                                 what follows is not there for some values of stream_id
//! '10'                        2
//! PES_scrambling_control      2
//! PES_priority data_alignment_indicator copyright original_or_copy
//! PTS_DTS_flags               2
//! ESCR_flag ES_rate_flag DSM_trick_mode_flag additional_copy_info_flag PES_CRC_flag PES_extension_flag
//! PES_header_data_length      8   bytes of optional fields and stuffing that follow
//! PTS                        40   if PTS_DTS_flags is 2 or 3
//! DTS                        40   if PTS_DTS_flags is 3
//! ESCR 48, ES_rate 24, trick_mode 8, additional_copy_info 8, previous_PES_packet_CRC 16, PES_extension
//! stuffing_byte                   0xFF
//! PES_packet_data_byte
//! ```

mod extension;
mod stream_id;
mod trick;

pub use extension::{Extension, PStdBuffer, PacketSequence};
pub use stream_id::StreamId;
pub use trick::TrickMode;

use crate::Error;
use crate::adaptation::fits;
use crate::clock::{Pcr, WRAP};
use crate::packet::Scrambling;
use crate::stamp;
use alloc::vec::Vec;
use wire::{Reader, TooLong, Writer};

/// The three bytes that every PES packet begins with.
pub const START_CODE_PREFIX: [u8; 3] = [0, 0, 1];

/// Bytes up to and with `PES_packet_length`.
pub const FIXED_LEN: usize = 6;

/// The header of a PES packet.
///
/// ```
/// use fluvial_mpegts::pes::{Fields, Header, StreamId};
///
/// let fields = Fields { pts: Some(90_000), ..Fields::default() };
/// let mut header = Header::with_fields(StreamId::video(0), fields);
/// header.set_data_len(100)?;
/// let mut bytes = Vec::new();
/// header.encode(&mut bytes)?;
/// assert_eq!(bytes, [0, 0, 1, 0xE0, 0, 108, 0x80, 0x80, 5, 0x21, 0, 5, 0xBF, 0x21]);
///
/// let (read, len) = Header::parse(&bytes)?;
/// assert_eq!((read, len), (header, bytes.len()));
/// # Ok::<(), fluvial_mpegts::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// What kind of stream it is of.
    pub stream_id: StreamId,
    /// `PES_packet_length`, 16 bits: bytes after this field; 0 where it is not told.
    pub packet_length: u16,
    /// All that follows; `None` for the kinds of stream that have it not.
    pub fields: Option<Fields<'a>>,
}

/// The fields of a PES header after its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fields<'a> {
    /// How the data is scrambled.
    pub scrambling: Scrambling,
    /// More important than others of the stream.
    pub priority: bool,
    /// The data begins with what the data stream alignment descriptor says, an access unit by default.
    pub data_alignment_indicator: bool,
    /// Protected by copyright.
    pub copyright: bool,
    /// An original, not a copy.
    pub original_or_copy: bool,
    /// Presentation time of the first access unit that begins in the data, 33 bits: 90 kHz.
    pub pts: Option<u64>,
    /// Decoding time, where it is another: 33 bits, 90 kHz. Not there without `pts`.
    pub dts: Option<u64>,
    /// Elementary stream clock reference.
    pub escr: Option<Pcr>,
    /// `ES_rate`, 22 bits: in units of 50 bytes per second.
    pub es_rate: Option<u32>,
    /// How video is played faster or slower.
    pub trick_mode: Option<TrickMode>,
    /// `additional_copy_info`, 7 bits.
    pub additional_copy_info: Option<u8>,
    /// `previous_PES_packet_CRC`: over the data of the packet before.
    pub previous_crc: Option<u16>,
    /// What came later to the standard.
    pub extension: Option<Extension<'a>>,
    /// Bytes of stuffing after all these, at most 32.
    pub stuffing: u8,
}

impl Default for Fields<'_> {
    fn default() -> Self {
        Self {
            scrambling: Scrambling::Clear,
            priority: false,
            data_alignment_indicator: false,
            copyright: false,
            original_or_copy: false,
            pts: None,
            dts: None,
            escr: None,
            es_rate: None,
            trick_mode: None,
            additional_copy_info: None,
            previous_crc: None,
            extension: None,
            stuffing: 0,
        }
    }
}

impl<'a> Header<'a> {
    /// A header with these fields, its length not told.
    #[must_use]
    pub const fn with_fields(stream_id: StreamId, fields: Fields<'a>) -> Self {
        Self {
            stream_id,
            packet_length: 0,
            fields: Some(fields),
        }
    }

    /// Reads a header at the start of some bytes; tells its length too.
    ///
    /// What is damaged behind the time stamps does not make them unreadable: a header whose optional fields do not fit
    /// `PES_header_data_length` is read as far as they do.
    ///
    /// # Errors
    /// [`Error::Short`] where the header is not whole, [`Error::Invalid`] for another prefix, or where the bits `10` are
    /// missing.
    pub fn parse(data: &'a [u8]) -> Result<(Self, usize), Error> {
        let mut r = Reader::new(data);
        let header = Self::decode(&mut r)?;
        Ok((header, r.offset()))
    }

    /// Reads a header, and stops at the data. See [`parse`](Self::parse).
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn decode(r: &mut Reader<'a>) -> Result<Self, Error> {
        let start = r.offset() as u64;
        let prefix = r.u24("packet_start_code_prefix")?;
        if prefix != 1 {
            return Err(Error::Invalid {
                field: "packet_start_code_prefix",
                value: prefix.into(),
                offset: start,
            });
        }
        let stream_id = StreamId(r.u8("stream_id")?);
        let packet_length = r.u16("PES_packet_length")?;
        let fields = stream_id
            .has_fields()
            .then(|| Fields::decode(r))
            .transpose()?;
        Ok(Self {
            stream_id,
            packet_length,
            fields,
        })
    }

    /// Bytes of the whole header.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        FIXED_LEN + self.fields.as_ref().map_or(0, Fields::encoded_len)
    }

    /// Bytes of data that `PES_packet_length` tells; `None` where it tells nothing.
    #[must_use]
    pub fn data_len(&self) -> Option<usize> {
        let after_length = self.encoded_len().saturating_sub(FIXED_LEN);
        (self.packet_length != 0)
            .then(|| usize::from(self.packet_length).saturating_sub(after_length))
    }

    /// Puts the length of the data into `PES_packet_length`.
    ///
    /// # Errors
    /// [`Error::TooLong`] where it does not fit.
    pub fn set_data_len(&mut self, len: usize) -> Result<(), Error> {
        let value = self
            .encoded_len()
            .saturating_sub(FIXED_LEN)
            .saturating_add(len);
        self.packet_length = u16::try_from(value).map_err(|_| TooLong {
            what: "PES_packet_length",
            value: value as u64,
            max: u16::MAX.into(),
        })?;
        Ok(())
    }

    /// Appends the header.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a value that does not fit its field, [`Error::State`] for a DTS without a PTS.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut w = Writer::new(out);
        w.bytes(&START_CODE_PREFIX)
            .u8(self.stream_id.0)
            .u16(self.packet_length);
        match &self.fields {
            Some(fields) => fields.write(&mut w),
            None => Ok(()),
        }
    }
}

impl<'a> Fields<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, Error> {
        let offset = r.offset() as u64;
        let &[first, flags, len] = r.array("PES header flags")?;
        if first >> 6 != 2 {
            return Err(Error::Invalid {
                field: "PES header flags",
                value: first.into(),
                offset,
            });
        }
        let mut body = r.sub(len.into(), "PES_header_data")?;
        let mut fields = Self {
            scrambling: Scrambling::from_bits(first >> 4),
            priority: first & 0x08 != 0,
            data_alignment_indicator: first & 0x04 != 0,
            copyright: first & 0x02 != 0,
            original_or_copy: first & 0x01 != 0,
            ..Self::default()
        };
        // What does not fit stays out, as if it were stuffing; what came before is good.
        let _ = fields.optional(flags, &mut body);
        let left = usize::from(len).saturating_sub(fields.optional_len());
        fields.stuffing = u8::try_from(left).unwrap_or(u8::MAX);
        Ok(fields)
    }

    fn optional(&mut self, flags: u8, r: &mut Reader<'a>) -> Result<(), wire::Short> {
        if flags & 0x80 != 0 {
            self.pts = Some(stamp::read(r.array("PTS")?));
            if flags & 0x40 != 0 {
                self.dts = Some(stamp::read(r.array("DTS")?));
            }
        }
        if flags & 0x20 != 0 {
            self.escr = Some(read_escr(r.array("ESCR")?));
        }
        if flags & 0x10 != 0 {
            self.es_rate = Some(r.u24("ES_rate")? >> 1 & 0x3F_FFFF);
        }
        if flags & 0x08 != 0 {
            self.trick_mode = Some(TrickMode::from_byte(r.u8("trick_mode_control")?));
        }
        if flags & 0x04 != 0 {
            self.additional_copy_info = Some(r.u8("additional_copy_info")? & 0x7F);
        }
        if flags & 0x02 != 0 {
            self.previous_crc = Some(r.u16("previous_PES_packet_CRC")?);
        }
        if flags & 0x01 != 0 {
            self.extension = Some(Extension::decode(r)?);
        }
        Ok(())
    }

    fn optional_len(&self) -> usize {
        let present = |is: bool, len: usize| if is { len } else { 0 };
        present(self.pts.is_some(), 5)
            + present(self.dts.is_some(), 5)
            + present(self.escr.is_some(), 6)
            + present(self.es_rate.is_some(), 3)
            + present(self.trick_mode.is_some(), 1)
            + present(self.additional_copy_info.is_some(), 1)
            + present(self.previous_crc.is_some(), 2)
            + self.extension.as_ref().map_or(0, Extension::encoded_len)
            + usize::from(self.stuffing)
    }

    fn encoded_len(&self) -> usize {
        3 + self.optional_len()
    }

    fn write(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        let len = self.optional_len();
        let pts_dts = match (self.pts, self.dts) {
            (None, None) => 0,
            (Some(_), None) => 2,
            (Some(_), Some(_)) => 3,
            (None, Some(_)) => return Err(Error::State("a DTS needs a PTS beside it")),
        };
        w.u8(0x80
            | self.scrambling.bits() << 4
            | u8::from(self.priority) << 3
            | u8::from(self.data_alignment_indicator) << 2
            | u8::from(self.copyright) << 1
            | u8::from(self.original_or_copy));
        w.u8(pts_dts << 6
            | u8::from(self.escr.is_some()) << 5
            | u8::from(self.es_rate.is_some()) << 4
            | u8::from(self.trick_mode.is_some()) << 3
            | u8::from(self.additional_copy_info.is_some()) << 2
            | u8::from(self.previous_crc.is_some()) << 1
            | u8::from(self.extension.is_some()));
        w.u8(u8::try_from(len).map_err(|_| TooLong {
            what: "PES_header_data_length",
            value: len as u64,
            max: u8::MAX.into(),
        })?);
        if let Some(pts) = self.pts {
            fits("PTS", pts, WRAP - 1)?;
            w.bytes(&stamp::bytes(pts_dts, pts));
        }
        if let Some(dts) = self.dts {
            fits("DTS", dts, WRAP - 1)?;
            w.bytes(&stamp::bytes(1, dts));
        }
        if let Some(escr) = self.escr {
            fits("ESCR_base", escr.base, WRAP - 1)?;
            fits("ESCR_extension", escr.extension.into(), 0x1FF)?;
            w.bytes(&escr_bytes(escr));
        }
        if let Some(rate) = self.es_rate {
            fits("ES_rate", rate.into(), 0x3F_FFFF)?;
            w.u24("ES_rate", 0x80_0001 | rate << 1)?;
        }
        if let Some(mode) = self.trick_mode {
            w.u8(mode.to_byte());
        }
        if let Some(info) = self.additional_copy_info {
            fits("additional_copy_info", info.into(), 0x7F)?;
            w.u8(0x80 | info);
        }
        if let Some(crc) = self.previous_crc {
            w.u16(crc);
        }
        if let Some(extension) = &self.extension {
            extension.write(w)?;
        }
        for _ in 0..self.stuffing {
            w.u8(0xFF);
        }
        Ok(())
    }
}

/// Reads an elementary stream clock reference: a time stamp whose parts lie two bits later, then 9 bits of extension.
const fn read_escr(bytes: &[u8; 6]) -> Pcr {
    let [a, b, c, d, e, f] = *bytes;
    let bits = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
    let base = (bits >> 43 & 7) << 30 | (bits >> 27 & 0x7FFF) << 15 | bits >> 11 & 0x7FFF;
    let [.., high, low] = (bits >> 1 & 0x1FF).to_be_bytes();
    Pcr {
        base,
        extension: u16::from_be_bytes([high, low]),
    }
}

const fn escr_bytes(escr: Pcr) -> [u8; 6] {
    let base = escr.base;
    let bits = 3 << 46
        | (base >> 30 & 7) << 43
        | 1 << 42
        | (base >> 15 & 0x7FFF) << 27
        | 1 << 26
        | (base & 0x7FFF) << 11
        | 1 << 10
        | (escr.extension as u64) << 1
        | 1;
    let [.., a, b, c, d, e, f] = bits.to_be_bytes();
    [a, b, c, d, e, f]
}

#[cfg(test)]
mod tests;
