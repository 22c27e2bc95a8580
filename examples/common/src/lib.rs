#![doc = include_str!("../README.md")]

pub mod fanout;
mod listener;
mod log;
mod outbox;
mod shutdown;
mod socket;
mod tls;

pub use fanout::Fanout;
pub use listener::Listener;
pub use log::init_log;
pub use outbox::Outbox;
pub use shutdown::{Shutdown, termination};
pub use socket::Socket;
pub use tls::Tls;
