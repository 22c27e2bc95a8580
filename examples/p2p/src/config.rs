use crate::turn::peers::Net;
use clap::Parser;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Calls between two browsers: signalling, STUN and TURN.
#[derive(Debug, Clone, Parser)]
#[command(name = "p2p", version)]
#[non_exhaustive]
pub struct Config {
    /// Where to speak HTTP: the page, signalling, metrics; port 0 takes any free one
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:8080")]
    pub http: SocketAddr,

    /// Where to speak STUN and TURN, over UDP and TCP at the same port; port 0 takes any free one
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:3478")]
    pub turn: SocketAddr,

    /// Where to speak TURN over TLS, if at all; port 0 takes any free one
    #[arg(long, value_name = "ADDR")]
    pub turns: Option<SocketAddr>,

    /// The certificate for it with its chain, in PEM; without one made at start, which browsers do not trust
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// Its private key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// What makes the passwords of the time-limited credentials; whoever knows it can make some. Without one made at start
    #[arg(
        long,
        value_name = "SECRET",
        env = "P2P_SECRET",
        hide_env_values = true
    )]
    pub secret: Option<String>,

    /// The realm of the credentials
    #[arg(long, default_value = "fluvial")]
    pub realm: String,

    /// How long credentials let new allocations be made
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    pub ttl: u64,

    /// An address of this machine from which to relay, one for IPv4 and one for IPv6; without, the one that `--turn` is bound to,
    /// or those that this machine would use towards the outside
    #[arg(long = "relay", value_name = "IP")]
    pub relay: Vec<IpAddr>,

    /// The address at which all of this is reached from outside, where a router translates it
    #[arg(long, value_name = "IP")]
    pub external: Option<IpAddr>,

    /// Most allocations of a user at a time
    #[arg(long, value_name = "COUNT", default_value_t = 16)]
    pub user_quota: usize,

    /// Most allocations at a time
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub total_quota: usize,

    /// Relays to private, loopback and link-local addresses too
    #[arg(long)]
    pub allow_private: bool,

    /// A network to relay to whatever else is said, as 10.1.0.0/16; may be given several times
    #[arg(long = "allow-peer", value_name = "CIDR")]
    pub allow_peer: Vec<Net>,

    /// A network not to relay to; may be given several times
    #[arg(long = "deny-peer", value_name = "CIDR")]
    pub deny_peer: Vec<Net>,

    /// Most rooms with somebody in them
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub max_rooms: usize,

    /// Most connections at a time, of HTTP and of TURN each
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub max_connections: usize,
}

impl Default for Config {
    /// What the command line means without arguments.
    fn default() -> Self {
        Self::parse_from(["p2p"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_holds_together() {
        Config::command().debug_assert();
        assert_eq!(Config::default().turn.port(), 3478);
        assert!(Config::try_parse_from(["p2p", "--deny-peer", "1.2.3.4/40"]).is_err());
    }
}
