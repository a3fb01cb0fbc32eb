// The camera: one picture after the other is sent, one at a time, and shown with what was found in it.

import { api } from "./api.js";
import { drawFaces, listFaces, timesOf } from "./faces.js";

const $ = (id) => document.getElementById(id);
const QUALITY = 0.85; // of the JPEGs that are sent
const LARGEST = 960; // pixels of their longer side
const SAME = 0.3; // part of their union that the boxes of one face share from picture to picture

export class Camera {
  constructor(app) {
    this.app = app;
    this.stream = null;
    this.turn = 0; // the last wish counts, whenever a camera opens
    this.entry = null;
    this.chosen = 0;
    this.frame = document.createElement("canvas");
    $("camera-start").addEventListener("click", () => (this.stream ? this.stop() : this.start()));
    $("camera-keep").addEventListener("click", () => this.keep());
    $("camera-which").querySelector("select").addEventListener("change", () => this.restart());
  }

  enter() {
    this.app.empty(false);
    this.update();
  }

  leave() {
    this.stop();
  }

  async start(device = null) {
    if (!navigator.mediaDevices?.getUserMedia) {
      this.app.fail(new Error("This browser gives pages no camera here."), this);
      return;
    }
    this.turn += 1;
    const turn = this.turn;
    let stream;
    try {
      const video = device ? { deviceId: { exact: device } } : { facingMode: "user" };
      stream = await navigator.mediaDevices.getUserMedia({ video: { ...video, width: { ideal: 1280 } }, audio: false });
      if (turn !== this.turn) {
        end(stream);
        return;
      }
      this.stream = stream;
      $("video").srcObject = stream;
      await $("video").play();
    } catch (error) {
      if (turn === this.turn) {
        this.stop();
        this.app.fail(new Error(`The camera could not be opened: ${error.message}`), this);
      }
      return;
    }
    await this.devices();
    if (this.stream !== stream) {
      return;
    }
    this.faces = [];
    this.next = 1;
    this.app.say("The camera is on.", this);
    this.update();
    while (this.stream === stream) {
      await this.step();
    }
  }

  stop() {
    this.turn += 1;
    end(this.stream);
    this.stream = null;
    $("video").srcObject = null;
    this.update();
  }

  restart() {
    this.stop();
    this.start($("camera-which").querySelector("select").value);
  }

  async devices() {
    const cameras = (await navigator.mediaDevices.enumerateDevices()).filter((d) => d.kind === "videoinput");
    const select = $("camera-which").querySelector("select");
    const now = this.stream?.getVideoTracks()[0]?.getSettings().deviceId;
    select.replaceChildren(...cameras.map((c, i) => new Option(c.label || `Camera ${i + 1}`, c.deviceId, false, c.deviceId === now)));
    $("camera-which").hidden = cameras.length < 2;
  }

  /** Sends the picture of this moment, and shows it when the answer is there: points and picture belong together. */
  async step() {
    const video = $("video");
    const began = performance.now();
    await nextFrame(video);
    if (!video.videoWidth || !this.stream) {
      return;
    }
    const scale = Math.min(1, LARGEST / Math.max(video.videoWidth, video.videoHeight));
    const size = [video.videoWidth, video.videoHeight].map((v) => Math.round(v * scale));
    [this.frame.width, this.frame.height] = size;
    const context = this.frame.getContext("2d");
    if ($("camera-mirror").checked) {
      context.setTransform(-1, 0, 0, 1, size[0], 0);
    }
    context.drawImage(video, 0, 0, ...size);
    try {
      const blob = await new Promise((done) => this.frame.toBlob(done, "image/jpeg", QUALITY));
      const entry = await api.predict(blob, { weights: this.app.weights, name: "camera.jpg" });
      const picture = await createImageBitmap(blob);
      // by now another mode may be open, whose picture stays
      if (!this.stream) {
        return;
      }
      this.faces = this.named(entry.faces);
      [this.entry, this.blob] = [entry, blob];
      this.app.stage.show(picture, size, this.picture);
      this.picture = true;
      this.update();
      const rate = 1000 / (performance.now() - began);
      $("times").textContent = `${timesOf(entry.ms)}; ${rate.toFixed(1)} pictures/s`;
    } catch (error) {
      this.stop();
      this.app.fail(error, this);
    }
  }

  /** Gives each face the number of the one that was in its place before, or a new one. */
  named(faces) {
    const free = [...(this.faces ?? [])];
    for (const face of faces) {
      const at = free.findIndex((other) => overlap(face.box, other.box) > SAME);
      face.id = at === -1 ? this.next++ : free.splice(at, 1)[0].id;
    }
    return faces;
  }

  /** Puts this moment's picture among the photos. */
  async keep() {
    const name = `camera-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.jpg`;
    const file = new File([this.blob], name, { type: "image/jpeg" });
    this.app.open("photo");
    await this.app.modes.photo.add([file]);
  }

  update() {
    if (this.app.mode !== this) {
      return;
    }
    $("camera-start").textContent = this.stream ? "Stop the camera" : "Start the camera";
    $("camera-keep").disabled = !this.blob;
    $("found").hidden = !this.entry;
    this.chosen = Math.min(this.chosen, Math.max((this.entry?.faces.length ?? 1) - 1, 0));
    listFaces(this.entry, this.chosen, (i) => {
      this.chosen = i;
      this.update();
    });
    this.app.stage.redraw();
  }

  // what the stage asks

  has() {
    return Boolean(this.entry);
  }

  draw(context, stage) {
    const { show, network } = this.app;
    drawFaces(context, stage, this.entry, { chosen: this.chosen, show, lines: network?.lines ?? [], handles: false });
  }

  down() {
    return null;
  }

  key() {
    return false;
  }
}

function end(stream) {
  stream?.getTracks().forEach((track) => track.stop());
}

function nextFrame(video) {
  const soon = new Promise((done) => setTimeout(done, 200)); // a still camera has no further frame
  const frame = new Promise((done) => video.requestVideoFrameCallback?.(done) ?? requestAnimationFrame(done));
  return Promise.race([soon, frame]);
}

function overlap([ax, ay, aw, ah], [bx, by, bw, bh]) {
  const w = Math.min(ax + aw, bx + bw) - Math.max(ax, bx);
  const h = Math.min(ay + ah, by + bh) - Math.max(ay, by);
  const shared = Math.max(w, 0) * Math.max(h, 0);
  return shared / (aw * ah + bw * bh - shared);
}
