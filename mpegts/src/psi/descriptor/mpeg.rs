//! The descriptors of ISO/IEC 13818-1 §2.6.

use super::field::{Field, counted, described, put_counted, structure};
use crate::Error;
use crate::psi::fits;
use alloc::vec::Vec;
use wire::{Reader, Writer};

structure! {
    /// `registration_descriptor` (§2.6.8): whose private data and private stream types follow.
    Registration = 0x05 {
        /// `format_identifier`, 32 bits: four characters as SMPTE registers them.
        format_identifier: [u8; 4],
        /// `additional_identification_info`.
        additional_identification_info: Vec<u8>,
    }
}

structure! {
    /// `data_stream_alignment_descriptor` (§2.6.10).
    DataStreamAlignment = 0x06 {
        /// `alignment_type`, 8 bits: what a PES packet starts with (Tables 2-53 to 2-55).
        alignment_type: u8,
    }
}

structure! {
    /// `ISO_639_language_descriptor` (§2.6.18).
    Iso639 = 0x0A {
        /// The languages.
        languages: Vec<Iso639Language>,
    }
}

structure! {
    /// One language of an [`Iso639`].
    Iso639Language {
        /// `ISO_639_language_code`, 24 bits: three letters.
        iso_639_language_code: [u8; 3],
        /// `audio_type`, 8 bits: 0 undefined, 1 clean effects, 2 for the hearing impaired, 3 commentary for the visually impaired.
        audio_type: u8,
    }
}

structure! {
    /// `private_data_indicator_descriptor` (§2.6.28).
    PrivateDataIndicator = 0x0F {
        /// `private_data_indicator`, 32 bits.
        private_data_indicator: u32,
    }
}

structure! {
    /// `MPEG-4_video_descriptor` (§2.6.36).
    Mpeg4Video = 0x1B {
        /// `MPEG-4_visual_profile_and_level`, 8 bits.
        profile_and_level: u8,
    }
}

structure! {
    /// `MPEG-4_audio_descriptor` (§2.6.38).
    Mpeg4Audio = 0x1C {
        /// `MPEG-4_audio_profile_and_level`, 8 bits.
        profile_and_level: u8,
    }
}

structure! {
    /// `MPEG-2_AAC_audio_descriptor` (§2.6.68).
    Aac13818 = 0x2B {
        /// `MPEG-2_AAC_profile`, 8 bits.
        profile: u8,
        /// `MPEG-2_AAC_channel_configuration`, 8 bits.
        channel_configuration: u8,
        /// `MPEG-2_AAC_additional_information`, 8 bits.
        additional_information: u8,
    }
}

structure! {
    /// `Extension_descriptor` of ISO/IEC 13818-1 (§2.6.90).
    MpegExtension = 0x3F {
        /// `extension_descriptor_tag`, 8 bits.
        extension_descriptor_tag: u8,
        /// What follows.
        data: Vec<u8>,
    }
}

/// `video_stream_descriptor` (§2.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoStream {
    /// `multiple_frame_rate_flag`.
    pub multiple_frame_rate: bool,
    /// `frame_rate_code`, 4 bits.
    pub frame_rate_code: u8,
    /// `constrained_parameter_flag`.
    pub constrained_parameter: bool,
    /// `still_picture_flag`.
    pub still_picture: bool,
    /// The fields of MPEG-2 video; `None`: `MPEG_1_only_flag`.
    pub mpeg2: Option<VideoStreamMpeg2>,
}

/// What a [`VideoStream`] says of MPEG-2 video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoStreamMpeg2 {
    /// `profile_and_level_indication`, 8 bits.
    pub profile_and_level_indication: u8,
    /// `chroma_format`, 2 bits.
    pub chroma_format: u8,
    /// `frame_rate_extension_flag`.
    pub frame_rate_extension: bool,
}

impl Field for VideoStream {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        let flags = r.u8("frame_rate_code")?;
        let mpeg2 = if flags & 4 == 0 {
            let profile_and_level_indication = r.u8("profile_and_level_indication")?;
            let flags = r.u8("chroma_format")?;
            Some(VideoStreamMpeg2 {
                profile_and_level_indication,
                chroma_format: flags >> 6,
                frame_rate_extension: flags & 0x20 != 0,
            })
        } else {
            None
        };
        Ok(Self {
            multiple_frame_rate: flags & 0x80 != 0,
            frame_rate_code: flags >> 3 & 0xF,
            constrained_parameter: flags & 2 != 0,
            still_picture: flags & 1 != 0,
            mpeg2,
        })
    }

    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        let code = fits("frame_rate_code", self.frame_rate_code, 0xF)?;
        w.u8(u8::from(self.multiple_frame_rate) << 7
            | code << 3
            | u8::from(self.mpeg2.is_none()) << 2
            | u8::from(self.constrained_parameter) << 1
            | u8::from(self.still_picture));
        if let Some(mpeg2) = self.mpeg2 {
            let chroma_format = fits("chroma_format", mpeg2.chroma_format, 3)?;
            w.u8(mpeg2.profile_and_level_indication)
                .u8(chroma_format << 6 | u8::from(mpeg2.frame_rate_extension) << 5 | 0x1F);
        }
        Ok(())
    }
}

described!(VideoStream = 0x02);

/// `audio_stream_descriptor` (§2.6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioStream {
    /// `free_format_flag`.
    pub free_format: bool,
    /// `ID`, 1 bit: the bit of that name in the audio frames, 1 for MPEG-1.
    pub id: bool,
    /// `layer`, 2 bits, as in the audio frames.
    pub layer: u8,
    /// `variable_rate_audio_indicator`.
    pub variable_rate_audio: bool,
}

impl Field for AudioStream {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        let flags = r.u8("layer")?;
        Ok(Self {
            free_format: flags & 0x80 != 0,
            id: flags & 0x40 != 0,
            layer: flags >> 4 & 3,
            variable_rate_audio: flags & 8 != 0,
        })
    }

    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        w.u8(u8::from(self.free_format) << 7
            | u8::from(self.id) << 6
            | fits("layer", self.layer, 3)? << 4
            | u8::from(self.variable_rate_audio) << 3
            | 7);
        Ok(())
    }
}

described!(AudioStream = 0x03);

/// `CA_descriptor` (§2.6.16): where entitlements are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionalAccess {
    /// `CA_system_ID`, 16 bits.
    pub ca_system_id: u16,
    /// `CA_PID`, 13 bits.
    pub ca_pid: u16,
    /// `private_data_byte`.
    pub private_data: Vec<u8>,
}

impl Field for ConditionalAccess {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        Ok(Self {
            ca_system_id: r.u16("CA_system_ID")?,
            ca_pid: r.u16("CA_PID")? & 0x1FFF,
            private_data: r.rest().to_vec(),
        })
    }

    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        w.u16(self.ca_system_id)
            .u16(0xE000 | fits("CA_PID", self.ca_pid, 0x1FFF)?)
            .bytes(&self.private_data);
        Ok(())
    }
}

described!(ConditionalAccess = 0x09);

/// `system_clock_descriptor` (§2.6.20).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemClock {
    /// `external_clock_reference_indicator`.
    pub external_clock_reference: bool,
    /// `clock_accuracy_integer`, 6 bits: parts in a million.
    pub clock_accuracy_integer: u8,
    /// `clock_accuracy_exponent`, 3 bits: of ten, negative.
    pub clock_accuracy_exponent: u8,
}

impl Field for SystemClock {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        let [integer, exponent] = *r.array("clock_accuracy_integer")?;
        Ok(Self {
            external_clock_reference: integer & 0x80 != 0,
            clock_accuracy_integer: integer & 0x3F,
            clock_accuracy_exponent: exponent >> 5,
        })
    }

    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        let integer = fits("clock_accuracy_integer", self.clock_accuracy_integer, 0x3F)?;
        let exponent = fits("clock_accuracy_exponent", self.clock_accuracy_exponent, 7)?;
        w.u8(u8::from(self.external_clock_reference) << 7 | 0x40 | integer)
            .u8(exponent << 5 | 0x1F);
        Ok(())
    }
}

described!(SystemClock = 0x0B);

/// Reads the low 22 bits of 24.
fn u22(r: &mut Reader<'_>, what: &'static str) -> Result<u32, Error> {
    Ok(r.u24(what)? & 0x3F_FFFF)
}

/// Writes 22 bits after two that are 1.
fn put_u22(w: &mut Writer<'_>, what: &'static str, value: u32) -> Result<(), Error> {
    w.u24(what, 0xC0_0000 | fits(what, value, 0x3F_FFFF)?)?;
    Ok(())
}

/// `maximum_bitrate_descriptor` (§2.6.26).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaximumBitrate {
    /// `maximum_bitrate`, 22 bits: 50 bytes per second.
    pub maximum_bitrate: u32,
}

impl Field for MaximumBitrate {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        Ok(Self {
            maximum_bitrate: u22(r, "maximum_bitrate")?,
        })
    }

    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        put_u22(w, "maximum_bitrate", self.maximum_bitrate)
    }
}

described!(MaximumBitrate = 0x0E);

/// `smoothing_buffer_descriptor` (§2.6.30).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SmoothingBuffer {
    /// `sb_leak_rate`, 22 bits: 400 bits per second.
    pub sb_leak_rate: u32,
    /// `sb_size`, 22 bits: bytes.
    pub sb_size: u32,
}

impl Field for SmoothingBuffer {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        Ok(Self {
            sb_leak_rate: u22(r, "sb_leak_rate")?,
            sb_size: u22(r, "sb_size")?,
        })
    }

    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        put_u22(w, "sb_leak_rate", self.sb_leak_rate)?;
        put_u22(w, "sb_size", self.sb_size)
    }
}

described!(SmoothingBuffer = 0x10);

/// `STD_descriptor` (§2.6.32).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Std {
    /// `leak_valid_flag`: the buffers are emptied by leaking.
    pub leak_valid: bool,
}

impl Field for Std {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        Ok(Self {
            leak_valid: r.u8("leak_valid_flag")? & 1 != 0,
        })
    }

    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        w.u8(0xFE | u8::from(self.leak_valid));
        Ok(())
    }
}

described!(Std = 0x11);

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

/// `AVC_video_descriptor` (§2.6.64).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvcVideo {
    /// `profile_idc`, 8 bits.
    pub profile_idc: u8,
    /// `constraint_set0_flag` to `constraint_set5_flag` and `AVC_compatible_flags`, 8 bits: the byte between profile and level of a
    /// sequence parameter set.
    pub constraint_flags: u8,
    /// `level_idc`, 8 bits.
    pub level_idc: u8,
    /// `AVC_still_present`.
    pub still_present: bool,
    /// `AVC_24_hour_picture_flag`: pictures may be a day apart.
    pub avc_24_hour_picture: bool,
    /// `Frame_Packing_SEI_not_present_flag`.
    pub frame_packing_sei_not_present: bool,
}

impl Field for AvcVideo {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        let [profile_idc, constraint_flags, level_idc, flags] = *r.array("AVC_video_descriptor")?;
        Ok(Self {
            profile_idc,
            constraint_flags,
            level_idc,
            still_present: flags & 0x80 != 0,
            avc_24_hour_picture: flags & 0x40 != 0,
            frame_packing_sei_not_present: flags & 0x20 != 0,
        })
    }

    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        let flags = u8::from(self.still_present) << 7
            | u8::from(self.avc_24_hour_picture) << 6
            | u8::from(self.frame_packing_sei_not_present) << 5;
        w.bytes(&[
            self.profile_idc,
            self.constraint_flags,
            self.level_idc,
            flags | 0x1F,
        ]);
        Ok(())
    }
}

described!(AvcVideo = 0x28);

/// `HEVC_video_descriptor` (§2.6.95).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HevcVideo {
    /// `profile_space`, `tier_flag`, `profile_idc`, `profile_compatibility_indication`, the four source flags, `copied_44bits`,
    /// `level_idc`: the 12 bytes of `general_profile_space` to `general_level_idc` in a parameter set.
    pub profile_tier_level: [u8; 12],
    /// `HEVC_still_present_flag`.
    pub still_present: bool,
    /// `HEVC_24hr_picture_present_flag`.
    pub hevc_24hr_picture_present: bool,
    /// `sub_pic_hrd_params_not_present_flag`.
    pub sub_pic_hrd_params_not_present: bool,
    /// `HDR_WCG_idc`, 2 bits; 3: nothing said.
    pub hdr_wcg_idc: u8,
    /// The layers, where `temporal_layer_subset_flag` is 1.
    pub temporal_layers: Option<TemporalLayers>,
}

/// The layers that a [`HevcVideo`] names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemporalLayers {
    /// `temporal_id_min`, 3 bits.
    pub temporal_id_min: u8,
    /// `temporal_id_max`, 3 bits.
    pub temporal_id_max: u8,
}

impl Field for HevcVideo {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        let profile_tier_level = *r.array("level_idc")?;
        let flags = r.u8("temporal_layer_subset_flag")?;
        let temporal_layers = if flags & 0x80 != 0 {
            let [min, max] = *r.array("temporal_id_min")?;
            Some(TemporalLayers {
                temporal_id_min: min >> 5,
                temporal_id_max: max >> 5,
            })
        } else {
            None
        };
        Ok(Self {
            profile_tier_level,
            still_present: flags & 0x40 != 0,
            hevc_24hr_picture_present: flags & 0x20 != 0,
            sub_pic_hrd_params_not_present: flags & 0x10 != 0,
            hdr_wcg_idc: flags & 3,
            temporal_layers,
        })
    }

    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        w.bytes(&self.profile_tier_level)
            .u8(u8::from(self.temporal_layers.is_some()) << 7
                | u8::from(self.still_present) << 6
                | u8::from(self.hevc_24hr_picture_present) << 5
                | u8::from(self.sub_pic_hrd_params_not_present) << 4
                | 0x0C
                | fits("HDR_WCG_idc", self.hdr_wcg_idc, 3)?);
        if let Some(layers) = self.temporal_layers {
            let min = fits("temporal_id_min", layers.temporal_id_min, 7)?;
            let max = fits("temporal_id_max", layers.temporal_id_max, 7)?;
            w.u8(min << 5 | 0x1F).u8(max << 5 | 0x1F);
        }
        Ok(())
    }
}

described!(HevcVideo = 0x38);
