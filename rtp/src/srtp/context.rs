use super::head::{RtpHead, body_len, rollover, rtcp_ssrc};
use super::replay::Window;
use super::session::{Half, Position, Session};
use super::{MasterKey, Profile};
use crate::Error;
use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::vec::Vec;
use core::fmt;
use wire::Reader;

/// Packets that one master key may protect (RFC 3711 §9.2).
const RTP_LIFETIME: u64 = 1 << 48;
const RTCP_LIFETIME: u64 = 1 << 31;
/// The E flag before the SRTCP index (RFC 3711 §3.4).
const ENCRYPTED: u32 = 1 << 31;

/// How a [`Context`] works.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Whether RTP payloads are encrypted, as they should be (`UNENCRYPTED_SRTP` of RFC 4568 §6.3.2 says that
    /// they are not). AEAD profiles always encrypt them.
    pub encrypt_rtp: bool,
    /// Whether RTCP packets are encrypted (`UNENCRYPTED_SRTCP`). A receiver takes both.
    pub encrypt_rtcp: bool,
    /// Whether a sender may protect one packet again, as resending it does. It must be the same in every bit then:
    /// two different packets of one index give away both, and the key of an AEAD profile. Default `false`.
    pub repeats: bool,
    /// Synchronisation sources that are kept track of. Only who has the key can make one. Default 1024.
    pub sources: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            encrypt_rtp: true,
            encrypt_rtcp: true,
            repeats: false,
            sources: 1024,
        }
    }
}

struct Keyed {
    session: Session,
    mki: Vec<u8>,
    /// Packets that may still be protected or unprotected.
    rtp_left: u64,
    rtcp_left: u64,
    lifetime: u64,
}

#[derive(Default)]
struct Source {
    rtp: Window,
    rtcp: Window,
}

/// The cryptographic context of one direction (RFC 3711 §3.2): keys, rollover counters and replay lists of all its sources.
///
/// It is used for sending or for receiving, not for both.
pub struct Context {
    profile: Profile,
    config: Config,
    keys: Vec<Keyed>,
    /// Which of `keys` a sender uses.
    active: usize,
    mki_len: usize,
    sources: BTreeMap<u32, Source>,
}

impl Context {
    /// A context with its master keys; the first is the one that a sender uses.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is no key, where a key is not as long as the profile wants it, or where there
    /// are several and their identifiers are not equally long.
    /// [`Error::Unsupported`] where an AEAD profile is not to encrypt RTP.
    pub fn new(profile: Profile, keys: &[MasterKey], config: Config) -> Result<Self, Error> {
        if profile.is_aead() && !config.encrypt_rtp {
            return Err(Error::Unsupported(
                "SRTP with an AEAD but without encryption".into(),
            ));
        }
        let Some(first) = keys.first() else {
            return Err(Error::Invalid {
                field: "SRTP master keys",
                value: 0,
                offset: 0,
            });
        };
        let mut context = Self {
            profile,
            config,
            keys: Vec::new(),
            active: 0,
            mki_len: first.mki.len(),
            sources: BTreeMap::new(),
        };
        for key in keys {
            context.add_key(key)?;
        }
        Ok(context)
    }

    /// One more master key, to go over to when the time has come ([`use_key`](Self::use_key)).
    ///
    /// # Errors
    /// [`Error::Invalid`] where its length or that of its identifier is not right, or its identifier is not new.
    pub fn add_key(&mut self, key: &MasterKey) -> Result<(), Error> {
        let known = self.keys.iter().any(|known| known.mki == key.mki);
        if key.mki.len() != self.mki_len || known {
            return Err(Error::Invalid {
                field: "bytes of the SRTP MKI",
                value: key.mki.len() as u64,
                offset: 0,
            });
        }
        let key_is_right = MasterKey::new(self.profile, &key.key, &key.salt);
        let lifetime = key.lifetime.unwrap_or(u64::MAX);
        key_is_right?;
        self.keys.push(Keyed {
            session: Session::new(self.profile, key)?,
            mki: key.mki.clone(),
            rtp_left: lifetime.min(RTP_LIFETIME),
            rtcp_left: lifetime.min(RTCP_LIFETIME),
            lifetime,
        });
        Ok(())
    }

    /// Lets a sender use the key of this identifier from now on. Rollover counters and indices go on.
    ///
    /// # Errors
    /// [`Error::State`] where there is no such key.
    pub fn use_key(&mut self, mki: &[u8]) -> Result<(), Error> {
        let found = self.keys.iter().position(|key| key.mki == mki);
        self.active = found.ok_or(Error::State("no SRTP master key has this MKI"))?;
        Ok(())
    }

    /// The profile.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// Packets of RTP and of RTCP that the sender's key may still protect (RFC 3711 §9.2): time for a new one
    /// when they get few.
    #[must_use]
    pub fn lifetime_left(&self) -> (u64, u64) {
        self.keys
            .get(self.active)
            .map_or((0, 0), |key| (key.rtp_left, key.rtcp_left))
    }

    /// The rollover counter of a source: how often its sequence numbers wrapped. `None` before its first packet.
    #[must_use]
    pub fn rollover_counter(&self, ssrc: u32) -> Option<u32> {
        let highest = self.sources.get(&ssrc)?.rtp.highest()?;
        u32::try_from(highest >> 16).ok()
    }

    /// Tells the rollover counter and a sequence number of a source that was there before this context, as key
    /// management that knows them does (RFC 3711 §3.3.1).
    ///
    /// # Errors
    /// [`Error::Limit`] at the limit of sources.
    pub fn set_rollover_counter(
        &mut self,
        ssrc: u32,
        counter: u32,
        sequence_number: u16,
    ) -> Result<(), Error> {
        let index = u64::from(counter) << 16 | u64::from(sequence_number);
        source(&mut self.sources, ssrc, self.config.sources)?.rtp = Window::at(index);
        Ok(())
    }

    /// Tells the rollover counter that the first packet of a source has, as MIKEY does (RFC 3830 §6.1.1).
    ///
    /// # Errors
    /// [`Error::Limit`] at the limit of sources.
    pub fn expect_rollover_counter(&mut self, ssrc: u32, counter: u32) -> Result<(), Error> {
        let source = source(&mut self.sources, ssrc, self.config.sources)?;
        if source.rtp.highest().is_none() {
            source.rtp = Window::starting(counter);
        }
        Ok(())
    }

    /// Forgets a source: after BYE, or when it is silent for long. Never forget one that may send on with this key.
    pub fn forget(&mut self, ssrc: u32) {
        self.sources.remove(&ssrc);
    }

    /// Makes an SRTP packet of an RTP packet, in place.
    ///
    /// # Errors
    /// [`Error::Short`] or [`Error::Invalid`] where it is no RTP packet, [`Error::Replayed`] where its index was used
    /// before, [`Error::Limit`] at the end of the key's life or at the limit of sources. The packet is as it was then.
    pub fn protect(&mut self, packet: &mut Vec<u8>) -> Result<(), Error> {
        let head = RtpHead::read(packet)?;
        let window = self
            .sources
            .get(&head.ssrc)
            .map_or_else(Window::default, |source| source.rtp);
        let index = head.index(window);
        if !self.config.repeats {
            window.check(index)?;
        }
        let key = self
            .keys
            .get_mut(self.active)
            .ok_or(Error::State("no SRTP key"))?;
        let left = key
            .rtp_left
            .checked_sub(1)
            .ok_or(expired(key.lifetime.min(RTP_LIFETIME)))?;
        source(&mut self.sources, head.ssrc, self.config.sources)?
            .rtp
            .mark(index);
        key.rtp_left = left;
        let half = &key.session.rtp;
        let at = Position {
            ssrc: head.ssrc,
            index,
        };
        packet.reserve(self.profile.rtp_tag_len().saturating_add(self.mki_len));
        if self.config.encrypt_rtp
            && let Some((header, payload)) = packet.split_at_mut_checked(head.len)
            && let Some(tag) = half.encrypt(at, &[header], payload)?
        {
            packet.extend_from_slice(&tag);
        }
        let code = half.code(packet, &rollover(index));
        packet.extend_from_slice(&key.mki);
        if let Some(code) = code {
            packet.extend_from_slice(code.get(..self.profile.rtp_tag_len()).unwrap_or_default());
        }
        Ok(())
    }

    /// Makes an RTP packet of an SRTP packet, in place.
    ///
    /// # Errors
    /// [`Error::Short`] or [`Error::Invalid`] where it is no SRTP packet, [`Error::Authentication`] where its tag is wrong
    /// or its key is not known, [`Error::Replayed`] where it came before or is too old to tell, [`Error::Limit`] at
    /// the end of the key's life or at the limit of sources. The packet is as it was then.
    pub fn unprotect(&mut self, packet: &mut Vec<u8>) -> Result<(), Error> {
        let head = RtpHead::read(packet)?;
        let aead = self.profile.is_aead();
        let tag_len = self.profile.rtp_tag_len();
        let trailer = tag_len.saturating_add(self.mki_len);
        let body_len = body_len(packet, head.len, trailer)?;
        let window = self
            .sources
            .get(&head.ssrc)
            .map_or_else(Window::default, |source| source.rtp);
        let index = head.index(window);
        window.check(index)?;
        let full =
            self.sources.len() >= self.config.sources && !self.sources.contains_key(&head.ssrc);
        if full {
            return Err(sources_limit(self.config.sources));
        }

        let (body, trailer) = packet
            .split_at_mut_checked(body_len)
            .ok_or(Error::Authentication)?;
        // The identifier stands before the tag of HMAC, and after that of an AEAD.
        let (first, second) = trailer
            .split_at_checked(if aead { tag_len } else { self.mki_len })
            .ok_or(Error::Authentication)?;
        let (tag, mki) = if aead {
            (first, second)
        } else {
            (second, first)
        };
        let key = self
            .keys
            .iter_mut()
            .find(|key| key.mki == mki)
            .ok_or(Error::Authentication)?;
        let left = key
            .rtp_left
            .checked_sub(1)
            .ok_or(expired(key.lifetime.min(RTP_LIFETIME)))?;
        let half = &key.session.rtp;
        half.verify(body, &rollover(index), tag)?;
        if self.config.encrypt_rtp {
            let (header, payload) = body
                .split_at_mut_checked(head.len)
                .ok_or(Error::Authentication)?;
            half.decrypt(
                Position {
                    ssrc: head.ssrc,
                    index,
                },
                &[header],
                payload,
                tag,
            )?;
        }
        key.rtp_left = left;
        packet.truncate(body_len);
        source(&mut self.sources, head.ssrc, self.config.sources)?
            .rtp
            .mark(index);
        Ok(())
    }

    /// Makes an SRTCP packet of a compound RTCP packet, in place.
    ///
    /// # Errors
    /// As [`protect`](Self::protect) has them.
    pub fn protect_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), Error> {
        let ssrc = rtcp_ssrc(packet)?;
        let key = self
            .keys
            .get_mut(self.active)
            .ok_or(Error::State("no SRTP key"))?;
        let max = key.lifetime.min(RTCP_LIFETIME);
        let left = key.rtcp_left.checked_sub(1).ok_or(expired(max))?;
        let window = &mut source(&mut self.sources, ssrc, self.config.sources)?.rtcp;
        // The first index is 1, as RFC 3711 §3.4 has it counted up before each packet but the first of all.
        let index = window
            .highest()
            .map_or(1, |highest| highest.saturating_add(1));
        let word = u32::try_from(index)
            .ok()
            .filter(|word| *word < ENCRYPTED)
            .ok_or(expired(RTCP_LIFETIME))?;
        window.mark(index);
        key.rtcp_left = left;
        let word = if self.config.encrypt_rtcp {
            word | ENCRYPTED
        } else {
            word
        }
        .to_be_bytes();
        let half = &key.session.rtcp;
        packet.reserve(
            self.profile
                .rtcp_tag_len()
                .saturating_add(4)
                .saturating_add(self.mki_len),
        );
        protect_rtcp(
            half,
            Position { ssrc, index },
            self.config.encrypt_rtcp,
            packet,
            word,
        )?;
        let code = half.code(packet, &[]);
        packet.extend_from_slice(&key.mki);
        if let Some(code) = code {
            packet.extend_from_slice(code.get(..self.profile.rtcp_tag_len()).unwrap_or_default());
        }
        Ok(())
    }

    /// Makes a compound RTCP packet of an SRTCP packet, in place.
    ///
    /// # Errors
    /// As [`unprotect`](Self::unprotect) has them.
    pub fn unprotect_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), Error> {
        let ssrc = rtcp_ssrc(packet)?;
        let aead = self.profile.is_aead();
        let tag_len = self.profile.rtcp_tag_len();
        let trailer = tag_len.saturating_add(4).saturating_add(self.mki_len);
        let body_len = body_len(packet, RTCP_HEADER, trailer)?;
        let (body, trailer) = packet
            .split_at_mut_checked(body_len)
            .ok_or(Error::Authentication)?;
        let mut r = Reader::new(trailer);
        let (tag, word, mki);
        if aead {
            tag = r.take(tag_len, "SRTCP tag")?;
            word = *r.array("SRTCP index")?;
            mki = r.rest();
        } else {
            word = *r.array("SRTCP index")?;
            mki = r.take(self.mki_len, "SRTCP MKI")?;
            tag = r.rest();
        }
        let number = u32::from_be_bytes(word);
        let encrypted = number & ENCRYPTED != 0;
        let index = u64::from(number & !ENCRYPTED);
        let known = self.sources.get(&ssrc);
        if known.is_none() && self.sources.len() >= self.config.sources {
            return Err(sources_limit(self.config.sources));
        }
        known
            .map_or_else(Window::default, |source| source.rtcp)
            .check(index)?;
        let key = self
            .keys
            .iter_mut()
            .find(|key| key.mki == mki)
            .ok_or(Error::Authentication)?;
        let max = key.lifetime.min(RTCP_LIFETIME);
        let left = key.rtcp_left.checked_sub(1).ok_or(expired(max))?;
        let half = &key.session.rtcp;
        let at = Position { ssrc, index };
        half.verify(body, &word, tag)?;
        let (header, payload) = body
            .split_at_mut_checked(RTCP_HEADER)
            .ok_or(Error::Authentication)?;
        if encrypted {
            half.decrypt(at, &[header, &word], payload, tag)?;
        } else if aead {
            half.decrypt(at, &[header, payload, &word], &mut [], tag)?;
        }
        key.rtcp_left = left;
        packet.truncate(body_len);
        source(&mut self.sources, ssrc, self.config.sources)?
            .rtcp
            .mark(index);
        Ok(())
    }
}

/// Bytes of an RTCP packet that stay clear: its first word and the sender's SSRC.
const RTCP_HEADER: usize = 8;

fn protect_rtcp(
    half: &Half,
    at: Position,
    encrypt: bool,
    packet: &mut Vec<u8>,
    word: [u8; 4],
) -> Result<(), Error> {
    let tag = if encrypt {
        let (header, payload) = packet
            .split_at_mut_checked(RTCP_HEADER)
            .ok_or(Error::Authentication)?;
        half.encrypt(at, &[header, &word], payload)?
    } else {
        half.encrypt(at, &[packet, &word], &mut [])?
    };
    if let Some(tag) = tag {
        packet.extend_from_slice(&tag);
    }
    packet.extend_from_slice(&word);
    Ok(())
}

fn source(
    sources: &mut BTreeMap<u32, Source>,
    ssrc: u32,
    max: usize,
) -> Result<&mut Source, Error> {
    let full = sources.len() >= max;
    match sources.entry(ssrc) {
        Entry::Occupied(entry) => Ok(entry.into_mut()),
        Entry::Vacant(_) if full => Err(sources_limit(max)),
        Entry::Vacant(entry) => Ok(entry.insert(Source::default())),
    }
}

#[cold]
fn sources_limit(max: usize) -> Error {
    Error::Limit {
        limit: "SRTP sources",
        max: max as u64,
    }
}

fn expired(max: u64) -> Error {
    Error::Limit {
        limit: "packets of an SRTP master key",
        max,
    }
}

impl fmt::Debug for Context {
    /// Without the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("profile", &self.profile)
            .field("config", &self.config)
            .field("keys", &self.keys.len())
            .field("sources", &self.sources.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
impl Context {
    /// With session keys in place of a master key, and at this SRTCP index of this source.
    pub(super) fn from_session_keys(
        profile: Profile,
        key: &[u8],
        salt: &[u8],
        config: Config,
    ) -> Self {
        let master = MasterKey::new(profile, key, salt).expect("right lengths");
        let mut context = Self::new(profile, &[master], config).expect("right lengths");
        context.keys[0].session = Session::from_session_keys(profile, key, salt);
        context
    }

    pub(super) fn sources_is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    pub(super) fn set_srtcp_index(&mut self, ssrc: u32, index: u64) {
        self.sources.entry(ssrc).or_default().rtcp = Window::at(index);
    }
}
