use super::event::Event;
use crate::amf::amf0::{Object, Value};
use crate::message::{BandwidthLimit, Command, Control, UserControl, status, status_info};
use crate::session::connection::Connection as Connected;
use crate::session::{CONTROL_CSID, CloseReason, RequestId, WINDOW, endpoint};
use crate::{Error, Message, TypeId, data};
use alloc::string::String;
use alloc::vec::Vec;

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
    requests: u64,
    undecided: Option<(RequestId, Undecided)>,
}

/// A message stream and its use.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: u32,
    pub(super) name: String,
    pub(super) role: Role,
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
    Connect { transaction_id: f64 },
    Publish { stream_id: u32 },
    Play { stream_id: u32, reset: bool },
}

impl Dialogue {
    pub(super) fn new(chunk_size: u32) -> Self {
        Self {
            chunk_size,
            connected: false,
            app: String::new(),
            query: String::new(),
            streams: Vec::new(),
            requests: 0,
            undecided: None,
        }
    }

    pub(super) fn stream(&mut self, id: u32) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|stream| stream.id == id)
    }

    pub(super) fn ask(&mut self, undecided: Undecided) -> RequestId {
        self.requests = self.requests.wrapping_add(1);
        let id = RequestId(self.requests);
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
            Undecided::Publish { stream_id } | Undecided::Play { stream_id, .. } => {
                on_status(c, stream_id, "error", code, description)?;
                Ok(false)
            }
        }
    }

    fn set_role(&mut self, stream_id: u32, role: Role) {
        if let Some(stream) = self.stream(stream_id) {
            stream.role = role;
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
            Event::Media(message) => message.payload.len(),
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
