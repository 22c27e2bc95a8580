//! A server of RTMPT with one stream: what is published is kept and played to whoever asks.
//!
//! ```console
//! cargo run -p fluvial-rtmp --example tunnel -- 127.0.0.1:8080
//! ffmpeg -re -i clip.flv -c copy -f flv rtmpt://127.0.0.1:8080/live/x
//! ffplay rtmpt://127.0.0.1:8080/live/x
//! ```
#![allow(clippy::unwrap_used, reason = "an example")]

mod http;

use fluvial_rtmp::server::{Config, Event};
use fluvial_rtmp::{Message, SharedMessage};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

fn main() -> std::io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(&address)?;
    println!("rtmpt://{address}/live/x");
    let stream: Mutex<Vec<Message>> = Mutex::default();
    let handle: http::Handle = Arc::new(move |session, event| {
        match event {
            Event::ConnectRequested(request) => session.accept(request.id)?,
            Event::PublishRequested(request) => {
                stream.lock().unwrap().clear();
                session.accept(request.id)?;
            }
            Event::PlayRequested(request) => {
                session.accept(request.id)?;
                for message in &*stream.lock().unwrap() {
                    session.send(request.stream_id, &SharedMessage::new(message)?)?;
                }
                session.stop(request.stream_id, "NetStream.Play.Stop", "all was sent")?;
            }
            Event::Media(message) => stream.lock().unwrap().push(message),
            Event::Closed(_) => return Ok(false),
            _ => {}
        }
        Ok(true)
    });
    http::listen(&listener, Config::default(), handle);
    Ok(())
}
