// The browser that all scripts here look through: headless Chromium of $CHROMIUM.

import { chromium } from "playwright-core";

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Nobody looks at any of its pages: they are not to be slower for it.
  "--disable-background-timer-throttling",
  "--disable-renderer-backgrounding",
  "--disable-backgrounding-occluded-windows",
  "--autoplay-policy=no-user-gesture-required",
];
/** A made-up camera and microphone, which nobody has to allow. */
export const DEVICES = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];

const options = (more, executablePath) => ({ executablePath, args: [...ARGUMENTS, ...more] });

/** One of its own for a script. */
export const launch = (more = [], executable = process.env.CHROMIUM) => chromium.launch(options(more, executable));

/** One that can be killed, and the way into it. */
export async function launchServer(more = []) {
  const server = await chromium.launchServer(options(more, process.env.CHROMIUM));
  return { server, browser: await chromium.connect(server.wsEndpoint()) };
}

/** Collects what goes wrong on a page in `errors`, after the name of whose page it is. */
export function collect(page, errors, name = "") {
  const add = (what) => errors.push(name ? `${name}: ${what}` : `${what}`);
  page.on("console", (message) => message.type() === "error" && add(message.text()));
  page.on("pageerror", add);
  page.on("response", (response) => response.status() >= 400 && add(`${response.status()} ${response.url()}`));
}

/** Has `errors` tell what a page loads from elsewhere than `url`. */
export function keepTo(url, page, errors) {
  page.on("request", (request) => {
    const from = new URL(request.url());
    if (from.protocol !== "blob:" && from.host !== new URL(url).host) errors.push(`loads ${request.url()}`);
  });
}
