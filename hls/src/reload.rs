//! What a client asks for beside the playlist itself: directives in the query of its URI (RFC 8216bis §6.2.5).

use core::fmt;

/// What a request for a media playlist asks for: the delivery directives of RFC 8216bis §6.2.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Reload {
    /// `_HLS_msn`: not before the playlist has the segment of this media sequence number.
    pub msn: Option<u64>,
    /// `_HLS_part`: a part of that segment does.
    pub part: Option<u64>,
    /// `_HLS_skip`: what the client has and need not be told again.
    pub skip: Skip,
}

/// What can be left out: `_HLS_skip`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Skip {
    /// Nothing.
    #[default]
    Nothing,
    /// Old segments: `YES`.
    Segments,
    /// Old segments and date ranges: `v2`.
    DateRanges,
}

/// A request that is to be answered with 400 (§6.2.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadRequest(pub(crate) &'static str);

impl Reload {
    /// The playlist as it is.
    #[must_use]
    pub const fn now() -> Self {
        Self {
            msn: None,
            part: None,
            skip: Skip::Nothing,
        }
    }

    /// From the query of a URI, without its `?`. Parameters of others are passed over; of two with one name the first counts.
    ///
    /// # Errors
    ///
    /// [`BadRequest`] where a directive's value is none, or `_HLS_part` comes without `_HLS_msn`.
    pub fn parse(query: &str) -> Result<Self, BadRequest> {
        let mut reload = Self::default();
        let mut skip = None;
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let number = || crate::value::read_integer(value);
            match name {
                "_HLS_msn" if reload.msn.is_none() => {
                    reload.msn = Some(number().ok_or(BadRequest("_HLS_msn is not a number"))?);
                }
                "_HLS_part" if reload.part.is_none() => {
                    reload.part = Some(number().ok_or(BadRequest("_HLS_part is not a number"))?);
                }
                "_HLS_skip" if skip.is_none() => {
                    skip = Some(match value {
                        "YES" => Skip::Segments,
                        "v2" => Skip::DateRanges,
                        _ => return Err(BadRequest("_HLS_skip is neither YES nor v2")),
                    });
                }
                _ => {}
            }
        }
        if reload.part.is_some() && reload.msn.is_none() {
            return Err(BadRequest("_HLS_part needs _HLS_msn"));
        }
        reload.skip = skip.unwrap_or_default();
        Ok(reload)
    }
}

impl fmt::Display for Reload {
    /// As a query, in the order that the standard wants (by name, §6.2.5); empty where nothing is asked for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (name, value) in [("_HLS_msn", self.msn), ("_HLS_part", self.part)] {
            if let Some(value) = value {
                write!(f, "{separator}{name}={value}")?;
                separator = "&";
            }
        }
        match self.skip {
            Skip::Nothing => Ok(()),
            Skip::Segments => write!(f, "{separator}_HLS_skip=YES"),
            Skip::DateRanges => write!(f, "{separator}_HLS_skip=v2"),
        }
    }
}
