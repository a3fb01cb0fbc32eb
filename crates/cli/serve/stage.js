// The canvas: a picture with zoom and shift, and what a mode draws over it. Positions are the picture's pixels, the
// first pixel's center at (0, 0).

const MOST = 40; // screen pixels a pixel of the picture may fill

export class Stage {
  constructor(canvas) {
    this.canvas = canvas;
    this.mode = null; // draw(context, stage), down(point, reach): a drag or nothing, and hover(point, reach)
    this.picture = null;
    this.size = [1, 1];
    this.scale = 1;
    this.shift = [0, 0];
    this.fitted = true;
    this.pointers = new Map();
    this.drag = null;
    new ResizeObserver(() => this.resized()).observe(canvas);
    canvas.addEventListener("pointerdown", (e) => this.down(e));
    canvas.addEventListener("pointermove", (e) => this.move(e));
    canvas.addEventListener("pointerup", (e) => this.up(e, "end"));
    canvas.addEventListener("pointercancel", (e) => this.up(e, "cancel"));
    canvas.addEventListener("wheel", (e) => {
      e.preventDefault();
      this.zoom(Math.exp(-e.deltaY * 0.0015), [e.offsetX, e.offsetY]);
    }, { passive: false });
  }

  /** Shows `picture` (anything a canvas draws, or nothing), `size` pixels large; keeps the zoom where asked. */
  show(picture, size, keep = false) {
    const same = size[0] === this.size[0] && size[1] === this.size[1];
    [this.picture, this.size] = [picture, size];
    if (keep && same) {
      this.redraw();
    } else {
      this.fit();
    }
  }

  toScreen([x, y]) {
    return [(x + 0.5) * this.scale + this.shift[0], (y + 0.5) * this.scale + this.shift[1]];
  }

  toPicture([x, y]) {
    return [(x - this.shift[0]) / this.scale - 0.5, (y - this.shift[1]) / this.scale - 0.5];
  }

  get area() {
    return [this.canvas.clientWidth, this.canvas.clientHeight];
  }

  fit() {
    this.center([-0.5, -0.5, ...this.size], 12);
    this.fitted = true;
  }

  /** Shows a part of the picture as large as it fits, with a margin in pixels of the screen. */
  center([x, y, width, height], margin) {
    const [w, h] = this.area;
    const scale = Math.min((w - 2 * margin) / width, (h - 2 * margin) / height, MOST);
    this.scale = Math.max(scale, 1e-3);
    this.shift = [w / 2 - (x + 0.5 + width / 2) * this.scale, h / 2 - (y + 0.5 + height / 2) * this.scale];
    this.fitted = false;
    this.redraw();
  }

  /** Zooms by a factor about a place on the screen. */
  zoom(by, at = this.area.map((v) => v / 2)) {
    const scale = Math.min(Math.max(this.scale * by, 0.02), MOST);
    const ratio = scale / this.scale;
    this.shift = this.shift.map((v, i) => at[i] - (at[i] - v) * ratio);
    this.scale = scale;
    this.fitted = false;
    this.redraw();
  }

  /** Moves the picture so that a point of it is in sight. */
  reveal(point) {
    const at = this.toScreen(point);
    const margin = 24;
    const off = at.map((v, i) => Math.max(margin - v, 0) + Math.min(this.area[i] - margin - v, 0));
    if (off.some((v) => v !== 0)) {
      this.shift = this.shift.map((v, i) => v + off[i]);
      this.fitted = false;
    }
    this.redraw();
  }

  resized() {
    if (this.fitted) {
      this.fit();
    } else {
      this.redraw();
    }
  }

  redraw() {
    if (!this.waiting) {
      this.waiting = requestAnimationFrame(() => {
        this.waiting = null;
        this.draw();
      });
    }
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = this.area.map((v) => Math.max(1, Math.round(v * ratio)));
    if (this.canvas.width !== w || this.canvas.height !== h) {
      [this.canvas.width, this.canvas.height] = [w, h];
    }
    const context = this.canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, w, h);
    if (!this.mode?.has()) {
      return;
    }
    const [x, y] = this.toScreen([-0.5, -0.5]);
    const [width, height] = this.size.map((v) => v * this.scale);
    context.fillStyle = "#fff"; // what is transparent shows white, as the network sees it
    context.fillRect(x, y, width, height);
    if (this.picture) {
      context.imageSmoothingEnabled = this.scale < 4;
      context.imageSmoothingQuality = "high";
      context.drawImage(this.picture, x, y, width, height);
    }
    this.mode.draw(context, this);
  }

  down(e) {
    if (e.button > 0 || !this.mode?.has()) {
      return;
    }
    this.canvas.setPointerCapture(e.pointerId);
    const at = [e.offsetX, e.offsetY];
    this.pointers.set(e.pointerId, at);
    if (this.pointers.size > 1) {
      this.finish("cancel"); // two fingers zoom and shift
      return;
    }
    const reach = (e.pointerType === "touch" ? 22 : 11) / this.scale;
    const shifted = { move: (_, by) => this.pan(by) };
    this.drag = this.mode.down(this.toPicture(at), reach) ?? shifted;
  }

  move(e) {
    const at = [e.offsetX, e.offsetY];
    const before = this.pointers.get(e.pointerId);
    if (!before) {
      const cursor = this.mode?.has() ? this.mode.hover?.(this.toPicture(at), 11 / this.scale) : "";
      this.canvas.style.cursor = cursor || "";
      return;
    }
    if (this.pointers.size === 2) {
      const [, other] = [...this.pointers].find(([id]) => id !== e.pointerId);
      const far = (a) => Math.hypot(a[0] - other[0], a[1] - other[1]);
      this.pan([(at[0] - before[0]) / 2, (at[1] - before[1]) / 2]);
      this.zoom(far(at) / Math.max(far(before), 1), [(at[0] + other[0]) / 2, (at[1] + other[1]) / 2]);
    } else {
      this.drag?.move(this.toPicture(at), [at[0] - before[0], at[1] - before[1]]);
    }
    this.pointers.set(e.pointerId, at);
  }

  up(e, how) {
    if (this.pointers.delete(e.pointerId) && this.pointers.size === 0) {
      this.finish(how);
    }
  }

  /** Ends a drag; `"cancel"` calls it off where it has a way to be. */
  finish(how) {
    const { drag } = this;
    this.drag = null;
    (drag?.[how] ?? drag?.end)?.();
  }

  pan(by) {
    this.shift = this.shift.map((v, i) => v + by[i]);
    this.fitted = false;
    this.redraw();
  }
}

/** A picture from a file, upright as the camera noted it where the file says so; `null` where a browser cannot. */
export async function decode(blob) {
  try {
    const picture = await createImageBitmap(blob);
    return { picture, size: [picture.width, picture.height] };
  } catch {
    return null;
  }
}
