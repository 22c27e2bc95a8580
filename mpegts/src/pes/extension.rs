use crate::adaptation::fits;
use wire::{LengthOf, Reader, Short, TooLong, Writer};

/// `PES_extension`.
///
/// ```text
/// PES_private_data_flag pack_header_field_flag program_packet_sequence_counter_flag P-STD_buffer_flag
/// reserved                            3
/// PES_extension_flag_2                1
/// PES_private_data                  128
/// pack_field_length                   8   and a pack header
/// program_packet_sequence_counter    16
/// P-STD_buffer                       16
/// PES_extension_field_length          8   and the field, which begins with stream_id_extension
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extension<'a> {
    /// Bytes that this standard says nothing of.
    pub private_data: Option<&'a [u8; 16]>,
    /// A pack header of a program stream or of ISO/IEC 11172-1.
    pub pack_header: Option<&'a [u8]>,
    /// Counts the packets of a program.
    pub program_packet_sequence: Option<PacketSequence>,
    /// Size of the decoder's buffer.
    pub p_std_buffer: Option<PStdBuffer>,
    /// `PES_extension_field` after its length, 7 bits.
    pub extension_field: Option<&'a [u8]>,
}

/// Counts the packets of a program, as in a CD-ROM's sectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketSequence {
    /// `program_packet_sequence_counter`, 7 bits.
    pub counter: u8,
    /// `MPEG1_MPEG2_identifier`: made from an ISO/IEC 11172-1 stream.
    pub is_mpeg1: bool,
    /// `original_stuff_length`, 6 bits.
    pub original_stuff_length: u8,
}

/// `P-STD_buffer`: how large the buffer of the system target decoder has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PStdBuffer {
    /// `P-STD_buffer_scale`: units of 1024 bytes, not of 128.
    pub scale: bool,
    /// `P-STD_buffer_size`, 13 bits, in these units.
    pub size: u16,
}

impl PStdBuffer {
    /// From the two bytes, the prefix `01` not looked at.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self {
            scale: bits & 0x2000 != 0,
            size: bits & 0x1FFF,
        }
    }

    /// The two bytes, with the prefix `01`.
    #[must_use]
    pub const fn bits(self) -> u16 {
        0x4000 | (self.scale as u16) << 13 | self.size & 0x1FFF
    }

    /// In bytes.
    #[must_use]
    pub fn bytes(self) -> u32 {
        u32::from(self.size) * if self.scale { 1024 } else { 128 }
    }
}

impl<'a> Extension<'a> {
    /// `stream_id_extension`, 7 bits, for streams of [`EXTENDED`](crate::pes::StreamId::EXTENDED); `None` where the field has
    /// none.
    #[must_use]
    pub const fn stream_id_extension(&self) -> Option<u8> {
        match self.extension_field {
            Some(&[byte @ 0..=0x7F, ..]) => Some(byte),
            _ => None,
        }
    }

    pub(super) fn decode(r: &mut Reader<'a>) -> Result<Self, Short> {
        let flags = r.u8("PES_extension flags")?;
        Ok(Self {
            private_data: (flags & 0x80 != 0)
                .then(|| r.array("PES_private_data"))
                .transpose()?,
            pack_header: (flags & 0x40 != 0)
                .then(|| {
                    let len = r.u8("pack_field_length")?;
                    r.take(len.into(), "pack_header")
                })
                .transpose()?,
            program_packet_sequence: (flags & 0x20 != 0)
                .then(|| {
                    let &[counter, rest] = r.array("program_packet_sequence_counter")?;
                    Ok::<_, Short>(PacketSequence {
                        counter: counter & 0x7F,
                        is_mpeg1: rest & 0x40 != 0,
                        original_stuff_length: rest & 0x3F,
                    })
                })
                .transpose()?,
            p_std_buffer: (flags & 0x10 != 0)
                .then(|| r.u16("P-STD_buffer").map(PStdBuffer::from_bits))
                .transpose()?,
            extension_field: (flags & 0x01 != 0)
                .then(|| {
                    let len = r.u8("PES_extension_field_length")? & 0x7F;
                    r.take(len.into(), "PES_extension_field")
                })
                .transpose()?,
        })
    }

    pub(super) fn encoded_len(&self) -> usize {
        let present = |is: bool, len: usize| if is { len } else { 0 };
        let sized = |bytes: Option<&[u8]>| bytes.map_or(0, |bytes| bytes.len().saturating_add(1));
        [
            1,
            present(self.private_data.is_some(), 16),
            sized(self.pack_header),
            present(self.program_packet_sequence.is_some(), 2),
            present(self.p_std_buffer.is_some(), 2),
            sized(self.extension_field),
        ]
        .into_iter()
        .fold(0, usize::saturating_add)
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) -> Result<(), TooLong> {
        w.u8(u8::from(self.private_data.is_some()) << 7
            | u8::from(self.pack_header.is_some()) << 6
            | u8::from(self.program_packet_sequence.is_some()) << 5
            | u8::from(self.p_std_buffer.is_some()) << 4
            | 0x0E
            | u8::from(self.extension_field.is_some()));
        if let Some(data) = self.private_data {
            w.bytes(data);
        }
        if let Some(pack) = self.pack_header {
            w.sized_u8::<TooLong>("pack_field_length", LengthOf::Body, |w| {
                w.bytes(pack);
                Ok(())
            })?;
        }
        if let Some(sequence) = self.program_packet_sequence {
            fits(
                "program_packet_sequence_counter",
                sequence.counter.into(),
                0x7F,
            )?;
            fits(
                "original_stuff_length",
                sequence.original_stuff_length.into(),
                0x3F,
            )?;
            w.u8(0x80 | sequence.counter)
                .u8(0x80 | u8::from(sequence.is_mpeg1) << 6 | sequence.original_stuff_length);
        }
        if let Some(buffer) = self.p_std_buffer {
            fits("P-STD_buffer_size", buffer.size.into(), 0x1FFF)?;
            w.u16(buffer.bits());
        }
        if let Some(field) = self.extension_field {
            fits("PES_extension_field_length", field.len() as u64, 0x7F)?;
            let [.., len] = field.len().to_be_bytes();
            w.u8(0x80 | len).bytes(field);
        }
        Ok(())
    }
}
