use super::header::{put_version_and_flags, version_and_flags};
use super::{FourCc, IsoBox, SampleFlags};
use crate::Error;
use wire::{Reader, Writer};

/// Which track a part of a fragment is of, and its defaults (ISO/IEC 14496-12 §8.8.7).
///
/// ```text
/// version u8 = 0 | flags u24 | track_ID u32
/// if flagged: base_data_offset u64 | sample_description_index u32 | default_sample_duration u32
///             default_sample_size u32 | default_sample_flags u32
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tfhd {
    /// The track.
    pub track_id: u32,
    /// Offset in the file that the runs' offsets count from.
    pub base_data_offset: Option<u64>,
    /// Entry of `stsd`, from 1.
    pub sample_description_index: Option<u32>,
    /// In ticks of the track.
    pub default_sample_duration: Option<u32>,
    /// In bytes.
    pub default_sample_size: Option<u32>,
    /// Dependencies.
    pub default_sample_flags: Option<SampleFlags>,
    /// The track has no samples here, though time passes.
    pub duration_is_empty: bool,
    /// The runs' offsets count from the first byte of the `moof`.
    pub default_base_is_moof: bool,
}

const BASE_DATA_OFFSET: u32 = 0x01;
const SAMPLE_DESCRIPTION_INDEX: u32 = 0x02;
const DEFAULT_SAMPLE_DURATION: u32 = 0x08;
const DEFAULT_SAMPLE_SIZE: u32 = 0x10;
const DEFAULT_SAMPLE_FLAGS: u32 = 0x20;
const DURATION_IS_EMPTY: u32 = 0x01_0000;
const DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;

impl Tfhd {
    /// Offsets count from the `moof`, as CMAF and Media Source Extensions ask for; no defaults.
    #[must_use]
    pub fn new(track_id: u32) -> Self {
        Self {
            track_id,
            default_base_is_moof: true,
            ..Self::default()
        }
    }

    fn flags(&self) -> u32 {
        let fields = [
            (BASE_DATA_OFFSET, self.base_data_offset.is_some()),
            (
                SAMPLE_DESCRIPTION_INDEX,
                self.sample_description_index.is_some(),
            ),
            (
                DEFAULT_SAMPLE_DURATION,
                self.default_sample_duration.is_some(),
            ),
            (DEFAULT_SAMPLE_SIZE, self.default_sample_size.is_some()),
            (DEFAULT_SAMPLE_FLAGS, self.default_sample_flags.is_some()),
            (DURATION_IS_EMPTY, self.duration_is_empty),
            (DEFAULT_BASE_IS_MOOF, self.default_base_is_moof),
        ];
        fields.into_iter().fold(
            0,
            |flags, (flag, set)| if set { flags | flag } else { flags },
        )
    }
}

impl IsoBox for Tfhd {
    const TYPE: FourCc = FourCc(*b"tfhd");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (_, flags) = version_and_flags(r)?;
        let has = |flag: u32| flags & flag != 0;
        let track_id = r.u32("track_ID")?;
        let base_data_offset = has(BASE_DATA_OFFSET)
            .then(|| r.u64("base_data_offset"))
            .transpose()?;
        let mut optional = |flag, what| has(flag).then(|| r.u32(what)).transpose();
        Ok(Self {
            track_id,
            base_data_offset,
            sample_description_index: optional(
                SAMPLE_DESCRIPTION_INDEX,
                "sample_description_index",
            )?,
            default_sample_duration: optional(DEFAULT_SAMPLE_DURATION, "default_sample_duration")?,
            default_sample_size: optional(DEFAULT_SAMPLE_SIZE, "default_sample_size")?,
            default_sample_flags: optional(DEFAULT_SAMPLE_FLAGS, "default_sample_flags")?
                .map(SampleFlags),
            duration_is_empty: has(DURATION_IS_EMPTY),
            default_base_is_moof: has(DEFAULT_BASE_IS_MOOF),
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, 0, self.flags());
        w.u32(self.track_id);
        if let Some(offset) = self.base_data_offset {
            w.u64(offset);
        }
        let flags = self.default_sample_flags.map(|flags| flags.0);
        let fields = [
            self.sample_description_index,
            self.default_sample_duration,
            self.default_sample_size,
            flags,
        ];
        fields
            .into_iter()
            .flatten()
            .for_each(|field| _ = w.u32(field));
        Ok(())
    }

    fn body_len(&self) -> usize {
        let fields = self.flags()
            & (SAMPLE_DESCRIPTION_INDEX
                | DEFAULT_SAMPLE_DURATION
                | DEFAULT_SAMPLE_SIZE
                | DEFAULT_SAMPLE_FLAGS);
        let offset = if self.base_data_offset.is_some() {
            8
        } else {
            0
        };
        8 + offset + 4 * fields.count_ones() as usize
    }
}
