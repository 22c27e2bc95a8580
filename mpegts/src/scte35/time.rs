use crate::Error;
use crate::psi::fits;
use wire::{Reader, Writer};

/// The 33 bits of a time stamp.
pub(super) const PTS: u64 = (1 << 33) - 1;

/// Reads 40 bits.
pub(super) fn u40(r: &mut Reader<'_>, what: &'static str) -> Result<u64, Error> {
    let [a, b, c, d, e] = *r.array(what)?;
    Ok(u64::from_be_bytes([0, 0, 0, a, b, c, d, e]))
}

/// Writes the low 40 bits.
pub(super) fn put_u40(w: &mut Writer<'_>, value: u64) {
    let [_, _, _, low @ ..] = value.to_be_bytes();
    w.bytes(&low);
}

/// `splice_time` (ANSI/SCTE 35 §9.8.1).
///
/// ```text
/// time_specified_flag 1 | reserved 6 | pts_time 33, or else reserved 7
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpliceTime {
    /// `pts_time`, 33 bits of 90 kHz, before `pts_adjustment`; `None`: at once.
    pub pts_time: Option<u64>,
}

impl SpliceTime {
    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let pts_time = match r.peek().first() {
            Some(0..0x80) => {
                r.skip(1, "splice_time")?;
                None
            }
            _ => Some(u40(r, "pts_time")? & PTS),
        };
        Ok(Self { pts_time })
    }

    pub(super) fn encode(self, w: &mut Writer<'_>) -> Result<(), Error> {
        match self.pts_time {
            Some(pts_time) => put_u40(w, 0x7F << 33 | fits("pts_time", pts_time, PTS)?),
            None => {
                w.u8(0x7F);
            }
        }
        Ok(())
    }
}

/// `break_duration` (ANSI/SCTE 35 §9.8.2).
///
/// ```text
/// auto_return 1 | reserved 6 | duration 33
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakDuration {
    /// `auto_return`: the break ends by itself, without another command.
    pub auto_return: bool,
    /// `duration`, 33 bits of 90 kHz.
    pub duration: u64,
}

impl BreakDuration {
    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let bits = u40(r, "break_duration")?;
        Ok(Self {
            auto_return: bits >> 39 != 0,
            duration: bits & PTS,
        })
    }

    pub(super) fn encode(self, w: &mut Writer<'_>) -> Result<(), Error> {
        let duration = fits("duration", self.duration, PTS)?;
        put_u40(w, u64::from(self.auto_return) << 39 | 0x3F << 33 | duration);
        Ok(())
    }
}
