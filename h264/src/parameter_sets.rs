use crate::nal::UnitType;
use crate::sps::SubsetSps;
use crate::{Error, Pps, Sps, pps};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// The parameter sets of a stream, by their ids: what slices are read with.
///
/// ```
/// use fluvial_h264::{ParameterSets, SliceHeader, slice::SliceType};
///
/// let mut sets = ParameterSets::default();
/// sets.insert(&[0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x11, 0x3F, 0x90])?;
/// sets.insert(&[0x68, 0xCE, 0x0F, 0xC8])?;
/// let slice = SliceHeader::parse(&[0x65, 0xB8, 0x04, 0x0A, 0xFF], &sets)?;
/// assert_eq!(slice.kind(), SliceType::I);
/// # Ok::<(), fluvial_h264::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct ParameterSets {
    sps: Vec<Option<Box<Sps>>>,
    subset_sps: Vec<Option<Box<SubsetSps>>>,
    pps: Vec<Option<Box<Entry>>>,
}

/// A picture parameter set with what it was read from, since reading depends on its sequence parameter set.
#[derive(Debug, Clone)]
struct Entry {
    nal: Box<[u8]>,
    chroma_format_idc: u8,
    pps: Pps,
}

fn put<T>(list: &mut Vec<Option<T>>, id: u8, item: T) {
    let id = usize::from(id);
    if list.len() <= id {
        list.resize_with(id + 1, || None);
    }
    if let Some(place) = list.get_mut(id) {
        *place = Some(item);
    }
}

impl ParameterSets {
    /// Takes in a NAL unit of type 7, 8 or 15; others are passed over. Tells whether it brought anything new.
    ///
    /// A picture parameter set may precede its sequence parameter set; until that comes, 4:2:0 is assumed.
    ///
    /// # Errors
    /// As [`Sps::parse`], [`Pps::parse`] and [`SubsetSps::parse`]; a set of the same id is kept then. But of a sequence parameter set of
    /// which only the video usability information is damaged, the rest is taken in.
    pub fn insert(&mut self, nal: &[u8]) -> Result<bool, Error> {
        match UnitType::of(nal) {
            UnitType::Sps => {
                let (sps, wrong) = Sps::parse_usable(nal)?;
                let is_new = self.insert_sps(sps)?;
                wrong.map_or(Ok(is_new), Err)
            }
            UnitType::Pps => self.insert_pps(nal),
            UnitType::SubsetSps => Ok(self.insert_subset_sps(SubsetSps::parse(nal)?)),
            _ => Ok(false),
        }
    }

    fn insert_sps(&mut self, sps: Sps) -> Result<bool, Error> {
        let id = sps.seq_parameter_set_id;
        if self.sps(id) == Ok(&sps) {
            return Ok(false);
        }
        for entry in self.pps.iter_mut().flatten() {
            if entry.pps.seq_parameter_set_id == id
                && entry.chroma_format_idc != sps.chroma_format_idc
            {
                // Where it cannot be read with the new chroma format, it is one that will be replaced.
                if let Ok(pps) = Pps::parse(&entry.nal, sps.chroma_format_idc) {
                    entry.pps = pps;
                    entry.chroma_format_idc = sps.chroma_format_idc;
                }
            }
        }
        put(&mut self.sps, id, Box::new(sps));
        Ok(true)
    }

    fn insert_subset_sps(&mut self, subset: SubsetSps) -> bool {
        let id = subset.sps.seq_parameter_set_id;
        let is_new = self.subset_sps(id) != Ok(&subset);
        if is_new {
            put(&mut self.subset_sps, id, Box::new(subset));
        }
        is_new
    }

    /// `chroma_format_idc` of the parameter set with this id: where there is a base layer's, of that one.
    pub(crate) fn chroma_format_idc(&self, id: u8) -> u8 {
        let subset = || self.subset_sps(id).map(|subset| &subset.sps);
        self.sps(id)
            .or_else(|_| subset())
            .map_or(1, |sps| sps.chroma_format_idc)
    }

    fn insert_pps(&mut self, nal: &[u8]) -> Result<bool, Error> {
        let (id, sps) = pps::ids(nal)?;
        let known = self.pps.get(usize::from(id)).and_then(Option::as_ref);
        if known.is_some_and(|entry| *entry.nal == *nal) {
            return Ok(false);
        }
        let chroma_format_idc = self.chroma_format_idc(sps);
        let entry = Entry {
            nal: nal.into(),
            chroma_format_idc,
            pps: Pps::parse(nal, chroma_format_idc)?,
        };
        put(&mut self.pps, id, Box::new(entry));
        Ok(true)
    }

    /// The sequence parameter set with this id.
    ///
    /// # Errors
    /// [`Error::Missing`] where it has not been seen.
    #[inline]
    pub fn sps(&self, id: u8) -> Result<&Sps, Error> {
        match self.sps.get(usize::from(id)) {
            Some(Some(sps)) => Ok(sps),
            _ => Err(Error::Missing {
                what: "sequence parameter set",
                id,
            }),
        }
    }

    /// The subset sequence parameter set with this id, which slices of further layers and views refer to.
    ///
    /// # Errors
    /// [`Error::Missing`] where it has not been seen.
    pub fn subset_sps(&self, id: u8) -> Result<&SubsetSps, Error> {
        match self.subset_sps.get(usize::from(id)) {
            Some(Some(subset)) => Ok(subset),
            _ => Err(Error::Missing {
                what: "subset sequence parameter set",
                id,
            }),
        }
    }

    /// The picture parameter set with this id.
    ///
    /// # Errors
    /// [`Error::Missing`] where it has not been seen.
    #[inline]
    pub fn pps(&self, id: u8) -> Result<&Pps, Error> {
        match self.pps.get(usize::from(id)) {
            Some(Some(entry)) => Ok(&entry.pps),
            _ => Err(Error::Missing {
                what: "picture parameter set",
                id,
            }),
        }
    }
}
