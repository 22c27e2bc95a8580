use super::StartCode;
use crate::Error;
use crate::bits::marker;
use alloc::vec::Vec;
use wire::{BitReader, BitWriter};

/// `time_code` of the first picture that is shown (ISO/IEC 13818-2 §6.3.8, IEC 60461).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeCode {
    /// Whether numbers of frames are dropped, at 29.97 frames per second.
    pub drop_frame_flag: bool,
    /// 0 to 23.
    pub hours: u8,
    /// 0 to 59.
    pub minutes: u8,
    /// 0 to 59.
    pub seconds: u8,
    /// 0 to 59.
    pub pictures: u8,
}

/// `group_of_pictures_header()` (ISO/IEC 13818-2 §6.2.2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GroupOfPictures {
    /// When it is shown.
    pub time_code: TimeCode,
    /// Whether B-pictures before the first I-picture do without the group before.
    pub closed_gop: bool,
    /// Whether what those B-pictures need is missing.
    pub broken_link: bool,
}

impl GroupOfPictures {
    /// Reads what follows the start code.
    ///
    /// # Errors
    /// [`Error::Short`] where the input ends too early, [`Error::Invalid`] for a marker bit.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let r = &mut BitReader::new(data);
        let drop_frame_flag = r.bit("drop_frame_flag")?;
        let hours = r.bits8(5, "time_code_hours")?;
        let minutes = r.bits8(6, "time_code_minutes")?;
        marker(r)?;
        Ok(Self {
            time_code: TimeCode {
                drop_frame_flag,
                hours,
                minutes,
                seconds: r.bits8(6, "time_code_seconds")?,
                pictures: r.bits8(6, "time_code_pictures")?,
            },
            closed_gop: r.bit("closed_gop")?,
            broken_link: r.bit("broken_link")?,
        })
    }

    /// Writes it, with its start code.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a value that its field cannot hold.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend(StartCode::GROUP.bytes());
        let mut w = BitWriter::new(out);
        let time = self.time_code;
        w.bit(time.drop_frame_flag)
            .bits(5, "time_code_hours", time.hours.into())?
            .bits(6, "time_code_minutes", time.minutes.into())?
            .bit(true)
            .bits(6, "time_code_seconds", time.seconds.into())?
            .bits(6, "time_code_pictures", time.pictures.into())?
            .bit(self.closed_gop)
            .bit(self.broken_link)
            .align_zero();
        Ok(())
    }
}
