use super::table::halves;
use super::{Descriptors, Section, Table, Version, fits, take_u12};
use crate::Error;
use alloc::vec::Vec;
use wire::Writer;

/// The service description table: the names of the programs (ETSI EN 300 468 §5.2.3).
///
/// ```text
/// table_id 0x42 or 0x46, table_id_extension: transport_stream_id
/// original_network_id 16 | reserved 8
/// for each service: service_id 16 | reserved 6 | EIT_schedule_flag 1 | EIT_present_following_flag 1
///                   running_status 3 | free_CA_mode 1 | descriptors_loop_length 12 | descriptors
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sdt {
    /// Of the transport stream that it is in, `table_id` 0x42; otherwise of another one, 0x46.
    pub actual: bool,
    /// `transport_stream_id`, 16 bits.
    pub transport_stream_id: u16,
    /// Its version.
    pub version: Version,
    /// `original_network_id`, 16 bits.
    pub original_network_id: u16,
    /// The services.
    pub services: Vec<SdtService>,
}

/// One service of an [`Sdt`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdtService {
    /// `service_id`, 16 bits: the `program_number`.
    pub service_id: u16,
    /// `EIT_schedule_flag`: there is a schedule of its events.
    pub eit_schedule: bool,
    /// `EIT_present_following_flag`: its present and next event are told.
    pub eit_present_following: bool,
    /// `running_status`, 3 bits.
    pub running_status: RunningStatus,
    /// `free_CA_mode`: something of it is scrambled.
    pub free_ca_mode: bool,
    /// What is said of it.
    pub descriptors: Descriptors,
}

/// `running_status`, 3 bits: 0 undefined, 1 not running, 2 starts in a few seconds, 3 pausing, 4 running, 5 off the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RunningStatus(pub u8);

impl RunningStatus {
    /// Not told.
    pub const UNDEFINED: RunningStatus = RunningStatus(0);
    /// It runs.
    pub const RUNNING: RunningStatus = RunningStatus(4);

    /// The top 4 bits of a loop's length.
    pub(super) fn flags(self, free_ca_mode: bool) -> Result<u16, Error> {
        let status = u16::from(fits("running_status", self.0, 7)?);
        Ok(status << 13 | u16::from(free_ca_mode) << 12)
    }

    pub(super) fn from_flags(flags: u16) -> (Self, bool) {
        let [high, _] = flags.to_be_bytes();
        (Self(high >> 5), high & 0x10 != 0)
    }
}

impl Sdt {
    /// The PID of its packets.
    pub const PID: u16 = 0x11;
}

impl Table for Sdt {
    const PRIVATE_INDICATOR: bool = true;

    fn table_id(&self) -> u8 {
        if self.actual { 0x42 } else { 0x46 }
    }

    fn table_id_extension(&self) -> u16 {
        self.transport_stream_id
    }

    fn version(&self) -> Version {
        self.version
    }

    fn decode(section: &Section<'_>) -> Result<Self, Error> {
        let syntax = section.expect(&[0x42, 0x46])?;
        let mut r = section.body;
        let original_network_id = r.u16("original_network_id")?;
        r.skip(1, "reserved")?;
        let mut services = Vec::new();
        while !r.is_empty() {
            let service_id = r.u16("service_id")?;
            let flags = r.u8("EIT_schedule_flag")?;
            let (status, info) = take_u12(&mut r, "descriptors_loop_length")?;
            let (running_status, free_ca_mode) = RunningStatus::from_flags(status);
            services.push(SdtService {
                service_id,
                eit_schedule: flags & 2 != 0,
                eit_present_following: flags & 1 != 0,
                running_status,
                free_ca_mode,
                descriptors: Descriptors::from_bytes(info.peek()),
            });
        }
        Ok(Self {
            actual: section.header.table_id == 0x42,
            transport_stream_id: syntax.table_id_extension,
            version: syntax.into(),
            original_network_id,
            services,
        })
    }

    fn append(&mut self, next: Self) {
        self.services.extend(next.services);
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.u16(self.original_network_id).u8(0xFF);
        self.services.iter().try_for_each(|service| {
            w.u16(service.service_id).u8(0xFC
                | u8::from(service.eit_schedule) << 1
                | u8::from(service.eit_present_following));
            let flags = service.running_status.flags(service.free_ca_mode)?;
            service
                .descriptors
                .put_u12(w, "descriptors_loop_length", flags)
        })
    }

    fn split(self) -> Option<(Self, Self)> {
        let (first, second) = halves(&self.services)?;
        let with = |services: &[SdtService]| Self {
            services: services.to_vec(),
            ..self
        };
        Some((with(first), with(second)))
    }
}
