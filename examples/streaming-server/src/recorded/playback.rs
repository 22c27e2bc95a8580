use super::Library;
use super::feed::{Feed, Item};
use rtmp::message::{Role, status};
use rtmp::server::{PlayRequest, PlayStart, Session};
use rtmp::{Message, TypeId};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a player buffers that has not said how much.
const BUFFER: Duration = Duration::from_secs(3);
/// Messages that are due within so long of each other leave together, unless the player buffers less.
const TOGETHER: Duration = Duration::from_millis(100);

/// A recording that one player plays.
#[derive(Debug)]
pub(crate) struct Playback {
    pub(crate) stream_id: u32,
    pub(crate) name: Arc<str>,
    feed: Feed,
    /// Until it is known whether the file can be played.
    request: Option<PlayRequest>,
    /// The number of the last order.
    order: u64,
    held: VecDeque<Message>,
    /// Nothing follows what is held.
    ended: bool,
    /// The player knows that.
    complete: bool,
    clock: Clock,
    buffer: Duration,
    /// Where to stop, if not at the end.
    until: Option<Duration>,
    /// What is subtracted from times: who asks for a start gets a stream that begins there, at zero, as Flash Media Server gave it and
    /// librtmp wants it; who seeks stays on the clock of the recording.
    origin: Duration,
    /// From where it plays, and how far it has come.
    from: Duration,
    position: Duration,
}

/// What became of a file.
#[derive(Debug)]
pub(crate) enum Event {
    /// The player gets it.
    Started,
    /// It cannot be played, for this reason.
    Refused(String),
    /// It could not be read any further.
    Broken(String),
    /// There is more to send.
    More,
}

/// How far the player is: playing, or paused at a place.
#[derive(Debug, Clone, Copy)]
struct Clock {
    from: Duration,
    since: Option<Instant>,
}

impl Clock {
    fn now(&self, now: Instant) -> Duration {
        let passed = self.since.map(|since| now.saturating_duration_since(since));
        self.from + passed.unwrap_or_default()
    }
}

impl Playback {
    /// Begins to open a file for a request, which [`next`](Self::next) decides.
    pub(crate) fn open(library: &Library, file: PathBuf, request: PlayRequest) -> Self {
        Self {
            stream_id: request.stream_id,
            name: request.path().into(),
            feed: Feed::start(library, file),
            buffer: request.buffer.unwrap_or(BUFFER),
            request: Some(request),
            order: 0,
            held: VecDeque::new(),
            ended: false,
            complete: false,
            clock: Clock {
                from: Duration::ZERO,
                since: None,
            },
            until: None,
            origin: Duration::ZERO,
            from: Duration::ZERO,
            position: Duration::ZERO,
        }
    }

    /// Whether something is wanted of the file.
    pub(crate) fn is_hungry(&self) -> bool {
        self.request.is_some() || self.held.is_empty() && !self.ended
    }

    /// What comes from the file next. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Item> {
        self.feed.items.recv().await
    }

    /// Takes what came from the file; nothing, where its reader has gone.
    pub(crate) fn handle(
        &mut self,
        item: Option<Item>,
        session: &mut Session,
        now: Instant,
    ) -> Result<Event, rtmp::Error> {
        match item {
            Some(Item::Opened(length)) => {
                let Some(request) = self.request.take() else {
                    return Ok(Event::More);
                };
                session.accept_recording(&request)?;
                let from = match request.start {
                    PlayStart::At(start) => length.map_or(start, |length| start.min(length)),
                    PlayStart::Any | PlayStart::Live => Duration::ZERO,
                };
                // Nothing at all means one picture.
                let least = Duration::from_millis(1);
                self.until = request.duration.map(|duration| from + duration.max(least));
                self.origin = from;
                self.go(from, now);
                Ok(Event::Started)
            }
            Some(Item::Batch {
                order,
                messages,
                ended,
            }) => {
                if order == self.order {
                    self.held.extend(messages);
                    self.ended = ended;
                }
                Ok(Event::More)
            }
            Some(Item::Failed(reason)) => self.fail(reason, session),
            None => self.fail("The recording cannot be read any further.".into(), session),
        }
    }

    /// Whether the player has been granted it.
    pub(crate) const fn is_playing(&self) -> bool {
        self.request.is_none()
    }

    fn fail(&mut self, reason: String, session: &mut Session) -> Result<Event, rtmp::Error> {
        self.ended = true;
        self.complete = true;
        self.held.clear();
        match self.request.take() {
            Some(request) => {
                session.reject(request.id, status::PLAY_STREAM_NOT_FOUND, &reason)?;
                Ok(Event::Refused(reason))
            }
            None => {
                session.stop(self.stream_id, status::PLAY_FAILED, &reason)?;
                Ok(Event::Broken(reason))
            }
        }
    }

    fn go(&mut self, to: Duration, now: Instant) {
        self.order = self.feed.order(to);
        self.held.clear();
        (self.ended, self.complete) = (false, false);
        (self.from, self.position) = (to, to);
        self.clock.from = to;
        // A paused player stays paused.
        if self.order == 1 || self.clock.since.is_some() {
            self.clock.since = Some(now);
        }
    }

    /// Goes on from another place.
    pub(crate) fn seek(
        &mut self,
        to: Duration,
        session: &mut Session,
        now: Instant,
    ) -> Result<(), rtmp::Error> {
        session.accept_seek(self.stream_id)?;
        // Who seeks out of a part wants the rest.
        self.until = self.until.filter(|until| to < *until);
        self.origin = Duration::ZERO;
        self.go(to, now);
        Ok(())
    }

    pub(crate) fn pause(&mut self, paused: bool, now: Instant) {
        self.clock = Clock {
            from: self.clock.now(now),
            since: (!paused).then_some(now),
        };
    }

    pub(crate) const fn set_buffer(&mut self, length: Duration) {
        self.buffer = length;
    }

    /// The next message, if the player is to have it now.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Message> {
        // Sound before the place that was asked for is of no use; pictures are, to those that refer to them.
        while let Some(next) = self.held.front()
            && next.type_id == TypeId::AUDIO
            && next.role() != Role::Header
            && Duration::from_millis(next.timestamp.into()) < self.from
        {
            self.held.pop_front();
        }
        let next = self.held.front()?;
        let time = Duration::from_millis(next.timestamp.into());
        if self.until.is_some_and(|until| time >= until) {
            self.held.clear();
            self.ended = true;
            return None;
        }
        if self.clock.since.is_none() || time > self.clock.now(now) + self.buffer {
            return None;
        }
        self.position = self.position.max(time);
        let message = self.held.pop_front()?;
        let millis = time.saturating_sub(self.origin).as_millis();
        Some(Message {
            stream_id: self.stream_id,
            timestamp: u32::try_from(millis).unwrap_or(message.timestamp),
            ..message
        })
    }

    /// Tells the player the end, once.
    pub(crate) fn finish(&mut self, session: &mut Session) -> Result<(), rtmp::Error> {
        if self.ended && self.held.is_empty() && !self.complete {
            self.complete = true;
            session.complete(self.stream_id, self.position.saturating_sub(self.from))?;
        }
        Ok(())
    }

    /// When the next message is to be sent.
    pub(crate) fn due(&self) -> Option<Instant> {
        let next = self.held.front()?;
        let since = self.clock.since?;
        let time = Duration::from_millis(next.timestamp.into());
        let ahead = (self.clock.from + self.buffer).saturating_sub(self.buffer.min(TOGETHER));
        // Ten hours of buffer are told, too.
        since.checked_add(time.saturating_sub(ahead))
    }
}
