//! Cameras that are pulled when somebody wants to see them.

mod camera;

use crate::hub::Hub;
use common::Shutdown;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long to wait before a camera is tried again; twice as long each time, up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// One camera.
#[derive(Debug, Clone)]
pub(crate) struct Pull {
    /// The stream that it becomes.
    pub(crate) name: String,
    pub(crate) url: rtsp::Url,
    /// Whether its packets are to come by UDP, from the first.
    pub(crate) udp: bool,
    /// Somebody wants it.
    pub(crate) wanted: Arc<Notify>,
    /// Somebody always does.
    pub(crate) always: bool,
}

impl std::str::FromStr for Pull {
    type Err = String;

    /// `NAME=rtsp://...`, or `rtspu://` for packets by UDP from the first; a name without application is one of `live`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, url) = text.split_once('=').ok_or("not NAME=URL")?;
        let name = match name.contains('/') {
            true => name.to_owned(),
            false => format!("live/{name}"),
        };
        let mut url: rtsp::Url = url.parse().map_err(|error| format!("{error}"))?;
        if url.is_secure() {
            return Err("only rtsp:// and rtspu:// can be pulled".into());
        }
        let udp = url.scheme == "rtspu";
        url.scheme = "rtsp";
        Ok(Self {
            name,
            url,
            udp,
            wanted: Arc::default(),
            always: false,
        })
    }
}

/// Waits until somebody wants the camera, pulls it while that is so, and begins again.
pub(crate) async fn keep(pull: Pull, hub: Hub, cut: Shutdown) {
    let mut ending = pin!(cut.wait());
    let mut pause = PAUSES.0;
    loop {
        let began = Instant::now();
        tokio::select! {
            () = pull.wanted.notified() => {}
            () = &mut ending => return,
        }
        let result = tokio::select! {
            result = camera::watch(&pull, &hub) => result,
            () = &mut ending => return,
        };
        match result {
            Ok(()) => tracing::info!(stream = %pull.name, "pull ended: nobody watches"),
            Err(error) => {
                tracing::warn!(stream = %pull.name, camera = %pull.url.host, "pull ended: {error:#}");
                if began.elapsed() > PAUSES.1 {
                    pause = PAUSES.0;
                }
                tokio::time::sleep(pause).await;
                pause = (2 * pause).min(PAUSES.1);
                let watched = || {
                    let stream = hub.find(&pull.name);
                    stream.is_some_and(|stream| stream.has_players())
                };
                if pull.always || watched() {
                    pull.wanted.notify_one();
                }
            }
        }
    }
}
