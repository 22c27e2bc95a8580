use crate::rules::{Kind, kind};
use crate::{Error, Limits, Lines, MediaPlaylist, MultivariantPlaylist};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

/// A playlist of either kind.
///
/// ```
/// use fluvial_hls::Playlist;
///
/// let text = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:5.005,\nfirst.ts\n#EXT-X-ENDLIST\n";
/// let playlist: Playlist = text.parse()?;
/// assert!(matches!(&playlist, Playlist::Media(media) if media.is_ended()));
/// assert_eq!(playlist.to_string(), text);
///
/// let error = "#EXTM3U\n#EXT-X-TARGETDURATION:NaN\n".parse::<Playlist>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "line 2: EXT-X-TARGETDURATION: its value is malformed (RFC 8216bis §4.4.3.1)",
/// );
/// # Ok::<(), fluvial_hls::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Playlist {
    /// Lists segments.
    Media(MediaPlaylist),
    /// Lists variants and renditions.
    Multivariant(MultivariantPlaylist),
}

impl Playlist {
    /// Reads a playlist within the default [`Limits`].
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for the first rule that is broken, [`Error::Limit`].
    pub fn parse(playlist: &[u8]) -> Result<Self, Error> {
        Self::parse_with(playlist, &Limits::new())
    }

    /// Reads a playlist within limits.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_with(playlist: &[u8], limits: &Limits) -> Result<Self, Error> {
        let lines = Lines::parse(playlist)?.with_limits(*limits);
        Ok(match kind(lines.clone())? {
            Kind::Media => Playlist::Media(MediaPlaylist::read(lines)?),
            Kind::Multivariant => Playlist::Multivariant(MultivariantPlaylist::read(lines)?),
        })
    }

    /// Appends the text to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Playlist::Media(playlist) => playlist.write(out),
            Playlist::Multivariant(playlist) => playlist.write(out),
        }
    }
}

impl FromStr for Playlist {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for Playlist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Playlist::Media(playlist) => playlist.fmt(f),
            Playlist::Multivariant(playlist) => playlist.fmt(f),
        }
    }
}
