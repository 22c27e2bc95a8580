//! HTTP: the page, the playlists and segments, the API.

use crate::hub::Hub;
use crate::live_files;
use crate::respond::{FRESH, file, not_found};
use crate::vod::Library;
use crate::webrtc::{self, Desk};
use axum::extract::ConnectInfo;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use common::page::{HTML, OwnFile, SCRIPT, STYLE, SVG, assets};
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tower_http::cors::CorsLayer;

/// The page's own files.
const ASSETS: &[OwnFile] = &[
    OwnFile::new("app.js", SCRIPT, include_str!("../web/app.js")),
    OwnFile::new("chart.js", SCRIPT, include_str!("../web/chart.js")),
    OwnFile::new("player.js", SCRIPT, include_str!("../web/player.js")),
    OwnFile::new("style.css", STYLE, include_str!("../web/style.css")),
    OwnFile::new("favicon.svg", SVG, include_str!("../web/favicon.svg")),
];
const INDEX: OwnFile = OwnFile::new("index.html", HTML, include_str!("../web/index.html"));
const WATCH: OwnFile = OwnFile::new("watch.html", HTML, include_str!("../web/watch.html"));
/// Players that npm may have put there: what the page calls them, under which name it asks for them, where they are.
const PLAYERS: [(&str, &str, &str); 3] = [
    ("hls.js", "hls.js", "hls.js/dist/hls.mjs"),
    (
        "dash.js",
        "dash.js",
        "dashjs/dist/modern/umd/dash.all.min.js",
    ),
    (
        "shaka",
        "shaka.js",
        "shaka-player/dist/shaka-player.compiled.js",
    ),
];

/// What pages are made from.
#[derive(Debug)]
pub(crate) struct Pages {
    pub(crate) desk: Desk,
    pub(crate) hub: Hub,
    pub(crate) library: Option<Library>,
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

/// All pages.
pub(crate) fn router(pages: Pages) -> Router {
    let site = Arc::new(Site {
        pages,
        next_viewer: AtomicU64::new(1),
    });
    Router::new()
        .route("/", INDEX.page())
        .merge(assets(ASSETS))
        .route("/watch", WATCH.page())
        .route("/vendor/{file}", get(vendor))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/api/streams", get(streams))
        .route("/api/streams/{*name}", get(one_stream))
        .route("/time", get(live_files::time))
        .route("/vod", get(library_page))
        .route("/vod/", get(library_page))
        .route("/vod/{*path}", get(library_file))
        .route("/api/vod", get(library_list))
        .route(
            "/{*path}",
            get(media_file)
                .post(whip)
                .delete(whip_end)
                .patch(whip_trickle),
        )
        .layer(CorsLayer::permissive())
        .with_state(site)
}

// The page ----------------------------------------------------------------------------------------------------------

async fn vendor(State(site): Shared, Path(name): Path<String>) -> Response {
    let Some((.., path)) = PLAYERS.iter().find(|(_, file, _)| *file == name) else {
        return not_found("no such file");
    };
    match tokio::fs::read(site.pages.modules.join(path)).await {
        Ok(text) => file("text/javascript; charset=utf-8", FRESH, text.into()),
        Err(_) => not_found("it is not installed"),
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
    let installed = |path: &str| pages.modules.join(path).is_file();
    let players = PLAYERS.iter().filter(|(.., path)| installed(path));
    let players: Vec<_> = players.map(|(name, ..)| *name).collect();
    let server = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptime": pages.started.elapsed().as_secs_f64(),
        "rtmp_port": pages.rtmp_port,
        "hls_js": players.contains(&"hls.js"),
        "players": players,
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

/// `APP/NAME/FILE`.
async fn media_file(
    State(site): Shared,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let Some((name, file)) = path.rsplit_once('/') else {
        return not_found("no such page");
    };
    let hub = &site.pages.hub;
    let request = live_files::Request {
        file,
        query: query.as_deref().unwrap_or_default(),
        peer,
        headers: &headers,
        hub,
        new_viewer: &|| site.next_viewer.fetch_add(1, Ordering::Relaxed),
    };
    if let Some(stream) = hub.find(name) {
        return live_files::serve(&stream, request).await;
    }
    let renditions = hub.renditions(name);
    if renditions.is_empty() {
        return not_found("no such stream");
    }
    live_files::serve_family(&renditions, request).await
}

// WHIP and WHEP ------------------------------------------------------------------------------------------------------

/// `APP/NAME/whip` publishes, `APP/NAME/whep` plays: an offer is posted and answered.
async fn whip(
    State(site): Shared,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let query = query.unwrap_or_default();
    let desk = &site.pages.desk;
    webrtc::http::offer(desk, &path, &query, peer, &headers, body).await
}

async fn whip_end(State(site): Shared, Path(path): Path<String>) -> Response {
    webrtc::http::end(&site.pages.desk, &path)
}

/// Candidates of clients are not needed: their checks tell where they are (RFC 8445 §2.5).
async fn whip_trickle(Path(path): Path<String>) -> StatusCode {
    match webrtc::http::session(&path) {
        Some(_) => StatusCode::NO_CONTENT,
        None => StatusCode::NOT_FOUND,
    }
}

async fn library_page(State(site): Shared) -> Response {
    match &site.pages.library {
        Some(library) => library.page().await,
        None => not_found(NO_LIBRARY),
    }
}

async fn library_list(State(site): Shared) -> Response {
    match &site.pages.library {
        Some(library) => Json(json!({ "files": library.list().await })).into_response(),
        None => not_found(NO_LIBRARY),
    }
}

/// `FILE/NAME`.
async fn library_file(
    State(site): Shared,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Response {
    match &site.pages.library {
        Some(library) => library.serve(&path, &headers).await,
        None => not_found(NO_LIBRARY),
    }
}

const NO_LIBRARY: &str = "no files are served: --vod says which";
