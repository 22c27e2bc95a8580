// Plays a file in headless Chromium, four times as fast, to its end; prints one line of JSON:
//
//   node film.js FILE
//
// `end`: "ended", or what went wrong; `at`, `duration`: in seconds; `pictures`: how many were decoded; `sizes`: width and height, one after the other.

import { pathToFileURL } from "node:url";
import { launch } from "./chromium.js";

const PATIENCE = 60_000;
const browser = await launch();
try {
  const page = await browser.newPage();
  // A page of its own for a file.
  await page.goto(pathToFileURL(process.argv[2]).href);
  const seen = await page.evaluate(async (patience) => {
    const video = document.querySelector("video");
    const sizes = [];
    const look = () => sizes.push([video.videoWidth, video.videoHeight]);
    video.onresize = look;
    const end = new Promise((resolve) => {
      video.onended = () => resolve("ended");
      video.onerror = () => resolve(video.error.message);
      setTimeout(() => resolve("it stands still"), patience);
    });
    video.muted = true;
    video.src = location.href;
    video.playbackRate = 4;
    await video.play().catch(() => {});
    if (sizes.length === 0) look();
    return { end: await end, at: video.currentTime, duration: video.duration, pictures: video.getVideoPlaybackQuality().totalVideoFrames, sizes };
  }, PATIENCE);
  console.log(JSON.stringify(seen));
} finally {
  await browser.close();
}
