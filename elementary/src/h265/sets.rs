use super::{Error, Header, PPS, Pps, SPS, Sps};
use alloc::vec::Vec;
use bytes::Bytes;

/// Parameter sets that are kept: more than any stream has.
const MOST: usize = 128;

/// The parameter sets that are in force.
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
    /// What reading it gives; [`Error::Invalid`] for NAL units of other kinds, and where there are too many.
    pub fn insert(&mut self, nal: &[u8]) -> Result<bool, Error> {
        let kind = Header::parse(nal).map_or(u8::MAX, |header| header.nal_unit_type);
        let (key, sps, pps) = match kind {
            SPS => {
                let sps = Sps::parse(nal)?;
                ((kind, sps.sps_seq_parameter_set_id), Some(sps), None)
            }
            PPS => {
                let pps = Pps::parse(nal)?;
                ((kind, pps.pps_pic_parameter_set_id), None, Some(pps))
            }
            super::VPS => {
                let number = nal.get(Header::LEN).map_or(0, |byte| byte >> 4);
                ((kind, number), None, None)
            }
            other => {
                return Err(Error::Invalid {
                    field: "nal_unit_type",
                    value: other.into(),
                });
            }
        };
        let has_room = self.nals.len() < MOST;
        match self.nals.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) if **known == *nal => return Ok(false),
            Some((_, known)) => *known = Bytes::copy_from_slice(nal),
            None if has_room => {
                self.nals.push((key, Bytes::copy_from_slice(nal)));
                // As records have them: by kind.
                self.nals.sort_by_key(|(key, _)| *key);
            }
            None => {
                return Err(Error::Invalid {
                    field: "parameter sets",
                    value: MOST as u64,
                });
            }
        }
        if let Some(sps) = sps {
            let id = sps.sps_seq_parameter_set_id;
            self.sps.retain(|sps| sps.sps_seq_parameter_set_id != id);
            self.sps.push(sps);
        }
        if let Some(pps) = pps {
            let id = pps.pps_pic_parameter_set_id;
            self.pps.retain(|pps| pps.pps_pic_parameter_set_id != id);
            self.pps.push(pps);
        }
        Ok(true)
    }

    /// All of them, as they came: video, sequence and picture parameter sets.
    pub fn nals(&self) -> impl Iterator<Item = &[u8]> {
        self.nals.iter().map(|(_, nal)| &**nal)
    }

    /// The picture parameter set of a number, and the sequence parameter set that it refers to.
    pub(super) fn find(&self, pps: u8) -> Option<(&Pps, &Sps)> {
        let pps = self
            .pps
            .iter()
            .find(|set| set.pps_pic_parameter_set_id == pps)?;
        let wanted = pps.pps_seq_parameter_set_id;
        let sps = self
            .sps
            .iter()
            .find(|set| set.sps_seq_parameter_set_id == wanted)?;
        Some((pps, sps))
    }
}
