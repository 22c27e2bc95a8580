//! HTTP: the pages, signalling, credentials, metrics.

use crate::ice::Ice;
use crate::rooms::is_name;
use crate::signal::{self, Office};
use crate::turn::{Context, unix_time};
use axum::Router;
use axum::extract::{Path, Query, State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use common::page::{HTML, OwnFile, SCRIPT, STYLE, SVG, assets};
use common::{JsonSocket, Listener, Metrics, Shutdown};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// The pages' own files; nothing is loaded from anywhere else.
const ASSETS: &[OwnFile] = &[
    OwnFile::new("room.js", SCRIPT, include_str!("../web/room.js")),
    OwnFile::new("call.js", SCRIPT, include_str!("../web/call.js")),
    OwnFile::new("files.js", SCRIPT, include_str!("../web/files.js")),
    OwnFile::new("path.js", SCRIPT, include_str!("../web/path.js")),
    OwnFile::new("style.css", STYLE, include_str!("../web/style.css")),
    OwnFile::new("favicon.svg", SVG, include_str!("../web/favicon.svg")),
];
const INDEX: OwnFile = OwnFile::new("index.html", HTML, include_str!("../web/index.html"));
const ROOM: OwnFile = OwnFile::new("room.html", HTML, include_str!("../web/room.html"));

/// What requests need.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) office: Office,
    pub(crate) ice: Arc<Ice>,
    pub(crate) turn: Arc<Context>,
}

/// Serves until `close`.
pub(crate) async fn serve(listener: Listener, site: Site, close: Shutdown) {
    let app = Router::new()
        .route("/", INDEX.page())
        .route("/room/{name}", ROOM.page())
        .merge(assets(ASSETS))
        .route("/ws/{room}", get(socket))
        .route("/api/turn", get(credentials))
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .with_state(site);
    common::serve_http(listener, app, close).await;
}

fn host_of(headers: &HeaderMap) -> String {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    host.unwrap_or("localhost").to_owned()
}

async fn socket(
    State(site): State<Site>,
    Path(room): Path<String>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !is_name(&room) {
        let why = "a room is called by 1 to 64 characters\n";
        return (StatusCode::NOT_FOUND, why).into_response();
    }
    let host = host_of(&headers);
    let ice = site.ice;
    let servers = move |name: &str| ice.notice(&host, name, unix_time());
    upgrade
        .max_message_size(signal::LONGEST)
        .on_upgrade(move |socket| {
            signal::serve(JsonSocket::new(socket), site.office, room, servers)
        })
}

#[derive(Debug, Deserialize)]
struct Asked {
    username: String,
}

/// Credentials for software that is not our page.
async fn credentials(
    State(site): State<Site>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    if !is_name(&asked.username) {
        let why = "a user name has 1 to 64 characters\n";
        return (StatusCode::BAD_REQUEST, why).into_response();
    }
    let credentials = site.ice.credentials(&asked.username, unix_time());
    let (stun, turn) = site.ice.urls(&host_of(&headers));
    let fresh = [(header::CACHE_CONTROL, "no-store")];
    let uris: Vec<String> = [stun].into_iter().chain(turn).collect();
    let told = json!({
        "username": credentials.username,
        "password": credentials.password,
        "ttl": site.ice.ttl,
        "uris": uris,
    });
    (fresh, axum::Json(told)).into_response()
}

/// In Prometheus's text format.
async fn metrics(State(site): State<Site>) -> Metrics {
    let (rooms, people) = site.office.count();
    let accounts = site.turn.users.accounts();
    let allocations: usize = accounts.iter().map(|account| account.allocations).sum();
    let gauges = [
        ("p2p_rooms", "Rooms with somebody in them.", rooms),
        ("p2p_peers", "People in rooms.", people),
        ("p2p_turn_allocations", "Allocations of TURN.", allocations),
        (
            "p2p_turn_relays",
            "Relayed addresses.",
            site.turn.relays.count(),
        ),
    ];
    let mut metrics = Metrics::default();
    for (name, help, value) in gauges {
        metrics.gauge(name, help, value);
    }
    let name = "p2p_turn_user_allocations";
    metrics.family("gauge", name, "Allocations of a user.");
    for account in &accounts {
        metrics.sample(name, &[("user", &account.name)], account.allocations);
    }
    let name = "p2p_turn_bytes_total";
    let help = "Bytes relayed: sent by a user, or received.";
    metrics.family("counter", name, help);
    for account in &accounts {
        for (way, value) in [("sent", account.sent), ("received", account.received)] {
            let labels = [("user", &*account.name), ("direction", way)];
            metrics.sample(name, &labels, value);
        }
    }
    metrics
}
