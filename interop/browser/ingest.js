// Has somebody look at a room of the SFU in headless Chromium, sending nothing, and prints, as lines of JSON, what they see and hear of
// others who came by other protocols:
//
//   node ingest.js URL NAME=COLOUR:HERTZ [NAME=COLOUR:HERTZ ...]
//
// One line once all of them are seen in their colour and heard with their tone (COLOUR is RRGGBB, or `none` where no picture is to be seen),
// with the milliseconds from the page's connection to the first picture of the first one; one for each that has gone after that, until all have.

import { launch } from "./chromium.js";
import { near } from "./mix-eyes.js";

const PATIENCE = 60_000;
const [url, ...list] = process.argv.slice(2);
const people = list.map((text) => {
  const [name, rest] = text.split("=");
  const [color, tone] = rest.split(":");
  return { name, tone: Number(tone), color: color === "none" ? null : [0, 2, 4].map((at) => Number.parseInt(color.slice(at, at + 2), 16)) };
});
const errors = [];
const say = (what) => console.log(JSON.stringify({ ...what, errors }));

/** What a page shows and lets hear of each. */
async function look() {
  const seen = {};
  for (const tile of document.querySelectorAll(".tile[data-source=camera]:not(.own)")) {
    const video = tile.querySelector("video");
    const report = { color: null, levels: null, warning: tile.querySelector(".warning").textContent, sources: tile.tile.sources };
    seen[tile.dataset.name] = report;
    if (video.readyState >= 2 && video.videoWidth > 2) {
      const canvas = Object.assign(document.createElement("canvas"), { width: 32, height: 18 });
      const context = canvas.getContext("2d");
      context.drawImage(video, 0, 0, 32, 18);
      report.color = [...context.getImageData(16, 9, 1, 1).data].slice(0, 3);
    }
    for (const section of window.meeting.carried().filter((section) => section.peer === tile.dataset.peer)) {
      const stats = [...(await section.receiver.getStats()).values()].find((stats) => stats.type === "inbound-rtp");
      report[section.receiver.track.kind] = Object.fromEntries(
        ["framesDecoded", "keyFramesDecoded", "framesDropped", "framesPerSecond", "freezeCount", "packetsReceived", "packetsLost", "pliCount", "nackCount", "jitterBufferDelay", "jitterBufferEmittedCount", "concealedSamples", "totalSamplesReceived", "estimatedPlayoutTimestamp", "decoderImplementation"].map((key) => [key, stats?.[key]]),
      );
      if (section.receiver.track.kind !== "audio") continue;
      window.ears ??= new Map();
      if (!window.ears.has(section.mid)) {
        window.sound ??= new AudioContext({ sampleRate: 48000 });
        const ear = new AnalyserNode(window.sound, { fftSize: 16384, smoothingTimeConstant: 0, minDecibels: -120 });
        window.sound.createMediaStreamSource(new MediaStream([section.receiver.track])).connect(ear);
        window.ears.set(section.mid, ear);
      }
      const ear = window.ears.get(section.mid);
      const levels = new Float32Array(ear.frequencyBinCount);
      ear.getFloatFrequencyData(levels);
      report.levels = [...levels.slice(0, 1200)].map(Math.round);
    }
  }
  return seen;
}

/** Why what is seen and heard of somebody is not what it is to be. */
function wrong(person, report) {
  if (!report) return "not there";
  if (person.color === null && report.sources.includes("camera")) return "there is to be no picture";
  if (person.color !== null && !near(report.color ?? undefined, person.color)) return `colour ${report.color}`;
  if (person.color !== null && !(report.video?.framesDecoded >= 10)) return "too few pictures";
  const bin = (tone) => Math.round((tone * 16384) / 48000);
  const level = (tone) => Math.max(...(report.levels ?? []).slice(bin(tone) - 1, bin(tone) + 2));
  if (!(level(person.tone) > -60)) return `the tone is not heard: ${level(person.tone)} dB`;
  if (!(level(person.tone * 1.4) < level(person.tone) - 20)) return `another tone is heard: ${level(person.tone * 1.4)} dB`;
  return null;
}

const browser = await launch();
try {
  const page = await (await browser.newContext({ viewport: { width: 900, height: 600 } })).newPage();
  page.on("pageerror", (error) => errors.push(`${error}`));
  page.on("response", (response) => response.status() >= 400 && errors.push(`${response.status()} ${response.url()}`));
  await page.goto(`${url}?autojoin=1&name=viewer&video=0&audio=0`);
  const first = await page.evaluate(async (name) => {
    const deadline = Date.now() + 60_000;
    const until = async (is) => {
      while (!is() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
      return performance.now();
    };
    const video = () => document.querySelector(`.tile[data-name="${name}"] video`);
    const connected = await until(() => window.meeting?.peer?.connectionState === "connected");
    const shown = await until(() => video()?.readyState >= 2 && video().videoWidth > 2);
    return Math.round(shown - connected);
  }, people.find((person) => person.color !== null)?.name ?? "");
  const deadline = Date.now() + PATIENCE;
  let seen = {};
  let met = false;
  while (!met && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    seen = await page.evaluate(look);
    for (const person of people) {
      const report = seen[person.name];
      if (report) report.wrong = wrong(person, report);
    }
    met = people.every((person) => seen[person.name]?.wrong === null);
  }
  for (const report of Object.values(seen)) delete report.levels;
  say({ step: "seen", met, first, seen });
  const left = new Set(people.map((person) => person.name));
  while (met && left.size > 0 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const names = await page.evaluate(() => [...document.querySelectorAll(".tile:not(.own)")].map((tile) => tile.dataset.name));
    for (const name of [...left].filter((name) => !names.includes(name))) {
      left.delete(name);
      say({ step: "gone", name });
    }
  }
} finally {
  await browser.close();
}
