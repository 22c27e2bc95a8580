use super::event::Event;
use super::{Config, PlayStart, PublishType};
use crate::amf::amf0::{Object, Value};
use crate::message::{Command, UserControl, status, status_info};
use crate::session::connection::Connection as Connected;
use crate::session::{CloseReason, RequestId, endpoint};
use crate::{Error, Message, TypeId, data};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

type Connection = Connected<Event>;

/// The transaction of `connect` (RTMP 1.0 §7.2.1.1).
const CONNECT: f64 = 1.0;

/// What a client has asked for and been granted.
#[derive(Debug)]
pub(super) struct Dialogue {
    config: Config,
    phase: Phase,
    /// The last transaction.
    transactions: u32,
    streams: Vec<Stream>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connecting,
    Connected,
    Refused,
}

/// A request and, once there is one, its stream.
#[derive(Debug)]
struct Stream {
    request: RequestId,
    /// The transaction of its `createStream`.
    transaction_id: f64,
    id: Option<u32>,
    name: String,
    role: Role,
    granted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Publisher(PublishType),
    Player(PlayStart, Option<Duration>),
}

impl Dialogue {
    pub(super) fn new(config: Config) -> Self {
        Self {
            config,
            phase: Phase::Connecting,
            transactions: 1,
            streams: Vec::new(),
        }
    }

    fn transaction(&mut self) -> f64 {
        self.transactions = self.transactions.wrapping_add(1);
        self.transactions.into()
    }

    pub(super) fn publish(
        &mut self,
        c: &mut Connection,
        name: &str,
        publish_type: PublishType,
    ) -> Result<RequestId, Error> {
        self.check_connected()?;
        for command in ["releaseStream", "FCPublish"] {
            let command = Command::new(command, self.transaction()).with(name);
            c.send_command(0, &command)?;
        }
        self.create_stream(c, name, Role::Publisher(publish_type))
    }

    pub(super) fn play(
        &mut self,
        c: &mut Connection,
        name: &str,
        start: PlayStart,
        duration: Option<Duration>,
    ) -> Result<RequestId, Error> {
        self.check_connected()?;
        self.create_stream(c, name, Role::Player(start, duration))
    }

    fn check_connected(&self) -> Result<(), Error> {
        match self.phase {
            Phase::Connected => Ok(()),
            _ => Err(Error::State("the session is not connected")),
        }
    }

    fn create_stream(
        &mut self,
        c: &mut Connection,
        name: &str,
        role: Role,
    ) -> Result<RequestId, Error> {
        let max = c.limits.message_streams;
        if self.streams.len() >= max {
            return Err(Error::Limit {
                limit: "message streams",
                max: max as u64,
            });
        }
        let transaction_id = self.transaction();
        c.send_command(0, &Command::new("createStream", transaction_id))?;
        let request = RequestId(self.transactions.into());
        self.streams.push(Stream {
            request,
            transaction_id,
            id: None,
            name: name.to_owned(),
            role,
            granted: false,
        });
        Ok(request)
    }

    fn find(&self, stream_id: u32) -> Option<&Stream> {
        self.streams
            .iter()
            .find(|stream| stream.id == Some(stream_id))
    }

    /// The stream that media is played on. Some servers (ffmpeg's) send it on stream 0, which can only mean the one player.
    fn player_of(&self, stream_id: u32) -> Option<u32> {
        let mut players = self
            .streams
            .iter()
            .filter(|stream| matches!(stream.role, Role::Player(..)))
            .filter_map(|stream| stream.id);
        match stream_id {
            0 => players.next().filter(|_| players.next().is_none()),
            _ => players.find(|id| *id == stream_id),
        }
    }

    pub(super) fn check_publisher(&self, stream_id: u32) -> Result<(), Error> {
        match self.find(stream_id) {
            Some(Stream {
                role: Role::Publisher(_),
                granted: true,
                ..
            }) => Ok(()),
            _ => Err(Error::State("nothing is being published on this stream")),
        }
    }

    pub(super) fn check_playing(&self, stream_id: u32) -> Result<(), Error> {
        match self.find(stream_id) {
            Some(Stream {
                role: Role::Player(..),
                granted: true,
                ..
            }) => Ok(()),
            _ => Err(Error::State("nothing is being played on this stream")),
        }
    }

    /// The name of a stream, empty where there is none.
    pub(super) fn name_of(&self, stream_id: u32) -> String {
        self.find(stream_id)
            .map(|stream| stream.name.clone())
            .unwrap_or_default()
    }

    pub(super) fn stop(&mut self, c: &mut Connection, stream_id: u32) -> Result<(), Error> {
        let Some(stream) = self.find(stream_id) else {
            return Err(Error::State("there is no such stream"));
        };
        if let Role::Publisher(_) = stream.role {
            let name = stream.name.clone();
            let command = Command::new("FCUnpublish", self.transaction()).with(name);
            c.send_command(0, &command)?;
        }
        let command = Command::new("deleteStream", self.transaction()).with(f64::from(stream_id));
        c.send_command(0, &command)?;
        self.drop_stream(c, stream_id);
        Ok(())
    }

    /// Stops everything, as far as it can still be sent.
    pub(super) fn stop_all(&mut self, c: &mut Connection) {
        let ids: Vec<u32> = self.streams.iter().filter_map(|stream| stream.id).collect();
        for stream_id in ids {
            // What cannot be said any more ends with the connection.
            let _ = self.stop(c, stream_id);
        }
    }

    /// Forgets a stream, and tells so if it had been granted.
    fn drop_stream(&mut self, c: &mut Connection, stream_id: u32) {
        let granted = self.find(stream_id).is_some_and(|stream| stream.granted);
        self.streams.retain(|stream| stream.id != Some(stream_id));
        if granted {
            c.events.push_back(Event::Stopped { stream_id });
        }
    }

    fn handle_command(&mut self, c: &mut Connection, message: &Message) -> Result<(), Error> {
        let command = Command::parse(message, &c.limits)?;
        match &*command.name {
            "_result" | "_error"
                if self.phase == Phase::Connecting && command.transaction_id == CONNECT =>
            {
                self.connected(c, &command);
                Ok(())
            }
            "_result" => self.stream_created(c, &command),
            "_error" => {
                self.stream_refused(c, &command);
                Ok(())
            }
            "onStatus" => {
                self.on_status(c, message.stream_id, &command);
                Ok(())
            }
            unknown if command.transaction_id != 0.0 => {
                let info = status_info("error", status::CALL_FAILED, unknown);
                c.send_command(
                    message.stream_id,
                    &Command::new("_error", command.transaction_id).with(info),
                )
            }
            _ => Ok(()),
        }
    }

    fn connected(&mut self, c: &mut Connection, command: &Command<'_>) {
        c.establish();
        let info = command.arguments.first();
        if command.name == "_result" {
            self.phase = Phase::Connected;
            let object = |value: Option<&Value<'_>>| {
                value
                    .and_then(Value::as_object)
                    .cloned()
                    .map(Object::into_owned)
                    .unwrap_or_default()
            };
            c.events.push_back(Event::Connected {
                properties: object(Some(&command.object)),
                info: object(info),
            });
        } else {
            self.phase = Phase::Refused;
            // Some servers put the information object where the command object should be.
            let info = info
                .filter(|info| info.as_object().is_some())
                .unwrap_or(&command.object);
            c.events.push_back(refused(None, info));
        }
    }

    fn stream_created(&mut self, c: &mut Connection, command: &Command<'_>) -> Result<(), Error> {
        let Some(index) = self.pending(command.transaction_id) else {
            return Ok(());
        };
        let number = command
            .arguments
            .first()
            .and_then(Value::as_f64)
            .unwrap_or_default();
        let Some(stream_id) = stream_id(number) else {
            self.stream_refused(c, command);
            return Ok(());
        };
        let transaction_id = self.transaction();
        let Some(stream) = self.streams.get_mut(index) else {
            return Ok(());
        };
        stream.id = Some(stream_id);
        match stream.role {
            Role::Publisher(publish_type) => {
                let publish = Command::new("publish", transaction_id);
                c.send_command(
                    stream_id,
                    &publish.with(&*stream.name).with(publish_type.as_str()),
                )
            }
            Role::Player(start, duration) => {
                let start = match start {
                    PlayStart::Any => -2000.0,
                    PlayStart::Live => -1000.0,
                    PlayStart::At(time) => time.as_secs_f64() * 1000.0,
                };
                let play = Command::new("play", transaction_id);
                let mut play = play.with(&*stream.name).with(start);
                if let Some(duration) = duration {
                    play = play.with(duration.as_secs_f64() * 1000.0);
                }
                c.send_command(stream_id, &play)?;
                let millis = self.config.buffer_length;
                c.send_user_control(&UserControl::SetBufferLength { stream_id, millis })
            }
        }
    }

    /// The request whose `createStream` has this transaction.
    fn pending(&self, transaction_id: f64) -> Option<usize> {
        self.streams
            .iter()
            .position(|stream| stream.id.is_none() && stream.transaction_id == transaction_id)
    }

    fn stream_refused(&mut self, c: &mut Connection, command: &Command<'_>) {
        if let Some(stream) = self
            .pending(command.transaction_id)
            .and_then(|index| self.streams.get(index))
        {
            let request = stream.request;
            c.events.push_back(refused(
                Some(request),
                command.arguments.first().unwrap_or(&Value::Null),
            ));
            self.streams.retain(|stream| stream.request != request);
        }
    }

    fn on_status(&mut self, c: &mut Connection, stream_id: u32, command: &Command<'_>) {
        // librtmp's server leaves the null object out, and answers in message stream 0.
        let info = command.arguments.first().unwrap_or(&command.object);
        let stream_id = match (stream_id, &*self.streams) {
            (0, [only]) => only.id.unwrap_or(0),
            _ => stream_id,
        };
        let (level, code, description) = (
            text(info, "level"),
            text(info, "code"),
            text(info, "description"),
        );
        let stream = self
            .streams
            .iter_mut()
            .find(|stream| stream.id == Some(stream_id));
        let event = match (stream, &*code) {
            (_, status::CONNECT_RECONNECT_REQUEST) => Event::ReconnectRequested {
                tc_url: Some(text(info, "tcUrl")).filter(|url| !url.is_empty()),
                description,
            },
            (Some(stream), _) if !stream.granted && level == "error" => {
                let request = stream.request;
                self.streams.retain(|stream| stream.request != request);
                refused(Some(request), info)
            }
            (Some(stream), status::PUBLISH_START) if !stream.granted => {
                stream.granted = true;
                Event::Publishing {
                    request: stream.request,
                    stream_id,
                }
            }
            (Some(stream), status::PLAY_START) if !stream.granted => {
                stream.granted = true;
                Event::Playing {
                    request: stream.request,
                    stream_id,
                }
            }
            (Some(_), status::PLAY_STOP | status::PLAY_COMPLETE | status::UNPUBLISH_SUCCESS) => {
                return self.drop_stream(c, stream_id);
            }
            _ => Event::Status {
                stream_id,
                level,
                code,
                description,
            },
        };
        c.events.push_back(event);
    }
}

impl endpoint::Dialogue for Dialogue {
    type Event = Event;

    fn start(&mut self, c: &mut Connection) -> Result<(), Error> {
        c.set_chunk_size(self.config.chunk_size)?;
        let Config {
            app,
            tc_url,
            flash_ver,
            ..
        } = &self.config;
        let mut object = Object::from([
            ("app", Value::from(&**app)),
            ("type", Value::from("nonprivate")),
            ("flashVer", Value::from(&**flash_ver)),
            ("tcUrl", Value::from(&**tc_url)),
            ("fpad", Value::from(false)),
            ("capabilities", Value::from(15.0)),
            // MP3 and AAC; H.264.
            ("audioCodecs", Value::from(f64::from(0x0404))),
            ("videoCodecs", Value::from(f64::from(0x80))),
            ("videoFunction", Value::from(1.0)),
        ]);
        self.config.capabilities.write(&mut object);
        c.send_command(0, &Command::new("connect", CONNECT).with_object(object))
    }

    fn handle(&mut self, c: &mut Connection, message: Message) -> Result<(), Error> {
        match message.type_id {
            TypeId::COMMAND | TypeId::COMMAND_AMF3 => self.handle_command(c, &message),
            TypeId::AUDIO | TypeId::VIDEO | TypeId::DATA | TypeId::DATA_AMF3 => {
                let Some(stream_id) = self.player_of(message.stream_id) else {
                    return Ok(());
                };
                let message = Message {
                    stream_id,
                    ..message
                };
                if let Some(message) = data::published(message)
                    && !data::is_sample_access(&message)
                {
                    c.events.push_back(Event::Media(message));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn is_undecided(&self) -> bool {
        false
    }

    fn end(&mut self, c: &mut Connection) {
        let ids: Vec<u32> = self.streams.iter().filter_map(|stream| stream.id).collect();
        for stream_id in ids {
            self.drop_stream(c, stream_id);
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

/// A message stream id as a number tells it; 0 is the connection's.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range has been checked"
)]
fn stream_id(number: f64) -> Option<u32> {
    (1.0..=f64::from(u32::MAX))
        .contains(&number)
        .then_some(number as u32)
}

fn text(info: &Value<'_>, name: &str) -> String {
    info.get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn refused(request: Option<RequestId>, info: &Value<'_>) -> Event {
    Event::Refused {
        request,
        code: text(info, "code"),
        description: text(info, "description"),
    }
}
