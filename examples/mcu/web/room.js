// The page of a room: one stream goes there, one comes back.

import { Editor } from "./editor.js";

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const room = decodeURIComponent(location.pathname.split("/").pop());
const api = `/api/rooms/${encodeURIComponent(room)}`;
// For scripts that look on: window.mcu.peer, .person, .stream.
const state = (window.mcu = { peer: null, person: null, stream: new MediaStream(), session: null, tracks: [] });
let camera = null;
let timer = null;

document.title = room;
$("room").textContent = room;
$("name").value = query.get("name") ?? localStorage.getItem("name") ?? "";

function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

/** A made-up camera and microphone for tests: `?color=RRGGBB&tone=HERTZ`; with `&flash=1` white and loud for a tenth of each second. */
function madeUp() {
  const tracks = [];
  let lit = false;
  state.flashes = [];
  const flashes = () => {
    const now = query.has("flash") && Date.now() % 1000 < 100;
    if (now && !lit) state.flashes.push(Date.now());
    lit = now;
    return now;
  };
  if (query.has("color")) {
    const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 360 });
    const context = canvas.getContext("2d");
    let count = 0;
    const paint = () => {
      context.fillStyle = flashes() ? "#fff" : `#${query.get("color")}`;
      context.fillRect(0, 0, canvas.width, canvas.height);
      // Something moves, so that pictures go on.
      context.fillStyle = "#000";
      context.fillRect(8 * (count++ % 16), 0, 8, 8);
    };
    paint();
    setInterval(paint, 40);
    tracks.push(canvas.captureStream(25).getVideoTracks()[0]);
  }
  if (query.has("tone")) {
    const sound = new AudioContext();
    const tone = new OscillatorNode(sound, { frequency: Number(query.get("tone")) });
    const quiet = new GainNode(sound, { gain: query.has("flash") || query.has("quiet") ? 0 : 0.2 });
    if (query.has("flash")) {
      setInterval(() => {
        // Where there is a picture, both flash together.
        quiet.gain.value = (query.has("color") ? lit : flashes()) ? 0.5 : 0;
      }, 5);
    }
    const out = new MediaStreamAudioDestinationNode(sound, { channelCount: 1 });
    tone.connect(quiet).connect(out);
    tone.start();
    tracks.push(out.stream.getAudioTracks()[0]);
  }
  return tracks;
}

/** The devices; without some where they are missing or refused. */
async function capture(kinds = ["audio", "video"]) {
  const made = madeUp();
  if (made.length > 0) return made;
  if (!navigator.mediaDevices) {
    notice("browsers give no camera to pages that do not come by HTTPS or from this machine");
    return [];
  }
  const all = {
    audio: { echoCancellation: true, noiseSuppression: true },
    video: { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 25, max: 30 } },
  };
  const wanted = Object.fromEntries(kinds.filter((kind) => query.get(kind) !== "0").map((kind) => [kind, all[kind]]));
  if (Object.keys(wanted).length === 0) return [];
  try {
    return (await navigator.mediaDevices.getUserMedia(wanted)).getTracks();
  } catch (error) {
    if (kinds.length > 1) return (await Promise.all(kinds.map((kind) => capture([kind])))).flat();
    notice(`no ${kinds[0] === "audio" ? "microphone" : "camera"}: ${error.message}`);
    return [];
  }
}

async function connect(tracks) {
  const peer = new RTCPeerConnection();
  state.peer = peer;
  const find = (kind) => tracks.find((track) => track.kind === kind);
  for (const kind of ["audio", "video"]) {
    const transceiver = peer.addTransceiver(find(kind) ?? kind, { direction: "sendrecv" });
    if (kind === "video") {
      camera = transceiver.sender;
      const codecs = RTCRtpReceiver.getCapabilities("video").codecs;
      // The mix is H.264; who has none of it can at least be seen.
      const has = codecs.some((codec) => /H264/i.test(codec.mimeType));
      transceiver.setCodecPreferences(codecs.filter((codec) => (has ? /H264|rtx/i : /VP8|rtx/i).test(codec.mimeType)));
    }
  }
  peer.ontrack = (event) => {
    state.stream.addTrack(event.track);
    // What waits in the browser is delay.
    if ("jitterBufferTarget" in event.receiver) event.receiver.jitterBufferTarget = 0;
    $("mix").srcObject = state.stream;
    $("mix").play().catch(() => {});
  };
  peer.onconnectionstatechange = () => {
    if (peer.connectionState === "connected") notice("");
    if (["failed", "disconnected"].includes(peer.connectionState) && state.peer === peer) {
      notice("the connection is lost; it is made anew");
      peer.close();
      setTimeout(() => state.peer === peer && connect(tracks).catch((error) => notice(String(error))), 1000);
    }
  };
  state.stream = new MediaStream();
  await peer.setLocalDescription(await peer.createOffer());
  const name = encodeURIComponent($("name").value.trim());
  const answer = await fetch(`/room/${encodeURIComponent(room)}/join?name=${name}`, {
    method: "POST",
    headers: { "content-type": "application/sdp" },
    body: peer.localDescription.sdp,
  });
  if (!answer.ok) throw new Error(await answer.text());
  state.session = answer.headers.get("location");
  state.person = Number(answer.headers.get("x-person")) || null;
  await peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  // Who is connected anew is somebody new there.
  const off = (kind) => find(kind)?.enabled === false;
  if (off("audio") || off("video")) await tell(`/people/${state.person}`, { muted: off("audio"), hidden: off("video") });
}

// How often something was told: what was looked up before that is old.
let told = 0;
const tell = (path, body, method = "POST") =>
  ++told &&
  fetch(`${api}${path}`, { method, headers: { "content-type": "application/json" }, body: body === undefined ? undefined : JSON.stringify(body) })
    .then(async (answer) => answer.ok || notice(await answer.text()))
    .then(look);

function setLayout(layout) {
  if ($("mine").checked) return tell(`/people/${state.person}/layout`, layout);
  return tell("/layout", layout);
}

const editor = new Editor($("editor"), (regions) => setLayout({ mode: "custom", regions }));

/** Shows what can be dragged over the mix, or only the mix. */
function edit(on) {
  $("editor").hidden = !on;
  $("edit").ariaPressed = String(on);
  if (on) editor.begin($("layout").value === "custom" && state.room?.layout.mode === "custom" ? state.room.layout.regions : []);
}

function entry(person) {
  let item = document.getElementById(`person-${person.id}`);
  if (!item) {
    item = Object.assign(document.createElement("li"), { id: `person-${person.id}` });
    const name = document.createElement("span");
    const mute = document.createElement("button");
    const large = Object.assign(document.createElement("button"), { textContent: "Large" });
    const gain = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 4, step: 0.1 });
    gain.ariaLabel = "How loud";
    mute.onclick = () => tell(`/people/${person.id}`, { muted: item.dataset.muted !== "true" });
    gain.onchange = () => tell(`/people/${person.id}`, { gain: Number(gain.value) });
    large.onclick = () => {
      $("layout").value = "presenter";
      edit(false);
      setLayout({ mode: "presenter", name: name.textContent });
    };
    item.append(name, mute, large, gain);
    $("people").append(item);
  }
  // Others may change it, too; who has hold of it is not disturbed.
  if (document.activeElement !== item.children[3]) item.children[3].value = person.gain;
  item.children[0].textContent = person.name;
  item.children[1].textContent = person.muted ? "Muted" : "Mute";
  item.dataset.muted = person.muted;
  item.classList.toggle("speaks", person.speaks);
  return item;
}

/** Where the mix goes, each with a button that ends it. */
function pushed(push) {
  const item = Object.assign(document.createElement("li"), { textContent: `${push.url}: ${push.state}` });
  const end = Object.assign(document.createElement("button"), { textContent: "End" });
  end.onclick = () => tell(`/push/${push.id}`, undefined, "DELETE");
  item.append(end);
  return item;
}

async function look() {
  const before = told;
  const answer = await fetch(api);
  if (!answer.ok) return;
  const now = await answer.json();
  if (told !== before) return;
  state.room = now;
  const items = new Set(now.people.map(entry));
  for (const item of [...$("people").children]) if (!items.has(item)) item.remove();
  $("facts").textContent = `${now.people.length} here`;
  if (!$("mine").checked && document.activeElement !== $("layout")) $("layout").value = now.layout.mode;
  editor.people = now.people.map((person) => person.name);
  $("edit").hidden = $("layout").value !== "custom";
  if ($("edit").hidden) edit(false);
  else if (!$("editor").hidden) editor.welcome();
  $("record").ariaPressed = String(now.recording);
  const own = now.people.find((person) => person.id === state.person);
  if (own) {
    // Somebody else may have done it.
    $("microphone").ariaPressed = String(!own.muted);
    $("camera").ariaPressed = String(!own.hidden);
  }
  $("hls").href = now.hls;
  $("pushes").replaceChildren(...now.pushes.map(pushed));
}

async function join() {
  if (!query.has("autojoin")) localStorage.setItem("name", $("name").value);
  $("lobby").hidden = true;
  $("call").hidden = false;
  const tracks = (state.tracks = await capture());
  const toggle = (button, kind, off) => {
    $(button).hidden = !tracks.some((track) => track.kind === kind);
    $(button).onclick = () => {
      const on = $(button).ariaPressed !== "true";
      for (const track of tracks) if (track.kind === kind) track.enabled = on;
      $(button).ariaPressed = String(on);
      tell(`/people/${state.person}`, { [off]: !on });
    };
  };
  toggle("microphone", "audio", "muted");
  toggle("camera", "video", "hidden");
  $("share").onclick = async () => {
    const own = tracks.find((track) => track.kind === "video") ?? null;
    if ($("share").ariaPressed === "true") return stopSharing(own);
    const [screen] = await navigator.mediaDevices.getDisplayMedia({ video: true }).then(
      (shared) => shared.getVideoTracks(),
      (error) => notice(`no screen: ${error.message}`) ?? [],
    );
    if (!screen) return;
    screen.onended = () => stopSharing(own);
    await camera.replaceTrack(screen);
    $("share").ariaPressed = "true";
    tell(`/people/${state.person}`, { screen: true });
  };
  const stopSharing = async (own) => {
    if (camera.track !== own) camera.track?.stop();
    await camera.replaceTrack(own);
    $("share").ariaPressed = "false";
    tell(`/people/${state.person}`, { screen: false });
  };
  $("record").onclick = () => tell("/record", { on: $("record").ariaPressed !== "true" });
  $("layout").onchange = () => {
    const mode = $("layout").value;
    $("edit").hidden = mode !== "custom";
    edit(mode === "custom");
    if (mode !== "custom") setLayout({ mode });
  };
  $("edit").onclick = () => edit($("editor").hidden);
  $("mine").onchange = () => $("mine").checked || tell(`/people/${state.person}/layout`, undefined, "DELETE");
  $("push").onsubmit = (event) => {
    event.preventDefault();
    tell("/push", { url: $("target").value }).then(() => ($("target").value = ""));
  };
  $("leave").onclick = leave;
  $("rtmp").textContent = `rtmp://${location.hostname}/room/${room}`;
  const { can_record } = await (await fetch("/api/rooms")).json();
  $("record").hidden = !can_record;
  await connect(tracks);
  await look();
  timer = setInterval(look, 2000);
}

/** Joins; who cannot, is told why, and may try again. */
const enter = () =>
  join().catch((error) => {
    leave();
    notice(error.message);
  });

function leave() {
  clearInterval(timer);
  if (state.session) fetch(state.session, { method: "DELETE", keepalive: true });
  state.peer?.close();
  state.peer = state.session = null;
  // The camera's light goes out.
  for (const track of [...state.tracks, camera?.track]) track?.stop();
  state.tracks = [];
  $("call").hidden = true;
  $("lobby").hidden = false;
}

addEventListener("pagehide", () => state.session && fetch(state.session, { method: "DELETE", keepalive: true }));
$("join").addEventListener("submit", (event) => {
  event.preventDefault();
  enter();
});
if (query.has("autojoin")) enter();
