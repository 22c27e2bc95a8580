// The page of a room: from the lobby to the call and back.

import { Call } from "./call.js";
import { Tiles } from "./tiles.js";

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const room = decodeURIComponent(location.pathname.split("/").pop());
let call = null;
let tiles = null;

document.title = room;
$("room").textContent = room;
$("name").value = query.get("name") ?? localStorage.getItem("name") ?? "";

/** What is asked of the camera: enough for a tile, little for the network; `?video=1280x720` asks for more, `?video=0` for none. */
function wishes() {
  const size = query.get("video") ?? "640x360";
  const [width, height] = size.split("x").map(Number);
  const device = (id) => ($(id).value ? { deviceId: { exact: $(id).value } } : {});
  return {
    audio: query.get("audio") === "0" ? false : { echoCancellation: true, noiseSuppression: true, ...device("microphones") },
    video: size === "0" ? false : { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 25, max: 30 }, ...device("cameras") },
  };
}

/** The devices; without some where they are missing or refused. */
async function capture(kinds = ["audio", "video"]) {
  if (!navigator.mediaDevices) return [];
  const all = wishes();
  const wanted = Object.fromEntries(kinds.filter((kind) => all[kind]).map((kind) => [kind, all[kind]]));
  if (Object.keys(wanted).length === 0) return [];
  try {
    const tracks = (await navigator.mediaDevices.getUserMedia(wanted)).getTracks();
    lack(kinds, null);
    return tracks;
  } catch (error) {
    if (kinds.length > 1) return (await Promise.all(kinds.map((kind) => capture([kind])))).flat();
    lack(kinds, `no ${kinds[0] === "audio" ? "microphone" : "camera"}: ${error.message}`);
    return [];
  }
}

/** Why devices are not there, by kind: told for a while, whatever becomes of the connection. */
const lacks = new Map();
let told = "";

function lack(kinds, why) {
  for (const kind of kinds) why ? lacks.set(kind, why) : lacks.delete(kind);
  if (why) setTimeout(() => lack(kinds, null), 10_000);
  notice(told);
}

function notice(text) {
  told = text;
  $("notice").textContent = text || [...lacks.values()].join("; ");
  $("notice").hidden = !$("notice").textContent;
}

async function join() {
  const name = $("name").value.trim() || "guest";
  if (!query.has("autojoin")) localStorage.setItem("name", name);
  call = new Call({ room, name, codec: query.get("codec") ?? undefined, svc: query.get("svc") ?? undefined, simulcast: query.get("simulcast") !== "0" });
  window.meeting = call;
  call.addEventListener("state", (event) => state(event.detail));
  call.addEventListener("people", () => ($("count").textContent = call.people.size + 1));
  call.addEventListener("chat", (event) => hear(event.detail));
  tiles = new Tiles($("grid"), call);
  $("lobby").hidden = true;
  $("call").hidden = false;
  buttons();
  // Others are seen and heard meanwhile: people take their time to allow a camera.
  if (!navigator.mediaDevices) lack(["video"], "browsers give no camera to pages that do not come by HTTPS or from this machine");
  for (const track of await capture()) await call.publish(track.kind === "audio" ? "microphone" : "camera", track);
  buttons();
  list();
}

function state(text) {
  document.body.dataset.state = text;
  const connecting = call.trouble ? `${call.trouble}: trying again …` : "connecting …";
  const words = { connecting, disconnected: "the network is gone …", failed: "starting anew …", draining: "the server ends soon" };
  notice(words[text] ?? "");
}

function leave() {
  for (const track of call.local.values()) track.stop();
  call.leave();
  location.assign("/");
}

// Controls ------------------------------------------------------------------------------------------------------------

function buttons() {
  const on = (source) => call.local.has(source) && !call.muted.has(source);
  for (const [id, source] of [["microphone", "microphone"], ["camera", "camera"], ["share", "screen"]]) {
    $(id).setAttribute("aria-pressed", on(source));
  }
}

async function toggle(source, kind) {
  if (!call.local.has(source)) {
    const [track] = await capture([kind]);
    if (track) {
      call.mute(source, false);
      await call.publish(source, track);
    }
  } else {
    call.mute(source, !call.muted.has(source));
  }
  buttons();
  tiles.update();
}

async function share() {
  if (call.local.has("screen")) return stopSharing();
  let stream;
  try {
    stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: true });
  } catch {
    return; // Thought better of it.
  }
  for (const track of stream.getTracks()) {
    if (track.kind === "video") {
      track.contentHint = "detail";
      track.onended = stopSharing;
    }
    await call.publish(track.kind === "video" ? "screen" : "screen-sound", track);
  }
  buttons();
}

async function stopSharing() {
  for (const source of ["screen", "screen-sound"]) {
    call.local.get(source)?.stop();
    await call.publish(source, null);
  }
  buttons();
}

/** Devices to choose from. */
async function list() {
  if (!navigator.mediaDevices) return;
  const devices = await navigator.mediaDevices.enumerateDevices();
  for (const [id, kind] of [["microphones", "audioinput"], ["cameras", "videoinput"], ["speakers", "audiooutput"]]) {
    const chosen = $(id).value;
    const options = devices.filter((device) => device.kind === kind);
    $(id).replaceChildren(...options.map((device, n) => new Option(device.label || `${kind} ${n + 1}`, device.deviceId)));
    if (options.some((device) => device.deviceId === chosen)) $(id).value = chosen;
  }
}

async function change(source, kind) {
  call.local.get(source)?.stop();
  const [track] = await capture([kind]);
  if (track) await call.publish(source, track);
  tiles.update();
}

function hear(data) {
  let said;
  try {
    said = JSON.parse(data);
  } catch {
    return;
  }
  write(String(said.name), String(said.text));
}

function write(name, text) {
  const line = document.createElement("p");
  const who = document.createElement("b");
  who.textContent = `${name} `;
  line.append(who, text);
  $("lines").append(line);
  line.scrollIntoView();
  if ($("chat").hidden) $("talk").classList.add("news");
}

$("join").addEventListener("submit", (event) => {
  event.preventDefault();
  join();
});
$("microphone").addEventListener("click", () => toggle("microphone", "audio"));
$("camera").addEventListener("click", () => toggle("camera", "video"));
$("share").addEventListener("click", share);
$("share").hidden = !navigator.mediaDevices?.getDisplayMedia;
$("leave").addEventListener("click", leave);
$("devices").addEventListener("click", () => {
  list();
  $("settings").hidden = !$("settings").hidden;
});
$("talk").addEventListener("click", () => {
  $("chat").hidden = !$("chat").hidden;
  $("talk").classList.remove("news");
});
$("microphones").addEventListener("change", () => change("microphone", "audio"));
$("cameras").addEventListener("change", () => change("camera", "video"));
$("speakers").addEventListener("change", () => tiles.output($("speakers").value));
$("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (text && call.say(text)) {
    write("you", text);
    $("text").value = "";
  }
});
navigator.mediaDevices?.addEventListener("devicechange", list);
addEventListener("pagehide", () => call?.send({ type: "leave" }));
if (query.get("autojoin") === "1") join();
