//! A client's side: one connection and the session on it, to play or to record.
//!
//! Each step is asked for by a method and told by an event; requests wait for the answers to those before them. Challenges,
//! signs of life, and what cameras get wrong are seen to here.
//!
//! ```
//! use core::time::Duration;
//! use fluvial_rtsp::client::{Config, Event, Session};
//! use fluvial_rtsp::headers::{Range, Transport};
//!
//! let now = Duration::ZERO;
//! let mut session = Session::new(Config::new("rtsp://camera/live".parse()?), &mut rand::rng(), now);
//! session.describe(now);
//! # let mut answers = ["RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 21\r\n\r\nm=video 0 RTP/AVP 96\n",
//! #     "RTSP/1.0 200 OK\r\nCSeq: 2\r\nSession: 7\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n",
//! #     "RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 7\r\n\r\n$\0\0\x01x"].into_iter();
//! # let mut receive = move || answers.next().unwrap().as_bytes();
//! # let send = |_| ();
//! 'playing: loop {
//!     while let Some(bytes) = session.poll_transmit() {
//!         send(bytes);
//!     }
//!     session.handle_input(receive(), now);
//!     while let Some(event) = session.poll_event()? {
//!         match event {
//!             Event::Described { .. } => session.setup(0, Transport::tcp((0, 1)), now)?,
//!             Event::SetUp { .. } => session.play(Some(Range::from(Duration::ZERO)), None, now)?,
//!             Event::Packet { media: 0, data, .. } => {
//!                 assert_eq!(data, "x");
//!                 break 'playing;
//!             }
//!             _ => {}
//!         }
//!     }
//! }
//! # Ok::<(), fluvial_rtsp::Error>(())
//! ```

mod answers;
mod event;
mod session;

pub use event::{CloseReason, Event};
pub use session::Session;

use crate::{Limits, Url, Version};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

/// How a client's session is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Of what. Name and password in it are used where the server asks for them, and not sent otherwise.
    pub url: Url,
    /// What the client calls itself.
    pub user_agent: String,
    /// The version that is spoken. Default 1.0, which everybody knows.
    pub version: Version,
    /// Features that are required: [`ONVIF_BACKCHANNEL`](crate::server::ONVIF_BACKCHANNEL), say.
    pub require: Vec<String>,
    /// How long the server may take to answer. Default 10 seconds.
    pub response: Duration,
    /// How long to wait for the rest of a description whose length may have been told wrong. Default 2 seconds.
    pub body: Duration,
    /// What the server can make us hold.
    pub limits: Limits,
}

impl Config {
    /// The defaults for an address.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self {
            url,
            user_agent: concat!("fluvial-rtsp/", env!("CARGO_PKG_VERSION")).into(),
            version: Version::V1_0,
            require: Vec::new(),
            response: Duration::from_secs(10),
            body: Duration::from_secs(2),
            limits: Limits::default(),
        }
    }
}
