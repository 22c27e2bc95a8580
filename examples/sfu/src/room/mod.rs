//! A room, as a state machine: datagrams, requests and time go in; datagrams and notices come out. It opens no socket and reads no
//! clock, so a test can run a whole conference in a millisecond, and a thread can drive as many rooms as it likes.
//!
//! After inputs, [`Room::flush`] does what follows from them for everybody else in the room; then everything that can be polled is
//! polled. Several datagrams may go in before one flush: what goes to one receiver then leaves together.

mod assign;
mod drive;
mod estimate;
mod forward;
mod guest;
mod keyframe;
mod layers;
mod negotiate;
mod packet;
mod past;
mod peer;
mod pictures;
mod request;
mod rewrite;
mod scale;
mod sieve;
mod slot;
mod speaker;
mod tap;
mod track;

pub(crate) use guest::are_alike;
pub use guest::{Guest, GuestTrack, Outbound};
pub use packet::Packet;
pub use peer::{Entrance, PeerId};
pub(crate) use scale::RawDependencies;
pub use tap::{Taken, TakenPacket, TapId};

use crate::message::{Notice, Person, Request};

use peer::Peer;
use rtp::extension::DEPENDENCY_DESCRIPTOR_URI;
use scale::RawDependenciesSerializer;
use speaker::Speakers;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::bwe::Bitrate;
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::media::Mid;
use str0m::net::{Protocol, TcpType, Transmit};
use str0m::rtp::Extension;
use str0m::{Candidate, Output, Rtc, RtcConfig};

/// Our id of dependency descriptors, where the client has none yet.
const DEPENDENCIES: u8 = 12;
/// Who has no connection after that long is gone, whichever way they came.
const PATIENCE: Duration = Duration::from_secs(15);
/// Lowest layers are sent up to that rate whatever the estimate, as long as what is sent arrives: where machines are busy packets come
/// late by no fault of the network, and a picture that stands still is worse than one that comes late.
const FLOOR: u64 = 1_000_000;
/// And up to that where much is lost.
const STRAINED_FLOOR: u64 = 150_000;
/// How often connections tell what arrives.
const STATISTICS: Duration = Duration::from_millis(100);
/// How long the first packets of a picture wait for its last one, so that they leave together: no receiver shows less than a picture, and
/// what a connection costs is looking at it, not what it sends.
const GATHER: Duration = Duration::from_millis(3);
/// Where the estimate of bandwidth begins.
const FIRST_ESTIMATE: u64 = 1_000_000;

/// What all rooms of a server share.
#[derive(Debug, Clone)]
pub struct Config {
    /// Shown to all clients: making one takes long.
    pub certificate: DtlsCert,
    /// Does the arithmetic of DTLS and SRTP.
    pub crypto: Arc<CryptoProvider>,
    /// Where clients can reach the server.
    pub addresses: Vec<SocketAddr>,
    /// And where by TCP (RFC 6544).
    pub tcp_addresses: Vec<SocketAddr>,
    /// Most people in one room.
    pub max_peers: usize,
    /// Most sections for sound that a page is asked for; beyond that the loudest are heard.
    pub max_audio: usize,
    /// Most sections for pictures that a page is asked for; beyond that the last who spoke are seen.
    pub max_video: usize,
    /// Whether what people send is taken: [`Room::poll_taken`].
    pub takes: bool,
}

/// Why somebody cannot come in, or a description cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The room is full.
    Full,
    /// They are not in the room.
    Stranger,
    /// The description is none, or not one that can be answered; why.
    Description(String),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full => write!(f, "the room is full"),
            Self::Stranger => write!(f, "nobody of that name is in the room"),
            Self::Description(why) => write!(f, "the session description: {why}"),
        }
    }
}

/// One room.
#[derive(Debug)]
pub struct Room {
    config: Arc<Config>,
    peers: BTreeMap<PeerId, Peer>,
    deadlines: BTreeSet<(Instant, PeerId)>,
    /// Who has been written to since the last flush.
    dirty: BTreeSet<PeerId>,
    /// Who has been written a picture to whose end is missing, and until when it waits.
    gathering: BTreeSet<PeerId>,
    gathered: Option<Instant>,
    /// Since when others are here, or send something else, than what people get was chosen from.
    stale: Option<Instant>,
    /// Whose reports have come since then.
    reported: BTreeSet<PeerId>,
    speakers: Speakers<PeerId>,
    /// Who spoke, the last one first.
    spoken: Vec<PeerId>,
    /// The tracks of which nothing came when that was looked at last.
    silent: Vec<(PeerId, Mid)>,
    tick: Instant,
    transmits: VecDeque<Transmit>,
    notices: VecDeque<(PeerId, Arc<Notice>)>,
    gone: VecDeque<PeerId>,
    taken: VecDeque<Taken>,
    /// Whether what is sent here goes to other nodes, and what of that waits.
    relays: bool,
    outbound: VecDeque<Outbound>,
    counters: Counters,
}

/// What a room has done since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// RTP packets that came.
    pub received: u64,
    /// RTP packets that were sent on.
    pub forwarded: u64,
    /// Keyframes that publishers were asked for.
    pub keyframe_requests: u64,
    /// Messages of data channels that were sent on.
    pub messages: u64,
}

fn dependencies() -> Extension {
    Extension::with_serializer(DEPENDENCY_DESCRIPTOR_URI, RawDependenciesSerializer)
}

impl Room {
    /// An empty one.
    #[must_use]
    pub fn new(config: Arc<Config>, now: Instant) -> Self {
        Self {
            config,
            peers: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            dirty: BTreeSet::new(),
            gathering: BTreeSet::new(),
            gathered: None,
            stale: None,
            reported: BTreeSet::new(),
            speakers: Speakers::new(),
            spoken: Vec::new(),
            silent: Vec::new(),
            tick: now,
            transmits: VecDeque::new(),
            notices: VecDeque::new(),
            gone: VecDeque::new(),
            taken: VecDeque::new(),
            relays: false,
            outbound: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// Whether nobody is here; those at other nodes do not count.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let is_here = |peer: &Peer| peer.entrance != Entrance::Node;
        !self.peers.values().any(is_here)
    }

    /// Who is here.
    pub fn people(&self) -> impl Iterator<Item = Person> {
        self.peers.values().map(Peer::person)
    }

    /// Whether somebody is here.
    #[must_use]
    pub fn has(&self, id: PeerId) -> bool {
        self.peers.contains_key(&id)
    }

    /// Who came last of those who are called so.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<PeerId> {
        let mut named = self.peers.values().filter(|peer| peer.name == name);
        named.next_back().map(|peer| peer.id)
    }

    /// What was done so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Somebody comes in; `id` is new in the whole server.
    ///
    /// # Errors
    /// If the room is full.
    pub fn join(
        &mut self,
        id: PeerId,
        name: &str,
        entrance: Entrance,
        now: Instant,
    ) -> Result<(), Refusal> {
        if self.peers.len() >= self.config.max_peers {
            return Err(Refusal::Full);
        }
        let mut rtc = RtcConfig::new()
            .set_crypto_provider(Arc::clone(&self.config.crypto))
            .set_dtls_cert(self.config.certificate.clone())
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .enable_h265(false)
            .set_extension(DEPENDENCIES, dependencies())
            .enable_bwe(Some(Bitrate::bps(FIRST_ESTIMATE)))
            .set_stats_interval(Some(STATISTICS))
            .build(now);
        for &address in &self.config.addresses {
            if let Ok(candidate) = Candidate::host(address, Protocol::Udp) {
                rtc.add_local_candidate(candidate);
            }
        }
        // After the others: some clients read the first one only.
        for &address in &self.config.tcp_addresses {
            let passive = Candidate::builder().tcp().host(address);
            if let Ok(candidate) = passive.tcptype(TcpType::Passive).build() {
                rtc.add_local_candidate(candidate);
            }
        }
        self.seat(Peer::new(id, name, entrance, Some(rtc), now));
        Ok(())
    }

    /// Somebody is here from now on.
    fn seat(&mut self, peer: Peer) {
        let id = peer.id;
        let reads = peer.entrance == Entrance::Socket;
        self.tell_all_but(
            id,
            Notice::Joined {
                peer: peer.person(),
            },
        );
        let peers = reads.then(|| self.people().collect());
        self.peers.insert(id, peer);
        if let Some(peers) = peers {
            let [audio, video] = self.ask_for_sections(id, self.sent());
            self.tell(
                id,
                Notice::Welcome {
                    id: id.to_string(),
                    peers,
                    audio,
                    video,
                },
            );
        }
        self.dirty.insert(id);
    }

    /// Somebody goes, or is found to have gone.
    pub fn leave(&mut self, id: PeerId, now: Instant) {
        let Some(mut peer) = self.peers.remove(&id) else {
            return;
        };
        if let Some(deadline) = peer.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        self.dirty.remove(&id);
        self.gathering.remove(&id);
        self.speakers.forget(id);
        self.spoken.retain(|spoken| *spoken != id);
        // The last words: the browser learns at once instead of by a time-out.
        if let Some(rtc) = &mut peer.rtc
            && rtc.close().is_ok()
        {
            while let Ok(Output::Transmit(transmit)) = rtc.poll_output() {
                self.transmits.push_back(transmit);
            }
        }
        if self.config.takes || peer.takes {
            let ends = peer.taps.iter().map(|tap| Taken::Ends { tap: tap.id });
            self.taken.extend(ends);
        }
        for slot in &peer.slots {
            if let Some(feed) = &slot.feed {
                self.forget_reader(feed.peer, feed.track, (id, slot.mid));
            }
        }
        self.gone.push_back(id);
        self.tell_all_but(id, Notice::Left { id: id.to_string() });
        self.reassign(now);
    }

    /// What people get is to be chosen anew, before the next outputs: once, however many come and go until then.
    fn reassign(&mut self, now: Instant) {
        self.stale.get_or_insert(now);
    }

    /// What a page asks for. `join` has been seen to already.
    pub fn handle_request(&mut self, id: PeerId, request: Request, now: Instant) {
        match request {
            Request::Offer { sdp, sources } => {
                let notice = match self.offer(id, &sdp, sources, now) {
                    Ok(sdp) => Notice::Answer { sdp },
                    Err(refusal) => Notice::Refused {
                        reason: refusal.to_string(),
                    },
                };
                self.tell(id, notice);
            }
            Request::View { tiles } => {
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.view = Some(tiles);
                    self.assign(id, now);
                }
            }
            Request::Mute { source, muted } => self.mute(id, source, muted, now),
            Request::Leave => self.leave(id, now),
            Request::Ping => self.tell(id, Notice::Pong),
            Request::Join { .. } => self.tell(
                id,
                Notice::Refused {
                    reason: "you are in already".into(),
                },
            ),
        }
    }

    /// The next notice, and for whom it is.
    pub fn poll_notice(&mut self) -> Option<(PeerId, Arc<Notice>)> {
        self.notices.pop_front()
    }

    /// The next one who has gone.
    pub fn poll_gone(&mut self) -> Option<PeerId> {
        self.gone.pop_front()
    }

    /// By which name datagrams ask for somebody (RFC 8445 §7.2.2), after the last answer to them.
    pub fn ufrag(&mut self, id: PeerId) -> Option<String> {
        Some(self.rtc(id)?.direct_api().local_ice_credentials().ufrag)
    }

    /// Tells everybody that the server ends soon.
    pub fn drain(&mut self) {
        self.tell_all(Notice::Drain);
    }

    fn rtc(&mut self, id: PeerId) -> Option<&mut Rtc> {
        self.peers.get_mut(&id)?.rtc.as_mut()
    }

    /// Who speaks.
    fn listen(&mut self, now: Instant) {
        let Some(speaker) = self.speakers.update(now) else {
            return;
        };
        if let Some(id) = speaker {
            self.spoken.retain(|spoken| *spoken != id);
            self.spoken.insert(0, id);
        }
        let id = speaker.map(|id| id.to_string());
        self.tell_all(Notice::Speaker { id });
        self.reassign(now);
    }

    /// Publishers are asked for the keyframes that are wanted.
    fn ask_for_keyframes(&mut self, now: Instant) {
        let wanting: Vec<(PeerId, Mid)> = self
            .peers
            .values()
            .flat_map(|peer| peer.tracks.iter().map(|track| (peer.id, track.mid)))
            .collect();
        for (id, mid) in wanting {
            self.ask_for_keyframe(id, mid, now);
        }
    }

    /// Lets go of those who never connected, and of those who have gone without a word.
    fn sweep(&mut self, now: Instant) {
        let is_gone = |peer: &&Peer| match (peer.entrance, peer.connected) {
            (Entrance::Socket | Entrance::Http, false) => {
                now.saturating_duration_since(peer.presence.since()) > PATIENCE
            }
            (Entrance::Http, true) => peer.presence.is_gone(!peer.tracks.is_empty(), now),
            // Whether a page is still there, its WebSocket tells.
            (Entrance::Socket, true) | (Entrance::Stream | Entrance::Node, _) => false,
        };
        let gone: Vec<_> = self.peers.values().filter(is_gone).collect();
        let gone: Vec<_> = gone.iter().map(|peer| (peer.id, peer.entrance)).collect();
        for (id, entrance) in gone {
            if entrance == Entrance::Socket {
                let reason = format!("no media connection within {} s", PATIENCE.as_secs());
                self.tell(id, Notice::Refused { reason });
            }
            self.leave(id, now);
        }
    }

    fn tell(&mut self, id: PeerId, notice: Notice) {
        self.notices.push_back((id, Arc::new(notice)));
    }

    fn tell_all(&mut self, notice: Notice) {
        self.tell_pages(None, notice);
    }

    fn tell_all_but(&mut self, but: PeerId, notice: Notice) {
        self.tell_pages(Some(but), notice);
    }

    /// Others than pages read no notices.
    fn tell_pages(&mut self, but: Option<PeerId>, notice: Notice) {
        let notice = Arc::new(notice);
        let pages = self
            .peers
            .values()
            .filter(|peer| peer.entrance == Entrance::Socket && Some(peer.id) != but);
        self.notices
            .extend(pages.map(|peer| (peer.id, Arc::clone(&notice))));
    }

    /// How many tracks all send, of sound and of pictures.
    fn sent(&self) -> [usize; 2] {
        let [mut audio, mut video] = [0; 2];
        for peer in self.peers.values() {
            let [own_audio, own_video] = peer.sends();
            audio += own_audio;
            video += own_video;
        }
        [audio, video]
    }
}
