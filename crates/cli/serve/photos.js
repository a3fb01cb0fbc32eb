// Photos: dropped, chosen or pasted; their faces, maps and downloads; a box that is dragged is looked at again.

import { api, download, ptsOf } from "./api.js";
import { corners } from "./draw.js";
import { drawFaces, listFaces, summary } from "./faces.js";
import { decode } from "./stage.js";

const $ = (id) => document.getElementById(id);

export class Photos {
  constructor(app) {
    this.app = app;
    this.all = []; // { name, blob, view, entry, weights, face: a box that was given, chosen, url }
    this.now = null;
    for (const button of document.querySelectorAll("[data-choose]")) {
      button.addEventListener("click", () => $("files").click());
    }
    $("files").addEventListener("change", () => {
      this.add($("files").files);
      $("files").value = "";
    });
    $("find-again").addEventListener("click", () => this.look(this.now, null));
    $("get-json").addEventListener("click", () => this.json());
    $("get-pts").addEventListener("click", () => this.pts());
    $("get-onnx").addEventListener("click", () => this.onnx());
    $("maps").addEventListener("change", () => this.maps());
  }

  enter() {
    this.app.empty(!this.now);
    this.update();
    if (this.now) {
      this.look(this.now, this.now.face);
    }
  }

  leave() {}

  /** Takes files, and shows the first of them. */
  async add(files) {
    const photos = [...files].map((blob) => ({ name: blob.name || "pasted.png", blob, chosen: 0, face: null }));
    if (photos.length === 0) {
      return;
    }
    for (const photo of photos) {
      photo.url = URL.createObjectURL(photo.blob);
    }
    this.all.push(...photos);
    await this.show(photos[0]);
  }

  async show(photo) {
    this.now = photo;
    this.app.empty(false);
    photo.view ??= await decode(photo.blob);
    if (this.now === photo && this.app.mode === this) {
      this.app.stage.show(photo.view?.picture ?? null, photo.view?.size ?? [photo.entry?.width ?? 1, photo.entry?.height ?? 1]);
      this.update();
      await this.look(photo, photo.face);
    }
  }

  /** Asks the network about a photo, in the box `face` or wherever faces are. */
  async look(photo, face) {
    const weights = this.app.weights;
    const same = photo?.entry && photo.weights === weights && String(photo.face) === String(face);
    if (same || !photo) {
      return;
    }
    const turn = (photo.turn = (photo.turn ?? 0) + 1); // the last question counts, whichever answer comes last
    this.app.say("Looking …", this);
    try {
      const entry = await api.predict(photo.blob, { weights, name: photo.name, face });
      if (turn !== photo.turn) {
        return;
      }
      const chosen = face ? 0 : Math.min(photo.chosen, Math.max(entry.faces.length - 1, 0));
      Object.assign(photo, { entry, weights, face, chosen });
      if (photo === this.now && this.app.mode === this) {
        if (!photo.view) {
          this.app.stage.show(null, [entry.width, entry.height]);
        }
        const blind = photo.view ? "" : " This browser cannot show the picture itself.";
        this.app.say(summary(entry) + blind, this);
        await this.maps();
      }
    } catch (error) {
      if (turn === photo.turn && photo === this.now) {
        this.app.fail(error, this);
      }
    }
    this.update();
  }

  update() {
    if (this.app.mode !== this) {
      return;
    }
    const photo = this.now;
    listFaces(photo?.entry, photo?.chosen, (i) => this.choose(i));
    $("found").hidden = !photo?.entry;
    $("find-again").hidden = !photo?.face;
    $("downloads").hidden = !photo?.entry;
    $("get-pts").disabled = !photo?.entry?.faces.length;
    $("thumbs").replaceChildren(...this.all.map((one) => this.thumb(one)));
    this.app.stage.redraw();
  }

  thumb(photo) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const image = document.createElement("img");
    Object.assign(image, { src: photo.url, alt: photo.name });
    Object.assign(button, { type: "button", title: photo.name });
    button.setAttribute("aria-current", String(photo === this.now));
    button.append(image);
    button.addEventListener("click", () => this.show(photo));
    item.append(button);
    return item;
  }

  choose(i) {
    this.now.chosen = i;
    this.maps();
    this.update();
  }

  async maps() {
    const [figure, photo] = [$("map"), this.now];
    const wanted = $("maps").checked && this.app.mode === this && this.app.network?.maps && photo?.entry?.faces.length;
    figure.hidden = !wanted;
    if (!wanted) {
      return;
    }
    try {
      const { name, face, weights, chosen } = photo;
      const png = await api.maps(photo.blob, { weights, name, face, nth: chosen });
      const image = figure.querySelector("img");
      URL.revokeObjectURL(image.src);
      image.src = URL.createObjectURL(png);
    } catch (error) {
      figure.hidden = true;
      this.app.fail(error, this);
    }
  }

  json() {
    const { ms, weights, lack, ...entry } = this.now.entry;
    download(`${stem(this.now.name)}.keypoints.json`, "application/json", `${JSON.stringify([entry], null, 2)}\n`);
  }

  async onnx() {
    try {
      const { weights } = this.app;
      const name = stem(weights.split(/[\\/]/).filter(Boolean).pop()); // networks may be named by their paths
      download(`${name}.onnx`, "application/octet-stream", await api.onnx(weights));
    } catch (error) {
      this.app.fail(error, this);
    }
  }

  pts() {
    const face = this.now.entry.faces[this.now.chosen];
    download(face.pts, "text/plain", ptsOf(face.points));
  }

  // what the stage asks

  has() {
    return Boolean(this.now);
  }

  draw(context, stage) {
    const { show, network } = this.app;
    const { entry, chosen } = this.now;
    drawFaces(context, stage, entry, { chosen, show, lines: network?.lines ?? [], handles: true });
  }

  /** The box of the chosen face that is dragged: by a corner, by its inside, or not at all. */
  down(at, reach) {
    const photo = this.now;
    if (!photo.entry?.faces.length || !this.app.show.box) {
      return null;
    }
    const other = photo.entry.faces.findIndex((f, i) => i !== photo.chosen && inside(f, at));
    const face = photo.entry.faces[photo.chosen];
    const corner = corners(face.box, face.roll).findIndex((c) => Math.hypot(c[0] - at[0], c[1] - at[1]) < reach);
    if (corner === -1 && !inside(face, at)) {
      return other === -1 ? null : { move() {}, end: () => this.choose(other) };
    }
    const [x, y, w, h] = face.box;
    let moved = false;
    const move = (to) => {
      moved = true;
      const by = [to[0] - at[0], to[1] - at[1]];
      const left = corner === 0 || corner === 3;
      const top = corner === 0 || corner === 1;
      face.box = corner === -1 ? [x + by[0], y + by[1], w, h] : fromEdges(
        left ? x + by[0] : x, top ? y + by[1] : y, left ? x + w : x + w + by[0], top ? y + h : y + h + by[1],
      );
      face.roll = 0; // a box that is given stands
      this.app.stage.redraw();
    };
    const before = { box: face.box, roll: face.roll };
    const end = async () => {
      if (moved) {
        await this.look(photo, face.box.map((v) => Math.round(v * 10) / 10));
        Object.assign(face, before); // where it could not be looked at, the old answer stays
        this.app.stage.redraw();
      }
    };
    return { move, end };
  }

  hover(at, reach) {
    const face = this.now.entry?.faces[this.now.chosen];
    if (!face || !this.app.show.box) {
      return "grab";
    }
    const corner = corners(face.box, face.roll).findIndex((c) => Math.hypot(c[0] - at[0], c[1] - at[1]) < reach);
    return corner === -1 ? (inside(face, at) ? "move" : "grab") : corner % 2 === 0 ? "nwse-resize" : "nesw-resize";
  }

  key() {
    return false;
  }
}

function inside({ box: [x, y, w, h] }, [px, py]) {
  return px > x && px < x + w && py > y && py < y + h;
}

function fromEdges(x0, y0, x1, y1) {
  return [Math.min(x0, x1), Math.min(y0, y1), Math.max(Math.abs(x1 - x0), 4), Math.max(Math.abs(y1 - y0), 4)];
}

function stem(name) {
  return name.replace(/\.[^.]*$/, "") || name;
}
