//! Pictures of H.264 that are coded as two fields, each an access unit of its own (ISO/IEC 14496-10 §7.4.1.2.4): raw streams have
//! them one by one, though they are shown together.

use h264::length_prefixed;
use h264::nal::UnitType;
use h264::{ParameterSets, SliceHeader};
use media::Codec;

/// Finds the second fields of pictures among samples.
pub struct Fields {
    sets: ParameterSets,
    /// The field that waits for its other half: its `frame_num`, and whether it is the bottom one.
    open: Option<(u16, bool)>,
}

impl Fields {
    /// Of a codec whose pictures can be coded so.
    pub fn of(codec: &Codec) -> Option<Self> {
        let Codec::H264(config) = codec else {
            return None;
        };
        if config.first_sps()?.frame_mbs_only_flag {
            return None;
        }
        let mut sets = ParameterSets::default();
        for nal in config.sps().chain(config.pps()) {
            sets.insert(nal).ok()?;
        }
        Some(Self { sets, open: None })
    }

    /// Whether a sample is the other half of the one before it.
    pub fn is_second(&mut self, data: &[u8]) -> bool {
        let mut nals = length_prefixed::nals(data, 4).map_while(Result::ok);
        let slice = nals
            .find(|nal| UnitType::of(nal).is_vcl())
            .and_then(|nal| SliceHeader::parse(nal, &self.sets).ok());
        let Some(slice) = slice.filter(|slice| slice.field_pic_flag) else {
            self.open = None;
            return false;
        };
        // A sample that has both fields has the picture's end.
        let has_both = nals
            .filter(|nal| UnitType::of(nal).is_vcl())
            .filter_map(|nal| SliceHeader::parse(nal, &self.sets).ok())
            .any(|other| other.bottom_field_flag != slice.bottom_field_flag);
        let other = (slice.frame_num, !slice.bottom_field_flag);
        let is_second = self.open == Some(other) && !has_both;
        self.open = (!is_second && !has_both).then_some((slice.frame_num, slice.bottom_field_flag));
        is_second
    }
}
