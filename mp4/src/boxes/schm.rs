use super::header::{put_version_and_flags, version_and_flags};
use super::{FourCc, IsoBox};
use crate::Error;
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// Which protection scheme samples are under (ISO/IEC 14496-12 §8.12.6).
///
/// ```text
/// version u8 = 0 | flags u24 | scheme_type u32 | scheme_version u32 | if flags & 1: scheme_uri, zero-terminated
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schm {
    /// `cenc`, `cbc1`, `cens`, `cbcs`, ...
    pub scheme_type: FourCc,
    /// For the schemes of ISO/IEC 23001-7: 0x10000.
    pub scheme_version: u32,
    /// Where the scheme is told of, without the zero at its end.
    pub scheme_uri: Option<Vec<u8>>,
}

impl IsoBox for Schm {
    const TYPE: FourCc = FourCc(*b"schm");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (_, flags) = version_and_flags(r)?;
        let scheme_type = FourCc::read(r, "scheme_type")?;
        let scheme_version = r.u32("scheme_version")?;
        let uri = |bytes: &[u8]| bytes.split(|byte| *byte == 0).next().map(Into::into);
        Ok(Self {
            scheme_type,
            scheme_version,
            scheme_uri: (flags & 1 != 0).then(|| uri(r.rest())).flatten(),
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, 0, self.scheme_uri.is_some().into());
        w.bytes(&self.scheme_type.0).u32(self.scheme_version);
        if let Some(uri) = &self.scheme_uri {
            w.bytes(uri).u8(0);
        }
        Ok(())
    }

    fn body_len(&self) -> usize {
        let uri = self.scheme_uri.as_ref();
        uri.map_or(12, |uri| uri.len().saturating_add(13))
    }
}
