// The page of `facekp serve` in Chromium, run by hand:
//   npm install && node run.mjs ADDRESS PHOTO [SHOTS]
// ADDRESS is what `facekp serve --data DIR` prints, with face68 and with the whole path of DIR: a copy of a small folder of
// pictures beside `.pts`, two or more, as the test moves points of the first one and saves them, and if possible one picture
// alone. SHOTS is where screenshots go. CHROMIUM names the browser (/usr/bin/chromium).

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { chromium } from "playwright-core";
import { metadata } from "../../examples/web/metadata.js";

const [address, photo, shots = "shots"] = process.argv.slice(2);
assert(address && photo, "expected: node run.mjs ADDRESS PHOTO [SHOTS]");
mkdirSync(shots, { recursive: true });

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"],
});

const problems = [];

async function open(width, height, colorScheme) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, acceptDownloads: true });
  const page = await context.newPage();
  page.on("pageerror", (e) => problems.push(e.message));
  page.on("console", (m) => m.type() === "error" && problems.push(m.text()));
  page.on("request", (r) => {
    const own = r.url().startsWith(new URL(address).origin) || /^(blob|data):/.test(r.url());
    assert(own, `a request to elsewhere: ${r.url()}`);
  });
  await page.goto(address);
  await page.waitForFunction(() => document.querySelector("#network").options.length > 0);
  return page;
}

const says = (page, text) =>
  page.waitForFunction((t) => document.querySelector("#status").textContent.includes(t), text, { timeout: 20000 });

async function save(page) {
  await page.keyboard.press("s");
  await says(page, "saved.");
}

async function photos(page) {
  await page.click('[data-tab="photo"]');
  await page.setInputFiles("#files", photo);
  await says(page, "1 face");
  assert.match(await page.textContent("#times"), /\d+ ms: picture/);
}

async function download(page, button) {
  const [file] = await Promise.all([page.waitForEvent("download"), page.click(button)]);
  return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
}

/** Where a pixel of a picture of that size lies on the screen when the whole of it is shown, and how large it is there. */
async function fitted(page, width, height) {
  const canvas = await page.locator("#stage").boundingBox();
  const scale = Math.min((canvas.width - 24) / width, (canvas.height - 24) / height);
  const left = canvas.x + (canvas.width - width * scale) / 2;
  const top = canvas.y + (canvas.height - height * scale) / 2;
  return { scale, at: ([x, y]) => [left + (x + 0.5) * scale, top + (y + 0.5) * scale] };
}

async function drag(page, from, to) {
  await page.mouse.move(...from);
  await page.mouse.down();
  await page.mouse.move(...from.map((v, i) => (v + to[i]) / 2));
  await page.mouse.move(...to);
  await page.mouse.up();
}

/** A photo: points, downloads, a box that is dragged, maps. */
async function aPhoto(page) {
  await photos(page);
  const [entry] = JSON.parse((await download(page, "#get-json")).bytes);
  const pts = (await download(page, "#get-pts")).bytes.toString();
  assert.equal(pts.trim().split("\n").length, entry.faces[0].points.length + 4);
  const [x, y] = entry.faces[0].points[0];
  assert(pts.includes(`${(x + 1).toFixed(3)} ${(y + 1).toFixed(3)}`));
  if (await page.isVisible("#maps-check")) {
    await page.check("#maps");
    await page.waitForFunction(() => document.querySelector("#map img").naturalWidth > 0);
    await page.screenshot({ path: `${shots}/maps.png` });
    await page.uncheck("#maps");
  }
  await aNetwork(page, entry);
  const [bx, by, bw, bh] = entry.faces[0].box;
  const { at } = await fitted(page, entry.width, entry.height);
  await drag(page, at([bx + bw / 2, by + bh / 2]), at([bx + bw / 2 + 6, by + bh / 2 + 3]));
  await page.waitForFunction(() => document.querySelector("#faces").textContent.includes("box given"));
  const [boxed] = JSON.parse((await download(page, "#get-json")).bytes);
  assert(Math.abs(boxed.faces[0].box[0] - bx - 6) < 1 && boxed.faces[0].score === null, JSON.stringify(boxed.faces[0].box));
  await page.click("#find-again");
  await page.waitForFunction(() => document.querySelector("#faces").textContent.includes("sure"));
}

/** The network as an ONNX file: whole, and with what its users have to know. */
async function aNetwork(page, entry) {
  const { name, bytes } = await download(page, "#get-onnx");
  const network = await page.inputValue("#network");
  assert.equal(name, `${network}.onnx`);
  assert.deepEqual([...bytes.subarray(0, 2)], [8, 8]); // ModelProto.ir_version is 8
  assert(bytes.length > 1e6, `${bytes.length} bytes`);
  const about = metadata(bytes);
  assert.equal(about.name, network);
  assert(about.license.length > 0 && about.scheme.includes("points = "), about.scheme);
  assert.equal(JSON.parse(about.mirror).length, entry.faces[0].points.length);
  assert.equal(JSON.parse(about.view).length, 2);
  assert.equal(JSON.parse(about.box).kind, "face");
}

/** The camera: frames go one at a time; one that opens too late is closed. */
async function aCamera(page) {
  let [open_, most, count] = [0, 0, 0];
  const started = (r) => r.url().includes("camera.jpg") && (most = Math.max(most, ++open_));
  const ended = (r) => r.url().includes("camera.jpg") && (open_--, count++);
  page.on("request", started);
  page.on("requestfinished", ended);
  await page.click('[data-tab="camera"]');
  await page.click("#camera-start");
  await page.waitForFunction(() => document.querySelector("#times").textContent.includes("pictures/s"), null, { timeout: 20000 });
  await page.waitForTimeout(1500);
  await page.screenshot({ path: `${shots}/camera.png` });
  await page.click("#camera-start");
  page.off("request", started);
  assert(count >= 2 && most === 1, `${count} frames, ${most} at a time`);
  await page.evaluate(() => {
    document.querySelector("#camera-start").click();
    document.querySelector('[data-tab="photo"]').click();
  });
  await page.waitForTimeout(1000);
  assert.equal(await page.evaluate(() => document.querySelector("#video").srcObject), null, "the camera is off");
}

/** A dataset: keys, drag, undo, hide, save, and a change of the file that is not lost. */
async function aDataset(page) {
  await page.click('[data-tab="data"]');
  await says(page, "points.");
  await page.focus("#stage");
  await page.keyboard.press("Tab");
  assert.match(await page.textContent("#point"), /^Point 1\b/);
  const before = await page.textContent("#place");
  await page.keyboard.press("Shift+ArrowRight");
  const moved = await page.textContent("#place");
  assert(Math.abs(parseFloat(moved) - parseFloat(before) - 10) < 0.02, `${before} -> ${moved}`);
  await page.keyboard.press("Control+z");
  assert.equal(await page.textContent("#place"), before);
  assert(await page.isDisabled("#save"), "nothing is left to save");
  await page.keyboard.press("Control+Shift+z");
  await page.keyboard.press("h");
  assert.equal(await page.getAttribute("#hide", "aria-pressed"), "true");
  await page.keyboard.press("Control+z");
  assert.match(await page.textContent("#unsaved"), /1 picture/);
  await page.screenshot({ path: `${shots}/data.png` });
  await page.keyboard.press("n");
  await page.keyboard.press("p");
  assert.equal(await page.textContent("#place"), moved, "changes stay from picture to picture");
  await save(page);
  assert(await page.isDisabled("#save"));
  await page.reload();
  await says(page, "points.");
  await page.focus("#stage");
  await page.keyboard.press("Tab");
  assert(Math.abs(parseFloat(await page.textContent("#place")) - parseFloat(moved)) < 0.02, "it was saved");
  await page.keyboard.press("Shift+ArrowLeft");
  await save(page);
}

/** The rows of points of a `.pts`, as they are written. */
function rowsOf(file) {
  const [, rows] = /\{\r?\n([^}]*)\}/.exec(readFileSync(file, "utf8"));
  return rows.trim().split(/\r?\n/);
}

/** Points of a dataset by the mouse and by a key, as its file has them afterwards. */
async function aDrag(page) {
  await page.reload();
  await says(page, "points.");
  const item = await page.evaluate(async () => {
    const token = new URLSearchParams(location.search).get("token");
    return (await fetch("/api/data/0", { headers: { "X-Facekp-Token": token } })).json();
  });
  assert(item.file?.endsWith(".pts"), `expected pictures beside .pts, got ${item.file}`);
  const before = rowsOf(item.file);
  await page.click("#zoom-fit");
  const { scale, at } = await fitted(page, item.width, item.height);
  // the point that is farthest from all others: no other one is meant
  const far = (i) => Math.min(...item.points.map(([x, y], k) => (k === i ? Infinity : Math.hypot(x - item.points[i][0], y - item.points[i][1]))));
  const nth = item.points.reduce((best, p, i) => (p[2] && far(i) > far(best) ? i : best), 0);
  const [from, place] = [at(item.points[nth]).map(Math.round), () => page.textContent("#place")];

  // a hand that shakes chooses, and moves nothing
  await drag(page, from, [from[0] + 2, from[1]]);
  assert.match(await page.textContent("#point"), new RegExp(`^Point ${nth}\\b`));
  assert(await page.isDisabled("#save"));
  const there = await place();

  // by so many pixels of the screen: one step of undo
  const by = [24, -16];
  await drag(page, from, from.map((v, k) => v + by[k]));
  const moved = (await place()).split(", ").map(Number);
  moved.forEach((v, k) => {
    const want = item.points[nth][k] + by[k] / scale;
    assert(Math.abs(v - want) < 0.02, `${v}, expected ${want}`);
  });
  await page.keyboard.press("Control+z");
  assert.equal(await place(), there);
  assert(await page.isDisabled("#undo"), "a drag is one step");
  await page.keyboard.press("Control+Shift+z");
  await page.screenshot({ path: `${shots}/dragged.png` });
  await save(page);
  const saved = rowsOf(item.file);
  saved[nth].split(" ").forEach((v, k) => assert(Math.abs(v - 1 - moved[k]) < 0.01, `${saved[nth]}, expected ${moved} + 1`));
  const others = (rows) => rows.filter((_, i) => i !== nth);
  assert.deepEqual(others(saved), others(before), "all other rows stay as they were written");

  // hidden by a key, and shown again where it was
  await page.keyboard.press("h");
  await says(page, ", hidden");
  await save(page);
  assert.equal(rowsOf(item.file)[nth], "-1 -1");
  await page.keyboard.press("h");
  await save(page);
  assert.deepEqual(rowsOf(item.file), saved);

  // a picture that is opened by a key amid a drag keeps its points
  await page.mouse.move(from[0] + by[0], from[1] + by[1]);
  await page.mouse.down();
  await page.keyboard.press("n");
  await says(page, "points.");
  await page.mouse.move(from[0] - 30, from[1]);
  await page.mouse.up();
  assert(await page.isDisabled("#undo"), "nothing of the next picture moved");
  await page.keyboard.press("p");
  await says(page, "points.");

  // all the way back
  while (await page.isEnabled("#undo")) {
    await page.keyboard.press("Control+z");
  }
  await save(page);
  rowsOf(item.file)[nth].split(" ").forEach((v, k) => assert(Math.abs(v - before[nth].split(" ")[k]) < 0.001));
}

/** In a picture without points a finger places one, and two fingers zoom and place none. */
async function aPinch(page) {
  const title = (await page.locator("#items option").allTextContents()).find((text) => text.endsWith("(no points)"));
  if (!title) {
    return;
  }
  await page.selectOption("#items", title);
  await says(page, "no points yet");
  const { x, y, width, height } = await page.locator("#stage").boundingBox();
  const screen = await page.context().newCDPSession(page);
  const fingers = (type, ...places) => screen.send("Input.dispatchTouchEvent", {
    type, touchPoints: places.map((by, id) => ({ x: x + width / 2 + by, y: y + height / 2, id })),
  });
  await fingers("touchStart", -20);
  await fingers("touchStart", -20, 20);
  await fingers("touchMove", -20, 60);
  await fingers("touchEnd");
  assert(await page.isDisabled("#undo"), "two fingers placed a point");
  await fingers("touchStart", 0);
  await fingers("touchEnd");
  assert.match(await page.textContent("#point"), /^Point 1\b/, "the next point is to be placed");
  await page.click("#undo");
  assert(await page.isDisabled("#save"));
}

const page = await open(1400, 900, "light");
await aPhoto(page);
await aCamera(page);
if (await page.isVisible('[data-tab="data"]')) {
  await aDataset(page);
  await aDrag(page);
  await aPinch(page);
}
await page.context().close();

for (const [width, height] of [[390, 844], [1400, 900]]) {
  for (const scheme of ["light", "dark"]) {
    const page = await open(width, height, scheme);
    await photos(page);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert(wide <= 0, `${wide} px wider than the screen of ${width} px`);
    await page.screenshot({ path: `${shots}/photo-${width}-${scheme}.png`, fullPage: true });
    if (await page.isVisible('[data-tab="data"]')) {
      await page.click('[data-tab="data"]');
      await says(page, "points.");
      await page.screenshot({ path: `${shots}/data-${width}-${scheme}.png`, fullPage: true });
    }
    await page.context().close();
  }
}
await browser.close();
assert.deepEqual(problems, []);
console.log(`all is well; screenshots are in ${shots}`);
