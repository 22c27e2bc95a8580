use super::{Input, Source};
use crate::format::Format;
use crate::net::rtmp::Connection;
use crate::{progress, stop};
use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use media::{Event, Warning};
use rtmp::client::Event as Told;
use rtmp::flv::Demuxer;
use rtmp::{Limits, Url};
use std::time::{Duration, Instant};

/// Silence after which a stream is over: some servers do not say so.
const SILENCE: Duration = Duration::from_secs(30);

/// Plays a stream.
pub fn open(name: &str) -> Result<Input> {
    let url: Url = name.parse().with_context(|| name.to_owned())?;
    let mut connection = Connection::open(&url).with_context(|| name.to_owned())?;
    connection
        .play(&url.name)
        .with_context(|| name.to_owned())?;
    let bar = progress::bar(None);
    Ok(Input {
        format: Format::Rtmp,
        source: Box::new(Playing {
            connection,
            demuxer: Demuxer::new(Limits::default()),
            heard: Instant::now(),
            warned: false,
            is_over: false,
            bar: bar.clone(),
        }),
        bar,
        len: None,
        is_live: true,
    })
}

/// A stream that is played.
struct Playing {
    connection: Connection,
    demuxer: Demuxer,
    /// When something came last.
    heard: Instant,
    warned: bool,
    is_over: bool,
    bar: ProgressBar,
}

impl Playing {
    fn end(&mut self) {
        if !self.is_over {
            self.is_over = true;
            self.demuxer.handle_eof();
            // Whether the server hears it is its own affair.
            let _ = self.connection.close();
        }
    }

    fn handle(&mut self, told: Told) -> Result<()> {
        match told {
            Told::Media(message) => {
                self.heard = Instant::now();
                self.bar.inc(message.payload.len() as u64);
                self.demuxer.handle_message(&message);
            }
            Told::Status {
                code, description, ..
            } => match &*code {
                "NetStream.Play.UnpublishNotify"
                | "NetStream.Play.Stop"
                | "NetStream.Play.Complete" => self.end(),
                "NetStream.Play.StreamNotFound" | "NetStream.Play.Failed" | "NetStream.Failed" => {
                    bail!("the server cannot play it: {description}");
                }
                _ => {}
            },
            Told::Stopped { .. } | Told::Closed(_) => self.end(),
            _ => {}
        }
        Ok(())
    }
}

impl Source for Playing {
    fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.demuxer.poll_event()? {
                return Ok(Some(event));
            }
            if self.is_over {
                return Ok(None);
            }
            if let Some(told) = self.connection.poll(Duration::from_millis(200))? {
                self.handle(told)?;
            } else if self.heard.elapsed() > SILENCE && !self.warned {
                self.warned = true;
                self.end();
                let what = format!("nothing came for {} s", SILENCE.as_secs());
                return Ok(Some(Event::Warning(Warning::new(what))));
            }
            if stop::is_asked() {
                self.end();
            }
        }
    }
}
