// Has headless Chromium play a stream by WHEP and prints, as a line of JSON, what it decoded:
//
//   node whep.js URL KEYFRAMES
//
// `decoded`, `keyframes`: pictures and those of them that are keyframes, as soon as there are KEYFRAMES of these; `lost`: how often it asked for
// one; `color`: of the middle of the picture. Fails after a minute.

import { launch } from "./chromium.js";

const [url, keyframes] = process.argv.slice(2);
const browser = await launch();
try {
  const page = await browser.newPage();
  await page.goto(new URL("/", url).href);
  const seen = await page.evaluate(
    async ({ url, wanted }) => {
      const peer = new RTCPeerConnection();
      const video = Object.assign(document.createElement("video"), { muted: true, autoplay: true });
      document.body.append(video);
      const { receiver } = peer.addTransceiver("video", { direction: "recvonly" });
      peer.ontrack = ({ track }) => {
        video.srcObject = new MediaStream([track]);
        video.play();
      };
      await peer.setLocalDescription();
      const answer = await fetch(url, { method: "POST", headers: { "Content-Type": "application/sdp" }, body: peer.localDescription.sdp });
      if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
      await peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });
      const deadline = Date.now() + 60_000;
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        const stats = [...(await receiver.getStats()).values()].find((stats) => stats.type === "inbound-rtp");
        if (stats?.keyFramesDecoded >= wanted) {
          const canvas = Object.assign(document.createElement("canvas"), { width: 32, height: 18 });
          const context = canvas.getContext("2d");
          context.drawImage(video, 0, 0, 32, 18);
          const color = [...context.getImageData(16, 9, 1, 1).data].slice(0, 3);
          return { decoded: stats.framesDecoded, keyframes: stats.keyFramesDecoded, lost: stats.pliCount, color };
        }
        if (Date.now() > deadline) throw new Error(`too few keyframes: ${JSON.stringify(stats)}`);
      }
    },
    { url, wanted: Number(keyframes) },
  );
  console.log(JSON.stringify(seen));
} finally {
  await browser.close();
}
