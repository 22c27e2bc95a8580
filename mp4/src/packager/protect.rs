//! Encryption of what the packager writes; without the feature `cenc`, nothing of it is left.

use crate::Error;
use crate::boxes::{Raw, SampleEntry, Traf};
use alloc::vec::Vec;
use media::{Sample, TrackId, Tracks};

#[cfg(feature = "cenc")]
pub(crate) use on::{Protected, Protectors};

#[cfg(not(feature = "cenc"))]
pub(crate) use off::{Protected, Protectors};

#[cfg(feature = "cenc")]
mod on {
    use super::{Error, Raw, Sample, SampleEntry, TrackId, Tracks, Traf, Vec};
    use crate::boxes::{IsoBox, Saio, Saiz, SampleInfo, Senc};
    use crate::cenc::{Cipher, Encryption, Encryptor, Protection};
    use media::Track;
    use wire::TooLong;

    /// The encryptors of all tracks that there ever were: vectors must not come twice.
    #[derive(Debug)]
    pub(crate) struct Protectors {
        encryption: Vec<Encryption>,
        encryptors: Vec<(TrackId, Encryptor)>,
    }

    /// How the samples of a run are encrypted.
    #[derive(Debug)]
    pub(crate) struct Protected {
        infos: Vec<SampleInfo>,
        iv_size: u8,
        has_subsamples: bool,
        cipher: Cipher,
    }

    impl Protectors {
        pub(in crate::packager) const fn new(encryption: Vec<Encryption>) -> Self {
            Self {
                encryption,
                encryptors: Vec::new(),
            }
        }

        fn encryption(&self, track: &Track) -> Option<&Encryption> {
            let kind = track.codec.kind();
            let mut all = self.encryption.iter();
            all.find(|one| one.kind.is_none_or(|only| only == kind))
        }

        /// Makes ready for these tracks.
        pub(in crate::packager) fn set_tracks(&mut self, tracks: &Tracks) -> Result<(), Error> {
            for track in tracks {
                let mut known = self.encryptors.iter_mut();
                if let Some((_, encryptor)) = known.find(|(id, _)| *id == track.id) {
                    encryptor.set_codec(&track.codec)?;
                } else if let Some(encryption) = self.encryption(track) {
                    let number = u16::try_from(self.encryptors.len());
                    let number = number.map_err(|_| Error::Limit {
                        limit: "encrypted tracks",
                        max: u16::MAX.into(),
                    })?;
                    let encryptor = Encryptor::new(encryption, &track.codec, number)?;
                    self.encryptors.push((track.id, encryptor));
                }
            }
            Ok(())
        }

        /// The sample entry of a track, as one of protected samples if they are.
        pub(in crate::packager) fn entry(
            &self,
            track: TrackId,
            entry: SampleEntry,
        ) -> Result<SampleEntry, Error> {
            let Some((_, encryptor)) = self.encryptors.iter().find(|(id, _)| *id == track) else {
                return Ok(entry);
            };
            let protection = Protection {
                original_format: entry.format().unwrap_or_default(),
                ..encryptor.protection().clone()
            };
            protection.add(&entry)
        }

        /// The boxes of systems for digital rights management.
        pub(in crate::packager) fn psshs(&self) -> Result<Vec<Raw>, Error> {
            let psshs = self.encryption.iter().flat_map(|one| &one.psshs);
            psshs
                .map(|pssh| {
                    let mut bytes = Vec::new();
                    pssh.encode(&mut bytes)?;
                    Ok(Raw {
                        bytes: bytes.into(),
                        error: None,
                    })
                })
                .collect()
        }

        /// Decides how samples will be encrypted.
        pub(in crate::packager) fn plan(
            &mut self,
            track: u32,
            samples: &[Sample],
        ) -> Result<Option<Protected>, Error> {
            let mut all = self.encryptors.iter_mut();
            let Some((_, encryptor)) = all.find(|(id, _)| id.0 == track) else {
                return Ok(None);
            };
            let infos = samples.iter().map(|sample| encryptor.plan(&sample.data));
            let infos: Vec<_> = infos.collect::<Result<_, _>>()?;
            Ok(Some(Protected {
                has_subsamples: infos.iter().any(|info| !info.subsamples.is_empty()),
                infos,
                iv_size: encryptor.protection().defaults.per_sample_iv_size,
                cipher: encryptor.cipher().clone(),
            }))
        }
    }

    impl Protected {
        /// Adds the boxes that tell of it. Where they lie is not known yet.
        pub(in crate::packager) fn describe(&self, traf: &mut Traf) -> Result<(), Error> {
            let (iv_size, has_subsamples) = (self.iv_size, self.has_subsamples);
            let len = |info: &SampleInfo| {
                let len = info.encoded_len(iv_size, has_subsamples);
                u8::try_from(len).map_err(|_| TooLong {
                    what: "sample_info_size",
                    value: len as u64,
                    max: u8::MAX.into(),
                })
            };
            let sizes: Vec<_> = self.infos.iter().map(len).collect::<Result<_, _>>()?;
            if sizes.iter().all(|size| *size == 0) {
                return Ok(());
            }
            traf.saizs.push(Saiz::new(sizes)?);
            traf.saios.push(Saio {
                info_type: None,
                offsets: [0].into(),
            });
            traf.senc = Some(Senc::new(&self.infos, iv_size)?);
            Ok(())
        }

        /// Encrypts the samples where they lie, one after the other.
        pub(in crate::packager) fn encrypt(
            &self,
            samples: &[Sample],
            mut data: &mut [u8],
        ) -> Result<(), Error> {
            for (sample, info) in samples.iter().zip(&self.infos) {
                let split = data.split_at_mut_checked(sample.data.len());
                let (bytes, rest) = split.unwrap_or_default();
                self.cipher.encrypt(info, bytes)?;
                data = rest;
            }
            Ok(())
        }
    }
}

#[cfg(not(feature = "cenc"))]
mod off {
    use super::{Error, Raw, Sample, SampleEntry, TrackId, Tracks, Traf, Vec};

    /// Nobody to encrypt.
    #[derive(Debug)]
    pub(crate) struct Protectors;

    /// There is none.
    #[derive(Debug)]
    pub(crate) enum Protected {}

    impl Protectors {
        pub(in crate::packager) fn set_tracks(&mut self, _: &Tracks) -> Result<(), Error> {
            Ok(())
        }

        pub(in crate::packager) fn entry(
            &self,
            _: TrackId,
            entry: SampleEntry,
        ) -> Result<SampleEntry, Error> {
            Ok(entry)
        }

        pub(in crate::packager) fn psshs(&self) -> Result<Vec<Raw>, Error> {
            Ok(Vec::new())
        }

        pub(in crate::packager) fn plan(
            &mut self,
            _: u32,
            _: &[Sample],
        ) -> Result<Option<Protected>, Error> {
            Ok(None)
        }
    }

    impl Protected {
        pub(in crate::packager) fn describe(&self, _: &mut Traf) -> Result<(), Error> {
            match *self {}
        }

        pub(in crate::packager) fn encrypt(&self, _: &[Sample], _: &mut [u8]) -> Result<(), Error> {
            match *self {}
        }
    }
}
