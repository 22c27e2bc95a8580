// Files over a data channel. What is text is JSON: `{"offer": NUMBER, "name", "size"}`, answered by `{"accept": NUMBER}`; then the
// file's bytes between `{"begin": NUMBER}` and `{"end": NUMBER}`, one file at a time.

const PIECE = 16 << 10;
const AHEAD = 1 << 20;
/** What a page can hold in memory, more or less. */
const LONGEST = 2 ** 31;

export class Files {
  /** @param {HTMLElement} list */
  constructor(list) {
    this.list = list;
    this.next = 1;
    this.offered = new Map();
    this.queue = Promise.resolve();
  }

  /** Takes a channel, of a new connection perhaps. */
  use(channel) {
    this.channel = channel;
    this.incoming = new Map();
    this.current = null;
    channel.bufferedAmountLowThreshold = AHEAD / 2;
    channel.onmessage = ({ data }) => (typeof data === "string" ? this.hear(JSON.parse(data)) : this.take(data));
    channel.onclose = () => {
      for (const row of this.list.querySelectorAll("li[data-state=waiting], li[data-state=going]")) show(row, "lost");
    };
  }

  hear(message) {
    if (message.offer !== undefined) this.offeredOne(message);
    if (message.accept !== undefined) {
      const file = this.offered.get(message.accept);
      this.offered.delete(message.accept);
      if (file) this.queue = this.queue.then(() => this.stream(message.accept, file)).catch(() => show(file.row, "lost"));
    }
    if (message.begin !== undefined) this.current = this.incoming.get(message.begin);
    if (message.end !== undefined && this.current?.number === message.end) this.finish();
  }

  // Sending ----------------------------------------------------------------------------------------------------------

  send(file) {
    if (this.channel?.readyState !== "open") return false;
    const number = this.next++;
    const row = this.row(file.name, file.size);
    show(row, "waiting");
    this.offered.set(number, { file, row });
    this.channel.send(JSON.stringify({ offer: number, name: file.name, size: file.size }));
    return true;
  }

  async stream(number, { file, row }) {
    const channel = this.channel;
    show(row, "going");
    channel.send(JSON.stringify({ begin: number }));
    for (let at = 0; at < file.size; at += PIECE) {
      if (channel.bufferedAmount > AHEAD) await drained(channel);
      channel.send(await file.slice(at, at + PIECE).arrayBuffer());
      row.querySelector("progress").value = Math.min(at + PIECE, file.size);
    }
    channel.send(JSON.stringify({ end: number }));
    show(row, "sent");
  }

  // Receiving --------------------------------------------------------------------------------------------------------

  offeredOne({ offer, name, size }) {
    const known = typeof name === "string" && Number.isSafeInteger(size) && size >= 0 && size <= LONGEST;
    const row = this.row(String(name), known ? size : 0);
    if (!known) return show(row, "too long");
    show(row, "waiting");
    const accept = document.createElement("button");
    accept.textContent = "Accept";
    accept.onclick = () => {
      accept.remove();
      show(row, "going");
      this.incoming.set(offer, { number: offer, name, size, row, pieces: [], got: 0 });
      this.channel.send(JSON.stringify({ accept: offer }));
    };
    row.append(accept);
  }

  take(piece) {
    const current = this.current;
    if (!current || current.got + piece.byteLength > current.size) return;
    current.pieces.push(piece);
    current.got += piece.byteLength;
    current.row.querySelector("progress").value = current.got;
  }

  finish() {
    const { number, name, size, got, row, pieces } = this.current;
    this.incoming.delete(number);
    this.current = null;
    if (got !== size) return show(row, "incomplete");
    const link = document.createElement("a");
    // Whatever it says it is, it is not opened as a page of ours.
    link.href = URL.createObjectURL(new Blob(pieces, { type: "application/octet-stream" }));
    link.download = name.replaceAll(/[/\\]/g, "_");
    link.textContent = "Save";
    show(row, "here");
    row.append(link);
  }

  row(name, size) {
    const row = document.createElement("li");
    const title = document.createElement("span");
    title.textContent = `${name} (${size.toLocaleString()} bytes)`;
    const progress = Object.assign(document.createElement("progress"), { max: Math.max(size, 1), value: 0 });
    const state = Object.assign(document.createElement("span"), { className: "soft state" });
    row.append(title, progress, state);
    this.list.append(row);
    row.scrollIntoView();
    return row;
  }
}

function show(row, state) {
  row.dataset.state = state;
  row.querySelector(".state").textContent = state;
}

function drained(channel) {
  return new Promise((resolve, reject) => {
    channel.addEventListener("bufferedamountlow", resolve, { once: true });
    channel.addEventListener("close", reject, { once: true });
  });
}
