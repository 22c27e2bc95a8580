//! WHIP (RFC 9725) and WHEP: standard encoders and players in a room. Both post an offer and get an answer; what they send and receive
//! is said in there, so that one handler does for both.

use crate::room::Refusal;
use crate::switchboard::Switchboard;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

const SDP: &str = "application/sdp";

/// `POST /whip/ROOM` and `POST /whep/ROOM`.
pub(crate) async fn offer(
    State(switchboard): State<Switchboard>,
    Path((way, room)): Path<(String, String)>,
    headers: HeaderMap,
    body: String,
) -> Response {
    if !is_way(&way) || !Switchboard::is_name(&room) {
        return (StatusCode::NOT_FOUND, "no such endpoint\n").into_response();
    }
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some(SDP) {
        return (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "application/sdp is expected\n",
        )
            .into_response();
    }
    if switchboard.is_draining() {
        return unavailable("the server ends soon");
    }
    match switchboard
        .offer(&room, way.to_ascii_uppercase(), body)
        .await
    {
        Ok((id, sdp)) => {
            let id = switchboard.ticket(id);
            let headers = [
                (header::CONTENT_TYPE, SDP.to_owned()),
                (header::LOCATION, format!("/{way}/{}/{id}", encoded(&room))),
                (header::ETAG, format!("\"{id}\"")),
                (
                    header::ACCESS_CONTROL_EXPOSE_HEADERS,
                    "Location, ETag".to_owned(),
                ),
            ];
            (StatusCode::CREATED, headers, sdp).into_response()
        }
        Err(Refusal::Description(why)) => {
            (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response()
        }
        Err(refusal) => unavailable(&refusal.to_string()),
    }
}

/// `DELETE /whip/ROOM/ID`.
pub(crate) async fn end(
    State(switchboard): State<Switchboard>,
    Path((way, room, ticket)): Path<(String, String, String)>,
) -> Response {
    let holder = is_way(&way).then(|| switchboard.holder(&ticket)).flatten();
    let Some(id) = holder else {
        return (StatusCode::NOT_FOUND, "no such session\n").into_response();
    };
    switchboard.leave(&room, id).await;
    StatusCode::OK.into_response()
}

/// `PATCH /whip/ROOM/ID`: candidates of a client are not needed, because the server learns them from its checks (RFC 8445 §2.5); to
/// start ICE anew the client posts anew.
pub(crate) async fn trickle(Path((way, ..)): Path<(String, String, String)>) -> StatusCode {
    if is_way(&way) {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::NOT_FOUND
    }
}

fn is_way(way: &str) -> bool {
    matches!(way, "whip" | "whep")
}

fn unavailable(why: &str) -> Response {
    let headers = [(header::RETRY_AFTER, "5")];
    (StatusCode::SERVICE_UNAVAILABLE, headers, format!("{why}\n")).into_response()
}

/// As a segment of a path.
pub(crate) fn encoded(text: &str) -> String {
    let mut path = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                path.push(char::from(byte));
            }
            _ => path.push_str(&format!("%{byte:02X}")),
        }
    }
    path
}
