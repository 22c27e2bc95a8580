// Plays one stream in a <video>: by the browser's own HLS where it has it, else by a player that the server has.

const HLS_TYPE = "application/vnd.apple.mpegurl";

/** The ways to play that exist here, best first; `players` are those that the server has. */
export function ways(video, players) {
  const found = [];
  if (video.canPlayType(HLS_TYPE)) found.push("native");
  if ("MediaSource" in window) found.push(...players);
  return found;
}

/** Whether a way wants the manifest of DASH and not the playlist of HLS. */
export const wantsDash = (way) => way === "dash.js" || way === "shaka";

/** What a script that is no module leaves in the window. */
const script = (source, name) => new Promise((resolve, reject) => {
  const made = Object.assign(document.createElement("script"), { src: source });
  made.onload = () => resolve(window[name]);
  made.onerror = reject;
  document.head.append(made);
});

const sources = {
  "hls.js": () => import("/vendor/hls.js").then((module) => module.default),
  "dash.js": () => script("/vendor/dash.js", "dashjs"),
  shaka: () => script("/vendor/shaka.js", "shaka"),
};
const libraries = new Map();

function load(way) {
  if (!libraries.has(way)) libraries.set(way, sources[way]());
  return libraries.get(way);
}

/** Whether ?patient asks for a longer buffer instead of low latency. */
const patient = () => new URLSearchParams(location.search).has("patient");

/** Browsers may refuse to start by themselves; the video's own controls are there then. */
const start = (video) => void video.play().catch(() => {});

/** Each starts a player, calls `fail(detail)` where it cannot go on, and gives how to end it. */
const starters = {
  "hls.js"(Hls, video, url, fail) {
    const hls = new Hls({ lowLatencyMode: !patient(), maxLiveSyncPlaybackRate: 1.1, enableWorker: true });
    let recovered = false;
    hls.on(Hls.Events.ERROR, (_, data) => {
      if (!data.fatal) return;
      if (data.type === Hls.ErrorTypes.MEDIA_ERROR && !recovered) {
        recovered = true;
        hls.recoverMediaError();
      } else {
        fail();
      }
    });
    hls.loadSource(url);
    hls.attachMedia(video);
    start(video);
    window.player = hls;
    return () => hls.destroy();
  },
  "dash.js"(dashjs, video, url, fail) {
    // It fetches newer manifests only once it has seen the video start: one that is playing already never does.
    video.pause();
    const player = dashjs.MediaPlayer().create();
    if (patient()) {
      const far = { applyServiceDescription: false, delay: { liveDelay: 8 }, liveCatchup: { enabled: false } };
      player.updateSettings({ streaming: far });
    }
    player.on(dashjs.MediaPlayer.events.ERROR, fail);
    player.initialize(video, url, true);
    window.player = player;
    return () => player.destroy();
  },
  shaka(shaka, video, url, fail) {
    shaka.polyfill.installAll();
    const player = new shaka.Player();
    player.configure({ streaming: { lowLatencyMode: !patient() } });
    // It tells also of errors that it recovers from, such as a patch that is not for its version of the manifest.
    const { CRITICAL } = shaka.util.Error.Severity;
    player.addEventListener("error", (event) => event.detail.severity === CRITICAL && fail());
    player.attach(video).then(() => player.load(url)).then(() => start(video)).catch(fail);
    window.player = player;
    return () => player.destroy();
  },
};

export class Player {
  #video;
  #report;
  #end = null;
  /** The end of the player before, which may take its time. */
  #ended = null;
  #retry = 0;
  #turn = 0;

  /** `report(state, detail)` is told "loading", "playing", "ended" and "failed". */
  constructor(video, report) {
    this.#video = video;
    this.#report = report;
    video.addEventListener("playing", () => report("playing"));
    video.addEventListener("ended", () => report("ended"));
  }

  async play(url, way) {
    this.stop();
    const turn = this.#turn;
    // What a manifest refers to is told relative to it, and not all players know what a relative one is relative to.
    const source = new URL(url, location.href).href;
    this.#report("loading");
    const again = (detail) => {
      if (turn !== this.#turn) return;
      this.#report("failed", detail);
      this.#retry = setTimeout(() => this.play(url, way), 3000);
    };
    if (way !== "native") {
      let library;
      try {
        library = await load(way);
      } catch {
        again(`${way} could not be loaded from this server.`);
        return;
      }
      // Two at once on one video get in each other's way.
      await this.#ended;
      if (turn !== this.#turn) return;
      this.#end = starters[way](library, this.#video, source, () => again("The stream stopped coming."));
    } else {
      this.#video.onerror = () => again("The stream stopped coming.");
      this.#video.src = source;
      start(this.#video);
    }
  }

  stop() {
    this.#turn += 1;
    clearTimeout(this.#retry);
    this.#retry = 0;
    if (this.#end) this.#ended = Promise.resolve(this.#end()).catch(() => {});
    this.#end = null;
    this.#video.onerror = null;
    if (this.#video.hasAttribute("src")) {
      this.#video.removeAttribute("src");
      this.#video.load();
    }
  }

  /**
   * Seconds between the newest segment's end and what is on the screen; null where nothing plays. Where a browser does
   * not tell how far the playlist goes (Chromium's own HLS), what it has loaded stands for that.
   */
  behindEdge() {
    const { seekable, buffered, currentTime, paused, readyState } = this.#video;
    const known = seekable.length ? seekable : buffered;
    if (paused || readyState < 3 || known.length === 0) return null;
    const end = known.end(known.length - 1);
    return Number.isFinite(end) ? Math.max(0, end - currentTime) : null;
  }
}
