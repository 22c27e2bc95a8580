//! Keys in MIKEY messages (RFC 3830), as RTSP's key management carries them (RFC 4567): `a=key-mgmt:mikey` in descriptions and
//! `KeyMgmt` in requests.
//!
//! What is here is the form that RTSP's clients and servers use: an initiation with a pre-shared key whose encryption and
//! authentication are null, in which the traffic key lies open. It belongs only where the connection itself is protected.
//!
//! ```text
//! HDR   version (8) data type (8) next (8) V|PRF (8) CSB ID (32) #CS (8) map type (8)
//!       for each crypto session: policy (8) SSRC (32) rollover counter (32)
//! T     next (8) type (8) time (64)
//! RAND  next (8) length (8) bytes
//! SP    next (8) policy (8) protocol (8) length (16)  type (8) length (8) value ...
//! KEMAC next (8) encryption (8) length (16) key data   MAC (8)
//!       key data: next (8) type|KV (8) length (16) key [length (16) salt] [validity]
//! ```
//!
//! ```
//! use fluvial_rtp::NtpTime;
//! use fluvial_rtp::srtp::{MasterKey, Profile, mikey::{Message, Session}};
//!
//! let profile = Profile::AesCm128HmacSha1_80;
//! let key = MasterKey::new(profile, &[7; 16], &[9; 14])?;
//! let mut message = Message::new(profile, key, 1, [5; 16]);
//! message.sessions.push(Session::new(0x1122_3344, 0));
//! let text = message.to_base64()?;
//! assert_eq!(Message::from_base64(&text)?, message);
//! # Ok::<(), fluvial_rtp::Error>(())
//! ```

use super::{Config, Context, MasterKey, Profile};
use crate::{Error, NtpTime};
use alloc::string::String;
use alloc::vec::Vec;
use wire::Reader;

/// A stream that the keys are for (RFC 3830 §6.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// The number of its policy.
    pub policy: u8,
    /// Its synchronisation source; 0 where it is not known yet.
    pub ssrc: u32,
    /// How often its sequence numbers wrapped so far.
    pub rollover_counter: u32,
}

impl Session {
    /// A stream of the first policy.
    #[must_use]
    pub const fn new(ssrc: u32, rollover_counter: u32) -> Self {
        Self {
            policy: 0,
            ssrc,
            rollover_counter,
        }
    }
}

/// What a message tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// Names the bundle of crypto sessions, 32 bits.
    pub csb_id: u32,
    /// When it was made.
    pub time: NtpTime,
    /// Random bytes, 16 at least.
    pub random: Vec<u8>,
    /// The streams.
    pub sessions: Vec<Session>,
    /// What encrypts and authenticates.
    pub profile: Profile,
    /// Whether packets are encrypted.
    pub config: Config,
    /// The traffic keys.
    pub keys: Vec<MasterKey>,
}

// Payload types (RFC 3830 §6.1, table 6.1.b).
const LAST: u8 = 0;
const KEMAC: u8 = 1;
const TIME: u8 = 5;
const POLICY: u8 = 10;
const RANDOM: u8 = 11;
/// Type of a key that is used as it is, without and with a salt of its own (§6.13).
const TEK: u8 = 2;
const TEK_SALT: u8 = 3;

// Parameters of SRTP's policy (§6.10.1; RFC 7714 §15.1).
const ENCRYPTION: u8 = 0;
const KEY_LEN: u8 = 1;
const AUTHENTICATION: u8 = 2;
const AUTHENTICATION_KEY_LEN: u8 = 3;
const DERIVATION_RATE: u8 = 6;
const ENCRYPT_RTP: u8 = 7;
const ENCRYPT_RTCP: u8 = 8;
const AUTHENTICATE_RTP: u8 = 10;
const TAG_LEN: u8 = 11;
const AES_CM: u8 = 1;
const AES_GCM: u8 = 6;

impl Message {
    /// A message with one key. `random` has to be drawn for it.
    #[must_use]
    pub fn new(profile: Profile, key: MasterKey, csb_id: u32, random: [u8; 16]) -> Self {
        Self {
            csb_id,
            time: NtpTime::default(),
            random: random.to_vec(),
            sessions: Vec::new(),
            profile,
            config: Config::default(),
            keys: alloc::vec![key],
        }
    }

    /// A context with the keys, which knows the rollover counters of the streams.
    ///
    /// # Errors
    /// As [`Context::new`] has them.
    pub fn context(&self) -> Result<Context, Error> {
        let mut context = Context::new(self.profile, &self.keys, self.config.clone())?;
        for session in self.sessions.iter().filter(|session| session.ssrc != 0) {
            context.expect_rollover_counter(session.ssrc, session.rollover_counter)?;
        }
        Ok(context)
    }

    /// Reads a message.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early, [`Error::Unsupported`] for other kinds of messages, of policies and of key transport,
    /// [`Error::Invalid`] for keys of a wrong length.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(data);
        let version = r.u8("MIKEY version")?;
        if version != 1 {
            return Err(invalid("MIKEY version", version.into(), 0));
        }
        if r.u8("MIKEY data type")? != 0 {
            return unsupported("MIKEY without a pre-shared key");
        }
        let mut next = r.u8("MIKEY next payload")?;
        r.skip(1, "MIKEY PRF")?;
        let csb_id = r.u32("MIKEY CSB ID")?;
        let count = r.u8("MIKEY crypto sessions")?;
        if r.u8("MIKEY CS ID map type")? != 0 {
            return unsupported("MIKEY for another protocol than SRTP");
        }
        let mut sessions = Vec::new();
        for _ in 0..count {
            sessions.push(Session {
                policy: r.u8("MIKEY policy")?,
                ssrc: r.u32("MIKEY SSRC")?,
                rollover_counter: r.u32("MIKEY rollover counter")?,
            });
        }
        let mut message = Parts::default();
        while next != LAST {
            let kind = next;
            next = r.u8("MIKEY next payload")?;
            message.read(kind, &mut r)?;
        }
        let policy = message.policy.unwrap_or_default();
        let (profile, config) = policy.profile()?;
        let keys = message
            .keys
            .iter()
            .map(|key| key.master(profile))
            .collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return unsupported("MIKEY without a traffic key");
        }
        Ok(Self {
            csb_id,
            time: message.time,
            random: message.random,
            sessions,
            profile,
            config,
            keys,
        })
    }

    /// Reads a message in base64.
    ///
    /// # Errors
    /// As [`parse`](Self::parse) has them; [`Error::Unsupported`] for what is no base64.
    pub fn from_base64(text: &str) -> Result<Self, Error> {
        let data = wire::base64::decode(text.trim());
        let data = data.ok_or_else(|| Error::Unsupported("MIKEY that is not in base64".into()))?;
        Self::parse(&data)
    }

    /// Writes the message in base64.
    ///
    /// # Errors
    /// [`Error::TooLong`] for more than 255 streams or random bytes.
    pub fn to_base64(&self) -> Result<String, Error> {
        let mut out = Vec::new();
        self.encode(&mut out)?;
        Ok(wire::base64::encode(&out))
    }

    /// Writes the message.
    ///
    /// # Errors
    /// [`Error::TooLong`] for more than 255 streams, random bytes or bytes of an identifier.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend_from_slice(&[1, 0, TIME, 0]);
        out.extend_from_slice(&self.csb_id.to_be_bytes());
        out.push(byte(self.sessions.len(), "MIKEY crypto sessions")?);
        out.push(0);
        for session in &self.sessions {
            out.push(session.policy);
            out.extend_from_slice(&session.ssrc.to_be_bytes());
            out.extend_from_slice(&session.rollover_counter.to_be_bytes());
        }
        out.extend_from_slice(&[RANDOM, 0]);
        out.extend_from_slice(&self.time.0.to_be_bytes());
        out.extend_from_slice(&[POLICY, byte(self.random.len(), "MIKEY random bytes")?]);
        out.extend_from_slice(&self.random);

        let profile = self.profile;
        let tag = byte(profile.rtp_tag_len(), "SRTP tag")?;
        let (encryption, authentication) = match profile.is_aead() {
            true => (AES_GCM, 0),
            false => (AES_CM, 1),
        };
        let parameters = [
            (ENCRYPTION, encryption),
            (KEY_LEN, byte(profile.key_len(), "SRTP key")?),
            (AUTHENTICATION, authentication),
            // By the standard the bytes of HMAC's key, always 20. GStreamer, and who learnt from it, put those of the tag here.
            (
                AUTHENTICATION_KEY_LEN,
                if profile.is_aead() { 0 } else { tag },
            ),
            (ENCRYPT_RTP, self.config.encrypt_rtp.into()),
            (ENCRYPT_RTCP, self.config.encrypt_rtcp.into()),
            (AUTHENTICATE_RTP, 1),
        ];
        let parameters = parameters.map(|(kind, value)| [kind, 1, value]).concat();
        out.extend_from_slice(&[KEMAC, 0, 0]);
        out.extend_from_slice(&length(parameters.len(), "MIKEY policy")?);
        out.extend_from_slice(&parameters);

        let mut data = Vec::new();
        for (left, key) in (0..self.keys.len()).rev().zip(&self.keys) {
            data.push(if left > 0 { 20 } else { LAST });
            data.push(TEK << 4 | u8::from(!key.mki.is_empty()));
            data.extend_from_slice(&length(
                key.key.len().saturating_add(key.salt.len()),
                "MIKEY key",
            )?);
            data.extend_from_slice(&key.key);
            data.extend_from_slice(&key.salt);
            if !key.mki.is_empty() {
                data.push(byte(key.mki.len(), "SRTP MKI")?);
                data.extend_from_slice(&key.mki);
            }
        }
        out.extend_from_slice(&[LAST, 0]);
        out.extend_from_slice(&length(data.len(), "MIKEY key data")?);
        out.extend_from_slice(&data);
        out.push(0);
        Ok(())
    }
}

fn invalid(field: &'static str, value: u64, offset: usize) -> Error {
    Error::Invalid {
        field,
        value,
        offset: offset as u64,
    }
}

fn unsupported<T>(what: &'static str) -> Result<T, Error> {
    Err(Error::Unsupported(what.into()))
}

fn byte(len: usize, what: &'static str) -> Result<u8, Error> {
    let too_long = |_| wire::TooLong {
        what,
        value: len as u64,
        max: u8::MAX.into(),
    };
    Ok(u8::try_from(len).map_err(too_long)?)
}

fn length(len: usize, what: &'static str) -> Result<[u8; 2], Error> {
    let too_long = |_| wire::TooLong {
        what,
        value: len as u64,
        max: u16::MAX.into(),
    };
    Ok(u16::try_from(len).map_err(too_long)?.to_be_bytes())
}

/// What was found in a message so far.
#[derive(Default)]
struct Parts {
    time: NtpTime,
    random: Vec<u8>,
    policy: Option<Policy>,
    keys: Vec<Key>,
}

impl Parts {
    fn read(&mut self, kind: u8, r: &mut Reader<'_>) -> Result<(), Error> {
        match kind {
            TIME => match r.u8("MIKEY time stamp type")? {
                0 | 1 => self.time = NtpTime(r.u64("MIKEY time stamp")?),
                _ => r.skip(4, "MIKEY counter")?,
            },
            RANDOM => {
                let len = r.u8("MIKEY random length")?;
                self.random = r.take(len.into(), "MIKEY random bytes")?.to_vec();
            }
            POLICY => {
                let number = r.u8("MIKEY policy number")?;
                let protocol = r.u8("MIKEY policy protocol")?;
                let len = r.u16("MIKEY policy length")?;
                let mut parameters = r.sub(len.into(), "MIKEY policy")?;
                // The first one counts: nobody has several.
                if protocol == 0 && self.policy.is_none() {
                    self.policy = Some(Policy::read(&mut parameters)?);
                } else if protocol != 0 {
                    return Err(invalid("MIKEY policy protocol", number.into(), r.offset()));
                }
            }
            KEMAC => {
                if r.u8("MIKEY encryption")? != 0 {
                    return unsupported("MIKEY with encrypted keys");
                }
                let len = r.u16("MIKEY key data length")?;
                let mut data = r.sub(len.into(), "MIKEY key data")?;
                let mut more = true;
                while more {
                    more = data.u8("MIKEY next key")? != LAST;
                    self.keys.push(Key::read(&mut data)?);
                }
                if r.u8("MIKEY MAC")? != 0 {
                    return unsupported("MIKEY with a MAC");
                }
            }
            // IDs: type, length and bytes. Who the other end is, the connection knows.
            6 => {
                r.skip(1, "MIKEY ID type")?;
                let len = r.u16("MIKEY ID length")?;
                r.skip(len.into(), "MIKEY ID")?;
            }
            // General extensions.
            21 => {
                r.skip(1, "MIKEY extension type")?;
                let len = r.u16("MIKEY extension length")?;
                r.skip(len.into(), "MIKEY extension")?;
            }
            _ => return unsupported("a payload of MIKEY"),
        }
        Ok(())
    }
}

/// The parameters that matter, as they are in the message.
struct Policy {
    encryption: u8,
    key_len: u8,
    authentication: u8,
    tag_len: u8,
    derivation_rate: bool,
    encrypt_rtp: bool,
    encrypt_rtcp: bool,
    authenticate: bool,
}

impl Default for Policy {
    /// What is meant where nothing is said (§6.10.1).
    fn default() -> Self {
        Self {
            encryption: AES_CM,
            key_len: 16,
            authentication: 1,
            tag_len: 10,
            derivation_rate: false,
            encrypt_rtp: true,
            encrypt_rtcp: true,
            authenticate: true,
        }
    }
}

impl Policy {
    fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        let mut policy = Self::default();
        let mut told = None;
        while !r.is_empty() {
            let kind = r.u8("MIKEY parameter")?;
            let len = r.u8("MIKEY parameter length")?;
            let value = r.take(len.into(), "MIKEY parameter value")?;
            let number = value.last().copied().unwrap_or(0);
            match kind {
                ENCRYPTION => policy.encryption = number,
                KEY_LEN => policy.key_len = number,
                AUTHENTICATION => policy.authentication = number,
                // The standard's is 20 always: shorter ones are GStreamer's, and mean the tag.
                AUTHENTICATION_KEY_LEN if number == 4 => policy.tag_len = 4,
                DERIVATION_RATE => policy.derivation_rate = value.iter().any(|byte| *byte != 0),
                ENCRYPT_RTP => policy.encrypt_rtp = number != 0,
                ENCRYPT_RTCP => policy.encrypt_rtcp = number != 0,
                AUTHENTICATE_RTP => policy.authenticate = number != 0,
                TAG_LEN => told = Some(number),
                _ => {}
            }
        }
        policy.tag_len = told.unwrap_or(policy.tag_len);
        Ok(policy)
    }

    fn profile(&self) -> Result<(Profile, Config), Error> {
        let profile = match (self.encryption, self.key_len, self.tag_len) {
            (AES_GCM, 16, _) => Profile::AeadAes128Gcm,
            (AES_GCM, 32, _) => Profile::AeadAes256Gcm,
            _ if self.authentication != 1 || !self.authenticate => {
                return unsupported("SRTP without authentication");
            }
            (AES_CM, 16, 10) => Profile::AesCm128HmacSha1_80,
            (AES_CM, 16, 4) => Profile::AesCm128HmacSha1_32,
            (AES_CM, 32, 10) => Profile::AesCm256HmacSha1_80,
            (AES_CM, 32, 4) => Profile::AesCm256HmacSha1_32,
            _ => return unsupported("the policy of a MIKEY message"),
        };
        if self.derivation_rate {
            return unsupported("SRTP with a key derivation rate");
        }
        let mut config = Config::default();
        (config.encrypt_rtp, config.encrypt_rtcp) = (self.encrypt_rtp, self.encrypt_rtcp);
        Ok((profile, config))
    }
}

/// A traffic key with its salt, one after the other.
struct Key {
    key_and_salt: zeroize::Zeroizing<Vec<u8>>,
    mki: Vec<u8>,
}

impl Key {
    fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        let kind = r.u8("MIKEY key type")?;
        let len = r.u16("MIKEY key length")?;
        let key = r.take(len.into(), "MIKEY key")?;
        let salt = match kind >> 4 {
            TEK => &[][..],
            TEK_SALT => {
                let len = r.u16("MIKEY salt length")?;
                r.take(len.into(), "MIKEY salt")?
            }
            _ => return unsupported("a MIKEY key that others are made of"),
        };
        let mut mki = Vec::new();
        match kind & 15 {
            0 => {}
            1 => {
                let len = r.u8("SRTP MKI length")?;
                mki = r.take(len.into(), "SRTP MKI")?.to_vec();
            }
            _ => return unsupported("a MIKEY key for a time"),
        }
        Ok(Self {
            key_and_salt: [key, salt].concat().into(),
            mki,
        })
    }

    fn master(&self, profile: Profile) -> Result<MasterKey, Error> {
        Ok(MasterKey::concatenated(profile, &self.key_and_salt)?.with_mki(&self.mki))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What GStreamer 1.22 makes (`gst_mikey_message_new_from_caps`) of a key of counted bytes, SSRC 0x11223344, rollover counter 5.
    const GSTREAMER: [(&str, Profile); 5] = [
        (
            "AQAFAENMjeABAAARIjNEAAAABQsA7rLqpuJ4KQYKEM/UutqF8d7T6C0knBNXZBoBAAAAFQABAQEBEAIBAQMBCgcBAQgBAQoBAQAAACIAIAAeABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zdAA==",
            Profile::AesCm128HmacSha1_80,
        ),
        (
            "AQAFAAkuV2ABAAARIjNEAAAABQsA7rLqpuKEJ0EKEFMioDemhZ936YUO3TjA3boBAAAAFQABAQEBEAIBAQMBBAcBAQgBAQoBAQAAACIAIAAeABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zdAA==",
            Profile::AesCm128HmacSha1_32,
        ),
        (
            "AQAFAG7+Y8sBAAARIjNEAAAABQsA7rLqpuKGgzwKEAljXWtB1+yOZkBKLwman+MBAAAAFQABAQEBIAIBAQMBCgcBAQgBAQoBAQAAADIAIAAuABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8AESIzRFVmd4iZqrvM3QA=",
            Profile::AesCm256HmacSha1_80,
        ),
        (
            "AQAFAOewE5gBAAARIjNEAAAABQsA7rLqpuKIvakKEDpxIXRoTLaDNnUPkyifO2MBAAAAFQABBgEBEAIBAAMBAAcBAQgBAQoBAQAAACAAIAAcABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmquwA=",
            Profile::AeadAes128Gcm,
        ),
        (
            "AQAFACOI8q8BAAARIjNEAAAABQsA7rLqpuKKgqUKEHrFltckkW+EL3YwMwM8ugUBAAAAFQABBgEBIAIBAAMBAAcBAQgBAQoBAQAAADAAIAAsABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8AESIzRFVmd4iZqrsA",
            Profile::AeadAes256Gcm,
        ),
    ];

    #[test]
    fn messages_of_gstreamer_are_read_and_written_bit_for_bit() {
        for (text, profile) in GSTREAMER {
            let message = Message::from_base64(text).expect(text);
            assert_eq!(message.profile, profile);
            assert_eq!(message.sessions, [Session::new(0x1122_3344, 5)]);
            assert_eq!(message.random.len(), 16);
            let key = &message.keys[0];
            let counted = |n: usize| (n % 16 * 0x11) as u8;
            let both = key.key.iter().chain(&key.salt).copied();
            assert!(both.eq((0..profile.key_len() + profile.salt_len()).map(counted)));
            assert_eq!(message.to_base64().expect("fits"), text);
            let mut context = message.context().expect("right lengths");
            assert_eq!(context.profile(), profile);
            // The first packet is of the sixth round of sequence numbers.
            let mut packet = [
                &[0x80, 96, 0, 1, 0, 0, 0, 0][..],
                &0x1122_3344u32.to_be_bytes(),
            ]
            .concat();
            context.protect(&mut packet).expect("a packet");
            assert_eq!(context.rollover_counter(0x1122_3344), Some(5));
        }
    }

    #[test]
    fn what_is_not_done_is_told() {
        let good = wire::base64::decode(GSTREAMER[0].0).expect("base64");
        for (at, value, what) in [
            (1, 4, "pre-shared"),
            (9, 1, "another protocol"),
            (2, 9, "a payload"),
        ] {
            let mut bad = good.clone();
            bad[at] = value;
            let error = Message::parse(&bad).expect_err(what);
            assert!(error.to_string().contains(what), "{error}");
        }
        assert!(matches!(Message::parse(&[2]), Err(Error::Invalid { .. })));
        assert!(Message::from_base64("*").is_err());
        for len in 0..good.len() {
            assert!(Message::parse(&good[..len]).is_err(), "{len}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back(
            profile in proptest::sample::select(&Profile::ALL[..]), id: u32, time: u64, random: [u8; 16],
            ssrcs in proptest::collection::vec((any::<u32>(), any::<u32>()), 0..4),
            mki in proptest::collection::vec(any::<u8>(), 0..5), encrypt: bool,
        ) {
            let key = MasterKey::new(profile, &[1; 32][..profile.key_len()], &[2; 14][..profile.salt_len()])?;
            let mut message = Message::new(profile, key.with_mki(&mki), id, random);
            message.time = NtpTime(time);
            message.config.encrypt_rtcp = encrypt;
            message.sessions = ssrcs.into_iter().map(|(ssrc, roc)| Session::new(ssrc, roc)).collect();
            let mut data = Vec::new();
            message.encode(&mut data)?;
            prop_assert_eq!(Message::parse(&data)?, message);
        }

        #[test]
        fn no_message_is_too_odd(data: Vec<u8>, at: prop::sample::Index, value: u8) {
            let _ = Message::parse(&data);
            let mut data = wire::base64::decode(GSTREAMER[0].0).expect("base64");
            let at = at.index(data.len());
            data[at] = value;
            let _ = Message::parse(&data);
        }
    }
}
