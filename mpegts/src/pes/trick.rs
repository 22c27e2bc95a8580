/// How video is played faster or slower (ISO/IEC 13818-1 §2.4.3.7, `trick_mode_control`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrickMode {
    /// `fast_forward`.
    FastForward(Fast),
    /// `slow_motion`: each picture is shown `rep_cntrl` times, 5 bits.
    SlowMotion {
        /// `rep_cntrl`, 5 bits; 0 is reserved.
        rep_cntrl: u8,
    },
    /// `freeze_frame`: the picture before stays.
    FreezeFrame {
        /// `field_id`, 2 bits: which fields are shown.
        field_id: u8,
        /// Reserved, 3 bits.
        reserved: u8,
    },
    /// `fast_reverse`.
    FastReverse(Fast),
    /// `slow_reverse`: each picture is shown `rep_cntrl` times, 5 bits.
    SlowReverse {
        /// `rep_cntrl`, 5 bits; 0 is reserved.
        rep_cntrl: u8,
    },
    /// Another value, kept as the byte that it is.
    Reserved(u8),
}

/// Which pictures and coefficients are left when playing fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fast {
    /// `field_id`, 2 bits: which fields are shown.
    pub field_id: u8,
    /// `intra_slice_refresh`: macroblocks may be missing between intra slices.
    pub intra_slice_refresh: bool,
    /// `frequency_truncation`, 2 bits: which coefficients are there.
    pub frequency_truncation: u8,
}

impl Fast {
    const fn from_bits(bits: u8) -> Self {
        Self {
            field_id: bits >> 3 & 3,
            intra_slice_refresh: bits & 4 != 0,
            frequency_truncation: bits & 3,
        }
    }

    const fn bits(self) -> u8 {
        (self.field_id & 3) << 3
            | (self.intra_slice_refresh as u8) << 2
            | self.frequency_truncation & 3
    }
}

impl TrickMode {
    /// From the byte.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Self {
        match byte >> 5 {
            0 => Self::FastForward(Fast::from_bits(byte)),
            1 => Self::SlowMotion {
                rep_cntrl: byte & 0x1F,
            },
            2 => Self::FreezeFrame {
                field_id: byte >> 3 & 3,
                reserved: byte & 7,
            },
            3 => Self::FastReverse(Fast::from_bits(byte)),
            4 => Self::SlowReverse {
                rep_cntrl: byte & 0x1F,
            },
            _ => Self::Reserved(byte),
        }
    }

    /// The byte; bits that a field has not room for are left out.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::FastForward(fast) => fast.bits(),
            Self::SlowMotion { rep_cntrl } => 1 << 5 | rep_cntrl & 0x1F,
            Self::FreezeFrame { field_id, reserved } => 2 << 5 | (field_id & 3) << 3 | reserved & 7,
            Self::FastReverse(fast) => 3 << 5 | fast.bits(),
            Self::SlowReverse { rep_cntrl } => 4 << 5 | rep_cntrl & 0x1F,
            Self::Reserved(byte) => byte,
        }
    }
}
