use super::{Error, Header, ParameterSets, Sps};
use wire::BitReader;

/// The start of the header of a slice segment (§7.3.6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SliceHeader {
    /// The header of its NAL unit.
    pub header: Header,
    /// `first_slice_segment_in_pic_flag`.
    pub first_slice_segment_in_pic_flag: bool,
    /// `slice_pic_order_cnt_lsb`, up to 16 bits: 0 where the picture is IDR, and in dependent segments, which do not tell it.
    pub slice_pic_order_cnt_lsb: u16,
}

impl SliceHeader {
    /// Reads a NAL unit, of which the first 64 bytes suffice; with it comes the sequence parameter set that it refers to.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is no slice segment, a number is past its range, or there is no such parameter set; what reading
    /// gives where it ends early.
    pub fn parse<'a>(nal: &[u8], sets: &'a ParameterSets) -> Result<(Self, &'a Sps), Error> {
        let invalid = |field, value: u64| Error::Invalid { field, value };
        let header = Header::parse(nal)
            .filter(|header| header.is_picture())
            .ok_or_else(|| invalid("nal_unit_type", nal.first().map_or(0, |b| (b >> 1).into())))?;
        if header.is_irap() && header.temporal_id > 0 {
            return Err(invalid("nuh_temporal_id_plus1", header.temporal_id.into()));
        }
        let mut r = BitReader::escaped(nal.get(Header::LEN..).unwrap_or_default());
        let r = &mut r;
        let first = r.bit("first_slice_segment_in_pic_flag")?;
        if header.is_irap() {
            r.skip(1, "no_output_of_prior_pics_flag")?;
        }
        let id = small(r, 63, "slice_pic_parameter_set_id")?;
        let (pps, sps) = sets
            .find(id)
            .ok_or_else(|| invalid("slice_pic_parameter_set_id", id.into()))?;
        let mut slice = Self {
            header,
            first_slice_segment_in_pic_flag: first,
            slice_pic_order_cnt_lsb: 0,
        };
        if !first {
            let is_dependent = pps.dependent_slice_segments_enabled_flag
                && r.bit("dependent_slice_segment_flag")?;
            let bits = u32::BITS - (sps.pic_size_in_ctbs - 1).leading_zeros();
            let address = r.bits(bits, "slice_segment_address")?;
            if !(1..sps.pic_size_in_ctbs).contains(&address) {
                return Err(invalid("slice_segment_address", address.into()));
            }
            if is_dependent {
                return Ok((slice, sps));
            }
        }
        let extra = pps.num_extra_slice_header_bits;
        r.skip(extra.into(), "slice_reserved_flag")?;
        let slice_type = small(r, 2, "slice_type")?;
        // Pictures at which decoding starts refer to none, but for those of screens, which refer to themselves.
        if header.is_irap() && slice_type == 0 {
            return Err(invalid("slice_type", slice_type.into()));
        }
        if pps.output_flag_present_flag {
            r.skip(1, "pic_output_flag")?;
        }
        if sps.separate_colour_plane_flag {
            r.skip(2, "colour_plane_id")?;
        }
        if !matches!(header.nal_unit_type, 19 | 20) {
            let bits = sps.log2_max_pic_order_cnt_lsb.into();
            slice.slice_pic_order_cnt_lsb = r.bits16(bits, "slice_pic_order_cnt_lsb")?;
        }
        Ok((slice, sps))
    }
}

/// An Exp-Golomb code with a range.
fn small(r: &mut BitReader<'_, true>, max: u8, field: &'static str) -> Result<u8, Error> {
    let value = r.ue(field)?;
    match u8::try_from(value) {
        Ok(small) if small <= max => Ok(small),
        _ => Err(Error::Invalid {
            field,
            value: value.into(),
        }),
    }
}
