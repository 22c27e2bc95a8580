use crate::headers::Transport;
use crate::{Url, Version};
use alloc::string::String;
use alloc::vec::Vec;

/// A session, from its first `SETUP`.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) id: String,
    pub(super) record: bool,
    pub(super) version: Version,
    /// What named it in RTSP 2.0 before it had an identifier.
    pub(super) pipelined: Option<u32>,
    pub(super) tracks: Vec<Track>,
}

/// A medium that was set up.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) media: usize,
    pub(super) uri: String,
    pub(super) transport: Transport,
    /// Playing or recording.
    pub(super) running: bool,
}

impl Active {
    pub(super) fn is_running(&self) -> bool {
        self.tracks.iter().any(|track| track.running)
    }

    pub(super) fn is_interleaved(&self) -> bool {
        self.tracks
            .iter()
            .any(|track| track.transport.is_interleaved())
    }

    pub(super) fn track(&self, media: usize) -> Option<&Track> {
        self.tracks.iter().find(|track| track.media == media)
    }

    /// The medium that an address means; `None` for the whole, also where there is one medium only.
    pub(super) fn medium(&self, uri: &str) -> Option<usize> {
        if self.tracks.len() < 2 {
            return None;
        }
        let mut matching = self
            .tracks
            .iter()
            .filter(|track| same_path(&track.uri, uri));
        let first = matching.next()?;
        // Media may have one address in common.
        matching.next().is_none().then_some(first.media)
    }

    /// The medium and kind of a channel.
    pub(super) fn channel(&self, channel: u8) -> Option<(&Track, bool)> {
        self.tracks.iter().find_map(|track| {
            let (rtp, rtcp) = track.transport.interleaved?;
            match channel {
                _ if channel == rtp => Some((track, false)),
                _ if channel == rtcp => Some((track, true)),
                _ => None,
            }
        })
    }

    pub(super) fn is_free(&self, channels: (u8, u8)) -> bool {
        channels.0 != channels.1
            && self.channel(channels.0).is_none()
            && self.channel(channels.1).is_none()
    }

    /// The first pair of channels that is free.
    pub(super) fn free_channels(&self) -> Option<(u8, u8)> {
        (0..=127_u8)
            .map(|pair| {
                (
                    pair.saturating_mul(2),
                    pair.saturating_mul(2).saturating_add(1),
                )
            })
            .find(|channels| self.is_free(*channels))
    }
}

/// Path with query, without slashes at its end.
pub(super) fn path(uri: &str) -> String {
    let path = match uri.parse::<Url>() {
        Ok(url) => url.path,
        Err(_) => uri.into(),
    };
    path.trim_end_matches('/').into()
}

/// Whether two addresses mean the same. Hosts have many names, so they are not looked at.
pub(super) fn same_path(left: &str, right: &str) -> bool {
    path(left) == path(right)
}
