use core::fmt;

/// `audioObjectType`: the coding tool set (ISO/IEC 14496-3 §1.5.1, Table 1.17).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectType(u8);

macro_rules! object_types {
    ($($number:literal $name:ident $label:literal, $doc:literal;)*) => {
        impl ObjectType {
            $(
                #[doc = concat!($doc, " (", stringify!($number), ").")]
                pub const $name: Self = Self($number);
            )*

            const fn label(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($label),)*
                    _ => None,
                }
            }
        }
    };
}

object_types! {
    1 AAC_MAIN "AAC Main", "AAC Main";
    2 AAC_LC "AAC LC", "AAC Low Complexity: what nearly all AAC is";
    3 AAC_SSR "AAC SSR", "AAC Scalable Sample Rate";
    4 AAC_LTP "AAC LTP", "AAC Long Term Prediction";
    5 SBR "SBR", "Spectral Band Replication, which makes HE-AAC of AAC LC";
    6 AAC_SCALABLE "AAC Scalable", "AAC Scalable";
    7 TWIN_VQ "TwinVQ", "TwinVQ";
    8 CELP "CELP", "CELP";
    9 HVXC "HVXC", "HVXC";
    17 ER_AAC_LC "ER AAC LC", "Error resilient AAC LC";
    19 ER_AAC_LTP "ER AAC LTP", "Error resilient AAC LTP";
    20 ER_AAC_SCALABLE "ER AAC Scalable", "Error resilient AAC Scalable";
    21 ER_TWIN_VQ "ER TwinVQ", "Error resilient TwinVQ";
    22 ER_BSAC "ER BSAC", "Error resilient Bit-Sliced Arithmetic Coding";
    23 ER_AAC_LD "ER AAC LD", "AAC Low Delay";
    24 ER_CELP "ER CELP", "Error resilient CELP";
    25 ER_HVXC "ER HVXC", "Error resilient HVXC";
    26 ER_HILN "ER HILN", "Error resilient HILN";
    27 ER_PARAMETRIC "ER Parametric", "Error resilient Parametric";
    29 PS "PS", "Parametric Stereo, which makes HE-AAC v2 of HE-AAC";
    32 LAYER_1 "Layer-1", "MPEG-1/2 audio layer I";
    33 LAYER_2 "Layer-2", "MPEG-1/2 audio layer II";
    34 LAYER_3 "Layer-3", "MPEG-1/2 audio layer III (MP3)";
    36 ALS "ALS", "Audio Lossless Coding";
    39 ER_AAC_ELD "ER AAC ELD", "AAC Enhanced Low Delay";
    42 USAC "USAC", "Unified Speech and Audio Coding (xHE-AAC)";
}

impl ObjectType {
    /// The object type of a number; `None` for 0 and past 95, which no stream can say.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        match number {
            0 | 96.. => None,
            _ => Some(Self(number)),
        }
    }

    /// Its number, 1 to 95.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Whether `GASpecificConfig()` follows in its configuration: the General Audio coders, AAC and its relatives.
    #[must_use]
    pub const fn is_general_audio(self) -> bool {
        matches!(self.0, 1..=4 | 6 | 7 | 17 | 19..=23)
    }

    /// Whether `epConfig` follows in its configuration: the error resilient types.
    #[must_use]
    pub const fn is_error_resilient(self) -> bool {
        matches!(self.0, 17 | 19..=27 | 39)
    }
}

impl fmt::Display for ObjectType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.label() {
            Some(label) => f.write_str(label),
            None => write!(f, "audio object type {}", self.0),
        }
    }
}

impl fmt::Debug for ObjectType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectType({}: {self})", self.0)
    }
}
