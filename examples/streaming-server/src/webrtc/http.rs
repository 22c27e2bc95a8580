//! The HTTP side: offers, answers, and going.

use super::Desk;
use super::play::Play;
use super::publish::Publish;
use crate::hub::Refused;
use crate::stream::Publisher;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::Rtc;
use str0m::change::SdpOffer;

const SDP: &str = "application/sdp";
/// Longest that a player waits for what is published to be known.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest offer.
const LONGEST: usize = 256 << 10;

/// What a path asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Publish,
    Play,
}

/// A stream's name, and what is to be done with it.
fn endpoint(path: &str) -> Option<(&str, Way)> {
    match path.rsplit_once('/')? {
        (name, "whip") => Some((name, Way::Publish)),
        (name, "whep") => Some((name, Way::Play)),
        _ => None,
    }
}

/// The number of a session, of the path that its `Location` told.
pub(crate) fn session(path: &str) -> Option<u64> {
    let (rest, id) = path.rsplit_once('/')?;
    endpoint(rest)?;
    id.parse().ok()
}

fn refuse(status: StatusCode, why: &str) -> Response {
    (status, format!("{why}\n")).into_response()
}

/// `POST APP/NAME/whip` and `POST APP/NAME/whep`.
pub(crate) async fn offer(
    desk: &Desk,
    path: &str,
    query: &str,
    peer: SocketAddr,
    headers: &HeaderMap,
    body: String,
) -> Response {
    let Some((name, way)) = endpoint(path) else {
        return refuse(StatusCode::NOT_FOUND, "no such page");
    };
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = header(header::CONTENT_TYPE).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some(SDP) {
        return refuse(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "application/sdp is expected",
        );
    }
    if body.len() > LONGEST {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "the offer is too long");
    }
    let offer = match SdpOffer::from_sdp_string(&body) {
        Ok(offer) => offer,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let mut rtc = desk.clients.connection(Instant::now(), |config| config);
    let answer = match rtc.sdp_api().accept_offer(offer) {
        Ok(answer) => answer.to_sdp_string(),
        Err(error) => return refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let agent = header(header::USER_AGENT).unwrap_or("somebody").to_owned();
    let seated = match way {
        Way::Publish => publish(
            desk,
            name,
            &admission(headers, query),
            peer,
            agent,
            &rtc,
            &body,
        )
        .map(|call| desk.clients.seat(rtc, call)),
        Way::Play => play(desk, name, &rtc, &body)
            .await
            .map(|call| desk.clients.seat(rtc, call)),
    };
    let id = match seated {
        Ok(Some(id)) => id,
        Ok(None) => return refuse(StatusCode::SERVICE_UNAVAILABLE, "too many are here"),
        Err(refusal) => return refusal,
    };
    let headers = [
        (header::CONTENT_TYPE, SDP.to_owned()),
        (header::LOCATION, format!("/{path}/{id}")),
        (header::ETAG, format!("\"{id}\"")),
        (
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            "Location, ETag".to_owned(),
        ),
    ];
    (StatusCode::CREATED, headers, answer).into_response()
}

/// `DELETE APP/NAME/whip/ID`.
pub(crate) fn end(desk: &Desk, path: &str) -> Response {
    match session(path) {
        Some(id) if desk.clients.dismiss(id) => StatusCode::OK.into_response(),
        _ => refuse(StatusCode::NOT_FOUND, "no such session"),
    }
}

/// The key of a publisher: its bearer token, which encoders have a field for, or in the query.
fn admission(headers: &HeaderMap, query: &str) -> String {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    token.map_or_else(|| query.to_owned(), |token| format!("key={}", token.trim()))
}

// What a refusal is, is an answer of HTTP.
#[allow(clippy::result_large_err)]
fn publish(
    desk: &Desk,
    name: &str,
    admission: &str,
    peer: SocketAddr,
    agent: String,
    rtc: &Rtc,
    offer: &str,
) -> Result<Publish, Response> {
    let hub = &desk.hub;
    let refused = |refused: Refused| {
        let status = match refused {
            Refused::Taken => StatusCode::CONFLICT,
            Refused::Full => StatusCode::SERVICE_UNAVAILABLE,
            Refused::Name => StatusCode::NOT_FOUND,
            Refused::By(_) => StatusCode::FORBIDDEN,
            Refused::Key => StatusCode::UNAUTHORIZED,
        };
        refuse(status, refused.reason())
    };
    hub.admit(name, admission).map_err(refused)?;
    let publisher = Publisher {
        peer: Some(peer),
        agent,
        query: admission.to_owned(),
    };
    let publication = hub.publish(name, publisher).map_err(refused)?;
    match Publish::new(rtc, offer, publication) {
        Ok(publish) => {
            tracing::info!(%peer, stream = name, "publisher by WHIP");
            Ok(publish)
        }
        Err(error) => Err(refuse(
            StatusCode::NOT_ACCEPTABLE,
            &format!("H.264 and Opus are understood: {error:#}"),
        )),
    }
}

async fn play(desk: &Desk, name: &str, rtc: &Rtc, offer: &str) -> Result<Play, Response> {
    let Some(stream) = desk.hub.live(name) else {
        return Err(refuse(StatusCode::NOT_FOUND, "nobody publishes that"));
    };
    stream.rtsp.want();
    let known = async {
        loop {
            let news = stream.rtsp.news.notified();
            if let Some(description) = stream.rtsp.description() {
                return description;
            }
            news.await;
        }
    };
    let Ok(description) = tokio::time::timeout(PATIENCE, known).await else {
        return Err(refuse(
            StatusCode::CONFLICT,
            "what is published cannot be told yet",
        ));
    };
    match Play::new(rtc, offer, stream, &description.sdp) {
        Some(play) => Ok(play),
        None => Err(refuse(
            StatusCode::NOT_ACCEPTABLE,
            "it has neither H.264 nor sound that can be Opus, or the offer has not",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(endpoint("live/a/whip"), Some(("live/a", Way::Publish)));
        assert_eq!(endpoint("live/a/b/whep"), Some(("live/a/b", Way::Play)));
        assert_eq!(endpoint("live/a/index.m3u8"), None);
        assert_eq!(session("live/a/whip/17"), Some(17));
        assert_eq!(session("live/a/whip"), None);
        assert_eq!(session("live/a/17"), None);
    }

    #[test]
    fn a_bearer_token_is_a_key() {
        let mut headers = HeaderMap::new();
        assert_eq!(admission(&headers, "key=a"), "key=a");
        headers.insert(header::AUTHORIZATION, "Bearer secret".parse().unwrap());
        assert_eq!(admission(&headers, "key=a"), "key=secret");
    }
}
