// From a photo to the points of its faces: the finder, the box of a face's points, the view of it, and the way back.
// Places are [x, y] in the photo's pixels, the center of the first one at (0, 0); boxes [x, y, width, height].

import * as ort from "./node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs";
import { metadata } from "./metadata.js";
import { resample } from "./resample.js";

const SURE = 0.5; // the least score of a face
const SAME = 0.45; // boxes that share more than this part of their union are of one face
const SHORTER = 310; // the finder gets photos whose shorter side has so many pixels: it sees faces of a 25th of that
const NEAR = 0.3; // part of their union that the box of the points and the expected one share, where points are believed
const FLAT = 0.3; // no box is smaller than this part of its face

let last = Promise.resolve(); // the networks share one memory: one works at a time

/** An ONNX file beside the page, with what it says of itself. */
class Model {
  static async load(name) {
    const response = await fetch(new URL(name, import.meta.url));
    if (!response.ok) {
      throw new Error(`${name}: expected the file beside this page (see its README), got status ${response.status}`);
    }
    const bytes = new Uint8Array(await response.arrayBuffer());
    try {
      const model = new Model();
      model.about = metadata(bytes);
      model.session = await ort.InferenceSession.create(bytes);
      return model;
    } catch (error) {
      throw new Error(`${name}: ${error.message}`);
    }
  }

  says(key) {
    return this.about[key] === undefined ? undefined : JSON.parse(this.about[key]);
  }

  /** The outputs for one picture: rows of red, green, blue. */
  run(pixels, [width, height]) {
    const image = new ort.Tensor("uint8", pixels, [1, height, width, 3]);
    const outputs = last.then(() => this.session.run({ image }));
    last = outputs.catch(() => {});
    return outputs;
  }
}

export class Reader {
  static async load(finder, network) {
    const reader = new Reader();
    [reader.finder, reader.network] = await Promise.all([Model.load(finder), Model.load(network)]);
    const { about } = reader.network;
    const scheme = /^name = "(.*)"$/m.exec(about.scheme)?.[1];
    const fit = reader.network.says("found_box") ?? reader.finder.says("boxes")?.[scheme];
    [reader.view, reader.crop] = [reader.network.says("view"), reader.network.says("box")];
    if (!fit || !reader.view || reader.crop?.kind !== "face") {
      throw new Error(`${network}: expected a network of points on faces that the finder knows a box for`);
    }
    reader.coefficients = fit.coefficients;
    return reader;
  }

  /** All faces of a photo (an `ImageData`) with their points, and the milliseconds that it took. */
  async read(photo) {
    const began = performance.now();
    const found = await this.find(photo);
    const between = performance.now();
    const faces = [];
    for (const face of found) {
      faces.push({ score: face.score, ...(await this.points(photo, face)) });
    }
    return { faces, ms: { find: between - began, network: performance.now() - between } };
  }

  /** The faces of a photo, the surest first. */
  async find(photo) {
    const scale = Math.min(1, SHORTER / Math.min(photo.width, photo.height));
    const size = [photo.width, photo.height].map((side) => Math.max(1, Math.round(side * scale)));
    const pixels = resample(photo, [-0.5, -0.5, photo.width, photo.height], size);
    const { boxes, scores, landmarks } = await this.finder.run(pixels, size);
    const [across, down] = [photo.width / size[0], photo.height / size[1]];
    const place = (x, y) => [(x + 0.5) * across - 0.5, (y + 0.5) * down - 0.5];
    const faces = [];
    scores.data.forEach((score, i) => {
      if (score > SURE) {
        const [x, y, w, h] = boxes.data.subarray(4 * i, 4 * i + 4);
        const marks = landmarks.data.subarray(10 * i, 10 * i + 10);
        const pairs = Array.from({ length: 5 }, (_, k) => place(marks[2 * k], marks[2 * k + 1]));
        faces.push({ score, box: [...place(x, y), w * across, h * down], landmarks: pairs });
      }
    });
    const kept = [];
    for (const face of faces.sort((a, b) => b.score - a.score)) {
      if (kept.every((other) => overlap(other.box, face.box) <= SAME)) {
        kept.push(face);
      }
    }
    return kept;
  }

  /** The points of a face: looked at where the finder saw it, and once more where its points lie. */
  async points(photo, face) {
    const expected = this.expected(face);
    const first = await this.look(photo, expected);
    const box = around(first.points);
    return overlap(box, expected) > NEAR ? this.look(photo, box) : first;
  }

  /** The tight box of a found face's points: a linear map of where its bounds and landmarks lie. */
  expected({ box: [x, y, w, h], landmarks }) {
    const size = Math.sqrt(w * h);
    const center = [x + w / 2, y + h / 2];
    const marks = landmarks.flatMap((mark) => mark.map((v, k) => (v - center[k]) / size));
    const features = [1, w / size, ...marks];
    const sum = (k) => size * features.reduce((all, v, i) => all + v * this.coefficients[i][k], 0);
    const [width, height] = [2, 3].map((k) => Math.max(sum(k), FLAT * size));
    return [center[0] + sum(0) - width / 2, center[1] + sum(1) - height / 2, width, height];
  }

  /** The points in the view of a box: the square about its center, fitted into the network's view. */
  async look(photo, box) {
    const [x, y, w, h] = box;
    const unit = (Math.max(w, h) * this.crop.enlarge) / Math.min(...this.view); // pixels of the photo in one of the view
    const [width, height] = this.view.map((side) => side * unit);
    const corner = [x + w / 2 - width / 2, y + h / 2 - height / 2];
    const pixels = resample(photo, [...corner, width, height], this.view);
    const { points, confidence, sigma } = await this.network.run(pixels, this.view);
    const place = (i) => [0, 1].map((k) => corner[k] + (points.data[2 * i + k] + 0.5) * unit);
    const count = points.dims[1];
    return {
      box,
      points: Array.from({ length: count }, (_, i) => [...place(i), confidence?.data[i] ?? null]),
      sigma: sigma ? Array.from(sigma.data, (s) => s * unit) : null,
    };
  }
}

/** The tight box of points. */
function around(points) {
  const [xs, ys] = [0, 1].map((k) => points.map((p) => p[k]));
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return [x, y, Math.max(...xs) - x, Math.max(...ys) - y];
}

/** The part of their union that two boxes share. */
function overlap([ax, ay, aw, ah], [bx, by, bw, bh]) {
  const w = Math.min(ax + aw, bx + bw) - Math.max(ax, bx);
  const h = Math.min(ay + ah, by + bh) - Math.max(ay, by);
  const shared = Math.max(w, 0) * Math.max(h, 0);
  return shared / (aw * ah + bw * bh - shared);
}
