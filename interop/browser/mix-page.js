// Works the page of a room of the MCU as a person does:
//
//   node mix-page.js URL
//
// A line of JSON for each step: what was waited for came, or not.

import { launch } from "./chromium.js";
import { look, near } from "./mix-eyes.js";

const PATIENCE = 60_000;
const [url] = process.argv.slice(2);
const errors = [];
const api = url.replace("/room/", "/api/rooms/");
const browser = await launch();

const RED = [255, 0, 0];
const BLUE = [0, 0, 255];
const BLACK = [0, 0, 0];


/** Waits until something is so, and tells. */
async function until(step, check) {
  const deadline = Date.now() + PATIENCE;
  let seen = {};
  do {
    await new Promise((resolve) => setTimeout(resolve, 100));
    seen = await check();
  } while (!seen.met && Date.now() < deadline);
  console.log(JSON.stringify({ step, met: false, ...seen, errors }));
  return seen.met;
}

const room = async () => (await fetch(api)).json();

async function sees(page, wanted, heard = null, tone = 900) {
  const seen = await page.evaluate(look, { places: wanted.map(([x, y]) => [x, y]), tone });
  const met = wanted.every(([, , color], index) => near(seen.colors[index], color)) && (heard === null || seen.level > -60 === heard);
  return { met, seen, wanted };
}

async function join(name, color, tone) {
  const page = await (await browser.newContext({ viewport: { width: 1200, height: 800 } })).newPage();
  page.on("pageerror", (error) => errors.push(`${name}: ${error}`));
  await page.goto(`${url}?autojoin=1&name=${name}&color=${color}&tone=${tone}`);
  await page.waitForFunction(() => window.mcu?.person > 0, null, { timeout: PATIENCE });
  return page;
}

async function play() {
  const ann = await join("ann", "ff0000", 500);
  const bob = await join("bob", "0000ff", 900);
  if (!(await until("together", () => sees(ann, [[250, 500, RED], [750, 500, BLUE]], true)))) return;
  await ann.waitForFunction(() => document.querySelectorAll("#people li").length === 2, null, { timeout: PATIENCE });
  // The editor begins with a grid of 2 by 2; the second region is dragged from above to below, by its middle.
  await ann.selectOption("#layout", "custom");
  const box = await ann.locator("#editor div").nth(1).boundingBox();
  const middle = [box.x + box.width / 2, box.y + box.height / 2];
  await ann.mouse.move(...middle);
  await ann.mouse.down();
  await ann.mouse.move(middle[0], middle[1] + box.height / 2, { steps: 4 });
  await ann.mouse.move(middle[0], middle[1] + 2 * box.height, { steps: 4 });
  await ann.mouse.up();
  const dragged = async () => {
    const now = await room();
    const region = now.layout.regions?.[1];
    const there = region?.name === "bob" && region.x === 500 && region.y === 500;
    const all = [[250, 250, RED], [750, 750, BLUE], [750, 250, BLACK]];
    const both = [await sees(ann, all), await sees(bob, all)];
    return { met: there && both.every((one) => one.met), layout: now.layout, both };
  };
  if (!(await until("dragged", dragged))) return;
  // One layout for one alone: the other goes on as it is.
  await ann.check("#mine");
  await ann.selectOption("#layout", "presenter");
  const alone = async () => {
    const [one, other] = [await sees(ann, [[300, 500, RED], [900, 500, BLUE]]), await sees(bob, [[250, 250, RED], [750, 750, BLUE]])];
    return { met: one.met && other.met, one, other };
  };
  if (!(await until("alone", alone))) return;
  await ann.uncheck("#mine");
  await ann.locator("#people li", { hasText: "bob" }).locator("input").fill("0");
  if (!(await until("silent", () => sees(ann, [[250, 250, RED], [750, 750, BLUE]], false)))) return;
  await ann.locator("#people li", { hasText: "bob" }).locator("input").fill("1");
  if (!(await until("heard", () => sees(ann, [], true)))) return;
  const before = (await room()).recording;
  await ann.click("#record");
  const recorded = async () => {
    const { recording } = await room();
    return { met: recording !== before, recording };
  };
  if (!(await until("record", recorded))) return;
  // Nobody listens there: it says so, and is tried again until it is ended.
  await ann.fill("#target", "rtmp://127.0.0.1:9/live/key");
  await ann.click("#push button");
  await ann.locator("#pushes li", { hasText: "rtmp://127.0.0.1:9/live" }).waitFor({ timeout: PATIENCE });
  await ann.locator("#pushes button").click();
  if (!(await until("pushed", async () => ({ met: (await room()).pushes.length === 0 })))) return;
  // Who is muted by somebody else sees it at the own button, and may take it back there.
  await ann.locator("#people li", { hasText: "bob" }).getByText("Mute").click();
  const button = () => bob.getAttribute("#microphone", "aria-pressed");
  if (!(await until("told", async () => ({ met: (await button()) === "false" })))) return;
  await bob.click("#microphone");
  const speaks = async () => {
    const { people } = await room();
    return { met: people.every((person) => !person.muted) && (await button()) === "true", people };
  };
  if (!(await until("taken back", speaks))) return;
  // Who leaves lets go of camera and microphone.
  const leaves = () => {
    const { tracks } = window.mcu;
    document.getElementById("leave").click();
    return tracks.map((track) => track.readyState);
  };
  const states = await bob.evaluate(leaves);
  await until("left", async () => ({ met: states.length === 2 && states.every((state) => state === "ended") && (await room()).people.length === 1, states }));
}

try {
  await play();
} finally {
  await browser.close();
}
