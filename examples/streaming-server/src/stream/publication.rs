//! A publisher's hold on what it publishes.

use super::Stream;
use super::opus::Interpreter;
use crate::embed::Sink;
use crate::pipeline::Pipeline;
use crate::rtsp_server::egress::Feed;
use crate::unit::Unit;
use common::record::Recording;
use media::Tracks;
use rtmp::{Message, SharedMessage, flv};
use std::sync::Arc;
use std::time::Instant;

/// Where what a publisher sends goes; dropped, the publisher is gone.
#[derive(Debug)]
pub(crate) enum Publication {
    /// To everybody who plays the stream.
    Stream(Box<Broadcast>),
    /// To who has this server inside.
    Taken(Box<Taken>),
}

impl Publication {
    /// The name that is published.
    pub(crate) fn name(&self) -> &Arc<str> {
        match self {
            Publication::Stream(broadcast) => &broadcast.stream.name,
            Publication::Taken(taken) => &taken.name,
        }
    }

    /// Takes a message from the publisher. Players get it after the next [`flush`](Self::flush).
    ///
    /// # Errors
    /// For a message that RTMP cannot carry.
    pub(crate) fn handle(&mut self, message: &Message) -> Result<(), rtmp::Error> {
        match self {
            Publication::Stream(broadcast) => broadcast.handle(message),
            Publication::Taken(taken) => taken.handle(message),
        }
    }

    /// Takes an event of a publisher that does not speak RTMP.
    pub(crate) fn handle_event(&mut self, event: media::Event) {
        match self {
            Publication::Stream(broadcast) => broadcast.handle_event(event),
            Publication::Taken(taken) => taken.sink.handle(event),
        }
    }

    /// Wakes the players, if they have waited long enough; else says when to come again.
    pub(crate) fn flush(&mut self, now: Instant) -> Option<Instant> {
        match self {
            Publication::Stream(broadcast) => broadcast.flush(now),
            Publication::Taken(_) => None,
        }
    }

    /// Whether somebody sees it.
    pub(crate) fn is_watched(&self) -> bool {
        match self {
            Publication::Stream(broadcast) => broadcast.stream.is_watched(),
            Publication::Taken(_) => true,
        }
    }

    /// Why the publisher is to go, if it is.
    pub(crate) fn dismissal(&self) -> Option<&'static str> {
        match self {
            Publication::Stream(_) => None,
            Publication::Taken(taken) => taken.sink.dismissal(),
        }
    }

    /// What comes next needs so many quarters of a turn, clockwise.
    pub(crate) fn turn(&mut self, quarters: u8) {
        if let Publication::Taken(taken) = self {
            taken.sink.turned(quarters);
        }
    }

    /// A packet of sound that has come says how loud it is, in decibels of full scale, or does not.
    pub(crate) fn loud(&mut self, decibels: Option<i8>) {
        if let Publication::Taken(taken) = self {
            taken.sink.loud(decibels);
        }
    }

    /// Whether a keyframe is wanted; none, if it is to come again and again.
    pub(crate) fn wants_keyframe(&mut self) -> Option<bool> {
        match self {
            Publication::Stream(_) => None,
            Publication::Taken(taken) => Some(taken.sink.wants_keyframe()),
        }
    }
}

/// What goes to who has this server inside.
#[derive(Debug)]
pub(crate) struct Taken {
    name: Arc<str>,
    sink: Box<dyn Sink>,
    demuxer: flv::Demuxer,
}

impl Taken {
    pub(crate) fn new(name: &str, sink: Box<dyn Sink>) -> Self {
        Self {
            name: name.into(),
            sink,
            demuxer: flv::Demuxer::new(rtmp::Limits::default()),
        }
    }

    fn handle(&mut self, message: &Message) -> Result<(), rtmp::Error> {
        self.demuxer.handle_message(message);
        while let Some(event) = self.demuxer.poll_event()? {
            self.sink.handle(event);
        }
        Ok(())
    }
}

/// A publisher's hold on its stream; dropped, the stream is free again.
#[derive(Debug)]
pub(crate) struct Broadcast {
    stream: Arc<Stream>,
    demuxer: flv::Demuxer,
    /// Makes messages of events, for publishers that do not speak RTMP.
    muxer: Option<flv::Muxer>,
    /// `None` where nobody wants packets, or this cannot be carried by them.
    feed: Option<Feed>,
    /// It was tried, and cannot be carried by packets.
    unfit: bool,
    opus: Option<Interpreter>,
    /// The last that were told.
    tracks: Option<Tracks>,
    /// `None` once HLS has failed: RTMP players still get the messages.
    pipeline: Option<Pipeline>,
    recording: Option<Recording>,
    woken: Instant,
    /// Units were pushed that nobody was woken for.
    waiting: bool,
}

impl Broadcast {
    pub(super) fn new(
        stream: Arc<Stream>,
        pipeline: Pipeline,
        recording: Option<Recording>,
    ) -> Self {
        Self {
            stream,
            demuxer: flv::Demuxer::new(rtmp::Limits::default()),
            muxer: None,
            feed: None,
            unfit: false,
            opus: None,
            tracks: None,
            pipeline: Some(pipeline),
            recording,
            woken: Instant::now(),
            waiting: false,
        }
    }

    /// The stream that is published.
    pub(crate) const fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    /// Records from the next keyframe on, or ends the recording.
    pub(crate) fn set_recording(&mut self, on: bool) {
        match (on, &self.recording) {
            (true, None) => {
                let recordings = self.stream.recordings.as_ref();
                self.recording = recordings.map(|recordings| recordings.start(&self.stream.name));
                if let (Some(recording), Some(tracks)) = (&mut self.recording, &self.tracks) {
                    recording.handle(&media::Event::Tracks(tracks.clone()));
                }
            }
            (false, Some(_)) => self.recording = None,
            _ => {}
        }
    }

    /// Takes a message from the publisher. Players get it after the next [`flush`](Self::flush).
    ///
    /// # Errors
    /// For a message that RTMP cannot carry.
    pub(crate) fn handle(&mut self, message: &Message) -> Result<(), rtmp::Error> {
        let shared = SharedMessage::new(message)?;
        // From here on the bytes are shared with what goes out.
        let result = self.package(shared.message());
        self.stream.fanout.push(Unit::Message(shared));
        self.waiting = true;
        if let Err(error) = result {
            tracing::warn!(stream = %self.stream.name, "HLS stops, RTMP goes on: {error:#}");
            self.pipeline = None;
        }
        Ok(())
    }

    fn package(&mut self, message: &Message) -> anyhow::Result<()> {
        let packets = self.feed.is_some() || self.stream.rtsp.is_wanted();
        if self.pipeline.is_none() && self.recording.is_none() && !packets {
            return Ok(());
        }
        self.demuxer.handle_message(message);
        while let Some(event) = self.demuxer.poll_event()? {
            self.feed(event)?;
        }
        Ok(())
    }

    /// Takes an event of a publisher that does not speak RTMP.
    pub(crate) fn handle_event(&mut self, event: media::Event) {
        if let Err(error) = self.mux(&event) {
            tracing::debug!(stream = %self.stream.name, "not for RTMP: {error}");
        }
        if let Err(error) = self.feed(event) {
            tracing::warn!(stream = %self.stream.name, "HLS stops, the rest goes on: {error:#}");
            self.pipeline = None;
        }
    }

    /// To RTMP players.
    fn mux(&mut self, event: &media::Event) -> Result<(), rtmp::Error> {
        let muxer = self.muxer.get_or_insert_default();
        match event {
            media::Event::Tracks(tracks) => muxer.set_tracks(tracks)?,
            media::Event::Sample(sample) => muxer.handle_sample(sample)?,
            _ => {}
        }
        while let Some(message) = muxer.poll_output() {
            self.stream
                .fanout
                .push(Unit::Message(SharedMessage::new(&message)?));
            self.waiting = true;
        }
        Ok(())
    }

    /// To players of RTSP and HLS.
    fn feed(&mut self, event: media::Event) -> anyhow::Result<()> {
        if let media::Event::Warning(warning) = &event {
            tracing::debug!(stream = %self.stream.name, "{warning}");
        }
        let stream = &self.stream;
        if let media::Event::Tracks(tracks) = &event {
            self.tracks = Some(tracks.clone());
            self.unfit = false;
        }
        Interpreter::handle(&mut self.opus, &stream.name, &event, &stream.opus);
        // Somebody wants packets for the first time: they begin with the tracks.
        if self.feed.is_none() && !self.unfit && stream.rtsp.is_wanted() {
            let mut feed = Feed::new();
            if let Some(tracks) = &self.tracks
                && !matches!(event, media::Event::Tracks(_))
            {
                let tracks = media::Event::Tracks(tracks.clone());
                self.unfit = feed.handle(&stream.name, &tracks, &stream.rtsp).is_err();
            }
            self.feed = (!self.unfit).then_some(feed);
        }
        if let Some(feed) = &mut self.feed
            && let Err(error) = feed.handle(&stream.name, &event, &stream.rtsp)
        {
            tracing::warn!(stream = %stream.name, "RTSP stops, the rest goes on: {error}");
            self.feed = None;
            self.unfit = true;
        }
        if let Some(recording) = &mut self.recording {
            recording.handle(&event);
        }
        match &mut self.pipeline {
            Some(pipeline) => pipeline.handle(event, &stream.origin, &mut stream.meter()),
            None => Ok(()),
        }
    }

    /// Wakes the players, if they have waited long enough; else says when to come again.
    pub(crate) fn flush(&mut self, now: Instant) -> Option<Instant> {
        if !self.waiting {
            return None;
        }
        let due = self.woken + self.stream.merge;
        if now < due {
            return Some(due);
        }
        self.woken = now;
        self.waiting = false;
        self.stream.fanout.wake();
        None
    }

    fn leave(&mut self) -> anyhow::Result<Option<Pipeline>> {
        self.demuxer.handle_eof();
        let mut last = Vec::new();
        while let Some(event) = self.demuxer.poll_event()? {
            if let Some(recording) = &mut self.recording {
                recording.handle(&event);
            }
            last.push(event);
        }
        let Some(mut pipeline) = self.pipeline.take() else {
            return Ok(None);
        };
        let origin = &self.stream.origin;
        let mut meter = self.stream.meter();
        for event in last {
            pipeline.handle(event, origin, &mut meter)?;
        }
        pipeline.pause(origin)?;
        Ok(Some(pipeline))
    }
}

impl Drop for Broadcast {
    fn drop(&mut self) {
        if let Some(feed) = self.feed.take() {
            feed.finish(&self.stream.rtsp);
        }
        Interpreter::finish(self.opus.take(), &self.stream.opus);
        let pipeline = self.leave().unwrap_or_else(|error| {
            tracing::warn!(stream = %self.stream.name, "the last segment is lost: {error:#}");
            None
        });
        if pipeline.is_none() {
            self.stream.origin.end();
        }
        self.stream.meter().restart();
        self.stream.fanout.push(Unit::Unpublished);
        self.stream.fanout.wake();
        let mut seat = self.stream.seat();
        seat.pipeline = pipeline;
        seat.publisher = None;
        seat.since = Instant::now();
    }
}
