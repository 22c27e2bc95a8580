//! Slice headers (ISO/IEC 14496-10 §7.3.3).

mod layer;
mod marking;
mod modification;
mod scalable;
mod weights;

pub use layer::LayerSlice;
pub use marking::{DecRefPicMarking, MemoryManagementControl};
pub use modification::Modification;
pub use scalable::{Adaptive, BaseControl, RefBasePic, ScalableSliceHeader};
pub use weights::{PredWeightTable, Weight, Weights};

use crate::list::List;
use crate::nal::{Header, UnitType};
use crate::pps::SliceGroupMap;
use crate::sps::PicOrderCntType;
use crate::syntax::{Read, Syntax, Write};
use crate::{Error, ParameterSets, Pps, Sps};
use wire::{BitReader, BitWriter};

/// How a slice is predicted (Table 7-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SliceType {
    /// From one picture at a time.
    P,
    /// From up to two pictures.
    B,
    /// From within the slice.
    I,
    /// Switching P.
    Sp,
    /// Switching I.
    Si,
}

/// A slice header (§7.3.3, §7.4.3). Elements that are not coded have the value that the standard infers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SliceHeader {
    /// Address of the first macroblock (or pair of them, with MBAFF).
    pub first_mb_in_slice: u32,
    /// 0 to 4: P, B, I, SP, SI; 5 to 9 the same, of a picture all of whose slices are. See [`kind`](Self::kind).
    pub slice_type: u8,
    /// The picture parameter set.
    pub pic_parameter_set_id: u8,
    /// Of separately coded planes: 0 Y, 1 Cb, 2 Cr.
    pub colour_plane_id: u8,
    /// Counts reference frames, modulo `MaxFrameNum`.
    pub frame_num: u16,
    /// Whether the picture is a field.
    pub field_pic_flag: bool,
    /// Whether that field is the bottom one.
    pub bottom_field_flag: bool,
    /// Tells IDR pictures that follow each other apart.
    pub idr_pic_id: u16,
    /// Low bits of the picture order count (`pic_order_cnt_type` 0).
    pub pic_order_cnt_lsb: u16,
    /// How much later the bottom field comes out (`pic_order_cnt_type` 0).
    pub delta_pic_order_cnt_bottom: i32,
    /// Difference to the expected picture order count, of the top (or only) and the bottom field (`pic_order_cnt_type` 1).
    pub delta_pic_order_cnt: [i32; 2],
    /// 0 in the primary picture, more in redundant ones.
    pub redundant_pic_cnt: u8,
    /// How motion vectors of direct prediction are derived.
    pub direct_spatial_mv_pred_flag: bool,
    /// Whether the header overrides the length of the reference lists.
    pub num_ref_idx_active_override_flag: bool,
    /// Entries of the reference lists 0 and 1, less 1, overridden or not.
    pub num_ref_idx_active_minus1: [u8; 2],
    /// Changes of the reference lists 0 and 1, where there are any.
    pub ref_pic_list_modification: [Option<List<Modification, 32>>; 2],
    /// Explicit prediction weights.
    pub pred_weight_table: Option<PredWeightTable>,
    /// What becomes of reference pictures; only in one (`nal_ref_idc` is not 0).
    pub dec_ref_pic_marking: Option<DecRefPicMarking>,
    /// The table that CABAC starts from, 0 to 2.
    pub cabac_init_idc: u8,
    /// Quantiser, less that of the picture parameter set.
    pub slice_qp_delta: i8,
    /// Whether a decoder switches streams here.
    pub sp_for_switch_flag: bool,
    /// Quantiser of SP and SI slices, less that of the picture parameter set.
    pub slice_qs_delta: i8,
    /// Deblocking: 0 on, 1 off, 2 on but for edges between slices.
    pub disable_deblocking_filter_idc: u8,
    /// Deblocking strength, -6 to 6.
    pub slice_alpha_c0_offset_div2: i8,
    /// Deblocking strength, -6 to 6.
    pub slice_beta_offset_div2: i8,
    /// How far the border of the slice groups has moved.
    pub slice_group_change_cycle: u32,
}

impl SliceHeader {
    /// Reads the header of a slice: of a NAL unit of type 1, 2, 5 or 19.
    ///
    /// # Errors
    /// [`Error::Missing`] where a parameter set is not there, [`Error::Invalid`] where the NAL unit is of another type
    /// or an element is out of its range, [`Error::ShortBits`] where it ends too early.
    #[inline]
    pub fn parse(nal: &[u8], sets: &ParameterSets) -> Result<Self, Error> {
        // The header is large: it is made where it is to be, not moved there.
        let mut result = Ok(Self::default());
        if let Ok(slice) = &mut result
            && let Err(error) = slice.read(nal, sets)
        {
            result = Err(error);
        }
        result
    }

    /// Fills a header that is as by default; gives that of the NAL unit.
    #[inline(never)]
    pub(crate) fn read(&mut self, nal: &[u8], sets: &ParameterSets) -> Result<Header, Error> {
        let (mut read, header) = Read::nal(nal)?;
        self.syntax(&mut read, header, sets)?;
        Ok(header)
    }

    /// As [`read`](Self::read), only up to `redundant_pic_cnt`: the elements that tell pictures apart.
    pub(crate) fn read_picture(
        &mut self,
        nal: &[u8],
        sets: &ParameterSets,
    ) -> Result<Header, Error> {
        let (mut read, header) = Read::nal(nal)?;
        let idr = is_idr(&read, header)?;
        let pps = self.start(&mut read, sets)?;
        let sps = sets.sps(pps.seq_parameter_set_id)?;
        self.picture(&mut read, idr, sps, pps)?;
        Ok(header)
    }

    /// Reads the NAL unit header and the slice header from the start of a NAL unit; the reader is left where the
    /// slice data starts.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn decode(
        bits: &mut BitReader<'_, true>,
        sets: &ParameterSets,
    ) -> Result<(Header, Self), Error> {
        let (mut read, header) = Read::start(*bits)?;
        let mut slice = Self::default();
        slice.syntax(&mut read, header, sets)?;
        *bits = read.into_bits();
        Ok((header, slice))
    }

    /// Writes the NAL unit header and the slice header. The writer is left where the slice data starts, which with
    /// CABAC is to be aligned with one bits.
    ///
    /// # Errors
    /// [`Error::Missing`] where a parameter set is not there, [`Error::Invalid`] where a field is out of its range.
    pub fn encode(
        &self,
        header: Header,
        sets: &ParameterSets,
        bits: &mut BitWriter<'_, true>,
    ) -> Result<(), Error> {
        let mut slice = *self;
        slice.syntax(&mut Write::start(header, bits), header, sets)
    }

    /// The slice type, without what it says of the picture's other slices.
    #[must_use]
    pub const fn kind(&self) -> SliceType {
        match self.slice_type % 5 {
            0 => SliceType::P,
            1 => SliceType::B,
            2 => SliceType::I,
            3 => SliceType::Sp,
            _ => SliceType::Si,
        }
    }

    /// `slice_header()` of types 1, 2, 5 and 19.
    #[inline]
    pub(crate) fn syntax<S: Syntax>(
        &mut self,
        s: &mut S,
        header: Header,
        sets: &ParameterSets,
    ) -> Result<(), Error> {
        let idr = is_idr(s, header)?;
        let pps = self.start(s, sets)?;
        let sps = sets.sps(pps.seq_parameter_set_id)?;
        self.picture(s, idr, sps, pps)?;
        self.rest(s, header, idr, (sps, pps), false)
    }

    /// `slice_header()` of a further view.
    fn view_syntax<S: Syntax>(
        &mut self,
        s: &mut S,
        header: Header,
        idr: bool,
        sets: &ParameterSets,
    ) -> Result<(), Error> {
        let pps = self.start(s, sets)?;
        let sps = &sets.subset_sps(pps.seq_parameter_set_id)?.sps;
        self.picture(s, idr, sps, pps)?;
        self.rest(s, header, idr, (sps, pps), true)
    }

    /// What follows the part that tells pictures apart.
    #[inline]
    fn rest<S: Syntax>(
        &mut self,
        s: &mut S,
        header: Header,
        idr: bool,
        (sps, pps): (&Sps, &Pps),
        of_view: bool,
    ) -> Result<(), Error> {
        self.inter(s, pps, of_view)?;
        if self.is_weighted(pps) {
            self.weights(s, sps)?;
        }
        if header.nal_ref_idc != 0 {
            self.marking(s, idr)?;
        }
        self.quantiser(s, pps)?;
        let kind = self.kind();
        if matches!(kind, SliceType::Sp | SliceType::Si) {
            if kind == SliceType::Sp {
                s.flag("sp_for_switch_flag", &mut self.sp_for_switch_flag)?;
            }
            s.se("slice_qs_delta", &mut self.slice_qs_delta, -51..=51)?;
        }
        self.deblocking(s, pps)?;
        self.slice_groups(s, sps, pps)
    }

    /// Lists that the slice predicts from: none, one or both.
    const fn lists(&self) -> usize {
        match self.kind() {
            SliceType::I | SliceType::Si => 0,
            SliceType::P | SliceType::Sp => 1,
            SliceType::B => 2,
        }
    }

    /// The first elements, by which the parameter sets are found.
    #[inline]
    fn start<'s, S: Syntax>(
        &mut self,
        s: &mut S,
        sets: &'s ParameterSets,
    ) -> Result<&'s Pps, Error> {
        s.ue(
            "first_mb_in_slice",
            &mut self.first_mb_in_slice,
            0..=u32::MAX,
        )?;
        s.ue("slice_type", &mut self.slice_type, 0..=9)?;
        s.ue(
            "pic_parameter_set_id",
            &mut self.pic_parameter_set_id,
            0..=255,
        )?;
        sets.pps(self.pic_parameter_set_id)
    }

    /// The elements that tell pictures apart.
    #[inline]
    fn picture<S: Syntax>(
        &mut self,
        s: &mut S,
        idr: bool,
        sps: &Sps,
        pps: &Pps,
    ) -> Result<(), Error> {
        if sps.separate_colour_plane_flag {
            s.u(2, "colour_plane_id", &mut self.colour_plane_id)?;
        }
        let frame_num_bits = u32::from(sps.log2_max_frame_num_minus4) + 4;
        s.u(frame_num_bits, "frame_num", &mut self.frame_num)?;
        if !sps.frame_mbs_only_flag {
            s.flag("field_pic_flag", &mut self.field_pic_flag)?;
            if self.field_pic_flag {
                s.flag("bottom_field_flag", &mut self.bottom_field_flag)?;
            }
        }
        if idr {
            s.ue("idr_pic_id", &mut self.idr_pic_id, 0..=65535)?;
        }
        self.pic_order(s, sps, pps)?;
        if pps.redundant_pic_cnt_present_flag {
            s.ue("redundant_pic_cnt", &mut self.redundant_pic_cnt, 0..=127)?;
        }
        Ok(())
    }

    /// Direct prediction and the reference lists.
    #[inline]
    fn inter<S: Syntax>(&mut self, s: &mut S, pps: &Pps, of_view: bool) -> Result<(), Error> {
        let lists = self.lists();
        if lists == 2 {
            s.flag(
                "direct_spatial_mv_pred_flag",
                &mut self.direct_spatial_mv_pred_flag,
            )?;
        }
        if lists > 0 {
            self.ref_lists(s, pps, lists, of_view)?;
        }
        Ok(())
    }

    /// Whether prediction weights are coded.
    #[inline]
    const fn is_weighted(&self, pps: &Pps) -> bool {
        match self.kind() {
            SliceType::P | SliceType::Sp => pps.weighted_pred_flag,
            SliceType::B => pps.weighted_bipred_idc == 1,
            SliceType::I | SliceType::Si => false,
        }
    }

    #[inline]
    fn weights<S: Syntax>(&mut self, s: &mut S, sps: &Sps) -> Result<(), Error> {
        let entries = self
            .num_ref_idx_active_minus1
            .map(|last| usize::from(last) + 1);
        let (has_chroma, lists) = (sps.chroma_array_type() != 0, self.lists());
        self.pred_weight_table
            .get_or_insert_default()
            .syntax(s, has_chroma, entries, lists)
    }

    #[inline]
    fn marking<S: Syntax>(&mut self, s: &mut S, idr: bool) -> Result<(), Error> {
        self.dec_ref_pic_marking
            .get_or_insert_default()
            .syntax(s, idr)
    }

    #[inline]
    fn quantiser<S: Syntax>(&mut self, s: &mut S, pps: &Pps) -> Result<(), Error> {
        if pps.entropy_coding_mode_flag && self.lists() > 0 {
            s.ue("cabac_init_idc", &mut self.cabac_init_idc, 0..=2)?;
        }
        // From the lowest to the highest quantiser, with 14 bits of luma.
        s.se("slice_qp_delta", &mut self.slice_qp_delta, -87..=87)
    }

    #[inline]
    fn deblocking<S: Syntax>(&mut self, s: &mut S, pps: &Pps) -> Result<(), Error> {
        if !pps.deblocking_filter_control_present_flag {
            return Ok(());
        }
        s.ue(
            "disable_deblocking_filter_idc",
            &mut self.disable_deblocking_filter_idc,
            0..=2,
        )?;
        if self.disable_deblocking_filter_idc == 1 {
            return Ok(());
        }
        s.se(
            "slice_alpha_c0_offset_div2",
            &mut self.slice_alpha_c0_offset_div2,
            -6..=6,
        )?;
        s.se(
            "slice_beta_offset_div2",
            &mut self.slice_beta_offset_div2,
            -6..=6,
        )
    }

    #[inline]
    fn slice_groups<S: Syntax>(&mut self, s: &mut S, sps: &Sps, pps: &Pps) -> Result<(), Error> {
        if let Some(groups) = &pps.slice_groups
            && let SliceGroupMap::Changing {
                change_rate_minus1, ..
            } = groups.map
        {
            // Ceil(Log2(PicSizeInMapUnits ÷ SliceGroupChangeRate + 1)), where ÷ is exact division.
            let rate = u64::from(change_rate_minus1) + 1;
            let cycles = sps.pic_size_in_map_units().div_ceil(rate) + 1;
            let bits = cycles.next_power_of_two().ilog2();
            s.u(
                bits,
                "slice_group_change_cycle",
                &mut self.slice_group_change_cycle,
            )?;
        }
        Ok(())
    }

    #[inline]
    fn pic_order<S: Syntax>(&mut self, s: &mut S, sps: &Sps, pps: &Pps) -> Result<(), Error> {
        const ANY: core::ops::RangeInclusive<i32> = -i32::MAX..=i32::MAX;
        let both_fields = pps.bottom_field_pic_order_in_frame_present_flag && !self.field_pic_flag;
        match &sps.pic_order_cnt {
            PicOrderCntType::Lsb {
                log2_max_pic_order_cnt_lsb_minus4,
            } => {
                let bits = u32::from(*log2_max_pic_order_cnt_lsb_minus4) + 4;
                s.u(bits, "pic_order_cnt_lsb", &mut self.pic_order_cnt_lsb)?;
                if both_fields {
                    s.se(
                        "delta_pic_order_cnt_bottom",
                        &mut self.delta_pic_order_cnt_bottom,
                        ANY,
                    )?;
                }
            }
            PicOrderCntType::Cycle(cycle) if !cycle.delta_pic_order_always_zero_flag => {
                let [top, bottom] = &mut self.delta_pic_order_cnt;
                s.se("delta_pic_order_cnt", top, ANY)?;
                if both_fields {
                    s.se("delta_pic_order_cnt", bottom, ANY)?;
                }
            }
            PicOrderCntType::Cycle(_) | PicOrderCntType::DecodingOrder => {}
        }
        Ok(())
    }

    #[inline]
    fn ref_lists<S: Syntax>(
        &mut self,
        s: &mut S,
        pps: &Pps,
        lists: usize,
        of_view: bool,
    ) -> Result<(), Error> {
        s.flag(
            "num_ref_idx_active_override_flag",
            &mut self.num_ref_idx_active_override_flag,
        )?;
        if self.num_ref_idx_active_override_flag {
            let names = [
                "num_ref_idx_l0_active_minus1",
                "num_ref_idx_l1_active_minus1",
            ];
            for (last, what) in self
                .num_ref_idx_active_minus1
                .iter_mut()
                .zip(names)
                .take(lists)
            {
                s.ue(what, last, 0..=31)?;
            }
        } else {
            self.num_ref_idx_active_minus1 = [
                pps.num_ref_idx_l0_default_active_minus1,
                pps.num_ref_idx_l1_default_active_minus1,
            ];
        }
        let names = [
            "ref_pic_list_modification_flag_l0",
            "ref_pic_list_modification_flag_l1",
        ];
        for (list, what) in self
            .ref_pic_list_modification
            .iter_mut()
            .zip(names)
            .take(lists)
        {
            if let Some(list) = s.present(what, list)? {
                modification::syntax(s, list, of_view)?;
            }
        }
        Ok(())
    }
}

/// Whether a NAL unit holds a slice of an IDR picture, if it holds a slice of the base layer.
#[inline]
fn is_idr(s: &impl Syntax, header: Header) -> Result<bool, Error> {
    match header.nal_unit_type {
        UnitType::IdrSlice => Ok(true),
        UnitType::NonIdrSlice | UnitType::PartitionA | UnitType::AuxiliarySlice => Ok(false),
        other => s.invalid("nal_unit_type", other.number()),
    }
}
