// How long a picture takes from a browser through the MCU and back, and how far sound and pictures of the mix are apart:
//
//   node mix-delay.js URL [SECONDS]
//
// Two pages are in the room. The first shows and sounds a flash every second; both see the mix, and the second hears it. A line of JSON: the
// milliseconds from the flash to its picture in the mix, at the first, and from the picture to its sound, at the second (negative: the sound
// comes first).

import { launch } from "./chromium.js";

const [url, seconds = "15"] = process.argv.slice(2);
const browser = await launch();
const middle = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? null;

/** Notes when the mix gets bright, and when it sounds. */
function watch() {
  window.seen = [];
  window.heard = [];
  const video = document.getElementById("mix");
  const canvas = Object.assign(document.createElement("canvas"), { width: 8, height: 8 });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let bright = false;
  const look = () => {
    if (video.videoWidth > 2) {
      context.drawImage(video, 0, 0, 8, 8);
      // The first of two in a grid is on the left, in the middle of the height.
      const now = context.getImageData(1, 3, 1, 1).data[0] > 128;
      if (now && !bright) window.seen.push(performance.timeOrigin + performance.now());
      bright = now;
    }
    requestAnimationFrame(look);
  };
  look();
  const sound = new AudioContext({ sampleRate: 48000 });
  const analyser = new AnalyserNode(sound, { fftSize: 256, smoothingTimeConstant: 0 });
  sound.createMediaStreamSource(window.mcu.stream).connect(analyser);
  const samples = new Float32Array(256);
  let loud = false;
  setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const now = samples.some((sample) => Math.abs(sample) > 0.05);
    if (now && !loud) window.heard.push(performance.timeOrigin + performance.now());
    loud = now;
  }, 3);
}

try {
  const pages = [];
  for (const name of ["flash", "eye"]) {
    const page = await (await browser.newContext({ viewport: { width: 900, height: 600 } })).newPage();
    await page.goto(`${url}?autojoin=1&name=${name}&color=000000&tone=1000${name === "flash" ? "&flash=1" : "&quiet=1"}`);
    await page.waitForFunction(() => window.mcu?.person > 0 && document.getElementById("mix").videoWidth > 2, null, { timeout: 60_000 });
    pages.push(page);
  }
  for (const page of pages) await page.evaluate(watch);
  await new Promise((resolve) => setTimeout(resolve, 1000 * Number(seconds)));
  const [first, second] = await Promise.all(pages.map((page) => page.evaluate(() => ({ shown: window.mcu.flashes, seen: window.seen, heard: window.heard }))));
  const delays = first.seen.map((at) => at - Math.max(...first.shown.filter((shown) => shown <= at))).filter((delay) => delay < 900);
  const near = (at) => second.heard.map((heard) => heard - at).sort((a, b) => Math.abs(a) - Math.abs(b))[0];
  const offsets = second.seen.map(near).filter((offset) => Math.abs(offset) < 450);
  console.log(JSON.stringify({ flashes: delays.length, delay: middle(delays), offset: middle(offsets), delays: delays.map(Math.round), offsets: offsets.map(Math.round) }));
} finally {
  await browser.close();
}
