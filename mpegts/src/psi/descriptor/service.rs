//! The descriptors of ETSI EN 300 468 §6 that say what networks, services and events are.

use super::field::{Field, counted, described, put_counted, structure};
use crate::Error;
use crate::psi::{DvbTime, Text, fits};
use alloc::vec::Vec;
use wire::{Reader, Writer};

structure! {
    /// `network_name_descriptor` (§6.2.27).
    NetworkName = 0x40 {
        /// The name.
        name: Text,
    }
}

structure! {
    /// `service_list_descriptor` (§6.2.35).
    ServiceList = 0x41 {
        /// The services.
        services: Vec<ServiceListEntry>,
    }
}

structure! {
    /// One service of a [`ServiceList`].
    ServiceListEntry {
        /// `service_id`, 16 bits: the `program_number`.
        service_id: u16,
        /// `service_type`, 8 bits.
        service_type: u8,
    }
}

structure! {
    /// `bouquet_name_descriptor` (§6.2.4).
    BouquetName = 0x47 {
        /// The name.
        name: Text,
    }
}

structure! {
    /// `linkage_descriptor` (§6.2.19).
    Linkage = 0x4A {
        /// `transport_stream_id`, 16 bits.
        transport_stream_id: u16,
        /// `original_network_id`, 16 bits.
        original_network_id: u16,
        /// `service_id`, 16 bits.
        service_id: u16,
        /// `linkage_type`, 8 bits.
        linkage_type: u8,
        /// What the type asks for, and private data.
        data: Vec<u8>,
    }
}

structure! {
    /// `content_descriptor` (§6.2.9): the genre of an event.
    Content = 0x54 {
        /// Genres.
        contents: Vec<ContentEntry>,
    }
}

structure! {
    /// One genre of a [`Content`].
    ContentEntry {
        /// `content_nibble_level_1` and `content_nibble_level_2`, 4 bits each.
        content_nibbles: u8,
        /// `user_byte`, 8 bits.
        user_byte: u8,
    }
}

structure! {
    /// `parental_rating_descriptor` (§6.2.28).
    ParentalRating = 0x55 {
        /// Ratings by country.
        ratings: Vec<ParentalRatingEntry>,
    }
}

structure! {
    /// One rating of a [`ParentalRating`].
    ParentalRatingEntry {
        /// `country_code`, 24 bits: three letters.
        country_code: [u8; 3],
        /// `rating`, 8 bits: 0 undefined, up to 0x0F the age less 3, the rest the broadcaster's.
        rating: u8,
    }
}

structure! {
    /// `satellite_delivery_system_descriptor` (§6.2.13.2).
    SatelliteDelivery = 0x43 {
        /// `frequency`, eight decimal digits: GHz with five digits after the point.
        frequency: [u8; 4],
        /// `orbital_position`, four decimal digits: degrees with one digit after the point.
        orbital_position: [u8; 2],
        /// `west_east_flag` 1, `polarization` 2, `roll_off` 2, `modulation_system` 1, `modulation_type` 2.
        flags: u8,
        /// `symbol_rate`, seven decimal digits: Msymbol/s with four digits after the point; then `FEC_inner`, 4 bits.
        symbol_rate_and_fec: [u8; 4],
    }
}

structure! {
    /// `cable_delivery_system_descriptor` (§6.2.13.1).
    CableDelivery = 0x44 {
        /// `frequency`, eight decimal digits: MHz with four digits after the point.
        frequency: [u8; 4],
        /// Reserved 12, `FEC_outer` 4.
        fec_outer: u16,
        /// `modulation`, 8 bits.
        modulation: u8,
        /// `symbol_rate`, seven decimal digits: Msymbol/s with four digits after the point; then `FEC_inner`, 4 bits.
        symbol_rate_and_fec: [u8; 4],
    }
}

structure! {
    /// `terrestrial_delivery_system_descriptor` (§6.2.13.4).
    TerrestrialDelivery = 0x5A {
        /// `centre_frequency`, 32 bits: 10 Hz.
        centre_frequency: u32,
        /// `bandwidth` 3, `priority` 1, `Time_Slicing_indicator` 1, `MPE-FEC_indicator` 1, reserved 2.
        bandwidth: u8,
        /// `constellation` 2, `hierarchy_information` 3, `code_rate-HP_stream` 3.
        constellation: u8,
        /// `code_rate-LP_stream` 3, `guard_interval` 2, `transmission_mode` 2, `other_frequency_flag` 1.
        code_rate: u8,
        /// Reserved.
        reserved: u32,
    }
}

structure! {
    /// `cue_identifier_descriptor` of ANSI/SCTE 35 §8.2, beside a stream of splice information.
    CueIdentifier = 0x8A {
        /// `cue_stream_type`, 8 bits: 0 insert, null, schedule; 1 all commands; 2 segmentation; 3 tiered splicing; 4 tiered segmentation.
        cue_stream_type: u8,
    }
}

/// `service_descriptor` (§6.2.33): the names of a service and of who provides it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// `service_type`, 8 bits: 1 television, 2 radio, 0x19 and 0x1F television in high definition with H.264 or H.265.
    pub service_type: u8,
    /// `service_provider_name`.
    pub provider_name: Text,
    /// `service_name`.
    pub name: Text,
}

/// Text after its length in 8 bits.
fn text(r: &mut Reader<'_>, what: &'static str) -> Result<Text, Error> {
    Ok(Text::from_bytes(&counted(r, what)?))
}

impl Field for Service {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        Ok(Self {
            service_type: r.u8("service_type")?,
            provider_name: text(r, "service_provider_name_length")?,
            name: text(r, "service_name_length")?,
        })
    }

    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        w.u8(self.service_type);
        put_counted(
            w,
            "service_provider_name_length",
            self.provider_name.as_bytes(),
        )?;
        put_counted(w, "service_name_length", self.name.as_bytes())
    }
}

described!(Service = 0x48);

/// `short_event_descriptor` (§6.2.37).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortEvent {
    /// `ISO_639_language_code`, 24 bits: three letters.
    pub iso_639_language_code: [u8; 3],
    /// `event_name`.
    pub event_name: Text,
    /// `text`.
    pub text: Text,
}

impl Field for ShortEvent {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        Ok(Self {
            iso_639_language_code: *r.array("ISO_639_language_code")?,
            event_name: text(r, "event_name_length")?,
            text: text(r, "text_length")?,
        })
    }

    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        w.bytes(&self.iso_639_language_code);
        put_counted(w, "event_name_length", self.event_name.as_bytes())?;
        put_counted(w, "text_length", self.text.as_bytes())
    }
}

described!(ShortEvent = 0x4D);

/// `extended_event_descriptor` (§6.2.15): one of several that make a longer text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtendedEvent {
    /// `descriptor_number`, 4 bits.
    pub descriptor_number: u8,
    /// `last_descriptor_number`, 4 bits.
    pub last_descriptor_number: u8,
    /// `ISO_639_language_code`, 24 bits: three letters.
    pub iso_639_language_code: [u8; 3],
    /// `item_description` and `item`.
    pub items: Vec<(Text, Text)>,
    /// `text`.
    pub text: Text,
}

impl Field for ExtendedEvent {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        let numbers = r.u8("descriptor_number")?;
        let iso_639_language_code = *r.array("ISO_639_language_code")?;
        let length = r.u8("length_of_items")?;
        let mut list = r.sub(length.into(), "length_of_items")?;
        let mut items = Vec::new();
        while !list.is_empty() {
            let description = text(&mut list, "item_description_length")?;
            items.push((description, text(&mut list, "item_length")?));
        }
        Ok(Self {
            descriptor_number: numbers >> 4,
            last_descriptor_number: numbers & 0xF,
            iso_639_language_code,
            items,
            text: text(r, "text_length")?,
        })
    }

    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        let number = fits("descriptor_number", self.descriptor_number, 0xF)?;
        let last = fits("last_descriptor_number", self.last_descriptor_number, 0xF)?;
        w.u8(number << 4 | last).bytes(&self.iso_639_language_code);
        w.sized_u8("length_of_items", wire::LengthOf::Body, |w| {
            self.items.iter().try_for_each(|(description, item)| {
                put_counted(w, "item_description_length", description.as_bytes())?;
                put_counted(w, "item_length", item.as_bytes())
            })
        })?;
        put_counted(w, "text_length", self.text.as_bytes())
    }
}

described!(ExtendedEvent = 0x4E);

structure! {
    /// `component_descriptor` (§6.2.8).
    Component = 0x50 {
        /// `stream_content_ext` and `stream_content`, 4 bits each.
        stream_content: u8,
        /// `component_type`, 8 bits.
        component_type: u8,
        /// `component_tag`, 8 bits.
        component_tag: u8,
        /// `ISO_639_language_code`, 24 bits: three letters.
        iso_639_language_code: [u8; 3],
        /// `text_char`.
        text: Text,
    }
}

structure! {
    /// `local_time_offset_descriptor` (§6.2.20).
    LocalTimeOffset = 0x58 {
        /// By country and region.
        offsets: Vec<LocalTimeOffsetEntry>,
    }
}

/// One region of a [`LocalTimeOffset`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTimeOffsetEntry {
    /// `country_code`, 24 bits: three letters.
    pub country_code: [u8; 3],
    /// `country_region_id`, 6 bits.
    pub country_region_id: u8,
    /// `local_time_offset_polarity`: local time is behind UTC.
    pub behind: bool,
    /// `local_time_offset`, four decimal digits: hours and minutes.
    pub local_time_offset: [u8; 2],
    /// `time_of_change`: when the next offset comes.
    pub time_of_change: DvbTime,
    /// `next_time_offset`, four decimal digits.
    pub next_time_offset: [u8; 2],
}

impl Field for LocalTimeOffsetEntry {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        let country_code = *r.array("country_code")?;
        let region = r.u8("country_region_id")?;
        Ok(Self {
            country_code,
            country_region_id: region >> 2,
            behind: region & 1 != 0,
            local_time_offset: *r.array("local_time_offset")?,
            time_of_change: Field::get(r, "time_of_change")?,
            next_time_offset: *r.array("next_time_offset")?,
        })
    }

    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        let region = fits("country_region_id", self.country_region_id, 0x3F)?;
        w.bytes(&self.country_code)
            .u8(region << 2 | 2 | u8::from(self.behind))
            .bytes(&self.local_time_offset)
            .bytes(&self.time_of_change.to_bytes())
            .bytes(&self.next_time_offset);
        Ok(())
    }
}

structure! {
    /// `logical_channel_descriptor` of EACEM, under its private data specifier 0x00000028.
    LogicalChannel = 0x83 {
        /// The numbers.
        channels: Vec<LogicalChannelEntry>,
    }
}

/// One service of a [`LogicalChannel`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogicalChannelEntry {
    /// `service_id`, 16 bits.
    pub service_id: u16,
    /// `visible_service_flag`.
    pub visible: bool,
    /// `logical_channel_number`, 10 bits.
    pub logical_channel_number: u16,
}

impl Field for LogicalChannelEntry {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        let service_id = r.u16("service_id")?;
        let number = r.u16("logical_channel_number")?;
        Ok(Self {
            service_id,
            visible: number & 0x8000 != 0,
            logical_channel_number: number & 0x3FF,
        })
    }

    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        let number = fits("logical_channel_number", self.logical_channel_number, 0x3FF)?;
        w.u16(self.service_id)
            .u16(u16::from(self.visible) << 15 | 0x7C00 | number);
        Ok(())
    }
}
