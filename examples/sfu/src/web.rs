//! HTTP: the pages, signalling, WHIP and WHEP, metrics.

use crate::signal;
use crate::switchboard::Switchboard;
use crate::whip;
use axum::Router;
use axum::extract::{Path, State, WebSocketUpgrade};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use common::{Listener, Shutdown};
use serde_json::json;
use std::fmt::Write as _;
use tower_http::cors::CorsLayer;

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
/// The pages' own files; nothing is loaded from anywhere else.
const ASSETS: [(&str, &str, &str); 5] = [
    ("room.js", SCRIPT, include_str!("../web/room.js")),
    ("call.js", SCRIPT, include_str!("../web/call.js")),
    ("tiles.js", SCRIPT, include_str!("../web/tiles.js")),
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
const STATS: &str = include_str!("../web/stats.html");

/// Serves until `close`.
pub(crate) async fn serve(listener: Listener, switchboard: Switchboard, close: Shutdown) {
    let app = Router::new()
        .route("/", get(|| async { page(HTML, INDEX) }))
        .route("/room/{name}", get(|| async { page(HTML, ROOM) }))
        .route("/stats", get(|| async { page(HTML, STATS) }))
        .route("/favicon.ico", get(|| async { asset("favicon.svg") }))
        .route(
            "/assets/{file}",
            get(|Path(file): Path<String>| async move { asset(&file) }),
        )
        .route("/ws/{room}", get(socket))
        .route("/{way}/{room}", post(whip::offer))
        .route(
            "/{way}/{room}/{id}",
            axum::routing::delete(whip::end).patch(whip::trickle),
        )
        .route("/api/rooms", get(rooms))
        .route("/metrics", get(metrics))
        .route("/healthz", get(health))
        .route("/drain", post(drain))
        .layer(CorsLayer::permissive())
        .with_state(switchboard);
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

async fn socket(
    State(switchboard): State<Switchboard>,
    Path(room): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !Switchboard::is_name(&room) {
        return (
            StatusCode::NOT_FOUND,
            "a room is called by 1 to 64 characters\n",
        )
            .into_response();
    }
    upgrade
        .max_message_size(signal::LONGEST)
        .on_upgrade(move |socket| signal::serve(socket, switchboard, room))
}

async fn rooms(State(switchboard): State<Switchboard>) -> Response {
    let rooms: Vec<_> = switchboard
        .status()
        .await
        .into_iter()
        .map(|room| {
            json!({
                "name": &*room.name,
                "people": room.people,
                "packets_received": room.counters.received,
                "packets_forwarded": room.counters.forwarded,
                "keyframe_requests": room.counters.keyframe_requests,
                "messages": room.counters.messages,
            })
        })
        .collect();
    let fresh = [(header::CACHE_CONTROL, "no-store")];
    (fresh, axum::Json(json!({ "rooms": rooms }))).into_response()
}

/// In Prometheus's text format.
async fn metrics(State(switchboard): State<Switchboard>) -> Response {
    let rooms = switchboard.status().await;
    let people: usize = rooms.iter().map(|room| room.people.len()).sum();
    let sum = |of: fn(&crate::room::Counters) -> u64| -> u64 {
        rooms.iter().map(|room| of(&room.counters)).sum()
    };
    let gauges = [
        (
            "sfu_rooms",
            "Rooms with somebody in them.",
            rooms.len() as u64,
        ),
        ("sfu_peers", "People in rooms.", people as u64),
        (
            "sfu_packets_received",
            "RTP packets that came, in the rooms of now.",
            sum(|counters| counters.received),
        ),
        (
            "sfu_packets_forwarded",
            "RTP packets that were sent on, in the rooms of now.",
            sum(|counters| counters.forwarded),
        ),
        (
            "sfu_keyframe_requests",
            "Keyframes that publishers were asked for, in the rooms of now.",
            sum(|counters| counters.keyframe_requests),
        ),
    ];
    let mut text = String::new();
    for (name, help, value) in gauges {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}"
        );
    }
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

async fn health(State(switchboard): State<Switchboard>) -> Response {
    if switchboard.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response();
    }
    "ok\n".into_response()
}

async fn drain(State(switchboard): State<Switchboard>) -> &'static str {
    switchboard.drain().await;
    "draining\n"
}
