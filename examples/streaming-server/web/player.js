// Plays one stream in a <video>: by the browser's own HLS where it has it, else by hls.js where the server has it.

const HLS_TYPE = "application/vnd.apple.mpegurl";

/** The ways to play that exist here, best first. */
export function ways(video, hasHlsJs) {
  const found = [];
  if (video.canPlayType(HLS_TYPE)) found.push("native");
  if (hasHlsJs && "MediaSource" in window) found.push("hls.js");
  return found;
}

let library;
const loadHlsJs = () => (library ??= import("/vendor/hls.js").then((module) => module.default));

export class Player {
  #video;
  #report;
  #hls = null;
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
    this.#report("loading");
    const again = (detail) => {
      if (turn !== this.#turn) return;
      this.#report("failed", detail);
      this.#retry = setTimeout(() => this.play(url, way), 3000);
    };
    if (way === "hls.js") {
      let Hls;
      try {
        Hls = await loadHlsJs();
      } catch {
        again("hls.js could not be loaded from this server.");
        return;
      }
      if (turn !== this.#turn) return;
      const hls = (this.#hls = new Hls({ liveSyncDurationCount: 2, enableWorker: true }));
      hls.on(Hls.Events.ERROR, (_, data) => {
        if (!data.fatal) return;
        if (data.type === Hls.ErrorTypes.MEDIA_ERROR && this.#retry === 0) {
          this.#retry = -1;
          hls.recoverMediaError();
        } else {
          again("The stream stopped coming.");
        }
      });
      hls.loadSource(url);
      hls.attachMedia(this.#video);
    } else {
      this.#video.onerror = () => again("The stream stopped coming.");
      this.#video.src = url;
    }
    // Browsers may refuse to start by themselves; the video's own controls are there then.
    this.#video.play().catch(() => {});
  }

  stop() {
    this.#turn += 1;
    clearTimeout(this.#retry);
    this.#retry = 0;
    this.#hls?.destroy();
    this.#hls = null;
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
