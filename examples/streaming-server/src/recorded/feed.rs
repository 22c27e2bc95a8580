use super::Library;
use super::recording::Recording;
use rtmp::Message;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, spawn_blocking};

/// Bytes of a batch, about, and messages.
const BATCH: usize = 128 << 10;
const MESSAGES: usize = 256;

/// What comes from a file.
#[derive(Debug)]
pub(crate) enum Item {
    /// It can be played, and is so long.
    Opened(Option<Duration>),
    /// It cannot, or no longer, be read.
    Failed(String),
    /// The next messages since the order with this number.
    Batch {
        order: u64,
        messages: Vec<Message>,
        /// Whether they are the last.
        ended: bool,
    },
}

/// From where to read.
#[derive(Debug, Clone, Copy, Default)]
struct Order {
    number: u64,
    from: Duration,
}

/// Reads a file for one player, never more than a batch ahead; a disk that is slow holds nobody else up.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) items: mpsc::Receiver<Item>,
    orders: watch::Sender<Order>,
}

impl Feed {
    pub(super) fn start(library: &Library, file: PathBuf) -> Self {
        let (sender, items) = mpsc::channel(1);
        let (orders, ordered) = watch::channel(Order::default());
        tokio::spawn(run(library.clone(), file, sender, ordered));
        Self { items, orders }
    }

    /// Begins anew from a time; gives the number that the batches have from then on.
    pub(super) fn order(&self, from: Duration) -> u64 {
        let mut number = 0;
        self.orders.send_modify(|order| {
            order.number += 1;
            order.from = from;
            number = order.number;
        });
        number
    }
}

/// Goes on until nobody listens.
async fn run(
    library: Library,
    file: PathBuf,
    items: mpsc::Sender<Item>,
    mut orders: watch::Receiver<Order>,
) {
    let failed = |error: anyhow::Error| {
        tracing::warn!(file = %file.display(), "recording: {error:#}");
        Item::Failed(format!("The recording cannot be played: {error}."))
    };
    let path = file.clone();
    let opened = match flatten(spawn_blocking(move || Recording::open(&library, &path)).await) {
        Ok(recording) => recording,
        // Nobody may be there any more to be told.
        Err(error) => return drop(items.send(failed(error)).await),
    };
    if items.send(Item::Opened(opened.length())).await.is_err() || orders.changed().await.is_err() {
        return;
    }
    let mut recording = Box::new(opened);
    let mut order = *orders.borrow_and_update();
    let mut seek = true;
    loop {
        let reading = spawn_blocking(move || {
            if seek {
                recording.seek(order.from)?;
            }
            let (messages, ended) = batch(&mut recording)?;
            Ok((recording, messages, ended))
        });
        let (messages, ended);
        (recording, messages, ended) = match flatten(reading.await) {
            Ok(read) => read,
            Err(error) => return drop(items.send(failed(error)).await),
        };
        seek = false;
        let item = Item::Batch {
            order: order.number,
            messages,
            ended,
        };
        let changed = tokio::select! {
            sent = items.send(item) => match sent {
                Ok(()) if ended => orders.changed().await,
                Ok(()) => continue,
                Err(_) => return,
            },
            changed = orders.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
        order = *orders.borrow_and_update();
        seek = true;
    }
}

fn batch(recording: &mut Recording) -> anyhow::Result<(Vec<Message>, bool)> {
    let mut messages = Vec::new();
    let mut bytes = 0;
    while bytes < BATCH && messages.len() < MESSAGES {
        let Some(message) = recording.next()? else {
            return Ok((messages, true));
        };
        bytes += message.payload.len();
        messages.push(message);
    }
    Ok((messages, false))
}

fn flatten<T>(result: Result<anyhow::Result<T>, JoinError>) -> anyhow::Result<T> {
    result.unwrap_or_else(|error| Err(anyhow::anyhow!("it broke off: {error}")))
}

/// How long a recording is.
pub(crate) async fn length(library: Library, file: PathBuf) -> Option<Duration> {
    let opened = spawn_blocking(move || Recording::open(&library, &file)).await;
    flatten(opened).ok()?.length()
}
