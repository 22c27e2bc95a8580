use crate::extension::Prefix;
use crate::nal::{Header, UnitType};
use crate::slice::LayerSlice;
use crate::sps::{SpsExtension, SubsetSps};
use crate::syntax::{Number, Read, Syntax};
use crate::{AccessUnitDelimiter, Error, ParameterSets, Pps, SliceHeader, Sps, pps, sei};
use core::ops::RangeInclusive;

/// A syntax element, as it stands in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element {
    /// Its name in the standard.
    pub name: &'static str,
    /// Its position: bits from the start of the NAL unit, emulation prevention bytes not counted.
    pub bit: u64,
    /// Its value.
    pub value: i64,
}

/// Tells the syntax elements of NAL units one by one, for people who look into streams.
///
/// ```
/// use fluvial_h264::Tracer;
///
/// let mut lines = Vec::new();
/// Tracer::default().nal(&[0x09, 0x30], |e| lines.push(format!("{} {} = {}", e.bit, e.name, e.value)))?;
/// assert_eq!(lines, ["1 nal_ref_idc = 0", "3 nal_unit_type = 9", "8 primary_pic_type = 1"]);
/// # Ok::<(), fluvial_h264::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Tracer {
    sets: ParameterSets,
    /// The sequence parameter set that is active, which some messages are coded by.
    active_sps: Option<u8>,
}

impl Tracer {
    /// Reads a NAL unit and tells its elements. Parameter sets are kept, to read later units by.
    ///
    /// Parameter sets, slice headers, messages, delimiters and header extensions are read to their end; of other
    /// units only the header.
    ///
    /// # Errors
    /// As the parsers of what the NAL unit holds; the elements before the error have been told then.
    pub fn nal(&mut self, nal: &[u8], mut each: impl FnMut(Element)) -> Result<(), Error> {
        let (read, header) = Read::nal(nal)?;
        let elements = [
            ("nal_ref_idc", 1, header.nal_ref_idc),
            ("nal_unit_type", 3, header.nal_unit_type.number()),
        ];
        for (name, bit, value) in elements {
            each(Element {
                name,
                bit,
                value: value.into(),
            });
        }
        let mut trace = Trace { read, each };
        self.body(nal, header, &mut trace)
    }

    fn body<'a, F: FnMut(Element)>(
        &mut self,
        nal: &'a [u8],
        header: Header,
        trace: &mut Trace<'a, F>,
    ) -> Result<(), Error> {
        match header.nal_unit_type {
            UnitType::Sps => {
                let mut sps = Sps::default();
                sps.syntax(trace)?;
                self.active_sps.get_or_insert(sps.seq_parameter_set_id);
                self.sets.insert(nal)?;
            }
            UnitType::SubsetSps => {
                SubsetSps::default().syntax(trace)?;
                self.sets.insert(nal)?;
            }
            UnitType::SpsExtension => SpsExtension::default().syntax(trace)?,
            UnitType::Pps => {
                let (_, sps) = pps::ids(nal)?;
                let chroma_format_idc = self.sets.chroma_format_idc(sps);
                Pps::default().syntax(trace, chroma_format_idc)?;
                self.sets.insert(nal)?;
            }
            UnitType::Sei => {
                for message in sei::messages(nal) {
                    let message = message?;
                    trace.read = Read::part(message.bits());
                    message.read(trace, self.active_sps.and_then(|id| self.sets.sps(id).ok()))?;
                }
            }
            UnitType::AccessUnitDelimiter => AccessUnitDelimiter::default().syntax(trace)?,
            UnitType::Prefix => Prefix::default().syntax(trace, header)?,
            UnitType::SliceExtension | UnitType::SliceExtensionDepth => {
                LayerSlice::default().syntax(trace, header, &self.sets)?;
            }
            UnitType::NonIdrSlice
            | UnitType::IdrSlice
            | UnitType::PartitionA
            | UnitType::AuxiliarySlice => {
                let mut slice = SliceHeader::default();
                slice.syntax(trace, header, &self.sets)?;
                let pps = self.sets.pps(slice.pic_parameter_set_id)?;
                self.active_sps = Some(pps.seq_parameter_set_id);
            }
            _ => {}
        }
        Ok(())
    }
}

/// A [`Read`] that tells each element.
struct Trace<'a, F> {
    read: Read<'a>,
    each: F,
}

impl<F: FnMut(Element)> Trace<'_, F> {
    /// Walks one element, and tells it as soon as it is read.
    fn tell<T: Copy + Into<i64>>(
        &mut self,
        name: &'static str,
        value: &mut T,
        walk: impl FnOnce(&mut Read<'_>, &mut T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let bit = self.read.position();
        walk(&mut self.read, value)?;
        (self.each)(Element {
            name,
            bit,
            value: (*value).into(),
        });
        Ok(())
    }
}

impl<F: FnMut(Element)> Syntax for Trace<'_, F> {
    fn flag(&mut self, what: &'static str, value: &mut bool) -> Result<(), Error> {
        self.tell(what, value, |read, value| read.flag(what, value))
    }

    fn u<T: Number>(&mut self, n: u32, what: &'static str, value: &mut T) -> Result<(), Error> {
        self.tell(what, value, |read, value| read.u(n, what, value))
    }

    fn ue<T: Number>(
        &mut self,
        what: &'static str,
        value: &mut T,
        range: RangeInclusive<u32>,
    ) -> Result<(), Error> {
        self.tell(what, value, |read, value| read.ue(what, value, range))
    }

    fn se<T: Number>(
        &mut self,
        what: &'static str,
        value: &mut T,
        range: RangeInclusive<i32>,
    ) -> Result<(), Error> {
        self.tell(what, value, |read, value| read.se(what, value, range))
    }

    fn i(&mut self, n: u32, what: &'static str, value: &mut i32) -> Result<(), Error> {
        self.tell(what, value, |read, value| read.i(n, what, value))
    }

    fn more_rbsp_data(&mut self, more: bool) -> bool {
        self.read.more_rbsp_data(more)
    }

    fn position(&self) -> u64 {
        self.read.position()
    }
}
