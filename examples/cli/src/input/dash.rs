//! DASH, on demand and live, by the client of `dash`.

use super::lanes::{self, Lane, Lanes, Once, Player, now};
use super::{Input, Options, Place};
use crate::format::Format;
use crate::progress;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use dash::Mpd;
use dash::client::{self, Client, Kind, Request};

/// What a manifest among files is called there: what it refers to is told as it stands in it.
const HERE: &str = "manifest";
/// How often what is missing at the live edge is asked for again.
const RETRIES: u32 = 6;

/// Opens a manifest: of each adaptation set the best representation that fits; of those of pictures only the best. One that changes is
/// followed from near the live edge on.
/// Its text is given where it cannot be read again.
pub fn open(place: &Place, text: Option<Bytes>, options: &Options) -> Result<Input> {
    let mut config = client::Config::default();
    config.all_sets = true;
    config.retries = RETRIES;
    config.bandwidth = options.bandwidth.most();
    config.adaptive = options.bandwidth.is_auto();
    let url = match place {
        Place::Url(url) => url,
        Place::File(_) => HERE,
    };
    let mut player = Player {
        client: Followed {
            client: Client::new(url, config),
            root: place.clone(),
            given: text.map(Once::new),
        },
        lanes: Lanes::new(options.keys.clone(), progress::bar(None)),
    };
    while player.lanes.list.is_empty() {
        if !player.work()? {
            bail!("{place}: no segment that could be read");
        }
    }
    let followed = &player.client;
    let (is_live, len) = (followed.is_live(), followed.len());
    Ok(player.into_input(Format::Dash, len, is_live))
}

struct Followed {
    client: Client,
    /// What references are resolved against, where they are relative: the manifest itself.
    root: Place,
    /// The manifest itself, where it can be had once only.
    given: Option<Once>,
}

impl Followed {
    fn is_live(&self) -> bool {
        self.client.mpd().is_some_and(Mpd::is_dynamic)
    }

    /// Bytes, about, of what lies among files: as the manifest tells its rates.
    fn len(&self) -> Option<u64> {
        let mpd = self.client.mpd().filter(|mpd| !mpd.is_dynamic())?;
        let (Place::File(_), Some(lasts)) = (&self.root, mpd.media_presentation_duration) else {
            return None;
        };
        let sets = &mpd.periods.first()?.adaptation_sets;
        let best = sets.iter().filter_map(|set| {
            let rates = set.representations.iter().filter_map(|one| one.bandwidth);
            rates.max().map(u64::from)
        });
        let bits = u128::from(best.sum::<u64>()) * u128::from(lasts.as_nanos());
        u64::try_from(bits / 8_000_000_000).ok()
    }

    fn place(&self, url: &str) -> Result<Place> {
        match &self.root {
            Place::File(_) if url == HERE => Ok(self.root.clone()),
            root => root.join(url),
        }
    }

    /// Refuses what nobody has given a key for.
    fn check(&self, lanes: &Lanes) -> Result<()> {
        let sets = self.client.mpd().into_iter().flat_map(|mpd| &mpd.periods);
        let mut sets = sets.flat_map(|period| &period.adaptation_sets);
        let is_encrypted = sets.any(|set| {
            let mut inner = set.representations.iter();
            !set.content_protections.is_empty()
                || inner.any(|one| !one.content_protections.is_empty())
        });
        if is_encrypted && lanes.keys.is_empty() {
            let root = &self.root;
            bail!("{root}: its segments are encrypted: give their keys with --key");
        }
        Ok(())
    }
}

impl lanes::Client for Followed {
    type Request = Request;

    fn poll_request(&mut self) -> Option<Request> {
        self.client.poll_request(now())
    }

    fn answer(&mut self, request: &Request, lanes: &mut Lanes) -> Result<()> {
        let url = &request.resource.url;
        if let (Some(given), HERE) = (&mut self.given, url.as_str()) {
            let text = given.take()?;
            self.client.handle_response(request.id, url, &text, now());
            return Ok(());
        }
        let range = request.resource.range.map(|range| {
            let len = range.last.map_or(u64::MAX, |last| {
                last.saturating_sub(range.first).saturating_add(1)
            });
            (range.first, len)
        });
        let found = self.place(url).and_then(|place| match request.kind {
            Kind::Document | Kind::Patch | Kind::Clock => place.read_text(),
            _ => place.read(range).map(|data| (data, place)),
        });
        let (data, place) = match found {
            Ok(found) => found,
            Err(error) if !self.is_live() => return Err(error),
            Err(_) => {
                self.client.handle_failure(request.id, now());
                return Ok(());
            }
        };
        match request.kind {
            Kind::Initialization => lanes.initialize(request.stream, data.clone()),
            Kind::Media(_) => lanes.media(request.stream, &data, url)?,
            _ => {}
        }
        let name = match place {
            Place::Url(url) => url,
            Place::File(_) => url.clone(),
        };
        self.client.handle_response(request.id, &name, &data, now());
        Ok(())
    }

    fn listen(&mut self, lanes: &mut Lanes) -> Result<bool> {
        let mut told = false;
        loop {
            let event = self.client.poll_event();
            let Some(event) = event.with_context(|| self.root.to_string())? else {
                return Ok(told);
            };
            told = true;
            match event {
                client::Event::Document => self.check(lanes)?,
                client::Event::Period(streams) => {
                    let is_first = lanes.list.is_empty();
                    lanes.resize(streams.len())?;
                    if !is_first {
                        lanes.list.iter_mut().try_for_each(Lane::jump)?;
                    }
                }
                client::Event::Gap { stream, segment } => {
                    if let Some(lane) = lanes.list.get_mut(stream) {
                        lane.warn(format!("{} is missing", segment.resource.url));
                    }
                }
                client::Event::End => lanes.end()?,
                _ => {}
            }
        }
    }

    fn timeout(&self) -> Option<i64> {
        self.client.poll_timeout()
    }
}
