use crate::Error;
use crate::pes::{self, PStdBuffer, StreamId};
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// The header of a packet of either standard, as far as a demuxer needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketHeader {
    /// `stream_id`, 8 bits.
    pub stream_id: StreamId,
    /// `stream_id_extension`, 7 bits, of the streams with id 0xFD.
    pub stream_id_extension: Option<u8>,
    /// Presentation time, 33 bits of 90 kHz.
    pub pts: Option<u64>,
    /// Decoding time, where it is another.
    pub dts: Option<u64>,
    /// Size of the decoder's buffer, where it is told.
    pub p_std_buffer: Option<PStdBuffer>,
    /// `data_alignment_indicator` of MPEG-2.
    pub data_alignment_indicator: bool,
    /// `PES_scrambling_control` of MPEG-2 is not 0.
    pub scrambled: bool,
}

impl PacketHeader {
    /// Reads the header of a whole packet, from its start code on, and stops at the data: by ISO/IEC 13818-1 if the bits `10` are there,
    /// or else by ISO/IEC 11172-1.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early, [`Error::Invalid`] where it is of neither standard.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let mut ahead = *r;
        ahead.skip(pes::FIXED_LEN, "PES_packet_length")?;
        if ahead.peek().first().is_some_and(|first| first >> 6 != 2) {
            return Mpeg1Header::decode(r).map(Self::from);
        }
        let header = pes::Header::decode(r)?;
        let fields = header.fields.unwrap_or_default();
        Ok(Self {
            stream_id: header.stream_id,
            stream_id_extension: fields.extension.and_then(|one| one.stream_id_extension()),
            pts: fields.pts,
            dts: fields.dts,
            p_std_buffer: fields.extension.and_then(|one| one.p_std_buffer),
            data_alignment_indicator: fields.data_alignment_indicator,
            scrambled: fields.scrambling != crate::packet::Scrambling::Clear,
        })
    }
}

impl From<Mpeg1Header> for PacketHeader {
    fn from(header: Mpeg1Header) -> Self {
        Self {
            stream_id: header.stream_id,
            stream_id_extension: None,
            pts: header.pts,
            dts: header.dts,
            p_std_buffer: header.std_buffer,
            data_alignment_indicator: false,
            scrambled: false,
        }
    }
}

/// The header of a packet of MPEG-1 (ISO/IEC 11172-1 §2.4.3.3).
///
/// ```text
/// packet_start_code_prefix 24 | stream_id 8 | packet_length 16 | stuffing_byte 0xFF, up to 16
/// '01' | STD_buffer_scale 1 | STD_buffer_size 13, if told
/// '0010' | PTS 36, or '0011' | PTS 36 | '0001' | DTS 36, or 0x0F
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mpeg1Header {
    /// `stream_id`, 8 bits.
    pub stream_id: StreamId,
    /// `packet_length`, 16 bits: bytes after this field.
    pub packet_length: u16,
    /// Bytes of stuffing, at most 16.
    pub stuffing: u8,
    /// `STD_buffer_scale` and `STD_buffer_size`.
    pub std_buffer: Option<PStdBuffer>,
    /// Presentation time, 33 bits of 90 kHz.
    pub pts: Option<u64>,
    /// Decoding time, where it is another. Not there without `pts`.
    pub dts: Option<u64>,
}

impl Mpeg1Header {
    /// Reads the header from its start code on, and stops at the data.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early, [`Error::Invalid`] for other bits than the standard has.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let invalid = |field, value: u64, offset: usize| Error::Invalid {
            field,
            value,
            offset: offset as u64,
        };
        let offset = r.offset();
        let prefix = r.u24("packet_start_code_prefix")?;
        if prefix != 1 {
            return Err(invalid("packet_start_code_prefix", prefix.into(), offset));
        }
        let stream_id = StreamId(r.u8("stream_id")?);
        let packet_length = r.u16("packet_length")?;
        let mut header = Self {
            stream_id,
            packet_length,
            stuffing: 0,
            std_buffer: None,
            pts: None,
            dts: None,
        };
        // Padding and private_stream_2 have data at once.
        if !stream_id.has_fields() {
            return Ok(header);
        }
        while r.peek().first() == Some(&0xFF) {
            r.skip(1, "stuffing_byte")?;
            header.stuffing = header.stuffing.saturating_add(1);
        }
        if r.peek().first().is_some_and(|first| first >> 6 == 1) {
            header.std_buffer = Some(PStdBuffer::from_bits(r.u16("STD_buffer_size")?));
        }
        let offset = r.offset();
        match r.peek().first().map_or(0x0F, |first| first >> 4) {
            2 => header.pts = Some(crate::stamp::read(r.array("PTS")?)),
            3 => {
                header.pts = Some(crate::stamp::read(r.array("PTS")?));
                header.dts = Some(crate::stamp::read(r.array("DTS")?));
            }
            _ => match r.u8("packet header flags")? {
                0x0F => {}
                value => return Err(invalid("packet header flags", value.into(), offset)),
            },
        }
        Ok(header)
    }

    /// Bytes of the header.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let stamps = match (self.pts, self.dts) {
            (Some(_), Some(_)) => 10,
            (Some(_), None) => 5,
            _ => 1,
        };
        let fields = usize::from(self.stuffing) + 2 * usize::from(self.std_buffer.is_some());
        pes::FIXED_LEN
            + if self.stream_id.has_fields() {
                fields + stamps
            } else {
                0
            }
    }

    /// Appends the header.
    ///
    /// # Errors
    /// [`Error::TooLong`] where a value does not fit its field, [`Error::State`] for a DTS without a PTS.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        use crate::clock::WRAP;
        use crate::psi::fits;
        let mut w = Writer::new(out);
        w.bytes(&pes::START_CODE_PREFIX)
            .u8(self.stream_id.0)
            .u16(self.packet_length);
        if !self.stream_id.has_fields() {
            return Ok(());
        }
        for _ in 0..fits("stuffing_byte", self.stuffing, 16)? {
            w.u8(0xFF);
        }
        if let Some(buffer) = self.std_buffer {
            fits("STD_buffer_size", buffer.size, 0x1FFF)?;
            w.u16(buffer.bits());
        }
        let stamp = |w: &mut Writer<'_>, prefix, what, stamp| {
            w.bytes(&crate::stamp::bytes(prefix, fits(what, stamp, WRAP - 1)?));
            Ok::<(), Error>(())
        };
        match (self.pts, self.dts) {
            (Some(pts), Some(dts)) => {
                stamp(&mut w, 3, "PTS", pts)?;
                stamp(&mut w, 1, "DTS", dts)?;
            }
            (Some(pts), None) => stamp(&mut w, 2, "PTS", pts)?,
            (None, None) => {
                w.u8(0x0F);
            }
            (None, Some(_)) => return Err(Error::State("a DTS needs a PTS")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn headers_of_both_standards() {
        let mpeg1 = [
            0, 0, 1, 0xE0, 0, 9, 0xFF, 0x60, 0x2E, 0x21, 0, 5, 0xBF, 0x21, 9,
        ];
        let mut r = Reader::new(&mpeg1);
        let header = PacketHeader::decode(&mut r).unwrap();
        assert_eq!(header.pts, Some(90_000));
        assert_eq!(header.p_std_buffer.map(PStdBuffer::bytes), Some(46 * 1024));
        assert_eq!(r.peek(), [9]);

        let mpeg2 = [
            0, 0, 1, 0xE0, 0, 9, 0x84, 0x80, 5, 0x21, 0, 5, 0xBF, 0x21, 9,
        ];
        let mut r = Reader::new(&mpeg2);
        let header = PacketHeader::decode(&mut r).unwrap();
        assert_eq!(
            (header.pts, header.data_alignment_indicator),
            (Some(90_000), true)
        );
        assert_eq!(r.peek(), [9]);

        let neither = [0, 0, 1, 0xE0, 0, 2, 0x11, 0];
        assert!(matches!(
            PacketHeader::decode(&mut Reader::new(&neither)),
            Err(Error::Invalid {
                value: 0x11,
                offset: 6,
                ..
            })
        ));
    }

    proptest! {
        #[test]
        fn headers_of_mpeg1_round_trip(
            id in 0xBDu8..=0xFF, packet_length: u16, stuffing in 0u8..=16, size in proptest::option::of(0u16..1 << 13),
            scale: bool, pts in proptest::option::of(0u64..1 << 33), dts in proptest::option::of(0u64..1 << 33),
        ) {
            let stream_id = StreamId(id);
            let fields = stream_id.has_fields();
            let header = Mpeg1Header {
                stream_id,
                packet_length,
                stuffing: if fields { stuffing } else { 0 },
                std_buffer: size.filter(|_| fields).map(|size| PStdBuffer { scale, size }),
                pts: pts.filter(|_| fields),
                dts: dts.filter(|_| fields && pts.is_some()),
            };
            let mut out = Vec::new();
            header.encode(&mut out).unwrap();
            prop_assert_eq!(out.len(), header.encoded_len());
            let mut r = Reader::new(&out);
            prop_assert_eq!(Mpeg1Header::decode(&mut r).unwrap(), header);
            prop_assert!(r.is_empty());
        }
    }
}
