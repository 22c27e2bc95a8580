// Watches a page play its <video> in headless Chromium and prints, as one line of JSON, what was seen:
//
//   node watch.js URL SECONDS [SCREENSHOT.png]
//
// Ends as soon as the video has played for SECONDS (jumps not counted), or after a minute and a half.

import { collect, launch } from "./chromium.js";

const PATIENCE = 90_000;
const PERIOD = 200;
const [url, seconds, screenshot] = process.argv.slice(2);

const browser = await launch();
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const errors = [];
  collect(page, errors);
  await page.goto(url);

  const seen = { played: 0, pictures: 0, width: 0, height: 0, source: "", errors, notice: "" };
  const pictures = new Set();
  let last = null;
  const deadline = Date.now() + PATIENCE;
  while (Date.now() < deadline && (seen.played < Number(seconds) || pictures.size < 5)) {
    const now = await page.evaluate(look);
    if (now.time > 0 && last !== null) {
      // A seek to the live edge is no playing.
      const step = now.time - last;
      if (step > 0 && step < 2) seen.played += step;
    }
    last = now.time;
    if (now.picture !== null) pictures.add(now.picture);
    Object.assign(seen, { width: now.width, height: now.height, source: now.source, notice: now.notice });
    await page.waitForTimeout(PERIOD);
  }
  seen.pictures = pictures.size;
  if (screenshot) await page.screenshot({ path: screenshot });
  console.log(JSON.stringify(seen));
} finally {
  await browser.close();
}

/** What the page shows just now; a picture is known by a hash of its pixels. */
function look() {
  const video = document.querySelector("video");
  let picture = null;
  if (video.readyState >= 2) {
    const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 36 });
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    picture = 0;
    for (const byte of context.getImageData(0, 0, canvas.width, canvas.height).data) {
      picture = (Math.imul(picture, 31) + byte) | 0;
    }
  }
  return {
    time: video.currentTime,
    width: video.videoWidth,
    height: video.videoHeight,
    source: video.currentSrc,
    picture,
    notice: document.getElementById("notice")?.innerText ?? "",
  };
}
