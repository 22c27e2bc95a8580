use super::Summary;
use crate::nal::UnitType;
use crate::{DecoderConfig, Error, annexb, length_prefixed};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use bytes::Bytes;

/// An access unit in the form that samples of MP4, FLV and Matroska have: each NAL unit after its length in 4 bytes,
/// without delimiters and filler, and without parameter sets, which are moved to the configuration.
///
/// What was read before an error is there; what follows a length that goes past the end is lost.
///
/// ```
/// use fluvial_h264::{DecoderConfig, access_unit::Canonical};
///
/// let mut config = DecoderConfig::default();
/// let stream = [
///     &[0, 0, 0, 1, 0x09, 0xF0][..],
///     &[0, 0, 0, 1, 0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x11, 0x3F, 0x90],
///     &[0, 0, 0, 1, 0x68, 0xCE, 0x0F, 0xC8],
///     &[0, 0, 1, 0x65, 0xB8, 0x04, 0x0A, 0xFF],
/// ].concat();
/// let unit = Canonical::from_annexb(stream, &mut config);
/// assert_eq!(*unit.data, [0, 0, 0, 5, 0x65, 0xB8, 0x04, 0x0A, 0xFF]);
/// assert!(unit.reconfigured && unit.summary.is_sync());
/// assert_eq!(config.rfc6381(), "42C00A");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Canonical<T> {
    /// Its bytes; empty where nothing but delimiters, filler and parameter sets was there.
    pub data: T,
    /// What its headers tell.
    pub summary: Summary,
    /// Whether parameter sets in it changed the configuration.
    pub reconfigured: bool,
    /// What was wrong with it, first of all.
    pub error: Option<Error>,
}

const fn is_parameter_set(nal: &[u8]) -> bool {
    matches!(
        UnitType::of(nal),
        UnitType::Sps | UnitType::Pps | UnitType::SpsExtension
    )
}

/// Whether a NAL unit stays in the access unit.
const fn stays(nal: &[u8]) -> bool {
    !is_parameter_set(nal)
        && !matches!(
            UnitType::of(nal),
            UnitType::AccessUnitDelimiter | UnitType::FillerData
        )
}

impl<T> Canonical<T> {
    fn with_data<U>(self, data: U) -> Canonical<U> {
        Canonical {
            data,
            summary: self.summary,
            reconfigured: self.reconfigured,
            error: self.error,
        }
    }

    /// Moves parameter sets to the configuration.
    fn merge<'n>(&mut self, nals: impl IntoIterator<Item = &'n [u8]>, config: &mut DecoderConfig) {
        match config.merge(nals) {
            Ok(changed) => self.reconfigured |= changed,
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
    }
}

impl Canonical<Vec<u8>> {
    /// From NAL units, in order. `len` is how long they are together, about.
    pub fn from_nals<'n, I>(nals: I, len: usize, config: &mut DecoderConfig) -> Self
    where
        I: IntoIterator<Item = Result<&'n [u8], Error>, IntoIter: Clone>,
    {
        let nals = nals.into_iter();
        let mut unit = Self {
            data: Vec::with_capacity(len),
            ..Self::default()
        };
        unit.append(nals, config);
        unit.summary = Summary::of(length_prefixed::nals(&unit.data, 4).flatten());
        unit
    }

    fn append<'n>(
        &mut self,
        nals: impl Iterator<Item = Result<&'n [u8], Error>> + Clone,
        config: &mut DecoderConfig,
    ) {
        let mut parameter_sets = false;
        for nal in nals.clone() {
            let pushed = nal.and_then(|nal| {
                parameter_sets |= is_parameter_set(nal);
                if stays(nal) {
                    length_prefixed::push(nal, &mut self.data)
                } else {
                    Ok(())
                }
            });
            if let Err(error) = pushed {
                self.error.get_or_insert(error);
            }
        }
        if parameter_sets {
            self.merge(nals.flatten(), config);
        }
    }
}

impl<'a> Canonical<Cow<'a, [u8]>> {
    /// From NAL units with lengths of `length_size` bytes before them. Nothing is copied where they have the form already.
    pub fn from_length_prefixed(
        data: &'a [u8],
        length_size: u8,
        config: &mut DecoderConfig,
    ) -> Self {
        let nals = length_prefixed::nals(data, length_size);
        let mut kept: usize = 0;
        for nal in nals.clone().flatten().filter(|nal| stays(nal)) {
            kept = kept.saturating_add(nal.len()).saturating_add(4);
        }
        // Empty units, and what a wrong length leaves over, make it longer.
        if length_size == 4 && kept == data.len() {
            return Self {
                data: Cow::Borrowed(data),
                summary: Summary::of(nals.flatten()),
                ..Self::default()
            };
        }
        let mut unit = Canonical::from_nals(nals, kept, config);
        let data = core::mem::take(&mut unit.data);
        unit.with_data(Cow::Owned(data))
    }
}

impl Canonical<Bytes> {
    /// From NAL units with start codes before them: one access unit, or what a transport delivers as one.
    ///
    /// Start codes are turned into lengths in place, and what is to go from the start or the end is passed over, so that
    /// nothing is copied; but for a start code of 3 bytes, padding or something that goes in the middle.
    pub fn from_annexb(mut data: Vec<u8>, config: &mut DecoderConfig) -> Self {
        let mut unit = Canonical::<()>::default();
        let Some(code) = skip_head(&data, &mut unit, config) else {
            return unit.with_data(Bytes::new());
        };
        while let [.., 0] = data.as_slice() {
            data.pop();
        }
        // Of a byte before a start code of 3 bytes nobody has need any more.
        let start = code.saturating_sub(1);
        if code > 0
            && let Some(zero) = data.get_mut(start)
        {
            *zero = 0;
        }
        let body = data.get_mut(start..).unwrap_or_default();
        let done = match annexb::convert_in_place(body, stays) {
            Ok(done) => start.saturating_add(done),
            Err(error) => {
                unit.error.get_or_insert(error);
                return unit.with_data(Bytes::new());
            }
        };
        let rest = data.get(done..).unwrap_or_default();
        if annexb::start_codes(rest).any(|code| stays(header(rest, code))) {
            // Room for some start codes of 3 bytes.
            let mut whole = unit.with_data(Vec::with_capacity(data.len().saturating_add(64)));
            let converted = data.get(start..done).unwrap_or_default();
            whole.data.extend_from_slice(converted);
            let mut parameter_sets = false;
            let result = annexb::convert(rest, &mut whole.data, |nal| {
                parameter_sets |= is_parameter_set(nal);
                stays(nal)
            });
            if let Err(error) = result {
                whole.error.get_or_insert(error);
            }
            if parameter_sets {
                whole.merge(annexb::nals(rest), config);
            }
            whole.summary = Summary::of(length_prefixed::nals(&whole.data, 4).flatten());
            let data = core::mem::take(&mut whole.data);
            return whole.with_data(data.into());
        }
        unit.merge(annexb::nals(rest), config);
        let body = data.get(start..done).unwrap_or_default();
        unit.summary = Summary::of(length_prefixed::nals(body, 4).flatten());
        unit.with_data(length_prefixed::part(data.into(), start..done))
    }

    /// As [`from_length_prefixed`](Canonical::from_length_prefixed), with lengths of 4 bytes. What is to go from the start or the end
    /// is passed over, so that nothing is copied unless something goes in the middle.
    pub fn from_units(data: Vec<u8>, config: &mut DecoderConfig) -> Self {
        let nals = length_prefixed::nals(&data, 4);
        let mut unit = Canonical::<()> {
            error: nals.clone().find_map(Result::err),
            ..Canonical::default()
        };
        if nals.clone().flatten().any(is_parameter_set) {
            unit.merge(nals.flatten(), config);
        }
        let data = length_prefixed::retain(data, stays);
        unit.summary = Summary::of(length_prefixed::nals(&data, 4).flatten());
        unit.with_data(data)
    }
}

/// What follows a start code.
fn header(data: &[u8], code: usize) -> &[u8] {
    data.get(code.saturating_add(3)..).unwrap_or_default()
}

/// Where the start code of the first unit that stays is; parameter sets before it are moved.
fn skip_head(data: &[u8], unit: &mut Canonical<()>, config: &mut DecoderConfig) -> Option<usize> {
    let mut parameter_sets = false;
    let code = annexb::start_codes(data).find(|code| {
        let header = header(data, *code);
        parameter_sets |= is_parameter_set(header);
        !header.is_empty() && stays(header)
    });
    if parameter_sets {
        let head = data.get(..code.unwrap_or(data.len())).unwrap_or_default();
        unit.merge(annexb::nals(head), config);
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    const SPS: [u8; 8] = [0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x11, 0x3F, 0x90];
    const PPS: [u8; 4] = [0x68, 0xCE, 0x0F, 0xC8];
    const SLICE: [u8; 4] = [0x65, 0x88, 0x84, 0x07];
    const SEI: [u8; 5] = [0x06, 5, 1, 9, 0x80];

    fn config() -> DecoderConfig {
        DecoderConfig::from_parameter_sets([&SPS[..]], [&PPS[..]]).unwrap()
    }

    fn sample(nals: &[&[u8]], length_size: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for nal in nals {
            let len = u32::try_from(nal.len()).unwrap().to_be_bytes();
            out.extend_from_slice(&len[4 - length_size..]);
            out.extend_from_slice(nal);
        }
        out
    }

    #[test]
    fn what_has_the_form_is_not_copied() {
        let data = sample(&[&SEI, &SLICE], 4);
        let unit = Canonical::from_length_prefixed(&data, 4, &mut config());
        assert!(matches!(unit.data, Cow::Borrowed(_)));
        assert!(unit.summary.idr && !unit.reconfigured && unit.error.is_none());
    }

    #[test]
    fn lengths_get_4_bytes_and_delimiters_go() {
        let nals: [&[u8]; 4] = [&[0x09, 0xF0], &SEI, &SLICE, &[0x0C, 0xFF, 0x80]];
        for length_size in [1, 2, 4] {
            let data = sample(&nals, usize::from(length_size));
            let unit = Canonical::from_length_prefixed(&data, length_size, &mut config());
            assert_eq!(*unit.data, sample(&nals[1..3], 4));
            assert!(!unit.reconfigured && unit.error.is_none());
        }
    }

    #[test]
    fn parameter_sets_move_to_the_configuration() {
        let data = sample(&[&SPS, &PPS, &SLICE], 4);
        let mut known = config();
        let same = Canonical::from_length_prefixed(&data, 4, &mut known);
        assert_eq!(*same.data, sample(&[&SLICE], 4));
        assert!(!same.reconfigured);
        let mut empty = DecoderConfig::default();
        let new = Canonical::from_length_prefixed(&data, 4, &mut empty);
        assert_eq!((new.data, new.reconfigured), (same.data, true));
        assert_eq!(empty, known);
    }

    #[test]
    fn sets_may_come_apart_and_in_any_order() {
        let mut config = DecoderConfig::default();
        for (nal, id) in [(&PPS[..], "000000"), (&SPS, "42C00A")] {
            let unit = Canonical::from_nals([Ok(nal)], 0, &mut config);
            assert!(unit.data.is_empty() && unit.reconfigured && unit.error.is_none());
            assert_eq!(config.rfc6381(), id);
        }
        assert_eq!(config, self::config());
    }

    #[test]
    fn what_follows_a_wrong_length_is_lost() {
        let mut data = sample(&[&SLICE], 4);
        data.extend_from_slice(&[0, 0, 1, 0, 0x41]);
        let unit = Canonical::from_length_prefixed(&data, 4, &mut config());
        assert_eq!(*unit.data, sample(&[&SLICE], 4));
        assert!(matches!(unit.error, Some(Error::Short(_))));
    }

    #[test]
    fn a_head_and_a_tail_that_go_leave_the_rest_in_place() {
        let nals: [&[u8]; 6] = [&[0x09, 0xF0], &SPS, &PPS, &SEI, &SLICE, &[0x0C, 0xFF, 0x80]];
        for first in [&[0, 0, 1][..], &[0, 0, 0, 1]] {
            let mut data = first.to_vec();
            data.extend_from_slice(nals[0]);
            nals[1..]
                .iter()
                .for_each(|nal| annexb::push(nal, &mut data));
            data.extend_from_slice(&[0, 0]);
            let place = data.as_ptr();
            let mut config = DecoderConfig::default();
            let unit = Canonical::from_annexb(data, &mut config);
            assert_eq!(*unit.data, sample(&nals[3..5], 4));
            let before = first.len() + 2 + 4 + SPS.len() + 4 + PPS.len();
            assert_eq!(unit.data.as_ptr(), place.wrapping_add(before));
            assert_eq!(config, self::config());
            let data = sample(&nals, 4);
            let place = data.as_ptr();
            let again = Canonical::from_units(data, &mut config);
            assert_eq!((&again.data, again.reconfigured), (&unit.data, false));
            let before = nals[..3].iter().map(|nal| 4 + nal.len()).sum();
            assert_eq!(again.data.as_ptr(), place.wrapping_add(before));
        }
    }

    proptest! {
        #[test]
        fn in_place_or_not_is_the_same(
            nals in proptest::collection::vec(
                (prop_oneof![Just(&[0x09, 0xF0][..]), Just(&SPS[..]), Just(&PPS[..]), Just(&SLICE[..]), Just(&SEI[..]), Just(&[][..]), Just(&[0, 7][..]), Just(&[0x0C, 0xFF, 0x80][..])], 0..5usize),
                0..8,
            ),
            junk in 0..3usize,
        ) {
            let mut data = vec![0xFF; junk];
            for (nal, zeros) in nals {
                data.resize(data.len() + zeros, 0);
                data.extend_from_slice(&[0, 0, 1]);
                data.extend_from_slice(nal);
            }
            let (mut a, mut b) = (DecoderConfig::default(), DecoderConfig::default());
            let slow = Canonical::from_nals(annexb::nals(&data).map(Ok), data.len(), &mut a);
            let fast = Canonical::from_annexb(data.clone(), &mut b);
            prop_assert_eq!(&slow.data, &fast.data);
            prop_assert_eq!((slow.summary, &slow.error), (fast.summary, &fast.error));
            prop_assert_eq!(&a, &b);
            let mut units = vec![];
            annexb::to_length_prefixed(&data, &mut units).unwrap();
            let mut c = DecoderConfig::default();
            let fast = Canonical::from_units(units, &mut c);
            prop_assert_eq!(&slow.data, &fast.data);
            prop_assert_eq!((slow.summary, slow.error), (fast.summary, fast.error));
            prop_assert_eq!(&a, &c);
        }
    }
}
