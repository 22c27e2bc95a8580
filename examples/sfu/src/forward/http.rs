//! `/api/rooms/ROOM/forwards`: what is passed on, and where to.

use super::{Forwards, Refusal};
use crate::switchboard::Switchboard;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

/// What both need.
#[derive(Debug, Clone)]
pub(crate) struct Office {
    pub(crate) switchboard: Switchboard,
    pub(crate) forwards: Forwards,
}

/// What is to be passed on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// The number of the person, or the name.
    who: String,
    /// `rtmp://...` or `rtp://HOST:PORT`.
    url: String,
    /// What they share instead of themselves.
    #[serde(default)]
    screen: bool,
}

pub(crate) async fn begin(
    State(office): State<Office>,
    Path(room): Path<String>,
    Json(wish): Json<Wish>,
) -> Response {
    let begun = office
        .forwards
        .begin(&office.switchboard, &room, wish.who, wish.screen, wish.url);
    let (status, why) = match begun.await {
        Ok(status) => {
            let place = format!(
                "/api/rooms/{}/forwards/{}",
                crate::whip::encoded(&room),
                status.id
            );
            let headers = [(header::LOCATION, place)];
            return (StatusCode::CREATED, headers, Json(status)).into_response();
        }
        Err(Refusal::Stranger) => (
            StatusCode::NOT_FOUND,
            "nobody of that name is in the room\n",
        ),
        Err(Refusal::Address) => (
            StatusCode::BAD_REQUEST,
            "the url is to be rtmp://HOST/APP/NAME or rtp://HOST:PORT\n",
        ),
        Err(Refusal::Silent) => (
            StatusCode::CONFLICT,
            "they send nothing, or the host is not known\n",
        ),
        Err(Refusal::Full) => (StatusCode::SERVICE_UNAVAILABLE, "there are too many\n"),
    };
    (status, why).into_response()
}

pub(crate) async fn list(State(office): State<Office>, Path(room): Path<String>) -> Response {
    let fresh = [(header::CACHE_CONTROL, "no-store")];
    let all = office.forwards.list(&room);
    (fresh, Json(serde_json::json!({ "forwards": all }))).into_response()
}

pub(crate) async fn end(
    State(office): State<Office>,
    Path((room, id)): Path<(String, u64)>,
) -> StatusCode {
    if office.forwards.end(&room, id) {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::NOT_FOUND
    }
}
