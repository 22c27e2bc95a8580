/// A protection profile: what encrypts, what authenticates, and how long the tags are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// `AES_CM_128_HMAC_SHA1_80` (RFC 3711 §8.2, RFC 4568 §6.2.1).
    AesCm128HmacSha1_80,
    /// `AES_CM_128_HMAC_SHA1_32` (RFC 4568 §6.2.2): RTP packets have tags of 32 bits, RTCP packets of 80.
    AesCm128HmacSha1_32,
    /// `AES_256_CM_HMAC_SHA1_80` (RFC 6188).
    AesCm256HmacSha1_80,
    /// `AES_256_CM_HMAC_SHA1_32` (RFC 6188): RTP packets have tags of 32 bits, RTCP packets of 80.
    AesCm256HmacSha1_32,
    /// `AEAD_AES_128_GCM` (RFC 7714 §14.2).
    AeadAes128Gcm,
    /// `AEAD_AES_256_GCM` (RFC 7714 §14.2).
    AeadAes256Gcm,
}

impl Profile {
    /// All of them, the strongest first.
    pub const ALL: [Self; 6] = [
        Self::AeadAes256Gcm,
        Self::AeadAes128Gcm,
        Self::AesCm256HmacSha1_80,
        Self::AesCm128HmacSha1_80,
        Self::AesCm256HmacSha1_32,
        Self::AesCm128HmacSha1_32,
    ];

    /// Bytes of a master key, which are those of a session key.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 | Self::AeadAes128Gcm => 16,
            Self::AesCm256HmacSha1_80 | Self::AesCm256HmacSha1_32 | Self::AeadAes256Gcm => 32,
        }
    }

    /// Bytes of a master salt, which are those of a session salt.
    #[must_use]
    pub const fn salt_len(self) -> usize {
        if self.is_aead() { 12 } else { 14 }
    }

    /// Bytes that the authentication tag adds to an RTP packet.
    #[must_use]
    pub const fn rtp_tag_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_32 | Self::AesCm256HmacSha1_32 => 4,
            _ => self.rtcp_tag_len(),
        }
    }

    /// Bytes that the authentication tag adds to an RTCP packet; 4 more are its index.
    #[must_use]
    pub const fn rtcp_tag_len(self) -> usize {
        if self.is_aead() { 16 } else { 10 }
    }

    /// Whether one algorithm both encrypts and authenticates (RFC 7714).
    #[must_use]
    pub const fn is_aead(self) -> bool {
        matches!(self, Self::AeadAes128Gcm | Self::AeadAes256Gcm)
    }

    /// The name in `a=crypto` lines (RFC 4568 §6.2, RFC 6188 §4, RFC 7714 §14.2).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AesCm256HmacSha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Self::AesCm256HmacSha1_32 => "AES_256_CM_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// The profile of this name in `a=crypto` lines. Upper and lower case are one, as ABNF has it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.name().eq_ignore_ascii_case(name))
    }

    /// The number in the `use_srtp` extension of DTLS (RFC 5764 §4.1.2, RFC 7714 §14.2); 16 bits.
    /// Those of RFC 6188 have none.
    #[must_use]
    pub const fn dtls_id(self) -> Option<u16> {
        match self {
            Self::AesCm128HmacSha1_80 => Some(1),
            Self::AesCm128HmacSha1_32 => Some(2),
            Self::AeadAes128Gcm => Some(7),
            Self::AeadAes256Gcm => Some(8),
            Self::AesCm256HmacSha1_80 | Self::AesCm256HmacSha1_32 => None,
        }
    }

    /// The profile of this number in the `use_srtp` extension of DTLS.
    #[must_use]
    pub fn from_dtls_id(id: u16) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.dtls_id() == Some(id))
    }
}
