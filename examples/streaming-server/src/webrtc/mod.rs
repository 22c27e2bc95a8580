//! WebRTC by WHIP (RFC 9725) and WHEP: H.264 and Opus in and out.

pub(crate) mod http;
mod parameters;
pub(crate) mod play;
pub(crate) mod publish;
pub(crate) mod turns;

use crate::hub::Hub;
use common::webrtc;

/// Where clients come, and what they get.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    hub: Hub,
    clients: webrtc::Desk,
}

impl Desk {
    pub(crate) const fn new(hub: Hub, clients: webrtc::Desk) -> Self {
        Self { hub, clients }
    }
}
