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
use common::{Listener, Shutdown};
use serde::Deserialize;
use serde_json::json;
use std::fmt::Write as _;
use std::sync::Arc;

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
/// The pages' own files; nothing is loaded from anywhere else.
const ASSETS: [(&str, &str, &str); 6] = [
    ("room.js", SCRIPT, include_str!("../web/room.js")),
    ("call.js", SCRIPT, include_str!("../web/call.js")),
    ("files.js", SCRIPT, include_str!("../web/files.js")),
    ("path.js", SCRIPT, include_str!("../web/path.js")),
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
const ROOM: &str = include_str!("../web/room.html");

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
        .route("/", get(|| async { page(HTML, INDEX) }))
        .route("/room/{name}", get(|| async { page(HTML, ROOM) }))
        .route("/favicon.ico", get(|| async { asset("favicon.svg") }))
        .route(
            "/assets/{file}",
            get(|Path(file): Path<String>| async move { asset(&file) }),
        )
        .route("/ws/{room}", get(socket))
        .route("/api/turn", get(credentials))
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .with_state(site);
    common::serve_http(listener, app, close).await;
}

fn page(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}

fn asset(name: &str) -> Response {
    match ASSETS.iter().find(|(file, ..)| *file == name) {
        Some((_, kind, text)) => page(kind, text),
        None => (StatusCode::NOT_FOUND, "no such file\n").into_response(),
    }
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
        .on_upgrade(move |socket| signal::serve(socket, site.office, room, servers))
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
async fn metrics(State(site): State<Site>) -> Response {
    let (rooms, people) = site.office.count();
    let accounts = site.turn.users.accounts();
    let allocations: usize = accounts.iter().map(|account| account.allocations).sum();
    let mut text = String::new();
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
    // Writing to a string does not fail.
    for (name, help, value) in gauges {
        let _ = writeln!(
            text,
            "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}"
        );
    }
    let name = "p2p_turn_user_allocations";
    let _ = writeln!(
        text,
        "# HELP {name} Allocations of a user.\n# TYPE {name} gauge"
    );
    for account in &accounts {
        let (user, value) = (escaped(&account.name), account.allocations);
        let _ = writeln!(text, "{name}{{user=\"{user}\"}} {value}");
    }
    let name = "p2p_turn_bytes_total";
    let help = "Bytes relayed: sent by a user, or received.";
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter");
    for account in &accounts {
        let user = escaped(&account.name);
        for (way, value) in [("sent", account.sent), ("received", account.received)] {
            let _ = writeln!(
                text,
                "{name}{{user=\"{user}\",direction=\"{way}\"}} {value}"
            );
        }
    }
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// A label's value, as the format wants it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
