use super::merge::Merge;
use super::pushed::Demuxer;
use super::{Input, Keys, Options, Place, Source};
use crate::format::Format;
use crate::{progress, stop};
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use dash::client::{self, Client, Kind, Request};
use indicatif::ProgressBar;
use media::{Event, Warning};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Opens a manifest that changes: one stream of each kind of content, from near the live edge on.
pub fn open(url: &str, options: &Options) -> Result<Input> {
    let bar = progress::bar(None);
    let mut shared = Shared {
        client: Client::new(url, client::Config::default()),
        lanes: Vec::new(),
        keys: options.keys.clone(),
        bar: bar.clone(),
        is_over: false,
    };
    while shared.lanes.is_empty() {
        if !shared.work()? {
            bail!("{url}: nothing to play");
        }
    }
    let count = shared.lanes.len();
    let shared = Rc::new(RefCell::new(shared));
    let lane = |index| -> Box<dyn Source> {
        let shared = Rc::clone(&shared);
        Box::new(LaneSource { shared, index })
    };
    Ok(Input {
        format: Format::Dash,
        source: Box::new(Merge::new((0..count).map(lane).collect())),
        bar,
        len: None,
        is_live: true,
    })
}

/// What the streams have in common: the client fetches for all of them.
struct Shared {
    client: Client,
    lanes: Vec<Lane>,
    keys: Keys,
    bar: ProgressBar,
    is_over: bool,
}

/// A stream, from period to period.
#[derive(Default)]
struct Lane {
    demuxer: Option<Box<dyn Demuxer>>,
    /// What is to be told before the demuxer is asked.
    told: VecDeque<Event>,
}

/// Unix time in nanoseconds.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
    })
}

impl Lane {
    /// What the demuxer holds goes out.
    fn flush(&mut self) -> Result<()> {
        if let Some(mut demuxer) = self.demuxer.take() {
            demuxer.handle_eof();
            while let Some(event) = demuxer.poll_event()? {
                self.told.push_back(event);
            }
        }
        Ok(())
    }

    fn input(&mut self, data: &Bytes, keys: &Keys, url: &str) -> Result<()> {
        let demuxer = match &mut self.demuxer {
            Some(demuxer) => demuxer,
            none => {
                let format = Format::sniff(data);
                let format =
                    format.with_context(|| format!("{url}: not a format that is known here"))?;
                none.insert(super::demuxer(format, keys).with_context(|| url.to_owned())?)
            }
        };
        demuxer.handle_input(data);
        Ok(())
    }
}

impl Shared {
    /// Fetches what is to be fetched now, or waits until there is something; whether it goes on.
    fn work(&mut self) -> Result<bool> {
        if self.is_over {
            return Ok(false);
        }
        // At most one for each stream, so that they come side by side.
        let requests: Vec<_> = std::iter::from_fn(|| self.client.poll_request(now())).collect();
        let idle = requests.is_empty();
        for request in requests {
            self.fetch(&request)?;
        }
        let mut told = false;
        while let Some(event) = self.client.poll_event()? {
            told = true;
            self.handle(event)?;
        }
        if idle && !told {
            let Some(at) = self.client.poll_timeout() else {
                return self.end();
            };
            let wait = u64::try_from(at.saturating_sub(now())).unwrap_or(0);
            if stop::sleep(Duration::from_nanos(wait)) {
                return self.end();
            }
        }
        if stop::is_asked() {
            return self.end();
        }
        Ok(!self.is_over)
    }

    fn end(&mut self) -> Result<bool> {
        self.is_over = true;
        self.lanes.iter_mut().try_for_each(Lane::flush)?;
        Ok(false)
    }

    fn fetch(&mut self, request: &Request) -> Result<()> {
        let url = &request.resource.url;
        let place = Place::Url(url.clone());
        let range = request.resource.range.map(|range| {
            let len = range.last.map_or(u64::MAX, |last| {
                last.saturating_sub(range.first).saturating_add(1)
            });
            (range.first, len)
        });
        let found = match request.kind {
            Kind::Document | Kind::Patch | Kind::Clock => place.read_text(),
            _ => place.read(range).map(|data| (data, place)),
        };
        let Ok((data, place)) = found else {
            self.client.handle_failure(request.id, now());
            return Ok(());
        };
        if matches!(request.kind, Kind::Initialization | Kind::Media(_)) {
            self.bar.inc(data.len() as u64);
            if let Some(lane) = self.lanes.get_mut(request.stream) {
                lane.input(&data, &self.keys, url)?;
            }
        }
        self.client
            .handle_response(request.id, &place.to_string(), &data, now());
        Ok(())
    }

    fn handle(&mut self, event: client::Event) -> Result<()> {
        match event {
            client::Event::Period(streams) if self.lanes.is_empty() => {
                self.lanes.resize_with(streams.len(), Lane::default);
            }
            client::Event::Period(_) => {
                for lane in &mut self.lanes {
                    lane.flush()?;
                    lane.told.push_back(Event::Discontinuity);
                }
            }
            client::Event::Gap { stream, segment } => {
                if let Some(lane) = self.lanes.get_mut(stream) {
                    let what = format!("{} is missing", segment.resource.url);
                    lane.told.push_back(Event::Warning(Warning::new(what)));
                }
            }
            client::Event::End => {
                self.end()?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// One of the streams as a source.
struct LaneSource {
    shared: Rc<RefCell<Shared>>,
    index: usize,
}

impl Source for LaneSource {
    fn next(&mut self) -> Result<Option<Event>> {
        let mut shared = self.shared.borrow_mut();
        loop {
            let Some(lane) = shared.lanes.get_mut(self.index) else {
                return Ok(None);
            };
            if let Some(event) = lane.told.pop_front() {
                return Ok(Some(event));
            }
            if let Some(demuxer) = &mut lane.demuxer
                && let Some(event) = demuxer.poll_event()?
            {
                return Ok(Some(event));
            }
            if shared.is_over {
                return Ok(None);
            }
            shared.work()?;
        }
    }
}
