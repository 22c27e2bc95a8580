#![doc = include_str!("../README.md")]

mod config;
mod ice;
pub mod message;
pub mod rooms;
mod signal;
pub mod turn;
mod web;

pub use config::Config;

use anyhow::Context as _;
use common::{Listener, Shutdown, Tls};
use ice::Ice;
use signal::Office;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use turn::credentials::Secret;
use turn::peers::Policy;
use turn::users::Users;

/// Longest that anything goes on after a shutdown.
const FAREWELL: Duration = Duration::from_secs(2);
/// How often two ports of the same number are looked for, where any will do.
const TRIES: usize = 20;

/// A running server.
#[derive(Debug)]
pub struct Server {
    office: Office,
    close: Shutdown,
    tasks: JoinSet<()>,
    http_address: SocketAddr,
    turn_address: SocketAddr,
    turns_address: Option<SocketAddr>,
}

impl Server {
    /// Binds the ports and starts to serve.
    ///
    /// # Errors
    /// If a port cannot be had or a certificate not be read; the message says which.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let (udp, tcp) = bind(config.turn, config.max_connections).await?;
        let turn_address = tcp.address();
        let turns = match config.turns {
            None => None,
            Some(address) => {
                let tls = Tls::new(config.tls_cert.as_deref(), config.tls_key.as_deref())?;
                let listener =
                    Listener::bind("TURN over TLS", address, config.max_connections).await?;
                Some((listener, tls))
            }
        };
        let turns_address = turns.as_ref().map(|(listener, _)| listener.address());
        let listener = Listener::bind("HTTP", config.http, config.max_connections).await?;
        let http_address = listener.address();

        let secret = config
            .secret
            .as_deref()
            .map_or_else(Secret::random, Secret::new);
        let users = Users::new(config.user_quota, config.total_quota);
        let context = Arc::new(turn::Context {
            gate: turn::Gate::new(secret.clone(), config.realm.clone(), users.clone()),
            realm: config.realm,
            policy: Policy {
                allowed: config.allow_peer,
                denied: config.deny_peer,
                private: config.allow_private,
            },
            relays: turn::Relays::new(turn_address.ip(), &config.relay, config.external),
            users,
            waiting: Default::default(),
            reserved: Default::default(),
        });
        let ice = Arc::new(Ice {
            secret,
            ttl: config.ttl,
            turn: turn_address,
            turns: turns_address,
            external: config.external,
        });
        tracing::info!("TURN listening on {turn_address}");
        if let Some(address) = turns_address {
            tracing::info!("TURN over TLS listening on {address}");
        }
        tracing::info!("HTTP listening on http://{http_address}");

        let office = Office::new(config.max_rooms);
        let close = Shutdown::new();
        let mut tasks = JoinSet::new();
        let site = web::Site {
            office: office.clone(),
            ice,
            turn: Arc::clone(&context),
        };
        tasks.spawn(web::serve(listener, site, close.clone()));
        for thread in turn::threads(udp, turn_address)? {
            let serve = thread.serve(turn_address, Arc::clone(&context), close.clone());
            tasks.spawn_blocking(serve);
        }
        tasks.spawn(turn::serve_stream(
            tcp,
            None,
            Arc::clone(&context),
            close.clone(),
        ));
        if let Some((listener, tls)) = turns {
            let fresh = tls.clone();
            let until = close.clone();
            tasks.spawn(async move {
                tokio::select! {
                    () = fresh.keep_fresh() => until.wait().await,
                    () = until.wait() => {}
                }
            });
            tasks.spawn(turn::serve_stream(
                listener,
                Some(tls),
                context,
                close.clone(),
            ));
        }
        Ok(Self {
            office,
            close,
            tasks,
            http_address,
            turn_address,
            turns_address,
        })
    }

    /// Where HTTP is spoken, with the port that was chosen.
    #[must_use]
    pub const fn http_address(&self) -> SocketAddr {
        self.http_address
    }

    /// Where STUN and TURN are spoken, over UDP and TCP, with the port that was chosen.
    #[must_use]
    pub const fn turn_address(&self) -> SocketAddr {
        self.turn_address
    }

    /// Where TURN is spoken over TLS, if it is.
    #[must_use]
    pub const fn turns_address(&self) -> Option<SocketAddr> {
        self.turns_address
    }

    /// Ends: everybody is shown out, and all allocations are gone. Calls that go past the server go on.
    pub async fn shut_down(mut self) {
        self.close.begin();
        self.office.close();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, ended).await.is_err() {
            tracing::debug!("some connections were cut");
        }
    }
}

/// UDP and TCP at the same port.
async fn bind(address: SocketAddr, most: usize) -> anyhow::Result<(UdpSocket, Listener)> {
    let mut tries = 1;
    loop {
        let tcp = Listener::bind("TURN", address, most).await?;
        match turn::udp_socket(tcp.address()) {
            Ok(udp) => return Ok((udp, tcp)),
            // Somebody has this port for UDP: another may be free for both.
            Err(_) if address.port() == 0 && tries < TRIES => tries += 1,
            Err(error) => {
                let failed = format!("cannot listen for TURN on UDP {}", tcp.address());
                return Err(error).context(failed);
            }
        }
    }
}
