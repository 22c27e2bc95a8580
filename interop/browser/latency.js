// Watches /watch?src=... in headless Chromium and prints, as one line of JSON, how far behind the publisher it plays and
// whether it ever stood still:
//
//   node latency.js URL SECONDS WARMUP [SEEK,SEEK,...] [SECOND:KBIT,SECOND:KBIT,...] [HEIGHT]
//
// With a HEIGHT it says "playing" on standard error once it does, and counts from when pictures of that height are shown.
//
// From each SECOND of what was played on, the network gives so many kbit/s; 0: all it has. The heights of the pictures are told.
//
// The publisher burns the clock into the picture: a row of cells along the top, each black or white, the lowest bit of the
// Unix time in milliseconds on the right (see src/clock.rs). What is on the screen is read back, so that the latency is
// from glass to glass but for camera and screen. Without such a row the latency is null.

import { collect, launch } from "./chromium.js";

const [url, seconds, warmup, seeks, network, height] = process.argv.slice(2);
const PERIOD = 250;

const browser = await launch();
try {
  const page = await browser.newPage({ viewport: { width: 640, height: 480 } });
  const errors = [];
  collect(page, errors);
  const requests = { parts: 0, segments: 0, ranges: 0, playlists: 0, patches: 0, blocking: 0, deltas: 0 };
  page.on("request", (request) => {
    const path = request.url();
    if (/\.\d+\.m4s/.test(path)) requests.parts += 1;
    else if (path.includes(".m4s")) requests.segments += 1;
    else if (/\.(m3u8|mpd)/.test(path)) requests.playlists += 1;
    else if (path.includes(".mpp")) requests.patches += 1;
    if (path.includes(".m4s") && request.headers().range) requests.ranges += 1;
    if (path.includes("_HLS_msn")) requests.blocking += 1;
    if (path.includes("_HLS_skip")) requests.deltas += 1;
  });
  await page.goto(url);
  await page.evaluate(() => {
    const video = document.querySelector("video");
    window.stalls = [];
    video.addEventListener("waiting", () => window.stalls.push(performance.now()));
  });
  const start = Date.now();
  const latencies = [];
  let played = 0;
  let frozen = 0;
  let last = null;
  let warm = null;
  const jumps = (seeks ?? "").split(",").filter(Boolean).map(Number);
  const sought = [];
  const limits = (network ?? "").split(",").filter(Boolean).map((one) => one.split(":").map(Number));
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Network.enable");
  const heights = [];
  const patience = height ? 70 : 30;
  const deadline = start + (Number(seconds) + Number(warmup) + patience) * 1000;
  let told = false;
  while (Date.now() < deadline) {
    const now = await page.evaluate(look);
    const plays = now.time > 0 && !now.paused && now.height > 0;
    if (height && plays && !told) {
      console.error("playing");
      told = true;
    }
    if (warm === null && plays && (!height || now.height === Number(height))) {
      warm = Date.now() + Number(warmup) * 1000;
    }
    if (warm !== null && Date.now() > warm) {
      if (warm !== 0 && last === null) await page.evaluate(() => (window.stalls = []));
      if (last !== null) {
        const step = now.time - last.time;
        if (step > 0 && step < 2) played += step;
        if (step === 0) frozen += now.at - last.at;
        if (now.clock !== null) latencies.push(now.clock);
      }
      last = now;
      if (heights.at(-1)?.height !== now.height) heights.push({ at: Math.round(played), height: now.height });
      if (limits.length > 0 && played >= limits[0][0]) {
        const [, kbit] = limits.shift();
        const bytes = kbit > 0 ? kbit * 125 : -1;
        await devtools.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: bytes, uploadThroughput: -1 });
      }
      if (jumps.length > 0 && played > (sought.length + 1) * 2) {
        const to = jumps.shift();
        const took = await page.evaluate(seek, to);
        sought.push({ to, ...took });
        last = await page.evaluate(look);
      }
      if (played >= Number(seconds) && jumps.length === 0) break;
    }
    await page.waitForTimeout(PERIOD);
  }
  const sorted = [...latencies].sort((a, b) => a - b);
  const at = (share) => (sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] : null);
  const end = await page.evaluate(() => ({
    stalls: window.stalls.length,
    dropped: document.querySelector("video").getVideoPlaybackQuality().droppedVideoFrames,
    width: document.querySelector("video").videoWidth,
    notice: document.getElementById("notice").innerText,
  }));
  console.log(JSON.stringify({
    played, frozen: frozen / 1000, samples: sorted.length,
    latency: { min: at(0), median: at(0.5), p95: at(0.95), max: at(1) },
    ...end, requests, sought, heights, errors: errors.slice(0, 10),
  }));
} finally {
  await browser.close();
}

/** What is on the screen: the media's time, and how old the clock in the picture is, in seconds. */
function look() {
  const video = document.querySelector("video");
  let clock = null;
  if (video.readyState >= 2 && video.videoWidth > 0) {
    const [cells, size] = [32, video.videoWidth / 32];
    const canvas = (window.canvas ??= document.createElement("canvas"));
    canvas.width = video.videoWidth;
    canvas.height = Math.ceil(size);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(video, 0, 0, video.videoWidth, canvas.height, 0, 0, video.videoWidth, canvas.height);
    let value = 0;
    let clear = true;
    for (let cell = 0; cell < cells; cell += 1) {
      const [red] = context.getImageData(Math.floor((cell + 0.5) * size), Math.floor(size / 2), 1, 1).data;
      clear &&= red < 80 || red > 176;
      value = value * 2 + (red > 128 ? 1 : 0);
    }
    if (clear) {
      const now = Date.now();
      const age = (((now - value) % 2 ** 32) + 2 ** 32) % 2 ** 32;
      if (age < 60_000) clock = age / 1000;
    }
  }
  return { time: video.currentTime, height: video.videoHeight, at: performance.now(), paused: video.paused, clock };
}

/** Goes to a time, and waits until it plays there. */
async function seek(to) {
  const video = document.querySelector("video");
  const begun = performance.now();
  video.currentTime = to;
  await new Promise((resolve) => {
    const done = () => video.readyState >= 3 && video.currentTime > to + 0.2 && resolve();
    const timer = setInterval(() => {
      done();
      if (performance.now() - begun > 20_000) resolve();
    }, 50);
    video.addEventListener("seeked", done, { once: false });
    setTimeout(() => clearInterval(timer), 21_000);
  });
  return { took: (performance.now() - begun) / 1000, at: video.currentTime };
}
