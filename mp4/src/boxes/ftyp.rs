use super::{FourCc, IsoBox};
use crate::Error;
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// The specifications that a file or segment follows.
///
/// ```text
/// major_brand u32 | minor_version u32 | compatible_brands u32 ...
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brands {
    /// The one that fits best.
    pub major_brand: FourCc,
    /// Version of that one; for information only.
    pub minor_version: u32,
    /// All that it follows.
    pub compatible_brands: Vec<FourCc>,
}

impl Brands {
    /// The first of `brands` as the major one, all of them as compatible.
    #[must_use]
    pub fn new<const N: usize>(brands: [&[u8; 4]; N]) -> Self {
        let compatible_brands: Vec<_> = brands.into_iter().map(|brand| FourCc(*brand)).collect();
        let major_brand = compatible_brands
            .first()
            .copied()
            .unwrap_or(FourCc(*b"isom"));
        Self {
            major_brand,
            minor_version: 0,
            compatible_brands,
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let major_brand = FourCc::read(r, "major_brand")?;
        let minor_version = r.u32("minor_version")?;
        let (brands, _) = r.rest().as_chunks::<4>();
        Ok(Self {
            major_brand,
            minor_version,
            compatible_brands: brands.iter().map(|code| FourCc(*code)).collect(),
        })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.bytes(&self.major_brand.0).u32(self.minor_version);
        self.compatible_brands
            .iter()
            .for_each(|brand| _ = w.bytes(&brand.0));
    }

    fn len(&self) -> usize {
        self.compatible_brands
            .len()
            .saturating_mul(4)
            .saturating_add(8)
    }
}

macro_rules! brands_box {
    ($(#[$doc:meta])* $name:ident $code:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(pub Brands);

        impl IsoBox for $name {
            const TYPE: FourCc = FourCc(*$code);

            fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
                Brands::decode(r).map($name)
            }

            fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
                self.0.encode(w);
                Ok(())
            }

            fn body_len(&self) -> usize {
                self.0.len()
            }
        }
    };
}

brands_box! {
    /// The brands of a file or an init segment; its first box (ISO/IEC 14496-12 §4.3).
    Ftyp b"ftyp"
}

brands_box! {
    /// The brands of a media segment; its first box (ISO/IEC 14496-12 §8.16.2).
    Styp b"styp"
}
