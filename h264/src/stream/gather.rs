use super::{AccessUnit, Event, Limits, Warning};
use crate::access_unit::{Boundaries, Boundary, Summary};
use crate::annexb::Piece;
use crate::nal::UnitType;
use crate::sei::{self, Payload};
use crate::sps::Rational;
use crate::timeline::{Picture, Timeline, Timing};
use crate::{DecoderConfig, Error, SliceHeader, Sps, length_prefixed};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Puts access units together, and passes them on to the timeline.
#[derive(Debug)]
pub(super) struct Gather {
    limits: Limits,
    boundaries: Boundaries,
    timeline: Timeline<Unit>,
    config: DecoderConfig,
    /// The configuration is another one than was told.
    reconfigured: bool,
    /// It has a parameter set that could not be read.
    is_damaged: bool,
    /// NAL units that stay, with their lengths, the last one perhaps in part.
    data: Vec<u8>,
    /// Memory for the next ones.
    spare: Vec<u8>,
    nal: Option<Nal>,
    /// The first prefix that may belong to the next access unit: where it is in the data, and its offset.
    open: Option<(usize, u64)>,
    /// Offset of the access unit's first NAL unit.
    offset: u64,
    /// Bytes of the access unit that were dropped, once it is past the limit.
    dropped: Option<usize>,
    /// Bytes of the access units in the timeline.
    held: usize,
}

/// The NAL unit that is coming in.
#[derive(Debug, Clone, Copy)]
struct Nal {
    /// Where its length is in the data.
    start: usize,
    offset: u64,
    kind: UnitType,
    /// Whether it is known which access unit it belongs to.
    is_placed: bool,
}

/// An access unit in the timeline.
#[derive(Debug)]
struct Unit {
    data: Vec<u8>,
    summary: Summary,
    offset: u64,
    /// The configuration, where it is another one from here on.
    config: Option<DecoderConfig>,
}

/// Bytes of the length before a NAL unit.
const LENGTH: usize = 4;
/// Bytes of a slice that suffice to tell whether it starts an access unit.
const SLICE_HEAD: usize = 64;

const fn is_slice(kind: UnitType) -> bool {
    matches!(
        kind,
        UnitType::NonIdrSlice | UnitType::PartitionA | UnitType::IdrSlice
    )
}

impl Gather {
    pub(super) fn new(limits: Limits, frame_rate: Option<Rational>) -> Self {
        Self {
            limits,
            boundaries: Boundaries::default(),
            timeline: frame_rate.map_or_else(Timeline::new, Timeline::with_frame_rate),
            config: DecoderConfig::default(),
            reconfigured: false,
            is_damaged: false,
            data: Vec::new(),
            spare: Vec::new(),
            nal: None,
            open: None,
            offset: 0,
            dropped: None,
            held: 0,
        }
    }

    pub(super) const fn buffered_len(&self) -> usize {
        self.data.len().saturating_add(self.held)
    }

    pub(super) fn piece(&mut self, piece: Piece<'_>, events: &mut VecDeque<Event>) {
        match piece {
            Piece::Start { offset } => {
                self.end_nal(events);
                self.nal = Some(Nal {
                    start: self.data.len(),
                    offset,
                    kind: UnitType::Other(0),
                    is_placed: false,
                });
            }
            Piece::Data(data) => self.data(data, events),
        }
    }

    /// More of the NAL unit.
    fn data(&mut self, data: &[u8], events: &mut VecDeque<Event>) {
        let Some(nal) = &mut self.nal else {
            return;
        };
        if self.data.len() == nal.start {
            nal.kind = UnitType::of(data);
            self.data.extend_from_slice(&[0; LENGTH]);
            if !is_slice(nal.kind) {
                // Its kind suffices. What is before it is to be read without the parameter sets that it may bring.
                self.place(data.get(..1).unwrap_or_default(), events);
            }
        }
        let Some(Nal { start, kind, .. }) = self.nal else {
            return;
        };
        // The first bytes tell which access unit it belongs to, and so whether there is room for it.
        let have = self.data.len().saturating_sub(start);
        let head = SLICE_HEAD.saturating_sub(have).min(data.len());
        let (head, rest) = data.split_at_checked(head).unwrap_or_default();
        self.data.extend_from_slice(head);
        if have < SLICE_HEAD && self.data.len().saturating_sub(start) >= SLICE_HEAD {
            self.place_slice(events);
        }
        let is_idle = matches!(kind, UnitType::AccessUnitDelimiter | UnitType::FillerData);
        if is_idle || self.nal.is_none_or(|nal| !nal.is_placed) {
            return;
        }
        if self.data.len().saturating_add(rest.len()) > self.limits.access_unit {
            self.dropped.get_or_insert(0);
        }
        match &mut self.dropped {
            Some(dropped) => *dropped = dropped.saturating_add(rest.len()),
            None => self.data.extend_from_slice(rest),
        }
    }

    /// Tells where the slice belongs, of which as much is there as is needed.
    fn place_slice(&mut self, events: &mut VecDeque<Event>) {
        let Some(nal) = self.nal.filter(|nal| !nal.is_placed) else {
            return;
        };
        let mut head = [0; SLICE_HEAD];
        let have = self
            .data
            .get(nal.start.saturating_add(LENGTH)..)
            .unwrap_or_default();
        let len = have.len().min(SLICE_HEAD);
        head.iter_mut().zip(have).for_each(|(to, from)| *to = *from);
        self.place(head.get(..len).unwrap_or_default(), events);
    }

    /// Tells where the NAL unit belongs that starts so; ends the access unit before it, if it is in another one.
    fn place(&mut self, head: &[u8], events: &mut VecDeque<Event>) {
        let Some(nal) = &mut self.nal else {
            return;
        };
        nal.is_placed = true;
        let here = (nal.start, nal.offset);
        match self.boundaries.next(head) {
            Boundary::Within => self.open = None,
            Boundary::Open => {
                self.open.get_or_insert(here);
            }
            Boundary::Here => self.split(here, events),
            Boundary::BeforeOpen => {
                let open = self.open.take();
                self.split(open.unwrap_or(here), events);
            }
        }
    }

    /// Ends the access unit before some place in the data.
    fn split(&mut self, (at, offset): (usize, u64), events: &mut VecDeque<Event>) {
        let mut data = core::mem::take(&mut self.data);
        let mut next = core::mem::take(&mut self.spare);
        next.clear();
        next.extend_from_slice(data.get(at..).unwrap_or_default());
        data.truncate(at);
        self.end_unit(&data, events);
        self.data = next;
        self.spare = data;
        self.offset = offset;
        if let Some(nal) = &mut self.nal {
            nal.start = nal.start.saturating_sub(at);
        }
    }

    /// The NAL unit is whole.
    fn end_nal(&mut self, events: &mut VecDeque<Event>) {
        if self
            .nal
            .is_some_and(|nal| self.data.len() > nal.start && !nal.is_placed)
        {
            self.place_slice(events);
            if self.data.len() > self.limits.access_unit {
                self.dropped.get_or_insert(0);
            }
        }
        let Some(Nal {
            start,
            offset,
            kind,
            ..
        }) = self.nal.take()
        else {
            return;
        };
        let Some((length, nal)) = self
            .data
            .get_mut(start..)
            .and_then(|unit| unit.split_first_chunk_mut::<LENGTH>())
        else {
            return;
        };
        let mut stays = self.dropped.is_none();
        match kind {
            UnitType::AccessUnitDelimiter | UnitType::FillerData => stays = false,
            UnitType::Sps | UnitType::Pps | UnitType::SpsExtension if stays => {
                stays = false;
                let taken = match self.config.merge([&*nal]) {
                    Ok(new) => {
                        self.reconfigured |= new;
                        // One that we cannot read a decoder may.
                        let read = self.boundaries.insert(nal);
                        self.is_damaged |= read.is_err();
                        read
                    }
                    Err(error) => Err(error),
                };
                if let Err(error) = taken {
                    events.push_back(Event::Warning(Warning {
                        offset,
                        skipped: 0,
                        error,
                    }));
                }
            }
            _ => match length_prefixed::length(nal) {
                Ok(len) => *length = len,
                Err(_) => stays = false,
            },
        }
        if !stays {
            if let Some(dropped) = &mut self.dropped {
                *dropped = dropped.saturating_add(nal.len());
            }
            self.data.truncate(start);
        }
    }

    /// The access unit is whole.
    fn end_unit(&mut self, data: &[u8], events: &mut VecDeque<Event>) {
        let dropped = self.dropped.take();
        let pushed = match dropped {
            Some(_) => Err(Error::Limit {
                what: "access unit",
                max: self.limits.access_unit,
            }),
            None => self.push(data),
        };
        if let Err(error) = pushed {
            events.push_back(Event::Warning(Warning {
                offset: self.offset,
                skipped: data.len().saturating_add(dropped.unwrap_or(0)),
                error,
            }));
        }
        if self.held > self.limits.held {
            self.timeline.finish();
        }
        self.drain(events);
    }

    /// Passes an access unit on, if it is not empty.
    fn push(&mut self, data: &[u8]) -> Result<(), Error> {
        if data.is_empty() {
            return Ok(());
        }
        let nals = || length_prefixed::nals(data, 4).flatten();
        let mut slice = SliceHeader::default();
        let mut header = Err(Error::NoPicture);
        for nal in nals().filter(|nal| is_slice(UnitType::of(nal))) {
            header = slice.read(nal, self.boundaries.parameter_sets());
            if header.is_ok() {
                break;
            }
            slice = SliceHeader::default();
        }
        let sets = self.boundaries.parameter_sets();
        let known = header.and_then(|header| {
            let pps = sets.pps(slice.pic_parameter_set_id)?;
            Ok((header, sets.sps(pps.seq_parameter_set_id)?))
        });
        let may_be_read = self.is_damaged && self.config.is_complete();
        let known = match known {
            Err(Error::Missing { .. }) if may_be_read => None,
            known => Some(known?),
        };
        let reconfigured = core::mem::take(&mut self.reconfigured);
        let unit = Unit {
            data: data.to_vec(),
            summary: Summary::of(nals()),
            offset: self.offset,
            config: reconfigured.then(|| self.config.clone()),
        };
        self.held = self.held.saturating_add(data.len());
        match known {
            Some((header, sps)) => {
                let picture = Picture {
                    header,
                    slice: &slice,
                    sps,
                    pic_struct: pic_struct(nals(), sps),
                };
                self.timeline.push(&picture, unit);
            }
            None => self.timeline.push_unknown(unit),
        }
        Ok(())
    }

    /// Gives out what has its times.
    fn drain(&mut self, events: &mut VecDeque<Event>) {
        while let Some((Timing { dts, pts, duration }, unit)) = self.timeline.pop() {
            self.held = self.held.saturating_sub(unit.data.len());
            if let Some(config) = unit.config {
                events.push_back(Event::Config {
                    config,
                    timescale: self.timeline.timescale().unwrap_or_default(),
                });
            }
            events.push_back(Event::AccessUnit(AccessUnit {
                data: unit.data.into(),
                dts,
                pts,
                duration,
                summary: unit.summary,
                offset: unit.offset,
            }));
        }
    }

    /// Nothing follows.
    pub(super) fn finish(&mut self, events: &mut VecDeque<Event>) {
        self.end_nal(events);
        let data = core::mem::take(&mut self.data);
        self.end_unit(&data, events);
        self.timeline.finish();
        self.drain(events);
    }
}

/// `pic_struct` of the picture timing message, where there is one.
fn pic_struct<'a>(nals: impl Iterator<Item = &'a [u8]>, sps: &Sps) -> Option<u8> {
    if !sps.vui.as_ref()?.pic_struct_present_flag {
        return None;
    }
    nals.filter(|nal| UnitType::of(nal) == UnitType::Sei)
        .flat_map(|nal| sei::messages(nal).flatten())
        .find_map(|message| match message.payload(Some(sps)) {
            Ok(Payload::PicTiming(timing)) => Some(timing.pic_struct?.pic_struct),
            _ => None,
        })
}
