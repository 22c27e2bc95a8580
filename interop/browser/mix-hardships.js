// What may happen to somebody in a room of the MCU, while another looks on:
//
//   node mix-hardships.js URL MEDIA-PORT [PERCENT]
//
// Both pages get and send their media through a proxy that loses so many of a hundred datagrams, always the same. A line of JSON for each step: what was
// waited for was seen in the mix, or not; the last line tells how long the mix stood still at the longest, in milliseconds.

import { createSocket } from "node:dgram";
import { launch } from "./chromium.js";
import { listen, look, near } from "./mix-eyes.js";

const PATIENCE = 60_000;
const [url, port, percent = "0"] = process.argv.slice(2);
const errors = [];

/** Between browsers and a port of the server, with losses; tells its own port. */
async function lossy(server) {
  const front = createSocket("udp4");
  const ways = new Map();
  let state = 1;
  // RTP and RTCP only (RFC 7983): what ICE and DTLS lose is found out by clocks, and those are slow.
  const lost = (data) => {
    if (data[0] < 128 || data[0] > 191) return false;
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 16) % 100 < Number(percent);
  };
  front.on("message", (data, from) => {
    const key = `${from.address}:${from.port}`;
    let way = ways.get(key);
    if (!way) {
      way = createSocket("udp4");
      way.on("message", (answer) => lost(answer) || front.send(answer, from.port, from.address));
      ways.set(key, way);
    }
    if (!lost(data)) way.send(data, server, "127.0.0.1");
  });
  await new Promise((resolve) => front.bind(0, "127.0.0.1", resolve));
  const close = () => [front, ...ways.values()].forEach((socket) => socket.close());
  return { port: front.address().port, close };
}

const proxy = await lossy(Number(port));
const browser = await launch();

/** Media goes where the proxy is. */
function detour([from, to]) {
  const set = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    return set.call(this, { type: description.type, sdp: description.sdp.replaceAll(`127.0.0.1 ${from} typ`, `127.0.0.1 ${to} typ`) });
  };
}

/** Sends a made-up picture instead: two halves, one above the other, of a size, turned. */
async function film() {
  const canvas = new OffscreenCanvas(640, 360);
  const context = canvas.getContext("2d");
  const generator = new MediaStreamTrackGenerator({ kind: "video" });
  const writer = generator.writable.getWriter();
  const film = (window.film = { width: 640, height: 360, upper: "#f00", lower: "#f00", rotation: 0, goes: true, count: 0 });
  setInterval(() => {
    if (!film.goes) return;
    if (canvas.width !== film.width || canvas.height !== film.height) Object.assign(canvas, { width: film.width, height: film.height });
    const half = film.height / 2;
    context.fillStyle = film.upper;
    context.fillRect(0, 0, film.width, half);
    context.fillStyle = film.lower;
    context.fillRect(0, half, film.width, half);
    // Something moves.
    context.fillStyle = "#000";
    context.fillRect((film.count++ % 16) * 8, 0, 8, 8);
    writer.write(new VideoFrame(canvas, { timestamp: performance.now() * 1000, rotation: film.rotation })).catch(() => {});
  }, 40);
  const sender = window.mcu.peer.getSenders().find((sender) => sender.track?.kind === "video");
  await sender.replaceTrack(generator);
}

/** Notes how long the mix stands still at the longest, as long as the page itself goes on. */
function watch() {
  window.gap = 0;
  let last = performance.now();
  let frames = 0;
  const video = document.getElementById("mix");
  const shown = () => {
    window.gap = Math.max(window.gap, performance.now() - last);
    last = performance.now();
    frames += 1;
    video.requestVideoFrameCallback(shown);
  };
  video.requestVideoFrameCallback(shown);
}

const RED = [255, 0, 0];
const GREEN = [0, 255, 0];
const BLUE = [0, 0, 255];
const BLACK = [0, 0, 0];
// What is shown instead of a picture.
const SLATE = [35, 37, 52];

async function join(name, color, tone) {
  const page = await (await browser.newContext({ viewport: { width: 900, height: 600 } })).newPage();
  page.on("pageerror", (error) => errors.push(`${name}: ${error}`));
  await page.addInitScript(detour, [Number(port), proxy.port]);
  await page.goto(`${url}?autojoin=1&name=${name}&color=${color}&tone=${tone}`);
  await page.waitForFunction(() => window.mcu?.person > 0, null, { timeout: PATIENCE });
  return page;
}

/** Waits until the other sees these colours at these places, and hears the tone or not. */
async function expect(step, page, wanted, heard = null) {
  const deadline = Date.now() + PATIENCE;
  const places = wanted.map(([x, y]) => [x, y]);
  let seen = {};
  let met = false;
  while (!met && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    seen = await page.evaluate(look, { places, tone: 500 });
    met = wanted.every(([, , color], index) => near(seen.colors[index], color)) && (heard === null || seen.level > -60 === heard);
  }
  console.log(JSON.stringify({ step, met, seen, wanted, errors }));
  return met;
}

const api = (path) => url.replace("/room/", "/api/rooms/") + path;
const change = (id, body) => fetch(api(`/people/${id}`), { method: "POST", body: JSON.stringify(body) });

async function play() {
  let ann = await join("ann", "ff0000", 500);
  const bob = await join("bob", "0000ff", 900);
  // Two in a grid stand side by side: a cell is 500 wide and 500 high, from 250 to 750.
  const both = [[100, 500, RED], [400, 600, RED], [750, 500, BLUE]];
  if (!(await expect("together", bob, both, true))) return;
  await bob.evaluate(watch);
  bob.evaluate(listen).catch((error) => errors.push(`bob does not hear: ${error}`));
  // Without that, Chromium would turn pictures itself.
  const turns = await ann.evaluate(() => window.mcu.peer.remoteDescription.sdp.includes("urn:3gpp:video-orientation"));
  if (!turns) errors.push("turned pictures were not negotiated");
  await ann.evaluate(film);
  const tell = (change) => ann.evaluate((change) => Object.assign(window.film, change), change);
  // What is above comes to the right, and the picture stands upright in the middle of its cell.
  await tell({ lower: "#0f0", rotation: 90 });
  if (!(await expect("turned", bob, [[210, 500, GREEN], [290, 500, RED], [60, 500, BLACK], [440, 500, BLACK]]))) return;
  await tell({ rotation: 270 });
  if (!(await expect("turned the other way", bob, [[210, 500, RED], [290, 500, GREEN], [60, 500, BLACK]]))) return;
  await tell({ rotation: 180 });
  if (!(await expect("upside down", bob, [[250, 400, GREEN], [250, 600, RED], [60, 400, GREEN]]))) return;
  // A square has black at both sides.
  await tell({ rotation: 0, width: 320, height: 320 });
  if (!(await expect("resized", bob, [[250, 400, RED], [250, 600, GREEN], [40, 500, BLACK], [460, 500, BLACK]]))) return;
  await tell({ width: 640, height: 360, lower: "#f00" });
  if (!(await expect("resized again", bob, both))) return;
  await tell({ goes: false });
  if (!(await expect("frozen", bob, [[60, 350, SLATE], [440, 350, SLATE], [750, 500, BLUE]], true))) return;
  await tell({ goes: true });
  if (!(await expect("moves again", bob, both))) return;
  const id = await ann.evaluate(() => window.mcu.person);
  await change(id, { muted: true });
  if (!(await expect("muted", bob, both, false))) return;
  await change(id, { muted: false });
  if (!(await expect("heard again", bob, both, true))) return;
  await ann.context().close();
  if (!(await expect("gone", bob, [[100, 300, BLUE], [500, 500, BLUE], [900, 700, BLUE]], false))) return;
  ann = await join("ann", "ff0000", 500);
  // Who comes back comes last.
  if (!(await expect("back", bob, [[250, 500, BLUE], [600, 500, RED], [900, 600, RED]], true))) return;
  console.log(JSON.stringify({ step: "end", met: true, gap: await bob.evaluate(() => window.gap), heard: await bob.evaluate(() => window.heard), errors }));
}

try {
  await play();
} finally {
  await browser.close();
  proxy.close();
}
