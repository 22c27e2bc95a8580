//! A stream as packets: laid out once for all its players.

use super::secrets::Sealer;
use bytes::{BufMut, Bytes, BytesMut};
use common::Fanout;
use common::fanout::{self, Role};
use media::{Event, Flags, Kind, Time, Timescale, TrackId, Tracks, WallClock};
use rtp::sender::{Channel, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, UNIX_EPOCH};
use tokio::sync::Notify;

/// What goes through a stream's fan-out to its RTSP players.
#[derive(Debug, Clone)]
pub(crate) enum Unit {
    /// A publisher has come, or has other tracks: what was described before is void.
    Start,
    /// Packets of one sample, or reports of one track.
    Packets(Arc<Packets>),
    /// The publisher has gone.
    End,
}

/// Packets that belong together.
#[derive(Debug)]
pub(crate) struct Packets {
    /// Index of the track.
    pub(crate) track: usize,
    pub(crate) rtcp: bool,
    pub(crate) role: Role,
    /// Whether no other sample needs it.
    pub(crate) disposable: bool,
    /// How often the time line has gone on elsewhere before.
    pub(crate) jumps: u32,
    /// When the sample is shown; the clock of its packets' time stamps.
    pub(crate) shown: Time,
    clock_rate: Timescale,
    pub(crate) plain: Laid,
    /// For who wants them so, made when the first one does.
    sealed: OnceLock<Option<Laid>>,
    sealer: Arc<Sealer>,
}

/// Packets as they are sent.
#[derive(Debug, Default)]
pub(crate) struct Laid {
    /// One behind the other, as datagrams.
    pub(crate) datagrams: Bytes,
    pub(crate) ends: Vec<usize>,
    /// The same as interleaved frames, on the channels that clients ask for: two for each track in their order.
    pub(crate) frames: Bytes,
}

impl Laid {
    /// Each packet by itself.
    pub(crate) fn each(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| &self.datagrams[start..*end])
    }
}

impl Packets {
    /// As they are sent to a player; `None` where they cannot be encrypted.
    pub(crate) fn laid(&self, secure: bool) -> Option<&Laid> {
        match secure {
            false => Some(&self.plain),
            true => {
                let sealed = self.sealed.get_or_init(|| self.sealer.seal(self));
                sealed.as_ref()
            }
        }
    }

    /// The channel that its frames are on.
    pub(crate) fn channel(&self) -> usize {
        2 * self.track + usize::from(self.rtcp)
    }

    /// What its first packet is; none for reports.
    pub(crate) fn beginning(&self) -> Option<Beginning> {
        let packet = rtp::Packet::parse(self.plain.each().next()?).ok()?;
        (!self.rtcp).then_some(Beginning {
            sequence: packet.sequence_number(),
            timestamp: packet.timestamp(),
            ssrc: packet.ssrc(),
            shown: self.shown,
            clock_rate: self.clock_rate,
        })
    }
}

/// The first packet that a player gets of a track.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beginning {
    pub(crate) sequence: u16,
    timestamp: u32,
    pub(crate) ssrc: u32,
    pub(crate) shown: Time,
    clock_rate: Timescale,
}

impl Beginning {
    /// The time stamp of a time that is not after it.
    pub(crate) fn timestamp_at(&self, time: Time) -> u32 {
        let ticks = self.clock_rate.ticks(self.shown - time);
        self.timestamp
            .wrapping_sub(u32::try_from(ticks).unwrap_or(0))
    }
}

impl fanout::Unit for Unit {
    fn role(&self) -> Role {
        match self {
            Unit::Start | Unit::End => Role::Start,
            Unit::Packets(packets) => packets.role,
        }
    }

    fn size(&self) -> usize {
        match self {
            Unit::Start | Unit::End => 0,
            Unit::Packets(packets) => packets.plain.datagrams.len() + packets.plain.frames.len(),
        }
    }
}

/// What `DESCRIBE` tells.
#[derive(Debug)]
pub(crate) struct Description {
    pub(crate) sdp: String,
    pub(crate) tracks: usize,
    /// For those who want it encrypted.
    session: rtp::sdp::Session,
    ssrcs: Vec<u32>,
    sealer: Arc<Sealer>,
}

impl Description {
    /// With keys, which are as good as the connection that carries them.
    pub(crate) fn secure(&self) -> Result<String, rtp::Error> {
        let mut session = self.session.clone();
        let medias = session.medias.iter_mut().zip(&self.ssrcs).enumerate();
        for (track, (media, ssrc)) in medias {
            rtp::sdp::protect(media, &self.sealer.message(track, *ssrc)?)?;
        }
        rtp::sdp::to_text(&session)
    }
}

/// The RTSP side of a stream.
#[derive(Debug)]
pub(crate) struct Egress {
    pub(crate) fanout: Fanout<Unit>,
    description: Mutex<Option<Arc<Description>>>,
    /// The description has come.
    pub(crate) news: Notify,
    /// Somebody wants packets, or may at any time.
    wanted: AtomicBool,
}

impl Egress {
    pub(crate) fn new() -> Self {
        Self {
            fanout: Fanout::new(fanout::Config::default()),
            description: Mutex::default(),
            news: Notify::new(),
            wanted: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Description>>> {
        self.description
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on there are packets, from the next event on.
    pub(crate) fn want(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// What there is to play now, once its tracks are known.
    pub(crate) fn description(&self) -> Option<Arc<Description>> {
        self.lock().clone()
    }

    fn set(&self, description: Option<Description>) {
        *self.lock() = description.map(Arc::new);
        self.news.notify_waiters();
    }
}

/// Lays out what one publisher sends.
#[derive(Debug)]
pub(crate) struct Feed {
    sender: rtp::Sender,
    start: Instant,
    kinds: Vec<(TrackId, Kind, Timescale)>,
    /// When the last sample is shown, and whether no other one needs it.
    shown: Time,
    disposable: bool,
    jumps: u32,
    sealer: Option<Arc<Sealer>>,
    woken: Instant,
}

impl Feed {
    pub(crate) fn new() -> Self {
        let epoch = UNIX_EPOCH.elapsed().unwrap_or_default();
        let epoch = WallClock::from_unix_nanos(Time::from(epoch).as_nanos());
        let mut config = rtp::sender::Config::new(epoch, "fluvial");
        config.report_interval = Duration::from_secs(2);
        // Fits through tunnels, too: datagrams are sent whole or not at all.
        config.max_packet = 1200;
        Self {
            sender: rtp::Sender::new(config, &mut rand::rng()),
            start: Instant::now(),
            kinds: Vec::new(),
            shown: Time::ZERO,
            disposable: false,
            jumps: 0,
            sealer: None,
            woken: Instant::now(),
        }
    }

    /// Takes what a demuxer gave.
    ///
    /// # Errors
    /// For tracks of which none can be carried by RTP.
    pub(crate) fn handle(
        &mut self,
        name: &str,
        event: &Event,
        egress: &Egress,
    ) -> Result<(), rtp::Error> {
        let now = self.start.elapsed();
        if let Event::Sample(sample) = event {
            let known = self.kinds.iter().find(|(id, ..)| *id == sample.track);
            self.shown = known.map_or(self.shown, |(.., scale)| scale.time(sample.pts));
            self.disposable = sample.flags.contains(Flags::DISPOSABLE);
            if let Err(error) = self.sender.handle_sample(sample, now) {
                tracing::debug!(stream = %name, "a sample does not fit RTP: {error}");
            }
        } else {
            self.jumps += u32::from(matches!(event, Event::Discontinuity));
            self.sender.handle_event(event, now)?;
        }
        if let Event::Tracks(tracks) = event {
            self.describe(name, tracks, egress)?;
        }
        let mut some = false;
        while let Some(unit) = self.next_unit() {
            egress.fanout.push(unit);
            some = true;
        }
        if some && self.woken.elapsed() >= Duration::from_millis(5) {
            egress.fanout.wake();
            self.woken = Instant::now();
        }
        Ok(())
    }

    fn describe(&mut self, name: &str, tracks: &Tracks, egress: &Egress) -> Result<(), rtp::Error> {
        let kinds: Vec<_> = self
            .sender
            .streams()
            .iter()
            .filter_map(|stream| {
                let track = tracks.find(stream.track())?;
                Some((track.id, track.codec.kind(), track.timescale))
            })
            .collect();
        let sealer = match &self.sealer {
            Some(sealer) if kinds == self.kinds => Arc::clone(sealer),
            _ => Arc::new(Sealer::new(kinds.len())?),
        };
        if kinds != self.kinds {
            self.kinds = kinds;
            egress.fanout.push(Unit::Start);
        }
        self.sealer = Some(Arc::clone(&sealer));
        let session = super::ingest::session(name, &self.sender, tracks, "npt=now-");
        let description = Description {
            sdp: rtp::sdp::to_text(&session)?,
            tracks: self.kinds.len(),
            session,
            ssrcs: self
                .sender
                .streams()
                .iter()
                .map(rtp::sender::Stream::ssrc)
                .collect(),
            sealer,
        };
        egress.set(Some(description));
        Ok(())
    }

    /// The next packets that belong together.
    fn next_unit(&mut self) -> Option<Unit> {
        let first = self.sender.poll_output()?;
        let (track, rtcp) = (first.track, first.kind == Channel::Rtcp);
        let sync = first.starts_sync;
        // The marker ends a sample of video; reports and sound go one by one.
        let mut all: Vec<Output> = vec![first];
        let index = self.kinds.iter().position(|(id, ..)| *id == track)?;
        let kind = self.kinds[index].1;
        while kind == Kind::Video && !rtcp && !is_marked(all.last()?) {
            match self.sender.poll_output() {
                Some(next) => all.push(next),
                None => break,
            }
        }
        let has_video = self.kinds.iter().any(|(_, kind, _)| *kind == Kind::Video);
        let role = match kind {
            _ if rtcp => Role::Header(u32::try_from(index).unwrap_or(u32::MAX)),
            Kind::Video if sync => Role::Join,
            Kind::Video => Role::Dependent,
            _ if !has_video => Role::Join,
            _ => Role::Free,
        };
        let size: usize = all.iter().map(|output| output.data.len() + 4).sum();
        let mut datagrams = BytesMut::with_capacity(size);
        let mut frames = BytesMut::with_capacity(size);
        let mut ends = Vec::with_capacity(all.len());
        let channel = u8::try_from(2 * index + usize::from(rtcp)).unwrap_or(u8::MAX);
        for output in &all {
            let length = u16::try_from(output.data.len()).unwrap_or(u16::MAX);
            frames.put_slice(&[b'$', channel]);
            frames.put_u16(length);
            frames.put_slice(&output.data);
            datagrams.put_slice(&output.data);
            ends.push(datagrams.len());
        }
        Some(Unit::Packets(Arc::new(Packets {
            track: index,
            rtcp,
            role,
            disposable: self.disposable,
            jumps: self.jumps,
            shown: self.shown,
            clock_rate: self.sender.streams().get(index)?.format().clock_rate,
            plain: Laid {
                datagrams: datagrams.freeze(),
                ends,
                frames: frames.freeze(),
            },
            sealed: OnceLock::new(),
            sealer: Arc::clone(self.sealer.as_ref()?),
        })))
    }

    /// The publisher has gone.
    pub(crate) fn finish(mut self, egress: &Egress) {
        egress.set(None);
        if self.sender.finish(self.start.elapsed()).is_ok() {
            while let Some(unit) = self.next_unit() {
                egress.fanout.push(unit);
            }
        }
        egress.fanout.push(Unit::End);
        egress.fanout.wake();
    }
}

fn is_marked(output: &Output) -> bool {
    output.data.get(1).is_some_and(|byte| byte & 0x80 != 0)
}
