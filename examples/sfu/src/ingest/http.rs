//! `/api/rooms/ROOM/cameras`: what is pulled into a room.

use super::cameras::Refusal;
use super::{Ingest, Streams};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use streaming_server::embed::Handle;

/// What is needed.
#[derive(Debug, Clone)]
pub(crate) struct Office {
    pub(crate) ingest: Ingest,
    server: Handle,
}

impl Office {
    pub(crate) fn new(streams: &Streams) -> Self {
        Self {
            ingest: streams.ingest.clone(),
            server: streams.handle(),
        }
    }
}

/// What is to be pulled.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// `rtsp://...`
    url: String,
}

pub(crate) async fn pull(
    State(office): State<Office>,
    Path((room, name)): Path<(String, String)>,
    Json(wish): Json<Wish>,
) -> Response {
    let pulled = office.ingest.pull(&office.server, &room, &name, &wish.url);
    let Err(refusal) = pulled else {
        return StatusCode::CREATED.into_response();
    };
    let status = match refusal {
        Refusal::Name | Refusal::Address => StatusCode::BAD_REQUEST,
        Refusal::Taken => StatusCode::CONFLICT,
        Refusal::Full => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, format!("{}\n", refusal.text())).into_response()
}

pub(crate) async fn let_go(
    State(office): State<Office>,
    Path((room, name)): Path<(String, String)>,
) -> StatusCode {
    match office.ingest.cameras().remove(&room, &name) {
        true => StatusCode::NO_CONTENT,
        false => StatusCode::NOT_FOUND,
    }
}

pub(crate) async fn list(State(office): State<Office>, Path(room): Path<String>) -> Response {
    let present = office.ingest.present().clone();
    let is_present = |name: &str| present.values().any(|who| who.0 == room && who.1 == name);
    let cameras = office.ingest.cameras().of(&room, is_present);
    let fresh = [(header::CACHE_CONTROL, "no-store")];
    (fresh, Json(serde_json::json!({ "cameras": cameras }))).into_response()
}
