//! Our server's doors for standard clients: an offer by POST, the answer comes back (RFC 9725).

use crate::Server;
use crate::connection::Connection;
use anyhow::{Context, Result};

#[derive(Debug)]
pub(crate) struct Whip {
    agent: ureq::Agent,
    url: String,
    room: String,
}

impl Whip {
    pub(crate) fn new(url: &str, room: &str) -> Self {
        Self {
            agent: ureq::Agent::new_with_defaults(),
            url: url.trim_end_matches('/').to_owned(),
            room: room.to_owned(),
        }
    }

    fn post(&self, way: &str, room: usize, connection: &mut Connection) -> Result<()> {
        let url = format!("{}/{way}/{}-{room}", self.url, self.room);
        let request = self.agent.post(&url).content_type("application/sdp");
        let mut response = request
            .send(connection.offer()?)
            .with_context(|| format!("{url} does not answer"))?;
        let answer = response.body_mut().read_to_string()?;
        connection.accept_answer(&answer)
    }
}

impl Server for Whip {
    fn publish(&mut self, index: usize, connection: &mut Connection) -> Result<()> {
        // A room for each publisher: its subscribers get it, and nobody else.
        self.post("whip", index, connection)
    }

    fn subscribe(&mut self, publisher: usize, connection: &mut Connection) -> Result<()> {
        self.post("whep", publisher, connection)
    }
}
