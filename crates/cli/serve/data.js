// A dataset: its pictures one by one, their points as their files have them or as the network sees them, changed and
// saved. Changes stay in memory from picture to picture until they are saved.

import { api } from "./api.js";
import { drawLines, drawPoints } from "./draw.js";
import { History } from "./history.js";
import { Points, boxOf } from "./points.js";
import { decode } from "./stage.js";

const $ = (id) => document.getElementById(id);

export class Data {
  constructor(app) {
    this.app = app;
    this.items = null;
    this.kept = new Map(); // by number: { item, history, view }
    this.n = 0;
    this.saves = Promise.resolve(); // one at a time
    this.points = new Points(this);
    $("previous").addEventListener("click", () => this.go(this.n - 1));
    $("next").addEventListener("click", () => this.go(this.n + 1));
    $("items").addEventListener("change", () => this.go(Number($("items").value)));
    $("save").addEventListener("click", () => this.save());
    $("undo").addEventListener("click", () => this.undo());
    $("redo").addEventListener("click", () => this.redo());
    $("predict").addEventListener("click", () => this.predict());
    $("reload").addEventListener("click", () => this.reload());
    window.addEventListener("beforeunload", (e) => {
      if (this.unsaved.length > 0) {
        e.preventDefault();
      }
    });
  }

  get now() {
    return this.kept.get(this.n);
  }

  get unsaved() {
    return [...this.kept].filter(([, kept]) => isUnsaved(kept)).map(([n]) => n);
  }

  async enter() {
    this.app.empty(false);
    if (this.items) {
      await this.go(this.n);
      return;
    }
    try {
      const { about, scheme, items } = await api.data();
      [this.items, this.scheme] = [items, scheme];
      $("about").textContent = `${about}; ${scheme.points} points (${scheme.scheme})`;
      $("items").replaceChildren(...items.map((item, i) => new Option("", i)));
      items.forEach((_, i) => this.title(i));
      await this.go(0);
    } catch (error) {
      this.app.fail(error, this);
    }
  }

  leave() {}

  /** How an item is called in the list. */
  title(n) {
    const item = this.items[n];
    const mark = isUnsaved(this.kept.get(n)) ? " • not saved" : item.annotated ? "" : " (no points)";
    $("items").options[n].text = `${n + 1} of ${this.items.length}: ${item.id}${mark}`;
  }

  /** Opens item `n`; with `fresh` as its file is now. */
  async go(n, fresh = false) {
    if (!this.items || n < 0 || n >= this.items.length) {
      return;
    }
    this.n = n;
    $("items").value = n;
    const known = fresh ? undefined : this.now;
    const digest = known?.item.digest;
    if (known) {
      this.show();
    }
    try {
      const item = await api.item(n);
      // what was changed meanwhile, or before, stays, with all that can be undone
      if (known && (known.history.dirty || known.item.digest !== digest || item.digest === digest)) {
        return;
      }
      const view = known?.view ?? (await decode(await api.picture(n))); // no wait where it is known
      const rows = item.points ?? Array.from({ length: this.scheme.points }, () => [0, 0, false]);
      const state = rows.map(([x, y, visible]) => (visible ? [x, y, true] : [null, null, false]));
      this.kept.set(n, { item, view, history: new History(state) });
      this.forget();
      if (n === this.n) {
        this.show();
      }
    } catch (error) {
      if (n === this.n) {
        this.app.fail(error, this);
      }
    }
  }

  /** Drops pictures that are far away and have no changes. */
  forget() {
    for (const [n, kept] of this.kept) {
      if (Math.abs(n - this.n) > 3 && !isUnsaved(kept)) {
        kept.view?.picture.close();
        this.kept.delete(n);
      }
    }
  }

  show() {
    if (this.app.mode !== this) {
      return;
    }
    const { item, view, history } = this.now;
    const { stage } = this.app;
    stage.show(view?.picture ?? null, [item.width, item.height]);
    const face = boxOf(history.state);
    if (face) {
      const [w, h] = [face[2], face[3]].map((v) => Math.max(v, item.width / 20));
      stage.center([face[0] - w / 4, face[1] - h / 4, 1.5 * w, 1.5 * h], 12);
    }
    $("note").hidden = item.writable;
    $("note").textContent = "This format is only looked at: changes cannot be saved.";
    this.points.first();
    const there = history.state.filter((p) => p[2]).length;
    const how = item.points ? `${there} of ${history.state.length} points` : "no points yet: predict them, or click to place one after the other";
    this.app.say(`${item.id}: ${how}.`, this);
    this.update();
  }

  /** A change of the points, one step of undo. */
  change(state, kind) {
    this.now.history.push(state, kind);
    this.update();
  }

  update() {
    if (!this.now || this.app.mode !== this) {
      return;
    }
    const { history, conflict } = this.now;
    $("save").disabled = !isUnsaved(this.now);
    $("undo").disabled = !history.canUndo;
    $("redo").disabled = !history.canRedo;
    $("previous").disabled = this.n === 0;
    $("next").disabled = this.n === this.items.length - 1;
    $("reload").hidden = !conflict;
    const count = this.unsaved.length;
    $("unsaved").textContent = count === 0 ? "" : `Not saved: ${count === 1 ? "1 picture" : `${count} pictures`}.`;
    this.title(this.n);
    this.points.update();
    this.app.stage.redraw();
  }

  undo() {
    this.now?.history.undo();
    this.stepped();
  }

  redo() {
    this.now?.history.redo();
    this.stepped();
  }

  stepped() {
    this.update();
    if (this.now) {
      this.app.say(this.points.words(this.points.chosen), this);
    }
  }

  async save() {
    const [n, kept] = [this.n, this.now];
    if (!isUnsaved(kept) || kept.saving) {
      return;
    }
    const state = kept.history.state;
    const points = state.map(([x, y, visible]) => (visible ? [x, y, true] : [0, 0, false]));
    kept.saving = true;
    const saved = this.saves.then(async () => {
      const before = kept.item.digest;
      const { digest } = await api.save(n, { digest: before, points });
      // faces of one file: what was saved of one is no change that the others do not know
      for (const other of this.kept.values()) {
        if (other.item.file === kept.item.file && other.item.digest === before) {
          other.item.digest = digest;
        }
      }
    });
    this.saves = saved.catch(() => {});
    try {
      await saved;
      kept.history.markSaved(state);
      kept.conflict = false;
      this.items[n].annotated = true;
      this.title(n);
      this.app.say(`${kept.item.id}: saved.`, this);
    } catch (error) {
      kept.conflict = error.status === 409;
      this.app.fail(error, this);
    } finally {
      kept.saving = false;
    }
    this.update();
  }

  /** The changes stay where the file cannot be read. */
  async reload() {
    await this.go(this.n, true);
  }

  /** The network's points in the box of those that are there, or of the largest face that is found. */
  async predict() {
    const [n, kept, network] = [this.n, this.now, this.app.network];
    if (!kept) {
      return;
    }
    if (network.points !== this.scheme.points) {
      const need = `the dataset has ${this.scheme.points}: choose another network`;
      this.app.fail(new Error(`${network.name} finds ${network.points} points, ${need}.`), this);
      return;
    }
    this.app.say("Looking …", this);
    try {
      const blob = await api.picture(n);
      const shrunk = (kept.view?.size[0] ?? kept.item.width) / kept.item.width;
      const face = boxOf(kept.history.state)?.map((v) => v * shrunk) ?? null;
      const entry = await api.predict(blob, { weights: network.name, name: kept.item.id, face });
      const area = (f) => f.box[2] * f.box[3];
      const found = entry.faces.reduce((a, b) => (a && area(a) >= area(b) ? a : b), null);
      if (!found) {
        this.app.fail(new Error(`${kept.item.id}: no face found; click to place the points one after the other.`), this);
        return;
      }
      const [sx, sy] = [kept.item.width / entry.width, kept.item.height / entry.height];
      kept.history.push(found.points.map(([x, y]) => [(x + 0.5) * sx - 0.5, (y + 0.5) * sy - 0.5, true]));
      const unsaved = kept.item.writable ? " Not saved yet." : "";
      this.app.say(`${kept.item.id}: predicted${found.doubt ? `; ${found.doubt}` : ""}.${unsaved}`, this);
    } catch (error) {
      this.app.fail(error, this);
    }
    this.update();
  }

  key(e) {
    const [key, command] = [e.key.toLowerCase(), e.ctrlKey || e.metaKey];
    const known = {
      s: () => this.save(),
      n: () => this.go(this.n + 1),
      p: () => this.go(this.n - 1),
    };
    if (command && key === "z") {
      e.shiftKey ? this.redo() : this.undo();
    } else if (command && key === "y") {
      this.redo();
    } else if (key in known && (!command || key === "s") && !e.altKey) {
      known[key]();
    } else {
      return this.now ? this.points.key(e) : false;
    }
    return true;
  }

  // what the stage asks

  has() {
    return Boolean(this.now);
  }

  draw(context, stage) {
    const { show } = this.app;
    const state = this.now.history.state;
    const points = state.map(([x, y]) => (x === null ? null : [x, y, null]));
    if (show.lines) {
      drawLines(context, stage, state.map((p) => (p[2] ? p : null)), this.scheme.lines);
    }
    if (show.points) {
      const { numbers } = show;
      drawPoints(context, stage, points, { numbers, hollow: (i) => !state[i][2], large: this.points.chosen });
    }
  }

  down(at, reach) {
    return this.points.down(at, reach);
  }

  hover(at, reach) {
    return this.points.near(at, reach) === -1 ? "" : "move";
  }
}

/** Whether an item has changes that its file lacks and could have. */
function isUnsaved(kept) {
  return Boolean(kept?.item.writable && kept.history.dirty);
}
