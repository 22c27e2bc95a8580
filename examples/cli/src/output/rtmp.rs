use super::Sink;
use crate::net::rtmp::Connection;
use anyhow::{Context, Result, bail};
use media::{Codec, Event, Sample, Tracks};
use rtmp::client::Event as Told;
use rtmp::flv::Muxer;
use rtmp::{Message, Url};
use std::time::{Duration, Instant};

/// A stream that is published.
pub struct Rtmp {
    url: String,
    muxer: Muxer,
    /// Made with the first message: what is refused before costs nothing.
    publishing: Option<Publishing>,
    /// Whether each message waits for its time.
    is_paced: bool,
}

struct Publishing {
    connection: Connection,
    stream_id: u32,
    /// When the message with this timestamp went out.
    start: Option<(Instant, u32)>,
}

impl Rtmp {
    pub fn new(url: &str, is_paced: bool) -> Self {
        Self {
            url: url.to_owned(),
            muxer: Muxer::new(),
            publishing: None,
            is_paced,
        }
    }

    fn write(&mut self) -> Result<()> {
        while let Some(message) = self.muxer.poll_output() {
            let publishing = match &mut self.publishing {
                Some(publishing) => publishing,
                none => {
                    let opened = Publishing::open(&self.url);
                    none.insert(opened.with_context(|| self.url.clone())?)
                }
            };
            let sent = publishing.send(message, self.is_paced);
            sent.with_context(|| self.url.clone())?;
        }
        Ok(())
    }
}

impl Publishing {
    fn open(url: &str) -> Result<Self> {
        let url: Url = url.parse()?;
        if url.name.is_empty() {
            bail!("the URL has no name for the stream, as in rtmp://host/app/name");
        }
        let mut connection = Connection::open(&url)?;
        let stream_id = connection.publish(&url.name)?;
        Ok(Self {
            connection,
            stream_id,
            start: None,
        })
    }

    fn send(&mut self, mut message: Message, is_paced: bool) -> Result<()> {
        message.stream_id = self.stream_id;
        let (start, first) = *self
            .start
            .get_or_insert_with(|| (Instant::now(), message.timestamp));
        let due = Duration::from_millis(message.timestamp.wrapping_sub(first).into());
        loop {
            // What the server says meanwhile is heard in any case.
            let wait = if is_paced {
                due.saturating_sub(start.elapsed())
            } else {
                Duration::ZERO
            };
            match self.connection.poll(wait)? {
                Some(Told::Closed(_)) => bail!("the server closed the connection"),
                Some(Told::Stopped { .. }) => bail!("the server ended the stream"),
                Some(Told::Status {
                    level, description, ..
                }) if level == "error" => bail!("the server ended the stream: {description}"),
                Some(_) => {}
                None => break,
            }
        }
        self.connection.send(&message)
    }
}

impl Sink for Rtmp {
    fn name(&self) -> String {
        "RTMP".into()
    }

    fn can_carry(&self, codec: &Codec) -> bool {
        Muxer::carries(codec)
    }

    fn set_tracks(&mut self, tracks: &Tracks) -> Result<()> {
        self.muxer.set_tracks(tracks)?;
        self.write()
    }

    fn handle_sample(&mut self, sample: Sample) -> Result<()> {
        self.muxer.handle_sample(&sample)?;
        self.write()
    }

    fn handle_event(&mut self, event: &Event) -> Result<()> {
        if let Event::Metadata(metadata) = event {
            self.muxer.set_metadata(metadata.clone());
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.write()?;
        match &mut self.publishing {
            Some(publishing) => publishing.connection.close(),
            None => Ok(()),
        }
    }
}
