// Lets two people call each other, each in a headless Chromium with a made-up camera and microphone, while the one is told nonsense of the other,
// and prints, as a line of JSON, what their pages say in the end (`said`), how often both came in (`joins`) within how long (`ms`), and after how
// many milliseconds they had found each other again by themselves (`back`):
//
//   node broken-call.js URL

import { DEVICES, launch } from "./chromium.js";

const [url] = process.argv.slice(2);
const PATIENCE = { timeout: 60_000 };
const browser = await launch(DEVICES);
const errors = [];

/** What becomes of a message of the server to the second of them while something is wrong: no browser takes that. */
const spoil = (message) => (message.type === "description" ? { ...message, description: { ...message.description, sdp: "nonsense" } } : message);
let wrong = false;
let joins = 0;

async function come(name) {
  const page = await (await browser.newContext()).newPage();
  page.on("pageerror", (error) => errors.push(`${name}: ${error}`));
  await page.routeWebSocket(/\/ws\//, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((text) => {
      joins += JSON.parse(text).type === "join";
      server.send(text);
    });
    server.onMessage((text) => {
      const message = JSON.parse(text);
      socket.send(JSON.stringify(wrong && name === "bob" ? spoil(message) : message));
    });
  });
  await page.goto(`${url}?autojoin=1&name=${name}`);
  return page;
}

const decoded = async () => {
  for (const stats of (await window.meeting?.peer?.getStats())?.values() ?? []) if (stats.type === "inbound-rtp" && stats.kind === "video") return stats.framesDecoded > 10;
  return false;
};
const well = async (pages) => {
  for (const page of pages) {
    await page.waitForFunction(() => document.body.dataset.state === "connected" && document.getElementById("notice").hidden, null, PATIENCE);
    await page.waitForFunction(decoded, null, { ...PATIENCE, polling: 100 });
  }
};

try {
  const pages = [await come("ann"), await come("bob")];
  await well(pages);
  [wrong, joins] = [true, 0];
  const began = Date.now();
  // Who comes in again meets the other anew.
  await pages[1].evaluate(() => window.meeting.comeAgain());
  await pages[1].waitForFunction(() => document.getElementById("notice").textContent.includes("understand"), null, PATIENCE);
  // They go on trying, and not all the time.
  await pages[1].waitForTimeout(15_000);
  const said = await Promise.all(pages.map((page) => page.locator("#notice").textContent()));
  const ms = Date.now() - began;
  const tries = joins;
  wrong = false;
  await well(pages);
  console.log(JSON.stringify({ said, joins: tries, ms, back: Date.now() - began - ms, errors }));
} finally {
  await browser.close();
}
