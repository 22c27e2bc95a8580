// The page: polls what the server knows once a second, plays the chosen stream, draws.

import { draw } from "/assets/chart.js";
import { Player, wantsDash, ways } from "/assets/player.js";

const POINTS = 120;
const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);

const tiles = [
  { key: "bitrate", title: "Bitrate", show: (s) => scale(s.bitrate), note: (s) => s.bitrate_declared && `declared ${scale(s.bitrate_declared).join(" ")}` },
  { key: "frame_rate", title: "Frame rate", show: (s) => [number(s.frame_rate, 1), "fps"], note: (s) => s.video && `${s.video.width} × ${s.video.height}` },
  { key: "gop", title: "GOP", show: (s) => [number(s.gop, 2), "s"], note: (s) => s.gop_frames && `${s.gop_frames} frames` },
  { key: "viewers", title: "Viewers", show: (s) => [watchers(s), ""], note: (s) => `${s.viewers.hls} HLS · ${s.viewers.rtmp} RTMP · ${s.viewers.rtsp} RTSP` },
  { key: "latency", title: "Latency", show: (s) => [number(latency(s), 1), "s"], note: (s) => (s.name === state.playing ? "publisher to this screen" : "") },
];

const state = { server: null, streams: new Map(), history: new Map(), chosen: null, playing: null };
const video = $("video");
const player = new Player(video, report);

// Numbers -----------------------------------------------------------------------------------------------------------

const number = (value, digits) => (value === null || value === undefined ? "–" : value.toFixed(digits));

function scale(bits) {
  if (bits === null || bits === undefined) return ["–", ""];
  if (bits >= 1e6) return [(bits / 1e6).toFixed(2), "Mbit/s"];
  return [(bits / 1e3).toFixed(0), "kbit/s"];
}

function span(seconds) {
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return "0 s";
  const [unit, size] = units[first];
  const rest = units[first + 1];
  const more = rest && first < 2 ? ` ${Math.floor((seconds % size) / rest[1])} ${rest[0]}` : "";
  return `${Math.floor(seconds / size)} ${unit}${more}`;
}

/** What the viewer of this page is behind the publisher; null where nothing plays. */
function latency(stream) {
  const behind = stream.name === state.playing ? player.behindEdge() : null;
  return behind === null || stream.edge_age === null ? null : stream.edge_age + behind;
}

// The list ----------------------------------------------------------------------------------------------------------

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function watchers(stream) {
  return stream.viewers.hls + stream.viewers.rtmp + stream.viewers.rtsp;
}

function point(stream) {
  return {
    bitrate: stream.bitrate,
    frame_rate: stream.frame_rate,
    gop: stream.gop,
    viewers: watchers(stream),
    latency: latency(stream),
  };
}

function showList() {
  const list = $("streams");
  const rows = new Map([...list.children].map((row) => [row.dataset.name, row]));
  for (const [name, row] of rows) if (!state.streams.has(name)) row.remove();
  for (const stream of state.streams.values()) {
    let row = rows.get(stream.name);
    if (!row) {
      const button = element("button", { className: "stream", type: "button" },
        element("b", { textContent: stream.name }), element("span", { className: "badge" }), element("small"), element("canvas"));
      button.addEventListener("click", () => choose(stream.name));
      row = element("li", {}, button);
      row.dataset.name = stream.name;
      list.append(row);
    }
    const button = row.firstElementChild;
    button.setAttribute("aria-current", String(stream.name === state.chosen));
    badge(button.querySelector(".badge"), stream);
    const watching = watchers(stream);
    button.querySelector("small").textContent =
      `${scale(stream.bitrate).join(" ")} · ${watching} viewer${watching === 1 ? "" : "s"}`;
    draw(button.querySelector("canvas"), history(stream.name).map((p) => p.bitrate), { points: POINTS, axis: false });
  }
  $("empty").hidden = state.streams.size > 0;
}

function badge(where, stream) {
  where.textContent = stream.live ? "live" : "off air";
  where.classList.toggle("live", stream.live);
}

const history = (name) => state.history.get(name) ?? [];

// The stage ---------------------------------------------------------------------------------------------------------

function showStage() {
  const stream = state.streams.get(state.chosen);
  $("state").hidden = !stream;
  if (!stream) return;
  badge($("state"), stream);
  const facts = [];
  if (stream.video) facts.push(stream.video.description);
  if (stream.audio) facts.push(stream.audio.description);
  if (stream.publisher) facts.push(`from ${stream.publisher}`);
  if (stream.live) facts.push(`on air for ${span(stream.uptime)}`);
  $("facts").textContent = facts.join(" · ");
  for (const tile of tiles) {
    const [value, unit] = tile.show(stream);
    tile.value.textContent = value;
    tile.unit.textContent = unit;
    tile.note_.textContent = tile.note(stream) || "";
    draw(tile.canvas, history(stream.name).map((p) => p[tile.key]), { points: POINTS });
  }
}

function makeTiles() {
  for (const tile of tiles) {
    tile.value = element("b");
    tile.unit = element("span");
    tile.note_ = element("small");
    tile.canvas = element("canvas");
    tile.canvas.setAttribute("role", "img");
    tile.canvas.setAttribute("aria-label", `${tile.title}, the last two minutes`);
    $("tiles").append(element("div", { className: "tile" },
      element("h3", { textContent: tile.title }), element("p", {}, tile.value, tile.unit), tile.note_, tile.canvas));
  }
}

function notice(...children) {
  $("notice").hidden = children.length === 0;
  $("notice").replaceChildren(...children);
}

function report(what, detail) {
  if (what === "playing") notice();
  if (what === "loading") notice(element("div", { className: "wait" }), element("p", { textContent: "Waiting for the stream" }));
  if (what === "ended") notice(element("p", { textContent: "The stream has ended." }));
  if (what === "failed") notice(element("p", { textContent: detail }), element("p", { textContent: "Trying again in a moment." }));
  $("unmute").hidden = what !== "playing" || !video.muted;
}

function way() {
  const found = ways(video, state.server.players);
  const wanted = query.get("player");
  return found.includes(wanted) ? wanted : (found[0] ?? null);
}

function showPlayers() {
  const found = ways(video, state.server.players);
  $("players").hidden = found.length < 2;
  $("players").replaceChildren(...found.map((name) => {
    const button = element("button", { type: "button", textContent: name === "native" ? "Browser" : name });
    button.setAttribute("aria-pressed", String(name === way()));
    button.addEventListener("click", () => {
      query.set("player", name);
      window.history.replaceState(null, "", `?${query}${location.hash}`);
      start();
    });
    return button;
  }));
}

function start() {
  const stream = state.streams.get(state.chosen);
  if (!stream) return;
  showPlayers();
  const by = way();
  state.playing = null;
  const wanted = query.get("player");
  if (!by || (wanted && wanted !== by)) {
    const address = new URL(stream.hls, location.href).href;
    const why = wanted && by
      ? `${wanted} is not installed on this server.`
      : "This browser plays no HLS by itself, and hls.js is not installed on this server.";
    player.stop();
    notice(element("p", { textContent: why }),
      element("p", {}, "Run ", element("code", { textContent: "npm install" }), " in ",
        element("code", { textContent: "examples/streaming-server/web" }), " and reload, or open ",
        element("code", { textContent: address }), " in Safari, Chrome or VLC."));
    return;
  }
  state.playing = stream.name;
  player.play(wantsDash(by) ? stream.dash : stream.hls, by);
}

async function choose(name) {
  state.chosen = name;
  $("name").textContent = name;
  document.title = `${name} · fluvial`;
  if (location.hash !== `#${name}`) window.history.replaceState(null, "", `#${name}`);
  start();
  showLines();
  showList();
  showStage();
  try {
    const detail = await get(`/api/streams/${name}`);
    const known = detail.history.map((p) => ({ ...p, latency: null }));
    state.history.set(name, known);
  } catch {
    // It has just gone off the list; the next poll tells.
  }
}

// Lines to copy -----------------------------------------------------------------------------------------------------

function rtmp(path) {
  const port = state.server?.rtmp_port ?? 1935;
  return `rtmp://${location.hostname || "localhost"}${port === 1935 ? "" : `:${port}`}/${path}`;
}

function showLines() {
  const own = $("own").validity.valid && $("own").value ? $("own").value : "mine";
  const target = rtmp(`live/${own}`);
  $("ffmpeg").textContent = `ffmpeg -re -stream_loop -1 -i video.mp4 -c copy -f flv ${target}`;
  $("test").textContent = "ffmpeg -re -f lavfi -i testsrc2=s=1280x720:r=30 -f lavfi -i sine=220 "
    + `-c:v libx264 -preset veryfast -tune zerolatency -g 60 -pix_fmt yuv420p -c:a aac -f flv ${target}`;
  $("obs-server").textContent = rtmp("live");
  $("obs-key").textContent = own;
  const watched = state.chosen ?? `live/${own}`;
  $("watch-hls").textContent = new URL(`/${watched}/index.m3u8`, location.href).href;
  $("watch-dash").textContent = new URL(`/${watched}/manifest.mpd`, location.href).href;
  $("watch-rtmp").textContent = rtmp(watched);
  $("watch-api").textContent = new URL("/api/streams", location.href).href;
}

function makeCopyButtons() {
  for (const line of document.querySelectorAll(".line")) {
    const code = line.querySelector("code");
    const button = element("button", { className: "copy", type: "button", textContent: "Copy" });
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        // Without HTTPS there is no clipboard: select the text, so that the viewer's own keys copy it.
        getSelection().selectAllChildren(code);
        button.textContent = "Selected";
      }
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    line.append(button);
  }
}

// The poll ----------------------------------------------------------------------------------------------------------

async function get(path) {
  const response = await fetch(path, { cache: "no-store" });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

async function poll() {
  try {
    const { server, streams } = await get("/api/streams");
    const fresh = state.server === null;
    state.server = server;
    state.streams = new Map(streams.map((stream) => [stream.name, stream]));
    for (const name of state.history.keys()) if (!state.streams.has(name)) state.history.delete(name);
    for (const stream of streams) {
      state.history.set(stream.name, [...history(stream.name), point(stream)].slice(-POINTS));
    }
    $("server").className = "server up";
    $("server").textContent = `fluvial ${server.version} · up ${span(server.uptime)}`;
    if (fresh) showLines();
    if (!state.streams.has(state.chosen)) pick();
    // A publisher that comes back after its playlist has ended begins a new one.
    if (video.ended && state.streams.get(state.chosen)?.live) start();
    showList();
    showStage();
  } catch {
    $("server").className = "server down";
    $("server").textContent = "server not reachable";
  }
}

/** The stream named in the address, or else the first that is live. */
function pick() {
  const named = decodeURIComponent(location.hash.slice(1));
  const live = [...state.streams.values()].find((stream) => stream.live);
  const name = state.streams.has(named) ? named : (live ?? state.streams.values().next().value)?.name;
  if (name) choose(name);
}

// Theme -------------------------------------------------------------------------------------------------------------

const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = () => localStorage.getItem("theme") ?? (dark.matches ? "dark" : "light");
const applyTheme = () => {
  document.documentElement.dataset.theme = theme();
  showList();
  showStage();
};
$("theme").addEventListener("click", () => {
  localStorage.setItem("theme", theme() === "dark" ? "light" : "dark");
  applyTheme();
});
dark.addEventListener("change", applyTheme);

$("unmute").addEventListener("click", () => {
  video.muted = false;
  $("unmute").hidden = true;
});
video.addEventListener("volumechange", () => ($("unmute").hidden = !video.muted || video.paused));
$("own").addEventListener("input", showLines);
addEventListener("hashchange", pick);
addEventListener("resize", () => (showList(), showStage()));

makeTiles();
makeCopyButtons();
showLines();
applyTheme();
await poll();
setInterval(poll, 1000);
