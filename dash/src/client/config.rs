use crate::Limits;

/// How a [`Client`](super::Client) chooses and waits.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// What a document may be like.
    pub limits: Limits,
    /// Bit/s that all streams together may have; `None`: the best of each. May be
    /// [changed](super::Client::set_bandwidth) while playing.
    pub bandwidth: Option<u64>,
    /// Whether representations of pictures (or else of the first stream) are chosen as [`media::abr::choose`] says, by the bandwidth that
    /// is measured and the buffer that a player would have which shows each segment for as long as it lasts. `bandwidth` is what is
    /// assumed then before anything was measured; `None`: the least comes first.
    #[cfg(feature = "media")]
    pub adaptive: bool,
    /// Nanoseconds of media at which that player would pause fetching; live, the distance from the edge counts where it is less.
    #[cfg(feature = "media")]
    pub max_buffer: u64,
    /// Whether all sets but those of pictures are fetched, not only the first of each kind of content.
    pub all_sets: bool,
    /// Nanoseconds behind the live edge; `None`: as the document says.
    pub delay: Option<u64>,
    /// How often something that fails is asked for again, each time at the next of the alternative bases.
    pub retries: u32,
    /// Nanoseconds to wait before that.
    pub retry_after: u64,
}

impl Default for Config {
    /// The best of each, as the document says; three times again, half a second later.
    fn default() -> Self {
        Self {
            limits: Limits::new(),
            bandwidth: None,
            #[cfg(feature = "media")]
            adaptive: false,
            #[cfg(feature = "media")]
            max_buffer: 30_000_000_000,
            all_sets: false,
            delay: None,
            retries: 3,
            retry_after: 500_000_000,
        }
    }
}
