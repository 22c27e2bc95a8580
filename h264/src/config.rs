//! The decoder configuration record of MP4, FLV and Matroska (ISO/IEC 14496-15 §5.3.3.1).

use crate::nal::UnitType;
use crate::sps::is_high;
use crate::{Error, Sps, pps, sps};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;
use wire::{LengthOf, Reader, Writer};

/// `AVCDecoderConfigurationRecord`, the contents of an `avcC` box: profile, level, and the parameter sets.
///
/// ```text
/// configurationVersion    8   1
/// AVCProfileIndication    8
/// profile_compatibility   8
/// AVCLevelIndication      8
/// reserved 6, lengthSizeMinusOne 2
/// reserved 3, numOfSequenceParameterSets 5; each: 16 length, NAL unit
/// numOfPictureParameterSets 8; each: 16 length, NAL unit
/// High profiles, may be missing:
///   reserved 6, chroma_format 2; reserved 5, bit_depth_luma_minus8 3; reserved 5, bit_depth_chroma_minus8 3
///   numOfSequenceParameterSetExt 8; each: 16 length, NAL unit
/// ```
///
/// The record is kept byte for byte, with whatever follows its last field, and is cheap to clone. The first sequence
/// parameter set is read once, on construction.
///
/// ```
/// use fluvial_h264::DecoderConfig;
///
/// let sps = [
///     0x67, 0x64, 0x00, 0x1F, 0xAC, 0xD9, 0x40, 0x50, 0x05, 0xBB, 0x01, 0x6A, 0x02, 0x02, 0x02,
///     0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x19, 0x07, 0x8C, 0x18, 0xCB,
/// ];
/// let config = DecoderConfig::from_parameter_sets([&sps[..]], [&[0x68, 0xEB, 0xE3, 0xCB, 0x22, 0xC0][..]])?;
/// assert_eq!(config.rfc6381(), "64001F");
/// assert_eq!(config.first_sps().map(|sps| (sps.width(), sps.height())), Some((1280, 720)));
/// assert_eq!(DecoderConfig::parse(config.raw())?, config);
/// # Ok::<(), fluvial_h264::Error>(())
/// ```
#[derive(Clone)]
pub struct DecoderConfig(Arc<Record>);

struct Record {
    raw: Bytes,
    /// Offsets in `raw` of the three counted lists, after their counts; the last one is missing where there is no tail.
    sps: usize,
    pps: usize,
    sps_ext: Option<usize>,
    first_sps: Option<Sps>,
}

/// The fields before the first list.
const FIXED: usize = 6;

impl DecoderConfig {
    /// Reads a record. What follows the picture parameter sets is kept, and made use of where it makes sense.
    ///
    /// # Errors
    /// [`Error::Short`] where the record ends within a parameter set, [`Error::Invalid`] for a `configurationVersion`
    /// other than 1. A sequence parameter set that cannot be read is no error; see [`first_sps`](Self::first_sps).
    pub fn parse(record: &[u8]) -> Result<Self, Error> {
        Self::from_raw(Bytes::copy_from_slice(record))
    }

    fn from_raw(raw: Bytes) -> Result<Self, Error> {
        let mut r = Reader::new(&raw);
        let [version, profile, _, _, _, sps_count] = *r.array::<FIXED>("avcC")?;
        if version != 1 {
            return Err(Error::Invalid {
                field: "configurationVersion",
                value: version.into(),
                bit: 0,
            });
        }
        let first_sps = Nals::new(r.peek(), sps_count & 0x1F)
            .next()
            .and_then(|nal| Some(Sps::parse_usable(nal).ok()?.0));
        skip_list(&mut r, sps_count & 0x1F, "sequenceParameterSetNALUnit")?;
        let pps_count = r.u8("numOfPictureParameterSets")?;
        let pps = r.offset();
        skip_list(&mut r, pps_count, "pictureParameterSetNALUnit")?;
        let sps_ext = if is_high(profile) {
            sps_ext(&mut r).ok()
        } else {
            None
        };
        Ok(Self(Arc::new(Record {
            sps: FIXED,
            pps,
            sps_ext,
            first_sps,
            raw,
        })))
    }

    /// Makes a record of parameter sets (NAL units with header, without start code), for lengths of 4 bytes.
    ///
    /// Profile and level are those of the first sequence parameter set; of several, the highest level and the
    /// constraints that they share.
    ///
    /// # Errors
    /// [`Error::Missing`] without a sequence parameter set; [`Error::Short`] for one of less than 4 bytes;
    /// [`Error::TooLong`] for more than 31 of them, more than 255 picture parameter sets, or one past 65535 bytes.
    /// A sequence parameter set that cannot be read is no error, but in a High profile the record's tail, which
    /// repeats some of its fields, is then left out.
    pub fn from_parameter_sets<'a>(
        sps: impl IntoIterator<Item = &'a [u8]>,
        pps: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, Error> {
        let mut sets = Lists::default();
        sets.sps.extend(sps);
        sets.pps.extend(pps);
        if sets.sps.is_empty() {
            return Err(Error::Missing {
                what: "sequence parameter set",
                id: 0,
            });
        }
        sets.record(4, [0; 3])
    }

    /// The record itself, byte for byte.
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        &self.0.raw
    }

    fn fixed(&self) -> [u8; FIXED] {
        self.0.raw.first_chunk().copied().unwrap_or_default()
    }

    /// `AVCProfileIndication`, as `profile_idc`.
    #[must_use]
    pub fn profile(&self) -> u8 {
        let [_, profile, ..] = self.fixed();
        profile
    }

    /// `profile_compatibility`: the constraint flags, `constraint_set0_flag` in the most significant bit.
    #[must_use]
    pub fn constraint_flags(&self) -> u8 {
        let [_, _, flags, ..] = self.fixed();
        flags
    }

    /// `AVCLevelIndication`, as `level_idc`: ten times the level.
    #[must_use]
    pub fn level(&self) -> u8 {
        let [_, _, _, level, ..] = self.fixed();
        level
    }

    /// Bytes of the length before each NAL unit of a sample: 1, 2 or 4 (3 is against the standard, yet read).
    #[must_use]
    pub fn length_size(&self) -> u8 {
        let [.., length_size, _] = self.fixed();
        (length_size & 3) + 1
    }

    /// The same record but for the length size, which is taken as 1 to 4.
    #[must_use]
    pub fn with_length_size(&self, length_size: u8) -> Self {
        if length_size == self.length_size() {
            return self.clone();
        }
        let mut raw = self.0.raw.to_vec();
        if let [_, _, _, _, byte, ..] = raw.as_mut_slice() {
            *byte = *byte & !3 | length_size.wrapping_sub(1) & 3;
        }
        Self(Arc::new(Record {
            raw: raw.into(),
            sps: self.0.sps,
            pps: self.0.pps,
            sps_ext: self.0.sps_ext,
            first_sps: self.0.first_sps.clone(),
        }))
    }

    /// A list by the offset of its first entry; its count is the byte before.
    fn list(&self, offset: usize, mask: u8) -> Nals<'_> {
        match self.0.raw.get(offset.saturating_sub(1)..) {
            Some([count, entries @ ..]) => Nals::new(entries, count & mask),
            _ => Nals::new(&[], 0),
        }
    }

    /// The sequence parameter sets, as NAL units with header.
    #[must_use]
    pub fn sps(&self) -> Nals<'_> {
        self.list(self.0.sps, 0x1F)
    }

    /// The picture parameter sets, as NAL units with header.
    #[must_use]
    pub fn pps(&self) -> Nals<'_> {
        self.list(self.0.pps, 0xFF)
    }

    /// The sequence parameter set extensions, as NAL units with header.
    #[must_use]
    pub fn sps_ext(&self) -> Nals<'_> {
        self.0
            .sps_ext
            .map_or(Nals::new(&[], 0), |at| self.list(at, 0xFF))
    }

    /// Whether there is a sequence and a picture parameter set. One that cannot be read may be all that there is, and decoders may make
    /// something of it: pictures are worth having then.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.sps().next().is_some() && self.pps().next().is_some()
    }

    /// The first sequence parameter set, unless there is none or it could not be read; without video usability information where only
    /// that could not.
    #[must_use]
    pub fn first_sps(&self) -> Option<&Sps> {
        self.0.first_sps.as_ref()
    }

    /// Whether none but picture parameter sets tell the two apart: those may come in the middle of a coded video sequence.
    #[must_use]
    pub fn has_sequences_of(&self, other: &Self) -> bool {
        self.fixed().first_chunk::<5>() == other.fixed().first_chunk()
            && self.sps().eq(other.sps())
            && self.sps_ext().eq(other.sps_ext())
    }

    /// What is wrong with the first sequence parameter set, be it in its video usability information only.
    #[must_use]
    pub fn damage(&self) -> Option<Error> {
        match Sps::parse_usable(self.sps().next()?) {
            Ok((_, wrong)) => wrong,
            Err(error) => Some(error),
        }
    }

    /// What follows `avc1.` or `avc3.` in the `codecs` parameter (RFC 6381 §3.3): profile, constraints and level in
    /// hexadecimal, as in `64001F`.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        alloc::format!(
            "{:02X}{:02X}{:02X}",
            self.profile(),
            self.constraint_flags(),
            self.level()
        )
    }

    /// Takes in parameter sets found in the stream, by their ids: NAL units of types 7, 8 and 13, others are passed
    /// over. Tells whether the record is another one now; where it is not, nothing was copied.
    ///
    /// # Errors
    /// As [`from_parameter_sets`](Self::from_parameter_sets) (but it may have no sequence parameter set yet), and
    /// [`Error::ShortBits`], [`Error::Overlong`] or [`Error::Invalid`] for a set without an id; the record is left as it
    /// was.
    pub fn merge<'a>(&mut self, nals: impl IntoIterator<Item = &'a [u8]>) -> Result<bool, Error> {
        let old = self.clone();
        let mut changed: Option<Lists<'_>> = None;
        for nal in nals {
            let Some(kind) = Kind::of(nal) else {
                continue;
            };
            let id = kind.id(nal)?;
            let known = match &changed {
                Some(lists) => lists.get(kind).contains(&nal),
                None => old.nals(kind).any(|known| known == nal),
            };
            if known {
                continue;
            }
            let list = changed.get_or_insert_with(|| old.lists()).get_mut(kind);
            match list.iter_mut().find(|old| kind.id(old) == Ok(id)) {
                Some(old) => *old = nal,
                None => list.push(nal),
            }
        }
        match changed {
            // Two sets with one id, one after the other, may leave everything as it was.
            Some(lists) => {
                let [_, profile, flags, level, ..] = self.fixed();
                let merged = lists.record(self.length_size(), [profile, flags, level])?;
                let changed = merged != *self;
                *self = merged;
                Ok(changed)
            }
            None => Ok(false),
        }
    }

    fn nals(&self, kind: Kind) -> Nals<'_> {
        match kind {
            Kind::Sps => self.sps(),
            Kind::Pps => self.pps(),
            Kind::SpsExt => self.sps_ext(),
        }
    }

    fn lists(&self) -> Lists<'_> {
        Lists {
            sps: self.sps().collect(),
            pps: self.pps().collect(),
            sps_ext: self.sps_ext().collect(),
        }
    }
}

impl Default for DecoderConfig {
    /// A record without parameter sets, for lengths of 4 bytes: what a byte stream starts from, and
    /// [`merge`](DecoderConfig::merge) fills.
    fn default() -> Self {
        Self(Arc::new(Record {
            raw: Bytes::from_static(&[1, 0, 0, 0, 0xFF, 0xE0, 0]),
            sps: FIXED,
            pps: FIXED + 1,
            sps_ext: None,
            first_sps: None,
        }))
    }
}

impl PartialEq for DecoderConfig {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.raw == other.0.raw
    }
}

impl Eq for DecoderConfig {}

impl core::hash::Hash for DecoderConfig {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.0.raw.hash(state);
    }
}

impl fmt::Debug for DecoderConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecoderConfig")
            .field("rfc6381", &self.rfc6381())
            .field("length_size", &self.length_size())
            .field("sps", &self.0.first_sps)
            .field("raw", &self.0.raw)
            .finish()
    }
}

impl TryFrom<Bytes> for DecoderConfig {
    type Error = Error;

    /// As [`DecoderConfig::parse`], without a copy.
    fn try_from(record: Bytes) -> Result<Self, Error> {
        Self::from_raw(record)
    }
}

/// Passes over a list of NAL units, whose lengths it checks.
fn skip_list(r: &mut Reader<'_>, count: u8, what: &'static str) -> Result<(), wire::Short> {
    for _ in 0..count {
        let len = r.u16(what)?;
        r.skip(len.into(), what)?;
    }
    Ok(())
}

/// The tail of the High profiles: where its list starts.
fn sps_ext(r: &mut Reader<'_>) -> Result<usize, wire::Short> {
    const WHAT: &str = "sequenceParameterSetExtNALUnit";
    let [_, _, _, count] = *r.array("chroma_format")?;
    let list = r.offset();
    skip_list(r, count, WHAT)?;
    Ok(list)
}

/// The NAL units of one list of a [`DecoderConfig`].
#[derive(Debug, Clone)]
pub struct Nals<'a> {
    rest: Reader<'a>,
    count: u8,
}

impl<'a> Nals<'a> {
    const fn new(entries: &'a [u8], count: u8) -> Self {
        Self {
            rest: Reader::new(entries),
            count,
        }
    }
}

impl<'a> Iterator for Nals<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.count = self.count.checked_sub(1)?;
        let len = self.rest.u16("length").ok()?;
        self.rest.take(len.into(), "NAL unit").ok()
    }
}

/// The kinds of parameter sets that a record holds.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Sps,
    Pps,
    SpsExt,
}

impl Kind {
    const fn of(nal: &[u8]) -> Option<Self> {
        match UnitType::of(nal) {
            UnitType::Sps => Some(Self::Sps),
            UnitType::Pps => Some(Self::Pps),
            UnitType::SpsExtension => Some(Self::SpsExt),
            _ => None,
        }
    }

    fn id(self, nal: &[u8]) -> Result<u8, Error> {
        match self {
            Self::Sps => sps::id(nal),
            Self::Pps => Ok(pps::ids(nal)?.0),
            Self::SpsExt => sps::extension_id(nal),
        }
    }
}

/// The parameter sets that a record is made of.
#[derive(Default)]
struct Lists<'a> {
    sps: Vec<&'a [u8]>,
    pps: Vec<&'a [u8]>,
    sps_ext: Vec<&'a [u8]>,
}

impl<'a> Lists<'a> {
    const fn get(&self, kind: Kind) -> &Vec<&'a [u8]> {
        match kind {
            Kind::Sps => &self.sps,
            Kind::Pps => &self.pps,
            Kind::SpsExt => &self.sps_ext,
        }
    }

    const fn get_mut(&mut self, kind: Kind) -> &mut Vec<&'a [u8]> {
        match kind {
            Kind::Sps => &mut self.sps,
            Kind::Pps => &mut self.pps,
            Kind::SpsExt => &mut self.sps_ext,
        }
    }

    /// `fallback` has the profile and level where there is no sequence parameter set.
    fn record(&self, length_size: u8, fallback: [u8; 3]) -> Result<DecoderConfig, Error> {
        let [mut profile, mut flags, mut level] = fallback;
        if let Some(first) = self.sps.first() {
            [_, profile, _, _] = *Reader::new(first).array("seq_parameter_set")?;
            (flags, level) = (0xFF, 0);
        }
        for sps in &self.sps {
            let &[_, _, its_flags, its_level] = Reader::new(sps).array("seq_parameter_set")?;
            flags &= its_flags;
            level = level.max(its_level);
        }
        let mut out = Vec::new();
        let mut w = Writer::new(&mut out);
        w.u8(1).u8(profile).u8(flags).u8(level);
        w.u8(0xFC | length_size.wrapping_sub(1) & 3);
        write_list(&mut w, "numOfSequenceParameterSets", 0xE0, 0x1F, &self.sps)?;
        write_list(&mut w, "numOfPictureParameterSets", 0, 0xFF, &self.pps)?;
        if is_high(profile)
            && let Some(first) = self.sps.first()
            && let Ok((sps, _)) = Sps::parse_usable(first)
        {
            w.u8(0xFC | sps.chroma_format_idc);
            w.u8(0xF8 | sps.bit_depth_luma_minus8);
            w.u8(0xF8 | sps.bit_depth_chroma_minus8);
            write_list(
                &mut w,
                "numOfSequenceParameterSetExt",
                0,
                0xFF,
                &self.sps_ext,
            )?;
        }
        DecoderConfig::from_raw(out.into())
    }
}

fn write_list(
    w: &mut Writer<'_>,
    what: &'static str,
    reserved: u8,
    max: u8,
    nals: &[&[u8]],
) -> Result<(), Error> {
    let count = u8::try_from(nals.len()).ok().filter(|count| *count <= max);
    let Some(count) = count else {
        return Err(Error::TooLong(wire::TooLong {
            what,
            value: nals.len() as u64,
            max: max.into(),
        }));
    };
    w.u8(reserved | count);
    for nal in nals {
        w.sized_u16::<wire::TooLong>("parameter set length", LengthOf::Body, |w| {
            w.bytes(nal);
            Ok(())
        })?;
    }
    Ok(())
}
