//! Where a raw data block ends (ISO/IEC 14496-3 §4.4.2.1), by its syntax alone.
//!
//! In an MP4, a transport by RTP or LATM, the length of a block stands elsewhere. Where that was lost, the block itself has to tell: its elements are
//! walked codeword by codeword, and nothing is decoded.

mod bands;
mod codebooks;

use crate::asc::Specific;
use crate::tables::sampling_frequency_index;
use crate::{AudioSpecificConfig, Error, ObjectType};
use bands::Bands;
use codebooks::{SCALEFACTOR, SPECTRAL};
use wire::BitReader;

/// `ID_SCE` to `ID_END` (Table 4.85).
const SCE: u8 = 0;
const CPE: u8 = 1;
const LFE: u8 = 3;
const DSE: u8 = 4;
const FIL: u8 = 6;
const END: u8 = 7;

/// Codebooks above those of spectra (Table 4.151).
const NOISE: u8 = 13;
const INTENSITY2: u8 = 14;
const INTENSITY: u8 = 15;

fn invalid(field: &'static str, value: impl Into<u64>, r: &BitReader<'_>) -> Error {
    Error::Invalid {
        field,
        value: value.into(),
        bit: r.position(),
    }
}

/// Walks the raw data blocks of a stream.
///
/// AAC LC with 1024 samples a frame, SBR and PS in its fill elements included: what nearly all AAC is.
///
/// ```
/// use fluvial_aac::{AudioSpecificConfig, raw_data_block::Walker};
///
/// let walker = Walker::new(&AudioSpecificConfig::parse(&[0x12, 0x10])?).expect("AAC LC");
/// // Silence of two channels, and what comes behind it.
/// assert_eq!(walker.walk(&[0x21, 0x10, 0x04, 0x60, 0x8C, 0x1C, 0xFF])?.len, 6);
/// # Ok::<(), fluvial_aac::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Walker {
    bands: Bands,
    channels: u16,
}

/// A raw data block that was walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Block {
    /// Its bytes.
    pub len: usize,
    /// Channels of its elements.
    pub channels: u16,
}

impl core::fmt::Debug for Walker {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Walker")
            .field("channels", &self.channels)
            .finish_non_exhaustive()
    }
}

impl Walker {
    /// For streams of a configuration; `None` where its blocks cannot be walked.
    #[must_use]
    pub fn new(config: &AudioSpecificConfig) -> Option<Self> {
        let fields = config.fields();
        let Specific::Ga(ga) = &fields.specific else {
            return None;
        };
        let is_lc = matches!(
            fields.audio_object_type,
            ObjectType::AAC_LC | ObjectType::SBR | ObjectType::PS
        );
        if !is_lc || ga.frame_length_flag || config.frame_length() != 1024 {
            return None;
        }
        let index = sampling_frequency_index(config.sampling_frequency())?;
        Some(Self {
            bands: Bands::new(index),
            channels: config.channels(),
        })
    }

    /// Walks the block that begins with `data`; what follows it does not matter.
    ///
    /// # Errors
    /// [`Error::Short`] where the block goes past the end; [`Error::Invalid`] where something is not as the standard has it for AAC LC, where
    /// its elements have other channels than the configuration, and for coupling channels and program config elements, which such streams
    /// hardly ever have.
    pub fn walk(&self, data: &[u8]) -> Result<Block, Error> {
        let mut r = BitReader::new(data);
        let r = &mut r;
        let mut channels = 0_u16;
        loop {
            match r.bits8(3, "id_syn_ele")? {
                SCE | LFE => {
                    r.skip(4, "element_instance_tag")?;
                    self.channel(r, None)?;
                    channels += 1;
                }
                CPE => {
                    r.skip(4, "element_instance_tag")?;
                    self.pair(r)?;
                    channels += 2;
                }
                DSE => data_stream(r)?,
                FIL => fill(r)?,
                END => break,
                other => return Err(invalid("id_syn_ele", other, r)),
            }
            if channels > self.channels {
                return Err(invalid("channels", channels, r));
            }
        }
        if channels != self.channels {
            return Err(invalid("channels", channels, r));
        }
        r.align();
        let len = usize::try_from(r.position() / 8).unwrap_or(data.len());
        Ok(Block { len, channels })
    }

    /// `channel_pair_element()` behind its tag.
    fn pair(&self, r: &mut BitReader<'_>) -> Result<(), Error> {
        let common = r.bit("common_window")?;
        let info = if common {
            let info = self.info(r)?;
            match r.bits8(2, "ms_mask_present")? {
                1 => {
                    let bits = u64::from(info.groups().count_ones()) * u64::from(info.max_sfb);
                    r.skip(bits, "ms_used")?;
                }
                3 => return Err(invalid("ms_mask_present", 3_u8, r)),
                _ => {}
            }
            Some(info)
        } else {
            None
        };
        self.channel(r, info)?;
        self.channel(r, info)
    }

    /// `ics_info()`.
    fn info(&self, r: &mut BitReader<'_>) -> Result<Info, Error> {
        if r.bit("ics_reserved_bit")? {
            return Err(invalid("ics_reserved_bit", 1_u8, r));
        }
        let is_short = r.bits8(2, "window_sequence")? == 2;
        r.skip(1, "window_shape")?;
        let (max_sfb, grouping, widths) = if is_short {
            let max_sfb = r.bits8(4, "max_sfb")?;
            (
                max_sfb,
                r.bits8(7, "scale_factor_grouping")?,
                self.bands.short,
            )
        } else {
            let max_sfb = r.bits8(6, "max_sfb")?;
            if r.bit("predictor_data_present")? {
                // AAC Main and LTP have it.
                return Err(invalid("predictor_data_present", 1_u8, r));
            }
            (max_sfb, 0, self.bands.long)
        };
        if max_sfb > bands::count(widths) {
            return Err(invalid("max_sfb", max_sfb, r));
        }
        Ok(Info {
            is_short,
            max_sfb,
            grouping,
            widths,
        })
    }

    /// `individual_channel_stream()`, with the `ics_info` of its pair, if that has one.
    fn channel(&self, r: &mut BitReader<'_>, info: Option<Info>) -> Result<(), Error> {
        r.skip(8, "global_gain")?;
        let info = match info {
            Some(info) => info,
            None => self.info(r)?,
        };
        let mut sections = Sections::default();
        info.sections(r, &mut sections)?;
        scale_factors(r, &sections)?;
        if r.bit("pulse_data_present")? {
            if info.is_short {
                return Err(invalid("pulse_data_present", 1_u8, r));
            }
            let number = r.bits8(2, "number_pulse")?;
            r.skip(6 + 9 * (u64::from(number) + 1), "pulse_data")?;
        }
        if r.bit("tns_data_present")? {
            noise_shaping(r, info.is_short)?;
        }
        if r.bit("gain_control_data_present")? {
            // AAC SSR has it.
            return Err(invalid("gain_control_data_present", 1_u8, r));
        }
        for section in sections.iter() {
            let Some(book) = SPECTRAL.get(usize::from(section.book).wrapping_sub(1)) else {
                continue;
            };
            for _ in 0..section.lines / book.dimension {
                book.pass(r)?;
            }
        }
        Ok(())
    }
}

/// `ics_info()`, as far as lengths depend on it.
#[derive(Clone, Copy)]
struct Info {
    is_short: bool,
    max_sfb: u8,
    /// `scale_factor_grouping`, 7 bits: 1 where a short window belongs to the group of the one before it.
    grouping: u8,
    widths: &'static [(u8, u8)],
}

/// Bands that share a codebook, within a group of windows.
#[derive(Clone, Copy, Default)]
struct Section {
    book: u8,
    bands: u8,
    lines: u16,
}

/// All sections of a channel: no more than 8 groups of 15 bands, or 51 bands.
struct Sections {
    all: [Section; 128],
    count: usize,
}

impl Default for Sections {
    fn default() -> Self {
        Self {
            all: [Section::default(); 128],
            count: 0,
        }
    }
}

impl Sections {
    fn iter(&self) -> impl Iterator<Item = &Section> {
        self.all.iter().take(self.count)
    }
}

impl Info {
    /// A bit for each short window that begins a group, the first one above the others; for long windows one.
    const fn groups(self) -> u8 {
        if self.is_short {
            0x80 | (!self.grouping & 0x7F)
        } else {
            0x80
        }
    }

    /// `section_data()`.
    fn sections(self, r: &mut BitReader<'_>, sections: &mut Sections) -> Result<(), Error> {
        let bits = if self.is_short { 3 } else { 5 };
        let most = (1 << bits) - 1;
        let mut left = self.groups();
        let mut windows_left = if self.is_short { 8_u16 } else { 1 };
        while left != 0 {
            // The group goes up to the window that begins the next, the last one to the end.
            left <<= 1;
            let inner = u16::try_from(left.leading_zeros()).unwrap_or(0);
            let windows = (1 + inner).min(windows_left);
            windows_left -= windows;
            left = left.checked_shl(inner.into()).unwrap_or(0);
            let mut band = 0_u8;
            while band < self.max_sfb {
                let book = r.bits8(4, "sect_cb")?;
                if book == 12 {
                    return Err(invalid("sect_cb", book, r));
                }
                let mut bands = 0_u8;
                loop {
                    let more = r.bits8(bits, "sect_len_incr")?;
                    bands = bands.saturating_add(more);
                    if bands > self.max_sfb - band {
                        return Err(invalid("sect_len_incr", bands, r));
                    }
                    if more != most {
                        break;
                    }
                }
                // A section of nothing could go on for ever.
                let Some(place) = sections.all.get_mut(sections.count).filter(|_| bands > 0) else {
                    return Err(invalid("sect_len_incr", bands, r));
                };
                let lines =
                    bands::offset(self.widths, band + bands) - bands::offset(self.widths, band);
                *place = Section {
                    book,
                    bands,
                    lines: lines * windows,
                };
                sections.count += 1;
                band += bands;
            }
        }
        Ok(())
    }
}

/// `scale_factor_data()`.
fn scale_factors(r: &mut BitReader<'_>, sections: &Sections) -> Result<(), Error> {
    let mut had_noise = false;
    for section in sections.iter() {
        for _ in 0..section.bands {
            match section.book {
                0 => {}
                NOISE if !had_noise => {
                    r.skip(9, "dpcm_noise_nrg")?;
                    had_noise = true;
                }
                1..=NOISE | INTENSITY2 | INTENSITY => SCALEFACTOR.pass(r)?,
                other => return Err(invalid("sect_cb", other, r)),
            }
        }
    }
    Ok(())
}

/// `tns_data()`.
fn noise_shaping(r: &mut BitReader<'_>, is_short: bool) -> Result<(), Error> {
    let (windows, n_filt, length, order) = if is_short { (8, 1, 4, 3) } else { (1, 2, 6, 5) };
    for _ in 0..windows {
        let filters = r.bits8(n_filt, "n_filt")?;
        if filters == 0 {
            continue;
        }
        let resolution = 3 + r.bits8(1, "coef_res")?;
        for _ in 0..filters {
            r.skip(length, "length")?;
            let order = r.bits8(order, "order")?;
            // TNS_MAX_ORDER of AAC LC (§4.6.9.4).
            if order > 12 {
                return Err(invalid("order", order, r));
            }
            if order > 0 {
                r.skip(1, "direction")?;
                let bits = resolution - r.bits8(1, "coef_compress")?;
                r.skip(u64::from(order) * u64::from(bits), "coef")?;
            }
        }
    }
    Ok(())
}

/// `data_stream_element()`.
fn data_stream(r: &mut BitReader<'_>) -> Result<(), Error> {
    r.skip(4, "element_instance_tag")?;
    let align = r.bit("data_byte_align_flag")?;
    let mut count = r.bits(8, "count")?;
    if count == 255 {
        count += r.bits(8, "esc_count")?;
    }
    if align {
        r.align();
    }
    r.skip(u64::from(count) * 8, "data_stream_byte")?;
    Ok(())
}

/// `fill_element()`.
fn fill(r: &mut BitReader<'_>) -> Result<(), Error> {
    let mut count = r.bits(4, "count")?;
    if count == 15 {
        count = (count + r.bits(8, "esc_count")?).saturating_sub(1);
    }
    r.skip(u64::from(count) * 8, "extension_payload")?;
    Ok(())
}
