use super::{Error, HEADER, PPS, Pps, SPS, Sps, VPS, nal_unit_type};
use alloc::vec::Vec;
use bytes::Bytes;

/// Parameter sets that are kept: more than any stream has.
const MOST: usize = 128;

/// The parameter sets that are in force.
///
/// One that is damaged does not replace one that is not: decoders go on with that.
#[derive(Debug, Clone, Default)]
pub struct ParameterSets {
    /// All of them as they came, by kind and number.
    nals: Vec<(Key, Bytes)>,
    sps: Vec<Sps>,
    pps: Vec<Pps>,
}

/// What one replaces another by: the kind and the number.
type Key = (u8, u8);

impl ParameterSets {
    /// Takes a video, sequence or picture parameter set, in place of the one of its number; whether that changed anything.
    ///
    /// # Errors
    /// What reading it gives, where damage in the usability information is one only for a set in whose place there is another;
    /// [`Error::Invalid`] for NAL units of other kinds, where there are too many, and for a picture parameter set whose sequence's is not
    /// there, if it came in place of one whose is.
    pub fn insert(&mut self, nal: &[u8]) -> Result<bool, Error> {
        let kind = nal_unit_type(nal).unwrap_or(u8::MAX);
        let (mut sps, mut pps, mut wrong) = (None, None, None);
        let number = match kind {
            SPS => {
                let (set, damage) = Sps::parse_usable(nal)?;
                (sps, wrong) = (Some(set), damage);
                set.sps_seq_parameter_set_id
            }
            PPS => {
                let set = Pps::parse(nal)?;
                let id = set.pps_pic_parameter_set_id;
                if self.sps(set.pps_seq_parameter_set_id).is_none() && self.find(id).is_some() {
                    wrong = Some(Error::Invalid {
                        field: "pps_seq_parameter_set_id",
                        value: set.pps_seq_parameter_set_id.into(),
                    });
                }
                pps = Some(set);
                id
            }
            VPS => nal.get(HEADER).map_or(0, |byte| byte >> 4),
            other => {
                return Err(Error::Invalid {
                    field: "nal_unit_type",
                    value: other.into(),
                });
            }
        };
        let key = (kind, number);
        let has_room = self.nals.len() < MOST;
        match (self.nals.iter_mut().find(|(is, _)| *is == key), wrong) {
            (Some((_, known)), _) if **known == *nal => return Ok(false),
            (Some(_), Some(wrong)) => return Err(wrong),
            (Some((_, known)), None) => *known = Bytes::copy_from_slice(nal),
            (None, _) if has_room => {
                self.nals.push((key, Bytes::copy_from_slice(nal)));
                // As records have them: by kind.
                self.nals.sort_by_key(|(key, _)| *key);
            }
            (None, _) => {
                return Err(Error::Invalid {
                    field: "parameter sets",
                    value: MOST as u64,
                });
            }
        }
        if let Some(sps) = sps {
            self.sps
                .retain(|sps| sps.sps_seq_parameter_set_id != number);
            self.sps.push(sps);
        }
        if let Some(pps) = pps {
            self.pps
                .retain(|pps| pps.pps_pic_parameter_set_id != number);
            self.pps.push(pps);
        }
        Ok(true)
    }

    /// All of them, as they came: video, sequence and picture parameter sets.
    pub fn nals(&self) -> impl Iterator<Item = &[u8]> {
        self.nals.iter().map(|(_, nal)| &**nal)
    }

    /// The picture parameter set of a number, and the sequence parameter set that it refers to.
    #[must_use]
    pub fn find(&self, pps: u8) -> Option<(&Pps, &Sps)> {
        let mut all = self.pps.iter();
        let pps = all.find(|set| set.pps_pic_parameter_set_id == pps)?;
        Some((pps, self.sps(pps.pps_seq_parameter_set_id)?))
    }

    fn sps(&self, id: u8) -> Option<&Sps> {
        let mut all = self.sps.iter();
        all.find(|set| set.sps_seq_parameter_set_id == id)
    }
}
