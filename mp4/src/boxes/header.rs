use crate::Error;
use alloc::vec::Vec;
use core::fmt;
use wire::{LengthOf, Reader, Writer};

/// Four characters that name a box, a brand, a handler or a sample entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FourCc(pub [u8; 4]);

impl FourCc {
    /// `uuid`: the real type is the 16 bytes after the size (§4.2.2).
    pub const UUID: FourCc = FourCc(*b"uuid");

    pub(crate) fn read(r: &mut Reader<'_>, what: &'static str) -> Result<Self, wire::Short> {
        r.array(what).map(|code| FourCc(*code))
    }

    /// Whether all four are characters that a registered type may have (printable ASCII, or the © of QuickTime).
    #[must_use]
    pub fn is_printable(self) -> bool {
        self.0.iter().all(|&c| matches!(c, b' '..=b'~' | 0xA9))
    }
}

impl From<[u8; 4]> for FourCc {
    fn from(code: [u8; 4]) -> Self {
        FourCc(code)
    }
}

impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

impl fmt::Debug for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FourCc({self})")
    }
}

/// What stands at the start of every box: `Box` of ISO/IEC 14496-12 §4.2.2.
///
/// ```text
/// size u32 | type u32 | largesize u64, if size = 1 | usertype 16 bytes, if type = "uuid"
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The type.
    pub box_type: FourCc,
    /// The type that stands behind a type of `uuid`.
    pub user_type: Option<[u8; 16]>,
    /// Bytes that the header takes: 8, 16, 24 or 32.
    pub header_len: u8,
    /// Bytes of the whole box, the header included; `None` where it goes on to the end of the file (size 0).
    pub size: Option<u64>,
}

impl Header {
    /// Most bytes that a header takes.
    pub const MAX_LEN: usize = 32;

    /// Reads a header.
    ///
    /// # Errors
    /// [`Error::Short`] where it is not whole; [`Error::Invalid`] where the size is smaller than the header.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let start = r.offset();
        let size = u64::from(r.u32("size")?);
        let box_type = FourCc::read(r, "type")?;
        let (mut header_len, size) = match size {
            0 => (8, None),
            1 => (16, Some(r.u64("largesize")?)),
            size => (8, Some(size)),
        };
        let mut user_type = None;
        if box_type == FourCc::UUID {
            user_type = Some(*r.array("usertype")?);
            header_len += 16;
        }
        if let Some(value) = size.filter(|size| *size < u64::from(header_len)) {
            return Err(Error::Invalid {
                field: "size",
                value,
                offset: start as u64,
            });
        }
        Ok(Self {
            box_type,
            user_type,
            header_len,
            size,
        })
    }

    /// Bytes after the header; `None` where they go on to the end of the file.
    #[must_use]
    pub fn body_len(&self) -> Option<u64> {
        self.size
            .map(|size| size.saturating_sub(self.header_len.into()))
    }
}

/// A box with a type of its own.
///
/// `decode` reads a whole box with its header and leaves the reader behind it; bytes after the last field that
/// is known are passed over. `encode` appends a whole box.
pub trait IsoBox: Sized {
    /// The type in its header.
    const TYPE: FourCc;

    /// Reads what stands after the header.
    ///
    /// # Errors
    /// [`Error::Short`] where the box ends too early, and the box's own reasons.
    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error>;

    /// Writes what stands after the header.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a value that does not fit its field.
    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error>;

    /// Bytes that [`encode_body`](Self::encode_body) writes.
    fn body_len(&self) -> usize;

    /// Reads one box.
    ///
    /// # Errors
    /// [`Error::Type`] for a box of another type, [`Error::Short`] and [`Error::Invalid`] for a damaged header,
    /// and what [`decode_body`](Self::decode_body) gives.
    fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let child = Child::decode(r)?;
        if child.header.box_type != Self::TYPE {
            return Err(Error::Type {
                expected: Self::TYPE,
                found: child.header.box_type,
            });
        }
        Self::decode_body(&mut child.body())
    }

    /// Reads one box from the start of `data`.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    fn parse(data: &[u8]) -> Result<Self, Error> {
        Self::decode(&mut Reader::new(data))
    }

    /// Appends the box to `out`.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a value that does not fit its field.
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        Writer::new(out).sized_u32("box size", LengthOf::FieldAndBody, |w| {
            w.bytes(&Self::TYPE.0);
            self.encode_body(w)
        })?;
        Ok(())
    }

    /// Bytes that [`encode`](Self::encode) appends.
    fn encoded_len(&self) -> usize {
        self.body_len().saturating_add(8)
    }
}

use super::Child;

/// Reads the version and flags of a `FullBox` (§4.2.2).
pub(super) fn version_and_flags(r: &mut Reader<'_>) -> Result<(u8, u32), wire::Short> {
    Ok((r.u8("version")?, r.u24("flags")?))
}

/// As [`version_and_flags`], for boxes whose only versions are 0 and 1.
pub(super) fn version_0_or_1(r: &mut Reader<'_>) -> Result<(u8, u32), Error> {
    let offset = r.offset() as u64;
    match version_and_flags(r)? {
        (version @ 0..=1, flags) => Ok((version, flags)),
        (version, _) => Err(Error::Invalid {
            field: "version",
            value: version.into(),
            offset,
        }),
    }
}

/// Writes the version and flags of a `FullBox`; of the flags, the lower 24 bits.
pub(super) fn put_version_and_flags(w: &mut Writer<'_>, version: u8, flags: u32) {
    w.u32(u32::from(version) << 24 | flags & 0xFF_FFFF);
}

/// Reads a number that takes 32 bits in version 0 and 64 in version 1.
pub(super) fn u32_or_u64(
    r: &mut Reader<'_>,
    version: u8,
    what: &'static str,
) -> Result<u64, wire::Short> {
    if version == 0 {
        r.u32(what).map(u64::from)
    } else {
        r.u64(what)
    }
}

/// Writes a number in 32 bits where it fits the version, which the caller chose so that it does.
pub(super) fn put_u32_or_u64(w: &mut Writer<'_>, version: u8, value: u64) {
    match u32::try_from(value) {
        Ok(value) if version == 0 => w.u32(value),
        _ => w.u64(value),
    };
}

/// The version that holds all of these: 0 for 32 bits, 1 for 64.
pub(super) fn version_for(values: &[u64]) -> u8 {
    u8::from(values.iter().any(|value| *value > u32::MAX.into()))
}

/// A number of entries as the 32 bits of its field.
pub(super) fn count(what: &'static str, len: usize) -> Result<u32, wire::TooLong> {
    u32::try_from(len).map_err(|_| wire::TooLong {
        what,
        value: len as u64,
        max: u32::MAX.into(),
    })
}
