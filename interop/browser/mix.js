// Lets people meet in a room of the MCU, each in a page of headless Chromium of their own with a picture of one colour and a tone, and
// prints, as a line of JSON, what they see and hear:
//
//   node mix.js URL COLOUR:HERTZ[:vp8] ...
//
// Who has VP8 only gets no pictures, and is asked for sounds only.
//
// It waits until everybody sees everybody's colour in the right part of the picture, in the order of coming, and hears all other tones but
// not their own.

import { launch } from "./chromium.js";

const PATIENCE = 80_000;
const [url, ...list] = process.argv.slice(2);
const people = list.map((text) => {
  const [color, tone, codec] = text.split(":");
  return { color, tone: Number(tone), codec };
});
const columns = Math.ceil(Math.sqrt(people.length));
const errors = [];
const deadline = Date.now() + PATIENCE;

const browser = await launch();

/** As a browser that was built without H.264. */
function hasVp8Only() {
  for (const side of [RTCRtpSender, RTCRtpReceiver]) {
    const all = side.getCapabilities.bind(side);
    side.getCapabilities = (kind) => {
      const capabilities = all(kind);
      if (kind === "video") capabilities.codecs = capabilities.codecs.filter((codec) => /VP8|rtx/i.test(codec.mimeType));
      return capabilities;
    };
  }
}

/** The colours in the middle of each part, and how loud each tone is, in decibels. */
async function look({ columns, count, tones }) {
  const seen = { colors: [], levels: {} };
  const video = document.getElementById("mix");
  seen.state = window.mcu?.peer?.connectionState;
  seen.width = video.videoWidth;
  if (video.readyState >= 2 && video.videoWidth > 2) {
    const [width, height] = [32 * columns, 32 * columns];
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0, width, height);
    for (let index = 0; index < count; index += 1) {
      const row = Math.floor(index / columns) + 0.5;
      const [x, y] = [(index % columns) * 32 + 16, Math.floor((row * height) / Math.ceil(count / columns)) - 2];
      seen.colors.push([...context.getImageData(x, y, 1, 1).data].slice(0, 3));
    }
  }
  if (!window.ears && window.mcu?.stream.getAudioTracks().length > 0) {
    const sound = new AudioContext({ sampleRate: 48000 });
    const analyser = new AnalyserNode(sound, { fftSize: 16384, smoothingTimeConstant: 0, minDecibels: -120 });
    sound.createMediaStreamSource(window.mcu.stream).connect(analyser);
    window.ears = analyser;
  }
  if (window.ears) {
    const levels = new Float32Array(window.ears.frequencyBinCount);
    window.ears.getFloatFrequencyData(levels);
    for (const tone of tones) {
      const bin = Math.round((tone * window.ears.fftSize) / 48000);
      seen.levels[tone] = Math.max(...levels.slice(bin - 1, bin + 2));
    }
  }
  const report = await window.mcu?.peer?.getStats();
  for (const stats of report?.values() ?? []) {
    if (stats.type === "inbound-rtp") {
      seen[stats.kind] = Object.fromEntries(
        ["packetsReceived", "packetsLost", "framesDecoded", "keyFramesDecoded", "framesPerSecond", "jitterBufferDelay", "jitterBufferEmittedCount", "pliCount", "concealedSamples", "totalSamplesReceived"].map((key) => [key, stats[key]]),
      );
    }
    if (stats.type === "outbound-rtp" && stats.kind === "video") {
      seen.sends = Object.fromEntries(["framesEncoded", "keyFramesEncoded", "framesPerSecond", "targetBitrate"].map((key) => [key, stats[key]]));
      seen.sends.codec = report.get(stats.codecId)?.mimeType;
    }
  }
  return seen;
}

const rgb = (color) => [0, 2, 4].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
const near = (seen, wanted) => seen !== undefined && seen.every((value, index) => Math.abs(value - wanted[index]) < 70);

/** Why what somebody sees and hears is not what it is to be. */
function wrong(seen, person) {
  const colors = people.map((other) => rgb(other.color));
  const missing = colors.findIndex((color, index) => !near(seen.colors[index], color));
  if (person.codec === "vp8" ? seen.sends?.codec !== "video/VP8" : seen.sends?.codec !== "video/H264") return `it sends ${seen.sends?.codec}`;
  if (missing >= 0 && person.codec !== "vp8") return `colour ${missing}`;
  const others = people.filter((other) => other !== person).map((other) => seen.levels[other.tone]);
  const least = Math.min(...others);
  if (!(least > -60)) return "others are not heard";
  if (!(seen.levels[person.tone] < least - 20)) return "it hears itself";
  return null;
}

let result = {};
let met = false;
try {
  for (const person of people) {
    const context = await browser.newContext({ viewport: { width: 900, height: 600 } });
    person.page = await context.newPage();
    if (person.codec === "vp8") await person.page.addInitScript(hasVp8Only);
    person.page.on("pageerror", (error) => errors.push(`${person.color}: ${error}`));
    person.page.on("response", (response) => response.status() >= 400 && errors.push(`${response.status()} ${response.url()}`));
    await person.page.goto(`${url}?autojoin=1&name=${person.color}&color=${person.color}&tone=${person.tone}`);
    // They come one after the other, so that it is known where they are.
    await person.page.waitForFunction(() => window.mcu?.person > 0, null, { timeout: PATIENCE });
  }
  const view = { columns, count: people.length, tones: people.map((person) => person.tone) };
  while (!met && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    result = {};
    for (const person of people) {
      const seen = await person.page.evaluate(look, view);
      result[person.color] = { ...seen, wrong: wrong(seen, person) };
    }
    met = Object.values(result).every((seen) => seen.wrong === null);
  }
} finally {
  console.log(JSON.stringify({ met, seen: result, errors }));
  await browser.close();
}
