use super::header::{put_version_and_flags, version_and_flags};
use super::{FourCc, IsoBox};
use crate::Error;
use wire::{Reader, Writer};

/// Says that a track is video (ISO/IEC 14496-12 §12.1.2).
///
/// ```text
/// version u8 = 0 | flags u24 = 1 | graphicsmode u16 | opcolor 3 x u16
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vmhd {
    /// How the picture is laid over others; 0: copied.
    pub graphicsmode: u16,
    /// Red, green and blue for the graphics modes.
    pub opcolor: [u16; 3],
}

impl IsoBox for Vmhd {
    const TYPE: FourCc = FourCc(*b"vmhd");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        version_and_flags(r)?;
        let graphicsmode = r.u16("graphicsmode")?;
        let opcolor = [r.u16("opcolor")?, r.u16("opcolor")?, r.u16("opcolor")?];
        Ok(Self {
            graphicsmode,
            opcolor,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        let [red, green, blue] = self.opcolor;
        put_version_and_flags(w, 0, 1);
        w.u16(self.graphicsmode).u16(red).u16(green).u16(blue);
        Ok(())
    }

    fn body_len(&self) -> usize {
        12
    }
}
