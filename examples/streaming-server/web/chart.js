// Small line charts on canvas: the newest value at the right edge, one point per second.

/** Draws `values` (null where nothing was measured) into `canvas`, in the colours of the page. */
export function draw(canvas, values, { points = 120, floor = 0, axis = true } = {}) {
  const box = canvas.getBoundingClientRect();
  if (box.width === 0) return;
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(box.width * ratio);
  const height = Math.round(box.height * ratio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  const style = getComputedStyle(canvas);
  const shown = values.slice(-points);
  const known = shown.filter((value) => value !== null && Number.isFinite(value));
  if (axis) {
    context.fillStyle = style.getPropertyValue("--edge");
    context.fillRect(0, height - ratio, width, ratio);
  }
  if (known.length === 0) return;

  const most = Math.max(floor, ...known) * 1.15 || 1;
  const step = width / (points - 1);
  const x = (index) => width - (shown.length - 1 - index) * step;
  const y = (value) => height - ratio - (value / most) * (height - 3 * ratio);
  for (const run of runs(shown)) {
    const path = new Path2D();
    run.forEach(([index, value], i) => (i ? path.lineTo(x(index), y(value)) : path.moveTo(x(index), y(value))));
    const area = new Path2D(path);
    area.lineTo(x(run.at(-1)[0]), height);
    area.lineTo(x(run[0][0]), height);
    context.fillStyle = style.getPropertyValue("--fill");
    context.fill(area);
    context.lineWidth = 1.75 * ratio;
    context.lineJoin = "round";
    context.strokeStyle = style.getPropertyValue("--line");
    context.stroke(path);
  }
}

/** The stretches of `values` without a gap, as `[index, value]` pairs. */
function runs(values) {
  const all = [];
  let open = null;
  values.forEach((value, index) => {
    if (value === null || !Number.isFinite(value)) {
      open = null;
    } else {
      if (!open) all.push((open = []));
      open.push([index, value]);
    }
  });
  return all.filter((run) => run.length > 1);
}
