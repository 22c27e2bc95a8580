// Regions of a layout, drawn over the mix: dragged by their middle, resized by their corner. In thousandths of the edges.

const WHOLE = 1000;

export class Editor {
  constructor(element, changed) {
    this.element = element;
    this.changed = changed;
    this.people = [];
    this.regions = [];
  }

  /** Begins with everybody in a grid. */
  begin() {
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

  draw() {
    this.element.replaceChildren(...this.regions.map((region) => this.box(region)));
  }

  box(region) {
    const box = document.createElement("div");
    const corner = document.createElement("i");
    box.append(region.name, corner);
    const place = () => {
      for (const [edge, value] of [["left", region.x], ["top", region.y], ["width", region.width], ["height", region.height]]) {
        box.style[edge] = `${value / 10}%`;
      }
    };
    place();
    box.onpointerdown = (down) => {
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
