//! Janus's videoroom by its HTTP interface: requests by POST, what comes of them by a long poll of the session.

use crate::Server;
use crate::connection::Connection;
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

/// Events that are passed over while one is waited for.
const OTHERS: usize = 1000;

#[derive(Debug)]
pub(crate) struct Janus {
    agent: ureq::Agent,
    /// Of the session.
    url: String,
    room: u64,
    requests: u64,
    /// What the publishers are called, and what keeps them.
    feeds: Vec<Value>,
}

impl Janus {
    /// Opens a session and makes the room, unless it is there.
    pub(crate) fn new(url: &str, room: &str) -> Result<Self> {
        let mut janus = Self {
            agent: ureq::Agent::new_with_defaults(),
            url: url.trim_end_matches('/').to_owned(),
            room: room
                .parse()
                .context("rooms of Janus are called by numbers")?,
            requests: 0,
            feeds: Vec::new(),
        };
        let root = janus.url.clone();
        let session = janus.post(&root, json!({ "janus": "create" }))?;
        janus.url = format!("{root}/{}", session["data"]["id"]);
        let handle = janus.attach()?;
        let room = json!({
            "request": "create", "room": janus.room, "publishers": 100, "videocodec": "h264",
            "audiocodec": "opus", "bitrate": 0, "fir_freq": 0, "notify_joining": false,
        });
        janus.post(&handle, json!({ "janus": "message", "body": room }))?;
        Ok(janus)
    }

    fn attach(&mut self) -> Result<String> {
        let session = self.url.clone();
        let plugin = "janus.plugin.videoroom";
        let handle = self.post(&session, json!({ "janus": "attach", "plugin": plugin }))?;
        Ok(format!("{session}/{}", handle["data"]["id"]))
    }

    /// Asks for something; gives what comes at once.
    fn post(&mut self, url: &str, mut request: Value) -> Result<Value> {
        self.requests += 1;
        request["transaction"] = json!(self.requests.to_string());
        let response = self.agent.post(url).content_type("application/json");
        let mut response = response
            .send(request.to_string())
            .with_context(|| format!("{url} does not answer"))?;
        let answer: Value = serde_json::from_str(&response.body_mut().read_to_string()?)?;
        ensure!(answer["janus"] != "error", "Janus refuses: {answer}");
        Ok(answer)
    }

    /// Asks a plugin for something; gives what it tells in the end.
    fn message(&mut self, handle: &str, body: &Value, jsep: Option<Value>) -> Result<Value> {
        let mut request = json!({ "janus": "message", "body": body });
        if let Some(jsep) = jsep {
            request["jsep"] = jsep;
        }
        self.post(handle, request)?;
        let transaction = json!(self.requests.to_string());
        for _ in 0..OTHERS {
            let url = format!("{}?maxev=1", self.url);
            let text = self.agent.get(&url).call()?.body_mut().read_to_string()?;
            let event: Value = serde_json::from_str(&text)?;
            if event["transaction"] == transaction && event["janus"] == "event" {
                let data = &event["plugindata"]["data"];
                ensure!(data.get("error").is_none(), "Janus refuses {body}: {data}");
                return Ok(event);
            }
        }
        bail!("Janus says nothing of {body}")
    }

    /// That no more candidates come.
    fn complete(&mut self, handle: &str) -> Result<()> {
        let candidate = json!({ "completed": true });
        self.post(
            handle,
            json!({ "janus": "trickle", "candidate": candidate }),
        )?;
        Ok(())
    }
}

fn sdp(event: &Value) -> Result<&str> {
    event["jsep"]["sdp"]
        .as_str()
        .context("Janus sends no description")
}

impl Server for Janus {
    fn publish(&mut self, index: usize, connection: &mut Connection) -> Result<()> {
        let handle = self.attach()?;
        let join = json!({
            "request": "join", "ptype": "publisher", "room": self.room, "display": format!("publisher {index}"),
        });
        let joined = self.message(&handle, &join, None)?;
        self.feeds.push(joined["plugindata"]["data"]["id"].clone());
        let offer = json!({ "type": "offer", "sdp": connection.offer()? });
        let published = self.message(&handle, &json!({ "request": "publish" }), Some(offer))?;
        connection.accept_answer(sdp(&published)?)?;
        self.complete(&handle)
    }

    fn subscribe(&mut self, publisher: usize, connection: &mut Connection) -> Result<()> {
        let handle = self.attach()?;
        let feed = self.feeds.get(publisher).context("nobody publishes that")?;
        let join = json!({
            "request": "join", "ptype": "subscriber", "room": self.room, "streams": [{ "feed": feed }],
        });
        let attached = self.message(&handle, &join, None)?;
        let answer = connection.accept_offer(sdp(&attached)?)?;
        let answer = json!({ "type": "answer", "sdp": answer });
        let start = json!({ "request": "start", "room": self.room });
        self.message(&handle, &start, Some(answer))?;
        self.complete(&handle)
    }
}
