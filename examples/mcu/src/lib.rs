#![doc = include_str!("../README.md")]

mod call;
mod config;
#[cfg(test)]
mod hardship;
pub mod layout;
pub mod picture;
mod requests;
pub mod room;
mod rooms;
pub mod sound;
pub mod timeline;
mod web;

pub use config::Config;

use clap::Parser;
use common::{Listener, Shutdown};
use rooms::Rooms;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Longest that HTTP goes on after a shutdown.
const FAREWELL: Duration = Duration::from_secs(2);

/// A running server.
#[derive(Debug)]
pub struct Server {
    streams: streaming_server::Server,
    /// Ends clients of WebRTC.
    cut: Shutdown,
    /// Ends HTTP and the rooms.
    close: Shutdown,
    keeping: JoinHandle<()>,
    http: JoinHandle<()>,
    http_address: SocketAddr,
    udp_address: SocketAddr,
}

impl Server {
    /// Binds all ports and starts to serve.
    ///
    /// # Errors
    /// If a port cannot be had, or a camera's address is none; the message says which.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let listener = Listener::bind("HTTP", config.http, config.max_connections).await?;
        let http_address = listener.address();
        let (cut, close) = (Shutdown::new(), Shutdown::new());
        let desk = common::webrtc::Desk::open(
            config.udp,
            &config.announce,
            config.max_connections,
            cut.clone(),
        )?;
        let udp_address = desk.address();
        let rooms = Rooms::new(config.settings(), config.max_rooms);
        let (streams, pages) =
            streaming_server::Server::embed(inner(&config), Arc::new(rooms.clone()), desk.clone())
                .await?;
        tracing::info!("UDP listening on {udp_address}");
        tracing::info!("HTTP listening on http://{http_address}");
        let keeping = tokio::spawn(rooms.clone().keep(streams.handle(), close.clone()));
        for (room, who, url) in &config.pulls {
            let pulled = rooms.pull(&streams.handle(), room, who, url);
            pulled.map_err(|error| anyhow::anyhow!("{room}/{who}: {error}"))?;
        }
        let site = web::Site {
            rooms,
            desk,
            streams: streams.handle(),
            has_folder: config.record.is_some(),
        };
        let app = web::router(site, pages);
        let http = tokio::spawn(common::serve_http(listener, app, close.clone()));
        Ok(Self {
            streams,
            cut,
            close,
            keeping,
            http,
            http_address,
            udp_address,
        })
    }

    /// Where HTTP is spoken, with the port that was chosen.
    #[must_use]
    pub const fn http_address(&self) -> SocketAddr {
        self.http_address
    }

    /// Where media of browsers goes.
    #[must_use]
    pub const fn udp_address(&self) -> SocketAddr {
        self.udp_address
    }

    /// Where RTMP is spoken.
    #[must_use]
    pub const fn rtmp_address(&self) -> SocketAddr {
        self.streams.rtmp_address()
    }

    /// Where RTSP is spoken.
    #[must_use]
    pub const fn rtsp_address(&self) -> Option<SocketAddr> {
        self.streams.rtsp_address()
    }

    /// Ends: everybody is told, recordings are closed, and players of HLS get the end of their playlist.
    pub async fn shut_down(self) {
        self.cut.begin();
        self.close.begin();
        // Rooms let go of their programs, so that those can end.
        let _ = self.keeping.await;
        self.streams.shut_down().await;
        if tokio::time::timeout(FAREWELL, self.http).await.is_err() {
            tracing::debug!("some HTTP connections were cut");
        }
    }
}

/// What the streaming server inside is to do.
fn inner(config: &Config) -> streaming_server::Config {
    let mut inner = streaming_server::Config::parse_from(["mcu", "--no-demo"]);
    inner.rtmp = config.rtmp;
    inner.rtsp = Some(config.rtsp);
    inner.record.clone_from(&config.record);
    inner.max_connections = config.max_connections;
    // The mix is to be seen soon.
    inner.merge = Duration::from_millis(10);
    inner
}
