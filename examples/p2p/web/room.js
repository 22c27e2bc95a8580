// The page of a call: from the lobby to the call and back.

import { Call } from "./call.js";
import { Files } from "./files.js";
import { inWords, pathOf } from "./path.js";

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const room = decodeURIComponent(location.pathname.split("/").pop());
const files = new Files($("files"));
let call = null;
let sharing = null;
let before = null;

document.title = room;
$("room").textContent = room;
$("name").value = query.get("name") ?? localStorage.getItem("name") ?? "";
$("relay").checked = query.get("relay") === "1";

/** The devices; without some where they are missing or refused. */
async function capture(kinds = ["audio", "video"]) {
  const wishes = { audio: { echoCancellation: true, noiseSuppression: true }, video: { width: { ideal: 1280 }, height: { ideal: 720 } } };
  if (!navigator.mediaDevices) return [];
  try {
    return (await navigator.mediaDevices.getUserMedia(Object.fromEntries(kinds.map((kind) => [kind, wishes[kind]])))).getTracks();
  } catch (error) {
    if (kinds.length > 1) return (await Promise.all(kinds.map((kind) => capture([kind])))).flat();
    notice(`no ${kinds[0] === "audio" ? "microphone" : "camera"}: ${error.message}`);
    return [];
  }
}

function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

async function join() {
  const name = $("name").value.trim() || "guest";
  if (!query.has("autojoin")) localStorage.setItem("name", name);
  $("lobby").hidden = true;
  $("call").hidden = false;
  // First the devices: browsers tell their own addresses only to pages that may use them.
  const tracks = await capture();
  call = new Call({ room, name, relay: $("relay").checked });
  window.meeting = call;
  call.addEventListener("state", (event) => state(event.detail));
  call.addEventListener("person", person);
  call.addEventListener("channel", (event) => files.use(event.detail));
  call.addEventListener("track", () => ($("remote").srcObject = call.remote));
  call.addEventListener("sent", () => ($("own").srcObject = call.stream));
  for (const track of tracks) await call.publish(track.kind, track);
  buttons();
  if (!navigator.mediaDevices) notice("browsers give no camera to pages that do not come by HTTPS or from this machine");
  setInterval(watch, 1000);
}

// Who makes everything anew, for the relay, is away for a moment.
const MOMENT = 1500;
let alone = null;

function state(text) {
  document.body.dataset.state = text;
  clearTimeout(alone);
  const words = {
    connecting: call.trouble ? `${call.trouble}: trying again …` : "connecting …",
    waiting: "nobody else is here yet: send them the address of this page",
    disconnected: "the network is gone …",
    failed: "there is no way to the other yet; trying others …",
  };
  if (text === "waiting") alone = setTimeout(() => notice(words.waiting), MOMENT);
  else notice(words[text] ?? "");
}

function person() {
  $("other").textContent = call.person?.name ?? "";
  if (call.person) return;
  $("remote").srcObject = null;
  $("path").textContent = "";
  delete document.body.dataset.path;
  before = null;
}

function leave() {
  for (const track of call.local.values()) track.stop();
  call.leave();
  location.assign("/");
}

// Controls ------------------------------------------------------------------------------------------------------------

function buttons() {
  for (const [id, kind] of [["microphone", "audio"], ["camera", "video"]]) {
    $(id).setAttribute("aria-pressed", call.local.get(kind)?.enabled ?? false);
  }
  $("share").setAttribute("aria-pressed", sharing !== null);
  $("own").classList.toggle("screen", sharing !== null);
}

async function toggle(kind) {
  const track = call.local.get(kind);
  if (track) track.enabled = !track.enabled;
  else {
    const [made] = await capture([kind]);
    if (made) await call.publish(kind, made);
  }
  buttons();
}

/** The screen takes the camera's place, and gives it back. */
async function share() {
  if (sharing) return stopSharing();
  try {
    const [screen] = (await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } } })).getTracks();
    screen.contentHint = "detail";
    screen.onended = stopSharing;
    sharing = { screen, camera: call.local.get("video") };
    await call.publish("video", screen);
  } catch {
    return; // Thought better of it.
  }
  buttons();
}

async function stopSharing() {
  const { screen, camera } = sharing ?? {};
  sharing = null;
  screen?.stop();
  await call.publish("video", camera ?? null);
  buttons();
}

// Statistics ----------------------------------------------------------------------------------------------------------

async function watch() {
  const path = call.peer && (await pathOf(call.peer));
  if (!path) return;
  document.body.dataset.path = `${path.local}/${path.remote}`;
  $("path").textContent = inWords(path);
  const rate = (key) => (before && path.at > before.at ? `${Math.round(((path[key] - before[key]) * 8) / (path.at - before.at))} kbit/s` : "");
  const facts = {
    Path: inWords(path),
    From: path.address,
    To: path.remoteAddress,
    "Round trip": path.roundTrip === undefined ? "" : `${Math.round(path.roundTrip * 1000)} ms`,
    Sent: rate("sent"),
    Received: rate("received"),
    "Could be sent": path.outgoing ? `${Math.round(path.outgoing / 1000)} kbit/s` : "",
    Picture: path.width ? `${path.width}×${path.height}, ${path.rate ?? 0} a second` : "",
    Decoded: path.decoded ?? "",
    "Packets lost": path.lost ?? "",
  };
  before = path;
  $("facts").replaceChildren(
    ...Object.entries(facts).flatMap(([name, value]) => [
      Object.assign(document.createElement("dt"), { textContent: name }),
      Object.assign(document.createElement("dd"), { textContent: value }),
    ]),
  );
}

$("join").addEventListener("submit", (event) => {
  event.preventDefault();
  join();
});
$("microphone").addEventListener("click", () => toggle("audio"));
$("camera").addEventListener("click", () => toggle("video"));
$("share").addEventListener("click", share);
$("share").hidden = !navigator.mediaDevices?.getDisplayMedia;
$("statistics").addEventListener("click", () => ($("facts").hidden = !$("facts").hidden));
$("restart").addEventListener("click", () => call.restart());
$("relay").addEventListener("change", () => call.relayOnly($("relay").checked));
$("leave").addEventListener("click", leave);
$("file").addEventListener("change", () => {
  for (const file of $("file").files) if (!files.send(file)) notice("there is nobody to send it to");
  $("file").value = "";
});
// What the relay keeps for us it is told of, too: closing a connection gives it back.
addEventListener("pagehide", () => call?.leave());
addEventListener("pageshow", (event) => event.persisted && location.reload());
if (query.get("autojoin") === "1") join();
