// Files over a data channel. What is text is JSON: `{"offer": NUMBER, "name", "size"}`, answered by `{"accept": NUMBER}` or
// `{"refuse": NUMBER}`; then the file's bytes between `{"begin": NUMBER}` and `{"end": NUMBER}`, one file at a time. Until then, whoever
// offered it may say `{"withdraw": NUMBER}`, and the other `{"refuse": NUMBER}`.

const PIECE = 16 << 10;
const AHEAD = 1 << 20;
/** What a page can hold in memory, more or less. */
const LONGEST = 2 ** 31;
/** States from which a file may still go on. */
const OPEN = ["waiting", "going"];

export class Files {
  /** @param {HTMLElement} list */
  constructor(list) {
    this.list = list;
    this.next = 1;
    this.queue = Promise.resolve();
  }

  /** Takes a channel, of a new connection perhaps. */
  use(channel) {
    this.channel = channel;
    this.outgoing = new Map();
    this.incoming = new Map();
    this.current = null;
    channel.bufferedAmountLowThreshold = AHEAD / 2;
    channel.onmessage = ({ data }) => (typeof data === "string" ? this.hear(JSON.parse(data)) : this.take(data));
    channel.onclose = () => {
      for (const row of this.list.children) if (OPEN.includes(row.dataset.state)) show(row, "lost");
    };
  }

  hear(message) {
    if (message.offer !== undefined) this.offered(message);
    if (message.accept !== undefined) {
      const file = this.outgoing.get(message.accept);
      if (file) this.queue = this.queue.then(() => this.stream(message.accept, file)).catch(() => show(file.row, "lost"));
    }
    if (message.begin !== undefined) this.begin(message.begin);
    if (message.end !== undefined && this.current?.number === message.end) this.finish();
    if (message.refuse !== undefined) this.end(this.outgoing, message.refuse, "refused");
    if (message.withdraw !== undefined) this.end(this.incoming, message.withdraw, "withdrawn");
  }

  tell(message) {
    this.channel.send(JSON.stringify(message));
  }

  /** Nothing more comes of a file, whichever side wants it so. */
  end(files, number, state) {
    const file = files.get(number);
    if (!file) return;
    files.delete(number);
    if (this.current === file) this.current = null;
    show(file.row, state);
  }

  // Sending ----------------------------------------------------------------------------------------------------------

  send(file) {
    if (this.channel?.readyState !== "open") return false;
    const number = this.next++;
    const row = this.row(file.name, file.size);
    this.outgoing.set(number, { file, row });
    button(row, "Withdraw", () => {
      this.tell({ withdraw: number });
      this.end(this.outgoing, number, "withdrawn");
    });
    this.tell({ offer: number, name: file.name, size: file.size });
    return true;
  }

  async stream(number, entry) {
    const { channel } = this;
    const { file, row } = entry;
    const goes = () => channel === this.channel && this.outgoing.get(number) === entry;
    if (!goes()) return;
    show(row, "going");
    this.tell({ begin: number });
    for (let at = 0; at < file.size; at += PIECE) {
      if (channel.bufferedAmount > AHEAD) await drained(channel);
      const piece = await file.slice(at, at + PIECE).arrayBuffer();
      if (!goes()) return;
      channel.send(piece);
      row.querySelector("progress").value = Math.min(at + PIECE, file.size);
    }
    this.tell({ end: number });
    this.end(this.outgoing, number, "sent");
  }

  // Receiving --------------------------------------------------------------------------------------------------------

  offered({ offer: number, name, size }) {
    const known = typeof name === "string" && Number.isSafeInteger(size) && size >= 0 && size <= LONGEST;
    const row = this.row(String(name), known ? size : 0);
    this.incoming.set(number, { number, name, size, row, pieces: [], got: 0 });
    const refuse = (state) => {
      this.tell({ refuse: number });
      this.end(this.incoming, number, state);
    };
    if (!known) return refuse("too long");
    const accept = button(row, "Accept", () => {
      accept.remove();
      show(row, "going");
      this.tell({ accept: number });
    });
    button(row, "Refuse", () => refuse("refused"));
  }

  begin(number) {
    const file = this.incoming.get(number);
    // What nobody has accepted is not kept.
    this.current = file?.row.dataset.state === "going" ? file : null;
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
    this.end(this.incoming, number, got === size ? "here" : "incomplete");
    if (got !== size) return;
    const link = document.createElement("a");
    // Whatever it says it is, it is not opened as a page of ours.
    link.href = URL.createObjectURL(new Blob(pieces, { type: "application/octet-stream" }));
    link.download = name.replaceAll(/[/\\]/g, "_");
    link.textContent = "Save";
    row.append(link);
  }

  row(name, size) {
    const row = document.createElement("li");
    const title = document.createElement("span");
    title.textContent = `${name} (${size.toLocaleString()} bytes)`;
    const progress = Object.assign(document.createElement("progress"), { max: Math.max(size, 1), value: 0 });
    const state = Object.assign(document.createElement("span"), { className: "soft state" });
    row.append(title, progress, state);
    show(row, "waiting");
    this.list.append(row);
    row.scrollIntoView();
    return row;
  }
}

function show(row, state) {
  row.dataset.state = state;
  row.querySelector(".state").textContent = state;
  if (!OPEN.includes(state)) for (const button of row.querySelectorAll("button")) button.remove();
}

function button(row, text, onclick) {
  const button = Object.assign(document.createElement("button"), { textContent: text, onclick });
  row.append(button);
  return button;
}

function drained(channel) {
  return new Promise((resolve, reject) => {
    channel.addEventListener("bufferedamountlow", resolve, { once: true });
    channel.addEventListener("close", reject, { once: true });
  });
}
