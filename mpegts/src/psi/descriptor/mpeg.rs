//! The descriptors of ISO/IEC 13818-1 §2.6, but those of coded media ([`super::coding`]) and of metadata ([`super::metadata`]).

use super::field::{Field, described, put_u22, structure, u22};
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
    /// `Extension_descriptor` of ISO/IEC 13818-1 (§2.6.90).
    MpegExtension = 0x3F {
        /// `extension_descriptor_tag`, 8 bits.
        extension_descriptor_tag: u8,
        /// What follows.
        data: Vec<u8>,
    }
}

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
