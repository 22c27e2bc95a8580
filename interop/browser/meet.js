// Lets people meet in a room of the SFU, each in a headless Chromium of their own with a made-up camera and microphone, and prints, as
// lines of JSON, what they see and hear:
//
//   node meet.js URL NAME[,NAME ...] [other=URL] [again=1] [late=NAME] [kill=NAME] [resize=NAME] [stay=1] [scale=1] [query=codec=h264] [tcp=1]
//
// One line once everybody there from the start sees and hears everybody else; one when `late` sees them, with the milliseconds from
// opening the page to the first picture; one when `kill`, whose browser is killed, is gone for the others, with the milliseconds that
// took. With `other` the last one joins there, at another node of the cluster, and one line comes once everybody meets again there after the
// first node has gone; with `again`, once everybody meets again by other connections, whatever became of the first ones. With `resize` that one only looks on, their window becomes large, small and large again, and a
// line each tells the size of the pictures as soon as it is one that fits. With `stay` they stay until the server ends, and with `scale` halve and double their pictures meanwhile. With `tcp` they do not hear
// of candidates of UDP, as if a network let none through.

import { DEVICES, collect, keepTo, launchServer } from "./chromium.js";

const PATIENCE = 80_000;
const PERIOD = 100;
const [url, list, ...rest] = process.argv.slice(2);
const options = Object.fromEntries(rest.map((option) => [option.slice(0, option.indexOf("=")), option.slice(option.indexOf("=") + 1)]));
const people = new Map();
const errors = [];
const deadline = Date.now() + PATIENCE;

async function come(name, url = process.argv[2]) {
  const { server, browser } = await launchServer(DEVICES);
  const page = await browser.newPage({ viewport: { width: 1000, height: 700 } });
  collect(page, errors, name);
  keepTo(url, page, errors);
  if (options.tcp) {
    await page.addInitScript(() => {
      const { setRemoteDescription } = RTCPeerConnection.prototype;
      RTCPeerConnection.prototype.setRemoteDescription = function (description) {
        const sdp = description.sdp.replace(/a=candidate:\S+ \d+ udp .*\r\n/gi, "");
        return setRemoteDescription.call(this, { type: description.type, sdp });
      };
    });
  }
  const person = { name, server, browser, page, opened: Date.now(), pictures: new Map() };
  people.set(name, person);
  const query = name === options.resize ? "video=0&audio=0" : options.query;
  await page.goto(`${url}?autojoin=1&name=${name}${query ? `&${query}` : ""}`);
  return person;
}

/** What a page shows and lets hear of the others. */
async function look() {
  const seen = { others: {}, sounds: 0, people: window.meeting?.people.size, socket: window.meeting?.socket?.url };
  for (const tile of document.querySelectorAll(".tile[data-source=camera]:not(.own)")) {
    const video = tile.querySelector("video");
    const { peer } = tile.tile;
    const told = window.meeting.sections.find((section) => section.peer === peer && section.source === "camera");
    const report = { width: video.videoWidth, height: video.videoHeight, decoded: 0, picture: null, green: 0 };
    report.layer = told?.layer ?? null;
    report.facts = tile.querySelector(".facts").textContent;
    if (tile.tile.receiver) {
      const all = await tile.tile.receiver.getStats();
      for (const stats of all.values()) {
        if (stats.type !== "inbound-rtp") continue;
        report.decoded = stats.framesDecoded;
        report.codec = stats.codecId;
        report.mime = all.get(stats.codecId)?.mimeType;
        report.freezes = stats.totalFreezesDuration;
        report.inbound = Object.fromEntries(
          ["framesReceived", "keyFramesDecoded", "framesDropped", "packetsReceived", "packetsLost", "pliCount", "nackCount", "jitterBufferDelay"].map((key) => [key, stats[key]]),
        );
      }
    }
    if (video.readyState >= 2 && video.videoWidth > 2) {
      const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 36 });
      const context = canvas.getContext("2d");
      context.drawImage(video, 0, 0, canvas.width, canvas.height);
      const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
      report.picture = 0;
      for (let at = 0; at < pixels.length; at += 4) {
        const [red, green, blue] = pixels.slice(at, at + 3);
        report.picture = (Math.imul(report.picture, 31) + red * 3 + green * 5 + blue) | 0;
        if (green > 2 * red && green > 2 * blue) report.green += 1;
      }
      // What the made-up camera shows is green nearly everywhere.
      report.green /= pixels.length / 4;
    }
    seen.others[tile.dataset.name] = report;
  }
  seen.sends = [];
  seen.estimate = window.meeting?.bandwidth;
  for (const stats of (await window.meeting?.peer?.getStats())?.values() ?? []) {
    if (stats.type === "candidate-pair" && stats.nominated) seen.outgoing = stats.availableOutgoingBitrate;
    if (stats.type === "local-candidate") (seen.protocols ??= {})[stats.id] = stats.protocol;
    if (stats.type === "transport") seen.pair = stats.selectedCandidatePairId;
    if (stats.type === "candidate-pair") (seen.pairs ??= {})[stats.id] = stats.localCandidateId;
    if (stats.type !== "outbound-rtp" || stats.kind !== "video") continue;
    seen.sends.push(
      Object.fromEntries(
        ["rid", "framesEncoded", "framesSent", "keyFramesEncoded", "framesPerSecond", "targetBitrate", "qualityLimitationReason", "pliCount", "nackCount", "frameHeight"].map((key) => [key, stats[key]]),
      ),
    );
  }
  seen.protocol = seen.protocols?.[seen.pairs?.[seen.pair]];
  for (const key of ["protocols", "pairs", "pair"]) delete seen[key];
  for (const section of window.meeting?.carried() ?? []) {
    if (section.receiver.track.kind !== "audio") continue;
    for (const stats of (await section.receiver.getStats()).values()) {
      if (stats.type === "inbound-rtp" && stats.totalAudioEnergy > 0.0001) seen.sounds += 1;
    }
  }
  return seen;
}

async function observe(person) {
  const seen = await person.page.evaluate(look);
  for (const [name, other] of Object.entries(seen.others)) {
    if (!person.pictures.has(name)) person.pictures.set(name, new Set());
    if (other.picture !== null) person.pictures.get(name).add(other.picture);
    other.pictures = person.pictures.get(name).size;
    delete other.picture;
  }
  return seen;
}

const sleep = () => new Promise((resolve) => setTimeout(resolve, PERIOD));
/** Whether a tile shows what the server says that it gets, and that something comes. */
const tells = ({ facts, layer }) => /\b[1-9]\d* kbit/.test(facts) && (layer === null || facts.includes(` · ${layer} · `));
const meets = (seen, others, sounds) =>
  others.every((name) => seen.others[name]?.pictures >= 5 && seen.others[name].decoded >= 10 && seen.others[name].green > 0.5 && tells(seen.others[name])) &&
  seen.sounds >= sounds;

/** Waits until everybody of `names` sees and hears all of `others` but themselves. */
async function meet(names, others) {
  const result = {};
  while (Date.now() < deadline) {
    let all = true;
    for (const name of names) {
      const rest = others.filter((other) => other !== name);
      result[name] = await observe(people.get(name));
      all &&= meets(result[name], rest, rest.length);
    }
    if (all) return { met: true, seen: result };
    await sleep();
  }
  return { met: false, seen: result };
}

const say = (what) => console.log(JSON.stringify({ ...what, errors }));

try {
  const names = list.split(",");
  for (const name of names) await come(name, name === names.at(-1) ? options.other : undefined);
  if (!options.resize) {
    const together = await meet(names, names);
    for (const { page } of people.values()) await page.evaluate(() => (window.before = window.meeting.socket));
    say({ step: "together", ...together });
  }

  if (options.again) {
    const pages = [...people.values()].map(({ page }) => page);
    const is_new = () => window.meeting.id !== null && window.meeting.socket !== window.before;
    for (const page of pages) await page.waitForFunction(is_new, null, { timeout: PATIENCE, polling: PERIOD });
    for (const person of people.values()) person.pictures.clear();
    const again = await meet(names, names);
    // That the server did not answer is no error of the page.
    errors.length = 0;
    say({ step: "again", ...again });
  }

  if (options.other) {
    const lives = () => fetch(new URL("/healthz", url)).then(() => true, () => false);
    while ((await lives()) && Date.now() < deadline) await sleep();
    for (const person of people.values()) person.pictures.clear();
    const { host } = new URL(options.other);
    let again = { met: false };
    while (Date.now() < deadline) {
      again = await meet(names, names);
      // Who was at the first node is at the other one, and nobody is there twice.
      const all = Object.values(again.seen);
      if (all.every((seen) => seen.people === names.length - 1 && new URL(seen.socket).host === host)) break;
      again.met = false;
      await sleep();
    }
    // That the first node did not answer is no error of the page.
    errors.length = 0;
    say({ step: "again", ...again });
  }

  if (options.resize) {
    const { page } = people.get(options.resize);
    const [other] = names.filter((name) => name !== options.resize);
    let decoded = 0;
    for (const [step, width, height] of [["large", 1000, 700], ["small", 320, 240], ["large again", 1000, 700]]) {
      await page.setViewportSize({ width, height });
      let seen;
      // Some pictures of the size that is wanted, one after the other.
      for (let fits = 0; fits < 3 && Date.now() < deadline; await sleep()) {
        seen = (await page.evaluate(look)).others[other];
        if (!seen) continue;
        const is_large = seen.height >= 360;
        const fresh = seen.decoded > decoded;
        decoded = seen.decoded;
        if (is_large !== step.startsWith("large")) fits = 0;
        else if (fresh) fits += 1;
      }
      say({ step, ...seen });
    }
  }

  if (options.late) {
    const person = await come(options.late);
    const joined = Date.now();
    let first = null;
    while (first === null && Date.now() < deadline) {
      const seen = await person.page.evaluate(() =>
        [...document.querySelectorAll(".tile[data-source=camera]:not(.own) video")].map((video) => video.readyState >= 2 && video.videoWidth > 2),
      );
      if (seen.length === names.length && seen.every(Boolean)) first = Date.now() - joined;
      else await new Promise((resolve) => setTimeout(resolve, 20));
    }
    say({ step: "late", first });
    names.push(options.late);
    say({ step: "all", ...(await meet(names, names)) });
  }

  if (options.kill) {
    people.get(options.kill).server.process().kill("SIGKILL");
    const killed = Date.now();
    const others = names.filter((name) => name !== options.kill);
    let gone = null;
    while (gone === null && Date.now() < deadline) {
      const seen = await Promise.all(others.map((name) => people.get(name).page.evaluate(look)));
      if (seen.every((what) => !(options.kill in what.others))) gone = Date.now() - killed;
      else await sleep();
    }
    say({ step: "gone", gone });
    people.delete(options.kill);
  }

  // Until the server has gone.
  if (options.stay) {
    const lives = () => fetch(new URL("/healthz", url)).then(() => true, () => false);
    const scale = async (by) => {
      const { sender } = window.meeting.peer.getTransceivers().find(({ source }) => source === "camera");
      const parameters = sender.getParameters();
      for (const encoding of parameters.encodings) encoding.scaleResolutionDownBy = by;
      await sender.setParameters(parameters);
    };
    for (let turn = 0; (await lives()) && Date.now() < deadline; turn++) {
      // Twenty are more than a second.
      if (options.scale && turn % 20 === 0) for (const { page } of people.values()) await page.evaluate(scale, 1 + ((turn / 20) % 2));
      await sleep();
    }
  }
} finally {
  await Promise.all([...people.values()].map((person) => person.server.close()));
}
