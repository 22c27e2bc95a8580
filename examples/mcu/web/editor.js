// Regions of a layout, drawn over the mix: dragged by their middle, resized by their corner. In thousandths of the edges.

const WHOLE = 1000;

export class Editor {
  constructor(element, changed) {
    this.element = element;
    this.changed = changed;
    this.people = [];
    this.regions = [];
    this.left = new Set();
  }

  /** Begins with the regions that there are, and whoever has none; without any, with everybody in a grid. */
  begin(regions = []) {
    this.left.clear();
    if (regions.length > 0) {
      this.regions = regions.map((region) => ({ ...region }));
      this.draw();
      this.welcome();
      return;
    }
    const columns = Math.ceil(Math.sqrt(this.people.length || 1));
    const edge = Math.floor(WHOLE / columns);
    this.regions = this.people.map((name, index) => ({
      name,
      x: (index % columns) * edge,
      y: Math.floor(index / columns) * edge,
      width: edge,
      height: edge,
    }));
    this.draw();
    this.changed(this.regions);
  }

  /** Whoever has no region yet gets one, at the lower edge. */
  welcome() {
    const rest = this.regions.filter((region) => !region.name).length;
    const strangers = this.people.filter((name) => !this.left.has(name) && !this.regions.some((region) => region.name === name)).slice(rest);
    if (strangers.length === 0) return;
    strangers.forEach((name, index) => this.regions.push({ name, x: (index % 5) * 200, y: 800, width: 200, height: 200 }));
    this.draw();
    this.changed(this.regions);
  }

  draw() {
    this.element.replaceChildren(...this.regions.map((region) => this.box(region)));
  }

  box(region) {
    const box = document.createElement("div");
    const corner = document.createElement("i");
    const close = Object.assign(document.createElement("button"), { textContent: "×", ariaLabel: `Leave out ${region.name ?? "this one"}` });
    close.onclick = () => {
      this.left.add(region.name);
      this.regions = this.regions.filter((other) => other !== region);
      this.draw();
      this.changed(this.regions);
    };
    box.append(region.name ?? "anybody else", close, corner);
    const place = () => {
      for (const [edge, value] of [["left", region.x], ["top", region.y], ["width", region.width], ["height", region.height]]) {
        box.style[edge] = `${value / 10}%`;
      }
    };
    place();
    box.onpointerdown = (down) => {
      if (down.target === close) return;
      // What is touched lies above the others, in the mix, too.
      this.regions = [...this.regions.filter((other) => other !== region), region];
      this.element.append(box);
      const resizes = down.target === corner;
      const from = { ...region };
      const { width, height } = this.element.getBoundingClientRect();
      box.setPointerCapture(down.pointerId);
      box.onpointermove = (move) => {
        const x = Math.round(((move.clientX - down.clientX) / width) * WHOLE);
        const y = Math.round(((move.clientY - down.clientY) / height) * WHOLE);
        const within = (value, least, most) => Math.min(Math.max(value, least), most);
        if (resizes) {
          region.width = within(from.width + x, 50, WHOLE - region.x);
          region.height = within(from.height + y, 50, WHOLE - region.y);
        } else {
          region.x = within(from.x + x, 0, WHOLE - region.width);
          region.y = within(from.y + y, 0, WHOLE - region.height);
        }
        place();
      };
      box.onpointerup = () => {
        box.onpointermove = box.onpointerup = null;
        this.changed(this.regions);
      };
    };
    return box;
  }
}
