use crate::packet::Pid;
use alloc::borrow::Cow;
use core::fmt;

/// A check of ETSI TR 101 290 §5.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// 1.1: bytes that are no packets.
    TsSyncLoss,
    /// 1.2: one packet without its sync byte.
    SyncByteError,
    /// 1.3: no program association table for half a second, or another table in its place, or scrambled.
    PatError,
    /// 1.4: packets are missing, in another order or there more than twice.
    ContinuityCountError,
    /// 1.5: no program map table for half a second, or scrambled.
    PmtError,
    /// 1.6: a stream of a program map has no packets.
    PidError,
    /// 2.1: `transport_error_indicator` is set.
    TransportError,
    /// 2.2: a table whose checksum is wrong.
    CrcError,
    /// 2.3a: more than 100 ms between clock references.
    PcrRepetitionError,
    /// 2.3b: the clock jumps, and nothing says so.
    PcrDiscontinuityIndicatorError,
    /// 2.4: clock references are more than 500 ns off from a constant rate.
    PcrAccuracyError,
    /// 2.5: more than 700 ms between presentation times.
    PtsError,
    /// 2.6: scrambled packets without a conditional access table, or another table in its place.
    CatError,
}

impl Rule {
    /// Its number in the report.
    #[must_use]
    pub const fn number(self) -> &'static str {
        match self {
            Self::TsSyncLoss => "1.1",
            Self::SyncByteError => "1.2",
            Self::PatError => "1.3",
            Self::ContinuityCountError => "1.4",
            Self::PmtError => "1.5",
            Self::PidError => "1.6",
            Self::TransportError => "2.1",
            Self::CrcError => "2.2",
            Self::PcrRepetitionError => "2.3a",
            Self::PcrDiscontinuityIndicatorError => "2.3b",
            Self::PcrAccuracyError => "2.4",
            Self::PtsError => "2.5",
            Self::CatError => "2.6",
        }
    }

    /// Its name in the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TsSyncLoss => "TS_sync_loss",
            Self::SyncByteError => "Sync_byte_error",
            Self::PatError => "PAT_error",
            Self::ContinuityCountError => "Continuity_count_error",
            Self::PmtError => "PMT_error",
            Self::PidError => "PID_error",
            Self::TransportError => "Transport_error",
            Self::CrcError => "CRC_error",
            Self::PcrRepetitionError => "PCR_repetition_error",
            Self::PcrDiscontinuityIndicatorError => "PCR_discontinuity_indicator_error",
            Self::PcrAccuracyError => "PCR_accuracy_error",
            Self::PtsError => "PTS_error",
            Self::CatError => "CAT_error",
        }
    }

    /// Its priority: 1 without which nothing can be decoded, 2 to be watched all the time.
    #[must_use]
    pub const fn priority(self) -> u8 {
        match self {
            Self::TsSyncLoss
            | Self::SyncByteError
            | Self::PatError
            | Self::ContinuityCountError
            | Self::PmtError
            | Self::PidError => 1,
            _ => 2,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number(), self.name())
    }
}

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The check.
    pub rule: Rule,
    /// Where, in bytes from the start of the stream.
    pub offset: u64,
    /// The PID that it is about.
    pub pid: Option<Pid>,
    /// What was found, for a person.
    pub what: Cow<'static, str>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at offset {}", self.rule, self.offset)?;
        if let Some(pid) = self.pid {
            write!(f, ", PID {pid}")?;
        }
        write!(f, ": {}", self.what)
    }
}
