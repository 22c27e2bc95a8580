//! Streams of other servers that are pulled by RTMP.

use super::Ingest;
use anyhow::Context as _;
use common::Shutdown;
use common::rtmp::Player;
use rtmp::{Limits, Scheme, Url, flv};
use std::time::{Duration, Instant};
use streaming_server::embed::{Newcomer, Sink as _};
use tokio::time::{sleep, timeout};

/// How long to wait before a server is tried again; twice as long each time, up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// A server that sends nothing for so long has nothing.
const SILENCE: Duration = Duration::from_secs(15);

/// The address of a stream, if it is one of RTMP that can be pulled.
pub(super) fn address(url: &str) -> Option<Url> {
    let url: Url = url.parse().ok()?;
    (url.scheme == Scheme::Rtmp).then_some(url)
}

/// Pulls until `stop`, again and again.
pub(super) async fn keep(ingest: Ingest, stream: String, url: Url, stop: Shutdown) {
    let mut pause = PAUSES.0;
    loop {
        let began = Instant::now();
        let ended = tokio::select! {
            ended = watch(&ingest, &stream, &url) => ended,
            () = stop.wait() => return,
        };
        if let Err(error) = ended {
            tracing::warn!(stream, server = %url.host, "pull ended: {error:#}");
        }
        if began.elapsed() > PAUSES.1 {
            pause = PAUSES.0;
        }
        tokio::select! {
            () = sleep(pause) => pause = (2 * pause).min(PAUSES.1),
            () = stop.wait() => return,
        }
    }
}

/// Has the stream in its room as long as it comes.
async fn watch(ingest: &Ingest, stream: &str, url: &Url) -> anyhow::Result<()> {
    let mut player = Player::open(url).await?;
    let newcomer = Newcomer {
        name: stream,
        query: "",
        peer: None,
        agent: "pulled by RTMP",
    };
    let mut inlet = ingest.enter(newcomer).map_err(anyhow::Error::msg)?;
    let mut demuxer = flv::Demuxer::new(Limits::default());
    loop {
        let message = timeout(SILENCE, player.next()).await;
        demuxer.handle_message(&message.context("nothing comes")??);
        while let Some(event) = demuxer.poll_event()? {
            inlet.handle(event);
        }
        if let Some(why) = inlet.dismissal() {
            anyhow::bail!(why);
        }
    }
}
