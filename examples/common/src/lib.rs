#![doc = include_str!("../README.md")]

pub mod fanout;
mod http;
mod listener;
mod log;
mod outbox;
mod pipe;
pub mod reach;
mod shutdown;
mod socket;
pub mod stun;
mod tls;

pub use fanout::Fanout;
pub use http::serve_http;
pub use listener::Listener;
pub use log::{init_log, init_log_with};
pub use outbox::Outbox;
pub use pipe::Pipe;
pub use shutdown::{Shutdown, on_hangup, termination};
pub use socket::Socket;
pub use tls::Tls;
