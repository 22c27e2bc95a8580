//! How the picture is to be shown.

use crate::Error;
use crate::syntax::Syntax;

/// The picture is to be turned or flipped (§D.1.27, §D.2.27).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DisplayOrientation {
    /// How; `None` cancels an earlier message.
    pub orientation: Option<Orientation>,
}

/// Flips, then a turn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Orientation {
    /// Flipped left to right.
    pub hor_flip: bool,
    /// Flipped top to bottom.
    pub ver_flip: bool,
    /// Turned anticlockwise, in units of a turn / 65536.
    pub anticlockwise_rotation: u16,
    /// How long this holds: 0 one picture, 1 until the next message, more: at most so many pictures.
    pub repetition_period: u16,
    /// `display_orientation_extension_flag`, reserved.
    pub extension_flag: bool,
}

impl DisplayOrientation {
    pub(super) fn syntax<S: Syntax>(&mut self, s: &mut S) -> Result<(), Error> {
        let mut cancel = self.orientation.is_none();
        s.flag("display_orientation_cancel_flag", &mut cancel)?;
        if cancel {
            self.orientation = None;
            return Ok(());
        }
        let orientation = self.orientation.get_or_insert_default();
        s.flag("hor_flip", &mut orientation.hor_flip)?;
        s.flag("ver_flip", &mut orientation.ver_flip)?;
        s.u(
            16,
            "anticlockwise_rotation",
            &mut orientation.anticlockwise_rotation,
        )?;
        s.ue(
            "display_orientation_repetition_period",
            &mut orientation.repetition_period,
            0..=16384,
        )?;
        s.flag(
            "display_orientation_extension_flag",
            &mut orientation.extension_flag,
        )
    }
}

/// Colour volume of the display that the content was made on (§D.1.29, §D.2.29; SMPTE ST 2086).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MasteringDisplay {
    /// x and y of green, blue and red, in units of 0.00002.
    pub display_primaries: [[u16; 2]; 3],
    /// x and y of white, in units of 0.00002.
    pub white_point: [u16; 2],
    /// In units of 0.0001 candela per square metre.
    pub max_display_mastering_luminance: u32,
    /// In units of 0.0001 candela per square metre.
    pub min_display_mastering_luminance: u32,
}

impl MasteringDisplay {
    pub(super) fn syntax<S: Syntax>(&mut self, s: &mut S) -> Result<(), Error> {
        for [x, y] in &mut self.display_primaries {
            s.u(16, "display_primaries_x", x)?;
            s.u(16, "display_primaries_y", y)?;
        }
        let [x, y] = &mut self.white_point;
        s.u(16, "white_point_x", x)?;
        s.u(16, "white_point_y", y)?;
        s.u(
            32,
            "max_display_mastering_luminance",
            &mut self.max_display_mastering_luminance,
        )?;
        s.u(
            32,
            "min_display_mastering_luminance",
            &mut self.min_display_mastering_luminance,
        )
    }
}

/// Brightness of the content (§D.1.31, §D.2.31; CTA-861).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ContentLightLevel {
    /// Brightest pixel, in candela per square metre; 0 is unknown.
    pub max_content_light_level: u16,
    /// Brightest average of a picture, in candela per square metre; 0 is unknown.
    pub max_pic_average_light_level: u16,
}

impl ContentLightLevel {
    pub(super) fn syntax<S: Syntax>(&mut self, s: &mut S) -> Result<(), Error> {
        s.u(
            16,
            "max_content_light_level",
            &mut self.max_content_light_level,
        )?;
        s.u(
            16,
            "max_pic_average_light_level",
            &mut self.max_pic_average_light_level,
        )
    }
}

/// A transfer function to prefer over that of the parameter set (§D.1.32, §D.2.32): that of HLG for players that know it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AlternativeTransferCharacteristics {
    /// Coded as `transfer_characteristics`.
    pub preferred_transfer_characteristics: u8,
}

impl AlternativeTransferCharacteristics {
    pub(super) fn syntax<S: Syntax>(&mut self, s: &mut S) -> Result<(), Error> {
        s.u(
            8,
            "preferred_transfer_characteristics",
            &mut self.preferred_transfer_characteristics,
        )
    }
}
