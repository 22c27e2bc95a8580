use super::time::{BreakDuration, SpliceTime};
use crate::Error;
use crate::psi::too_long;
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// `splice_command` (ANSI/SCTE 35 §9.7).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpliceCommand {
    /// `splice_null`, type 0x00: a sign of life, or a carrier of descriptors.
    Null,
    /// `splice_schedule`, type 0x04: events by the clock on the wall.
    Schedule(Vec<ScheduleEvent>),
    /// `splice_insert`, type 0x05: an event by the clock of the stream.
    Insert(SpliceInsert),
    /// `time_signal`, type 0x06: the time that the descriptors are about.
    TimeSignal(SpliceTime),
    /// `bandwidth_reservation`, type 0x07.
    BandwidthReservation,
    /// `private_command`, type 0xFF.
    Private {
        /// `identifier`, 32 bits, as SMPTE registers them.
        identifier: [u8; 4],
        /// `private_byte`.
        private_bytes: Vec<u8>,
    },
    /// A type that is reserved.
    Other {
        /// `splice_command_type`, 8 bits.
        splice_command_type: u8,
        /// What follows.
        data: Vec<u8>,
    },
}

/// `splice_insert` (ANSI/SCTE 35 §9.7.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpliceInsert {
    /// `splice_event_id`, 32 bits.
    pub splice_event_id: u32,
    /// What happens; `None`: `splice_event_cancel_indicator`.
    pub event: Option<SpliceEvent<SpliceWhen>>,
}

/// One event of a `splice_schedule` (ANSI/SCTE 35 §9.7.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleEvent {
    /// `splice_event_id`, 32 bits.
    pub splice_event_id: u32,
    /// `event_id_compliance_flag`: 0 where `splice_event_id` keeps to the rules; 1 from senders before 2022.
    pub event_id_compliance_flag: bool,
    /// What happens; `None`: `splice_event_cancel_indicator`.
    pub event: Option<SpliceEvent<ScheduleTime>>,
}

/// What [`SpliceInsert`] and [`ScheduleEvent`] tell of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpliceEvent<T> {
    /// `out_of_network_indicator`: away from the network feed, to the break; otherwise back.
    pub out_of_network_indicator: bool,
    /// When, and which components.
    pub when: T,
    /// `break_duration`, if `duration_flag`.
    pub break_duration: Option<BreakDuration>,
    /// `unique_program_id`, 16 bits.
    pub unique_program_id: u16,
    /// `avail_num`, 8 bits.
    pub avail_num: u8,
    /// `avails_expected`, 8 bits.
    pub avails_expected: u8,
}

/// When a [`SpliceInsert`] takes effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpliceWhen {
    /// `event_id_compliance_flag`: 0 where `splice_event_id` keeps to the rules; 1 from senders before 2022.
    pub event_id_compliance_flag: bool,
    /// The times.
    pub times: SpliceTimes,
}

/// The times of a [`SpliceInsert`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpliceTimes {
    /// `program_splice_flag` and `splice_immediate_flag`: the whole program, at once.
    ProgramImmediate,
    /// `program_splice_flag`: the whole program, at a time.
    Program(SpliceTime),
    /// `splice_immediate_flag`: these components (`component_tag`, 8 bits each), at once.
    ComponentsImmediate(Vec<u8>),
    /// Components, each at its time.
    Components(Vec<InsertComponent>),
}

/// A component of a [`SpliceInsert`].
pub type InsertComponent = Component<SpliceTime>;

/// A component with a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component<T> {
    /// `component_tag`, 8 bits: that of the stream's `stream_identifier_descriptor`.
    pub component_tag: u8,
    /// Its time.
    pub time: T,
}

/// The times of a [`ScheduleEvent`]: `utc_splice_time`, 32 bits, seconds since 1980-01-06 00:00 UTC, leap seconds counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduleTime {
    /// `program_splice_flag`: the whole program.
    Program(u32),
    /// Components.
    Components(Vec<Component<u32>>),
}

impl SpliceCommand {
    /// `splice_command_type`, 8 bits.
    #[must_use]
    pub const fn splice_command_type(&self) -> u8 {
        match self {
            SpliceCommand::Null => 0,
            SpliceCommand::Schedule(_) => 4,
            SpliceCommand::Insert(_) => 5,
            SpliceCommand::TimeSignal(_) => 6,
            SpliceCommand::BandwidthReservation => 7,
            SpliceCommand::Private { .. } => 0xFF,
            SpliceCommand::Other {
                splice_command_type,
                ..
            } => *splice_command_type,
        }
    }

    /// `pts_time` of a time signal or of an insert, the earliest of its components.
    #[must_use]
    pub fn pts_time(&self) -> Option<u64> {
        match self {
            SpliceCommand::TimeSignal(time) => time.pts_time,
            SpliceCommand::Insert(insert) => match &insert.event.as_ref()?.when.times {
                SpliceTimes::Program(time) => time.pts_time,
                SpliceTimes::Components(components) => {
                    components.iter().filter_map(|one| one.time.pts_time).min()
                }
                SpliceTimes::ProgramImmediate | SpliceTimes::ComponentsImmediate(_) => None,
            },
            _ => None,
        }
    }

    /// Reads a command that takes all of `r`.
    pub(super) fn decode(splice_command_type: u8, r: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(match splice_command_type {
            0xFF => SpliceCommand::Private {
                identifier: *r.array("identifier")?,
                private_bytes: r.rest().to_vec(),
            },
            0 | 4..=7 => Self::decode_unsized(splice_command_type, r)?,
            _ => SpliceCommand::Other {
                splice_command_type,
                data: r.rest().to_vec(),
            },
        })
    }

    /// Reads a command that knows its own length.
    pub(super) fn decode_unsized(
        splice_command_type: u8,
        r: &mut Reader<'_>,
    ) -> Result<Self, Error> {
        Ok(match splice_command_type {
            0 => SpliceCommand::Null,
            4 => {
                let count = r.u8("splice_count")?;
                let events = (0..count).map(|_| ScheduleEvent::decode(r));
                SpliceCommand::Schedule(events.collect::<Result<_, _>>()?)
            }
            5 => SpliceCommand::Insert(SpliceInsert::decode(r)?),
            6 => SpliceCommand::TimeSignal(SpliceTime::decode(r)?),
            7 => SpliceCommand::BandwidthReservation,
            _ => {
                return Err(super::invalid(
                    "splice_command_length",
                    super::LENGTH_UNKNOWN.into(),
                    r.offset(),
                ));
            }
        })
    }

    pub(super) fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        match self {
            SpliceCommand::Null | SpliceCommand::BandwidthReservation => {}
            SpliceCommand::Schedule(events) => {
                put_count(w, "splice_count", events.len())?;
                events.iter().try_for_each(|event| event.encode(w))?;
            }
            SpliceCommand::Insert(insert) => insert.encode(w)?,
            SpliceCommand::TimeSignal(time) => time.encode(w)?,
            SpliceCommand::Private {
                identifier,
                private_bytes,
            } => {
                w.bytes(identifier).bytes(private_bytes);
            }
            SpliceCommand::Other { data, .. } => {
                w.bytes(data);
            }
        }
        Ok(())
    }
}

/// Writes a count in 8 bits.
pub(super) fn put_count(w: &mut Writer<'_>, what: &'static str, count: usize) -> Result<(), Error> {
    let count = u8::try_from(count).map_err(|_| too_long(what, count as u64, 0xFF))?;
    w.u8(count);
    Ok(())
}

/// Reads `component_count` components.
fn components<T>(
    r: &mut Reader<'_>,
    time: impl Fn(&mut Reader<'_>) -> Result<T, Error>,
) -> Result<Vec<Component<T>>, Error> {
    let count = r.u8("component_count")?;
    (0..count)
        .map(|_| {
            Ok(Component {
                component_tag: r.u8("component_tag")?,
                time: time(r)?,
            })
        })
        .collect()
}

impl<T> SpliceEvent<T> {
    /// Reads what follows the times.
    fn decode(
        r: &mut Reader<'_>,
        out_of_network_indicator: bool,
        duration_flag: bool,
        when: T,
    ) -> Result<Self, Error> {
        let break_duration = duration_flag
            .then(|| BreakDuration::decode(r))
            .transpose()?;
        Ok(Self {
            out_of_network_indicator,
            when,
            break_duration,
            unique_program_id: r.u16("unique_program_id")?,
            avail_num: r.u8("avail_num")?,
            avails_expected: r.u8("avails_expected")?,
        })
    }

    fn encode_rest(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        if let Some(duration) = self.break_duration {
            duration.encode(w)?;
        }
        w.u16(self.unique_program_id)
            .u8(self.avail_num)
            .u8(self.avails_expected);
        Ok(())
    }
}

impl SpliceInsert {
    fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let splice_event_id = r.u32("splice_event_id")?;
        if r.u8("splice_event_cancel_indicator")? & 0x80 != 0 {
            return Ok(Self {
                splice_event_id,
                event: None,
            });
        }
        let flags = r.u8("out_of_network_indicator")?;
        let times = match (flags & 0x40 != 0, flags & 0x10 != 0) {
            (true, true) => SpliceTimes::ProgramImmediate,
            (true, false) => SpliceTimes::Program(SpliceTime::decode(r)?),
            (false, true) => {
                let count = r.u8("component_count")?;
                SpliceTimes::ComponentsImmediate(r.take(count.into(), "component_tag")?.to_vec())
            }
            (false, false) => SpliceTimes::Components(components(r, SpliceTime::decode)?),
        };
        let when = SpliceWhen {
            event_id_compliance_flag: flags & 8 != 0,
            times,
        };
        let event = SpliceEvent::decode(r, flags & 0x80 != 0, flags & 0x20 != 0, when)?;
        Ok(Self {
            splice_event_id,
            event: Some(event),
        })
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.u32(self.splice_event_id)
            .u8(u8::from(self.event.is_none()) << 7 | 0x7F);
        let Some(event) = &self.event else {
            return Ok(());
        };
        let SpliceWhen {
            event_id_compliance_flag,
            times,
        } = &event.when;
        let program = matches!(
            times,
            SpliceTimes::Program(_) | SpliceTimes::ProgramImmediate
        );
        let immediate = matches!(
            times,
            SpliceTimes::ProgramImmediate | SpliceTimes::ComponentsImmediate(_)
        );
        w.u8(u8::from(event.out_of_network_indicator) << 7
            | u8::from(program) << 6
            | u8::from(event.break_duration.is_some()) << 5
            | u8::from(immediate) << 4
            | u8::from(*event_id_compliance_flag) << 3
            | 7);
        match times {
            SpliceTimes::ProgramImmediate => {}
            SpliceTimes::Program(time) => time.encode(w)?,
            SpliceTimes::ComponentsImmediate(tags) => {
                put_count(w, "component_count", tags.len())?;
                w.bytes(tags);
            }
            SpliceTimes::Components(components) => {
                put_count(w, "component_count", components.len())?;
                for component in components {
                    w.u8(component.component_tag);
                    component.time.encode(w)?;
                }
            }
        }
        event.encode_rest(w)
    }
}

impl ScheduleEvent {
    fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let splice_event_id = r.u32("splice_event_id")?;
        let flags = r.u8("splice_event_cancel_indicator")?;
        let event_id_compliance_flag = flags & 0x40 != 0;
        let event = if flags & 0x80 == 0 {
            let flags = r.u8("out_of_network_indicator")?;
            let utc = |r: &mut Reader<'_>| Ok(r.u32("utc_splice_time")?);
            let when = if flags & 0x40 != 0 {
                ScheduleTime::Program(utc(r)?)
            } else {
                ScheduleTime::Components(components(r, utc)?)
            };
            let (out, duration) = (flags & 0x80 != 0, flags & 0x20 != 0);
            Some(SpliceEvent::decode(r, out, duration, when)?)
        } else {
            None
        };
        Ok(Self {
            splice_event_id,
            event_id_compliance_flag,
            event,
        })
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        let compliance = u8::from(self.event_id_compliance_flag) << 6;
        w.u32(self.splice_event_id)
            .u8(u8::from(self.event.is_none()) << 7 | compliance | 0x3F);
        let Some(event) = &self.event else {
            return Ok(());
        };
        let program = matches!(event.when, ScheduleTime::Program(_));
        w.u8(u8::from(event.out_of_network_indicator) << 7
            | u8::from(program) << 6
            | u8::from(event.break_duration.is_some()) << 5
            | 0x1F);
        match &event.when {
            ScheduleTime::Program(utc_splice_time) => {
                w.u32(*utc_splice_time);
            }
            ScheduleTime::Components(components) => {
                put_count(w, "component_count", components.len())?;
                for component in components {
                    w.u8(component.component_tag).u32(component.time);
                }
            }
        }
        event.encode_rest(w)
    }
}
