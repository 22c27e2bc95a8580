// A call: signalling over a WebSocket and one peer connection. The page always offers, the server always answers.

/** Largest side of a picture from which on there are so many simulcast layers. */
const LAYERS = [[540, 3], [360, 2], [0, 1]];
const RATES = { 180: 150_000, 360: 600_000, 540: 1_000_000, 720: 1_700_000, 1080: 3_000_000 };
const DEPENDENCIES = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
const PATIENCE = 4000;
/** Between two times that a server is looked for, at most: one that comes back is found within seconds. */
const LONGEST_PAUSE = 2000;
/** A server that is asked so many times, and says nothing, is gone. */
const MOST_SILENCE = 3;
/** How long an answer to an offer may take. */
const HOPE = 10_000;

/** Events: `people`, `speaker`, `assigned` (with `sections`), `state`, `chat`, `sent`. */
export class Call extends EventTarget {
  /** @param {{room: string, name: string, codec?: string, svc?: string, simulcast?: boolean, relay?: boolean}} options */
  constructor(options) {
    super();
    this.options = options;
    this.people = new Map();
    this.local = new Map(); // source → track
    this.muted = new Set();
    this.id = null;
    this.speaker = null;
    this.sections = [];
    this.bandwidth = 0;
    this.ended = false;
    this.pause = 250;
    /** Why it does not work, until it does. */
    this.trouble = null;
    this.tiles = null;
    // Who has a network again, or looks at the page again, need not wait.
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
    /** Where the room goes on, if not here: this server, and the other nodes of its cluster. */
    this.server = location.origin;
    this.others = [];
    this.connect();
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  state(text) {
    this.tell("state", text);
  }

  // Signalling -------------------------------------------------------------------------------------------------------

  connect() {
    if (this.ended) return;
    this.state("connecting");
    // Made while the socket connects: the first offer of a browser takes long, as it makes a certificate.
    this.spare = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    this.spareChat = this.spare.createDataChannel("chat");
    this.spare.createOffer().catch(() => {});
    const server = this.server.replace(/^http/, "ws").replace(/\/$/, "");
    const socket = new WebSocket(`${server}/ws/${encodeURIComponent(this.options.room)}`);
    this.socket = socket;
    socket.onopen = () => this.send({ type: "join", name: this.options.name });
    socket.onmessage = (event) => {
      this.silence = 0;
      this.hear(JSON.parse(event.data));
    };
    socket.onclose = () => this.lost(socket);
    this.silence = 0;
    this.asking = setInterval(() => this.ask(socket), PATIENCE);
  }

  /** Where a machine or a network ends without a word, no socket tells. */
  ask(socket) {
    if (this.silence >= MOST_SILENCE) return this.lost(socket);
    this.silence += 1;
    this.send({ type: "ping" });
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** The server has gone, or we have been away: everything is made anew. */
  lost(socket) {
    if (socket !== this.socket || this.ended) return;
    this.socket = null;
    socket.close();
    this.drop();
    // The next one, and in the end this one again.
    const [next] = this.others.splice(0, 1);
    if (next) {
      this.others.push(this.server);
      this.server = next;
    }
    this.state("connecting");
    // Not all of a large room in the same moment.
    this.waiting = setTimeout(() => this.hurry(), this.pause * (0.75 + Math.random() / 2));
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
  }

  /** Goes on at another node, if there is one: not all of a large room in the same moment. */
  move(socket) {
    if (this.others.length > 0) setTimeout(() => this.lost(socket), Math.random() * LONGEST_PAUSE);
  }

  /** Connects, if that waits. */
  hurry() {
    if (!this.waiting) return;
    clearTimeout(this.waiting);
    this.waiting = null;
    this.connect();
  }

  drop() {
    clearTimeout(this.watch);
    clearTimeout(this.hope);
    clearInterval(this.asking);
    // The next server has to be told anew.
    this.id = null;
    this.tiles = null;
    this.peer?.close();
    this.spare?.close();
    this.peer = null;
    this.spare = null;
    this.people.clear();
    this.sections = [];
    this.tell("people");
    this.tell("assigned");
  }

  leave() {
    this.ended = true;
    this.send({ type: "leave" });
    this.drop();
    this.socket?.close();
    this.state("left");
  }

  hear(message) {
    switch (message.type) {
      case "welcome":
        this.id = message.id;
        for (const person of message.peers) this.people.set(person.id, person);
        this.tell("people");
        for (const source of this.muted) this.send({ type: "mute", source, muted: true });
        this.start(message);
        break;
      case "answer":
        this.answered(message.sdp);
        break;
      case "joined":
      case "changed":
        this.people.set(message.peer.id, message.peer);
        this.tell("people");
        break;
      case "left":
        this.people.delete(message.id);
        this.tell("people");
        break;
      case "sections":
        this.addSections(message);
        this.negotiate();
        break;
      case "assigned":
        this.sections = message.sections;
        this.tell("assigned");
        break;
      case "speaker":
        this.speaker = message.id;
        this.tell("speaker");
        break;
      case "bandwidth":
        this.bandwidth = message.estimate;
        break;
      case "nodes":
        this.others = message.urls.filter((url) => url !== this.server);
        break;
      case "drain":
        this.state("draining");
        this.move(this.socket);
        break;
      case "refused":
        console.warn(`refused: ${message.reason}`);
        this.trouble = message.reason;
        // Without an answer there is nothing to go on from. Who is not let in sees the socket close.
        if (this.negotiating) this.lost(this.socket);
        break;
    }
  }

  // The peer connection ----------------------------------------------------------------------------------------------

  start(sections) {
    const peer = this.spare;
    const chat = this.spareChat;
    this.spare = null;
    this.peer = peer;
    this.negotiating = false;
    this.again = false;
    this.restarted = false;
    peer.onconnectionstatechange = () => this.changed(peer);
    peer.ontrack = () => this.tell("assigned");
    chat.onmessage = (event) => this.tell("chat", event.data);
    this.chat = chat;
    for (const [source, track] of this.local) this.addSender(source, track);
    this.addSections(sections);
    this.negotiate();
  }

  changed(peer) {
    if (peer !== this.peer) return;
    clearTimeout(this.watch);
    if (peer.connectionState === "connected") {
      this.pause = 250;
      this.trouble = null;
      this.restarted = false;
    }
    this.state(peer.connectionState);
    if (peer.connectionState === "failed" && this.restarted) return this.fail(peer, "no picture and no sound get through this network");
    if (peer.connectionState === "failed") this.restart();
    if (peer.connectionState === "disconnected") this.watch = setTimeout(() => this.restart(), PATIENCE);
  }

  /** Another network, perhaps: the same connection over new addresses. */
  restart() {
    if (!this.peer) return;
    this.restarted = true;
    this.peer.restartIce();
    this.negotiate();
  }

  addSections({ audio, video }) {
    const receiving = (kind) =>
      this.peer.getTransceivers().filter((t) => t.source === undefined && t.receiver.track.kind === kind).length;
    for (let n = receiving("audio"); n < audio; n++) this.peer.addTransceiver("audio", { direction: "recvonly" });
    for (let n = receiving("video"); n < video; n++) this.layered(this.peer.addTransceiver("video", { direction: "recvonly" }));
  }

  /** Has the browser take the extension by which layers inside a stream of AV1 are told apart: by itself Chromium only sends it. */
  layered(transceiver) {
    const extensions = transceiver.getHeaderExtensionsToNegotiate?.();
    const extension = extensions?.find(({ uri }) => uri === DEPENDENCIES);
    if (!extension) return;
    extension.direction = "recvonly";
    try {
      transceiver.setHeaderExtensionsToNegotiate(extensions);
    } catch (error) {
      console.warn(`one size of AV1 only: ${error}`);
    }
  }

  addSender(source, track) {
    const init = { direction: "sendonly" };
    if (track.kind === "video") init.sendEncodings = this.encodings(source, track);
    const transceiver = this.peer.addTransceiver(track, init);
    transceiver.source = source;
    this.prefer(transceiver, track.kind);
  }

  /** Simulcast: the same picture in several sizes, of which the server sends each viewer the one that fits. With VP9 and AV1 these are layers
   * of one stream. */
  encodings(source, track) {
    const height = track.getSettings().height ?? 360;
    const rate = (lines) => RATES[Object.keys(RATES).find((known) => lines <= known) ?? 1080];
    const count = this.options.simulcast === false || source === "screen" ? 1 : LAYERS.find(([from]) => height >= from)[1];
    const mode = this.options.svc ?? (/^(vp9|av1)$/i.test(this.options.codec ?? "") ? `L${count}T3_KEY`.replace("L1T3_KEY", "L1T3") : null);
    if (mode) return [{ maxBitrate: rate(height), scalabilityMode: mode }];
    if (count === 1) return [{ maxBitrate: rate(height) }];
    return ["l", "m", "h"].slice(3 - count).map((rid, index) => {
      const scale = 2 ** (count - 1 - index);
      return { rid: count === 2 && index === 0 ? "l" : rid, scaleResolutionDownBy: scale, maxBitrate: rate(height / scale) };
    });
  }

  prefer(transceiver, kind) {
    const wanted = this.options.codec;
    if (kind !== "video" || !wanted) return;
    const codecs = RTCRtpReceiver.getCapabilities("video").codecs;
    const is = (codec) => codec.mimeType.toLowerCase() === `video/${wanted.toLowerCase()}`;
    transceiver.setCodecPreferences([...codecs.filter(is), ...codecs.filter((codec) => !is(codec))]);
  }

  async negotiate() {
    if (!this.peer) return;
    if (this.negotiating) {
      this.again = true;
      return;
    }
    const peer = this.peer;
    this.negotiating = true;
    if (!(await this.settle(peer.setLocalDescription(), peer))) return;
    const sources = {};
    for (const transceiver of peer.getTransceivers()) {
      if (transceiver.source && transceiver.mid !== null) sources[transceiver.mid] = transceiver.source;
    }
    this.send({ type: "offer", sdp: peer.localDescription.sdp, sources });
    this.hope = setTimeout(() => this.fail(peer, "the server does not answer"), HOPE);
  }

  /** Where there is nothing to go on from, everything is made anew. */
  fail(peer, why) {
    if (peer !== this.peer) return;
    this.trouble = why;
    this.lost(this.socket);
  }

  /** Whether a step of negotiation was done, and is still of use. */
  async settle(step, peer) {
    try {
      await step;
    } catch (error) {
      if (peer !== this.peer) return false;
      console.warn(`a connection cannot be negotiated: ${error}`);
      this.fail(peer, "this browser and the server do not understand each other");
    }
    return peer === this.peer;
  }

  async answered(sdp) {
    const peer = this.peer;
    clearTimeout(this.hope);
    if (!peer || !(await this.settle(peer.setRemoteDescription({ type: "answer", sdp }), peer))) return;
    this.negotiating = false;
    this.tell("assigned");
    if (this.again) {
      this.again = false;
      this.negotiate();
    }
  }

  // What is sent -----------------------------------------------------------------------------------------------------

  /** Sends a track as `source`, or nothing any more. */
  async publish(source, track) {
    const before = this.local.get(source);
    if (before === track) return;
    if (track) this.local.set(source, track);
    else this.local.delete(source);
    this.tell("sent");
    if (!this.peer) return;
    const transceiver = this.peer.getTransceivers().find((t) => t.source === source && t.direction !== "stopped");
    if (transceiver && track) {
      // The same section, another device.
      await transceiver.sender.replaceTrack(track);
      return;
    }
    if (transceiver) {
      transceiver.source = null;
      transceiver.stop();
    } else if (track) {
      this.addSender(source, track);
    }
    this.negotiate();
  }

  mute(source, muted) {
    if (muted) this.muted.add(source);
    else this.muted.delete(source);
    const track = this.local.get(source);
    if (track) track.enabled = !muted;
    this.send({ type: "mute", source, muted });
  }

  /** Tells the server what is on the screen. */
  view(tiles) {
    const text = JSON.stringify(tiles);
    if (text === this.tiles || this.id === null) return;
    this.tiles = text;
    this.send({ type: "view", tiles });
  }

  say(text) {
    if (this.chat?.readyState !== "open") return false;
    this.chat.send(JSON.stringify({ name: this.options.name, text }));
    return true;
  }

  // What comes -------------------------------------------------------------------------------------------------------

  /** Sections that carry something, with their track and receiver. */
  carried() {
    const transceivers = new Map((this.peer?.getTransceivers() ?? []).map((t) => [t.mid, t]));
    return this.sections
      .filter((section) => section.peer !== null && transceivers.has(section.mid))
      .map((section) => ({ ...section, receiver: transceivers.get(section.mid).receiver }));
  }
}
