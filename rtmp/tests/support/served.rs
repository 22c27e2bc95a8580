//! A server of one stream, for programs that nobody here wrote: what is published is kept, and played to whoever asks.
#![allow(unreachable_pub, dead_code)]

use fluvial_rtmp::server::{Config, Event, Session};
use fluvial_rtmp::{Error, Message, SharedMessage};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What was published, and what is played.
pub type Stream = Arc<Mutex<Vec<Message>>>;

/// What a session's events ask for.
pub fn handle(session: &mut Session, stream: &Stream, event: Event) -> Result<bool, Error> {
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
}

/// What to do about events; false ends a session.
pub type Handle = Arc<dyn Fn(&mut Session, Event) -> Result<bool, Error> + Send + Sync>;

fn serve(
    mut socket: TcpStream,
    config: Config,
    handle: &Handle,
) -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let mut session = Session::new(config, &mut rand::rng(), Duration::ZERO);
    socket.set_read_timeout(Some(Duration::from_millis(50)))?;
    let mut buf = vec![0; 65536];
    loop {
        match socket.read(&mut buf) {
            Ok(0) => session.handle_eof(),
            Ok(n) => session.handle_input(&buf[..n], start.elapsed()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => session.handle_eof(),
        }
        let mut goes_on = true;
        while let Some(event) = session.poll_event()? {
            goes_on &= handle(&mut session, event)?;
        }
        while let Some(bytes) = session.poll_transmit() {
            socket.write_all(&bytes)?;
        }
        if !goes_on {
            return Ok(());
        }
    }
}

/// Serves on a port of the kernel's choice, which it gives, as long as the test runs.
pub fn listen(config: Config, stream: &Stream) -> u16 {
    let stream = stream.clone();
    listen_with(
        config,
        Arc::new(move |session, event| handle(session, &stream, event)),
    )
}

/// The same with another idea of what to do.
pub fn listen_with(config: Config, handle: Handle) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let (config, handle) = (config.clone(), handle.clone());
            std::thread::spawn(move || {
                if let Err(error) = serve(socket.unwrap(), config, &handle) {
                    println!("a connection ends: {error}");
                }
            });
        }
    });
    port
}

/// The same for tunnels.
pub fn listen_http(config: Config, stream: &Stream) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let stream = stream.clone();
    let handler: crate::http::Handle =
        Arc::new(move |session, event| handle(session, &stream, event));
    std::thread::spawn(move || crate::http::listen(&listener, config, handler));
    port
}
