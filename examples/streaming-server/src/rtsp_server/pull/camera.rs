//! The conversation with one camera: packets inside of the connection, or by UDP where the camera has nothing else or is asked so.

use super::Pull;
use crate::hub::Hub;
use crate::rtsp_server::ingest::Ingest;
use crate::rtsp_server::printable;
use crate::rtsp_server::secrets::Secrets;
use crate::rtsp_server::udp::{Datagram, Ports, WAITING};
use crate::stream::Publisher;
use anyhow::{Context, bail};
use rtsp::client::{Config, Event, Session};
use rtsp::headers::{KeyMgmt, Ports as Numbers, Profile, Range, Transport};
use rtsp::{Description, Headers, Method, Status};
use std::future::pending;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// How long nobody may watch before the camera is let go.
const IDLE: Duration = Duration::from_secs(10);
/// How long a camera may send neither pictures nor sound, whatever else it says: some report on, and answer, when all is over.
const SILENCE: Duration = Duration::from_secs(15);

/// Pulls it until nobody watches.
pub(super) async fn watch(pull: &Pull, hub: &Hub) -> anyhow::Result<()> {
    let address = (pull.url.host.as_str(), pull.url.port_or_default());
    let connecting = TcpStream::connect(address);
    let socket = tokio::time::timeout(Duration::from_secs(10), connecting)
        .await
        .context("connecting took too long")?
        .context("cannot connect")?;
    Camera::new(pull, hub, socket)?.run().await
}

struct Camera<'a> {
    pull: &'a Pull,
    hub: &'a Hub,
    socket: TcpStream,
    session: Session,
    start: Instant,
    /// Of the reports that the camera gets.
    ssrc: u32,
    sdp: String,
    description: Description,
    secrets: Secrets,
    /// The media that are wanted; so many of them are set up.
    wanted: Vec<usize>,
    set_up: usize,
    datagrams: Option<Datagrams>,
    ingest: Option<Ingest>,
    heard: Instant,
    watched: Instant,
}

/// What comes, and goes, outside of the connection.
struct Datagrams {
    /// Of each wanted medium, and where its reports go.
    ports: Vec<(usize, Ports, Option<SocketAddr>)>,
    outside: mpsc::Sender<Datagram>,
    inbox: mpsc::Receiver<Datagram>,
}

impl Datagrams {
    fn new() -> Self {
        let (outside, inbox) = mpsc::channel(WAITING);
        Self {
            ports: Vec::new(),
            outside,
            inbox,
        }
    }
}

impl<'a> Camera<'a> {
    fn new(pull: &'a Pull, hub: &'a Hub, socket: TcpStream) -> anyhow::Result<Self> {
        let mut session = Session::new(
            Config::new(pull.url.clone()),
            &mut rand::rng(),
            Duration::ZERO,
        );
        session.options(Duration::ZERO);
        session.describe(Duration::ZERO);
        Ok(Self {
            pull,
            hub,
            socket,
            session,
            start: Instant::now(),
            ssrc: rand::random(),
            sdp: String::new(),
            description: Description::default(),
            secrets: Secrets::new(0),
            wanted: Vec::new(),
            set_up: 0,
            datagrams: pull.udp.then(Datagrams::new),
            ingest: None,
            heard: Instant::now(),
            watched: Instant::now(),
        })
    }

    async fn run(mut self) -> anyhow::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            while let Some(event) = self.session.poll_event()? {
                self.handle(event).await?;
            }
            if self.heard.elapsed() > SILENCE {
                bail!("the camera is silent");
            }
            let is_over = !self.tend().await?;
            while let Some(bytes) = self.session.poll_transmit() {
                self.socket.write_all(&bytes).await?;
            }
            if is_over {
                return Ok(());
            }
            let now = self.start.elapsed();
            let wait = self.due(now).saturating_sub(now);
            let datagram = async {
                match &mut self.datagrams {
                    Some(datagrams) => datagrams.inbox.recv().await,
                    None => pending().await,
                }
            };
            tokio::select! {
                read = self.socket.read(&mut buffer) => match read? {
                    0 => self.session.handle_eof(),
                    count => {
                        if self.ingest.is_none() {
                            self.heard = Instant::now();
                        }
                        self.session.handle_input(&buffer[..count], self.start.elapsed());
                    }
                },
                Some(Datagram { media, rtcp, data }) = datagram => self.take(media, rtcp, &data),
                () = tokio::time::sleep(wait.max(Duration::from_millis(1))) => {}
            }
        }
    }

    async fn handle(&mut self, event: Event) -> anyhow::Result<()> {
        let now = self.start.elapsed();
        match event {
            Event::Described { sdp, description } => {
                let wanted = |kind: &str| matches!(kind, "audio" | "video");
                self.wanted = (0..description.media.len())
                    .filter(|index| wanted(&description.media[*index].kind))
                    .collect();
                self.secrets = Secrets::new(description.media.len());
                (self.sdp, self.description) = (sdp, description);
                self.set_up_next().await?;
            }
            Event::SetUp { media, transport } => {
                if self.datagrams.is_some() {
                    self.listen(media, &transport)?;
                }
                self.set_up += 1;
                if self.set_up < self.wanted.len() {
                    self.set_up_next().await?;
                } else {
                    self.publish()?;
                    let whole = Some(Range::from(Duration::ZERO));
                    self.session.play(whole, None, now)?;
                }
            }
            Event::Playing { rtp_info, .. } => {
                let by = if self.datagrams.is_some() {
                    "UDP"
                } else {
                    "TCP"
                };
                tracing::info!(stream = %self.pull.name, camera = %self.pull.url.host, by, "pull started");
                for (media, entry) in rtp_info {
                    if let (Some(ingest), Some(time)) = (&mut self.ingest, entry.rtptime) {
                        ingest.set_start(media, time);
                    }
                }
            }
            Event::Packet { media, rtcp, data } => self.take(media, rtcp, &data),
            Event::Refused { method, status, .. }
                if method == Method::Setup
                    && status == Status::UNSUPPORTED_TRANSPORT
                    && self.datagrams.is_none() =>
            {
                tracing::debug!(stream = %self.pull.name, "the camera does not interleave");
                self.datagrams = Some(Datagrams::new());
                self.set_up_next().await?;
            }
            Event::Refused { method, status, .. } => bail!("{method} was refused: {status}"),
            Event::Redirected { location } => bail!("it is elsewhere: {location}"),
            Event::Closed(reason) => bail!("the camera closed: {reason:?}"),
            other => tracing::debug!(stream = %self.pull.name, "{other:?}"),
        }
        Ok(())
    }

    /// Asks for the next medium.
    async fn set_up_next(&mut self) -> anyhow::Result<()> {
        let media = *self
            .wanted
            .get(self.set_up)
            .context("it has no sound and no pictures")?;
        let mut transport = match &mut self.datagrams {
            Some(datagrams) => {
                let ports = Ports::bind(self.socket.local_addr()?.ip()).await?;
                let number = ports.number;
                datagrams.ports.push((media, ports, None));
                Transport::udp(Numbers::pair(number))
            }
            None => {
                let channel = u8::try_from(2 * self.set_up)?;
                Transport::tcp((channel, channel + 1))
            }
        };
        let mut headers = Headers::new();
        if self.description.media[media].protocol.contains("SAVP") {
            transport.profile = Profile::Savp;
            let message = self.secrets.message(media, self.ssrc, 0)?.to_base64()?;
            headers.insert(&KeyMgmt::mikey(None, message));
        }
        let now = self.start.elapsed();
        self.session.setup_with(media, transport, &headers, now)?;
        Ok(())
    }

    /// From now on datagrams of the camera, and of nobody else, are taken for this medium.
    fn listen(&mut self, media: usize, transport: &Transport) -> anyhow::Result<()> {
        let numbers = transport.server_port.context("it tells no server_port")?;
        let source = transport
            .source
            .as_deref()
            .and_then(|source| source.parse().ok());
        let ip = match source {
            Some(ip) => ip,
            None => self.socket.peer_addr()?.ip(),
        };
        let (rtp, rtcp) = (numbers.rtp, numbers.rtcp_or_next());
        if let Some(datagrams) = &mut self.datagrams {
            let ports = datagrams.ports.iter_mut().find(|(of, ..)| *of == media);
            let (_, ports, reports) = ports.context("it was not asked for this medium")?;
            ports.listen(SocketAddr::new(ip, rtp), false, media, &datagrams.outside);
            ports.listen(SocketAddr::new(ip, rtcp), true, media, &datagrams.outside);
            *reports = Some(SocketAddr::new(ip, rtcp));
        }
        Ok(())
    }

    fn publish(&mut self) -> anyhow::Result<()> {
        let publisher = Publisher {
            peer: self.socket.peer_addr().ok(),
            agent: printable(&format!("pulled from {}", self.pull.url.host)),
            query: String::new(),
        };
        let publication = self
            .hub
            .publish(&self.pull.name, publisher)
            .map_err(|refused| anyhow::anyhow!(refused.reason()))?;
        let own = Some((&self.secrets, self.ssrc));
        let in_order = self.datagrams.is_none();
        self.ingest = Some(Ingest::new(&self.sdp, in_order, own, publication)?);
        Ok(())
    }

    fn take(&mut self, media: usize, rtcp: bool, packet: &[u8]) {
        if !rtcp {
            self.heard = Instant::now();
        }
        if let Some(ingest) = &mut self.ingest {
            ingest.handle(media, packet, self.start.elapsed());
        }
    }

    /// Does what time brings; whether somebody still watches.
    async fn tend(&mut self) -> anyhow::Result<bool> {
        let now = self.start.elapsed();
        // Also where packets leave no time to sleep.
        if self.session.poll_timeout().is_some_and(|at| at <= now) {
            self.session.handle_timeout(now);
        }
        let Some(ingest) = &mut self.ingest else {
            return Ok(true);
        };
        ingest.handle_timeout(now);
        if ingest.is_over() {
            bail!("the camera said goodbye");
        }
        if let Some(why) = ingest.publication.dismissal() {
            bail!(why);
        }
        while let Some(report) = ingest.poll_report() {
            let Some(datagrams) = &self.datagrams else {
                self.session.send(report.media, true, &report.data)?;
                continue;
            };
            let mut ports = datagrams.ports.iter();
            if let Some((_, ports, Some(to))) = ports.find(|(media, ..)| *media == report.media) {
                let ends = [report.data.len()];
                ports.rtcp.send(&report.data, &ends, *to).await?;
            }
        }
        if ingest.publication.is_watched() {
            self.watched = Instant::now();
        } else if self.watched.elapsed() > IDLE {
            // The answer is not waited for.
            self.session.teardown(now)?;
            return Ok(false);
        }
        Ok(true)
    }

    /// When to look again.
    fn due(&mut self, now: Duration) -> Duration {
        let (timer, flush) = self.ingest.as_mut().map_or((None, None), |ingest| {
            let flush = ingest.publication.flush(Instant::now());
            let flush = flush.map(|at| at.saturating_duration_since(self.start));
            (ingest.poll_timeout(), flush)
        });
        [timer, flush, self.session.poll_timeout()]
            .into_iter()
            .flatten()
            .fold(now + Duration::from_secs(1), Duration::min)
    }
}
