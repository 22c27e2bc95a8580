//! What keeps the connections of a room going: datagrams come, something is due, datagrams go.

use super::{PeerId, Room};
use common::webrtc::{AT_ONCE, TURNS};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::net::{Protocol, Receive, Transmit};
use str0m::{Input, Output, PacerReason, Reason};

/// How often speakers and layers are looked at, where nothing urges.
const TICK: Duration = Duration::from_millis(200);
/// How late the accounts of pacing may be kept where nothing waits: the next picture comes first, and does it along the way.
const LENIENCE: Duration = Duration::from_millis(30);

/// RFC 5761 §4, RFC 7983 §7.
fn is_rtcp(data: &[u8]) -> bool {
    matches!(data, [128..=191, 192..=223, ..])
}

impl Room {
    /// A datagram of a client; noise is dropped. `to` is the address at which it came.
    pub fn handle_datagram(
        &mut self,
        id: PeerId,
        protocol: Protocol,
        from: SocketAddr,
        to: SocketAddr,
        data: &[u8],
        now: Instant,
    ) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let asks = common::stun::asked_for(data).is_some();
        peer.presence.came(asks, now);
        let Some(rtc) = &mut peer.rtc else {
            return;
        };
        let Ok(receive) = Receive::new(protocol, from, to, data) else {
            return;
        };
        if let Err(error) = rtc.handle_input(Input::Receive(now, receive)) {
            tracing::debug!(peer = %id, %error, "a connection failed");
            return self.leave(id, now);
        }
        // Nothing follows from reports that could not wait for the flush, and several of them cost no more than one.
        if is_rtcp(data) && peer.connected {
            self.reported.insert(id);
        } else {
            self.drive(id, now);
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(&(deadline, id)) = self.deadlines.first()
            && deadline <= now
        {
            self.deadlines.pop_first();
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.deadline = None;
                // Who waits for the rest of a picture is seen to along with that.
                if !self.gathering.contains(&id) {
                    self.dirty.insert(id);
                }
            }
        }
        if self.tick <= now && !self.is_empty() {
            self.tick = now + TICK;
            self.listen(now);
            self.watch_silence(now);
            self.ask_for_keyframes(now);
            self.choose_layers(now);
            self.tap(now);
            self.tell_what_changed();
            self.sweep(now);
        }
        self.flush(now);
    }

    /// Lets all connections that were written to send, and handles what comes of that.
    pub fn flush(&mut self, now: Instant) {
        if self.gathered.is_some_and(|until| until <= now) {
            self.gathered = None;
            self.dirty.append(&mut self.gathering);
        }
        loop {
            if let Some(id) = self.dirty.pop_first() {
                self.gathering.remove(&id);
                let Some(rtc) = self.rtc(id) else {
                    continue;
                };
                if let Err(error) = rtc.handle_input(Input::Timeout(now)) {
                    tracing::debug!(peer = %id, %error, "a connection failed");
                    self.leave(id, now);
                    continue;
                }
                self.reported.remove(&id);
                self.drive(id, now);
            } else if let Some(id) = self.reported.pop_first() {
                self.drive(id, now);
            } else if self.stale.take().is_some() {
                self.assign_all(now);
            } else {
                break;
            }
        }
        if self.gathering.is_empty() {
            self.gathered = None;
        }
    }

    /// When [`Self::handle_timeout`] wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let connection = self.deadlines.first().map(|&(deadline, _)| deadline);
        let tick = (!self.is_empty()).then_some(self.tick);
        let others = tick.into_iter().chain(self.stale).chain(self.gathered);
        connection.into_iter().chain(others).min()
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// Takes all output of a connection.
    fn drive(&mut self, id: PeerId, now: Instant) {
        let mut turns = TURNS;
        loop {
            let Some(peer) = self.peers.get_mut(&id) else {
                return;
            };
            let Some(rtc) = &mut peer.rtc else {
                return;
            };
            let output = loop {
                match rtc.poll_output() {
                    Ok(Output::Transmit(transmit)) => self.transmits.push_back(transmit),
                    // Pacing lets one packet out at a time, and then wants time to go on, if by a microsecond: those that may leave now
                    // leave together.
                    Ok(Output::Timeout(deadline)) if deadline <= now + AT_ONCE && turns > 0 => {
                        turns -= 1;
                        if let Err(error) = rtc.handle_input(Input::Timeout(deadline.max(now))) {
                            break Err(error);
                        }
                    }
                    other => break other,
                }
            };
            match output {
                Ok(Output::Event(event)) => self.handle_event(id, event, now),
                Ok(Output::Timeout(mut deadline)) => {
                    if !rtc.is_alive() {
                        return self.leave(id, now);
                    }
                    if rtc.last_timeout_reason() == Reason::Pacer(PacerReason::Handle) {
                        deadline += LENIENCE;
                    }
                    if peer.deadline != Some(deadline) {
                        if let Some(old) = peer.deadline.replace(deadline) {
                            self.deadlines.remove(&(old, id));
                        }
                        self.deadlines.insert((deadline, id));
                    }
                    return;
                }
                Ok(Output::Transmit(_)) => {}
                Err(error) => {
                    tracing::debug!(peer = %id, %error, "a connection failed");
                    return self.leave(id, now);
                }
            }
        }
    }
}
