use super::merge::Merge;
use super::segments::{Feed, Lock, Piece, Segment, Segments, total};
use super::{Input, Options, Place, Source};
use crate::format::Format;
use crate::{progress, stop};
use anyhow::{Context, Result, bail};
use hls::tag::{Key, KeyMethod, MediaType, PlaylistType};
use hls::{ByteRange, MediaPlaylist, MultivariantPlaylist, Playlist};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Opens a playlist: of several variants the one with the highest bandwidth, with the sound that belongs to it.
pub fn open(place: &Place, options: &Options) -> Result<Input> {
    let (playlist, place) = read(place)?;
    let has_keys = !options.keys.is_empty();
    let followers = match playlist {
        Playlist::Media(playlist) => vec![Follower::new(&playlist, place, has_keys)?],
        Playlist::Multivariant(playlist) => variant(&playlist, &place, has_keys)?,
    };
    let is_live = followers.iter().any(Follower::is_live);
    let queued = followers.iter().flat_map(|follower| &follower.queue);
    let len = total(queued).filter(|_| !is_live);
    let bar = progress::bar(len);
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    for follower in followers {
        let segments = Segments::new(Box::new(follower), options.keys.clone(), bar.clone());
        sources.push(Box::new(segments));
    }
    let source = match sources.len() {
        1 => sources.remove(0),
        _ => Box::new(Merge::new(sources)),
    };
    Ok(Input {
        format: Format::Hls,
        source,
        bar,
        len,
        is_live,
    })
}

fn read(place: &Place) -> Result<(Playlist, Place)> {
    let (text, place) = place.read_text()?;
    let playlist = Playlist::parse(&text).with_context(|| place.to_string())?;
    Ok((playlist, place))
}

fn read_media(place: &Place) -> Result<(MediaPlaylist, Place)> {
    match read(place)? {
        (Playlist::Media(playlist), place) => Ok((playlist, place)),
        (Playlist::Multivariant(_), place) => bail!("{place}: a media playlist was expected"),
    }
}

fn variant(
    playlist: &MultivariantPlaylist,
    place: &Place,
    has_keys: bool,
) -> Result<Vec<Follower>> {
    let best = playlist
        .variants()
        .max_by_key(|variant| variant.stream_inf.bandwidth);
    let Some(best) = best else {
        bail!("{place}: a playlist without variants");
    };
    let mut wanted = vec![best.uri];
    for media in playlist.renditions() {
        if let (MediaType::Audio, Some(uri)) = (media.kind, media.uri)
            && Some(media.group_id) == best.stream_inf.audio
            && !wanted.contains(&uri)
        {
            wanted.push(uri);
        }
    }
    let follow = |uri: &&str| {
        let (playlist, place) = read_media(&place.join(uri)?)?;
        Follower::new(&playlist, place, has_keys)
    };
    wanted.iter().map(follow).collect()
}

/// Segments that a player stays behind the end of a live playlist (RFC 8216 §6.3.3), at least.
const BEHIND: usize = 3;

/// Follows a media playlist: takes its segments, and reads it again as long as it has no end.
struct Follower {
    place: Place,
    /// Keys were given: what has no key that can be fetched is opened by them.
    has_keys: bool,
    queue: VecDeque<Segment>,
    /// Media sequence number of the segment that comes next; `None` before the first reading.
    next: Option<u64>,
    is_ended: bool,
    target: Duration,
    /// When it was read, and whether it had anything new then.
    read_at: Instant,
    had_news: bool,
    /// Since when it could not be read.
    failing: Option<Instant>,
    /// Segments were missed.
    missed: bool,
}

impl Follower {
    fn new(playlist: &MediaPlaylist, place: Place, has_keys: bool) -> Result<Self> {
        let mut follower = Self {
            place,
            has_keys,
            queue: VecDeque::new(),
            next: None,
            is_ended: false,
            target: Duration::ZERO,
            read_at: Instant::now(),
            had_news: false,
            failing: None,
            missed: false,
        };
        follower.take(playlist)?;
        Ok(follower)
    }

    const fn is_live(&self) -> bool {
        !self.is_ended
    }

    /// Takes what is new in a playlist.
    fn take(&mut self, playlist: &MediaPlaylist) -> Result<()> {
        self.is_ended =
            playlist.is_ended() || matches!(playlist.playlist_type(), Some(PlaylistType::Vod));
        self.target = Duration::from_secs(playlist.target_duration().max(1));
        let first = playlist.media_sequence();
        let end = first.saturating_add(playlist.segments.len() as u64);
        // All of what grows or is whole; of what slides, what a player would begin with.
        let slides = !self.is_ended && playlist.playlist_type().is_none();
        let start = match self.next {
            None if slides => end.saturating_sub(BEHIND as u64).max(first),
            None => first,
            // It began anew.
            Some(next) if next > end => {
                self.missed = true;
                first
            }
            Some(next) => {
                self.missed |= next < first;
                next.max(first)
            }
        };
        self.had_news = end > start;
        let segments = segments(playlist, &self.place, self.has_keys)?;
        for (number, segment) in segments {
            if number >= start
                && let Some(mut segment) = segment
            {
                segment.discontinuity |= std::mem::take(&mut self.missed);
                self.queue.push_back(segment);
            }
        }
        self.next = Some(end);
        Ok(())
    }

    /// Reads the playlist again when it is time to (RFC 8216 §6.3.4); whether it was time to end.
    fn reload(&mut self) -> Result<bool> {
        let pause = if self.had_news {
            self.target
        } else {
            self.target / 2
        };
        let pause = pause.saturating_sub(self.read_at.elapsed());
        if stop::sleep(pause) {
            return Ok(true);
        }
        self.read_at = Instant::now();
        match read_media(&self.place) {
            Ok((playlist, _)) => {
                self.failing = None;
                self.take(&playlist)?;
            }
            Err(error) => {
                let since = *self.failing.get_or_insert(self.read_at);
                self.had_news = false;
                if since.elapsed() > self.target * 3 {
                    return Err(error);
                }
            }
        }
        Ok(false)
    }
}

impl Feed for Follower {
    fn next(&mut self) -> Result<Option<Segment>> {
        loop {
            if stop::is_asked() {
                return Ok(None);
            }
            if let Some(segment) = self.queue.pop_front() {
                return Ok(Some(segment));
            }
            if self.is_ended || self.reload()? {
                return Ok(None);
            }
        }
    }

    fn is_live(&self) -> bool {
        !self.is_ended
    }
}

/// The segments with their media sequence numbers; `None` for a gap.
fn segments(
    playlist: &MediaPlaylist,
    place: &Place,
    has_keys: bool,
) -> Result<Vec<(u64, Option<Segment>)>> {
    let mut init = None;
    let mut lock: Option<Found> = None;
    // A byte range without an offset goes on where the one before ended.
    let mut end = 0;
    let mut piece = |uri: &str, range: Option<ByteRange>| -> Result<Piece> {
        let range = range.map(|range| {
            let offset = range.offset.unwrap_or(end);
            end = offset.saturating_add(range.length);
            (offset, range.length)
        });
        Ok(Piece {
            place: place.join(uri)?,
            range,
            lock: None,
        })
    };
    let mut found = Vec::new();
    let first = playlist.media_sequence();
    for (number, segment) in (first..).zip(&playlist.segments) {
        let mut keys = segment.keys().peekable();
        if keys.peek().is_some() {
            lock = usable(keys, place, has_keys)?;
        }
        let locked = |number: u64| {
            lock.as_ref().map(|found| Lock {
                key: found.place.clone(),
                // The number is the vector where none is told (RFC 8216 §5.2).
                iv: found.iv.unwrap_or(number.into()).to_be_bytes(),
                whole: found.whole,
            })
        };
        if let Some(map) = segment.map() {
            let mut map = piece(map.uri, map.byte_range)?;
            map.lock = locked(number);
            init = Some(map);
        }
        if segment.is_gap() {
            found.push((number, None));
            continue;
        }
        let mut piece = piece(segment.uri(), segment.byte_range())?;
        piece.lock = locked(number);
        found.push((
            number,
            Some(Segment {
                piece,
                init: init.clone(),
                discontinuity: segment.is_discontinuity(),
            }),
        ));
    }
    Ok(found)
}

/// A key of a playlist.
struct Found {
    /// Where it is, if it is not among those that were given.
    place: Option<Place>,
    iv: Option<u128>,
    /// Whether all is encrypted, or only samples.
    whole: bool,
}

impl Found {
    fn new(place: Option<Place>, key: &Key<'_>, whole: bool) -> Self {
        Self {
            place,
            iv: key.iv.and_then(hls::Hex::to_u128),
            whole,
        }
    }
}

/// Of several keys the one that can be had.
fn usable<'a>(
    keys: impl Iterator<Item = Key<'a>>,
    place: &Place,
    has_keys: bool,
) -> Result<Option<Found>> {
    let mut refused = None;
    for key in keys {
        let identity = key.key_format.is_none_or(|format| format == "identity");
        let whole = match key.method {
            KeyMethod::SampleAes | KeyMethod::SampleAesCtr if has_keys => {
                return Ok(Some(Found::new(None, &key, false)));
            }
            KeyMethod::None => return Ok(None),
            KeyMethod::Aes128 => true,
            KeyMethod::SampleAes | KeyMethod::SampleAesCtr => false,
            other => {
                refused = Some(format!("segments encrypted by {}", other.as_str()));
                continue;
            }
        };
        match key.uri.map(|uri| place.join(uri)) {
            Some(Ok(found)) if identity => {
                return Ok(Some(Found::new(Some(found), &key, whole)));
            }
            _ => {
                let format = key.key_format.unwrap_or("identity");
                refused = Some(format!("keys of {format}"));
            }
        }
    }
    match refused {
        Some(what) => bail!("{place}: {what} cannot be read"),
        None => Ok(None),
    }
}

/// The segments of a playlist, for who looks at them and not at their samples: keys that cannot be had are none.
pub fn all_segments(playlist: &MediaPlaylist, place: &Place) -> Result<Vec<Segment>> {
    let segments = segments(playlist, place, true)?;
    Ok(segments
        .into_iter()
        .filter_map(|(_, segment)| segment)
        .collect())
}
