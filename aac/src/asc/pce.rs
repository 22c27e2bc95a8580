use crate::Error;
use alloc::vec::Vec;
use bytes::Bytes;
use wire::{BitReader, BitWriter};

/// `program_config_element()`: a channel layout spelled out (ISO/IEC 14496-3 §4.5.1.2, Table 4.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProgramConfigElement {
    /// `element_instance_tag`, 4 bits.
    pub element_instance_tag: u8,
    /// `object_type`, 2 bits: the audio object type less 1 (Main, LC, SSR, LTP).
    pub object_type: u8,
    /// `sampling_frequency_index`, 4 bits.
    pub sampling_frequency_index: u8,
    /// The elements that are heard from in front, at most 15 each of these three.
    pub front: SpeakerElements,
    /// From the side.
    pub side: SpeakerElements,
    /// From behind.
    pub back: SpeakerElements,
    /// Tags of the low frequency elements, 4 bits each, at most 3.
    pub lfe: Vec<u8>,
    /// Tags of the data stream elements that belong to the program, 4 bits each, at most 7.
    pub assoc_data: Vec<u8>,
    /// The coupling channel elements, at most 15.
    pub coupling: Vec<CouplingElement>,
    /// `mono_mixdown_element_number`, 4 bits.
    pub mono_mixdown: Option<u8>,
    /// `stereo_mixdown_element_number`, 4 bits.
    pub stereo_mixdown: Option<u8>,
    /// How to mix down to stereo.
    pub matrix_mixdown: Option<MatrixMixdown>,
    /// `comment_field_data`, at most 255 bytes.
    pub comment: Bytes,
}

/// The channel elements on one side of the listener, from the middle outwards.
pub type SpeakerElements = Vec<ChannelElement>;

/// A single channel element or a channel pair element of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelElement {
    /// Whether it is a pair.
    pub is_cpe: bool,
    /// `element_tag_select`, 4 bits.
    pub tag: u8,
}

/// A coupling channel element of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CouplingElement {
    /// `cc_element_is_ind_sw`: whether it is switched independently.
    pub is_ind_sw: bool,
    /// `valid_cc_element_tag_select`, 4 bits.
    pub tag: u8,
}

/// The matrix mix-down of a program with three front and two back channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatrixMixdown {
    /// `matrix_mixdown_idx`, 2 bits.
    pub index: u8,
    /// `pseudo_surround_enable`.
    pub pseudo_surround: bool,
}

impl ProgramConfigElement {
    /// Channels that are put out, low frequency ones included.
    #[must_use]
    pub fn channels(&self) -> u16 {
        let elements = self.front.iter().chain(&self.side).chain(&self.back);
        let speakers: u16 = elements.map(|e| 1 + u16::from(e.is_cpe)).sum();
        speakers.saturating_add(u16::try_from(self.lfe.len()).unwrap_or(u16::MAX))
    }

    /// Reads one at a reader's position; `start` is the position from which `byte_alignment()` counts: that of the
    /// AudioSpecificConfig or of the raw data block around it.
    ///
    /// # Errors
    /// [`Error::Short`] where the input ends early.
    pub fn decode(r: &mut BitReader<'_>, start: u64) -> Result<Self, Error> {
        let element_instance_tag = r.bits8(4, "element_instance_tag")?;
        let object_type = r.bits8(2, "object_type")?;
        let sampling_frequency_index = r.bits8(4, "sampling_frequency_index")?;
        let front = r.bits(4, "num_front_channel_elements")?;
        let side = r.bits(4, "num_side_channel_elements")?;
        let back = r.bits(4, "num_back_channel_elements")?;
        let lfe = r.bits(2, "num_lfe_channel_elements")?;
        let assoc_data = r.bits(3, "num_assoc_data_elements")?;
        let coupling = r.bits(4, "num_valid_cc_elements")?;
        let mono_mixdown = r.option("mono_mixdown_present", |r| {
            r.bits8(4, "mono_mixdown_element_number")
        })?;
        let stereo_mixdown = r.option("stereo_mixdown_present", |r| {
            r.bits8(4, "stereo_mixdown_element_number")
        })?;
        let matrix_mixdown = r.option("matrix_mixdown_idx_present", |r| {
            Ok::<_, Error>(MatrixMixdown {
                index: r.bits8(2, "matrix_mixdown_idx")?,
                pseudo_surround: r.bit("pseudo_surround_enable")?,
            })
        })?;
        let speakers = |r: &mut BitReader<'_>, count: u32| -> Result<SpeakerElements, Error> {
            (0..count)
                .map(|_| {
                    Ok(ChannelElement {
                        is_cpe: r.bit("element_is_cpe")?,
                        tag: r.bits8(4, "element_tag_select")?,
                    })
                })
                .collect()
        };
        let tags = |r: &mut BitReader<'_>, count: u32| -> Result<Vec<u8>, Error> {
            (0..count)
                .map(|_| Ok(r.bits8(4, "element_tag_select")?))
                .collect()
        };
        let front = speakers(r, front)?;
        let side = speakers(r, side)?;
        let back = speakers(r, back)?;
        let lfe = tags(r, lfe)?;
        let assoc_data = tags(r, assoc_data)?;
        let coupling = (0..coupling)
            .map(|_| {
                Ok(CouplingElement {
                    is_ind_sw: r.bit("cc_element_is_ind_sw")?,
                    tag: r.bits8(4, "valid_cc_element_tag_select")?,
                })
            })
            .collect::<Result<_, Error>>()?;
        let past = r.position().saturating_sub(start) % 8;
        r.skip((8 - past) % 8, "byte_alignment")?;
        let comment = r.bits(8, "comment_field_bytes")?;
        let comment = r.unaligned_bytes(comment.into(), "comment_field_data")?;
        Ok(Self {
            element_instance_tag,
            object_type,
            sampling_frequency_index,
            front,
            side,
            back,
            lfe,
            assoc_data,
            coupling,
            mono_mixdown,
            stereo_mixdown,
            matrix_mixdown,
            comment: comment.into(),
        })
    }

    /// Writes it at a writer's position; `start` as for [`decode`](Self::decode).
    ///
    /// # Errors
    /// [`Error::TooLong`] where there are more elements, or larger numbers, than the fields hold.
    pub fn write(&self, w: &mut BitWriter<'_>, start: u64) -> Result<(), Error> {
        w.bits(4, "element_instance_tag", self.element_instance_tag.into())?
            .bits(2, "object_type", self.object_type.into())?
            .bits(
                4,
                "sampling_frequency_index",
                self.sampling_frequency_index.into(),
            )?
            .bits64(4, "num_front_channel_elements", self.front.len() as u64)?
            .bits64(4, "num_side_channel_elements", self.side.len() as u64)?
            .bits64(4, "num_back_channel_elements", self.back.len() as u64)?
            .bits64(2, "num_lfe_channel_elements", self.lfe.len() as u64)?
            .bits64(3, "num_assoc_data_elements", self.assoc_data.len() as u64)?
            .bits64(4, "num_valid_cc_elements", self.coupling.len() as u64)?;
        for mixdown in [self.mono_mixdown, self.stereo_mixdown] {
            w.bit(mixdown.is_some());
            if let Some(element) = mixdown {
                w.bits(4, "mixdown_element_number", element.into())?;
            }
        }
        w.bit(self.matrix_mixdown.is_some());
        if let Some(mixdown) = self.matrix_mixdown {
            w.bits(2, "matrix_mixdown_idx", mixdown.index.into())?
                .bit(mixdown.pseudo_surround);
        }
        for element in self.front.iter().chain(&self.side).chain(&self.back) {
            w.bit(element.is_cpe)
                .bits(4, "element_tag_select", element.tag.into())?;
        }
        for &tag in self.lfe.iter().chain(&self.assoc_data) {
            w.bits(4, "element_tag_select", tag.into())?;
        }
        for element in &self.coupling {
            w.bit(element.is_ind_sw)
                .bits(4, "valid_cc_element_tag_select", element.tag.into())?;
        }
        while !w.position().saturating_sub(start).is_multiple_of(8) {
            w.bit(false);
        }
        w.bits64(8, "comment_field_bytes", self.comment.len() as u64)?
            .bytes(&self.comment);
        Ok(())
    }
}
