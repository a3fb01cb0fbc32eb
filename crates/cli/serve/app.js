// The page as a whole: which of its three modes is open, the network, what is shown, keys, and what is said.

import { api } from "./api.js";
import { Camera } from "./camera.js";
import { Data } from "./data.js";
import { Photos } from "./photos.js";
import { Stage } from "./stage.js";

const $ = (id) => document.getElementById(id);

class App {
  constructor() {
    this.stage = new Stage($("stage"));
    this.networks = [];
    this.show = {};
    this.modes = { photo: new Photos(this), camera: new Camera(this), data: new Data(this) };
    for (const box of document.querySelectorAll("[data-show]")) {
      const read = () => {
        this.show[box.dataset.show] = box.checked;
        this.stage.redraw();
      };
      box.addEventListener("change", read);
      read();
    }
    for (const tab of document.querySelectorAll("[data-tab]")) {
      tab.addEventListener("click", () => this.open(tab.dataset.tab));
    }
    $("network").addEventListener("change", () => this.changed());
    $("zoom-in").addEventListener("click", () => this.stage.zoom(1.4));
    $("zoom-out").addEventListener("click", () => this.stage.zoom(1 / 1.4));
    $("zoom-fit").addEventListener("click", () => this.stage.fit());
    document.addEventListener("keydown", (e) => this.key(e));
    this.drops();
  }

  async start() {
    try {
      const { networks, default: chosen, data } = await api.networks();
      this.networks = networks;
      const option = (n) => new Option(`${n.name} (${n.points} ${n.points === 1 ? "point" : "points"})`, n.name);
      $("network").replaceChildren(...networks.map(option));
      $("network").value = chosen;
      document.querySelector('[data-tab="data"]').hidden = !data;
      this.open(data ? "data" : "photo");
    } catch (error) {
      this.open("photo");
      this.fail(error);
    }
  }

  get weights() {
    return $("network").value;
  }

  get network() {
    return this.networks.find((n) => n.name === this.weights);
  }

  changed() {
    $("maps-check").hidden = this.mode !== this.modes.photo || !this.network?.maps;
    this.mode.enter();
  }

  open(name) {
    this.mode?.leave();
    this.mode = this.modes[name];
    this.say("");
    for (const part of document.querySelectorAll("[data-mode]")) {
      part.hidden = !part.dataset.mode.split(" ").includes(name);
    }
    $("map").hidden = true;
    for (const tab of document.querySelectorAll("[data-tab]")) {
      tab.toggleAttribute("aria-current", false);
      if (tab.dataset.tab === name) {
        tab.setAttribute("aria-current", "page");
      }
    }
    this.stage.mode = this.mode;
    this.stage.canvas.setAttribute("aria-label", name === "data"
      ? "Picture with points; arrows move the chosen point, tab goes to the next"
      : "Picture with what was found");
    $("maps-check").hidden = name !== "photo" || !this.network?.maps;
    const { view, entry } = name === "photo" ? this.modes.photo.now ?? {} : {};
    this.stage.show(view?.picture ?? null, view?.size ?? [entry?.width ?? 1, entry?.height ?? 1]);
    this.mode.enter();
  }

  /** Whether the stage asks for photos. */
  empty(is) {
    $("empty").hidden = !is;
  }

  /** Says what a mode has to say, unless another one is open by now. */
  say(text, from = this.mode) {
    if (from === this.mode) {
      $("status").textContent = text;
      $("status").classList.remove("bad");
    }
  }

  fail(error, from = this.mode) {
    if (from === this.mode) {
      this.say(error.message);
      $("status").classList.add("bad");
    }
  }

  key(e) {
    const typing = e.target.closest?.("input:not([type=checkbox]), select, textarea");
    if (typing) {
      return;
    }
    const plain = !e.ctrlKey && !e.metaKey && !e.altKey;
    if (plain && ["+", "=", "-", "0"].includes(e.key)) {
      e.preventDefault();
      if (e.key === "0") {
        this.stage.fit();
      } else {
        this.stage.zoom(e.key === "-" ? 1 / 1.25 : 1.25);
      }
    } else if (this.mode.key(e)) {
      e.preventDefault();
    }
  }

  /** Files that are dropped anywhere or pasted are photos. */
  drops() {
    const take = (files) => {
      const pictures = [...(files ?? [])].filter((f) => f.type.startsWith("image/") || f.type === "");
      if (pictures.length > 0) {
        this.open("photo");
        this.modes.photo.add(pictures);
      }
      return pictures.length > 0;
    };
    const area = document.querySelector(".stage");
    document.addEventListener("dragover", (e) => {
      e.preventDefault();
      area.classList.add("over");
    });
    document.addEventListener("dragleave", (e) => {
      if (!e.relatedTarget) {
        area.classList.remove("over");
      }
    });
    document.addEventListener("drop", (e) => {
      e.preventDefault();
      area.classList.remove("over");
      if (!take(e.dataTransfer.files)) {
        this.fail(new Error("That is no picture."));
      }
    });
    document.addEventListener("paste", (e) => take(e.clipboardData.files));
  }
}

const app = new App();
app.start();
