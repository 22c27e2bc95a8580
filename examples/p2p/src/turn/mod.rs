//! STUN and TURN: a state machine of `turn-server-proto` for each client, behind a gate that keeps no state for strangers.

mod client;
pub mod credentials;
mod frame;
mod gate;
mod kept;
mod nonces;
mod pair;
pub mod peers;
mod relay;
mod stream;
mod tcp;
mod udp;
pub mod users;

pub(crate) use gate::Gate;
use peers::Policy;
pub(crate) use relay::Relays;
pub(crate) use stream::serve as serve_stream;
use tcp::Waiting;
use tokio::net::UdpSocket;
pub(crate) use udp::{socket as udp_socket, threads};
use users::Users;

/// What all clients share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) realm: String,
    pub(crate) policy: Policy,
    pub(crate) users: Users,
    pub(crate) relays: Relays,
    pub(crate) gate: Gate,
    /// Connections of peers.
    pub(crate) waiting: Waiting,
    /// Ports after even ones.
    pub(crate) reserved: kept::Kept<relay::Relay<UdpSocket>>,
}

/// Seconds since 1970.
pub(crate) fn unix_time() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    // A clock before 1970 lets nothing expire.
    since.map_or(0, |since| since.as_secs())
}
