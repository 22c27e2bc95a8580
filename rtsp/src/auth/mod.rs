//! Who asks: Basic (RFC 7617) and Digest (RFC 2617, RFC 7616) with MD5 and SHA-256, both sides.
//!
//! ```
//! use fluvial_rtsp::{Method, auth};
//! use core::time::Duration;
//!
//! let server = auth::Server::new(auth::Config::new("cameras"), [7; 32]);
//! let mut client = auth::Client::new("user", "secret", 1);
//! let now = Duration::ZERO;
//! assert!(client.choose(&server.challenges(now, false)));
//! let answer = client.answer(&Method::Play, "rtsp://h/x").unwrap();
//! let password = |user: &str| (user == "user").then_some("secret");
//! assert_eq!(server.verify(Some(&answer), &Method::Play, "rtsp://h/x", password, now), Ok(()));
//! ```

mod client;
mod digest;
mod server;

pub use client::Client;
pub use server::{Config, Denied, Server};
