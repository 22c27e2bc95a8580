//! Samples of tracks that are encrypted one by one (HLS, `SAMPLE-AES`), and what the program map table says of them.

use crate::Error;
use crate::psi::descriptor::{PrivateDataIndicator, Registration};
use crate::psi::{ElementaryStream, StreamType};
use crate::sample_aes::{Cipher, Key, Sound};
use ac3::Dac3;
use alloc::string::ToString;
use alloc::vec::Vec;
use media::Codec;

/// Encrypts the samples of a track.
#[derive(Debug)]
pub(super) struct Seal {
    cipher: Cipher,
    /// How frames of sound are found; `None` for H.264.
    sound: Option<Sound>,
    plain: Vec<u8>,
}

/// `version` of `audio_setup_information`.
const SETUP_VERSION: u8 = 1;

impl Seal {
    /// For a track whose stream is said to be encrypted from here on; `None` where its codec is not encrypted so.
    pub(super) fn new(
        key: &Key,
        codec: &Codec,
        stream: &mut ElementaryStream,
    ) -> Result<Option<Self>, Error> {
        let (stream_type, indicator) = match (codec, stream.stream_type) {
            (Codec::H264(_), _) => (StreamType::H264_ENCRYPTED, *b"zavc"),
            (Codec::Aac(config), StreamType::AAC_ADTS) => {
                let [indicator, audio_type] = aac_names(config);
                setup(stream, audio_type, config.raw())?;
                (StreamType::AAC_ENCRYPTED, indicator)
            }
            (Codec::Ac3(config), _) => {
                setup(stream, *b"zac3", &ac3_header(config))?;
                (StreamType::AC3_ENCRYPTED, *b"ac3d")
            }
            (Codec::Eac3(config), _) => {
                let mut record = Vec::new();
                config
                    .encode(&mut record)
                    .map_err(|error| Error::Unsupported(error.to_string().into()))?;
                setup(stream, *b"zec3", &record)?;
                (StreamType::EAC3_ENCRYPTED, *b"ec3d")
            }
            _ => return Ok(None),
        };
        stream.stream_type = stream_type;
        stream.descriptors.push(&PrivateDataIndicator {
            private_data_indicator: u32::from_be_bytes(indicator),
        })?;
        Ok(Some(Self {
            cipher: Cipher::new(key),
            sound: Sound::of(codec),
            plain: Vec::new(),
        }))
    }

    /// Encrypts what was appended to `out` from `start` on.
    pub(super) fn seal(&mut self, out: &mut Vec<u8>, start: usize) {
        match self.sound {
            Some(sound) => {
                let frames = out.get_mut(start..).unwrap_or_default();
                self.cipher.encrypt_sound(sound, frames);
            }
            None => {
                self.plain.clear();
                self.plain
                    .extend_from_slice(out.get(start..).unwrap_or_default());
                out.truncate(start);
                self.cipher.encrypt_annexb(&self.plain, out);
            }
        }
    }
}

/// What the private data indicator and the setup information call a configuration of AAC.
fn aac_names(config: &aac::AudioSpecificConfig) -> [[u8; 4]; 2] {
    if config.ps() == Some(true) {
        [*b"aacp", *b"zacp"]
    } else if config.sbr() == Some(true) {
        [*b"aach", *b"zach"]
    } else {
        [*b"aacd", *b"zaac"]
    }
}

/// `audio_setup_information`, in a registration descriptor: the codec, its priming (not told), its configuration.
fn setup(stream: &mut ElementaryStream, audio_type: [u8; 4], record: &[u8]) -> Result<(), Error> {
    let len = u8::try_from(record.len()).map_err(|_| wire::TooLong {
        what: "setup_data_length",
        value: record.len() as u64,
        max: u8::MAX.into(),
    })?;
    let head = [0, 0, SETUP_VERSION, len];
    stream.descriptors.push(&Registration {
        format_identifier: *b"apad",
        additional_identification_info: [&audio_type[..], &head, record].concat(),
    })
}

/// How sync frames of AC-3 begin, as far as the configuration tells: 10 bytes, without a check, of the usual loudness.
fn ac3_header(config: &Dac3) -> [u8; 10] {
    const DIALNORM: u32 = 31;
    let acmod = u32::from(config.acmod);
    // Centre, surround and Dolby surround levels, 2 bits each, where the channels ask for them.
    let has_centre = acmod & 1 != 0 && acmod != 1;
    let levels = u32::from(has_centre) + u32::from(acmod & 4 != 0) + u32::from(acmod == 2);
    let used = 3 + 2 * levels + 6;
    let fields = acmod << (2 * levels) << 6 | u32::from(config.lfeon) << 5 | DIALNORM;
    let [a, b, c, d] = (fields << 32u32.saturating_sub(used)).to_be_bytes();
    let rate = config.fscod << 6 | config.bit_rate_code << 1;
    [
        0x0B,
        0x77,
        0,
        0,
        rate,
        config.bsid << 3 | config.bsmod,
        a,
        b,
        c,
        d,
    ]
}
