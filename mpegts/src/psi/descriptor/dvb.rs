//! The descriptors of ETSI EN 300 468 §6 and of its annexes that say what a stream is.

use super::field::{Field, described, structure};
use crate::Error;
use crate::psi::fits;
use alloc::vec::Vec;
use wire::{Reader, Writer};

structure! {
    /// `stream_identifier_descriptor` (§6.2.39).
    StreamIdentifier = 0x52 {
        /// `component_tag`, 8 bits: names the stream within its service.
        component_tag: u8,
    }
}

structure! {
    /// `private_data_specifier_descriptor` (§6.2.31): whose private descriptors follow.
    PrivateDataSpecifier = 0x5F {
        /// `private_data_specifier`, 32 bits, as ETSI TS 101 162 lists them.
        private_data_specifier: u32,
    }
}

structure! {
    /// `teletext_descriptor` (§6.2.43).
    Teletext = 0x56 {
        /// The pages.
        pages: Vec<TeletextPage>,
    }
}

/// One page of a [`Teletext`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TeletextPage {
    /// `ISO_639_language_code`, 24 bits: three letters.
    pub iso_639_language_code: [u8; 3],
    /// `teletext_type`, 5 bits: 1 initial page, 2 subtitles, 3 information, 4 schedule, 5 subtitles for the hearing impaired.
    pub teletext_type: u8,
    /// `teletext_magazine_number`, 3 bits: 0 stands for 8.
    pub teletext_magazine_number: u8,
    /// `teletext_page_number`, 8 bits: two digits of 4 bits.
    pub teletext_page_number: u8,
}

impl Field for TeletextPage {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        let iso_639_language_code = *r.array("ISO_639_language_code")?;
        let [kind, teletext_page_number] = *r.array("teletext_type")?;
        Ok(Self {
            iso_639_language_code,
            teletext_type: kind >> 3,
            teletext_magazine_number: kind & 7,
            teletext_page_number,
        })
    }

    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        let magazine = fits("teletext_magazine_number", self.teletext_magazine_number, 7)?;
        w.bytes(&self.iso_639_language_code)
            .u8(fits("teletext_type", self.teletext_type, 0x1F)? << 3 | magazine)
            .u8(self.teletext_page_number);
        Ok(())
    }
}

structure! {
    /// `subtitling_descriptor` (§6.2.41).
    Subtitling = 0x59 {
        /// The subtitles.
        subtitles: Vec<Subtitle>,
    }
}

structure! {
    /// One service of a [`Subtitling`].
    Subtitle {
        /// `ISO_639_language_code`, 24 bits: three letters.
        iso_639_language_code: [u8; 3],
        /// `subtitling_type`, 8 bits: `component_type` for `stream_content` 3.
        subtitling_type: u8,
        /// `composition_page_id`, 16 bits.
        composition_page_id: u16,
        /// `ancillary_page_id`, 16 bits.
        ancillary_page_id: u16,
    }
}

/// `AAC_descriptor` (Annex H).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aac {
    /// `profile_and_level`, 8 bits.
    pub profile_and_level: u8,
    /// What may follow, from `AAC_type_flag` on.
    pub details: Option<AacDetails>,
}

/// The second half of an [`Aac`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AacDetails {
    /// `SAOC_DE_flag`: there are parameters for dialogue enhancement.
    pub saoc_de: bool,
    /// `AAC_type`, 8 bits: `component_type` for `stream_content` 6.
    pub aac_type: Option<u8>,
    /// `additional_info_byte`.
    pub additional_info: Vec<u8>,
}

impl Field for Aac {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        let profile_and_level = r.u8("profile_and_level")?;
        let details = if r.is_empty() {
            None
        } else {
            let flags = r.u8("AAC_type_flag")?;
            let aac_type = (flags & 0x80 != 0).then(|| r.u8("AAC_type")).transpose()?;
            Some(AacDetails {
                saoc_de: flags & 0x40 != 0,
                aac_type,
                additional_info: r.rest().to_vec(),
            })
        };
        Ok(Self {
            profile_and_level,
            details,
        })
    }

    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        w.u8(self.profile_and_level);
        if let Some(details) = &self.details {
            // The other flags are reserved and, unlike most, 0.
            w.u8(u8::from(details.aac_type.is_some()) << 7 | u8::from(details.saoc_de) << 6);
            if let Some(aac_type) = details.aac_type {
                w.u8(aac_type);
            }
            w.bytes(&details.additional_info);
        }
        Ok(())
    }
}

described!(Aac = 0x7C);

structure! {
    /// The extension descriptor of Opus in transport streams: `channel_config_code`, as the Opus packetization for MPEG-2 systems has it.
    OpusAudio = 0x7F / 0x80 {
        /// `channel_config_code`, 8 bits: 0 dual mono; 1 to 8: so many channels in the order of Vorbis; 0x81: an explicit mapping follows;
        /// 0x82 to 0x88: so many discrete channels, counted from 0x80.
        channel_config_code: u8,
        /// What follows, where the code asks for it.
        explicit: Vec<u8>,
    }
}

structure! {
    /// `AC-4_descriptor` (Annex D.7).
    Ac4 = 0x7F / 0x15 {
        /// `ac4_config_flag`, `ac4_toc_flag` and what follows.
        data: Vec<u8>,
    }
}

structure! {
    /// Any other `extension_descriptor` (§6.2.16).
    ExtensionOther = 0x7F {
        /// `descriptor_tag_extension`, 8 bits.
        descriptor_tag_extension: u8,
        /// What follows.
        data: Vec<u8>,
    }
}
