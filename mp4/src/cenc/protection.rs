use super::Scheme;
use crate::Error;
use crate::boxes::{
    FourCc, Frma, IsoBox, Raw, SampleEncryption, SampleEntry, Schi, Schm, Sinf, Tenc,
};
use alloc::vec::Vec;

/// How the samples of a sample description are protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// The scheme.
    pub scheme: Scheme,
    /// The name that the sample entry had before: `avc1`, `mp4a`, ...
    pub original_format: FourCc,
    /// What holds for samples that are in no group.
    pub defaults: SampleEncryption,
}

impl Scheme {
    /// The scheme with this name in `schm`.
    #[must_use]
    pub fn from_fourcc(name: FourCc) -> Option<Self> {
        match &name.0 {
            b"cenc" => Some(Self::Cenc),
            b"cbc1" => Some(Self::Cbc1),
            b"cens" => Some(Self::Cens),
            b"cbcs" => Some(Self::Cbcs),
            _ => None,
        }
    }

    /// Its name in `schm`.
    #[must_use]
    pub const fn fourcc(self) -> FourCc {
        FourCc(match self {
            Self::Cenc => *b"cenc",
            Self::Cbc1 => *b"cbc1",
            Self::Cens => *b"cens",
            Self::Cbcs => *b"cbcs",
        })
    }
}

/// Name and boxes of an entry that may be protected.
fn parts(entry: &mut SampleEntry) -> Option<(&mut FourCc, &mut Vec<Raw>)> {
    match entry {
        SampleEntry::Visual(entry) => Some((&mut entry.format, &mut entry.other)),
        SampleEntry::Audio(entry) => Some((&mut entry.format, &mut entry.other)),
        _ => None,
    }
}

fn is_sinf(raw: &Raw) -> bool {
    raw.box_type() == Some(Sinf::TYPE)
}

impl Protection {
    /// How a sample entry (`encv`, `enca`) is protected; `None` where it is not, or in a way that is not known here.
    #[must_use]
    pub fn of(entry: &SampleEntry) -> Option<Self> {
        let (format, other) = match entry {
            SampleEntry::Visual(entry) => (entry.format, &entry.other),
            SampleEntry::Audio(entry) => (entry.format, &entry.other),
            _ => return None,
        };
        if !matches!(&format.0, b"encv" | b"enca") {
            return None;
        }
        // There may be one for each scheme that the track is under at once.
        let sinfs = other.iter().filter(|raw| is_sinf(raw));
        sinfs
            .filter_map(|raw| {
                let sinf = Sinf::parse(&raw.bytes).ok()?;
                Some(Self {
                    scheme: Scheme::from_fourcc(sinf.schm?.scheme_type)?,
                    original_format: sinf.frma.data_format,
                    defaults: sinf.schi?.tenc?.defaults,
                })
            })
            .next()
    }

    /// The sample entry as it was before: with its own name, and without a word of protection.
    #[must_use]
    pub fn remove(&self, entry: &SampleEntry) -> SampleEntry {
        let mut clear = entry.clone();
        if let Some((format, other)) = parts(&mut clear) {
            *format = self.original_format;
            other.retain(|raw| !is_sinf(raw));
        }
        clear
    }

    /// The sample entry as one of protected samples.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a kind of entry that has no protected form here, [`Error::TooLong`] for a constant
    /// vector past 255 bytes.
    pub fn add(&self, entry: &SampleEntry) -> Result<SampleEntry, Error> {
        let mut sinf = Vec::new();
        Sinf {
            frma: Frma {
                data_format: self.original_format,
            },
            schm: Some(Schm {
                scheme_type: self.scheme.fourcc(),
                scheme_version: 0x1_0000,
                scheme_uri: None,
            }),
            schi: Some(Schi {
                tenc: Some(Tenc {
                    version: matches!(self.scheme, Scheme::Cens | Scheme::Cbcs).into(),
                    defaults: self.defaults.clone(),
                }),
                other: Vec::new(),
            }),
            other: Vec::new(),
        }
        .encode(&mut sinf)?;
        let mut entry = entry.clone();
        let name = match entry {
            SampleEntry::Visual(_) => FourCc(*b"encv"),
            _ => FourCc(*b"enca"),
        };
        let Some((format, other)) = parts(&mut entry) else {
            return Err(Error::Unsupported("encryption of such a track".into()));
        };
        *format = name;
        other.push(Raw {
            bytes: sinf.into(),
            error: None,
        });
        Ok(entry)
    }
}
