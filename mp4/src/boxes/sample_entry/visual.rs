use super::{Av1C, AvcC, Btrt, Clap, HvcC, Pasp, Slot, VpcC, entry_boxes};
use crate::Error;
use crate::boxes::{Colr, Esds, FourCc, Raw};
use alloc::vec::Vec;
use wire::{LengthOf, Reader, Writer};

/// Video (ISO/IEC 14496-12 §12.1.3, for H.264 and H.265 ISO/IEC 14496-15 §5.4.2 and §8.4.1).
///
/// ```text
/// reserved 6 bytes | data_reference_index u16 | 16 bytes of 0 | width u16 | height u16
/// horizresolution u32 (16.16) | vertresolution u32 (16.16) | reserved u32 | frame_count u16
/// compressorname 32 bytes | depth u16 | pre_defined i16 = -1 | boxes
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisualSampleEntry {
    /// The codec's name: `avc1`, `avc3`, ...
    pub format: FourCc,
    /// Entry of `dref`, from 1.
    pub data_reference_index: u16,
    /// 0; in QuickTime version, vendor and qualities.
    pub pre_defined: [u8; 16],
    /// Width in pixels of the coded picture after cropping.
    pub width: u16,
    /// Height in pixels of the coded picture after cropping.
    pub height: u16,
    /// Pixels per inch, 16.16 fixed point.
    pub horizresolution: u32,
    /// Pixels per inch, 16.16 fixed point.
    pub vertresolution: u32,
    /// Frames in a sample.
    pub frame_count: u16,
    /// A name for people: its length, then up to 31 bytes.
    pub compressorname: [u8; 32],
    /// 0x18: colours without alpha.
    pub depth: u16,
    /// H.264's configuration.
    pub avc_c: Option<AvcC>,
    /// H.265's configuration.
    pub hvc_c: Option<HvcC>,
    /// AV1's configuration.
    pub av1_c: Option<Av1C>,
    /// VP8's and VP9's configuration.
    pub vpc_c: Option<VpcC>,
    /// MPEG-2's and MPEG-4 part 2's configuration.
    pub esds: Option<Esds>,
    /// Shape of a pixel.
    pub pasp: Option<Pasp>,
    /// Meaning of the colours.
    pub colr: Option<Colr>,
    /// Which part of the picture is shown.
    pub clap: Option<Clap>,
    /// Bit rate.
    pub btrt: Option<Btrt>,
    /// The boxes that are not known here, or are damaged.
    pub other: Vec<Raw>,
}

entry_boxes!(VisualSampleEntry: avc_c hvc_c av1_c vpc_c esds pasp colr clap btrt);

impl VisualSampleEntry {
    /// An entry of a format and size, without any box.
    #[must_use]
    pub const fn new(format: FourCc, width: u16, height: u16) -> Self {
        Self {
            format,
            data_reference_index: 1,
            pre_defined: [0; 16],
            width,
            height,
            horizresolution: 72 << 16,
            vertresolution: 72 << 16,
            frame_count: 1,
            compressorname: [0; 32],
            depth: 0x18,
            avc_c: None,
            hvc_c: None,
            av1_c: None,
            vpc_c: None,
            esds: None,
            pasp: None,
            colr: None,
            clap: None,
            btrt: None,
            other: Vec::new(),
        }
    }

    pub(super) fn decode(format: FourCc, r: &mut Reader<'_>) -> Result<Self, Error> {
        r.skip(6, "reserved")?;
        let data_reference_index = r.u16("data_reference_index")?;
        let pre_defined = *r.array("pre_defined")?;
        let mut entry = Self::new(format, r.u16("width")?, r.u16("height")?);
        entry.data_reference_index = data_reference_index;
        entry.pre_defined = pre_defined;
        entry.horizresolution = r.u32("horizresolution")?;
        entry.vertresolution = r.u32("vertresolution")?;
        r.skip(4, "reserved")?;
        entry.frame_count = r.u16("frame_count")?;
        entry.compressorname = *r.array("compressorname")?;
        entry.depth = r.u16("depth")?;
        r.skip(2, "pre_defined")?;
        entry.read_boxes(r);
        Ok(entry)
    }

    pub(super) fn put(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.sized_u32("sample entry size", LengthOf::FieldAndBody, |w| {
            w.bytes(&self.format.0)
                .zeros(6)
                .u16(self.data_reference_index)
                .bytes(&self.pre_defined);
            w.u16(self.width)
                .u16(self.height)
                .u32(self.horizresolution)
                .u32(self.vertresolution);
            w.u32(0)
                .u16(self.frame_count)
                .bytes(&self.compressorname)
                .u16(self.depth)
                .i16(-1);
            self.put_boxes(w)
        })?;
        Ok(())
    }

    pub(super) fn encoded_len(&self) -> usize {
        self.boxes_len().saturating_add(86)
    }
}
