#![doc = include_str!("../README.md")]

mod cluster;
mod config;
mod depacketize;
mod directory;
mod forward;
mod ingest;
pub mod message;
mod record;
pub mod room;
mod signal;
mod switchboard;
mod tcp;
mod udp;
mod web;
mod whip;
mod worker;

pub use config::Config;

use anyhow::Context;
use cluster::Cluster;
use common::record::Recordings;
use common::{Listener, Shutdown, reach};
use directory::Directory;
use ingest::Streams;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use switchboard::Switchboard;
use tokio::sync::mpsc;
use udp::Port;
use worker::{COMMANDS, Command, Worker};

/// Longest that HTTP goes on after a shutdown.
const FAREWELL: Duration = Duration::from_secs(2);

/// A running server.
#[derive(Debug)]
pub struct Server {
    switchboard: Switchboard,
    recordings: Option<Recordings>,
    threads: Vec<JoinHandle<()>>,
    streams: Streams,
    close: Shutdown,
    http: tokio::task::JoinHandle<()>,
    cluster: Option<tokio::task::JoinHandle<()>>,
    http_address: SocketAddr,
    udp_address: SocketAddr,
}

impl Server {
    /// Binds the ports and starts to serve.
    ///
    /// # Errors
    /// If a port cannot be had or no certificate can be made; the message says which.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let listener = Listener::bind("HTTP", config.http, config.max_connections).await?;
        let http_address = listener.address();
        let count = match config.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            count => count,
        };
        let first = udp::bind(config.udp)?;
        let udp_address = first
            .local_addr()
            .context("a bound socket has an address")?;
        let tcp = listen_for_tcp(&config, udp_address).await?;
        let tcp_address = tcp.address();
        let mut sockets = vec![first];
        while sockets.len() < count {
            sockets.push(udp::bind(udp_address)?);
        }
        let crypto = Arc::new(common::webrtc::crypto());
        let certificate = crypto
            .dtls_provider
            .generate_certificate()
            .context("cannot make a certificate")?;
        let room_config = Arc::new(room::Config {
            certificate,
            crypto,
            addresses: reach::addresses(udp_address, &config.announce),
            tcp_addresses: reach::addresses(tcp_address, &config.announce),
            max_peers: config.max_peers,
            max_audio: config.max_audio,
            max_video: config.max_video,
            takes: config.record.is_some(),
        });
        let recordings = config.record.as_deref().map(Recordings::new);
        let (commands, inboxes): (Vec<_>, Vec<_>) =
            (0..count).map(|_| mpsc::channel(COMMANDS)).unzip();
        let directory = Arc::<Directory>::default();
        let switchboard = Switchboard::new(commands.clone());
        let close = Shutdown::new();
        let (cluster, local) = match &config.cluster {
            Some(server) => {
                let settings = cluster::Settings {
                    server: server.clone(),
                    url: config.url.clone().unwrap_or_else(|| {
                        let all = reach::addresses(http_address, &config.announce);
                        let address = all.first().copied().unwrap_or(http_address);
                        format!("http://{address}")
                    }),
                    bind: config.relay,
                    announce: config.announce.clone(),
                };
                let (cluster, inputs) = Cluster::join(settings, switchboard.clone()).await?;
                let (sender, local) = mpsc::channel(cluster::WAITING);
                let task = tokio::spawn(cluster.run(inputs, local, close.clone()));
                (Some(task), Some(sender))
            }
            None => (None, None),
        };
        let mut threads = Vec::new();
        for (index, (socket, inbox)) in sockets.into_iter().zip(inboxes).enumerate() {
            let worker = Worker::new(
                index,
                Arc::clone(&room_config),
                config.max_rooms,
                Arc::clone(&directory),
                commands.clone(),
                recordings.clone(),
                local.clone(),
            );
            let thread = std::thread::Builder::new().name(format!("rooms-{index}"));
            let thread = thread.spawn(move || run(worker, socket, inbox));
            threads.push(thread.context("cannot start a thread")?);
        }
        let streams = Streams::start(&config, switchboard.clone()).await?;
        tracing::info!("UDP listening on {udp_address}");
        tracing::info!("TCP listening on {tcp_address}");
        tracing::info!("HTTP listening on http://{http_address}");
        tokio::spawn(tcp::serve(tcp, directory, commands, close.clone()));
        let http = tokio::spawn(web::serve(
            listener,
            switchboard.clone(),
            ingest::http::Office::new(&streams),
            close.clone(),
        ));
        Ok(Self {
            switchboard,
            recordings,
            threads,
            streams,
            close,
            http,
            cluster,
            http_address,
            udp_address,
        })
    }

    /// Where HTTP is spoken, with the port that was chosen.
    #[must_use]
    pub const fn http_address(&self) -> SocketAddr {
        self.http_address
    }

    /// Where media goes, with the port that was chosen.
    #[must_use]
    pub const fn udp_address(&self) -> SocketAddr {
        self.udp_address
    }

    /// Where RTMP is spoken, if it was asked for.
    #[must_use]
    pub fn rtmp_address(&self) -> Option<SocketAddr> {
        Some(self.streams.rtmp_address()).filter(|address| address.port() != 0)
    }

    /// Where RTSP is spoken, if it was asked for.
    #[must_use]
    pub const fn rtsp_address(&self) -> Option<SocketAddr> {
        self.streams.rtsp_address()
    }

    /// Waits until nobody is left after `POST /drain?end`.
    pub async fn emptied(&self) {
        self.switchboard.emptied().await;
    }

    /// Ends: everybody is told, and all connections are closed.
    pub async fn shut_down(self) {
        self.switchboard.tell_all(|| Command::Drain).await;
        self.streams.shut_down().await;
        self.switchboard.tell_all(|| Command::End).await;
        self.close.begin();
        if tokio::time::timeout(FAREWELL, self.http).await.is_err() {
            tracing::debug!("some HTTP connections were cut");
        }
        if let Some(cluster) = self.cluster {
            // It ends by itself, with last words.
            let _ = tokio::time::timeout(FAREWELL, cluster).await;
        }
        for thread in self.threads {
            // One that panicked has ended too.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        if let Some(recordings) = self.recordings {
            recordings.settle().await;
        }
    }
}

/// By default at the same port as UDP; where any port does, and that one is taken, at another.
async fn listen_for_tcp(config: &Config, udp: SocketAddr) -> anyhow::Result<Listener> {
    let bind = |address| Listener::bind("media over TCP", address, config.max_connections);
    match config.tcp {
        Some(address) => bind(address).await,
        None => match bind(udp).await {
            Err(_) if config.udp.port() == 0 => bind(SocketAddr::new(udp.ip(), 0)).await,
            bound => bound,
        },
    }
}

fn run(worker: Worker, socket: std::net::UdpSocket, inbox: mpsc::Receiver<Command>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = runtime.and_then(|runtime| {
        runtime.block_on(async {
            let port = Port::new(socket, worker.candidates())?;
            worker.run(port, inbox).await;
            Ok(())
        })
    });
    if let Err(error) = ended {
        tracing::error!("a thread cannot work: {error}");
    }
}
