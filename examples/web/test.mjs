// The page in Chromium, beside `facekp predict`, run by hand (see README.md):
//   node test.mjs PREDICTIONS.json [SHOTS]
// PREDICTIONS.json is what `facekp predict --json` wrote of the portrait. SHOTS is where screenshots go. CHROMIUM names the
// browser (/usr/bin/chromium).

import assert from "node:assert/strict";
import { createReadStream, existsSync, mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { metadata } from "./metadata.js";
import { resample } from "./resample.js";

const MOST = 1; // pixels of the portrait, on average, from the points of `facekp predict`
const here = fileURLToPath(new URL(".", import.meta.url));
const [predictions, shots = join(here, "shots")] = process.argv.slice(2);
assert(predictions, "expected: node test.mjs PREDICTIONS.json [SHOTS]");
const [expected] = JSON.parse(readFileSync(predictions, "utf8"));
const portrait = [expected.file, join(here, "../../crates/eval/tests/pictures/astronaut.jpg")].find(existsSync);
assert(portrait, `expected the picture ${expected.file}`);
for (const file of ["face68.onnx", "face_finder.onnx", "node_modules/onnxruntime-web"]) {
  assert(existsSync(join(here, file)), `expected ${file} beside the page: see README.md`);
}
mkdirSync(shots, { recursive: true });

/** What needs no browser: the file's own words, and pictures at another size. */
function parts() {
  const bytes = readFileSync(join(here, "face68.onnx"));
  const about = metadata(bytes);
  assert.equal(JSON.parse(about.mirror).length, 68);
  assert.equal(JSON.parse(about.box).enlarge, 1.25);
  assert.throws(() => metadata(bytes.subarray(0, bytes.length - 1)), /cut off/);
  assert.throws(() => metadata(new TextEncoder().encode("<!doctype html>")), /ONNX/);
  const grey = (...values) => new Uint8ClampedArray(values.flatMap((v) => [v, v, v, 255]));
  const row = { width: 4, height: 1, data: grey(0, 40, 80, 120) };
  const across = (part, width) => [...resample(row, part, [width, 1])].filter((_, i) => i % 3 === 0);
  assert.deepEqual(across([-0.5, -0.5, 4, 1], 4), [0, 40, 80, 120]);
  assert.deepEqual(across([0, -0.5, 3, 1], 3), [20, 60, 100]); // half a pixel further on
  assert.deepEqual(across([-2.5, -0.5, 8, 1], 8), [0, 0, 0, 40, 80, 120, 120, 120]); // the edge repeated
  // 4 pixels to 2, by hand: weights 1/4, 3/4, 3/4, 1/4 about 0.5 and 2.5, the outermost on repeated edges
  assert.deepEqual(across([-0.5, -0.5, 4, 1], 2), [25, 95]);
}

const KINDS = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };

/** Any static file server would do. */
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://127.0.0.1");
  const file = join(here, pathname === "/" ? "index.html" : decodeURIComponent(pathname));
  if (!file.startsWith(here) || !existsSync(file)) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { "Content-Type": KINDS[extname(file)] ?? "application/octet-stream" });
  createReadStream(file).pipe(response);
});

const problems = [];

async function open(browser, origin, width, height, colorScheme) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme });
  const page = await context.newPage();
  page.on("pageerror", (e) => problems.push(e.message));
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && problems.push(m.text()));
  page.on("request", (r) => {
    const own = r.url().startsWith(`${origin}/`) || /^(blob|data):/.test(r.url());
    if (!own) {
      problems.push(`a request to elsewhere: ${r.url()}`);
    }
  });
  await page.goto(origin);
  await says(page, "Ready.");
  return page;
}

const says = (page, text) =>
  page.waitForFunction((t) => document.querySelector("#status").textContent.includes(t), text, { timeout: 30000 });

async function download(page) {
  const [file] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
  return JSON.parse(readFileSync(await file.path(), "utf8"))[0];
}

/** Distances between points of two faces, `by` pixels apart. */
const distances = (a, b, by = 0) => a.points.map(([x, y], i) => Math.hypot(x - by - b.points[i][0], y - b.points[i][1]));
const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

/** One photo: its points are those of `predict`. */
async function aPhoto(page) {
  await page.setInputFiles("#file", portrait);
  await says(page, ": 1 face.");
  const entry = await download(page);
  assert.deepEqual([entry.width, entry.height, entry.faces.length], [expected.width, expected.height, 1]);
  const [got, want] = [entry.faces[0], expected.faces[0]];
  const off = distances(got, want);
  const sure = mean(got.points.map((p, i) => Math.abs(p[2] - want.points[i][2])));
  const error = mean(got.sigma.map((s, i) => Math.abs(s - want.sigma[i])));
  console.log(`${off.length} points: ${mean(off).toFixed(3)} px from those of predict on average, ${Math.max(...off).toFixed(3)} px at most`);
  console.log(`confidences differ by ${sure.toFixed(4)} on average, expected errors by ${error.toFixed(3)} px`);
  console.log(await page.textContent("#times"));
  assert(off.length === 68 && mean(off) < MOST, `expected less than ${MOST} px`);
  assert(sure < 0.05 && error < 0.2, "expected the confidences and errors of predict");
  return got;
}

/** Two faces beside each other, dropped; then nothing, and what is no picture. */
async function others(page, alone) {
  const bytes = readFileSync(portrait).toString("base64");
  await page.evaluate(async (base64) => {
    const image = await createImageBitmap(new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))]));
    const canvas = Object.assign(document.createElement("canvas"), { width: 2 * image.width, height: image.height });
    const context = canvas.getContext("2d");
    const drop = async (name, type) => {
      const blob = type ? await new Promise((done) => canvas.toBlob(done, type)) : new Blob(["no picture"]);
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([blob], name));
      document.dispatchEvent(new DragEvent("drop", { dataTransfer, cancelable: true, bubbles: true }));
    };
    window.dropNothing = () => (context.clearRect(0, 0, canvas.width, canvas.height), drop("nothing.png", "image/png"));
    window.dropText = () => drop("words.txt", null);
    context.drawImage(image, 0, 0);
    context.drawImage(image, image.width, 0);
    await drop("two.png", "image/png");
  }, bytes);
  await says(page, "two.png: 2 faces.");
  const faces = (await download(page)).faces.sort((a, b) => a.box[0] - b.box[0]);
  faces.forEach((face, i) => {
    const off = mean(distances(face, alone, i * expected.width));
    assert(off < 0.5, `face ${i}: ${off} px from where it is alone`);
  });
  assert.equal(await page.locator("#faces tr").count(), 2);
  await page.evaluate(() => window.dropNothing());
  await says(page, "nothing.png: No face found.");
  assert(await page.isHidden("#table"));
  await page.evaluate(() => window.dropText());
  await says(page, "words.txt: expected a picture");
}

/** The camera, of which Chromium gives a false one without faces. */
async function aCamera(page) {
  await page.focus("#camera");
  await page.keyboard.press("Enter");
  await says(page, "camera: No face found.");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("#camera").textContent === "Start the camera");
  assert.equal(await page.evaluate(() => document.querySelector("#video").srcObject), null);
}

parts();
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const origin = `http://127.0.0.1:${server.address().port}`;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"],
});
try {
  for (const [width, height] of [[1400, 900], [390, 844]]) {
    for (const scheme of ["light", "dark"]) {
      const page = await open(browser, origin, width, height, scheme);
      const alone = await aPhoto(page);
      await page.check("#show-errors");
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert(wide <= 0, `${wide} px wider than the screen of ${width} px`);
      await page.screenshot({ path: join(shots, `web-${width}-${scheme}.png`), fullPage: true });
      if (width === 1400 && scheme === "light") {
        await others(page, alone);
        await aCamera(page);
      }
      await page.context().close();
    }
  }
} finally {
  await browser.close();
  server.close();
}
assert.deepEqual(problems, []);
console.log(`all is well, and nothing was asked for elsewhere; screenshots are in ${shots}`);
