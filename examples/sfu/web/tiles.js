// The tiles: one for each picture, the speaker's first.

const initials = (name) => name.trim().split(/\s+/).map((word) => word[0] ?? "").join("").slice(0, 2).toUpperCase() || "?";

/** Keeps a grid of tiles in step with a call. */
export class Tiles {
  constructor(grid, call) {
    this.grid = grid;
    this.call = call;
    this.tiles = new Map(); // peer + source → element
    this.sounds = new Map(); // mid → audio element
    this.pinned = null;
    this.resized = new ResizeObserver(() => this.look());
    this.resized.observe(grid);
    document.addEventListener("visibilitychange", () => this.look());
    for (const type of ["people", "assigned", "speaker", "sent"]) call.addEventListener(type, () => this.update());
    this.timer = setInterval(() => this.measure(), 1000);
    this.before = new Map();
    this.update();
  }

  update() {
    const { call } = this;
    const wanted = new Map();
    const want = (key, tile) => wanted.set(key, tile);
    for (const source of ["screen", "camera"]) {
      const track = call.local.get(source);
      if (track || source === "camera") {
        want(`me ${source}`, { name: call.options.name, own: true, source, track, muted: call.muted });
      }
    }
    for (const person of call.people.values()) {
      const muted = new Set(person.muted);
      if (person.sources.includes("screen")) want(`${person.id} screen`, { ...person, peer: person.id, source: "screen", muted });
      want(`${person.id} camera`, { ...person, peer: person.id, source: "camera", muted });
    }
    for (const section of call.carried()) {
      const tile = wanted.get(`${section.peer} ${section.source}`);
      if (tile) Object.assign(tile, { track: section.receiver.track, receiver: section.receiver, layer: section.layer });
    }
    for (const [key, element] of this.tiles) {
      if (wanted.has(key)) continue;
      element.remove();
      this.tiles.delete(key);
    }
    for (const [key, tile] of wanted) {
      const element = this.tiles.get(key) ?? this.make(key);
      this.fill(element, tile);
    }
    this.arrange();
    this.listen();
    this.look();
  }

  make(key) {
    const element = document.createElement("article");
    element.className = "tile";
    element.innerHTML = `<div class="face"></div><video autoplay playsinline muted></video><footer><span class="name"></span><span class="facts"></span></footer><p class="warning"></p>`;
    element.addEventListener("click", () => {
      this.pinned = this.pinned === key ? null : key;
      this.update();
    });
    element.key = key;
    this.tiles.set(key, element);
    this.grid.append(element);
    return element;
  }

  fill(element, tile) {
    element.tile = tile;
    element.dataset.peer = tile.peer ?? "me";
    element.dataset.source = tile.source;
    element.dataset.name = tile.name;
    element.classList.toggle("own", Boolean(tile.own));
    element.classList.toggle("screen", tile.source === "screen");
    element.classList.toggle("pinned", this.pinned === element.key);
    element.classList.toggle("speaking", tile.peer !== undefined && tile.peer === this.call.speaker);
    element.classList.toggle("silent", tile.muted.has("microphone"));
    const shows = tile.track && (tile.own || tile.sources.includes(tile.source)) && !tile.muted.has(tile.source);
    element.classList.toggle("dark", !shows);
    element.querySelector(".face").textContent = initials(tile.name);
    element.querySelector(".name").textContent = tile.own ? `${tile.name} (you)` : tile.name;
    element.querySelector(".warning").textContent = tile.warning ?? "";
    const video = element.querySelector("video");
    if (video.track !== tile.track) {
      video.track = tile.track;
      video.srcObject = tile.track ? new MediaStream([tile.track]) : null;
    }
  }

  /** Pinned, then screens, then the speaker large; the others as they came. */
  arrange() {
    const rank = (element) => {
      if (element.key === this.pinned) return 0;
      if (element.tile.source === "screen" && !element.tile.own) return 1;
      return element.tile.own ? 4 : element.tile.peer === this.call.speaker ? 2 : 3;
    };
    const elements = [...this.tiles.values()];
    const large = this.pinned !== null || elements.some((e) => rank(e) === 1) || elements.length > 6;
    this.grid.classList.toggle("stage", large);
    const columns = Math.ceil(Math.sqrt(elements.length * (this.grid.clientWidth > this.grid.clientHeight ? 1.3 : 0.5)));
    this.grid.style.setProperty("--columns", Math.max(1, Math.min(columns, elements.length)));
    const first = elements.reduce((best, e) => (best === null || rank(e) < rank(best) ? e : best), null);
    for (const element of elements) {
      element.classList.toggle("large", large && element === first);
      element.style.order = rank(element);
    }
  }

  /** Sound has no tile: an element for each section. */
  listen() {
    const carried = this.call.carried().filter((section) => section.receiver.track.kind === "audio");
    const wanted = new Map(carried.map((section) => [section.mid, section.receiver.track]));
    for (const [mid, sound] of this.sounds) {
      if (wanted.get(mid) === sound.track) continue;
      sound.remove();
      this.sounds.delete(mid);
    }
    for (const [mid, track] of wanted) {
      if (this.sounds.has(mid)) continue;
      const sound = Object.assign(document.createElement("audio"), { autoplay: true, srcObject: new MediaStream([track]), track });
      document.body.append(sound);
      this.sounds.set(mid, sound);
      if (this.sink) sound.setSinkId?.(this.sink);
    }
  }

  /** Tells the server what is on the screen, and how large: the rest costs no bandwidth. */
  look() {
    clearTimeout(this.looking);
    this.looking = setTimeout(() => {
      const tiles = [];
      for (const element of this.tiles.values()) {
        const { tile } = element;
        if (tile.own || document.hidden || tile.muted.has(tile.source)) continue;
        const box = element.getBoundingClientRect();
        if (box.height === 0 || box.bottom < 0 || box.top > innerHeight) continue;
        const priority = element.classList.contains("large") ? 2 : tile.peer === this.call.speaker ? 1 : 0;
        tiles.push({ peer: tile.peer, source: tile.source, height: Math.round(box.height * devicePixelRatio), priority });
      }
      this.call.view(tiles);
    }, 150);
  }

  /** Writes on each tile what comes. */
  async measure() {
    for (const element of this.tiles.values()) {
      const { receiver } = element.tile;
      const facts = element.querySelector(".facts");
      if (!receiver) {
        facts.textContent = "";
        continue;
      }
      const report = [...(await receiver.getStats()).values()].find((stats) => stats.type === "inbound-rtp");
      if (!report) continue;
      const last = this.before.get(element.key);
      this.before.set(element.key, report);
      if (!last || last.id !== report.id) continue;
      const kbits = ((report.bytesReceived - last.bytesReceived) * 8) / (report.timestamp - last.timestamp);
      const layer = element.tile.layer ? ` · ${element.tile.layer}` : "";
      facts.textContent = `${report.frameWidth ?? 0}×${report.frameHeight ?? 0}${layer} · ${Math.round(kbits)} kbit/s`;
    }
  }

  /** Sound goes to that device. */
  output(device) {
    this.sink = device;
    for (const sound of this.sounds.values()) sound.setSinkId?.(device);
  }
}
