//! Headers by type (RFC 2326 §12; RFC 7826 §18).
//!
//! ```
//! use fluvial_rtsp::Headers;
//! use fluvial_rtsp::headers::{Session, Transports};
//!
//! let mut headers = Headers::new();
//! headers.push("Session", "4711;timeout=30");
//! let session: Session = headers.typed()?.unwrap();
//! assert_eq!((session.id.as_str(), session.timeout), ("4711", Some(30)));
//! assert_eq!(headers.typed::<Transports>()?, None);
//! # Ok::<(), fluvial_rtsp::Error>(())
//! ```

mod authenticate;
mod key_mgmt;
pub mod name;
mod notify;
mod range;
mod rtp_info;
mod session;
mod simple;
mod transport;

pub use authenticate::{
    Algorithm, AuthenticationInfo, Authorization, Challenge, Credentials, ProxyAuthenticate,
    ProxyAuthorization, WwwAuthenticate,
};
pub use key_mgmt::{KeyMgmt, KeyMgmts};
pub use notify::{
    MediaProperties, MediaRange, NotifyReason, Property, RequestStatus, SeekStyle, TerminateReason,
};
pub use range::{Clock, FrameRate, Npt, Range, Smpte, Span};
pub use rtp_info::{RtpInfo, RtpInfoEntry};
pub use session::Session;
pub use simple::*;
pub use transport::{Delivery, Lower, Mode, Ports, Profile, Transport, Transports};

use crate::Error;
use core::fmt::Display;

/// A header's value.
pub trait Header: Sized + Display {
    /// Its name.
    const NAME: &'static str;

    /// Reads a value.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the field, its value and its offset in `value`.
    fn parse(value: &str) -> Result<Self, Error>;
}
