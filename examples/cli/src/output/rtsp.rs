use super::Sink;
use crate::net::rtsp::Connection;
use anyhow::{Context, Result, bail, ensure};
use media::{Codec, Event, Sample, Time, Timescale, Track, TrackId, Tracks, WallClock};
use rtp::sender::{Channel, Config, Output};
use rtsp::Url;
use rtsp::client::Event as Told;
use rtsp::headers::{Mode, Transport};
use std::time::{Duration, UNIX_EPOCH};

/// A stream that is published.
pub struct Rtsp {
    url: String,
    /// Made with the tracks.
    publishing: Option<Publishing>,
    /// Whether each sample waits for its time.
    is_paced: bool,
}

struct Publishing {
    connection: Connection,
    sender: rtp::Sender,
    tracks: Tracks,
    /// When the first sample went out, and its time.
    start: Option<(Duration, Time)>,
}

impl Rtsp {
    pub fn new(url: &str, is_paced: bool) -> Self {
        Self {
            url: url.to_owned(),
            publishing: None,
            is_paced,
        }
    }
}

impl Publishing {
    fn open(url: &str, tracks: &Tracks) -> Result<Self> {
        let url: Url = url.parse()?;
        let mut connection = Connection::open(&url)?;
        let wall = UNIX_EPOCH.elapsed().unwrap_or_default();
        let wall = WallClock::from_unix_nanos(Time::from(wall).as_nanos());
        let mut sender = rtp::Sender::new(Config::new(wall, "fluvial"), &mut rand::rng());
        sender.set_tracks(tracks)?;
        let session = rtp::sdp::session(&url.path, 0, [0, 0, 0, 0].into());
        let streams = sender.streams().iter();
        let streams =
            streams.filter_map(|stream| Some((tracks.find(stream.track())?, *stream.format())));
        let mut index = 0;
        let session = rtp::sdp::describe(session, streams, |_| {
            index += 1;
            Some(format!("streamid={}", index - 1))
        });
        let sdp = rtp::sdp::to_text(&session)?;
        connection.session.options(Duration::ZERO);
        connection.session.announce(&sdp, Duration::ZERO)?;
        connection.expect("to publish", |event| {
            matches!(event, Told::Announced).then_some(())
        })?;
        for media in 0..sender.streams().len() {
            let channel = u8::try_from(2 * media).context("too many tracks")?;
            let mut transport = Transport::tcp((channel, channel + 1));
            transport.mode = Some(Mode::Record);
            connection
                .session
                .setup(media, transport, connection.now())?;
            connection.expect("to set a track up", |event| {
                matches!(event, Told::SetUp { .. }).then_some(())
            })?;
        }
        connection.session.record(connection.now())?;
        connection.expect("to record", |event| {
            matches!(event, Told::Recording).then_some(())
        })?;
        Ok(Self {
            connection,
            sender,
            tracks: tracks.clone(),
            start: None,
        })
    }

    /// Hears what the server says within this time.
    fn listen(&mut self, wait: Duration) -> Result<()> {
        let until = self.connection.now() + wait;
        loop {
            let left = until.saturating_sub(self.connection.now());
            match self.connection.poll(left)? {
                Some(Told::Closed(_)) => bail!("the server closed the connection"),
                Some(Told::Refused { method, status, .. }) => {
                    bail!("the server refuses {method}: {status}")
                }
                Some(_) => {}
                None => return Ok(()),
            }
        }
    }

    fn send(&mut self, sample: &Sample, is_paced: bool) -> Result<()> {
        let Some(track) = self.tracks.find(sample.track) else {
            return Ok(());
        };
        let time = track.timescale.time(sample.dts);
        let now = self.connection.now();
        let (start, first) = *self.start.get_or_insert((now, time));
        let due = (time - first).to_duration().unwrap_or_default() + start;
        let wait = due.saturating_sub(now);
        self.listen(if is_paced { wait } else { Duration::ZERO })?;
        // Where nothing waits, the clock runs as samples come.
        let now = if is_paced { self.connection.now() } else { due };
        self.sender.handle_timeout(now);
        self.sender.handle_sample(sample, now)?;
        self.write()
    }

    fn write(&mut self) -> Result<()> {
        while let Some(output) = self.sender.poll_output() {
            let Output {
                track, kind, data, ..
            } = output;
            let mut streams = self.sender.streams().iter();
            if let Some(media) = streams.position(|stream| stream.track() == track) {
                let rtcp = kind == Channel::Rtcp;
                self.connection.session.send(media, rtcp, &data)?;
            }
            self.connection.write()?;
        }
        Ok(())
    }
}

impl Sink for Rtsp {
    fn name(&self) -> String {
        "RTSP".into()
    }

    fn can_carry(&self, codec: &Codec) -> bool {
        let track = Track::new(TrackId(1), Timescale::KHZ_90, codec.clone());
        rtp::Format::of(&track, 96).is_ok()
    }

    fn set_tracks(&mut self, tracks: &Tracks) -> Result<()> {
        match &mut self.publishing {
            None => {
                let opened = Publishing::open(&self.url, tracks);
                self.publishing = Some(opened.with_context(|| self.url.clone())?);
            }
            Some(publishing) => {
                let formats = |sender: &rtp::Sender| {
                    let streams = sender.streams().iter();
                    let formats = streams.map(|stream| (stream.track(), *stream.format()));
                    formats.collect::<Vec<_>>()
                };
                let before = formats(&publishing.sender);
                publishing.sender.set_tracks(tracks)?;
                publishing.tracks = tracks.clone();
                ensure!(
                    formats(&publishing.sender) == before,
                    "{}: the tracks change, which a server of RTSP cannot be told",
                    self.url
                );
            }
        }
        Ok(())
    }

    fn handle_sample(&mut self, sample: Sample) -> Result<()> {
        match &mut self.publishing {
            Some(publishing) => {
                let sent = publishing.send(&sample, self.is_paced);
                sent.with_context(|| self.url.clone())
            }
            None => Ok(()),
        }
    }

    fn handle_event(&mut self, _: &Event) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        if let Some(publishing) = &mut self.publishing {
            publishing.sender.finish(publishing.connection.now())?;
            publishing.write()?;
            publishing.connection.close()?;
        }
        Ok(())
    }
}
