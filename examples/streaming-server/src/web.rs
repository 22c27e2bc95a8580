//! HTTP: the page, the playlists and segments, the API.

use crate::hub::Hub;
use crate::stream::Stream;
use axum::body::Body;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::IncomingStream;
use axum::{Json, Router};
use bytes::Bytes;
use common::{Listener, Shutdown};
use serde::Deserialize;
use serde_json::json;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{self, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tower_http::cors::CorsLayer;

/// Longest that a request waits for a stream's first segment.
const PATIENCE: Duration = Duration::from_secs(10);

const PLAYLIST: &str = "application/vnd.apple.mpegurl";
const MP4: &str = "video/mp4";

/// What changes with each segment, and may be kept by nobody.
const FRESH: &str = "no-cache";
/// What never changes under its name.
const FOREVER: &str = "public, max-age=3600, immutable";

/// The page's own files.
const ASSETS: [(&str, &str, &str); 5] = [
    (
        "app.js",
        "text/javascript; charset=utf-8",
        include_str!("../web/app.js"),
    ),
    (
        "chart.js",
        "text/javascript; charset=utf-8",
        include_str!("../web/chart.js"),
    ),
    (
        "player.js",
        "text/javascript; charset=utf-8",
        include_str!("../web/player.js"),
    ),
    (
        "style.css",
        "text/css; charset=utf-8",
        include_str!("../web/style.css"),
    ),
    (
        "favicon.svg",
        "image/svg+xml",
        include_str!("../web/favicon.svg"),
    ),
];
const INDEX: &str = include_str!("../web/index.html");
/// Where npm puts hls.js as a module.
const HLS_JS: &str = "hls.js/dist/hls.mjs";

/// What pages are made from.
#[derive(Debug)]
pub(crate) struct Pages {
    pub(crate) hub: Hub,
    pub(crate) rtmp_port: u16,
    pub(crate) modules: PathBuf,
    pub(crate) started: Instant,
}

#[derive(Debug)]
struct Site {
    pages: Pages,
    next_viewer: AtomicU64,
}

type Shared = State<Arc<Site>>;

/// Serves until `close`, and then what has been asked for already.
pub(crate) async fn serve(listener: Listener, pages: Pages, close: Shutdown) {
    let site = Arc::new(Site {
        pages,
        next_viewer: AtomicU64::new(1),
    });
    let app =
        Router::new()
            .route(
                "/",
                get(|headers: HeaderMap| async move {
                    own_file(&headers, "text/html; charset=utf-8", INDEX)
                }),
            )
            .route(
                "/favicon.ico",
                get(|headers: HeaderMap| async move { asset(&headers, "favicon.svg") }),
            )
            .route(
                "/assets/{file}",
                get(|Path(file): Path<String>, headers: HeaderMap| async move {
                    asset(&headers, &file)
                }),
            )
            .route("/vendor/hls.js", get(hls_js))
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/api/streams", get(streams))
            .route("/api/streams/{*name}", get(one_stream))
            .route("/{*path}", get(media_file))
            .layer(CorsLayer::permissive())
            .with_state(site)
            .into_make_service_with_connect_info::<Peer>();
    let result = axum::serve(Door(listener), app)
        .with_graceful_shutdown(async move { close.wait().await })
        .await;
    if let Err(error) = result {
        tracing::error!("HTTP ends: {error}");
    }
}

// The page ----------------------------------------------------------------------------------------------------------

fn asset(headers: &HeaderMap, name: &str) -> Response {
    match ASSETS.iter().find(|(file, ..)| *file == name) {
        Some((_, kind, text)) => own_file(headers, kind, text),
        None => not_found("no such file"),
    }
}

/// A file that is part of the binary: asked for again, it is sent only if it is another one.
fn own_file(headers: &HeaderMap, kind: &'static str, text: &'static str) -> Response {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let headers = [
        (header::ETAG, tag.as_str()),
        (header::CACHE_CONTROL, FRESH),
        (header::CONTENT_TYPE, kind),
    ];
    match known {
        true => (StatusCode::NOT_MODIFIED, headers).into_response(),
        false => (headers, text).into_response(),
    }
}

async fn hls_js(State(site): Shared) -> Response {
    match tokio::fs::read(site.pages.modules.join(HLS_JS)).await {
        Ok(text) => file("text/javascript; charset=utf-8", FRESH, text.into()),
        Err(_) => not_found("hls.js is not installed"),
    }
}

// The API -----------------------------------------------------------------------------------------------------------

async fn streams(State(site): Shared) -> Response {
    let pages = &site.pages;
    let streams: Vec<_> = pages
        .hub
        .list()
        .iter()
        .map(|stream| stream.status())
        .collect();
    let server = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptime": pages.started.elapsed().as_secs_f64(),
        "rtmp_port": pages.rtmp_port,
        "hls_js": pages.modules.join(HLS_JS).is_file(),
    });
    let fresh = [(header::CACHE_CONTROL, "no-store")];
    (fresh, Json(json!({ "server": server, "streams": streams }))).into_response()
}

async fn one_stream(State(site): Shared, Path(name): Path<String>) -> Response {
    match site.pages.hub.find(&name) {
        Some(stream) => {
            let body = json!({ "stream": stream.status(), "history": stream.history() });
            ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
        }
        None => not_found("no such stream"),
    }
}

// Media -------------------------------------------------------------------------------------------------------------

#[derive(Debug, Deserialize)]
struct Viewer {
    viewer: Option<u64>,
}

/// `APP/NAME/FILE`.
async fn media_file(
    State(site): Shared,
    Path(path): Path<String>,
    Query(viewer): Query<Viewer>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    headers: HeaderMap,
) -> Response {
    let Some((name, wanted)) = path.rsplit_once('/') else {
        return not_found("no such page");
    };
    let Some(stream) = site.pages.hub.find(name) else {
        return not_found("no such stream");
    };
    let number = |prefix: &str, suffix: &str| {
        wanted
            .strip_prefix(prefix)?
            .strip_suffix(suffix)?
            .parse::<u64>()
            .ok()
    };
    if wanted == "index.m3u8" {
        wait(&stream).await;
        let viewer = site.next_viewer.fetch_add(1, Ordering::Relaxed);
        found(stream.origin.multivariant(viewer), PLAYLIST, FRESH)
    } else if wanted == "stream.m3u8" {
        wait(&stream).await;
        let viewer = viewer.viewer.unwrap_or_else(|| stranger(peer, &headers));
        found(stream.origin.playlist(viewer), PLAYLIST, FRESH)
    } else if let Some(number) = number("segment-", ".m4s") {
        found(stream.origin.segment(number), MP4, FOREVER)
    } else if let Some(number) = number("init-", ".mp4") {
        let init = u32::try_from(number)
            .ok()
            .and_then(|number| stream.origin.init(number));
        found(init, MP4, FRESH)
    } else {
        not_found("no such file")
    }
}

/// Gives a stream that is just starting time for its first segment.
async fn wait(stream: &Stream) {
    // In vain, there is nothing to be found, and the answer says so.
    let _ = tokio::time::timeout(PATIENCE, stream.origin.ready()).await;
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

fn found(data: Option<Bytes>, kind: &'static str, cache: &'static str) -> Response {
    match data {
        Some(data) => file(kind, cache, data),
        None => not_found("it is not there yet, or not any more"),
    }
}

fn file(kind: &'static str, cache: &'static str, data: Bytes) -> Response {
    (
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache)],
        Body::from(data),
    )
        .into_response()
}

fn not_found(why: &'static str) -> Response {
    (
        StatusCode::NOT_FOUND,
        [(header::CACHE_CONTROL, "no-store")],
        format!("{why}\n"),
    )
        .into_response()
}

// The listener ------------------------------------------------------------------------------------------------------

/// Our listener, as axum wants one.
struct Door(Listener);

impl axum::serve::Listener for Door {
    type Io = Visitor;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Visitor, SocketAddr) {
        let (stream, peer, permit) = self.0.accept().await;
        (
            Visitor {
                stream,
                _permit: permit,
            },
            peer,
        )
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.0.address())
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
struct Peer(SocketAddr);

impl Connected<IncomingStream<'_, Door>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// A connection with the permit that counts it.
struct Visitor {
    stream: TcpStream,
    _permit: OwnedSemaphorePermit,
}

impl AsyncRead for Visitor {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Visitor {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
