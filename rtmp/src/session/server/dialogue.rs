use super::event::Event;
use crate::amf::amf0::{Object, Value};
use crate::message::{BandwidthLimit, Command, Control, UserControl, status, status_info};
use crate::session::connection::Connection as Connected;
use crate::session::{CONTROL_CSID, Capabilities, CloseReason, RequestId, WINDOW, endpoint};
use crate::{Error, Message, TypeId, data};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

pub(super) type Connection = Connected<Event>;

/// What a server has been asked and has granted.
#[derive(Debug)]
pub(super) struct Dialogue {
    chunk_size: u32,
    pub(super) connected: bool,
    pub(super) app: String,
    /// What follows a question mark in the application.
    pub(super) query: String,
    pub(super) streams: Vec<Stream>,
    /// What players buffer, told before there was a stream.
    pub(super) buffer: Option<Duration>,
    capabilities: Capabilities,
    /// What the client knows of Enhanced RTMP.
    pub(super) peer: Capabilities,
    pub(super) has_recordings: bool,
    /// Lengths that were asked for: the request and its transaction.
    lengths: Vec<(RequestId, f64)>,
    requests: u64,
    undecided: Option<(RequestId, Undecided)>,
}

/// A message stream and its use.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: u32,
    pub(super) name: String,
    pub(super) role: Role,
    /// How much a player buffers, as far as it has said so.
    pub(super) buffer: Option<Duration>,
    /// Whether a player wants sound.
    pub(super) audio: bool,
    pub(super) video: Video,
}

/// Whether a player wants pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Video {
    Wanted,
    /// From the next key frame on.
    Soon,
    Unwanted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Idle,
    Publisher,
    Player,
}

/// A request that the caller has not decided.
#[derive(Debug)]
pub(super) enum Undecided {
    Connect {
        transaction_id: f64,
    },
    Publish {
        stream_id: u32,
    },
    Play {
        stream_id: u32,
        reset: bool,
    },
    /// `play2` in the place of another stream.
    Switch {
        stream_id: u32,
    },
}

impl Dialogue {
    pub(super) fn new(chunk_size: u32, capabilities: Capabilities, has_recordings: bool) -> Self {
        Self {
            chunk_size,
            capabilities,
            peer: Capabilities::default(),
            has_recordings,
            lengths: Vec::new(),
            connected: false,
            app: String::new(),
            query: String::new(),
            streams: Vec::new(),
            buffer: None,
            requests: 0,
            undecided: None,
        }
    }

    pub(super) fn stream(&mut self, id: u32) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|stream| stream.id == id)
    }

    fn request(&mut self) -> RequestId {
        self.requests = self.requests.wrapping_add(1);
        RequestId(self.requests)
    }

    /// Keeps a question for the length of a recording; none where there are too many.
    pub(super) fn ask_length(&mut self, c: &Connection, transaction_id: f64) -> Option<RequestId> {
        if self.lengths.len() >= c.limits.message_streams {
            return None;
        }
        let id = self.request();
        self.lengths.push((id, transaction_id));
        Some(id)
    }

    pub(super) fn answer_length(
        &mut self,
        c: &mut Connection,
        request: RequestId,
        length: Option<Duration>,
    ) -> Result<(), Error> {
        let asked = self.lengths.iter().find(|(id, _)| *id == request);
        let Some(&(_, transaction_id)) = asked else {
            return Err(Error::State("the request is answered"));
        };
        self.lengths.retain(|(id, _)| *id != request);
        let command = match length {
            Some(length) => Command::new("_result", transaction_id).with(length.as_secs_f64()),
            None => {
                let info =
                    status_info("error", status::PLAY_STREAM_NOT_FOUND, "No such recording.");
                Command::new("_error", transaction_id).with(info)
            }
        };
        c.send_command(0, &command)
    }

    pub(super) fn accept_seek(&mut self, c: &mut Connection, stream_id: u32) -> Result<(), Error> {
        self.check_player(stream_id)?;
        c.send_user_control(&UserControl::StreamBegin(stream_id))?;
        let text = "Playing goes on from another place.";
        on_status(c, stream_id, "status", status::SEEK_NOTIFY, text)?;
        on_status(
            c,
            stream_id,
            "status",
            status::PLAY_START,
            "Playing starts.",
        )
    }

    pub(super) fn reject_seek(
        &mut self,
        c: &mut Connection,
        stream_id: u32,
        description: &str,
    ) -> Result<(), Error> {
        self.check_player(stream_id)?;
        on_status(c, stream_id, "error", status::SEEK_FAILED, description)
    }

    /// Tells a player that it has had all of a recording; it may still seek.
    pub(super) fn complete(
        &mut self,
        c: &mut Connection,
        stream_id: u32,
        played: Duration,
    ) -> Result<(), Error> {
        self.check_player(stream_id)?;
        let info = Object::from([
            ("level", Value::from("status")),
            ("code", Value::from(status::PLAY_COMPLETE)),
            ("duration", Value::from(played.as_secs_f64())),
        ]);
        c.send_media(&data::play_status(stream_id, info)?)?;
        let text = "The recording has ended.";
        on_status(c, stream_id, "status", status::PLAY_STOP, text)?;
        c.send_user_control(&UserControl::StreamEof(stream_id))
    }

    /// `SetBufferLength`: some clients say it before they play, and of stream 0.
    fn set_buffer(&mut self, c: &mut Connection, message: &Message) {
        let Ok(UserControl::SetBufferLength { stream_id, millis }) =
            UserControl::parse(&message.payload)
        else {
            return;
        };
        let length = Duration::from_millis(millis.into());
        if stream_id == 0 {
            self.buffer = Some(length);
            return;
        }
        let Some(stream) = self.stream(stream_id) else {
            return;
        };
        stream.buffer = Some(length);
        if stream.role == Role::Player {
            c.events
                .push_back(Event::BufferChanged { stream_id, length });
        }
    }

    pub(super) fn request_reconnect(
        &mut self,
        c: &mut Connection,
        tc_url: Option<&str>,
        description: &str,
    ) -> Result<(), Error> {
        if !self.connected {
            return Err(Error::State("the client is not connected"));
        }
        if !self.peer.reconnect {
            return Err(Error::Unsupported(
                "the client does not know how to connect anew",
            ));
        }
        let mut info = status_info("status", status::CONNECT_RECONNECT_REQUEST, description);
        if let Some(tc_url) = tc_url {
            info.push("tcUrl", tc_url);
        }
        c.send_command(0, &Command::new("onStatus", 0.0).with(info))
    }

    /// Whether a player wants this message now.
    pub(super) fn wants(&mut self, stream_id: u32, message: &Message) -> Result<bool, Error> {
        let stream = match self.stream(stream_id) {
            Some(stream) if stream.role == Role::Player => stream,
            _ => return Err(Error::State("nothing is being played on this stream")),
        };
        Ok(match message.type_id {
            TypeId::AUDIO => stream.audio,
            TypeId::VIDEO => match stream.video {
                Video::Wanted => true,
                Video::Unwanted => false,
                Video::Soon => match message.role() {
                    crate::message::Role::JoinPoint => {
                        stream.video = Video::Wanted;
                        true
                    }
                    // The decoder may have changed meanwhile.
                    role => role == crate::message::Role::Header,
                },
            },
            _ => true,
        })
    }

    pub(super) fn ask(&mut self, undecided: Undecided) -> RequestId {
        let id = self.request();
        self.undecided = Some((id, undecided));
        id
    }

    fn decide(&mut self, request: RequestId) -> Result<Undecided, Error> {
        match self.undecided.take() {
            Some((id, undecided)) if id == request => Ok(undecided),
            other => {
                self.undecided = other;
                Err(Error::State(
                    "the request is decided, or gone with its connection",
                ))
            }
        }
    }

    pub(super) fn accept(&mut self, c: &mut Connection, request: RequestId) -> Result<(), Error> {
        match self.decide(request)? {
            Undecided::Connect { transaction_id } => self.accept_connect(c, transaction_id),
            Undecided::Publish { stream_id } => {
                self.set_role(stream_id, Role::Publisher);
                c.send_user_control(&UserControl::StreamBegin(stream_id))?;
                on_status(
                    c,
                    stream_id,
                    "status",
                    status::PUBLISH_START,
                    "Publishing starts.",
                )
            }
            Undecided::Switch { stream_id } => {
                self.set_role(stream_id, Role::Player);
                let text = "Playing has changed to another stream.";
                on_status(c, stream_id, "status", status::PLAY_TRANSITION, text)?;
                c.send_media(&data::sample_access(stream_id))
            }
            Undecided::Play { stream_id, reset } => {
                self.set_role(stream_id, Role::Player);
                c.send_user_control(&UserControl::StreamBegin(stream_id))?;
                if reset {
                    on_status(
                        c,
                        stream_id,
                        "status",
                        status::PLAY_RESET,
                        "The playlist is reset.",
                    )?;
                }
                on_status(
                    c,
                    stream_id,
                    "status",
                    status::PLAY_START,
                    "Playing starts.",
                )?;
                c.send_media(&data::sample_access(stream_id))
            }
        }
    }

    fn accept_connect(&mut self, c: &mut Connection, transaction_id: f64) -> Result<(), Error> {
        self.connected = true;
        c.set_window(WINDOW)?;
        let limit = BandwidthLimit::Dynamic;
        c.send(
            CONTROL_CSID,
            &Control::SetPeerBandwidth {
                size: WINDOW,
                limit,
            }
            .to_message(),
        )?;
        c.send_user_control(&UserControl::StreamBegin(0))?;
        // ffmpeg, when it publishes by RTMPE, garbles its own chunk size when it is told ours.
        if !c.is_encrypted() {
            c.set_chunk_size(self.chunk_size)?;
        }
        let properties = Object::from([
            ("fmsVer", Value::from("FMS/3,5,7,7009")),
            ("capabilities", Value::from(31.0)),
            ("mode", Value::from(1.0)),
        ]);
        let mut info = status_info("status", status::CONNECT_SUCCESS, "Connection succeeded.");
        // AMF3 is offered to nobody: every client speaks AMF0.
        info.push("objectEncoding", 0.0);
        // Who knows nothing of Enhanced RTMP is not bothered with it.
        if self.peer != Capabilities::default() {
            self.capabilities.write(&mut info);
        }
        c.send_command(
            0,
            &Command::new("_result", transaction_id)
                .with_object(properties)
                .with(info),
        )
    }

    /// Refuses a request; true where the connection is over with it.
    pub(super) fn reject(
        &mut self,
        c: &mut Connection,
        request: RequestId,
        code: &str,
        description: &str,
    ) -> Result<bool, Error> {
        match self.decide(request)? {
            Undecided::Connect { transaction_id } => {
                let info = status_info("error", code, description);
                c.send_command(0, &Command::new("_error", transaction_id).with(info))?;
                Ok(true)
            }
            Undecided::Publish { stream_id }
            | Undecided::Switch { stream_id }
            | Undecided::Play { stream_id, .. } => {
                on_status(c, stream_id, "error", code, description)?;
                Ok(false)
            }
        }
    }

    fn set_role(&mut self, stream_id: u32, role: Role) {
        if let Some(stream) = self.stream(stream_id) {
            stream.role = role;
            (stream.audio, stream.video) = (true, Video::Wanted);
        }
    }

    pub(super) fn check_player(&mut self, stream_id: u32) -> Result<(), Error> {
        match self.stream(stream_id) {
            Some(stream) if stream.role == Role::Player => Ok(()),
            _ => Err(Error::State("nothing is being played on this stream")),
        }
    }

    pub(super) fn notify_published(
        &mut self,
        c: &mut Connection,
        stream_id: u32,
    ) -> Result<(), Error> {
        self.check_player(stream_id)?;
        on_status(
            c,
            stream_id,
            "status",
            status::PLAY_PUBLISH_NOTIFY,
            "The publisher has come.",
        )
    }

    pub(super) fn notify_unpublished(
        &mut self,
        c: &mut Connection,
        stream_id: u32,
    ) -> Result<(), Error> {
        self.check_player(stream_id)?;
        on_status(
            c,
            stream_id,
            "status",
            status::PLAY_UNPUBLISH_NOTIFY,
            "The publisher has gone.",
        )
    }

    pub(super) fn stop(
        &mut self,
        c: &mut Connection,
        stream_id: u32,
        code: &str,
        description: &str,
    ) -> Result<(), Error> {
        let role = match self.stream(stream_id) {
            Some(stream) => core::mem::replace(&mut stream.role, Role::Idle),
            None => Role::Idle,
        };
        match role {
            Role::Idle => Err(Error::State(
                "nothing is being published or played on this stream",
            )),
            Role::Publisher => on_status(c, stream_id, "status", code, description),
            Role::Player => {
                on_status(c, stream_id, "status", code, description)?;
                c.send_user_control(&UserControl::StreamEof(stream_id))
            }
        }
    }
}

impl endpoint::Dialogue for Dialogue {
    type Event = Event;

    fn start(&mut self, _: &mut Connection) -> Result<(), Error> {
        Ok(())
    }

    fn handle(&mut self, c: &mut Connection, message: Message) -> Result<(), Error> {
        match message.type_id {
            TypeId::COMMAND | TypeId::COMMAND_AMF3 => self.handle_command(c, &message),
            TypeId::AUDIO | TypeId::VIDEO | TypeId::DATA | TypeId::DATA_AMF3 => {
                let publishing = self
                    .stream(message.stream_id)
                    .is_some_and(|stream| stream.role == Role::Publisher);
                if publishing && let Some(message) = data::published(message) {
                    c.events.push_back(Event::Media(message));
                }
                Ok(())
            }
            TypeId::USER_CONTROL => {
                self.set_buffer(c, &message);
                Ok(())
            }
            TypeId::SHARED_OBJECT | TypeId::SHARED_OBJECT_AMF3 if self.connected => {
                c.events.push_back(Event::SharedObject(message));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn is_undecided(&self) -> bool {
        self.undecided.is_some()
    }

    fn end(&mut self, c: &mut Connection) {
        self.undecided = None;
        for Stream { id, role, .. } in core::mem::take(&mut self.streams) {
            match role {
                Role::Idle => {}
                Role::Publisher => c.events.push_back(Event::PublishStopped { stream_id: id }),
                Role::Player => c.events.push_back(Event::PlayStopped { stream_id: id }),
            }
        }
    }

    fn event_len(event: &Event) -> usize {
        match event {
            Event::Media(message) | Event::SharedObject(message) => message.payload.len(),
            _ => 0,
        }
    }

    fn closed(reason: CloseReason) -> Event {
        Event::Closed(reason)
    }
}

pub(super) fn on_status(
    c: &mut Connection,
    stream_id: u32,
    level: &str,
    code: &str,
    description: &str,
) -> Result<(), Error> {
    c.send_command(stream_id, &Command::on_status(level, code, description))
}
