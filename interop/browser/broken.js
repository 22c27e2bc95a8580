// Has somebody, in a headless Chromium with a made-up camera and microphone, in a room of the SFU whose signalling goes wrong in one way after
// the other, and prints, as lines of JSON, what the page says meanwhile, how often it tried (`offers`), and whether it came back by itself:
//
//   node broken.js URL
//
// At last it looks at the page of statistics while there is no server, and while it does not answer.

import { DEVICES, launch } from "./chromium.js";

const [url] = process.argv.slice(2);
const PATIENCE = { timeout: 30_000 };

const browser = await launch(DEVICES);
const page = await browser.newPage();
const errors = [];
page.on("pageerror", (error) => errors.push(String(error)));

const answer = (change) => (text) => {
  const message = JSON.parse(text);
  const changed = message.type === "answer" ? change(message) : message;
  return changed && JSON.stringify(changed);
};
/** What becomes of a message of the server, by the name of what is wrong. */
const FAULTS = {
  nonsense: answer(() => ({ type: "answer", sdp: "nonsense" })),
  refused: answer(() => ({ type: "refused", reason: "not today" })),
  unanswered: answer(() => null),
  silent: () => null,
};
let fault = null;
let offers = 0;
await page.routeWebSocket(/\/ws\//, (socket) => {
  const server = socket.connectToServer();
  socket.onMessage((text) => {
    offers += JSON.parse(text).type === "offer";
    server.send(text);
  });
  server.onMessage((text) => {
    const changed = fault ? fault(text) : text;
    if (changed) socket.send(changed);
  });
});

const words = (text) => page.waitForFunction((text) => document.getElementById("notice").textContent.includes(text), text, PATIENCE);
const well = () => page.waitForFunction(() => document.body.dataset.state === "connected" && document.getElementById("notice").hidden, null, PATIENCE);

async function breaks(name, text, { during = false } = {}) {
  if (during) await well();
  [fault, offers] = [FAULTS[name], 0];
  const began = Date.now();
  if (during && name !== "silent") await page.evaluate(() => window.meeting.negotiate());
  else if (!during) await page.goto(`${url}?autojoin=1&name=ann`);
  if (name === "unanswered" || name === "silent") {
    // Those are timers; nobody here waits for them.
    while (!during && offers === 0) await page.waitForTimeout(50);
    for (let jump = 0; jump < 5; jump++) {
      await page.waitForTimeout(50);
      await page.clock.fastForward(4000);
    }
  }
  await words(text);
  await page.waitForTimeout(1000);
  const ms = Date.now() - began;
  const tries = offers;
  const said = await page.locator("#notice").textContent();
  fault = null;
  await well();
  console.log(JSON.stringify({ fault: name, during, said, offers: tries, ms, back: true, errors }));
}

try {
  await page.clock.install();
  await breaks("nonsense", "understand");
  await breaks("refused", "not today", { during: true });
  await breaks("unanswered", "does not answer", { during: true });
  await breaks("silent", "connecting", { during: true });

  await page.goto(new URL("/stats", url).href);
  for (const [fault, server] of [["no server", (route) => route.abort()], ["a server that hangs", () => {}]]) {
    await page.route("**/api/rooms", server);
    await page.clock.fastForward(2000);
    // The browser's own time: the page waits five seconds for an answer.
    await page.locator("#gone").waitFor({ state: "visible" });
    await page.unroute("**/api/rooms");
    await page.clock.fastForward(2000);
    await page.locator("#gone").waitFor({ state: "hidden" });
    console.log(JSON.stringify({ fault, back: true, errors }));
  }
} finally {
  await browser.close();
}
