//! HTTP: the page, signalling, the API; all else is the streaming server's.

use crate::call::{Call, FIRST_ESTIMATE};
use crate::layout::Layout;
use crate::requests::{Camera, Change, Record, Target, parameter};
use crate::room::{Person, Room, Way};
use crate::rooms::Rooms;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use common::Metrics;
use common::page::{HTML, OwnFile, SCRIPT, STYLE, SVG, assets};
use common::webrtc::Desk;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use str0m::bwe::Bitrate;
use str0m::change::SdpOffer;
use str0m::rtp::Extension;
use streaming_server::embed::Handle;
use tower_http::cors::CorsLayer;

const SDP: &str = "application/sdp";
/// Longest offer.
const LONGEST: usize = 256 << 10;

const INDEX: OwnFile = OwnFile::new("index.html", HTML, include_str!("../web/index.html"));
const ROOM: OwnFile = OwnFile::new("room.html", HTML, include_str!("../web/room.html"));
const ASSETS: &[OwnFile] = &[
    OwnFile::new("room.js", SCRIPT, include_str!("../web/room.js")),
    OwnFile::new("editor.js", SCRIPT, include_str!("../web/editor.js")),
    OwnFile::new("style.css", STYLE, include_str!("../web/style.css")),
    OwnFile::new("favicon.svg", SVG, include_str!("../web/favicon.svg")),
];

/// What pages are made from.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) rooms: Rooms,
    pub(crate) desk: Desk,
    pub(crate) streams: Handle,
    /// Whether there is a folder for recordings.
    pub(crate) has_folder: bool,
}

type Shared = State<Arc<Site>>;

/// All pages; `streams` answers what is none of ours.
pub(crate) fn router(site: Site, streams: Router) -> Router {
    Router::new()
        .route("/", INDEX.page())
        .route("/room/{name}", ROOM.page())
        .merge(assets(ASSETS))
        .merge(signalling())
        // Pages of others may send and get, and have no say in rooms.
        .layer(CorsLayer::permissive())
        .route("/api/rooms", get(list))
        .route("/api/rooms/{name}", get(one))
        .route(
            "/api/rooms/{name}/layout",
            get(layout).put(set_layout).post(set_layout),
        )
        .route(
            "/api/rooms/{name}/people/{id}",
            post(set_person).patch(set_person),
        )
        .route(
            "/api/rooms/{name}/people/{id}/layout",
            post(set_own_layout)
                .put(set_own_layout)
                .delete(no_own_layout),
        )
        .route("/api/rooms/{name}/record", post(record))
        .route("/api/rooms/{name}/push", post(push))
        .route("/api/rooms/{name}/push/{id}", delete(end_push))
        .route("/api/rooms/{name}/cameras/{who}", post(pull).delete(let_go))
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .with_state(Arc::new(site))
        .fallback_service(streams)
}

fn refuse(status: StatusCode, why: impl std::fmt::Display) -> Response {
    (status, format!("{why}\n")).into_response()
}

const NO_ROOM: &str = "nobody is in that room";
const NO_PERSON: &str = "nobody of that number is in the room";

// Signalling --------------------------------------------------------------------------------------------------------

/// What a client does in a room: sends, gets, or both.
#[derive(Debug, Clone, Copy)]
struct Part {
    way: &'static str,
    sends: bool,
    gets: bool,
}

/// Who joins sends and gets, a publisher only sends (WHIP, RFC 9725), a player only gets (WHEP).
const PARTS: [Part; 3] = [
    Part {
        way: "join",
        sends: true,
        gets: true,
    },
    Part {
        way: "whip",
        sends: true,
        gets: false,
    },
    Part {
        way: "whep",
        sends: false,
        gets: true,
    },
];

/// `POST /room/NAME/WAY`, and what an offer there makes.
fn signalling() -> Router<Arc<Site>> {
    PARTS.into_iter().fold(Router::new(), |router, part| {
        let offer = move |State(site): Shared,
                          Path(name): Path<String>,
                          RawQuery(query): RawQuery,
                          headers: HeaderMap,
                          body: Bytes| async move {
            offer(
                &site,
                part,
                &name,
                &query.unwrap_or_default(),
                &headers,
                &body,
            )
        };
        let entrance = format!("/room/{{name}}/{}", part.way);
        router
            .route(
                &format!("{entrance}/{{id}}"),
                delete(hang_up).patch(trickle),
            )
            .route(&entrance, post(offer))
    })
}

/// Answers an offer.
fn offer(
    site: &Site,
    part: Part,
    name: &str,
    query: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    let Part { way, sends, gets } = part;
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    if kind.and_then(|kind| kind.split(';').next()).map(str::trim) != Some(SDP) {
        return refuse(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "application/sdp is expected",
        );
    }
    if body.len() > LONGEST {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "the offer is too long");
    }
    let text = String::from_utf8_lossy(body);
    let offer = match SdpOffer::from_sdp_string(&text) {
        Ok(offer) => offer,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, error),
    };
    let estimate = Bitrate::bps(FIRST_ESTIMATE);
    // What the network bears is asked for pictures only: sound has one rate.
    let estimate = text.contains("m=video").then_some(estimate);
    let mut rtc = site.desk.connection(Instant::now(), |config| {
        config
            .enable_bwe(estimate)
            // Behind H.264, so that it is sent by who has nothing else.
            .enable_vp8(true)
            .set_extension(5, Extension::PlayoutDelay)
    });
    let answer = match rtc.sdp_api().accept_offer(offer) {
        Ok(answer) => answer.to_sdp_string(),
        Err(error) => return refuse(StatusCode::BAD_REQUEST, error),
    };
    let who = parameter(query, "name").unwrap_or_default();
    let inlet = sends
        .then(|| site.rooms.enter(name, &who, Way::Webrtc))
        .transpose();
    let inlet = match inlet {
        Ok(inlet) => inlet,
        Err(why) => return refuse(StatusCode::SERVICE_UNAVAILABLE, why),
    };
    let room = match site.rooms.open(name) {
        Ok(room) => room,
        Err(why) => return refuse(StatusCode::NOT_FOUND, why),
    };
    let person = inlet.as_ref().map(|inlet| inlet.person().id);
    let call = match Call::new(room, &rtc, &text, inlet, gets) {
        Ok(call) => call,
        Err(error) => {
            return refuse(
                StatusCode::NOT_ACCEPTABLE,
                format!("H.264 and Opus are understood: {error:#}"),
            );
        }
    };
    let Some(id) = site.desk.seat(rtc, call) else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "too many are here");
    };
    let headers = [
        (header::CONTENT_TYPE.as_str(), SDP.to_owned()),
        (
            header::LOCATION.as_str(),
            format!("/room/{name}/{way}/{id}"),
        ),
        (header::ETAG.as_str(), format!("\"{id}\"")),
        (
            "x-person",
            person.map_or_else(String::new, |id| id.to_string()),
        ),
        (
            header::ACCESS_CONTROL_EXPOSE_HEADERS.as_str(),
            "Location, ETag, X-Person".to_owned(),
        ),
    ];
    (StatusCode::CREATED, headers, answer).into_response()
}

async fn hang_up(State(site): Shared, Path((_, id)): Path<(String, u64)>) -> Response {
    match site.desk.dismiss(id) {
        true => StatusCode::OK.into_response(),
        false => refuse(StatusCode::NOT_FOUND, "no such session"),
    }
}

/// Candidates of clients are not needed: their checks tell where they are (RFC 8445 §2.5).
async fn trickle() -> StatusCode {
    StatusCode::NO_CONTENT
}

// The API -----------------------------------------------------------------------------------------------------------

fn describe(room: &Room) -> Value {
    let speaker = room.speaker();
    let people: Vec<_> = room
        .people()
        .iter()
        .map(|person| describe_person(person, speaker))
        .collect();
    json!({
        "name": &*room.name,
        "layout": &*room.layout(),
        "recording": room.is_recording(),
        "listeners": room.listeners(),
        "hls": format!("/{}/index.m3u8", room.stream()),
        "pushes": room.pushes(),
        "people": people,
    })
}

fn describe_person(person: &Person, speaker: Option<u64>) -> Value {
    json!({
        "id": person.id,
        "name": &*person.name,
        "way": person.way,
        "muted": person.is_muted(),
        "hidden": person.is_hidden(),
        "screen": person.is_screen(),
        "gain": person.raw_gain(),
        "video": person.has_video(),
        "level": f32::from_bits(person.level.load(Ordering::Relaxed)),
        "delay": person.delay().as_secs_f64(),
        "decoded": person.decoded.load(Ordering::Relaxed),
        "speaks": speaker == Some(person.id),
    })
}

fn fresh(value: Value) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(value)).into_response()
}

async fn list(State(site): Shared) -> Response {
    let rooms: Vec<_> = site
        .rooms
        .list()
        .iter()
        .map(|room| describe(room))
        .collect();
    fresh(json!({ "rooms": rooms, "can_record": site.has_folder }))
}

/// Does something with a room, if there is one.
fn with_room(site: &Site, name: &str, act: impl FnOnce(&Room) -> Response) -> Response {
    match site.rooms.find(name) {
        Some(room) => act(&room),
        None => refuse(StatusCode::NOT_FOUND, NO_ROOM),
    }
}

// What a refusal is, is an answer of HTTP.
#[allow(clippy::result_large_err)]
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Response> {
    serde_json::from_slice(body).map_err(|error| refuse(StatusCode::BAD_REQUEST, error))
}

async fn one(State(site): Shared, Path(name): Path<String>) -> Response {
    with_room(&site, &name, |room| fresh(describe(room)))
}

async fn layout(State(site): Shared, Path(name): Path<String>) -> Response {
    with_room(&site, &name, |room| fresh(json!(&*room.layout())))
}

#[allow(clippy::result_large_err)]
fn parse_layout(body: &[u8]) -> Result<Layout, Response> {
    let layout: Layout = parse(body)?;
    layout
        .check()
        .map_err(|why| refuse(StatusCode::BAD_REQUEST, why))?;
    Ok(layout)
}

async fn set_layout(State(site): Shared, Path(name): Path<String>, body: Bytes) -> Response {
    match parse_layout(&body) {
        Ok(layout) => with_room(&site, &name, |room| {
            room.set_layout(layout);
            fresh(json!(&*room.layout()))
        }),
        Err(refusal) => refusal,
    }
}

async fn set_own_layout(
    State(site): Shared,
    Path((name, id)): Path<(String, u64)>,
    body: Bytes,
) -> Response {
    match parse_layout(&body) {
        Ok(layout) => own_layout(&site, &name, id, Some(layout)),
        Err(refusal) => refusal,
    }
}

async fn no_own_layout(State(site): Shared, Path((name, id)): Path<(String, u64)>) -> Response {
    own_layout(&site, &name, id, None)
}

fn own_layout(site: &Site, name: &str, id: u64, layout: Option<Layout>) -> Response {
    with_room(site, name, |room| match room.set_own_layout(id, layout) {
        true => fresh(describe(room)),
        false => refuse(StatusCode::NOT_FOUND, NO_PERSON),
    })
}

async fn set_person(
    State(site): Shared,
    Path((name, id)): Path<(String, u64)>,
    body: Bytes,
) -> Response {
    let change: Change = match parse(&body) {
        Ok(change) => change,
        Err(refusal) => return refusal,
    };
    with_room(&site, &name, |room| {
        let Some(person) = room.person(id) else {
            return refuse(StatusCode::NOT_FOUND, NO_PERSON);
        };
        change
            .muted
            .into_iter()
            .for_each(|muted| person.set_muted(muted));
        change
            .hidden
            .into_iter()
            .for_each(|hidden| person.set_hidden(hidden));
        change
            .screen
            .into_iter()
            .for_each(|screen| person.set_screen(screen));
        change
            .gain
            .into_iter()
            .for_each(|gain| person.set_gain(gain));
        fresh(describe_person(&person, room.speaker()))
    })
}

async fn record(State(site): Shared, Path(name): Path<String>, body: Bytes) -> Response {
    let record: Record = match parse(&body) {
        Ok(record) => record,
        Err(refusal) => return refusal,
    };
    if !site.has_folder {
        return refuse(
            StatusCode::CONFLICT,
            "there is no folder for recordings: --record says which",
        );
    }
    with_room(&site, &name, |room| {
        room.set_recording(record.on);
        fresh(describe(room))
    })
}

/// Pushes the mix to a server of RTMP.
async fn push(State(site): Shared, Path(name): Path<String>, body: Bytes) -> Response {
    let target: Target = match parse(&body) {
        Ok(target) => target,
        Err(refusal) => return refusal,
    };
    with_room(&site, &name, |room| match room.push(&target.url) {
        Ok(id) => (StatusCode::ACCEPTED, fresh(json!({ "id": id }))).into_response(),
        Err(why) => refuse(StatusCode::BAD_REQUEST, why),
    })
}

async fn end_push(State(site): Shared, Path((name, id)): Path<(String, u64)>) -> Response {
    with_room(&site, &name, |room| match room.end_push(id) {
        true => fresh(describe(room)),
        false => refuse(StatusCode::NOT_FOUND, "it is not pushed there"),
    })
}

/// Pulls a camera into a room, which is opened for it.
async fn pull(
    State(site): Shared,
    Path((name, who)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let camera: Camera = match parse(&body) {
        Ok(camera) => camera,
        Err(refusal) => return refusal,
    };
    match site.rooms.pull(&site.streams, &name, &who, &camera.url) {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(why) => refuse(StatusCode::BAD_REQUEST, why),
    }
}

async fn let_go(State(site): Shared, Path((name, who)): Path<(String, String)>) -> Response {
    match site.rooms.let_go(&name, &who) {
        true => StatusCode::OK.into_response(),
        false => refuse(StatusCode::NOT_FOUND, "no such camera"),
    }
}

/// A number of a room.
type Gauge = fn(&Room) -> usize;

async fn metrics(State(site): Shared) -> Metrics {
    let rooms = site.rooms.list();
    let mut metrics = Metrics::default();
    metrics.gauge("mcu_rooms", "Rooms with somebody in them.", rooms.len());
    let gauges: [(&str, &str, Gauge); 5] = [
        ("mcu_people", "Participants, by room.", |room| {
            room.people().len()
        }),
        (
            "mcu_listeners",
            "Who gets the mix by WebRTC, by room.",
            Room::listeners,
        ),
        (
            "mcu_picture_encoders",
            "Encoders of pictures at work, by room.",
            |room| room.picture_encodes.load(Ordering::Relaxed),
        ),
        (
            "mcu_sound_decoders",
            "Participants whose sound is decoded, by room.",
            |room| room.sound_decodes.load(Ordering::Relaxed),
        ),
        (
            "mcu_sound_encoders",
            "Encoders of sound at work, by room.",
            |room| room.sound_encodes.load(Ordering::Relaxed),
        ),
    ];
    for (name, help, of) in gauges {
        metrics.family("gauge", name, help);
        for room in &rooms {
            metrics.sample(name, &[("room", &room.name)], of(room));
        }
    }
    let pictures = "mcu_pictures_total";
    metrics.family(
        "counter",
        pictures,
        "Pictures that were decoded, by room and participant.",
    );
    for room in &rooms {
        for person in room.people() {
            let labels = [("room", &*room.name), ("name", &*person.name)];
            metrics.sample(pictures, &labels, person.decoded.load(Ordering::Relaxed));
        }
    }
    let received = "mcu_received_bytes_total";
    metrics.family(
        "counter",
        received,
        "Bytes of media that came, by room and participant.",
    );
    for room in &rooms {
        for person in room.people() {
            let labels = [("room", &*room.name), ("name", &*person.name)];
            metrics.sample(received, &labels, person.received.load(Ordering::Relaxed));
        }
    }
    let work = "mcu_work_seconds_total";
    metrics.family("counter", work, "Time spent, by room and kind of work.");
    for room in &rooms {
        for (kind, seconds) in room.costs() {
            metrics.sample(work, &[("room", &*room.name), ("work", kind)], seconds);
        }
    }
    metrics
}
