// What the page does while answers are awaited, without a browser, run by hand: `node races.mjs`.

import assert from "node:assert/strict";

/** Whatever of a page is asked for. */
const element = () => {
  const known = { options: [{}, {}], videoWidth: 8, videoHeight: 8 };
  const get = (_, key) => known[key] ?? element();
  return new Proxy(() => {}, { get, apply: () => element(), set: () => true });
};
globalThis.document = { getElementById: element, createElement: element, activeElement: null };
globalThis.window = { addEventListener() {} };
globalThis.location = { search: "?token=t" };
globalThis.requestAnimationFrame = (done) => setTimeout(done, 0);
const soon = () => new Promise((done) => setTimeout(done, 5));

let version = 0;
const refused = [];
globalThis.fetch = async (path, { method, body } = {}) => {
  await soon();
  const n = Number(path.split("/")[3]);
  const answer = (status, value) => ({ ok: status < 400, status, json: async () => value, blob: async () => value });
  if (method === "POST") {
    return answer(200, { faces: [], ms: { read: 0, find: 0, network: 0 } });
  }
  if (method !== "PUT") {
    const points = [[1, 1, true], [5, 5, true]];
    const item = { id: `face ${n}`, file: "all.json", width: 8, height: 8, points, writable: true };
    return answer(200, { ...item, digest: String(version) });
  }
  if (JSON.parse(body).digest !== String(version)) {
    refused.push(n);
    return answer(409, { error: "changed" });
  }
  version += 1;
  return answer(200, { digest: String(version) });
};

/** Two faces of one file, the second saved before the first is answered: no save is another program's change. */
async function saves() {
  globalThis.createImageBitmap = async () => ({ width: 8, height: 8, close() {} });
  const { Data } = await import("../../crates/cli/serve/data.js");
  const data = new Data({ say() {}, fail() {}, show: {}, stage: element() });
  data.app.mode = data;
  data.points = { first() {}, update() {}, words: () => "" };
  Object.assign(data, { items: [{ id: "a" }, { id: "b" }], scheme: { points: 2, names: [], lines: [] } });
  await data.go(0);
  await data.go(1);
  const saved = [0, 1].map((n) => {
    data.n = n;
    data.change([[2, 2, true], [6, 6, true]]);
    return data.save();
  });
  await Promise.all(saved);
  assert.deepEqual(refused, [], "one of its own saves was taken for a conflict");
  assert.deepEqual([version, data.unsaved.length], [2, 0]);
}

/** The camera's last picture is decoded while the photos are opened: theirs is what is shown. */
async function camera() {
  const { Camera } = await import("../../crates/cli/serve/camera.js");
  const shown = [];
  const stage = { show: (picture) => shown.push(picture), redraw() {} };
  const app = { say() {}, fail: (e) => assert.fail(e.message), weights: "w", show: {}, stage };
  const camera = new Camera(app);
  app.mode = camera;
  camera.stream = { getTracks: () => [] };
  camera.frame = { getContext: () => element(), toBlob: (done) => done("jpeg") };
  globalThis.createImageBitmap = async () => {
    app.mode = null;
    camera.leave();
    await soon();
    return "the camera's";
  };
  await camera.step();
  assert.deepEqual(shown, [], "the camera's picture took the place of another mode's");
}

await saves();
await camera();
console.log("nothing got in the way of anything");
