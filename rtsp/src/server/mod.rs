//! A server's side: one connection and the session on it.
//!
//! The run loop: one input, then drain events, drain transmits, then wait for input or the deadline.
//!
//! ```
//! use core::time::Duration;
//! use fluvial_rtsp::server::{Config, Event, Session};
//!
//! let mut session = Session::new(Config::default(), &mut rand::rng(), Duration::ZERO);
//! session.handle_input(b"DESCRIBE rtsp://h/live/x RTSP/1.0\r\nCSeq: 1\r\n\r\n", Duration::ZERO);
//! while let Some(event) = session.poll_event()? {
//!     if let Event::DescribeRequested(request) = event {
//!         assert_eq!(request.url.path, "/live/x");
//!         session.describe(request.id, "v=0\r\nm=video 0 RTP/AVP 96\r\na=control:trackID=0\r\n")?;
//!     }
//! }
//! assert!(session.poll_transmit().unwrap().starts_with(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n"));
//! # Ok::<(), fluvial_rtsp::Error>(())
//! ```

mod active;
mod answers;
mod event;
mod requests;
mod session;

pub use event::{
    Announce, CloseReason, Describe, Event, Parameters, Pause, Play, PlayAnswer, Record, RequestId,
    Setup,
};
pub use session::Session;

use crate::auth;
use crate::{Limits, Method};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// The feature by which clients ask for a way back to a camera (ONVIF Streaming Specification §5.3.1).
pub const ONVIF_BACKCHANNEL: &str = "www.onvif.org/ver20/backchannel";

/// How a server's sessions are.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// What the server calls itself.
    pub name: String,
    /// After how long without a sign of life a session ends, whole seconds. Default 60.
    pub timeout: Duration,
    /// How long a client may take for its first request. Default 10 seconds.
    pub connect: Duration,
    /// Who may come, and how that is asked. Default everybody.
    pub users: Option<Arc<Users>>,
    /// Features that clients may require. Default those of RTSP 2.0 that this crate has.
    pub features: Vec<String>,
    /// Methods that are offered. Default all that a server has.
    pub methods: Vec<Method>,
    /// What a peer can make us hold.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: concat!("fluvial-rtsp/", env!("CARGO_PKG_VERSION")).into(),
            timeout: Duration::from_secs(60),
            connect: Duration::from_secs(10),
            users: None,
            features: ["play.basic", "play.scale", "setup.rtp.rtcp.mux"]
                .map(String::from)
                .to_vec(),
            methods: alloc::vec![
                Method::Options,
                Method::Describe,
                Method::Announce,
                Method::Setup,
                Method::Play,
                Method::Pause,
                Method::Record,
                Method::Teardown,
                Method::GetParameter,
                Method::SetParameter,
            ],
            limits: Limits::default(),
        }
    }
}

/// Who may come.
pub struct Users {
    /// How they are asked.
    pub auth: auth::Config,
    /// Names and passwords.
    pub users: Vec<(String, String)>,
}

impl fmt::Debug for Users {
    /// Without passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.users.iter().map(|(name, _)| name).collect();
        f.debug_struct("Users")
            .field("auth", &self.auth)
            .field("users", &names)
            .finish()
    }
}
