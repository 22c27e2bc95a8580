#![doc = include_str!("../README.md")]

mod captions;
mod config;
mod cue;
mod demo;
pub mod embed;
mod family;
mod hub;
mod keys;
mod live_files;
mod meter;
mod origin;
mod pipeline;
mod recorded;
mod respond;
mod rtmp_server;
mod rtsp_server;
mod secure;
mod store;
mod stream;
mod timed;
mod tunnel;
mod unit;
mod vod;
mod web;
mod webrtc;

pub use config::{Addressing, Config};

use common::{Listener, Shutdown, Tls};
use embed::{Handle, Intake};
use hub::Hub;
use rtmp_server::Gate;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Longest that HTTP goes on after a shutdown, so that players can fetch the end of their playlists.
const FAREWELL: Duration = Duration::from_secs(5);
/// Longest that connections may take to write what waits for them at a shutdown.
const LAST_WRITES: Duration = Duration::from_secs(1);

/// The address of what is not served.
const UNBOUND: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// A running server.
#[derive(Debug)]
pub struct Server {
    hub: Hub,
    /// Cuts publishers and players.
    cut: Shutdown,
    /// Ends HTTP.
    close: Shutdown,
    /// The listeners of RTMP, naked and wrapped.
    rtmp: Vec<JoinHandle<()>>,
    /// None inside of another server.
    http: Option<(SocketAddr, JoinHandle<()>)>,
    rtmp_address: SocketAddr,
    rtmps_address: Option<SocketAddr>,
    rtmpt_address: Option<SocketAddr>,
    rtmpts_address: Option<SocketAddr>,
    tls: Option<Tls>,
    rtsp_address: Option<SocketAddr>,
    rtsps_address: Option<SocketAddr>,
}

impl Server {
    /// Binds all ports and starts to serve.
    ///
    /// # Errors
    /// If a port cannot be had, or the certificate, the built-in clip or the folder of files cannot be read; the message says which.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let http = Listener::bind("HTTP", config.http, config.max_connections).await?;
        let address = http.address();
        tracing::info!("HTTP listening on http://{address}");
        let (cut, close) = (Shutdown::new(), Shutdown::new());
        let desk = common::webrtc::Desk::open(
            config.webrtc,
            &config.announce,
            config.max_connections,
            cut.clone(),
        )?;
        tracing::info!("WHIP and WHEP: media at udp://{}", desk.address());
        let (address_of_rtmp, modules) = (Some(config.rtmp), config.web_modules.clone());
        let (mut server, library) =
            Self::set_up(config, address_of_rtmp, None, cut, close.clone()).await?;
        let pages = server.pages(library, desk, modules);
        let serving = tokio::spawn(common::serve_http(http, pages, close));
        server.http = Some((address, serving));
        Ok(server)
    }

    /// The same inside of another server, which serves the pages, has the port of UDP, and gets what is published.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn embed(
        config: Config,
        intake: Arc<dyn Intake>,
        desk: common::webrtc::Desk,
    ) -> anyhow::Result<(Self, axum::Router)> {
        let (cut, close) = (Shutdown::new(), Shutdown::new());
        let (address_of_rtmp, modules) = (Some(config.rtmp), config.web_modules.clone());
        let (server, library) =
            Self::set_up(config, address_of_rtmp, Some(intake), cut, close).await?;
        let pages = server.pages(library, desk, modules);
        Ok((server, pages))
    }

    /// Only what takes streams in, inside of another server: RTMP where an address is given, RTSP where the configuration has one, and
    /// cameras.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn take_in(
        config: Config,
        rtmp: Option<SocketAddr>,
        intake: Arc<dyn Intake>,
    ) -> anyhow::Result<Self> {
        let (cut, close) = (Shutdown::new(), Shutdown::new());
        let (server, _) = Self::set_up(config, rtmp, Some(intake), cut, close).await?;
        Ok(server)
    }

    async fn set_up(
        config: Config,
        address_of_rtmp: Option<SocketAddr>,
        intake: Option<Arc<dyn Intake>>,
        cut: Shutdown,
        close: Shutdown,
    ) -> anyhow::Result<(Self, Option<vod::Library>)> {
        let rtmp = bind("RTMP", address_of_rtmp, &config).await?;
        let secure = config.rtmps.or(config.rtmpts).or(config.rtsps).is_some();
        let tls = secure
            .then(|| Tls::new(config.tls_cert.as_deref(), config.tls_key.as_deref()))
            .transpose()?;
        let rtmps = bind("RTMPS", config.rtmps, &config).await?;
        let rtmpt = bind("RTMPT", config.rtmpt, &config).await?;
        let rtmpts = bind("RTMPTS", config.rtmpts, &config).await?;
        let rtsp = bind("RTSP", config.rtsp, &config).await?;
        let rtsps = bind("RTSPS", config.rtsps, &config).await?;
        let address = |listener: &Option<Listener>| listener.as_ref().map(Listener::address);
        let (rtsp_address, rtsps_address) = (address(&rtsp), address(&rtsps));
        let rtmp_address = address(&rtmp).unwrap_or(UNBOUND);
        let (rtmps_address, rtmpt_address, rtmpts_address) =
            (address(&rtmps), address(&rtmpt), address(&rtmpts));

        let hub = Hub::new(&config, intake);
        if config.demo {
            demo::start(&hub, &cut)?;
        }
        tokio::spawn(hub.clone().keep_house(close.clone()));
        let library = config.vod.as_deref().map(vod::Library::new).transpose()?;
        let gate = Gate::new(hub.clone(), &config, cut.clone());
        let mut serving = Vec::new();
        if let Some(listener) = rtmp {
            serving.push(tokio::spawn(rtmp_server::serve(listener, gate.clone())));
        }
        let max = config.max_connections;
        if let Some(tls) = &tls {
            tokio::spawn(tls.clone().keep_fresh());
        }
        let kept = tls.clone();
        if let (Some(listener), Some(tls)) = (rtmps, &tls) {
            serving.push(tokio::spawn(secure::serve(
                listener,
                tls.clone(),
                gate.clone(),
            )));
        }
        let secure_rtsp = tls.clone();
        for (listener, tls) in [(rtmpt, None), (rtmpts, tls)] {
            if let Some(listener) = listener {
                serving.push(tokio::spawn(tunnel::serve(
                    listener,
                    tls,
                    gate.clone(),
                    max,
                )));
            }
        }
        if let Some(address) = rtsp_address.or(rtsps_address) {
            let gate =
                rtsp_server::Gate::new(hub.clone(), library.clone(), &config, address, cut.clone())
                    .await?;
            for (listener, tls) in [(rtsp, None), (rtsps, secure_rtsp)] {
                if let Some(listener) = listener {
                    serving.push(tokio::spawn(rtsp_server::serve(
                        listener,
                        tls,
                        gate.clone(),
                    )));
                }
            }
        }
        for pull in config.pulls {
            tokio::spawn(rtsp_server::pull::keep(pull, hub.clone(), cut.clone()));
        }
        let server = Self {
            rtmp: serving,
            http: None,
            hub,
            cut,
            close,
            rtmp_address,
            rtmps_address,
            rtmpt_address,
            rtmpts_address,
            tls: kept,
            rtsp_address,
            rtsps_address,
        };
        Ok((server, library))
    }

    /// What is shown by HTTP.
    fn pages(
        &self,
        library: Option<vod::Library>,
        desk: common::webrtc::Desk,
        modules: PathBuf,
    ) -> axum::Router {
        web::router(web::Pages {
            desk: webrtc::Desk::new(self.hub.clone(), desk),
            hub: self.hub.clone(),
            library,
            rtmp_port: self.rtmp_address.port(),
            modules,
            started: Instant::now(),
        })
    }

    /// For who has this server inside.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(self.hub.clone(), self.cut.clone())
    }

    /// What reads the certificate's files again, for who is told that they have changed; without, they are looked at every 2 seconds.
    #[must_use]
    pub fn tls(&self) -> Option<Tls> {
        self.tls.clone()
    }

    /// Where RTMP is spoken, with the port that was chosen; nowhere, where it was not asked for.
    #[must_use]
    pub const fn rtmp_address(&self) -> SocketAddr {
        self.rtmp_address
    }

    /// Where RTMPS is spoken, if it is.
    #[must_use]
    pub const fn rtmps_address(&self) -> Option<SocketAddr> {
        self.rtmps_address
    }

    /// Where RTMPT is spoken, if it is.
    #[must_use]
    pub const fn rtmpt_address(&self) -> Option<SocketAddr> {
        self.rtmpt_address
    }

    /// Where RTMPTS is spoken, if it is.
    #[must_use]
    pub const fn rtmpts_address(&self) -> Option<SocketAddr> {
        self.rtmpts_address
    }

    /// Where RTSP is spoken, if it is.
    #[must_use]
    pub const fn rtsp_address(&self) -> Option<SocketAddr> {
        self.rtsp_address
    }

    /// Where RTSPS is spoken, if it is.
    #[must_use]
    pub const fn rtsps_address(&self) -> Option<SocketAddr> {
        self.rtsps_address
    }

    /// Where HTTP is spoken, with the port that was chosen; inside of another server nowhere.
    #[must_use]
    pub fn http_address(&self) -> SocketAddr {
        self.http.as_ref().map_or(UNBOUND, |(address, _)| *address)
    }

    /// Ends: publishers are cut, playlists end, and when the players of HLS have seen that, HTTP closes too.
    pub async fn shut_down(self) {
        self.cut.begin();
        self.hub.end_all();
        let ended = async {
            for serving in self.rtmp {
                // One that panicked has ended too.
                let _ = serving.await;
            }
        };
        if tokio::time::timeout(LAST_WRITES, ended).await.is_err() {
            tracing::warn!("some RTMP connections did not take their last messages");
        }
        if tokio::time::timeout(FAREWELL, self.hub.seen_to_end())
            .await
            .is_err()
        {
            tracing::info!("some HLS players did not come for the end of their playlist");
        }
        if tokio::time::timeout(FAREWELL, self.hub.recorded())
            .await
            .is_err()
        {
            tracing::warn!(
                "some recordings are not closed: they play up to their last half second"
            );
        }
        self.close.begin();
        let Some((_, http)) = self.http else {
            return;
        };
        if tokio::time::timeout(LAST_WRITES, http).await.is_err() {
            tracing::debug!("some HTTP connections were cut");
        }
    }
}

/// Binds a port that may not be asked for.
async fn bind(
    what: &str,
    address: Option<SocketAddr>,
    config: &Config,
) -> anyhow::Result<Option<Listener>> {
    let Some(address) = address else {
        return Ok(None);
    };
    let listener = Listener::bind(what, address, config.max_connections).await?;
    let scheme = what.to_ascii_lowercase();
    tracing::info!("{what} listening on {scheme}://{}", listener.address());
    Ok(Some(listener))
}
