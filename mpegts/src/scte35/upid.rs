use crate::Error;
use alloc::vec::Vec;
use core::fmt;
use wire::{LengthOf, Reader, Writer};

/// `segmentation_upid`: the name of a segment's content (ANSI/SCTE 35 §10.3.3.1).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Upid {
    /// `segmentation_upid_type`, 8 bits.
    pub upid_type: UpidType,
    /// The name, at most 255 bytes.
    pub bytes: Vec<u8>,
}

/// `segmentation_upid_type` (ANSI/SCTE 35 Table 22).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UpidType(pub u8);

macro_rules! types {
    ($($value:literal $constant:ident $name:literal,)*) => {
        impl UpidType {
            $(
                #[doc = concat!($name, ".")]
                pub const $constant: UpidType = UpidType($value);
            )*

            /// What it stands for; `None` where it is reserved.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

types! {
    0x00 NOT_USED "Not used",
    0x01 USER_DEFINED "User defined (deprecated)",
    0x02 ISCI "ISCI, 8 characters (deprecated)",
    0x03 AD_ID "Ad-ID, 12 characters",
    0x04 UMID "UMID of SMPTE 330, 32 bytes",
    0x05 ISAN_DEPRECATED "ISAN, 8 bytes (deprecated)",
    0x06 ISAN "ISAN, 12 bytes",
    0x07 TID "Tribune media TID, 12 characters",
    0x08 TI "Turner airing id, 8 bytes",
    0x09 ADI "CableLabs ADI",
    0x0A EIDR "EIDR, 12 bytes",
    0x0B ATSC_CONTENT_IDENTIFIER "ATSC content identifier",
    0x0C MPU "Managed private UPID",
    0x0D MID "Multiple UPIDs",
    0x0E ADS_INFORMATION "Advertising information",
    0x0F URI "URI",
    0x10 UUID "UUID, 16 bytes",
    0x11 SCR "Segmentation content reference",
}

impl UpidType {
    const fn is_text(self) -> bool {
        matches!(self.0, 1..=3 | 7 | 9 | 0x0E | 0x0F | 0x11)
    }
}

impl Upid {
    /// None: type 0 without bytes.
    pub const NONE: Upid = Upid {
        upid_type: UpidType::NOT_USED,
        bytes: Vec::new(),
    };

    /// One of type [`MID`](UpidType::MID) that stands for several.
    ///
    /// # Errors
    /// [`Error::TooLong`] where one of them has more than 255 bytes.
    pub fn multiple(upids: &[Upid]) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        let mut w = Writer::new(&mut bytes);
        upids.iter().try_for_each(|upid| upid.encode(&mut w))?;
        Ok(Self {
            upid_type: UpidType::MID,
            bytes,
        })
    }

    /// Those within one of type [`MID`](UpidType::MID).
    ///
    /// # Errors
    /// [`Error::Short`] where the last one ends early, [`Error::Invalid`] where it is of another type.
    pub fn parts(&self) -> Result<Vec<Upid>, Error> {
        if self.upid_type != UpidType::MID {
            return Err(super::invalid(
                "segmentation_upid_type",
                self.upid_type.0.into(),
                0,
            ));
        }
        let mut r = Reader::new(&self.bytes);
        let mut parts = Vec::new();
        while !r.is_empty() {
            parts.push(Upid::decode(&mut r)?);
        }
        Ok(parts)
    }

    /// `format_identifier` and `private_data` of one of type [`MPU`](UpidType::MPU).
    #[must_use]
    pub fn managed_private(&self) -> Option<(&[u8; 4], &[u8])> {
        match self.upid_type {
            UpidType::MPU => self.bytes.split_first_chunk(),
            _ => None,
        }
    }

    /// The text of one of a type that is text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self.upid_type.is_text() {
            true => core::str::from_utf8(&self.bytes).ok(),
            false => None,
        }
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let upid_type = UpidType(r.u8("segmentation_upid_type")?);
        let length = r.u8("segmentation_upid_length")?;
        Ok(Self {
            upid_type,
            bytes: r.take(length.into(), "segmentation_upid")?.to_vec(),
        })
    }

    pub(super) fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.u8(self.upid_type.0)
            .sized_u8("segmentation_upid_length", LengthOf::Body, |w| {
                w.bytes(&self.bytes);
                Ok::<(), Error>(())
            })?;
        Ok(())
    }
}

/// As people write it: text as it is, EIDR with its prefix and dashes, UUID with dashes, the rest in hexadecimal digits.
impl fmt::Display for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = self.text() {
            return f.write_str(text);
        }
        let hex = |f: &mut fmt::Formatter<'_>, bytes: &[u8]| {
            bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
        };
        match (self.upid_type, self.bytes.as_slice()) {
            (UpidType::EIDR, [a, b, suffix @ ..]) if suffix.len() == 10 => {
                write!(f, "10.{}/", u16::from_be_bytes([*a, *b]))?;
                let (pairs, _) = suffix.as_chunks::<2>();
                for (i, [a, b]) in pairs.iter().enumerate() {
                    let dash = if i > 0 { "-" } else { "" };
                    write!(f, "{dash}{a:02X}{b:02X}")?;
                }
                Ok(())
            }
            (UpidType::UUID, bytes) if bytes.len() == 16 => {
                for (i, byte) in bytes.iter().enumerate() {
                    let dash = if matches!(i, 4 | 6 | 8 | 10) { "-" } else { "" };
                    write!(f, "{dash}{byte:02x}")?;
                }
                Ok(())
            }
            (_, bytes) => hex(f, bytes),
        }
    }
}

impl fmt::Debug for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upid({:?}, {self})", self.upid_type)
    }
}

impl fmt::Debug for UpidType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#04x}: {}", self.0, self.name().unwrap_or("reserved"))
    }
}
