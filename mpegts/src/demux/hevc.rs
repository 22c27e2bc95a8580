//! H.265 as a [`Syntax`] of NAL units (ISO/IEC 23008-2 §7.4.2.4.4).

use super::video::{Nals, Syntax, Unit};
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use h264::access_unit::Boundary;
use h264::{annexb, length_prefixed};
use media::codec::Hevc as Config;
use media::codec::hevc::{ParameterSets, Sps};
use media::{Codec, Flags};

const VPS: u8 = 32;
const PPS: u8 = 34;
const DELIMITER: u8 = 35;
const FILLER: u8 = 38;

/// What is known of the stream.
#[derive(Debug, Default)]
pub(super) struct Hevc {
    sets: ParameterSets,
    config: Option<Config>,
    /// The first sequence parameter set.
    sps: Option<Sps>,
    open: Open,
}

/// What the access unit has so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Open {
    #[default]
    Nothing,
    Head,
    Picture,
}

/// `nal_unit_type`, 6 bits.
fn kind(nal: &[u8]) -> Option<u8> {
    nal.first().map(|byte| byte >> 1 & 0x3F)
}

impl Syntax for Hevc {
    fn restart(&mut self) {
        self.open = Open::Nothing;
    }

    fn boundary(&mut self, nal: &[u8]) -> Boundary {
        let kind = kind(nal).unwrap_or(u8::MAX);
        let (starts, open) = match (kind, self.open) {
            (..VPS, Open::Head) => (false, Open::Picture),
            (..VPS, before) => {
                let first = Self::picture(nal) == Some(true);
                (first || before == Open::Nothing, Open::Picture)
            }
            (DELIMITER, _) => (true, Open::Head),
            // Parameter sets, messages before a picture, reserved and unspecified ones of that place.
            (VPS..=PPS | 39 | 41..=44 | 48..=55, Open::Picture | Open::Nothing) => {
                (true, Open::Head)
            }
            (_, before) => (false, before),
        };
        self.open = open;
        if starts {
            Boundary::Here
        } else {
            Boundary::Within
        }
    }

    fn may_begin(nal: &[u8]) -> bool {
        match kind(nal) {
            Some(..VPS) => Self::picture(nal) == Some(true),
            Some(VPS..=DELIMITER | 39 | 41..=44 | 48..=55) => true,
            _ => false,
        }
    }

    fn picture(nal: &[u8]) -> Option<bool> {
        // first_slice_segment_in_pic_flag
        matches!(kind(nal), Some(..VPS)).then(|| nal.get(2).is_some_and(|byte| byte & 0x80 != 0))
    }

    fn canonical(&mut self, data: Nals) -> Unit {
        let mut unit = Unit::default();
        let data = match data {
            Nals::LengthPrefixed(data) => data,
            Nals::Annexb(mut data) => {
                if let Err(error) = annexb::make_length_prefixed(&mut data) {
                    unit.error = Some(error.to_string());
                }
                data
            }
        };
        let (mut changed, mut wrong) = (false, None);
        unit.data = length_prefixed::retain(data, |nal| match kind(nal) {
            Some(VPS..=PPS) => {
                match self.sets.insert(nal) {
                    Ok(is_new) => changed |= is_new,
                    Err(error) => wrong = Some(error),
                }
                false
            }
            Some(DELIMITER | FILLER) => false,
            _ => true,
        });
        if changed {
            let sets: Vec<&[u8]> = self.sets.nals().collect();
            match Config::from_parameter_sets(&sets) {
                Ok(config) => {
                    unit.reconfigured = self.config.as_ref() != Some(&config);
                    let mut sets = sets.into_iter();
                    self.sps = sets.find_map(|set| Some(Sps::parse_usable(set).ok()?.0));
                    self.config = Some(config);
                }
                // As long as not all of them have come.
                Err(_) if self.config.is_none() && sets.len() < 3 => {}
                Err(error) => wrong = wrong.or(Some(error)),
            }
        }
        if let Some(error) = wrong {
            unit.error = Some(format!("parameter sets: {error}"));
        }
        unit
    }

    fn is_pair(&mut self, _: &[u8], _: &[u8]) -> bool {
        false
    }

    fn is_field(&mut self, _: &[u8]) -> bool {
        false
    }

    fn codec(&self) -> Option<Codec> {
        self.config.clone().map(Codec::Hevc)
    }

    fn is_ready(&self) -> bool {
        self.config.is_some()
    }

    fn frame_duration(&self) -> Option<i64> {
        let (rate, units) = self.sps?.frame_rate?;
        let ticks = 90_000_u64.saturating_mul(units.into()) / u64::from(rate);
        i64::try_from(ticks).ok().filter(|ticks| *ticks > 0)
    }

    fn flags(&self, unit: &[u8]) -> Flags {
        let sync = self
            .config
            .as_ref()
            .is_some_and(|config| config.is_sync(unit));
        Flags::SYNC.when(sync)
    }

    fn reorder_depth(&self) -> u8 {
        self.sps.map_or(2, |sps| sps.max_num_reorder_pics)
    }
}
