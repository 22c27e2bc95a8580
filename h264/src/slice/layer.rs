use super::{ScalableSliceHeader, SliceHeader};
use crate::extension::{HeaderExtension, MvcExtension, SvcExtension};
use crate::nal::{Header, UnitType};
use crate::syntax::{Read, Syntax, Write};
use crate::{Error, ParameterSets};
use wire::{BitReader, BitWriter};

/// The headers of a slice of a further layer or view: of a NAL unit of type 20 or 21 (§7.3.1, §7.3.3, §F.7.3.3.4).
///
/// Its parameter set is a subset one. Slices of 3D-AVC (type 21 with `avc_3d_extension_flag`) are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "in place, so that no slice header allocates"
)]
pub enum LayerSlice {
    /// Of a scalable stream.
    Svc(SvcExtension, ScalableSliceHeader),
    /// Of a multiview stream.
    Mvc(MvcExtension, SliceHeader),
}

impl LayerSlice {
    /// Reads the headers of a slice of type 20 or 21.
    ///
    /// # Errors
    /// [`Error::Missing`] where a parameter set is not there, [`Error::Invalid`] where the NAL unit is of another type
    /// or an element is out of its range, [`Error::ShortBits`] where it ends too early.
    pub fn parse(nal: &[u8], sets: &ParameterSets) -> Result<Self, Error> {
        Self::decode(&mut BitReader::escaped(nal), sets).map(|(_, slice)| slice)
    }

    /// Reads the NAL unit header and the slice's headers from the start of a NAL unit; the reader is left where the
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

    /// Writes the NAL unit header and the slice's headers. The writer is left where the slice data starts.
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

    pub(crate) fn syntax<S: Syntax>(
        &mut self,
        s: &mut S,
        header: Header,
        sets: &ParameterSets,
    ) -> Result<(), Error> {
        let mut extension = match self {
            Self::Svc(svc, _) => HeaderExtension::Svc(*svc),
            Self::Mvc(mvc, _) => HeaderExtension::Mvc(*mvc),
        };
        if header.nal_unit_type == UnitType::Prefix {
            return s.invalid("nal_unit_type", header.nal_unit_type.number());
        }
        extension.syntax(s, header)?;
        match extension {
            HeaderExtension::Svc(svc) => {
                let mut slice = match *self {
                    Self::Svc(_, slice) => slice,
                    Self::Mvc(..) => ScalableSliceHeader::default(),
                };
                slice.syntax(s, header, &svc, sets)?;
                *self = Self::Svc(svc, slice);
            }
            HeaderExtension::Mvc(mvc) => {
                let mut slice = match *self {
                    Self::Mvc(_, slice) => slice,
                    Self::Svc(..) => SliceHeader::default(),
                };
                slice.view_syntax(s, header, !mvc.non_idr_flag, sets)?;
                *self = Self::Mvc(mvc, slice);
            }
        }
        Ok(())
    }
}

impl Default for LayerSlice {
    fn default() -> Self {
        Self::Mvc(MvcExtension::default(), SliceHeader::default())
    }
}
