use super::container::each_child;
use super::{FourCc, IsoBox, Raw, Table};
use crate::Error;
use alloc::vec::Vec;
use bytes::Bytes;
use wire::{LengthOf, Reader, Writer};

/// What a track refers to other tracks for (ISO/IEC 14496-12 §8.3.3).
///
/// ```text
/// each: size u32 | reference_type u32 | track_IDs u32
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tref {
    /// Kind (`chap`, `cdsc`, `hint`, `auxl`, ...) and the numbers of the tracks.
    pub references: Vec<(FourCc, Table<u32, 4>)>,
}

impl IsoBox for Tref {
    const TYPE: FourCc = FourCc(*b"tref");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let mut references = Vec::new();
        let unread = each_child(r, |child| {
            let ids = Bytes::copy_from_slice(child.body().peek());
            references.push((child.header.box_type, Table::new(ids)));
            None
        });
        match unread.into_iter().find_map(|raw| raw.error) {
            Some(error) => Err(error),
            None => Ok(Self { references }),
        }
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        for (kind, ids) in &self.references {
            w.sized_u32("reference size", LengthOf::FieldAndBody, |w| {
                w.bytes(&kind.0).bytes(ids.chunks().as_flattened());
                Ok::<(), Error>(())
            })?;
        }
        Ok(())
    }

    fn body_len(&self) -> usize {
        let lens = self.references.iter();
        let lens = lens.map(|(_, ids)| ids.len().saturating_mul(4).saturating_add(8));
        lens.fold(0, usize::saturating_add)
    }
}

/// The groups that a track is in (ISO/IEC 14496-12 §8.3.4).
///
/// ```text
/// each: size u32 | track_group_type u32 | version u8 | flags u24 | track_group_id u32 | more by its type
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trgr {
    /// The groups, as boxes.
    pub groups: Vec<Raw>,
}

impl Trgr {
    /// Kind (`msrc`, ...) and number of each group.
    pub fn ids(&self) -> impl Iterator<Item = (FourCc, u32)> + '_ {
        self.groups.iter().filter_map(|raw| {
            let mut r = Reader::new(raw.body());
            r.skip(4, "version and flags").ok()?;
            Some((raw.box_type()?, r.u32("track_group_id").ok()?))
        })
    }
}

impl IsoBox for Trgr {
    const TYPE: FourCc = FourCc(*b"trgr");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            groups: each_child(r, |child| Some(Raw::new(child.bytes(), None))),
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        self.groups.iter().for_each(|raw| raw.put(w));
        Ok(())
    }

    fn body_len(&self) -> usize {
        super::container::raw_len(&self.groups)
    }
}
