use crate::config::{Addressing, Config};
use crate::embed::{Intake, Newcomer};
use crate::family::{self, Family};
use crate::keys::{self, Key};
use crate::origin::Settings;
use crate::rtsp_server::pull::Pull;
use crate::stream::{Publication, Publisher, Stream, Taken};
use common::Shutdown;
use common::record::Recordings;
use hls::live::PartAddressing;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// First parts of names that HTTP needs for itself.
const RESERVED: [&str; 4] = ["api", "assets", "vendor", "vod"];

/// All streams by name. Clones are the same hub.
#[derive(Debug, Clone)]
pub(crate) struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    streams: Mutex<BTreeMap<Arc<str>, Arc<Stream>>>,
    families: Mutex<BTreeMap<String, Weak<Family>>>,
    settings: Settings,
    merge: Duration,
    linger: Duration,
    max_streams: usize,
    recordings: Option<Recordings>,
    pulls: Vec<Pull>,
    keys: Vec<Key>,
    /// Who has this server inside.
    intake: Option<Arc<dyn Intake>>,
}

/// Why a stream cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Somebody else publishes it.
    Taken,
    /// There are too many streams.
    Full,
    /// The name is none.
    Name,
    /// The key is missing, or another.
    Key,
    /// Who has this server inside says so.
    By(&'static str),
}

impl Refused {
    /// For the peer, and for the log.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Refused::Taken => "The name is taken: somebody publishes it.",
            Refused::By(why) => why,
            Refused::Full => "There are too many streams.",
            Refused::Key => "This server wants another key: NAME?key=KEY.",
            Refused::Name => {
                "A name has an application and a stream, of letters, digits and -._~!$&'()*+,;=:@ only."
            }
        }
    }
}

impl Hub {
    pub(crate) fn new(config: &Config, intake: Option<Arc<dyn Intake>>) -> Self {
        Self(Arc::new(Inner {
            intake,
            streams: Mutex::default(),
            families: Mutex::default(),
            settings: Settings {
                segment: config.segment,
                part: Some(config.part).filter(|part| !part.is_zero()),
                hold_back: config.hold_back,
                part_addressing: match config.part_ranges {
                    true => PartAddressing::ByteRanges,
                    false => PartAddressing::Uris,
                },
                addressing: match config.dash {
                    Addressing::Number => dash::live::Addressing::Number,
                    Addressing::Timeline => dash::live::Addressing::Timeline,
                },
                window: config.window,
                rtsp: config.rtsp.or(config.rtsps).is_some(),
            },
            merge: config.merge,
            linger: config.linger,
            max_streams: config.max_streams,
            recordings: config.record.as_deref().map(Recordings::new),
            pulls: config.pulls.clone(),
            keys: config.publish_keys.clone(),
        }))
    }

    /// Whether a camera stands behind this name, or who has this server inside makes it.
    pub(crate) fn is_pulled(&self, name: &str) -> bool {
        let intake = self.0.intake.as_ref();
        self.0.pulls.iter().any(|pull| pull.name == name)
            || intake.is_some_and(|intake| intake.want(name))
    }

    /// Somebody wants to see this stream: if a camera stands behind it, it is pulled.
    pub(crate) fn want(&self, name: &str) {
        if let Some(intake) = &self.0.intake
            && intake.want(name)
        {
            // As above; where it cannot be opened, it is not found either.
            let _ = self.open(name);
        }
        if let Some(pull) = self.0.pulls.iter().find(|pull| pull.name == name) {
            // It need not be there yet to be waited for.
            let live = self.open(name).is_ok_and(|stream| stream.is_live());
            if !live {
                pull.wanted.notify_one();
            }
        }
    }

    fn streams(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Arc<Stream>>> {
        self.0
            .streams
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream with this name, made if need be.
    pub(crate) fn open(&self, name: &str) -> Result<Arc<Stream>, Refused> {
        if !is_name(name) {
            return Err(Refused::Name);
        }
        let mut streams = self.streams();
        if let Some(stream) = streams.get(name) {
            return Ok(Arc::clone(stream));
        }
        if streams.len() >= self.0.max_streams {
            return Err(Refused::Full);
        }
        let stream = Arc::new(Stream::new(
            name,
            self.0.settings,
            self.0.merge,
            self.0.recordings.clone(),
            self.family(name),
        ));
        streams.insert(Arc::clone(&stream.name), Arc::clone(&stream));
        Ok(stream)
    }

    /// What the renditions of a content share, if a name is that of one.
    fn family(&self, name: &str) -> Option<Arc<Family>> {
        let (base, _) = family::split(name)?;
        let families = &self.0.families;
        let mut families = families.lock().unwrap_or_else(PoisonError::into_inner);
        families.retain(|_, family| family.strong_count() > 0);
        let known = families.get(base).and_then(Weak::upgrade);
        Some(known.unwrap_or_else(|| {
            let family = Arc::new(Family::default());
            families.insert(base.to_owned(), Arc::downgrade(&family));
            family
        }))
    }

    /// The streams that are renditions of this content, best first.
    pub(crate) fn renditions(&self, base: &str) -> Vec<Arc<Stream>> {
        let mut found: Vec<_> = self
            .list()
            .into_iter()
            .filter_map(|stream| {
                let height = family::split(&stream.name).filter(|(of, _)| *of == base)?.1;
                Some((height, stream))
            })
            .collect();
        found.sort_by_key(|(height, _)| std::cmp::Reverse(*height));
        found.into_iter().map(|(_, stream)| stream).collect()
    }

    /// The other renditions of the same content.
    pub(crate) fn siblings(&self, name: &str) -> Vec<Arc<Stream>> {
        let Some((base, _)) = family::split(name) else {
            return Vec::new();
        };
        let mut others = self.renditions(base);
        others.retain(|stream| &*stream.name != name);
        others
    }

    /// Whether somebody from outside may publish under a name, who shows this query with it.
    pub(crate) fn admit(&self, name: &str, query: &str) -> Result<(), Refused> {
        match keys::admit(&self.0.keys, name, query) {
            true => Ok(()),
            false => Err(Refused::Key),
        }
    }

    /// Whether a name is that of a stream that somebody publishes.
    pub(crate) fn live(&self, name: &str) -> Option<Arc<Stream>> {
        self.find(name).filter(|stream| stream.is_live())
    }

    /// Begins to publish.
    pub(crate) fn publish(&self, name: &str, publisher: Publisher) -> Result<Publication, Refused> {
        if let Some(intake) = &self.0.intake {
            let newcomer = Newcomer {
                name,
                query: &publisher.query,
                peer: publisher.peer,
                agent: &publisher.agent,
            };
            if let Some(admitted) = intake.admit(newcomer) {
                let sink = admitted.map_err(Refused::By)?;
                return Ok(Publication::Taken(Box::new(Taken::new(name, sink))));
            }
        }
        let broadcast = self.open(name)?.publish(publisher).ok_or(Refused::Taken)?;
        Ok(Publication::Stream(Box::new(broadcast)))
    }

    /// Whether somebody plays a name, or waits for it.
    pub(crate) fn is_watched(&self, name: &str) -> bool {
        let stream = self.streams().get(name).cloned();
        stream.is_some_and(|stream| stream.is_watched())
    }

    /// The stream with this name, if somebody has published it lately.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Stream>> {
        self.want(name);
        let stream = self.streams().get(name).cloned();
        stream.filter(|stream| stream.was_published() || self.is_pulled(name))
    }

    /// All streams that somebody publishes or has published lately, by name.
    pub(crate) fn list(&self) -> Vec<Arc<Stream>> {
        let streams = self.streams();
        streams
            .values()
            .filter(|stream| stream.was_published())
            .cloned()
            .collect()
    }

    /// Measures once a second, and ends and forgets streams that nobody publishes any more.
    pub(crate) async fn keep_house(self, close: Shutdown) {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                _ = second.tick() => {}
                () = close.wait() => return,
            }
            let mut streams = self.streams();
            for stream in streams.values() {
                stream.tick();
                if stream.idle().is_some_and(|idle| idle >= self.0.linger) {
                    stream.end();
                }
            }
            // An ended playlist can be fetched as long again. Who holds the stream may be about to publish or play it.
            streams.retain(|_, stream| {
                let gone = stream.idle().is_some_and(|idle| idle >= 2 * self.0.linger);
                !gone || stream.has_players() || Arc::strong_count(stream) > 1
            });
        }
    }

    /// Ends all streams: playlists as soon as their publishers have gone, players at once.
    pub(crate) fn end_all(&self) {
        for stream in self.streams().values() {
            stream.fanout.close();
        }
    }

    /// Waits until all recordings are closed.
    pub(crate) async fn recorded(&self) {
        if let Some(recordings) = &self.0.recordings {
            recordings.settle().await;
        }
    }

    /// Waits until every publisher has gone and every HLS player has fetched the end of its playlist.
    pub(crate) async fn seen_to_end(&self) {
        let mut watched = false;
        loop {
            let streams: Vec<_> = self.streams().values().cloned().collect();
            for stream in streams.iter().filter(|stream| !stream.is_live()) {
                stream.end();
            }
            let waiting =
                |stream: &Arc<Stream>| stream.is_live() || stream.origin.untold_viewers() > 0;
            watched |= streams.iter().any(|stream| stream.origin.viewers() > 0);
            if !streams.iter().any(waiting) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if watched {
            // They have the list; now they want the segments at its end.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Whether this can be the path of a stream as it is: an application and a name, of RFC 3986's `pchar` without `%`.
fn is_name(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte);
    let part = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(known);
    let first = name.split('/').next().unwrap_or_default();
    name.len() <= 256
        && name.contains('/')
        && name.split('/').all(part)
        && !RESERVED.contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publisher() -> Publisher {
        Publisher {
            peer: None,
            agent: "a test".into(),
            query: String::new(),
        }
    }

    #[test]
    fn names() {
        for good in ["live/x", "live/a/b", "live/key=1&b", "a/.b"] {
            assert!(is_name(good), "{good}");
        }
        for bad in [
            "", "x", "live/", "/x", "live//x", "live/..", "live/a b", "live/é", "live/%41",
            "api/x", "vendor/x",
        ] {
            assert!(!is_name(bad), "{bad}");
        }
        assert!(!is_name(&format!("live/{}", "x".repeat(300))));
    }

    #[tokio::test]
    async fn a_name_is_taken_until_its_publisher_goes() {
        let hub = Hub::new(&Config::default(), None);
        let publication = hub.publish("live/x", publisher()).unwrap();
        assert_eq!(
            hub.publish("live/x", publisher()).unwrap_err(),
            Refused::Taken
        );
        assert!(hub.find("live/x").unwrap().is_live());
        drop(publication);
        assert!(!hub.find("live/x").unwrap().is_live());
        hub.publish("live/x", publisher()).unwrap();
    }

    #[tokio::test]
    async fn streams_are_bounded_and_a_name_without_publisher_is_not_listed() {
        let config = Config {
            max_streams: 1,
            ..Config::default()
        };
        let hub = Hub::new(&config, None);
        hub.open("live/x").unwrap();
        assert_eq!(hub.open("live/y").unwrap_err(), Refused::Full);
        assert!(hub.list().is_empty());
    }
}
