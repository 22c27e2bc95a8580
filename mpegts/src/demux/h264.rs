//! H.264 as a [`Syntax`] of NAL units.

use super::order::Place;
use super::video::{Nals, Syntax, Unit};
use alloc::format;
use alloc::string::ToString;
use h264::access_unit::{Boundaries, Boundary, Canonical, Summary};
use h264::nal::{Header, UnitType};
use h264::{DecoderConfig, ParameterSets, PicOrderCounter, SliceHeader, length_prefixed};
use media::{Codec, Flags};

/// What is known of the stream.
#[derive(Debug, Default)]
pub(super) struct H264 {
    config: DecoderConfig,
    boundaries: Boundaries,
    sets: ParameterSets,
    /// Pictures may be fields.
    interlaced: bool,
    ready: bool,
    frame_duration: Option<i64>,
    counter: PicOrderCounter,
}

impl H264 {
    fn reconfigure(&mut self) {
        self.sets = ParameterSets::default();
        for nal in self.config.sps().chain(self.config.pps()) {
            // One that cannot be read is of no use for slices either.
            let _ = self.sets.insert(nal);
        }
        let sps = self.config.first_sps();
        self.interlaced = sps.is_some_and(|sps| !sps.frame_mbs_only_flag);
        self.frame_duration = sps.and_then(|sps| {
            let rate = sps.frame_rate()?;
            i64::from(rate.den)
                .saturating_mul(90_000)
                .checked_div(rate.num.into())
        });
        self.ready = self.config.is_complete();
    }

    /// The header of the first slice of an access unit.
    fn slice(&self, unit: &[u8]) -> Option<SliceHeader> {
        let nal = length_prefixed::nals(unit, 4)
            .flatten()
            .find(|nal| UnitType::of(nal).is_vcl())?;
        SliceHeader::parse(nal, &self.sets).ok()
    }
}

impl Syntax for H264 {
    fn restart(&mut self) {
        self.boundaries = Boundaries::default();
        for nal in self.config.sps().chain(self.config.pps()) {
            self.boundaries.next(nal);
        }
    }

    fn boundary(&mut self, nal: &[u8]) -> Boundary {
        self.boundaries.next(nal)
    }

    fn may_begin(nal: &[u8]) -> bool {
        match UnitType::of(nal).number() {
            1 | 2 | 5 => Self::picture(nal) == Some(true),
            6..=9 | 14..=18 => true,
            _ => false,
        }
    }

    fn picture(nal: &[u8]) -> Option<bool> {
        // Macroblock 0 is written as a one bit.
        UnitType::of(nal)
            .is_vcl()
            .then(|| nal.get(1).is_some_and(|byte| byte & 0x80 != 0))
    }

    fn canonical(&mut self, data: Nals) -> Unit {
        let unit = match data {
            Nals::Annexb(data) => Canonical::from_annexb(data, &mut self.config),
            Nals::LengthPrefixed(data) => Canonical::from_units(data, &mut self.config),
        };
        let mut error = unit.error.map(|error| error.to_string());
        if unit.reconfigured {
            self.reconfigure();
            let damage = self.config.damage();
            let damage = damage.map(|wrong| format!("sequence parameter set: {wrong}"));
            error = error.or(damage);
        }
        Unit {
            data: unit.data,
            reconfigured: unit.reconfigured,
            error,
        }
    }

    fn is_field(&mut self, unit: &[u8]) -> bool {
        self.interlaced && self.slice(unit).is_some_and(|slice| slice.field_pic_flag)
    }

    fn is_pair(&mut self, first: &[u8], second: &[u8]) -> bool {
        match (self.slice(first), self.slice(second)) {
            (Some(first), Some(second)) => {
                second.field_pic_flag
                    && first.bottom_field_flag != second.bottom_field_flag
                    && first.frame_num == second.frame_num
            }
            _ => false,
        }
    }

    fn codec(&self) -> Option<Codec> {
        self.ready.then(|| Codec::H264(self.config.clone()))
    }

    fn is_ready(&self) -> bool {
        self.ready
    }

    fn frame_duration(&self) -> Option<i64> {
        self.frame_duration
    }

    fn flags(&self, unit: &[u8]) -> Flags {
        let summary = Summary::of(length_prefixed::nals(unit, 4).flatten());
        Flags::SYNC.when(summary.is_sync()) | Flags::DISPOSABLE.when(!summary.reference)
    }

    fn place(&mut self, unit: &[u8]) -> Option<Place> {
        let nal = length_prefixed::nals(unit, 4)
            .flatten()
            .find(|nal| UnitType::of(nal).is_vcl())?;
        let slice = SliceHeader::parse(nal, &self.sets).ok()?;
        let pps = self.sets.pps(slice.pic_parameter_set_id).ok()?;
        let sps = self.sets.sps(pps.seq_parameter_set_id).ok()?;
        let header = Header::parse(nal).ok()?;
        let count = self.counter.next(header, &slice, sps).value();
        Some(Place {
            count,
            is_first: header.nal_unit_type == UnitType::IdrSlice,
        })
    }

    fn reorder_depth(&self) -> u8 {
        self.config
            .first_sps()
            .map_or(1, h264::Sps::max_num_reorder_frames)
    }
}
