// Lets two people call each other, each in a headless Chromium with a made-up camera and microphone, and prints, as lines of JSON, what
// they see of each other and which way it goes:
//
//   node call.js URL [query=relay=1] [restart=1] [relay=1] [file=1] [leave=1]
//
// One line once both see each other; with `restart`, one once both have asked for a restart of ICE at the same time; with `relay`, one once both have been switched to the relay in the middle of the call; with `file`,
// one once a file has arrived at the other, after others that were refused or withdrawn, before they went and while they did; with `leave`, one
// once the one has left and the other's page is gone, with the milliseconds after which the relay keeps nothing for them any more.

import { DEVICES, collect, keepTo, launch } from "./chromium.js";

const PATIENCE = 80_000;
const [url, ...rest] = process.argv.slice(2);
const options = Object.fromEntries(rest.map((option) => [option.slice(0, option.indexOf("=")), option.slice(option.indexOf("=") + 1)]));
const errors = [];
const deadline = Date.now() + PATIENCE;

const browser = await launch(DEVICES);

async function come(name) {
  const page = await (await browser.newContext({ viewport: { width: 900, height: 600 } })).newPage();
  collect(page, errors, name);
  keepTo(url, page, errors);
  await page.goto(`${url}?autojoin=1&name=${name}${options.query ? `&${options.query}` : ""}`);
  return page;
}

/** What a page shows and lets hear of the other. */
async function look() {
  const fragment = /a=ice-ufrag:(\S+)/.exec(window.meeting?.peer?.currentLocalDescription?.sdp)?.[1];
  const seen = { fragment, state: document.body.dataset.state, path: document.body.dataset.path, decoded: 0, energy: 0, green: 0, other: document.getElementById("other").textContent };
  for (const stats of (await window.meeting?.peer?.getStats())?.values() ?? []) {
    if (stats.type !== "inbound-rtp") continue;
    if (stats.kind === "video") seen.decoded = stats.framesDecoded;
    else seen.energy = stats.totalAudioEnergy;
  }
  const video = document.getElementById("remote");
  if (video.readyState >= 2 && video.videoWidth > 2) {
    const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 36 });
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    for (let at = 0; at < pixels.length; at += 4) {
      const [red, green, blue] = pixels.slice(at, at + 3);
      if (green > 2 * red && green > 2 * blue) seen.green += 1;
    }
    // What the made-up camera shows is green nearly everywhere.
    seen.green /= pixels.length / 4;
  }
  return seen;
}

const say = (what) => console.log(JSON.stringify({ ...what, errors }));

/** Waits until both see and hear the other, and `fits` what they see. */
async function until(step, pages, fits = () => true) {
  let seen = [];
  const base = [];
  while (Date.now() < deadline) {
    seen = await Promise.all(pages.map((page) => page.evaluate(look)));
    seen.forEach((one, n) => (base[n] ??= one.decoded));
    if (seen.every((one, n) => one.decoded - base[n] >= 20 && one.energy > 0.0001 && one.green > 0.5 && one.path && fits(one))) return say({ step, met: true, seen });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  say({ step, met: false, seen });
  process.exit(0);
}

try {
  const pages = await Promise.all(["ann", "bob"].map(come));
  // The best of the ways that work is taken, where not at once, soon.
  await until("together", pages, (one) => options.query || !one.path.includes("relay"));

  if (options.restart) {
    const before = await Promise.all(pages.map(async (page) => (await page.evaluate(look)).fragment));
    await Promise.all(pages.map((page) => page.locator("#restart").click()));
    await until("restarted", pages, (one) => one.fragment && !before.includes(one.fragment));
  }

  if (options.relay) {
    // Nobody has left: the page is not to say so.
    const alone = () => {
      const notice = document.getElementById("notice");
      new MutationObserver(() => (window.alone ||= notice.textContent.includes("nobody"))).observe(notice, { childList: true });
    };
    for (const page of pages) await page.evaluate(alone);
    for (const page of pages) await page.locator("#relay").check();
    await until("relayed", pages, (one) => one.path === "relay/relay");
    for (const page of pages) if (await page.evaluate(() => window.alone)) errors.push("says that nobody is here");
  }

  if (options.file) {
    const [ann, bob] = pages;
    const states = () => Promise.all(pages.map((page) => page.locator("#files li").last().getAttribute("data-state")));
    const endings = [];
    for (const [size, accepts, ends, word] of [
      [10, false, bob, "Refuse"],
      [10, false, ann, "Withdraw"],
      [45_000_000, true, bob, "Refuse"],
      [45_000_000, true, ann, "Withdraw"],
    ]) {
      // Made in the page: a large one takes long to get there.
      await ann.locator("#file").evaluate((input, size) => {
        const chosen = new DataTransfer();
        chosen.items.add(new File([new Uint8Array(size)], "unwanted.bin"));
        input.files = chosen.files;
        input.dispatchEvent(new Event("change"));
      }, size);
      const at = endings.length;
      const row = (page) => page.locator("#files li").nth(at);
      if (accepts) {
        await row(bob).getByRole("button", { name: "Accept" }).click();
        await bob.waitForFunction((at) => document.querySelectorAll("#files progress")[at]?.value > 0, at);
      }
      await row(ends).getByRole("button", { name: word }).click();
      const over = (at) => !["waiting", "going", undefined].includes(document.querySelectorAll("#files li")[at]?.dataset.state);
      for (const page of pages) await page.waitForFunction(over, at);
      const [got, whole] = await row(bob).locator("progress").evaluate((bar) => [bar.value, bar.max]);
      endings.push({ states: await states(), part: got < whole, buttons: await row(bob).locator("button, a").count() });
    }
    say({ step: "unwanted", endings });
    const sent = Buffer.from(Array.from({ length: 3_000_001 }, (_, n) => (n * n) % 251));
    await ann.locator("#file").setInputFiles({ name: "numbers.bin", mimeType: "text/html", buffer: sent });
    await bob.getByRole("button", { name: "Accept" }).click();
    const [download] = await Promise.all([bob.waitForEvent("download"), bob.locator("#files li[data-state=here] a").click()]);
    const pieces = [];
    for await (const piece of await download.createReadStream()) pieces.push(piece);
    say({ step: "file", same: Buffer.concat(pieces).equals(sent), name: download.suggestedFilename() });
  }

  if (options.leave) {
    const kept = async () => Number(/^p2p_turn_allocations (\d+)$/m.exec(await (await fetch(new URL("/metrics", url))).text())[1]);
    const before = await kept();
    const [ann, bob] = pages;
    await ann.locator("#leave").click();
    await bob.goto("about:blank");
    const began = Date.now();
    while ((await kept()) > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
    say({ step: "left", before, kept: await kept(), ms: Date.now() - began });
  }
} finally {
  await browser.close();
}
