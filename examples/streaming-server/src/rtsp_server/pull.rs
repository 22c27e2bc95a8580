//! Cameras that are pulled when somebody wants to see them.

use super::ingest::Ingest;
use super::printable;
use super::secrets::Secrets;
use crate::hub::Hub;
use crate::stream::Publisher;
use anyhow::{Context, bail};
use common::Shutdown;
use rtsp::client::{Config, Event, Session};
use rtsp::headers::{KeyMgmt, Profile, Range, Transport};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// How long to wait before a camera is tried again; twice as long each time, up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// How long nobody may watch before the camera is let go.
const IDLE: Duration = Duration::from_secs(10);

/// One camera.
#[derive(Debug, Clone)]
pub(crate) struct Pull {
    /// The stream that it becomes.
    pub(crate) name: String,
    pub(crate) url: rtsp::Url,
    /// Somebody wants it.
    pub(crate) wanted: Arc<Notify>,
}

impl std::str::FromStr for Pull {
    type Err = String;

    /// `NAME=rtsp://...`; a name without application is one of `live`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, url) = text.split_once('=').ok_or("not NAME=URL")?;
        let name = match name.contains('/') {
            true => name.to_owned(),
            false => format!("live/{name}"),
        };
        let url: rtsp::Url = url.parse().map_err(|error| format!("{error}"))?;
        if url.scheme != "rtsp" {
            return Err("only rtsp:// can be pulled".into());
        }
        Ok(Self {
            name,
            url,
            wanted: Arc::default(),
        })
    }
}

/// Waits until somebody wants the camera, pulls it while that is so, and begins again.
pub(crate) async fn keep(pull: Pull, hub: Hub, cut: Shutdown) {
    let mut ending = pin!(cut.wait());
    let mut pause = PAUSES.0;
    loop {
        let began = Instant::now();
        tokio::select! {
            () = pull.wanted.notified() => {}
            () = &mut ending => return,
        }
        let result = tokio::select! {
            result = run(&pull, &hub) => result,
            () = &mut ending => return,
        };
        match result {
            Ok(()) => tracing::info!(stream = %pull.name, "pull ended: nobody watches"),
            Err(error) => {
                tracing::warn!(stream = %pull.name, camera = %pull.url.host, "pull ended: {error:#}");
                if began.elapsed() > PAUSES.1 {
                    pause = PAUSES.0;
                }
                tokio::time::sleep(pause).await;
                pause = (2 * pause).min(PAUSES.1);
                if hub
                    .find(&pull.name)
                    .is_some_and(|stream| stream.has_players())
                {
                    pull.wanted.notify_one();
                }
            }
        }
    }
}

async fn run(pull: &Pull, hub: &Hub) -> anyhow::Result<()> {
    let start = Instant::now();
    let address = (pull.url.host.as_str(), pull.url.port_or_default());
    let connecting = TcpStream::connect(address);
    let mut socket = tokio::time::timeout(Duration::from_secs(10), connecting)
        .await
        .context("connecting took too long")?
        .context("cannot connect")?;
    let mut session = Session::new(
        Config::new(pull.url.clone()),
        &mut rand::rng(),
        Duration::ZERO,
    );
    // Of the reports that the camera gets.
    let ssrc: u32 = rand::random();
    let mut ingest: Option<Ingest> = None;
    let mut wanted_media: Vec<usize> = Vec::new();
    let mut watched = Instant::now();
    let mut buffer = vec![0; 64 << 10];
    session.options(Duration::ZERO);
    session.describe(Duration::ZERO);
    loop {
        let now = start.elapsed();
        while let Some(event) = session.poll_event()? {
            match event {
                Event::Described { sdp, description } => {
                    let publisher = Publisher {
                        peer: socket.peer_addr().ok(),
                        agent: printable(&format!("pulled from {}", pull.url.host)),
                    };
                    let publication = hub
                        .publish(&pull.name, publisher)
                        .map_err(|refused| anyhow::anyhow!(refused.reason()))?;
                    let secrets = Secrets::new(description.media.len());
                    let own = Some((&secrets, ssrc));
                    ingest = Some(Ingest::new(&sdp, true, own, publication)?);
                    wanted_media = (0..description.media.len())
                        .filter(|index| {
                            matches!(description.media[*index].kind.as_str(), "audio" | "video")
                        })
                        .collect();
                    for (place, media) in wanted_media.iter().enumerate() {
                        let channel = u8::try_from(2 * place)?;
                        let mut transport = Transport::tcp((channel, channel + 1));
                        let mut headers = rtsp::Headers::new();
                        if description.media[*media].protocol.contains("SAVP") {
                            transport.profile = Profile::Savp;
                            let message = secrets.message(*media, ssrc, 0)?.to_base64()?;
                            headers.insert(&KeyMgmt::mikey(None, message));
                        }
                        session.setup_with(*media, transport, &headers, now)?;
                    }
                }
                Event::SetUp { media, .. } => {
                    if wanted_media.last() == Some(&media) {
                        session.play(Some(Range::from(Duration::ZERO)), None, now)?;
                    }
                }
                Event::Playing { rtp_info, .. } => {
                    tracing::info!(stream = %pull.name, camera = %pull.url.host, "pull started");
                    for (media, entry) in rtp_info {
                        if let (Some(ingest), Some(time)) = (&mut ingest, entry.rtptime) {
                            ingest.set_start(media, time);
                        }
                    }
                }
                Event::Packet { media, data, .. } => {
                    if let Some(ingest) = &mut ingest {
                        ingest.handle(media, &data, now);
                    }
                }
                Event::Refused { method, status, .. } => bail!("{method} was refused: {status}"),
                Event::Redirected { location } => bail!("it is elsewhere: {location}"),
                Event::Closed(reason) => bail!("the camera closed: {reason:?}"),
                other => tracing::debug!(stream = %pull.name, "{other:?}"),
            }
        }
        let mut due = now + Duration::from_secs(1);
        if let Some(ingest) = &mut ingest {
            ingest.handle_timeout(now);
            if ingest.is_over() {
                bail!("the camera said goodbye");
            }
            while let Some(report) = ingest.poll_report() {
                session.send(report.media, true, &report.data)?;
            }
            let flush = ingest.publication.flush(Instant::now());
            let flush = flush.map(|at| at.saturating_duration_since(start));
            due = [ingest.poll_timeout(), flush]
                .into_iter()
                .flatten()
                .fold(due, Duration::min);
            let stream = ingest.publication.stream();
            if stream.has_players() || stream.origin.viewers() > 0 {
                watched = Instant::now();
            } else if watched.elapsed() > IDLE {
                // The answer is not waited for.
                session.teardown(now)?;
                while let Some(bytes) = session.poll_transmit() {
                    socket.write_all(&bytes).await?;
                }
                return Ok(());
            }
        }
        while let Some(bytes) = session.poll_transmit() {
            socket.write_all(&bytes).await?;
        }
        due = session
            .poll_timeout()
            .map_or(due, |timeout| due.min(timeout));
        let wait = due.saturating_sub(now).max(Duration::from_millis(1));
        match tokio::time::timeout(wait, socket.read(&mut buffer)).await {
            Ok(Ok(0)) => session.handle_eof(),
            Ok(Ok(count)) => session.handle_input(&buffer[..count], start.elapsed()),
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => session.handle_timeout(start.elapsed()),
        }
    }
}
