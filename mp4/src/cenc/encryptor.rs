use super::{Cipher, Encryption, Protection, Scheme, map};
use crate::Error;
use crate::boxes::{FourCc, SampleEncryption, SampleInfo};
use alloc::format;
use alloc::vec::Vec;
use h264::ParameterSets;
use media::{Codec, Kind};

/// Encrypts the samples of one track.
#[derive(Debug, Clone)]
pub struct Encryptor {
    protection: Protection,
    cipher: Cipher,
    layout: Layout,
    next_iv: u64,
}

/// What of a sample is protected.
#[derive(Debug, Clone)]
enum Layout {
    Whole,
    Avc(alloc::boxed::Box<ParameterSets>),
}

impl Encryptor {
    /// For a track of this codec. No two tracks under one key may have the same `number`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for video that is not H.264, and for H.264 whose parameter sets cannot be read.
    pub fn new(encryption: &Encryption, codec: &Codec, number: u16) -> Result<Self, Error> {
        let video = codec.kind() == Kind::Video;
        let iv_size = match encryption.scheme {
            Scheme::Cbcs => 0,
            Scheme::Cbc1 => 16,
            Scheme::Cenc | Scheme::Cens => 8,
        };
        let pattern = matches!(encryption.scheme, Scheme::Cbcs | Scheme::Cens) && video;
        let defaults = SampleEncryption {
            crypt_byte_block: if pattern { 1 } else { 0 },
            skip_byte_block: if pattern { 9 } else { 0 },
            is_protected: true,
            per_sample_iv_size: iv_size,
            key_id: encryption.key_id,
            constant_iv: (iv_size == 0).then(|| encryption.iv.into()),
        };
        let (high, _) = encryption.iv.as_chunks::<8>();
        let start = high.first().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        Ok(Self {
            cipher: Cipher::new(encryption.scheme, &defaults, &encryption.key),
            protection: Protection {
                scheme: encryption.scheme,
                // Known when there is a sample entry.
                original_format: FourCc([0; 4]),
                defaults,
            },
            layout: Layout::of(codec)?,
            // 2^48 samples until the next track's vectors.
            next_iv: start.wrapping_add(u64::from(number) << 48),
        })
    }

    /// Goes on with another configuration of the track; no vector is used twice.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn set_codec(&mut self, codec: &Codec) -> Result<(), Error> {
        self.layout = Layout::of(codec)?;
        Ok(())
    }

    /// What the sample description has to say of it.
    #[must_use]
    pub const fn protection(&self) -> &Protection {
        &self.protection
    }

    /// What encrypts the samples.
    #[must_use]
    pub const fn cipher(&self) -> &Cipher {
        &self.cipher
    }

    /// Decides how a sample will be encrypted, and takes a vector for it. `data` is the sample, clear.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for H.264 whose slice headers cannot be read, or with slices that are not told apart
    /// here; the sample must not go out then.
    pub fn plan(&mut self, data: &[u8]) -> Result<SampleInfo, Error> {
        let aligned = matches!(self.protection.scheme, Scheme::Cenc | Scheme::Cbc1);
        let subsamples = match &mut self.layout {
            Layout::Whole => Vec::new(),
            Layout::Avc(sets) => map::avc(data, sets, aligned)?,
        };
        let mut iv = [0; 16];
        if self.protection.defaults.per_sample_iv_size > 0 {
            if let Some(high) = iv.first_chunk_mut::<8>() {
                *high = self.next_iv.to_be_bytes();
            }
            self.next_iv = self.next_iv.wrapping_add(1);
        }
        Ok(SampleInfo { iv, subsamples })
    }
}

impl Layout {
    fn of(codec: &Codec) -> Result<Self, Error> {
        let unsupported = |what: &dyn core::fmt::Display| {
            Error::Unsupported(format!("encryption of {what}").into())
        };
        match codec {
            Codec::H264(config) => {
                let mut sets = ParameterSets::default();
                for nal in config.sps().chain(config.pps()) {
                    sets.insert(nal).map_err(|error| unsupported(&error))?;
                }
                Ok(Self::Avc(sets.into()))
            }
            codec if codec.kind() == Kind::Audio => Ok(Self::Whole),
            codec => Err(unsupported(&codec.rfc6381())),
        }
    }
}
