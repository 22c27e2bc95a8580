//! A client of WebRTC in a room: what it sends goes in, and the mix comes out.

use crate::room::{Inlet, Listener, Out, Room};
use crate::sound::encode::DELAY;
use common::webrtc::Call as Client;
use std::sync::Arc;
use std::time::Instant;
use str0m::bwe::{Bitrate, BweKind};
use str0m::format::Codec;
use str0m::media::{MediaTime, Mid, Pt};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Event, Rtc};
use streaming_server::embed::{Reception, wanted};

/// What is taken for granted until something is known.
pub(crate) const FIRST_ESTIMATE: u64 = 1_500_000;

/// How long a browser may hold pictures back for their sound, in milliseconds. Not 0 at the least: that tells Chromium to show each picture as
/// soon as it can, and not when its time has come.
const LIP_SYNC: (u64, u64) = (10, 80);

/// A section in which something is sent.
#[derive(Debug)]
struct Lane {
    mid: Mid,
    payload_type: Pt,
    sequence: u64,
}

#[derive(Debug)]
pub(crate) struct Call {
    room: Arc<Room>,
    reception: Option<Reception>,
    listener: Option<Arc<Listener>>,
    sound: Option<Lane>,
    picture: Option<Lane>,
    connected: bool,
}

impl Call {
    /// Of a client that `rtc` has accepted this offer of. `inlet` is for what it sends, where it sends anything; `gets` says whether it
    /// gets the mix, where it wants that.
    pub(crate) fn new(
        room: Arc<Room>,
        rtc: &Rtc,
        offer: &str,
        inlet: Option<Inlet>,
        gets: bool,
    ) -> anyhow::Result<Self> {
        let own = inlet.as_ref().map(|inlet| inlet.person().id);
        let reception =
            inlet.map(|inlet| Reception::new(&room.stream(), Box::new(inlet), rtc, offer));
        let reception = reception.transpose()?;
        let lane = |codec| {
            let (mid, payload_type) = wanted(rtc, offer, codec).filter(|_| gets)?;
            Some(Lane {
                mid,
                payload_type,
                sequence: 1000,
            })
        };
        let (sound, picture) = (lane(Codec::Opus), lane(Codec::H264));
        let listens = sound.is_some() || picture.is_some();
        anyhow::ensure!(
            listens || reception.is_some(),
            "it neither sends H.264, VP8 or Opus, nor wants H.264 or Opus"
        );
        let listener = listens.then(|| room.listen(own, sound.is_some(), picture.is_some()));
        Ok(Self {
            room,
            reception,
            listener,
            sound,
            picture,
            connected: false,
        })
    }

    /// Sends what there is.
    fn send(&mut self, rtc: &mut Rtc) {
        let Some(listener) = &self.listener else {
            return;
        };
        for out in listener.take() {
            match out {
                Out::Sound(at, packet) => {
                    let at = at - DELAY;
                    if let Some(lane) = &mut self.sound {
                        // Its clock is that of the samples, which goes round.
                        let shown = self.room.instant(at * 1_000_000 / 48_000 * 1000);
                        lane.send(rtc, at as u32, &packet, false, shown);
                    }
                }
                Out::Picture(unit) => {
                    let shown = self.room.instant(unit.time);
                    let time = (i128::from(unit.time) * 90_000 / 1_000_000_000) as u32;
                    if let Some(lane) = &mut self.picture {
                        for (payload, marker) in &unit.payloads {
                            lane.send(rtc, time, payload, *marker, shown);
                        }
                    }
                }
            }
        }
    }
}

impl Lane {
    fn send(&mut self, rtc: &mut Rtc, time: u32, payload: &[u8], marker: bool, now: Instant) {
        let mut api = rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(self.mid, None) else {
            return;
        };
        let write = RtpWrite::new(self.payload_type, self.sequence.into(), time, now, payload);
        // Pictures are shown soon: they are made even in the room. What a browser adds for its sound is in that.
        let values = ExtensionValues {
            play_delay_min: Some(MediaTime::from_millis(LIP_SYNC.0)),
            play_delay_max: Some(MediaTime::from_millis(LIP_SYNC.1)),
            ..ExtensionValues::default()
        };
        stream.write_rtp(write.marker(marker).nackable(true).ext_vals(values));
        self.sequence += 1;
    }
}

impl Client for Call {
    fn handle_event(&mut self, rtc: &mut Rtc, event: Event) {
        match (&event, &self.listener) {
            (Event::Connected, listener) => {
                self.connected = true;
                if let Some(listener) = listener {
                    // What waited for it is old.
                    listener.take();
                    listener.want_keyframe();
                    for lane in self.sound.iter().chain(&self.picture) {
                        if let Some(stream) = rtc.direct_api().stream_tx_by_mid(lane.mid, None) {
                            common::webrtc::keep_for_repair(stream);
                        }
                    }
                    rtc.bwe()
                        .set_desired_bitrate(Bitrate::bps(2 * FIRST_ESTIMATE));
                }
            }
            (Event::KeyframeRequest(_), Some(listener)) => listener.want_keyframe(),
            (Event::EgressBitrateEstimate(BweKind::Twcc { estimate, .. }), Some(listener)) => {
                listener.set_estimate(estimate.as_u64());
            }
            (Event::RtpPacket(_), _) => {
                if let Some(reception) = &mut self.reception {
                    reception.handle_event(rtc, event);
                }
            }
            _ => {}
        }
    }

    fn handle_timeout(&mut self, rtc: &mut Rtc, now: Instant) -> bool {
        if let Some(reception) = &mut self.reception {
            reception.handle_timeout(rtc, now);
        }
        if self.connected {
            self.send(rtc);
        }
        true
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.reception.as_ref().and_then(Client::poll_timeout)
    }

    async fn ready(&self) {
        match &self.listener {
            Some(listener) => listener.news.notified().await,
            None => std::future::pending::<()>().await,
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            self.room.unlisten(listener.id);
        }
    }
}
