// The points of the face that is open: one is chosen, moved, hidden; by keys, mouse and fingers.

const $ = (id) => document.getElementById(id);
const STILL = 3; // pixels of the screen: a pointer that moves less only chooses
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Points {
  constructor(data) {
    this.data = data;
    this.chosen = 0;
    this.free = false; // whether tab leaves the picture
    $("point-previous").addEventListener("click", () => this.step(-1));
    $("point-next").addEventListener("click", () => this.step(1));
    $("hide").addEventListener("click", () => this.hide());
    $("stage").addEventListener("focus", () => {
      this.free = false;
    });
  }

  get state() {
    return this.data.now.history.state;
  }

  get editable() {
    return this.data.now.item.writable;
  }

  /** Chooses the first point that is missing, else the first. */
  first() {
    const missing = this.state.findIndex((p) => p[0] === null);
    const none = this.state.every((p) => !p[2]);
    this.chosen = none ? Math.max(missing, 0) : Math.min(this.chosen, this.state.length - 1);
  }

  choose(i, reveal = true) {
    this.chosen = i;
    const [x, y] = this.state[i];
    if (x !== null && reveal) {
      this.data.app.stage.reveal([x, y]);
    }
    this.data.update();
    this.data.app.say(this.words(i));
  }

  step(by) {
    if (this.data.now) {
      const count = this.state.length;
      this.choose((this.chosen + by + count) % count);
    }
  }

  name(i) {
    const name = this.data.scheme.names[i];
    return `Point ${i}${name ? `, ${name}` : ""}`;
  }

  words(i) {
    const [x, y, visible] = this.state[i];
    const place = x === null ? "" : ` at ${x.toFixed(1)}, ${y.toFixed(1)}`;
    return `${this.name(i)}${visible ? place : ", hidden"}`;
  }

  update() {
    const [x, y, visible] = this.state[this.chosen];
    $("point").textContent = `${this.name(this.chosen)} · ${this.state.length} in all`;
    $("place").textContent = x === null ? "not placed" : `${x.toFixed(2)}, ${y.toFixed(2)}`;
    $("hide").setAttribute("aria-pressed", String(!visible));
    $("hide").disabled = !this.editable;
  }

  /** The point with another place or visibility; `kind` as in `History.push`. */
  set(i, point, kind = null) {
    this.data.change(this.state.map((p, k) => (k === i ? point : p)), kind);
  }

  hide() {
    if (!this.data.now || !this.editable) {
      return;
    }
    const [x, y, visible] = this.state[this.chosen];
    const place = x === null ? this.middle() : [x, y];
    this.set(this.chosen, [...(visible ? [x, y] : place), !visible]);
    this.data.app.say(this.words(this.chosen));
  }

  /** Where a point without a place is put: between its neighbors, else amid the picture. */
  middle() {
    const { item } = this.data.now;
    const near = [this.chosen - 1, this.chosen + 1].map((i) => this.state[i]).filter((p) => p?.[2]);
    const all = near.length > 0 ? near : this.state.filter((p) => p[2]);
    const mean = (k) => all.reduce((sum, p) => sum + p[k], 0) / all.length;
    return all.length > 0 ? [mean(0), mean(1)] : [item.width / 2, item.height / 2];
  }

  key(e) {
    const onPicture = document.activeElement === $("stage") || document.activeElement === document.body;
    const by = ARROWS[e.key];
    if (by && onPicture && !e.ctrlKey && !e.metaKey) {
      this.move(by, e.shiftKey ? 10 : e.altKey ? 0.1 : 1);
    } else if (e.key === "Tab" && document.activeElement === $("stage") && !this.free) {
      this.step(e.shiftKey ? -1 : 1);
    } else if (e.key === "Escape" && document.activeElement === $("stage")) {
      this.free = true;
      this.data.app.say("Tab leaves the picture now.");
    } else if (e.key.toLowerCase() === "h" && !e.ctrlKey && !e.metaKey) {
      this.hide();
    } else {
      return false;
    }
    return true;
  }

  move([dx, dy], far) {
    const [x, y, visible] = this.state[this.chosen];
    if (!this.editable || !visible) {
      return;
    }
    const point = this.within([x + dx * far, y + dy * far]);
    this.set(this.chosen, [...point, true], `move ${this.chosen}`);
    this.data.app.stage.reveal(point);
  }

  /** Points may lie somewhat outside of their picture, where a face is cut. */
  within([x, y]) {
    const { width, height } = this.data.now.item;
    const clamp = (v, side) => Math.round(Math.min(Math.max(v, -side / 2), 1.5 * side) * 1000) / 1000;
    return [clamp(x, width), clamp(y, height)];
  }

  /** The point within reach; the chosen one first. */
  near(at, reach) {
    const far = (i) => (this.state[i][0] === null ? Infinity : Math.hypot(this.state[i][0] - at[0], this.state[i][1] - at[1]));
    if (far(this.chosen) < reach) {
      return this.chosen;
    }
    const best = this.state.reduce((a, _, i) => (far(i) < far(a) ? i : a), 0);
    return far(best) < reach ? best : -1;
  }

  /** A point that is dragged, or, where the chosen one has no place yet, this place for it. */
  down(at, reach) {
    const i = this.near(at, reach);
    if (i === -1) {
      return this.state[this.chosen][0] === null && this.editable ? this.place(at) : null;
    }
    this.choose(i, false); // what is under the pointer stays there
    const [x, y, visible] = this.state[i];
    if (!this.editable) {
      return null;
    }
    const kind = `drag ${i} ${performance.now()}`;
    const kept = this.data.now; // keys may open another picture meanwhile
    let moved = false;
    return {
      move: (to) => {
        const by = to.map((v, k) => v - at[k]);
        moved ||= Math.hypot(...by) * this.data.app.stage.scale >= STILL;
        if (moved && this.data.now === kept) {
          this.drag(i, [...this.within([x + by[0], y + by[1]]), visible], kind);
        }
      },
      end: () => this.data.now === kept && this.data.app.say(this.words(i)),
    };
  }

  /** All of a drag is one step, however long it takes. */
  drag(i, point, kind) {
    const { history } = this.data.now;
    history.last.time = history.last.kind === kind ? Date.now() : history.last.time;
    this.set(i, point, kind);
  }

  /** A place is taken where a finger or button goes up without having moved, and without a second finger. */
  place(at) {
    const kept = this.data.now;
    let moved = 0;
    return {
      move: (_, by) => {
        moved += Math.hypot(...by);
        this.data.app.stage.pan(by);
      },
      cancel() {},
      end: () => {
        if (moved > 6 || this.data.now !== kept) {
          return;
        }
        this.set(this.chosen, [...this.within(at), true]);
        const next = this.state.findIndex((p, k) => k > this.chosen && p[0] === null);
        this.choose(next === -1 ? this.chosen : next);
      },
    };
  }
}

/** The tight box of the points; `null` where they have none. */
export function boxOf(state) {
  const there = state.filter((p) => p[2]);
  const [xs, ys] = [0, 1].map((k) => there.map((p) => p[k]));
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  const [w, h] = [Math.max(...xs) - x, Math.max(...ys) - y];
  return w > 0 && h > 0 ? [x, y, w, h] : null;
}
