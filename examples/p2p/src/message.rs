//! What is said over the WebSocket: one JSON object a message, told apart by its `type`. The README has the table.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// From a page to the server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Request {
    /// The first message: who comes.
    Join {
        /// What the other sees.
        name: String,
        /// Made up by the page: who comes again with the same one takes their own place.
        #[serde(default)]
        session: String,
    },
    /// For the other: a session description, as the browser makes it.
    Description {
        /// It.
        description: Value,
        /// To whom, by `id`: it is dropped if they have gone. Without, to whoever is there.
        #[serde(default)]
        to: Option<String>,
    },
    /// For the other: a candidate, as the browser makes it; `null` is the end of them.
    Candidate {
        /// It.
        candidate: Value,
        /// To whom, by `id`: it is dropped if they have gone. Without, to whoever is there.
        #[serde(default)]
        to: Option<String>,
    },
    /// Asks for servers and credentials anew.
    Ice,
    /// Goes at once, without waiting for a time-out.
    Leave,
    /// Asks for `pong`.
    Ping,
}

/// Somebody in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// By which all messages call them.
    pub id: String,
    /// What they call themselves.
    pub name: String,
}

/// One of the `iceServers` of a peer connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IceServer {
    /// Where it is.
    pub urls: Vec<String>,
    /// Who may use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Their password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// From the server to a page.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Notice {
    /// The answer to `join`.
    Welcome {
        /// Who you are.
        id: String,
    },
    /// STUN and TURN servers with credentials; the answer to `join`, too, and to `ice`.
    Ice {
        /// Them.
        servers: Vec<IceServer>,
        /// How long the credentials let new allocations be made, in seconds.
        ttl: u64,
    },
    /// The other is there.
    Joined {
        /// Who.
        peer: Person,
        /// Whether you are the polite one, who gives in when two offers cross: exactly one of two is.
        polite: bool,
    },
    /// The other went.
    Left {
        /// Who.
        id: String,
    },
    /// A session description of the other.
    Description {
        /// It.
        description: Value,
    },
    /// A candidate of the other.
    Candidate {
        /// It.
        candidate: Value,
    },
    /// The answer to `ping`.
    Pong,
    /// A request that could not be done.
    Refused {
        /// Why.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_as_documented() {
        let read = |text: &str| serde_json::from_str::<Request>(text).unwrap();
        let Request::Join { name, session } = read(r#"{"type":"join","name":"X"}"#) else {
            panic!("a join")
        };
        assert_eq!((name.as_str(), session.as_str()), ("X", ""));
        assert_eq!(
            read(r#"{"type":"candidate","candidate":null}"#),
            Request::Candidate {
                candidate: Value::Null,
                to: None
            }
        );
        assert!(serde_json::from_str::<Request>(r#"{"type":"jump"}"#).is_err());
        assert!(serde_json::from_str::<Request>(r#"{"type":"description"}"#).is_err());
    }

    #[test]
    fn notices_are_written_as_documented() {
        let notice = Notice::Ice {
            servers: vec![IceServer {
                urls: vec!["stun:h:1".into()],
                username: None,
                credential: None,
            }],
            ttl: 5,
        };
        assert_eq!(
            serde_json::to_string(&notice).unwrap(),
            r#"{"type":"ice","servers":[{"urls":["stun:h:1"]}],"ttl":5}"#
        );
    }
}
