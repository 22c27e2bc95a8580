use crate::Limits;
use alloc::string::String;

/// How a [`Client`](super::Client) chooses and waits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// What a playlist may be like.
    pub limits: Limits,
    /// Bit/s that there are; `None`: the best variant. May be [changed](super::Client::set_bandwidth) while playing.
    pub bandwidth: Option<u64>,
    /// Whether the variant is chosen as [`media::abr::choose`] says, by the bandwidth that is measured and the buffer that a player would
    /// have which shows each segment for as long as it lasts. `bandwidth` is what is assumed then before anything was
    /// measured; `None`: the least variant comes first.
    #[cfg(feature = "media")]
    pub adaptive: bool,
    /// Nanoseconds of media at which that player would pause fetching; live, the distance from the edge counts where it is less.
    #[cfg(feature = "media")]
    pub max_buffer: u64,
    /// Nanoseconds behind the end of a live playlist to begin at; `None`: as the playlist says.
    pub delay: Option<u64>,
    /// Begin with the first segment of a live playlist instead.
    pub from_start: bool,
    /// The same only where it says that it grows and loses nothing (`EXT-X-PLAYLIST-TYPE:EVENT`).
    pub events_from_start: bool,
    /// Whether parts and blocking reloads are used where there are any.
    pub low_latency: bool,
    /// The language of the sound that is wanted (RFC 5646).
    pub audio_language: Option<String>,
    /// Whether all sound that goes with a variant is fetched, not only that of one rendition.
    pub all_audio: bool,
    /// How often something that fails is asked for again.
    pub retries: u32,
    /// Nanoseconds to wait before that.
    pub retry_after: u64,
    /// Nanoseconds of media that a stream may be ahead of another one.
    pub max_lead: u64,
}

impl Default for Config {
    /// The best variant, as the playlist says; with parts; three times again, half a second later.
    fn default() -> Self {
        Self {
            limits: Limits::new(),
            bandwidth: None,
            #[cfg(feature = "media")]
            adaptive: false,
            #[cfg(feature = "media")]
            max_buffer: 30_000_000_000,
            delay: None,
            from_start: false,
            events_from_start: false,
            low_latency: true,
            audio_language: None,
            all_audio: false,
            retries: 3,
            retry_after: 500_000_000,
            max_lead: 10_000_000_000,
        }
    }
}
