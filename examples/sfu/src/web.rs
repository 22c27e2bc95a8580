//! HTTP: the pages, signalling, WHIP and WHEP, metrics.

use crate::forward::Forwards;
use crate::forward::http::{self as forward, Office};
use crate::ingest::Ingest;
use crate::ingest::http as cameras;
use crate::signal;
use crate::switchboard::Switchboard;
use crate::whip;
use axum::Router;
use axum::extract::{Path, Query, State, WebSocketUpgrade};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use common::page::{HTML, OwnFile, SCRIPT, STYLE, SVG, assets};
use common::{JsonSocket, Listener, Metrics, Shutdown};
use serde::Deserialize;
use serde_json::json;
use std::sync::atomic::Ordering;
use tower_http::cors::CorsLayer;

/// The pages' own files; nothing is loaded from anywhere else.
const ASSETS: &[OwnFile] = &[
    OwnFile::new("room.js", SCRIPT, include_str!("../web/room.js")),
    OwnFile::new("call.js", SCRIPT, include_str!("../web/call.js")),
    OwnFile::new("tiles.js", SCRIPT, include_str!("../web/tiles.js")),
    OwnFile::new("style.css", STYLE, include_str!("../web/style.css")),
    OwnFile::new("favicon.svg", SVG, include_str!("../web/favicon.svg")),
];
const INDEX: OwnFile = OwnFile::new("index.html", HTML, include_str!("../web/index.html"));
const ROOM: OwnFile = OwnFile::new("room.html", HTML, include_str!("../web/room.html"));
const STATS: OwnFile = OwnFile::new("stats.html", HTML, include_str!("../web/stats.html"));

/// Serves until `close`.
pub(crate) async fn serve(
    listener: Listener,
    switchboard: Switchboard,
    cameras: cameras::Office,
    close: Shutdown,
) {
    let ingest = cameras.ingest.clone();
    let cameras = Router::new()
        .route("/api/rooms/{room}/cameras", get(cameras::list))
        .route(
            "/api/rooms/{room}/cameras/{name}",
            post(cameras::pull).delete(cameras::let_go),
        )
        .with_state(cameras);
    let office = Office {
        switchboard: switchboard.clone(),
        forwards: Forwards::default(),
    };
    let forwards = Router::new()
        .route(
            "/api/rooms/{room}/forwards",
            get(forward::list).post(forward::begin),
        )
        .route(
            "/api/rooms/{room}/forwards/{id}",
            axum::routing::delete(forward::end),
        )
        .with_state(office);
    let app = Router::new()
        .route("/", INDEX.page())
        .route("/room/{name}", ROOM.page())
        .route("/stats", STATS.page())
        .merge(assets(ASSETS))
        .route("/ws/{room}", get(socket))
        .route("/{way}/{room}", post(whip::offer))
        .route(
            "/{way}/{room}/{id}",
            axum::routing::delete(whip::end).patch(whip::trickle),
        )
        // Pages of others may send and get, and have no say in rooms.
        .layer(CorsLayer::permissive())
        .route("/api/rooms", get(rooms))
        .route(
            "/metrics",
            get(move |state: State<Switchboard>| metrics(state, ingest.clone())),
        )
        .route("/healthz", get(health))
        .route("/drain", post(drain))
        .with_state(switchboard)
        .merge(forwards)
        .merge(cameras);
    common::serve_http(listener, app, close).await;
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
        .on_upgrade(move |socket| signal::serve(JsonSocket::new(socket), switchboard, room))
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
async fn metrics(State(switchboard): State<Switchboard>, ingest: Ingest) -> Metrics {
    let counts = ingest.counts();
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
        (
            "sfu_ingests",
            "Publishers of RTMP and RTSP, and cameras that are there.",
            ingest.count() as u64,
        ),
        (
            "sfu_ingest_bytes",
            "Bytes of media that they have sent.",
            counts.bytes.load(Ordering::Relaxed),
        ),
        (
            "sfu_ingest_pictures_left_out",
            "Pictures of theirs that came out of order.",
            counts.left_out.load(Ordering::Relaxed),
        ),
        (
            "sfu_ingests_refused",
            "Publishers for whom there was no room.",
            counts.refused.load(Ordering::Relaxed),
        ),
    ];
    let mut metrics = Metrics::default();
    for (name, help, value) in gauges {
        metrics.gauge(name, help, value);
    }
    metrics
}

async fn health(State(switchboard): State<Switchboard>) -> Response {
    if switchboard.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response();
    }
    "ok\n".into_response()
}

/// How the server is drained.
#[derive(Debug, Deserialize)]
struct Drain {
    /// Whether it ends when nobody is left; `end` alone says so.
    end: Option<String>,
}

async fn drain(State(switchboard): State<Switchboard>, Query(how): Query<Drain>) -> &'static str {
    switchboard.drain().await;
    if how.end.is_some() {
        switchboard.end_when_empty();
    }
    "draining\n"
}
