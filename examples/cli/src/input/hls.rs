//! HLS, on demand and live, by the client of `hls`.

use super::lanes::{self, Lanes, Lock, Once, Player, now};
use super::{Input, Options, Place};
use crate::format::Format;
use crate::progress;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use hls::client::{self, Client, Encryption, Kind, Method, Request};
use hls::{MediaPlaylist, Playlist, aes128};

/// What a playlist among files is called there: what it refers to is told as it stands in it.
const HERE: &str = "playlist";
/// How often what is missing at the live edge is asked for again.
const RETRIES: u32 = 6;

/// Opens a playlist: of several variants the best one that fits, with all the sound that belongs to it.
/// Its text is given where it cannot be read again.
pub fn open(place: &Place, text: Option<Bytes>, options: &Options) -> Result<Input> {
    let bar = progress::bar(None);
    let mut config = client::Config::default();
    // Whole segments are fewer requests, and nobody waits for the picture.
    config.low_latency = false;
    config.all_audio = true;
    config.events_from_start = true;
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
            failure: None,
        },
        lanes: Lanes::new(options.keys.clone(), bar),
    };
    // Whether it is live is known with its media playlists.
    let known = |client: &Client| client.is_live() || client.duration().is_some();
    while player.lanes.list.is_empty() || !known(&player.client.client) {
        if !player.work()? {
            bail!("{place}: nothing to play");
        }
    }
    let is_live = player.client.client.is_live();
    Ok(player.into_input(Format::Hls, total(place), is_live))
}

/// Bytes of the segments of a media playlist among files.
fn total(place: &Place) -> Option<u64> {
    let Place::File(_) = place else { return None };
    let (text, _) = place.read_text().ok()?;
    let Playlist::Media(playlist) = Playlist::parse(&text).ok()? else {
        return None;
    };
    let len = |playlist: &MediaPlaylist| {
        playlist.segments.iter().try_fold(0_u64, |sum, segment| {
            let len = match segment.byte_range() {
                Some(range) => range.length,
                None => place.join(segment.uri()).ok()?.len()?,
            };
            Some(sum.saturating_add(len))
        })
    };
    playlist.is_ended().then(|| len(&playlist)).flatten()
}

struct Followed {
    client: Client,
    /// What references are resolved against, where they are relative: the playlist itself.
    root: Place,
    /// The playlist itself, where it can be had once only.
    given: Option<Once>,
    /// Why something could not be had, lately.
    failure: Option<anyhow::Error>,
}

impl Followed {
    fn place(&self, url: &str) -> Result<Place> {
        match &self.root {
            Place::File(_) if url == HERE => Ok(self.root.clone()),
            root => root.join(url),
        }
    }

    /// What an answer is called, so that what it refers to can be resolved.
    fn name(&self, place: &Place, asked: &str) -> String {
        match place {
            Place::Url(url) => url.clone(),
            Place::File(_) => asked.to_owned(),
        }
    }
}

/// What was encrypted whole, opened.
fn open_whole(data: Bytes, encryption: Option<&Encryption>, url: &str) -> Result<Bytes> {
    let Some(encryption) = encryption else {
        return Ok(data);
    };
    match (encryption.method, &encryption.key) {
        (Method::Aes128, Some(key)) => {
            let opened = aes128::decrypt(key, &encryption.iv, &data);
            Ok(opened.with_context(|| url.to_owned())?.into())
        }
        (Method::Aes128, None) => bail!("{url}: keys of {} cannot be read", encryption.format),
        _ => Ok(data),
    }
}

/// What opens samples; `None` where they are not encrypted.
fn lock(encryption: Option<&Encryption>, lanes: &Lanes, url: &str) -> Result<Option<Lock>> {
    let Some(encryption) = encryption else {
        return Ok(None);
    };
    // Keys that were given are for samples.
    match (encryption.method, lanes.keys.first().or(encryption.key)) {
        (Method::Aes128, _) => Ok(None),
        (Method::SampleAes | Method::SampleAesCtr, Some(key)) => Ok(Some(Lock {
            key,
            iv: encryption.iv,
        })),
        (Method::SampleAes | Method::SampleAesCtr, None) => bail!(
            "{url}: keys of {} cannot be read: give them with --key",
            encryption.format
        ),
        _ => bail!("{url}: its method of encryption is not known here"),
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
        let found = self.place(url).and_then(|place| {
            let range = request.resource.range;
            let range = range.map(|(first, end)| (first, end.saturating_sub(first)));
            match request.kind {
                Kind::Playlist | Kind::Key => place.read_text(),
                _ => place.read(range).map(|data| (data, place)),
            }
        });
        let (data, place) = match found {
            Ok(found) => found,
            // The key on the command line is meant to do, then.
            Err(_) if request.kind == Kind::Key && !lanes.keys.is_empty() => {
                (Bytes::from_static(&[0; 16]), self.root.clone())
            }
            Err(error) if !self.client.is_live() => return Err(error),
            Err(error) => {
                self.failure = Some(error);
                self.client.handle_failure(request.id, now());
                return Ok(());
            }
        };
        match &request.kind {
            Kind::Initialization(encryption) => {
                let data = open_whole(data.clone(), encryption.as_ref(), url)?;
                lanes.initialize(request.stream, data);
            }
            Kind::Media(media) => {
                let lock = lock(media.encryption.as_ref(), lanes, url)?;
                let data = open_whole(data.clone(), media.encryption.as_ref(), url)?;
                if let Some(lane) = lanes.list.get_mut(request.stream) {
                    if media.discontinuity {
                        lane.jump()?;
                    }
                    lane.lock(lock)?;
                }
                lanes.media(request.stream, &data, url)?;
            }
            _ => {}
        }
        let name = self.name(&place, url);
        self.client.handle_response(request.id, &name, &data, now());
        Ok(())
    }

    fn listen(&mut self, lanes: &mut Lanes) -> Result<bool> {
        let mut told = false;
        loop {
            let event = match self.client.poll_event() {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(told),
                Err(error) => {
                    let root = self.root.to_string();
                    return Err(match self.failure.take() {
                        Some(cause) => cause.context(error),
                        None => anyhow::Error::from(error).context(root),
                    });
                }
            };
            told = true;
            match event {
                client::Event::Streams(streams) => {
                    lanes.resize(streams.len())?;
                    // Another variant: what comes of it goes on where this one ends.
                    for lane in &mut lanes.list {
                        lane.flush()?;
                    }
                }
                client::Event::Gap { stream, media } => {
                    if let Some(lane) = lanes.list.get_mut(stream) {
                        lane.warn(format!("segment {} is missing", media.number));
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
