#![doc = include_str!("../README.md")]

mod config;
mod demo;
mod hub;
mod meter;
mod origin;
mod pipeline;
mod rtmp_server;
mod stream;
mod unit;
mod web;

pub use config::Config;

use common::{Listener, Shutdown};
use hub::Hub;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Longest that HTTP goes on after a shutdown, so that players can fetch the end of their playlists.
const FAREWELL: Duration = Duration::from_secs(5);
/// Longest that connections may take to write what waits for them at a shutdown.
const LAST_WRITES: Duration = Duration::from_secs(1);

/// A running server.
#[derive(Debug)]
pub struct Server {
    hub: Hub,
    /// Cuts publishers and players.
    cut: Shutdown,
    /// Ends HTTP.
    close: Shutdown,
    rtmp: JoinHandle<()>,
    http: JoinHandle<()>,
    rtmp_address: SocketAddr,
    http_address: SocketAddr,
}

impl Server {
    /// Binds both ports and starts to serve.
    ///
    /// # Errors
    /// If a port cannot be had, or the built-in clip cannot be read; the message says which.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let rtmp = Listener::bind("RTMP", config.rtmp, config.max_connections).await?;
        let http = Listener::bind("HTTP", config.http, config.max_connections).await?;
        let (rtmp_address, http_address) = (rtmp.address(), http.address());
        tracing::info!("RTMP listening on rtmp://{rtmp_address}");
        tracing::info!("HTTP listening on http://{http_address}");

        let hub = Hub::new(&config);
        let (cut, close) = (Shutdown::new(), Shutdown::new());
        if config.demo {
            demo::start(&hub, &cut)?;
        }
        tokio::spawn(hub.clone().keep_house(close.clone()));
        let pages = web::Pages {
            hub: hub.clone(),
            rtmp_port: rtmp_address.port(),
            modules: config.web_modules.clone(),
            started: Instant::now(),
        };
        Ok(Self {
            rtmp: tokio::spawn(rtmp_server::serve(rtmp, hub.clone(), config, cut.clone())),
            http: tokio::spawn(web::serve(http, pages, close.clone())),
            hub,
            cut,
            close,
            rtmp_address,
            http_address,
        })
    }

    /// Where RTMP is spoken, with the port that was chosen.
    #[must_use]
    pub const fn rtmp_address(&self) -> SocketAddr {
        self.rtmp_address
    }

    /// Where HTTP is spoken, with the port that was chosen.
    #[must_use]
    pub const fn http_address(&self) -> SocketAddr {
        self.http_address
    }

    /// Ends: publishers are cut, playlists end, and when the players of HLS have seen that, HTTP closes too.
    pub async fn shut_down(self) {
        self.cut.begin();
        self.hub.end_all();
        if tokio::time::timeout(LAST_WRITES, self.rtmp).await.is_err() {
            tracing::warn!("some RTMP connections did not take their last messages");
        }
        if tokio::time::timeout(FAREWELL, self.hub.seen_to_end())
            .await
            .is_err()
        {
            tracing::info!("some HLS players did not come for the end of their playlist");
        }
        self.close.begin();
        if tokio::time::timeout(LAST_WRITES, self.http).await.is_err() {
            tracing::debug!("some HTTP connections were cut");
        }
    }
}
