// A call between two pages: signalling over a WebSocket, and perfect negotiation. Either side may offer at any time; where two offers
// cross, the polite side rolls its own back and the other ignores what it gets.

// How long a connection may take from its start to its first attempt.
const HOPE = 15_000;
const PATIENCE = 4000;
const LONGEST_PAUSE = 8000;

/** Events: `state`, `person`, `track`, `channel` (a data channel for files), `sent`. */
export class Call extends EventTarget {
  /** @param {{room: string, name: string, relay?: boolean}} options */
  constructor(options) {
    super();
    this.options = options;
    this.relay = options.relay ?? false;
    this.session = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    this.local = new Map(); // what it is → track
    this.stream = new MediaStream();
    this.person = null;
    this.servers = [];
    this.peer = null;
    this.work = Promise.resolve();
    this.ended = false;
    this.pause = 250;
    /** Why it does not work, until it does. */
    this.trouble = null;
    this.connect();
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  // Signalling -------------------------------------------------------------------------------------------------------

  connect() {
    if (this.ended) return;
    this.tell("state", "connecting");
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws/${encodeURIComponent(this.options.room)}`);
    this.socket = socket;
    socket.onopen = () => this.send({ type: "join", name: this.options.name, session: this.session });
    // One message after the other, also where one takes its time.
    socket.onmessage = (event) => {
      this.work = this.work.then(() => socket === this.socket && this.hear(JSON.parse(event.data))).catch((error) => console.error(error));
    };
    socket.onclose = () => this.lost(socket);
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** Says something to the other: not to who has come again meanwhile, and has made everything anew. */
  pass(message) {
    if (this.person) this.send({ ...message, to: this.person.id });
  }

  /** The server has gone: what goes from browser to browser goes on, until we meet the other again. */
  lost(socket) {
    if (socket !== this.socket || this.ended) return;
    this.socket = null;
    this.tell("state", "connecting");
    setTimeout(() => this.connect(), this.pause);
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
  }

  /** What cannot be negotiated leaves nothing to go on from: we come in again, and both make everything anew. */
  fail(peer, error) {
    if (peer !== this.peer) return;
    console.warn(`a connection cannot be negotiated: ${error}`);
    this.trouble = "this browser and the other do not understand each other";
    this.comeAgain();
  }

  /** Without waiting for a socket that may be dead. */
  comeAgain() {
    const socket = this.socket;
    socket?.close();
    this.lost(socket);
  }

  leave() {
    this.ended = true;
    this.send({ type: "leave" });
    this.drop();
    this.socket?.close();
  }

  async hear(message) {
    switch (message.type) {
      case "welcome":
        // The other is told of us anew, and makes everything anew.
        this.drop();
        this.tell("state", "waiting");
        break;
      case "ice":
        this.servers = message.servers;
        this.renew = Date.now() + (message.ttl * 1000) / 2;
        if (this.peer) this.restart();
        else if (this.person) this.start();
        break;
      case "joined":
        this.drop();
        this.person = message.peer;
        this.polite = message.polite;
        this.tell("person");
        // Servers are told after the first of them.
        if (this.servers.length > 0) this.start();
        break;
      case "left":
        if (message.id !== this.person?.id) break;
        this.drop();
        this.tell("state", "waiting");
        break;
      case "description":
        await this.described(message.description);
        break;
      case "candidate":
        await this.found(message.candidate);
        break;
      case "refused":
        this.trouble = message.reason;
        console.warn(`refused: ${message.reason}`);
        break;
    }
  }

  drop() {
    clearTimeout(this.watch);
    this.peer?.close();
    this.peer = null;
    if (this.person) {
      this.person = null;
      this.tell("person");
    }
  }

  // The peer connection ----------------------------------------------------------------------------------------------

  configuration() {
    return { iceServers: this.servers, iceTransportPolicy: this.relay ? "relay" : "all", bundlePolicy: "max-bundle" };
  }

  start() {
    const peer = new RTCPeerConnection(this.configuration());
    this.peer = peer;
    this.offering = false;
    this.ignoring = false;
    this.remote = new MediaStream();
    peer.onnegotiationneeded = () => this.offer(peer);
    peer.onicecandidate = ({ candidate }) => peer === this.peer && this.pass({ type: "candidate", candidate });
    peer.onconnectionstatechange = () => this.changed(peer);
    // Whatever was lost on the way: where nothing has come of it, we come in again, and both make everything anew.
    this.watch = setTimeout(() => peer === this.peer && peer.connectionState === "new" && this.comeAgain(), HOPE);
    peer.ontrack = ({ track }) => {
      for (const old of this.remote.getTracks()) if (old.kind === track.kind) this.remote.removeTrack(old);
      this.remote.addTrack(track);
      this.tell("track");
    };
    // Both make it, of the same number: nobody has to wait for the other.
    const channel = peer.createDataChannel("files", { negotiated: true, id: 1 });
    channel.binaryType = "arraybuffer";
    this.tell("channel", channel);
    for (const track of this.local.values()) peer.addTrack(track, this.stream);
  }

  async offer(peer) {
    if (peer !== this.peer) return;
    try {
      this.offering = true;
      await peer.setLocalDescription();
      if (peer === this.peer) this.pass({ type: "description", description: peer.localDescription });
    } catch (error) {
      this.fail(peer, error);
    } finally {
      this.offering = false;
    }
  }

  async described(description) {
    const peer = this.peer;
    if (!peer) return;
    const crossing = description.type === "offer" && (this.offering || peer.signalingState !== "stable");
    this.ignoring = crossing && !this.polite;
    if (this.ignoring) return;
    try {
      // Rolls an offer of our own back, where there is one.
      await peer.setRemoteDescription(description);
      if (description.type !== "offer") return;
      await peer.setLocalDescription();
      if (peer === this.peer) this.pass({ type: "description", description: peer.localDescription });
    } catch (error) {
      this.fail(peer, error);
    }
  }

  async found(candidate) {
    try {
      await this.peer?.addIceCandidate(candidate ?? undefined);
    } catch (error) {
      // Those of an offer that was ignored fit nothing.
      if (!this.ignoring) throw error;
    }
  }

  changed(peer) {
    if (peer !== this.peer) return;
    clearTimeout(this.watch);
    if (peer.connectionState === "connected") {
      this.pause = 250;
      this.trouble = null;
    }
    this.tell("state", peer.connectionState);
    if (peer.connectionState === "failed") {
      this.restart();
      // Where the server has fallen silent, nobody hears of it.
      this.watch = setTimeout(() => this.comeAgain(), HOPE);
    }
    if (peer.connectionState === "disconnected") this.watch = setTimeout(() => this.restart(), PATIENCE);
  }

  /** Other addresses: a new network, perhaps, or other wishes. The call goes on meanwhile. */
  restart() {
    if (!this.peer) return;
    if (Date.now() > this.renew) {
      // Their answer brings us here again.
      this.renew = Infinity;
      this.send({ type: "ice" });
      return;
    }
    this.peer.setConfiguration(this.configuration());
    this.peer.restartIce();
  }

  /** Whether to show the other nothing but the relay's address. Browsers keep a pair of addresses that works over a restart, so that the
   * connection has to be made anew: we come in again. */
  relayOnly(relay) {
    this.relay = relay;
    this.comeAgain();
  }

  // What is sent -----------------------------------------------------------------------------------------------------

  /** Sends a track as `source` ("audio", "video"), or nothing any more. */
  async publish(source, track) {
    const before = this.local.get(source);
    if (before) this.stream.removeTrack(before);
    if (track) this.stream.addTrack(track);
    if (track) this.local.set(source, track);
    else this.local.delete(source);
    this.tell("sent");
    const sender = before && this.peer?.getSenders().find((sender) => sender.track === before);
    if (sender && track) await sender.replaceTrack(track);
    else if (sender) this.peer.removeTrack(sender);
    else if (track) this.peer?.addTrack(track, this.stream);
  }
}
