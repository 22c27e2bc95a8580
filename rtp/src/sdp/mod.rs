//! Session descriptions (RFC 8866): tracks to media descriptions and back.
//!
//! ```
//! use fluvial_rtp::sdp;
//! use media::TrackId;
//!
//! let text = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=camera\r\nt=0 0\r\n\
//!     m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/48000/2\r\n\
//!     a=fmtp:97 mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1190\r\na=control:trackID=1\r\n";
//! let session = sdp::parse(text.as_bytes())?;
//! let media = sdp::media(&session);
//! assert_eq!(media[0].control.as_deref(), Some("trackID=1"));
//! let stream = media[0].stream(TrackId(1)).unwrap();
//! assert_eq!(stream.codec.unwrap().channels(), Some(2));
//! # Ok::<(), fluvial_rtp::Error>(())
//! ```

mod read;
mod write;

pub use read::{Media, MediaFormat, media, parse};
pub use sdp_types::{Attribute, Session};
#[cfg(feature = "srtp")]
pub use write::protect;
pub use write::{describe, media_of, session, to_text};

#[cfg(test)]
mod tests;
