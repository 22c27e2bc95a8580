//! The files of a live stream: playlists that wait, segments while they are being made.

use crate::family;
use crate::hub::Hub;
use crate::origin::{Answer, NoSegment};
use crate::respond::{Content, FOREVER, FRESH, file, not_found, range, refuse};
use crate::store::Segment;
use crate::stream::Stream;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use hls::live::Reload;
use media::TrackId;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// Longest that a request waits for a stream's first segment.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) const PLAYLIST: &str = "application/vnd.apple.mpegurl";
pub(crate) const MANIFEST: &str = "application/dash+xml";
const PATCH: &str = "application/dash-patch+xml";
pub(crate) const MP4: &str = "video/mp4";

/// A segment without samples that says it is the last one of its period (brand `lmsg`, ISO/IEC 23009-1 §7.3.1). Players whose
/// manifest is from before the end of the period ask on by its numbers; dash.js takes a missing one for the end of everything.
const LAST: &[u8; 24] = b"\0\0\0\x18stypmsdh\0\0\0\0msdhlmsg";

/// A request for a file of a stream.
pub(crate) struct Request<'a> {
    pub(crate) file: &'a str,
    pub(crate) query: &'a str,
    pub(crate) peer: SocketAddr,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) hub: &'a Hub,
    pub(crate) new_viewer: &'a (dyn Fn() -> u64 + Send + Sync),
}

/// The clock that manifests tell (`urn:mpeg:dash:utc:http-xsdate:2014`).
pub(crate) async fn time() -> Response {
    let nanos = UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    let now = dash::DateTime::from_unix_nanos(i64::try_from(nanos).unwrap_or(i64::MAX));
    (
        [(header::CACHE_CONTROL, "no-store")],
        [(header::CONTENT_TYPE, "text/plain")],
        now.to_string(),
    )
        .into_response()
}

pub(crate) async fn serve(stream: &Arc<Stream>, request: Request<'_>) -> Response {
    match request.file {
        "index.m3u8" => {
            stream.origin.ready(PATIENCE).await;
            let viewer = (request.new_viewer)();
            found(stream.origin.multivariant(viewer), PLAYLIST)
        }
        "stream.m3u8" => playlist(stream, &request).await,
        "manifest.mpd" => {
            let here = here(request.headers);
            found(stream.origin.manifest(&here, PATIENCE).await, MANIFEST)
        }
        "manifest.mpp" => {
            let time = parameter(request.query, "publishTime");
            let time = time.and_then(|time| time.replace("%3A", ":").parse().ok());
            found(stream.origin.patch(time).await, PATCH)
        }
        name => match Name::parse(name) {
            Some(name) => media(stream, name, &request).await,
            None => not_found("no such file"),
        },
    }
}

/// What is offered of several renditions together.
pub(crate) async fn serve_family(streams: &[Arc<Stream>], request: Request<'_>) -> Response {
    if let Some(first) = streams.first() {
        first.origin.ready(PATIENCE).await;
    }
    match request.file {
        "index.m3u8" => {
            let viewer = (request.new_viewer)();
            found(family::multivariant(streams, viewer), PLAYLIST)
        }
        "manifest.mpd" => found(family::manifest(streams, &here(request.headers)), MANIFEST),
        _ => not_found("no such file"),
    }
}

/// What the client has reached us at.
fn here(headers: &HeaderMap) -> String {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    host.map_or_else(String::new, |host| format!("http://{host}"))
}

async fn playlist(stream: &Arc<Stream>, request: &Request<'_>) -> Response {
    let reload = match Reload::parse(request.query) {
        Ok(reload) => reload,
        Err(bad) => return refuse(StatusCode::BAD_REQUEST, bad),
    };
    stream.origin.ready(PATIENCE).await;
    let viewer = parameter(request.query, "viewer").and_then(|viewer| viewer.parse().ok());
    let viewer = viewer.unwrap_or_else(|| stranger(request.peer, request.headers));
    let reports = || family::reports(&request.hub.siblings(&stream.name));
    match stream.origin.playlist(reload, viewer, reports).await {
        Answer::Text(text) => file(PLAYLIST, FRESH, text),
        Answer::Missing => not_found(NOT_THERE),
        Answer::Bad(bad) => refuse(StatusCode::BAD_REQUEST, bad),
        Answer::Late => refuse(StatusCode::SERVICE_UNAVAILABLE, "it has not come"),
    }
}

const NOT_THERE: &str = "it is not there yet, or not any more";

fn found(text: Option<Bytes>, kind: &'static str) -> Response {
    text.map_or_else(|| not_found(NOT_THERE), |text| file(kind, FRESH, text))
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// A number for who came without one: clients of one kind at one address count as one.
fn stranger(peer: SocketAddr, headers: &HeaderMap) -> u64 {
    let mut hasher = DefaultHasher::new();
    peer.ip().hash(&mut hasher);
    headers
        .get(header::USER_AGENT)
        .map(HeaderValue::as_bytes)
        .hash(&mut hasher);
    // The upper half is theirs, the lower one is handed out.
    hasher.finish() | 1 << 63
}

/// A file of media, by its name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Init(Option<TrackId>, u32),
    Segment(Option<TrackId>, u64),
    Part(Option<TrackId>, u64, usize),
}

impl Name {
    /// `init-0.mp4`, `segment-7.m4s`, `segment-7.2.m4s`; of one track `segment-1-7.m4s`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (stem, is_init) = match name.strip_suffix(".mp4") {
            Some(stem) => (stem.strip_prefix("init-")?, true),
            None => (name.strip_suffix(".m4s")?.strip_prefix("segment-")?, false),
        };
        let (track, number) = match stem.split_once('-') {
            Some((track, number)) => (Some(TrackId(track.parse().ok()?)), number),
            None => (None, stem),
        };
        Some(match (is_init, number.split_once('.')) {
            (true, None) => Name::Init(track, number.parse().ok()?),
            (false, None) => Name::Segment(track, number.parse().ok()?),
            (false, Some((number, part))) => {
                Name::Part(track, number.parse().ok()?, part.parse().ok()?)
            }
            (true, Some(_)) => return None,
        })
    }
}

async fn media(stream: &Arc<Stream>, name: Name, request: &Request<'_>) -> Response {
    let headers = request.headers;
    let content = |tag: &str, cache, data| {
        let kind = MP4;
        Content {
            kind,
            cache,
            tag,
            data,
        }
        .answer(headers)
    };
    match name {
        Name::Init(track, number) => match stream.origin.init(track, number) {
            // A stream that begins anew counts them from zero again.
            Some(data) => {
                let mut hasher = DefaultHasher::new();
                data.hash(&mut hasher);
                content(&format!("{:016x}", hasher.finish()), FRESH, vec![data])
            }
            None => not_found(NOT_THERE),
        },
        Name::Part(track, number, part) => match stream.origin.part(track, number, part).await {
            Some(data) => content(&format!("{number}.{part}"), FOREVER, vec![data]),
            None => not_found(NOT_THERE),
        },
        Name::Segment(track, number) => {
            let first = parameter(request.query, "first").and_then(|first| first.parse().ok());
            match stream.origin.segment(track, number, first).await {
                Ok(segment) if segment.whole => {
                    content(&number.to_string(), FOREVER, segment.parts)
                }
                Ok(segment) => Growing::new(stream, track, number, segment).answer(headers),
                Err(NoSegment::Past) => file(MP4, FRESH, Bytes::from_static(LAST)),
                Err(NoSegment::Missing) => not_found(NOT_THERE),
            }
        }
    }
}

/// A segment that is sent while it is being made, or a range of it.
struct Growing {
    stream: Arc<Stream>,
    track: Option<TrackId>,
    number: u64,
    /// What is to be sent and is there already.
    queue: VecDeque<Bytes>,
    /// Parts that were queued.
    parts: usize,
    whole: bool,
    /// Bytes that are still to be passed over, and to be sent.
    skip: u64,
    left: u64,
}

impl Growing {
    fn new(stream: &Arc<Stream>, track: Option<TrackId>, number: u64, segment: Segment) -> Self {
        Self {
            stream: Arc::clone(stream),
            track,
            number,
            parts: segment.parts.len(),
            queue: segment.parts.into(),
            whole: segment.whole,
            skip: 0,
            left: u64::MAX,
        }
    }

    fn answer(mut self, headers: &HeaderMap) -> Response {
        let asked = headers
            .get(header::RANGE)
            .and_then(|text| text.to_str().ok());
        let asked = asked.and_then(range);
        let head = [
            (header::CONTENT_TYPE, MP4),
            (header::CACHE_CONTROL, FOREVER),
            (header::ACCEPT_RANGES, "bytes"),
        ];
        // The last bytes of what is not complete cannot be told.
        let Some((Some(first), last)) = asked else {
            return (head, self.body()).into_response();
        };
        self.skip = first;
        // What has no end that is known is told as the greatest number that JavaScript counts to (RFC 8673 §2.2).
        let last = last.unwrap_or(9_007_199_254_740_991);
        self.left = (last - first).saturating_add(1);
        let range = [(header::CONTENT_RANGE, format!("bytes {first}-{last}/*"))];
        (StatusCode::PARTIAL_CONTENT, head, range, self.body()).into_response()
    }

    fn body(self) -> Body {
        let pieces = stream::unfold(self, async |mut growing| {
            let piece = growing.next().await?;
            Some((piece, growing))
        });
        Body::from_stream(pieces)
    }

    /// The next bytes; an error cuts the connection, so that nobody takes half a segment for all of it.
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        while self.left > 0 {
            if let Some(mut piece) = self.queue.pop_front() {
                let length = piece.len() as u64;
                if self.skip >= length {
                    self.skip -= length;
                    continue;
                }
                let skip = usize::try_from(self.skip).unwrap_or(usize::MAX);
                piece = piece.slice(skip..);
                self.skip = 0;
                piece.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.left -= piece.len() as u64;
                return Some(Ok(piece));
            }
            if self.whole {
                return None;
            }
            let more = self.stream.origin.more(self.track, self.number, self.parts);
            let Some(segment) = more.await else {
                return Some(Err(io::Error::other(
                    "the rest of the segment has not come",
                )));
            };
            self.queue
                .extend(segment.parts.iter().skip(self.parts).cloned());
            self.parts = segment.parts.len();
            self.whole = segment.whole;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let track = Some(TrackId(2));
        for (name, expected) in [
            ("init-0.mp4", Some(Name::Init(None, 0))),
            ("init-2-1.mp4", Some(Name::Init(track, 1))),
            ("segment-7.m4s", Some(Name::Segment(None, 7))),
            ("segment-2-7.m4s", Some(Name::Segment(track, 7))),
            ("segment-7.3.m4s", Some(Name::Part(None, 7, 3))),
            ("segment-2-7.3.m4s", Some(Name::Part(track, 7, 3))),
            ("init-0.1.mp4", None),
            ("segment-x.m4s", None),
            ("segment-1-2-3.m4s", None),
            ("segment-7.mp4", None),
        ] {
            assert_eq!(Name::parse(name), expected, "{name}");
        }
    }
}
