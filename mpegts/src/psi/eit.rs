use super::table::halves;
use super::{Descriptors, DvbDuration, DvbTime, RunningStatus, Section, Table, Version, take_u12};
use crate::Error;
use alloc::vec::Vec;
use wire::Writer;

/// The event information table: what runs, and when (ETSI EN 300 468 §5.2.4).
///
/// ```text
/// table_id 0x4E to 0x6F, table_id_extension: service_id
/// transport_stream_id 16 | original_network_id 16 | segment_last_section_number 8 | last_table_id 8
/// for each event: event_id 16 | start_time 40 | duration 24 | running_status 3 | free_CA_mode 1
///                 descriptors_loop_length 12 | descriptors
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Eit {
    /// `table_id`: 0x4E present and next event of this, 0x4F of other transport streams; 0x50 to 0x5F schedule of this, 0x60 to 0x6F of
    /// others.
    pub table_id: u8,
    /// `service_id`, 16 bits: the `program_number`.
    pub service_id: u16,
    /// Its version.
    pub version: Version,
    /// `transport_stream_id`, 16 bits.
    pub transport_stream_id: u16,
    /// `original_network_id`, 16 bits.
    pub original_network_id: u16,
    /// `segment_last_section_number`, 8 bits: the last section of the eight that cover three hours.
    pub segment_last_section_number: u8,
    /// `last_table_id`, 8 bits.
    pub last_table_id: u8,
    /// The events.
    pub events: Vec<EitEvent>,
}

/// One event of an [`Eit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EitEvent {
    /// `event_id`, 16 bits.
    pub event_id: u16,
    /// `start_time`, in UTC.
    pub start_time: DvbTime,
    /// `duration`.
    pub duration: DvbDuration,
    /// `running_status`, 3 bits.
    pub running_status: RunningStatus,
    /// `free_CA_mode`: something of it is scrambled.
    pub free_ca_mode: bool,
    /// What is said of it.
    pub descriptors: Descriptors,
}

impl Eit {
    /// The PID of its packets.
    pub const PID: u16 = 0x12;
}

impl Table for Eit {
    const MAX_SECTION_LENGTH: u16 = 4093;
    const PRIVATE_INDICATOR: bool = true;

    fn table_id(&self) -> u8 {
        self.table_id
    }

    fn table_id_extension(&self) -> u16 {
        self.service_id
    }

    fn version(&self) -> Version {
        self.version
    }

    fn decode(section: &Section<'_>) -> Result<Self, Error> {
        const IDS: [u8; 34] = {
            let mut ids = [0; 34];
            let mut rest: &mut [u8] = &mut ids;
            let mut id = 0x4E;
            while let [first, more @ ..] = rest {
                *first = id;
                id += 1;
                rest = more;
            }
            ids
        };
        let syntax = section.expect(&IDS)?;
        let mut r = section.body;
        let transport_stream_id = r.u16("transport_stream_id")?;
        let original_network_id = r.u16("original_network_id")?;
        let segment_last_section_number = r.u8("segment_last_section_number")?;
        let last_table_id = r.u8("last_table_id")?;
        let mut events = Vec::new();
        while !r.is_empty() {
            let event_id = r.u16("event_id")?;
            let start_time = DvbTime::from_bytes(*r.array("start_time")?);
            let duration = DvbDuration::from_bytes(*r.array("duration")?);
            let (status, info) = take_u12(&mut r, "descriptors_loop_length")?;
            let (running_status, free_ca_mode) = RunningStatus::from_flags(status);
            events.push(EitEvent {
                event_id,
                start_time,
                duration,
                running_status,
                free_ca_mode,
                descriptors: Descriptors::from_bytes(info.peek()),
            });
        }
        Ok(Self {
            table_id: section.header.table_id,
            service_id: syntax.table_id_extension,
            version: syntax.into(),
            transport_stream_id,
            original_network_id,
            segment_last_section_number,
            last_table_id,
            events,
        })
    }

    fn append(&mut self, next: Self) {
        self.segment_last_section_number = next.segment_last_section_number;
        self.events.extend(next.events);
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.u16(self.transport_stream_id)
            .u16(self.original_network_id)
            .u8(self.segment_last_section_number)
            .u8(self.last_table_id);
        self.events.iter().try_for_each(|event| {
            w.u16(event.event_id)
                .bytes(&event.start_time.to_bytes())
                .bytes(&event.duration.to_bytes());
            let flags = event.running_status.flags(event.free_ca_mode)?;
            event
                .descriptors
                .put_u12(w, "descriptors_loop_length", flags)
        })
    }

    /// Cut into sections one after the other. A schedule, whose sections go by segments of three hours, is written segment by segment
    /// with [`encode_section`](Table::encode_section).
    fn split(self) -> Option<(Self, Self)> {
        let (first, second) = halves(&self.events)?;
        let with = |events: &[EitEvent]| Self {
            events: events.to_vec(),
            ..self
        };
        Some((with(first), with(second)))
    }

    fn segment_last_section_number(&self) -> Option<u8> {
        Some(self.segment_last_section_number)
    }
}
