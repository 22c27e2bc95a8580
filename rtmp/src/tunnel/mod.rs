//! RTMPT: the bytes of a connection inside of HTTP requests, for networks that let nothing else through. Over TLS it is RTMPTS, with the
//! handshake of RTMPE inside RTMPTE; both come of putting the pieces together.
//!
//! HTTP itself is the caller's: here are only paths and bodies. A client asks by `POST`, one request at a time, with
//! [`CONTENT_TYPE`]; answers have exactly the same type, a `Content-Length`, and `Cache-Control: no-cache`.
//!
//! ```text
//! POST /open/1              0x00            -> 200  the id of the tunnel, newline
//! POST /send/<id>/<number>  bytes           -> 200  polling byte, bytes
//! POST /idle/<id>/<number>  0x00            -> 200  polling byte, bytes
//! POST /close/<id>/<number> 0x00            -> 200  0x00
//! ```
//!
//! [`Server`] and [`Client`] are one tunnel each; the bytes that they carry are those of a [`server::Session`](crate::server::Session)
//! or [`client::Session`](crate::client::Session), taken from its `poll_transmit` and given to its `handle_input`:
//!
//! ```
//! use fluvial_rtmp::{server, tunnel::{self, Reply, Server, Target}};
//! use std::time::Duration;
//!
//! let now = Duration::ZERO;
//! let mut tunnel = Server::new(tunnel::Config::default(), &mut rand::rng(), now);
//! let mut session = server::Session::new(server::Config::default(), &mut rand::rng(), now);
//! // POST /send/<id>/0 with the first bytes of a handshake:
//! let path = format!("/send/{}/0", tunnel.id());
//! let target: Target = path.parse()?;
//! let accepted = tunnel.handle_request(&target, &[3], now)?;
//! session.handle_input(accepted.input, now);
//! match tunnel.poll_response(accepted.ticket, now, || session.poll_transmit()) {
//!     Reply::Ready(body) => assert_eq!(body[..], [1]), // nothing to tell yet: ask again soon
//!     Reply::Wait(until) => unreachable!("only /idle waits: {until:?}"),
//! }
//! # Ok::<(), tunnel::Refused>(())
//! ```

mod client;
mod server;
mod target;

pub use client::{Client, Request};
pub use server::{Accepted, Config, Reply, Server, Ticket};
pub use target::{Refused, Target};

/// The media type of all requests and answers.
pub const CONTENT_TYPE: &str = "application/x-fcs";

#[cfg(test)]
mod tests;
