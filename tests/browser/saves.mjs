// The saves of faces that share a file, without a browser, run by hand: `node saves.mjs`.
//
// The server refuses what was read before the file changed; a page that saves two faces of one file, the second before
// the first is answered, must not take its own change for another program's.

import assert from "node:assert/strict";

/** Whatever of a page is asked for. */
const element = () => {
  const get = (_, key) => (key === "options" ? [{}, {}] : element());
  return new Proxy(() => {}, { get, apply: () => element(), set: () => true });
};
globalThis.document = { getElementById: element, activeElement: null };
globalThis.window = { addEventListener() {} };
globalThis.location = { search: "?token=t" };
globalThis.createImageBitmap = async () => ({ width: 8, height: 8, close() {} });

let version = 0;
const refused = [];
globalThis.fetch = async (path, { method, body } = {}) => {
  const n = Number(path.split("/")[3]);
  await new Promise((done) => setTimeout(done, 5));
  const answer = (status, value) => ({ ok: status < 400, status, json: async () => value, blob: async () => value });
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

const { Data } = await import("../../crates/cli/serve/data.js");
const app = { say() {}, fail() {}, show: {}, stage: element() };
const data = new Data(app);
data.points = { first() {}, update() {}, words: () => "" };
Object.assign(app, { mode: data });
Object.assign(data, { items: [{ id: "a" }, { id: "b" }], scheme: { points: 2, names: [], lines: [] } });

const saves = [];
await data.go(0);
await data.go(1);
for (const n of [0, 1]) {
  data.n = n;
  data.change([[2, 2, true], [6, 6, true]]);
  saves.push(data.save());
}
await Promise.all(saves);
assert.deepEqual(refused, [], "one of its own saves was taken for a conflict");
assert.equal(version, 2);
assert.equal(data.unsaved.length, 0);
console.log("both were saved");
