//! The client's commands and what is answered.

use super::dialogue::{Connection, Dialogue, Role, Stream, Undecided, Video, on_status};
use super::event::{ConnectRequest, Event, PlayRequest, PlayStart, PublishRequest, PublishType};
use crate::amf::amf0::Value;
use crate::message::{Command, UserControl, status, status_info};
use crate::session::{Capabilities, split_query};
use crate::{Error, Message};
use alloc::borrow::ToOwned;
use alloc::string::String;
use core::time::Duration;

impl Dialogue {
    pub(super) fn handle_command(
        &mut self,
        c: &mut Connection,
        message: &Message,
    ) -> Result<(), Error> {
        let command = Command::parse(message, &c.limits)?;
        let first = command.arguments.first();
        let name = first.and_then(Value::as_str).unwrap_or_default();
        match &*command.name {
            "connect" => self.connect(c, &command),
            _ if !self.connected => Err(Error::State("a command came before connect")),
            "createStream" => self.create_stream(c, &command),
            "publish" => self.publish(c, message.stream_id, &command),
            "play" => self.play(c, message.stream_id, &command),
            "play2" => self.play2(c, message.stream_id, &command),
            "seek" => self.seek(c, message.stream_id, &command),
            // ActionScript and librtmp have two names for it.
            "pause" | "pauseRaw" => self.pause(c, message.stream_id, &command),
            "receiveAudio" => self.receive(c, message.stream_id, &command, true),
            "receiveVideo" => self.receive(c, message.stream_id, &command, false),
            "closeStream" => self.release(c, message.stream_id, false),
            "deleteStream" => {
                let stream_id = match first {
                    Some(Value::Number(id)) => self
                        .streams
                        .iter()
                        .map(|stream| stream.id)
                        .find(|&own| f64::from(own) == *id),
                    // GStreamer names the stream instead.
                    Some(Value::String(name)) => {
                        let (name, _) = split_query(name);
                        self.streams
                            .iter()
                            .find(|stream| stream.name == name)
                            .map(|stream| stream.id)
                    }
                    _ => Some(message.stream_id),
                };
                match stream_id {
                    Some(stream_id) => self.release(c, stream_id, true),
                    None => Ok(()),
                }
            }
            // Some encoders wait for these two before they go on.
            "FCPublish" => {
                answer(c, &command, Value::Undefined)?;
                on_fc(c, "onFCPublish", status::PUBLISH_START, name)
            }
            "FCUnpublish" => {
                answer(c, &command, Value::Undefined)?;
                on_fc(c, "onFCUnpublish", status::UNPUBLISH_SUCCESS, name)?;
                let (name, _) = split_query(name);
                let publisher =
                    |stream: &&Stream| stream.role == Role::Publisher && stream.name == name;
                match self.streams.iter().find(publisher).map(|stream| stream.id) {
                    Some(stream_id) => self.release(c, stream_id, false),
                    None => Ok(()),
                }
            }
            "FCSubscribe" => {
                answer(c, &command, Value::Undefined)?;
                on_fc(c, "onFCSubscribe", status::PLAY_START, name)
            }
            "releaseStream" | "_checkbw" => answer(c, &command, Value::Undefined),
            "getStreamLength" if self.has_recordings && command.transaction_id != 0.0 => {
                if let Some(id) = self.ask_length(c, command.transaction_id) {
                    let (app, name) = (self.app.clone(), split_query(name).0.to_owned());
                    c.events.push_back(Event::LengthRequested { id, app, name });
                }
                Ok(())
            }
            // A live stream has no length.
            "getStreamLength" => answer(c, &command, Value::Number(0.0)),
            // Answers to nothing that we ask.
            "_result" | "_error" | "onStatus" => Ok(()),
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

    fn connect(&mut self, c: &mut Connection, command: &Command<'_>) -> Result<(), Error> {
        if self.connected {
            return Err(Error::State("connect came twice"));
        }
        c.establish();
        let properties = command
            .object
            .as_object()
            .cloned()
            .unwrap_or_default()
            .into_owned();
        let app = properties
            .get("app")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let (app, query) = split_query(app);
        self.peer = Capabilities::of(&properties);
        self.app = app.trim_matches('/').to_owned();
        self.query = query.to_owned();
        let id = self.ask(Undecided::Connect {
            transaction_id: command.transaction_id,
        });
        let (app, query) = (self.app.clone(), self.query.clone());
        c.events.push_back(Event::ConnectRequested(ConnectRequest {
            id,
            app,
            query,
            properties,
        }));
        Ok(())
    }

    fn create_stream(&mut self, c: &mut Connection, command: &Command<'_>) -> Result<(), Error> {
        let max = c.limits.message_streams;
        let free = (1..).find(|id| self.streams.iter().all(|stream| stream.id != *id));
        match free {
            Some(id) if self.streams.len() < max => {
                self.streams.push(Stream {
                    id,
                    name: String::new(),
                    role: Role::Idle,
                    buffer: self.buffer,
                    audio: true,
                    video: Video::Wanted,
                });
                answer(c, command, Value::Number(id.into()))
            }
            _ => {
                let info = status_info("error", status::CALL_FAILED, "Too many streams.");
                c.send_command(
                    0,
                    &Command::new("_error", command.transaction_id).with(info),
                )
            }
        }
    }

    fn buffer_of(&mut self, stream_id: u32) -> Option<Duration> {
        self.stream(stream_id)?.buffer
    }

    /// Readies a stream for a new use under a name; gives the name's query, or the application's where it has none.
    fn claim(
        &mut self,
        c: &mut Connection,
        stream_id: u32,
        name: &str,
    ) -> Result<Option<String>, Error> {
        self.release(c, stream_id, false)?;
        let (name, query) = split_query(name);
        let query = if query.is_empty() {
            self.query.clone()
        } else {
            query.to_owned()
        };
        let Some(stream) = self.stream(stream_id) else {
            on_status(
                c,
                stream_id,
                "error",
                status::STREAM_FAILED,
                "The stream was not created.",
            )?;
            return Ok(None);
        };
        name.clone_into(&mut stream.name);
        Ok(Some(query))
    }

    fn publish(
        &mut self,
        c: &mut Connection,
        stream_id: u32,
        command: &Command<'_>,
    ) -> Result<(), Error> {
        let name = match command.arguments.first() {
            Some(Value::String(name)) => name,
            // How ActionScript ends a publication.
            Some(Value::Boolean(false)) => return self.release(c, stream_id, false),
            _ => {
                return on_status(
                    c,
                    stream_id,
                    "error",
                    status::PUBLISH_BAD_NAME,
                    "The name is missing.",
                );
            }
        };
        let Some(query) = self.claim(c, stream_id, name)? else {
            return Ok(());
        };
        let publish_type = match command.arguments.get(1).and_then(Value::as_str) {
            Some("record") => PublishType::Record,
            Some("append") => PublishType::Append,
            _ => PublishType::Live,
        };
        let id = self.ask(Undecided::Publish { stream_id });
        let (app, name) = (self.app.clone(), split_query(name).0.to_owned());
        c.events.push_back(Event::PublishRequested(PublishRequest {
            id,
            stream_id,
            app,
            name,
            query,
            publish_type,
        }));
        Ok(())
    }

    fn play(
        &mut self,
        c: &mut Connection,
        stream_id: u32,
        command: &Command<'_>,
    ) -> Result<(), Error> {
        let name = match command.arguments.first() {
            Some(Value::String(name)) => name,
            Some(Value::Boolean(false)) => return self.release(c, stream_id, false),
            _ => {
                return on_status(
                    c,
                    stream_id,
                    "error",
                    status::PLAY_STREAM_NOT_FOUND,
                    "The name is missing.",
                );
            }
        };
        let Some(query) = self.claim(c, stream_id, name)? else {
            return Ok(());
        };
        let start = match command.arguments.get(1).and_then(Value::as_f64) {
            Some(start) if start == -1.0 || start == -1000.0 => PlayStart::Live,
            Some(start) => millis(start).map_or(PlayStart::Any, PlayStart::At),
            None => PlayStart::Any,
        };
        let duration = command
            .arguments
            .get(2)
            .and_then(Value::as_f64)
            .and_then(millis);
        let reset = match command.arguments.get(3) {
            Some(Value::Boolean(reset)) => *reset,
            Some(Value::Number(reset)) => *reset != 0.0,
            _ => true,
        };
        let id = self.ask(Undecided::Play { stream_id, reset });
        let (app, name) = (self.app.clone(), split_query(name).0.to_owned());
        c.events.push_back(Event::PlayRequested(PlayRequest {
            id,
            stream_id,
            app,
            name,
            query,
            start,
            duration,
            buffer: self.buffer_of(stream_id),
            transition: None,
        }));
        Ok(())
    }

    /// `play2` with its `NetStreamPlayOptions`: another stream, mostly in the place of one.
    fn play2(
        &mut self,
        c: &mut Connection,
        stream_id: u32,
        command: &Command<'_>,
    ) -> Result<(), Error> {
        let options = command.arguments.first().unwrap_or(&command.object);
        let Some(name) = options.get("streamName").and_then(Value::as_str) else {
            let text = "The name is missing.";
            return on_status(c, stream_id, "error", status::PLAY_STREAM_NOT_FOUND, text);
        };
        let number = |name: &str| options.get(name).and_then(Value::as_f64);
        let playing = self
            .stream(stream_id)
            .is_some_and(|stream| stream.role == Role::Player);
        let transition = options.get("transition").and_then(Value::as_str);
        let transition = transition.unwrap_or("switch").to_owned();
        if playing && let Some(stream) = self.stream(stream_id) {
            // One takes the place of the other: nothing is told to have ended.
            stream.role = Role::Idle;
            c.events.push_back(Event::PlayStopped { stream_id });
        }
        let Some(query) = self.claim(c, stream_id, name)? else {
            return Ok(());
        };
        let id = self.ask(if playing {
            Undecided::Switch { stream_id }
        } else {
            Undecided::Play {
                stream_id,
                reset: true,
            }
        });
        let (app, name) = (self.app.clone(), split_query(name).0.to_owned());
        // These are seconds, as Flash Player has them.
        let seconds = |name| Duration::try_from_secs_f64(number(name)?).ok();
        c.events.push_back(Event::PlayRequested(PlayRequest {
            id,
            stream_id,
            app,
            name,
            query,
            start: match number("start") {
                Some(-1.0) => PlayStart::Live,
                _ => seconds("start").map_or(PlayStart::Any, PlayStart::At),
            },
            duration: seconds("len"),
            buffer: self.buffer_of(stream_id),
            transition: Some(transition),
        }));
        Ok(())
    }

    fn seek(
        &mut self,
        c: &mut Connection,
        stream_id: u32,
        command: &Command<'_>,
    ) -> Result<(), Error> {
        if self.check_player(stream_id).is_err() {
            return Ok(());
        }
        let position = command.arguments.first().and_then(Value::as_f64);
        match position.and_then(millis) {
            Some(position) if self.has_recordings => {
                c.events.push_back(Event::SeekRequested {
                    stream_id,
                    position,
                });
                Ok(())
            }
            _ => self.reject_seek(c, stream_id, "There is no such place."),
        }
    }

    fn pause(
        &mut self,
        c: &mut Connection,
        stream_id: u32,
        command: &Command<'_>,
    ) -> Result<(), Error> {
        if self.check_player(stream_id).is_err() {
            return Ok(());
        }
        let paused = command.arguments.first().and_then(Value::as_bool);
        let paused = paused.unwrap_or(true);
        let position = command.arguments.get(1).and_then(Value::as_f64);
        c.events.push_back(Event::Paused {
            stream_id,
            paused,
            position: position.and_then(millis).unwrap_or_default(),
        });
        if paused {
            c.send_user_control(&UserControl::StreamEof(stream_id))?;
            return on_status(
                c,
                stream_id,
                "status",
                status::PAUSE_NOTIFY,
                "Playing pauses.",
            );
        }
        c.send_user_control(&UserControl::StreamBegin(stream_id))?;
        on_status(
            c,
            stream_id,
            "status",
            status::UNPAUSE_NOTIFY,
            "Playing goes on.",
        )
    }

    /// Changes whether a player gets sound or pictures.
    fn receive(
        &mut self,
        c: &mut Connection,
        stream_id: u32,
        command: &Command<'_>,
        audio: bool,
    ) -> Result<(), Error> {
        let wanted = command.arguments.first().and_then(Value::as_bool);
        let Some(stream) = self
            .stream(stream_id)
            .filter(|stream| stream.role == Role::Player)
        else {
            return Ok(());
        };
        match wanted {
            None => return Ok(()),
            Some(wanted) if audio => stream.audio = wanted,
            Some(true) if stream.video == Video::Unwanted => stream.video = Video::Soon,
            Some(true) => {}
            Some(false) => stream.video = Video::Unwanted,
        }
        let (audio, video) = (stream.audio, stream.video != Video::Unwanted);
        c.events.push_back(Event::ReceptionChanged {
            stream_id,
            audio,
            video,
        });
        Ok(())
    }

    /// Ends what goes on on a stream at the client's wish, and the stream itself.
    fn release(&mut self, c: &mut Connection, stream_id: u32, delete: bool) -> Result<(), Error> {
        let role = match self.stream(stream_id) {
            Some(stream) => core::mem::replace(&mut stream.role, Role::Idle),
            None => return Ok(()),
        };
        if delete {
            self.streams.retain(|stream| stream.id != stream_id);
        }
        match role {
            Role::Idle => Ok(()),
            Role::Publisher => {
                c.events.push_back(Event::PublishStopped { stream_id });
                on_status(
                    c,
                    stream_id,
                    "status",
                    status::UNPUBLISH_SUCCESS,
                    "Publishing has ended.",
                )
            }
            Role::Player => {
                c.events.push_back(Event::PlayStopped { stream_id });
                on_status(
                    c,
                    stream_id,
                    "status",
                    status::PLAY_STOP,
                    "Playing has ended.",
                )?;
                c.send_user_control(&UserControl::StreamEof(stream_id))
            }
        }
    }
}

/// The `onFC...` commands of the encoders' dialect; the name goes where a description would.
fn on_fc(c: &mut Connection, command: &str, code: &str, name: &str) -> Result<(), Error> {
    c.send_command(
        0,
        &Command::new(command, 0.0).with(status_info("status", code, name)),
    )
}

/// `_result`, where the client wants one.
fn answer(c: &mut Connection, command: &Command<'_>, value: Value<'_>) -> Result<(), Error> {
    if command.transaction_id == 0.0 {
        return Ok(());
    }
    c.send_command(
        0,
        &Command::new("_result", command.transaction_id).with(value),
    )
}

/// Milliseconds as a span, if they are one.
fn millis(value: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(value / 1000.0).ok()
}
