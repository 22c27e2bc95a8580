//! What a coded picture or sound is like: descriptors of ISO/IEC 13818-1 §2.6 for video and audio streams.

use super::field::{Field, described, structure};
use crate::Error;
use crate::psi::fits;
use wire::{Reader, Writer};

structure! {
    /// `MPEG-4_video_descriptor` (§2.6.36).
    Mpeg4Video = 0x1B {
        /// `MPEG-4_visual_profile_and_level`, 8 bits.
        profile_and_level: u8,
    }
}

structure! {
    /// `MPEG-4_audio_descriptor` (§2.6.38).
    Mpeg4Audio = 0x1C {
        /// `MPEG-4_audio_profile_and_level`, 8 bits.
        profile_and_level: u8,
    }
}

structure! {
    /// `MPEG-2_AAC_audio_descriptor` (§2.6.68).
    Aac13818 = 0x2B {
        /// `MPEG-2_AAC_profile`, 8 bits.
        profile: u8,
        /// `MPEG-2_AAC_channel_configuration`, 8 bits.
        channel_configuration: u8,
        /// `MPEG-2_AAC_additional_information`, 8 bits.
        additional_information: u8,
    }
}

/// `video_stream_descriptor` (§2.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoStream {
    /// `multiple_frame_rate_flag`.
    pub multiple_frame_rate: bool,
    /// `frame_rate_code`, 4 bits.
    pub frame_rate_code: u8,
    /// `constrained_parameter_flag`.
    pub constrained_parameter: bool,
    /// `still_picture_flag`.
    pub still_picture: bool,
    /// The fields of MPEG-2 video; `None`: `MPEG_1_only_flag`.
    pub mpeg2: Option<VideoStreamMpeg2>,
}

/// What a [`VideoStream`] says of MPEG-2 video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoStreamMpeg2 {
    /// `profile_and_level_indication`, 8 bits.
    pub profile_and_level_indication: u8,
    /// `chroma_format`, 2 bits.
    pub chroma_format: u8,
    /// `frame_rate_extension_flag`.
    pub frame_rate_extension: bool,
}

impl Field for VideoStream {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        let flags = r.u8("frame_rate_code")?;
        let mpeg2 = if flags & 4 == 0 {
            let profile_and_level_indication = r.u8("profile_and_level_indication")?;
            let flags = r.u8("chroma_format")?;
            Some(VideoStreamMpeg2 {
                profile_and_level_indication,
                chroma_format: flags >> 6,
                frame_rate_extension: flags & 0x20 != 0,
            })
        } else {
            None
        };
        Ok(Self {
            multiple_frame_rate: flags & 0x80 != 0,
            frame_rate_code: flags >> 3 & 0xF,
            constrained_parameter: flags & 2 != 0,
            still_picture: flags & 1 != 0,
            mpeg2,
        })
    }

    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        let code = fits("frame_rate_code", self.frame_rate_code, 0xF)?;
        w.u8(u8::from(self.multiple_frame_rate) << 7
            | code << 3
            | u8::from(self.mpeg2.is_none()) << 2
            | u8::from(self.constrained_parameter) << 1
            | u8::from(self.still_picture));
        if let Some(mpeg2) = self.mpeg2 {
            let chroma_format = fits("chroma_format", mpeg2.chroma_format, 3)?;
            w.u8(mpeg2.profile_and_level_indication)
                .u8(chroma_format << 6 | u8::from(mpeg2.frame_rate_extension) << 5 | 0x1F);
        }
        Ok(())
    }
}

described!(VideoStream = 0x02);

/// `audio_stream_descriptor` (§2.6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioStream {
    /// `free_format_flag`.
    pub free_format: bool,
    /// `ID`, 1 bit: the bit of that name in the audio frames, 1 for MPEG-1.
    pub id: bool,
    /// `layer`, 2 bits, as in the audio frames.
    pub layer: u8,
    /// `variable_rate_audio_indicator`.
    pub variable_rate_audio: bool,
}

impl Field for AudioStream {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        let flags = r.u8("layer")?;
        Ok(Self {
            free_format: flags & 0x80 != 0,
            id: flags & 0x40 != 0,
            layer: flags >> 4 & 3,
            variable_rate_audio: flags & 8 != 0,
        })
    }

    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        w.u8(u8::from(self.free_format) << 7
            | u8::from(self.id) << 6
            | fits("layer", self.layer, 3)? << 4
            | u8::from(self.variable_rate_audio) << 3
            | 7);
        Ok(())
    }
}

described!(AudioStream = 0x03);

/// `AVC_video_descriptor` (§2.6.64).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvcVideo {
    /// `profile_idc`, 8 bits.
    pub profile_idc: u8,
    /// `constraint_set0_flag` to `constraint_set5_flag` and `AVC_compatible_flags`, 8 bits: the byte between profile and level of a
    /// sequence parameter set.
    pub constraint_flags: u8,
    /// `level_idc`, 8 bits.
    pub level_idc: u8,
    /// `AVC_still_present`.
    pub still_present: bool,
    /// `AVC_24_hour_picture_flag`: pictures may be a day apart.
    pub avc_24_hour_picture: bool,
    /// `Frame_Packing_SEI_not_present_flag`.
    pub frame_packing_sei_not_present: bool,
}

impl Field for AvcVideo {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        let [profile_idc, constraint_flags, level_idc, flags] = *r.array("AVC_video_descriptor")?;
        Ok(Self {
            profile_idc,
            constraint_flags,
            level_idc,
            still_present: flags & 0x80 != 0,
            avc_24_hour_picture: flags & 0x40 != 0,
            frame_packing_sei_not_present: flags & 0x20 != 0,
        })
    }

    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        let flags = u8::from(self.still_present) << 7
            | u8::from(self.avc_24_hour_picture) << 6
            | u8::from(self.frame_packing_sei_not_present) << 5;
        w.bytes(&[
            self.profile_idc,
            self.constraint_flags,
            self.level_idc,
            flags | 0x1F,
        ]);
        Ok(())
    }
}

described!(AvcVideo = 0x28);

/// `HEVC_video_descriptor` (§2.6.95).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HevcVideo {
    /// `profile_space`, `tier_flag`, `profile_idc`, `profile_compatibility_indication`, the four source flags, `copied_44bits`,
    /// `level_idc`: the 12 bytes of `general_profile_space` to `general_level_idc` in a parameter set.
    pub profile_tier_level: [u8; 12],
    /// `HEVC_still_present_flag`.
    pub still_present: bool,
    /// `HEVC_24hr_picture_present_flag`.
    pub hevc_24hr_picture_present: bool,
    /// `sub_pic_hrd_params_not_present_flag`.
    pub sub_pic_hrd_params_not_present: bool,
    /// `HDR_WCG_idc`, 2 bits; 3: nothing said.
    pub hdr_wcg_idc: u8,
    /// The layers, where `temporal_layer_subset_flag` is 1.
    pub temporal_layers: Option<TemporalLayers>,
}

/// The layers that a [`HevcVideo`] names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemporalLayers {
    /// `temporal_id_min`, 3 bits.
    pub temporal_id_min: u8,
    /// `temporal_id_max`, 3 bits.
    pub temporal_id_max: u8,
}

impl Field for HevcVideo {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        let profile_tier_level = *r.array("level_idc")?;
        let flags = r.u8("temporal_layer_subset_flag")?;
        let temporal_layers = if flags & 0x80 != 0 {
            let [min, max] = *r.array("temporal_id_min")?;
            Some(TemporalLayers {
                temporal_id_min: min >> 5,
                temporal_id_max: max >> 5,
            })
        } else {
            None
        };
        Ok(Self {
            profile_tier_level,
            still_present: flags & 0x40 != 0,
            hevc_24hr_picture_present: flags & 0x20 != 0,
            sub_pic_hrd_params_not_present: flags & 0x10 != 0,
            hdr_wcg_idc: flags & 3,
            temporal_layers,
        })
    }

    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        w.bytes(&self.profile_tier_level)
            .u8(u8::from(self.temporal_layers.is_some()) << 7
                | u8::from(self.still_present) << 6
                | u8::from(self.hevc_24hr_picture_present) << 5
                | u8::from(self.sub_pic_hrd_params_not_present) << 4
                | 0x0C
                | fits("HDR_WCG_idc", self.hdr_wcg_idc, 3)?);
        if let Some(layers) = self.temporal_layers {
            let min = fits("temporal_id_min", layers.temporal_id_min, 7)?;
            let max = fits("temporal_id_max", layers.temporal_id_max, 7)?;
            w.u8(min << 5 | 0x1F).u8(max << 5 | 0x1F);
        }
        Ok(())
    }
}

described!(HevcVideo = 0x38);
