//! As much of a session description (RFC 8866) as a session of RTSP needs (RFC 2326 C.1): which media there are, and by which
//! address each is controlled. What the media are, the crate `fluvial-rtp` reads.

use crate::headers::{Header, Range};
use crate::{Error, Limits};
use alloc::string::String;
use alloc::vec::Vec;

/// A session description, as far as it concerns RTSP.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Description {
    /// `a=control` of the whole.
    pub control: Option<String>,
    /// `a=range` of the whole.
    pub range: Option<Range>,
    /// The media, in their order.
    pub media: Vec<Media>,
}

/// One medium.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Media {
    /// `audio`, `video`, `application`, ...
    pub kind: String,
    /// The port, 16 bits; usually 0, or that of a multicast group.
    pub port: u16,
    /// The transport, such as `RTP/AVP`.
    pub protocol: String,
    /// The formats: payload types of RTP.
    pub formats: String,
    /// `a=control`.
    pub control: Option<String>,
    /// Which way it flows, seen from the server.
    pub direction: Direction,
}

/// Which way a medium flows, seen from who wrote the description (RFC 8866 §6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// Both ways; also where nothing is told, where players take it as to the client.
    #[default]
    SendRecv,
    /// From the server: ONVIF writes this at the client's backchannel (ONVIF Streaming Specification §5.3.3).
    SendOnly,
    /// To the server: ONVIF writes this at what is to be played.
    RecvOnly,
    /// Not at all.
    Inactive,
}

impl Description {
    /// Reads a description. Lines that are not understood count for nothing.
    ///
    /// # Errors
    /// [`Error::Limit`] for more media than the limits have.
    pub fn parse(text: &str, limits: &Limits) -> Result<Self, Error> {
        let mut description = Self::default();
        for line in text.lines() {
            let line = line.trim();
            let Some((kind, value)) = line.split_once('=') else {
                continue;
            };
            match kind.trim() {
                "m" => {
                    if description.media.len() >= limits.media {
                        return Err(Error::Limit {
                            limit: "media",
                            max: limits.media as u64,
                        });
                    }
                    description.media.push(Media::parse(value));
                }
                "a" => description.attribute(value),
                _ => {}
            }
        }
        Ok(description)
    }

    fn attribute(&mut self, attribute: &str) {
        let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
        let (name, value) = (name.trim(), value.trim());
        let medium = self.media.last_mut();
        match (name, medium) {
            ("control", None) => self.control = Some(value.into()),
            ("control", Some(medium)) => medium.control = Some(value.into()),
            ("range", None) => self.range = Range::parse(value).ok(),
            (direction, Some(medium)) => {
                medium.direction = match direction {
                    "sendrecv" => Direction::SendRecv,
                    "sendonly" => Direction::SendOnly,
                    "recvonly" => Direction::RecvOnly,
                    "inactive" => Direction::Inactive,
                    _ => return,
                };
            }
            _ => {}
        }
    }

    /// Address of the whole, where the description was had from `base`.
    #[must_use]
    pub fn aggregate_url(&self, base: &str) -> String {
        crate::url::resolve(base, self.control.as_deref().unwrap_or_default())
    }

    /// Address of a medium, where the description was had from `base`. A medium without one is the only one: it has the
    /// address of the whole.
    #[must_use]
    pub fn media_url(&self, base: &str, index: usize) -> Option<String> {
        let medium = self.media.get(index)?;
        // Only an absolute address of the whole changes what those of its media are relative to.
        let base = match &self.control {
            Some(control) if control.contains("://") => control,
            _ => base,
        };
        Some(crate::url::resolve(
            base,
            medium.control.as_deref().unwrap_or_default(),
        ))
    }
}

impl Media {
    fn parse(value: &str) -> Self {
        let mut words = value.split_ascii_whitespace();
        let kind = words.next().unwrap_or_default().into();
        let port = words.next().unwrap_or_default();
        let protocol = words.next().unwrap_or_default().into();
        let mut formats = String::new();
        for word in words {
            if !formats.is_empty() {
                formats.push(' ');
            }
            formats.push_str(word);
        }
        Self {
            kind,
            port: port
                .split('/')
                .next()
                .and_then(|port| port.parse().ok())
                .unwrap_or(0),
            protocol,
            formats,
            control: None,
            direction: Direction::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_of_all_kinds() {
        let text = "v=0\r\na=control:*\r\na=range:npt=0-10\r\nm=video 0 RTP/AVP 96\r\na=control:trackID=1\r\n\
                    m=audio 5000/2 RTP/AVP 0 8\na=control:rtsp://h/a\na=recvonly\n";
        let description = Description::parse(text, &Limits::default()).unwrap();
        assert_eq!(description.aggregate_url("rtsp://h/x/"), "rtsp://h/x/");
        assert_eq!(
            description.media_url("rtsp://h/x/", 0).unwrap(),
            "rtsp://h/x/trackID=1"
        );
        assert_eq!(
            description.media_url("rtsp://h/x/", 1).unwrap(),
            "rtsp://h/a"
        );
        assert_eq!(description.media_url("rtsp://h/x/", 2), None);
        assert_eq!(description.media[1].direction, Direction::RecvOnly);
        assert_eq!(
            (
                description.media[1].port,
                description.media[1].formats.as_str()
            ),
            (5000, "0 8")
        );
        assert!(description.range.is_some());
        let many = "m=video 0 RTP/AVP 96\n".repeat(33);
        assert!(Description::parse(&many, &Limits::default()).is_err());
    }
}
