use super::{Message, TypeId};
use crate::amf::amf0::{self, Object, Value};
use crate::{Error, Limits};
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// A command or the answer to one (RTMP 1.0 §7.2).
///
/// ```
/// use fluvial_rtmp::Limits;
/// use fluvial_rtmp::message::Command;
///
/// let command = Command::new("createStream", 4.0);
/// let message = command.to_message(0)?;
/// assert_eq!(Command::parse(&message, &Limits::default())?, command);
/// # Ok::<(), fluvial_rtmp::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Command<'a> {
    /// What to do; `_result` and `_error` for answers.
    pub name: Cow<'a, str>,
    /// By which an answer finds its question; 0 where none is wanted.
    pub transaction_id: f64,
    /// The command object, often null.
    pub object: Value<'a>,
    /// What follows.
    pub arguments: Vec<Value<'a>>,
}

impl<'a> Command<'a> {
    /// A command with a null object and no arguments.
    pub fn new(name: impl Into<Cow<'a, str>>, transaction_id: f64) -> Self {
        Self {
            name: name.into(),
            transaction_id,
            object: Value::Null,
            arguments: Vec::new(),
        }
    }

    /// With this command object.
    #[must_use]
    pub fn with_object(mut self, object: impl Into<Value<'a>>) -> Self {
        self.object = object.into();
        self
    }

    /// With one more argument.
    #[must_use]
    pub fn with(mut self, argument: impl Into<Value<'a>>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// `onStatus` with its information object (§7.3).
    #[must_use]
    pub fn on_status(level: &'a str, code: &'a str, description: &'a str) -> Self {
        Command::new("onStatus", 0.0).with(status_info(level, code, description))
    }

    /// Reads a message of type [`TypeId::COMMAND`] or [`TypeId::COMMAND_AMF3`]; values of AMF3 are read as AMF0 has them nearest.
    ///
    /// # Errors
    /// Those of [`amf0::decode`]; [`Error::State`] where the message does not start with a name.
    pub fn parse(message: &'a Message, limits: &Limits) -> Result<Self, Error> {
        let body = match (message.type_id, &*message.payload) {
            (TypeId::COMMAND_AMF3, [0, body @ ..]) => body,
            (_, body) => body,
        };
        let mut values = amf0::decode(body, limits)?
            .into_iter()
            .map(Value::flattened);
        let Some(Value::String(name)) = values.next() else {
            return Err(Error::State("a command does not start with its name"));
        };
        Ok(Self {
            name,
            transaction_id: values
                .next()
                .and_then(|value| value.as_f64())
                .unwrap_or_default(),
            object: values.next().unwrap_or_default(),
            arguments: values.collect(),
        })
    }

    /// The AMF0 message with this command, at time 0.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a property's name past 65 535 bytes.
    pub fn to_message(&self, stream_id: u32) -> Result<Message, Error> {
        let mut out = Vec::with_capacity(256);
        Value::from(&*self.name).encode(&mut out)?;
        Value::from(self.transaction_id).encode(&mut out)?;
        self.object.encode(&mut out)?;
        amf0::encode(&self.arguments, &mut out)?;
        Ok(Message {
            timestamp: 0,
            type_id: TypeId::COMMAND,
            stream_id,
            payload: out.into(),
        })
    }
}

/// The information object of a status.
pub(crate) fn status_info<'a>(level: &'a str, code: &'a str, description: &'a str) -> Object<'a> {
    Object::from([
        ("level", Value::from(level)),
        ("code", Value::from(code)),
        ("description", Value::from(description)),
    ])
}

/// Codes of the `onStatus`, `_result` and `_error` information objects.
pub mod status {
    /// The connection stands.
    pub const CONNECT_SUCCESS: &str = "NetConnection.Connect.Success";
    /// The connection is refused.
    pub const CONNECT_REJECTED: &str = "NetConnection.Connect.Rejected";
    /// The server has no such application.
    pub const CONNECT_INVALID_APP: &str = "NetConnection.Connect.InvalidApp";
    /// A command was not understood or failed.
    pub const CALL_FAILED: &str = "NetConnection.Call.Failed";
    /// Publishing can start.
    pub const PUBLISH_START: &str = "NetStream.Publish.Start";
    /// The name is taken, or must not be used.
    pub const PUBLISH_BAD_NAME: &str = "NetStream.Publish.BadName";
    /// Publishing has ended.
    pub const UNPUBLISH_SUCCESS: &str = "NetStream.Unpublish.Success";
    /// The playlist was reset.
    pub const PLAY_RESET: &str = "NetStream.Play.Reset";
    /// Playing starts.
    pub const PLAY_START: &str = "NetStream.Play.Start";
    /// Playing has ended.
    pub const PLAY_STOP: &str = "NetStream.Play.Stop";
    /// The whole of a recording was sent.
    pub const PLAY_COMPLETE: &str = "NetStream.Play.Complete";
    /// Playing failed.
    pub const PLAY_FAILED: &str = "NetStream.Play.Failed";
    /// There is no such stream.
    pub const PLAY_STREAM_NOT_FOUND: &str = "NetStream.Play.StreamNotFound";
    /// The publisher of the stream being played has come.
    pub const PLAY_PUBLISH_NOTIFY: &str = "NetStream.Play.PublishNotify";
    /// The publisher of the stream being played has gone.
    pub const PLAY_UNPUBLISH_NOTIFY: &str = "NetStream.Play.UnpublishNotify";
    /// The client is asked to connect anew, perhaps elsewhere (Enhanced RTMP).
    pub const CONNECT_RECONNECT_REQUEST: &str = "NetConnection.Connect.ReconnectRequest";
    /// Playing has changed to another stream.
    pub const PLAY_TRANSITION: &str = "NetStream.Play.Transition";
    /// Playing pauses.
    pub const PAUSE_NOTIFY: &str = "NetStream.Pause.Notify";
    /// Playing goes on.
    pub const UNPAUSE_NOTIFY: &str = "NetStream.Unpause.Notify";
    /// Playing goes on from another place.
    pub const SEEK_NOTIFY: &str = "NetStream.Seek.Notify";
    /// There is no such place, or there are no places.
    pub const SEEK_FAILED: &str = "NetStream.Seek.Failed";
    /// A command on a stream failed.
    pub const STREAM_FAILED: &str = "NetStream.Failed";
}
