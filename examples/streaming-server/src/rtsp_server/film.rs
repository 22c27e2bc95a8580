//! A file that one player plays at its own pace: from any place on, faster or slower, with pauses.
//!
//! Time stamps go on through all of that without a jump back. Each `PLAY` begins at a whole second of them, which all their clocks
//! have exactly; `RTP-Info` says so.

use super::player::Way;
use super::secrets::Secrets;
use crate::vod::Title;
use anyhow::Result;
use media::{Event, Kind, Sample, Time, TrackId, Tracks, WallClock};
use rtp::sender::{Channel, Output};
use rtsp::headers::RtpInfoEntry;
use rtsp::server::Session;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};
use tokio::task::{JoinHandle, spawn_blocking};

/// How far ahead of its time the file is read.
const AHEAD: Time = Time::from_millis(2000);
/// Bytes that are laid out at a time.
const BATCH: usize = 128 << 10;
/// From this pace on only pictures go out that need no others.
const FAST: f64 = 2.5;
/// The paces that are possible.
const PACES: std::ops::RangeInclusive<f64> = 0.1..=64.0;

/// A segment that is being read: its samples, by the times at which they are to be decoded.
type Reading = JoinHandle<Result<Vec<(Time, Sample)>>>;

/// What one player plays.
#[derive(Debug)]
pub(super) struct Film {
    pub(super) name: String,
    title: Arc<Title>,
    /// Those that are sent, by index of the medium.
    tracks: Tracks,
    pub(super) ways: Vec<Option<Way>>,
    sender: rtp::Sender,
    epoch: Instant,
    queue: VecDeque<(Time, Sample)>,
    reading: Option<Reading>,
    /// The segment to be read next.
    next: usize,
    run: Option<Run>,
    /// Where it stands while it does not run.
    position: Time,
    until: Option<Time>,
    /// The last time stamp that was sent, as a time.
    sent: Time,
    secrets: Option<Secrets>,
}

/// How it runs.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// From this place of the file on,
    from: Time,
    /// which was sent at this time,
    since: Duration,
    /// as this time of the time stamps.
    out: Time,
    /// How fast it is shown, which the time stamps have in them.
    scale: f64,
    /// How fast it is sent beside that.
    speed: f64,
}

impl Run {
    /// Where it has come.
    fn at(&self, now: Duration) -> Time {
        let passed = now.saturating_sub(self.since).as_secs_f64();
        let nanos = passed * self.scale * self.speed * 1e9;
        self.from + Time::from_nanos(nanos as i64)
    }

    /// How long until it comes there.
    fn until(&self, to: Time, now: Duration) -> Duration {
        let left = (to - self.from).as_nanos() as f64 / 1e9 / (self.scale * self.speed);
        let left = left - now.saturating_sub(self.since).as_secs_f64();
        Duration::try_from_secs_f64(left).unwrap_or_default()
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wish {
    /// From where; without, from where it stands.
    pub(super) start: Option<Duration>,
    pub(super) end: Option<Duration>,
    pub(super) scale: Option<f64>,
    pub(super) speed: Option<f64>,
}

/// What is going to be played.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) start: Duration,
    pub(super) end: Duration,
    pub(super) scale: f64,
    pub(super) speed: f64,
    pub(super) entries: Vec<RtpInfoEntry>,
}

/// Packets of one medium, one behind the other.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) media: usize,
    pub(super) rtcp: bool,
    pub(super) datagrams: Vec<u8>,
    pub(super) ends: Vec<usize>,
}

impl Film {
    /// # Errors
    /// Where RTP carries nothing of it.
    pub(super) fn new(name: String, title: Arc<Title>, secure: bool) -> Result<Self, rtp::Error> {
        let epoch = Instant::now();
        let wall = UNIX_EPOCH.elapsed().unwrap_or_default();
        let wall = WallClock::from_unix_nanos(Time::from(wall).as_nanos());
        let mut config = rtp::sender::Config::new(wall, "fluvial");
        config.report_interval = Duration::from_secs(2);
        config.max_packet = 1200;
        let mut sender = rtp::Sender::new(config, &mut rand::rng());
        sender.handle_event(&Event::Tracks(title.tracks().clone()), Duration::ZERO)?;
        let streams = sender.streams().iter();
        let tracks: Tracks = streams
            .filter_map(|stream| title.tracks().find(stream.track()))
            .cloned()
            .collect();
        let secrets = secure.then(|| Secrets::new(tracks.len()));
        if let Some(secrets) = &secrets {
            for (index, track) in tracks.iter().enumerate() {
                sender.set_srtp(track.id, secrets.secure(index)?)?;
            }
        }
        Ok(Self {
            name,
            position: title.start(),
            ways: vec![None; tracks.len()],
            title,
            tracks,
            sender,
            epoch,
            queue: VecDeque::new(),
            reading: None,
            next: 0,
            run: None,
            until: None,
            sent: Time::ZERO,
            secrets,
        })
    }

    /// What `DESCRIBE` tells.
    pub(super) fn describe(&self) -> Result<String, rtp::Error> {
        let range = format!("npt=0-{:.3}", self.length().as_secs_f64());
        let secrets = self.secrets.as_ref();
        super::ingest::describe(&self.name, &self.sender, &self.tracks, &range, secrets)
    }

    pub(super) fn is_secure(&self) -> bool {
        self.secrets.is_some()
    }

    pub(super) fn is_set_up(&self) -> bool {
        self.ways.iter().any(Option::is_some)
    }

    pub(super) fn is_running(&self) -> bool {
        self.run.is_some()
    }

    fn length(&self) -> Duration {
        let length = self.title.end() - self.title.start();
        length.to_duration().unwrap_or_default()
    }

    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    /// Begins to play, or plays from elsewhere or at another pace. None where the place is not in the file.
    pub(super) async fn play(&mut self, wish: &Wish) -> Result<Option<Granted>> {
        let origin = self.title.start();
        let place = |since_start: Duration| origin + Time::from(since_start);
        match wish.start {
            Some(start) if start > self.length() => return Ok(None),
            Some(start) => self.seek(place(start)).await?,
            None => self.pause(),
        }
        if wish.start.is_some() || wish.end.is_some() {
            self.until = wish.end.map(place);
        }
        let pace = |wish: Option<f64>, before: f64| match wish {
            Some(wish) if wish.is_finite() && wish > 0.0 => {
                wish.clamp(*PACES.start(), *PACES.end())
            }
            // Backwards it does not go.
            Some(_) => 1.0,
            None => before,
        };
        let now = self.now();
        let least = self.sent.max(Time::from(now));
        let seconds = least.as_nanos().div_euclid(1_000_000_000) + 1;
        let run = Run {
            from: self.position,
            since: now,
            out: Time::from_nanos(seconds * 1_000_000_000),
            scale: pace(wish.scale, 1.0),
            speed: pace(wish.speed, 1.0),
        };
        self.run = Some(run);
        let streams = self.sender.streams().iter().zip(&self.ways);
        let streams = streams.filter(|(_, way)| way.is_some());
        let entries = streams.map(|(stream, _)| {
            Session::rtp_info(
                stream.next_sequence(),
                stream.timestamp(run.out),
                stream.ssrc(),
            )
        });
        let until = self.until.unwrap_or(self.title.end());
        Ok(Some(Granted {
            start: (run.from - origin).to_duration().unwrap_or_default(),
            end: (until - origin).to_duration().unwrap_or_default(),
            scale: run.scale,
            speed: run.speed,
            entries: entries.collect(),
        }))
    }

    pub(super) fn pause(&mut self) {
        if let Some(run) = self.run.take() {
            let at = run.at(self.epoch.elapsed());
            // What comes next may be a little behind or ahead of that.
            let next = self
                .queue
                .front()
                .map_or(self.title.end(), |(time, _)| *time);
            self.position = at.min(next).max(run.from);
        }
    }

    /// Goes to the last place at or before a time from which everything can be decoded.
    async fn seek(&mut self, to: Time) -> Result<()> {
        self.run = None;
        self.reading = None;
        self.queue.clear();
        let mut index = self.title.segment_at(to);
        let mut samples = read(Arc::clone(&self.title), self.tracks.clone(), index).await??;
        let lead = self.title.lead();
        let mut place = starting_point(&samples, lead, &self.tracks, to);
        if place.is_none() && index > 0 {
            // The segment begins before its time with pictures that are shown later.
            index -= 1;
            samples = read(Arc::clone(&self.title), self.tracks.clone(), index).await??;
            place = starting_point(&samples, lead, &self.tracks, to);
        }
        self.next = index + 1;
        let first = index == 0 && place.is_none_or(|(first, _)| first == first_of(&samples, lead));
        let Some((start, time)) = place.filter(|_| !first) else {
            // The very beginning: with all that is there.
            self.position = self.title.start();
            self.queue.extend(samples);
            return Ok(());
        };
        self.position = time;
        let tracks = self.tracks.clone();
        self.queue.extend(samples.into_iter().filter(|(_, sample)| {
            let shown = tracks
                .find(sample.track)
                .is_some_and(|track| track.timescale.time(sample.pts) >= time);
            // Pictures that are shown before the first one need others that are not there.
            shown && (Some(sample.track) != lead || sample.dts >= start)
        }));
        Ok(())
    }

    /// Reads on, as far as that is wanted. Cancel safe.
    pub(super) async fn read(&mut self) -> Result<()> {
        let last = self.queue.back().map(|(time, _)| *time);
        let wanted = self
            .run
            .is_some_and(|run| last.is_none_or(|last| last < run.at(self.epoch.elapsed()) + AHEAD));
        if self.reading.is_none() {
            if !wanted || self.next >= self.title.segments() {
                return std::future::pending().await;
            }
            let (title, tracks) = (Arc::clone(&self.title), self.tracks.clone());
            self.reading = Some(read(title, tracks, self.next));
            self.next += 1;
        }
        if let Some(reading) = &mut self.reading {
            let samples = reading.await;
            self.reading = None;
            self.queue.extend(samples??);
        }
        Ok(())
    }

    /// When the next packets are due.
    pub(super) fn due(&self) -> Option<Duration> {
        let (run, now) = (self.run?, self.now());
        let next = match self.queue.front() {
            Some((time, _)) => Some(run.until(*time, now)),
            None if self.is_read() => Some(run.until(self.title.end(), now)),
            None => None,
        };
        let report = self.sender.poll_timeout();
        let report = report.map(|at| at.saturating_sub(now));
        [next, report].into_iter().flatten().min()
    }

    fn is_read(&self) -> bool {
        self.reading.is_none() && self.next >= self.title.segments()
    }

    /// Whether it has come to its end; told once.
    pub(super) fn finish(&mut self) -> bool {
        let now = self.now();
        let Some(run) = self.run else {
            return false;
        };
        let end = self.until.unwrap_or(self.title.end());
        let over = match self.queue.front() {
            Some((time, _)) => *time >= end,
            None => self.is_read(),
        };
        if !over || run.at(now) < end {
            return false;
        }
        self.run = None;
        self.position = end;
        // A canonical name fits always.
        let _ = self.sender.finish(now);
        true
    }

    /// The next packets that are due.
    pub(super) fn take(&mut self) -> Vec<Batch> {
        let mut batches: Vec<Batch> = Vec::new();
        let mut size = 0;
        if let Some(run) = self.run {
            let now = self.now();
            self.sender.handle_timeout(now);
            let at = run.at(now);
            let end = self.until.unwrap_or(Time::from_nanos(i64::MAX));
            while size < BATCH
                && let Some((time, _)) = self.queue.front()
                && *time <= at
                && *time < end
                && let Some((_, sample)) = self.queue.pop_front()
            {
                size += sample.data.len();
                self.lay_out(sample, &run, now);
            }
        }
        while let Some(output) = self.sender.poll_output() {
            let Output {
                track, kind, data, ..
            } = output;
            let Some(media) = self.tracks.iter().position(|own| own.id == track) else {
                continue;
            };
            let rtcp = kind == Channel::Rtcp;
            let last = batches.last_mut();
            let last = last.filter(|last| (last.media, last.rtcp) == (media, rtcp));
            let batch = match last {
                Some(last) => last,
                None => {
                    batches.push(Batch {
                        media,
                        rtcp,
                        datagrams: Vec::new(),
                        ends: Vec::new(),
                    });
                    let Some(last) = batches.last_mut() else {
                        continue;
                    };
                    last
                }
            };
            batch.datagrams.extend_from_slice(&data);
            batch.ends.push(batch.datagrams.len());
        }
        batches
    }

    fn lay_out(&mut self, mut sample: Sample, run: &Run, now: Duration) {
        let Some(track) = self.tracks.find(sample.track) else {
            return;
        };
        let is_set_up = self
            .tracks
            .iter()
            .position(|own| own.id == track.id)
            .is_some_and(|index| self.ways[index].is_some());
        let is_lead = Some(track.id) == self.title.lead();
        let pictures = track.codec.kind() == Kind::Video;
        // At another pace there is no sound, if there are pictures.
        let plain = (run.scale - 1.0).abs() < 1e-6;
        if !is_set_up || !plain && !is_lead || run.scale >= FAST && pictures && !sample.is_sync() {
            return;
        }
        let scale = track.timescale;
        let (out, from) = (scale.ticks(run.out), scale.ticks(run.from));
        let place = |ticks: i64| match plain {
            true => out + (ticks - from),
            false => out + ((ticks - from) as f64 / run.scale).round() as i64,
        };
        (sample.dts, sample.pts) = (place(sample.dts), place(sample.pts));
        self.sent = self.sent.max(scale.time(sample.pts));
        if let Err(error) = self.sender.handle_sample(&sample, now) {
            tracing::debug!(file = %self.name, "a sample does not fit RTP: {error}");
        }
    }
}

/// Reads a segment.
fn read(title: Arc<Title>, tracks: Tracks, index: usize) -> Reading {
    spawn_blocking(move || {
        let wanted: Vec<TrackId> = tracks.iter().map(|track| track.id).collect();
        let mut all = Vec::new();
        for (id, samples) in title.samples(index, &wanted)? {
            if let Some(track) = tracks.find(id) {
                let time = |sample: Sample| (track.timescale.time(sample.dts), sample);
                all.extend(samples.into_iter().map(time));
            }
        }
        all.sort_by_key(|(time, _)| *time);
        Ok(all)
    })
}

/// The decoding time of the first sample of a track.
fn first_of(samples: &[(Time, Sample)], track: Option<TrackId>) -> i64 {
    let mut own = samples.iter().map(|(_, sample)| sample);
    let own = own.find(|sample| Some(sample.track) == track);
    own.map_or(0, |sample| sample.dts)
}

/// The last sample of the leading track that is shown at or before a time and needs no other one: when it is decoded, and shown.
fn starting_point(
    samples: &[(Time, Sample)],
    lead: Option<TrackId>,
    tracks: &Tracks,
    to: Time,
) -> Option<(i64, Time)> {
    let lead = tracks.find(lead?)?;
    let own = samples.iter().map(|(_, sample)| sample);
    let own = own.filter(|sample| sample.track == lead.id && sample.is_sync());
    let own = own.map(|sample| (sample.dts, lead.timescale.time(sample.pts)));
    own.filter(|(_, time)| *time <= to).last()
}
