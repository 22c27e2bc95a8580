//! Metadata and where they are: descriptors of ISO/IEC 13818-1 §2.6.56 to §2.6.62.

use super::field::{Field, counted, described, put_counted, put_u22, u22};
use crate::Error;
use crate::psi::fits;
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// `metadata_application_format` and `metadata_format`, with the identifiers that some values of them bring along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetadataFormat {
    /// `metadata_application_format`, 16 bits.
    pub application_format: u16,
    /// `metadata_application_format_identifier`, 32 bits: there where `application_format` is 0xFFFF.
    pub application_format_identifier: Option<[u8; 4]>,
    /// `metadata_format`, 8 bits.
    pub format: u8,
    /// `metadata_format_identifier`, 32 bits: there where `format` is 0xFF.
    pub format_identifier: Option<[u8; 4]>,
}

impl MetadataFormat {
    /// Timed ID3 tags, as HLS has them.
    pub const ID3: Self = Self::registered(*b"ID3 ");
    /// KLV metadata of MISB ST 1402, with or without synchronisation.
    pub const KLV: Self = Self {
        application_format: 0x0100,
        application_format_identifier: None,
        format: 0xFF,
        format_identifier: Some(*b"KLVA"),
    };

    /// A format that both identifiers name.
    #[must_use]
    pub const fn registered(identifier: [u8; 4]) -> Self {
        Self {
            application_format: 0xFFFF,
            application_format_identifier: Some(identifier),
            format: 0xFF,
            format_identifier: Some(identifier),
        }
    }
}

impl Field for MetadataFormat {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        let identifier = |there: bool, r: &mut Reader<'_>, what| {
            there.then(|| r.array(what).copied()).transpose()
        };
        let application_format = r.u16("metadata_application_format")?;
        let application_format_identifier = identifier(
            application_format == 0xFFFF,
            r,
            "metadata_application_format_identifier",
        )?;
        let format = r.u8("metadata_format")?;
        Ok(Self {
            application_format,
            application_format_identifier,
            format,
            format_identifier: identifier(format == 0xFF, r, "metadata_format_identifier")?,
        })
    }

    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        let put = |w: &mut Writer<'_>, field, value: u64, needed, identifier: Option<[u8; 4]>| {
            if needed != identifier.is_some() {
                let offset = w.len() as u64;
                return Err(Error::Invalid {
                    field,
                    value,
                    offset,
                });
            }
            if let Some(identifier) = identifier {
                w.bytes(&identifier);
            }
            Ok(())
        };
        w.u16(self.application_format);
        put(
            w,
            "metadata_application_format",
            self.application_format.into(),
            self.application_format == 0xFFFF,
            self.application_format_identifier,
        )?;
        w.u8(self.format);
        put(
            w,
            "metadata_format",
            self.format.into(),
            self.format == 0xFF,
            self.format_identifier,
        )
    }
}

/// `metadata_pointer_descriptor` (§2.6.58): which metadata go with a program or stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataPointer {
    /// What the metadata are.
    pub format: MetadataFormat,
    /// `metadata_service_id`, 8 bits.
    pub metadata_service_id: u8,
    /// `metadata_locator_record_byte`, where `metadata_locator_record_flag` is 1.
    pub metadata_locator_record: Option<Vec<u8>>,
    /// `MPEG_carriage_flags`, 2 bits: 0 this transport stream, 1 another, 2 a program stream, 3 elsewhere.
    pub mpeg_carriage_flags: u8,
    /// `program_number`, 16 bits: there unless the flags are 3.
    pub program_number: u16,
    /// `transport_stream_location` and `transport_stream_id`, 16 bits each: there where the flags are 1.
    pub transport_stream: (u16, u16),
    /// `private_data_byte`.
    pub private_data: Vec<u8>,
}

impl Field for MetadataPointer {
    fn get(r: &mut Reader<'_>, what: &'static str) -> Result<Self, Error> {
        let format = MetadataFormat::get(r, what)?;
        let metadata_service_id = r.u8("metadata_service_id")?;
        let flags = r.u8("MPEG_carriage_flags")?;
        let metadata_locator_record = (flags & 0x80 != 0)
            .then(|| counted(r, "metadata_locator_record_length"))
            .transpose()?;
        let mpeg_carriage_flags = flags >> 5 & 3;
        let (mut program_number, mut transport_stream) = (0, (0, 0));
        if mpeg_carriage_flags != 3 {
            program_number = r.u16("program_number")?;
        }
        if mpeg_carriage_flags == 1 {
            transport_stream = (
                r.u16("transport_stream_location")?,
                r.u16("transport_stream_id")?,
            );
        }
        Ok(Self {
            format,
            metadata_service_id,
            metadata_locator_record,
            mpeg_carriage_flags,
            program_number,
            transport_stream,
            private_data: r.rest().to_vec(),
        })
    }

    fn put(&self, w: &mut Writer<'_>, what: &'static str) -> Result<(), Error> {
        self.format.put(w, what)?;
        let carriage = fits("MPEG_carriage_flags", self.mpeg_carriage_flags, 3)?;
        let record = self.metadata_locator_record.as_deref();
        w.u8(self.metadata_service_id)
            .u8(u8::from(record.is_some()) << 7 | carriage << 5 | 0x1F);
        if let Some(record) = record {
            put_counted(w, "metadata_locator_record_length", record)?;
        }
        if carriage != 3 {
            w.u16(self.program_number);
        }
        if carriage == 1 {
            w.u16(self.transport_stream.0).u16(self.transport_stream.1);
        }
        w.bytes(&self.private_data);
        Ok(())
    }
}

described!(MetadataPointer = 0x25);

/// `metadata_descriptor` (§2.6.60): what the metadata in a stream are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// What the metadata are.
    pub format: MetadataFormat,
    /// `metadata_service_id`, 8 bits.
    pub metadata_service_id: u8,
    /// `decoder_config_flags`, 3 bits: what `decoder_config` is (Table 2-87).
    pub decoder_config_flags: u8,
    /// `service_identification_record_byte`, where `DSM-CC_flag` is 1.
    pub service_identification_record: Option<Vec<u8>>,
    /// By the flags: 1 `decoder_config_byte`, 3 `dec_config_identification_record_byte`, 4 the one byte of
    /// `decoder_config_metadata_service_id`, 5 and 6 `reserved_data`; otherwise nothing.
    pub decoder_config: Vec<u8>,
    /// `private_data_byte`.
    pub private_data: Vec<u8>,
}

impl Field for Metadata {
    fn get(r: &mut Reader<'_>, what: &'static str) -> Result<Self, Error> {
        let format = MetadataFormat::get(r, what)?;
        let metadata_service_id = r.u8("metadata_service_id")?;
        let flags = r.u8("decoder_config_flags")?;
        let service_identification_record = (flags & 0x10 != 0)
            .then(|| counted(r, "service_identification_length"))
            .transpose()?;
        let decoder_config_flags = flags >> 5;
        let decoder_config = match decoder_config_flags {
            1 | 3 | 5 | 6 => counted(r, "decoder_config_length")?,
            4 => r.take(1, "decoder_config_metadata_service_id")?.to_vec(),
            _ => Vec::new(),
        };
        Ok(Self {
            format,
            metadata_service_id,
            decoder_config_flags,
            service_identification_record,
            decoder_config,
            private_data: r.rest().to_vec(),
        })
    }

    fn put(&self, w: &mut Writer<'_>, what: &'static str) -> Result<(), Error> {
        self.format.put(w, what)?;
        let flags = fits("decoder_config_flags", self.decoder_config_flags, 7)?;
        let record = self.service_identification_record.as_deref();
        w.u8(self.metadata_service_id)
            .u8(flags << 5 | u8::from(record.is_some()) << 4 | 0x0F);
        if let Some(record) = record {
            put_counted(w, "service_identification_length", record)?;
        }
        match (flags, self.decoder_config.as_slice()) {
            (1 | 3 | 5 | 6, config) => put_counted(w, "decoder_config_length", config)?,
            (4, [id]) => {
                w.u8(*id);
            }
            (0 | 2 | 7, []) => {}
            _ => {
                return Err(Error::Invalid {
                    field: "decoder_config_flags",
                    value: flags.into(),
                    offset: w.len() as u64,
                });
            }
        }
        w.bytes(&self.private_data);
        Ok(())
    }
}

described!(Metadata = 0x26);

/// `metadata_STD_descriptor` (§2.6.62).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetadataStd {
    /// `metadata_input_leak_rate`, 22 bits: 400 bits per second.
    pub metadata_input_leak_rate: u32,
    /// `metadata_buffer_size`, 22 bits: 1024 bytes.
    pub metadata_buffer_size: u32,
    /// `metadata_output_leak_rate`, 22 bits: 400 bits per second.
    pub metadata_output_leak_rate: u32,
}

impl Field for MetadataStd {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        Ok(Self {
            metadata_input_leak_rate: u22(r, "metadata_input_leak_rate")?,
            metadata_buffer_size: u22(r, "metadata_buffer_size")?,
            metadata_output_leak_rate: u22(r, "metadata_output_leak_rate")?,
        })
    }

    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        put_u22(w, "metadata_input_leak_rate", self.metadata_input_leak_rate)?;
        put_u22(w, "metadata_buffer_size", self.metadata_buffer_size)?;
        put_u22(
            w,
            "metadata_output_leak_rate",
            self.metadata_output_leak_rate,
        )
    }
}

described!(MetadataStd = 0x27);
