#![doc = include_str!("../README.md")]

pub mod fanout;
mod http;
mod json_socket;
mod listener;
mod log;
mod metrics;
#[cfg(feature = "order")]
pub mod order;
mod outbox;
pub mod page;
mod pipe;
pub mod process;
pub mod reach;
#[cfg(feature = "record")]
pub mod record;
#[cfg(feature = "rtmp")]
pub mod rtmp;
mod run;
mod shutdown;
mod socket;
#[cfg(feature = "sound")]
pub mod sound;
pub mod stun;
mod tls;
#[cfg(feature = "webrtc")]
pub mod webrtc;

pub use fanout::Fanout;
pub use http::serve_http;
pub use json_socket::JsonSocket;
pub use listener::Listener;
pub use log::init_log;
pub use metrics::Metrics;
pub use outbox::Outbox;
pub use pipe::Pipe;
pub use run::{run, until_terminated, until_terminated_or_done};
pub use shutdown::{Shutdown, on_hangup, termination};
pub use socket::Socket;
pub use tls::Tls;
