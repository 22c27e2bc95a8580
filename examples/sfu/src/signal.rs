//! Signalling: a WebSocket for each page.

use crate::message::{Notice, Request};
use crate::switchboard::Switchboard;
use common::JsonSocket;
use std::sync::Arc;

/// Longest message of a page: a session description of many sections.
pub(crate) const LONGEST: usize = 512 << 10;

/// Serves one page until it goes.
pub(crate) async fn serve(mut socket: JsonSocket, switchboard: Switchboard, room: String) {
    let name = match socket.first().await {
        Some(Ok(Request::Join { name })) => name,
        Some(_) => return refuse(socket, "the first message is to be join").await,
        None => return,
    };
    if switchboard.is_draining() {
        return refuse(socket, "the server ends soon").await;
    }
    let (line, mut notices) = match switchboard.join(&room, name).await {
        Ok(joined) => joined,
        Err(refusal) => return refuse(socket, &refusal.to_string()).await,
    };
    let mut nodes = switchboard.nodes();
    // Those of now.
    nodes.mark_changed();
    loop {
        let notice = tokio::select! {
            Ok(()) = nodes.changed() => {
                let urls = nodes.borrow_and_update().clone();
                if urls.is_empty() {
                    continue;
                }
                Arc::new(Notice::Nodes { urls })
            }
            // No more notices: the room has let them go.
            notice = notices.recv() => match notice {
                Some(notice) => notice,
                None => break,
            },
            request = socket.next() => match request {
                Some(Ok(Request::Leave)) | None => break,
                Some(Ok(request)) => {
                    line.request(request).await;
                    continue;
                }
                Some(Err(reason)) => Arc::new(Notice::Refused { reason }),
            },
        };
        if !socket.tell(&*notice).await {
            break;
        }
    }
    line.leave().await;
    socket.close().await;
}

async fn refuse(mut socket: JsonSocket, reason: &str) {
    let reason = reason.to_owned();
    socket.tell(&Notice::Refused { reason }).await;
    socket.close().await;
}
