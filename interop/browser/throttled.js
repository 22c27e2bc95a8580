// Two viewers of one publisher in a room of the SFU, one of them behind a network that is throttled to 300 kbit/s for a while; prints one
// line of JSON:
//
//   node throttled.js PORT HOST NAMESPACE DEVICE
//
// `high`, `low`: heights of the slow one's picture before and while; `down`, `up`: milliseconds until it changed; `freeze`: the longest time
// without a new picture while it was throttled, in milliseconds; `idle`: the same of the other viewer, which is the machine's; `others`: what that
// one got before, and each time that it became something else, with the bandwidth that the server assumes and what the publisher sends of each
// size and why it is no more; `story`: what the slow one saw, after how many milliseconds.

import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEVICES, launch } from "./chromium.js";

const [port, host, namespace, device] = process.argv.slice(2);
const PATIENCE = 60_000;
const folder = mkdtempSync(join(tmpdir(), "throttled-"));
const inside = join(folder, "chromium");
writeFileSync(inside, `#!/bin/sh\nexec ip netns exec ${namespace} ${process.env.CHROMIUM} "$@"\n`);
chmodSync(inside, 0o755);
const browsers = [];

async function come(name, executable, host, query) {
  const browser = await launch(DEVICES, executable);
  browsers.push(browser);
  const page = await browser.newPage({ viewport: { width: 1300, height: 900 } });
  await page.goto(`http://${host}:${port}/room/slow?autojoin=1&name=${name}&${query}`);
  return page;
}

/** The height of the picture that comes, and the longest time without a new one since the last look. */
const look = (page) =>
  page.evaluate(() => {
    const video = document.querySelector(".tile[data-source=camera]:not(.own) video");
    if (!video) return { height: 0, gap: 0 };
    if (!video.watched) {
      video.watched = true;
      video.last = performance.now();
      video.gap = 0;
      const frame = () => {
        video.gap = Math.max(video.gap, performance.now() - video.last);
        video.last = performance.now();
        video.requestVideoFrameCallback(frame);
      };
      video.requestVideoFrameCallback(frame);
    }
    const gap = Math.max(video.gap, performance.now() - video.last);
    video.gap = 0;
    const layer = window.meeting.sections.find((section) => section.source === "camera")?.layer;
    return { height: video.videoHeight, gap, layer, estimate: window.meeting.bandwidth };
  });

/** What the publisher sends of each size, and why it is no more. */
const sends = (page) =>
  page.evaluate(async () => {
    const sent = {};
    for (const stats of (await window.meeting.peer.getStats()).values()) {
      if (stats.type !== "outbound-rtp" || stats.kind !== "video") continue;
      sent[stats.rid] = [stats.frameHeight, stats.framesPerSecond, stats.targetBitrate, stats.qualityLimitationReason];
    }
    return sent;
  });

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function until(what) {
  const began = Date.now();
  while (!(await what())) {
    if (Date.now() - began > PATIENCE) return null;
    await sleep(50);
  }
  return Date.now() - began;
}

try {
  const ann = await come("ann", process.env.CHROMIUM, "127.0.0.1", "video=960x540");
  const fast = await come("bob", process.env.CHROMIUM, "127.0.0.1", "video=0&audio=0");
  const slow = await come("cid", inside, host, "video=0&audio=0");
  const result = {};
  for (const page of [fast, slow]) await until(async () => (await look(page)).height >= 540);
  // The estimate settles.
  await sleep(5000);
  result.high = (await look(slow)).height;
  result.others = [];

  execFileSync("tc", ["qdisc", "add", "dev", device, "root", "tbf", "rate", "300kbit", "burst", "10kb", "latency", "300ms"]);
  await look(slow);
  await look(fast);
  Object.assign(result, { freeze: 0, idle: 0, story: [] });
  const throttled = Date.now();
  const note = async () => {
    const [seen, other] = [await look(slow), await look(fast)];
    const last = result.story.at(-1);
    if (seen.height !== last?.height || seen.gap > 300) {
      result.story.push({ at: Date.now() - throttled, height: seen.height, gap: Math.round(seen.gap) });
    }
    result.low = seen.height;
    result.idle = Math.round(Math.max(result.idle, other.gap));
    result.freeze = Math.round(Math.max(result.freeze, seen.gap));
    if (other.layer !== result.others.at(-1)?.layer || other.height !== result.others.at(-1).height) {
      const { layer, height, estimate } = other;
      result.others.push({ at: Date.now() - throttled, layer, height, estimate, sends: await sends(ann) });
    }
    return seen.height;
  };
  result.down = await until(async () => (await note()) <= 135);
  const began = Date.now();
  await until(async () => {
    await note();
    return Date.now() - began > 10_000;
  });

  execFileSync("tc", ["qdisc", "del", "dev", device, "root"]);
  result.up = await until(async () => (await look(slow)).height === result.high);
  console.log(JSON.stringify(result));
} finally {
  await Promise.all(browsers.map((browser) => browser.close()));
  rmSync(folder, { recursive: true });
}
