// The page of `facekp serve` in Chromium, run by hand:
//   npm install && node run.mjs ADDRESS PHOTO [SHOTS]
// ADDRESS is what `facekp serve --data DIR` prints, DIR a copy of a small folder whose first picture has points: the
// test moves one and saves it. SHOTS is where screenshots go. CHROMIUM names the browser (/usr/bin/chromium).

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { chromium } from "playwright-core";

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

async function photos(page) {
  await page.click('[data-tab="photo"]');
  await page.setInputFiles("#files", photo);
  await says(page, "1 face");
  assert.match(await page.textContent("#times"), /\d+ ms: picture/);
}

async function download(page, button) {
  const [file] = await Promise.all([page.waitForEvent("download"), page.click(button)]);
  return readFileSync(await file.path(), "utf8");
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
  const [entry] = JSON.parse(await download(page, "#get-json"));
  const pts = await download(page, "#get-pts");
  assert.equal(pts.trim().split("\n").length, entry.faces[0].points.length + 4);
  const [x, y] = entry.faces[0].points[0];
  assert(pts.includes(`${(x + 1).toFixed(3)} ${(y + 1).toFixed(3)}`));
  if (await page.isVisible("#maps-check")) {
    await page.check("#maps");
    await page.waitForFunction(() => document.querySelector("#map img").naturalWidth > 0);
    await page.screenshot({ path: `${shots}/maps.png` });
    await page.uncheck("#maps");
  }
  const canvas = await page.locator("#stage").boundingBox();
  const [bx, by, bw, bh] = entry.faces[0].box;
  const scale = Math.min((canvas.width - 24) / entry.width, (canvas.height - 24) / entry.height);
  const on = (px, py) => [
    canvas.x + (canvas.width - entry.width * scale) / 2 + (px + 0.5) * scale,
    canvas.y + (canvas.height - entry.height * scale) / 2 + (py + 0.5) * scale,
  ];
  await drag(page, on(bx + bw / 2, by + bh / 2), on(bx + bw / 2 + 6, by + bh / 2 + 3));
  await page.waitForFunction(() => document.querySelector("#faces").textContent.includes("box given"));
  const [boxed] = JSON.parse(await download(page, "#get-json"));
  assert(Math.abs(boxed.faces[0].box[0] - bx - 6) < 1 && boxed.faces[0].score === null, JSON.stringify(boxed.faces[0].box));
  await page.click("#find-again");
  await page.waitForFunction(() => document.querySelector("#faces").textContent.includes("sure"));
}

/** The camera: frames go one at a time. */
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
  await page.keyboard.press("s");
  await says(page, "saved.");
  assert(await page.isDisabled("#save"));
  await page.reload();
  await says(page, "points.");
  await page.focus("#stage");
  await page.keyboard.press("Tab");
  assert(Math.abs(parseFloat(await page.textContent("#place")) - parseFloat(moved)) < 0.02, "it was saved");
  await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("s");
  await says(page, "saved.");
}

const page = await open(1400, 900, "light");
await aPhoto(page);
await aCamera(page);
if (await page.isVisible('[data-tab="data"]')) {
  await aDataset(page);
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
