// The page: photos and the camera go in, points come out on the canvas, in the table and as a file.

import { draw } from "./draw.js";

const FINDER = "face_finder.onnx";
const NETWORK = "face68.onnx";
const LARGEST = 4096; // pixels of a photo's longer side: canvases of phones hold no more
const $ = (id) => document.getElementById(id);

let reader = null;
let shown = null; // { name, photo, whole: [width, height], faces, ms }
let stream = null; // the camera's, while it is on
let turn = 0; // the last wish counts, whichever answer comes last

function say(text, bad = false) {
  $("status").textContent = text;
  $("status").classList.toggle("bad", bad);
}

/** A photo, or a frame of a video, on a canvas of its own; what is transparent shows white. */
function onCanvas(source, width, height) {
  const scale = Math.min(1, LARGEST / Math.max(width, height));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** Reads what is on a canvas and shows it; `whole` is the size of the photo that it was made of. */
async function look(name, photo, whole) {
  const mine = turn;
  const pixels = photo.getContext("2d").getImageData(0, 0, photo.width, photo.height);
  const { faces, ms } = await reader.read(pixels);
  if (mine === turn) {
    shown = { name, photo, whole, faces, ms };
    show();
  }
}

async function open(file) {
  stop();
  turn += 1;
  const mine = turn;
  say(`${file.name}: looking …`);
  let picture;
  try {
    picture = await createImageBitmap(file); // upright, as the camera noted it
  } catch {
    say(`${file.name}: expected a picture that this browser can show`, true);
    return;
  }
  try {
    const photo = onCanvas(picture, picture.width, picture.height);
    if (mine === turn) {
      await look(file.name, photo, [picture.width, picture.height]);
    }
  } catch (error) {
    say(`${file.name}: ${error.message}`, true);
  }
}

async function start() {
  turn += 1;
  const mine = turn;
  try {
    const video = { facingMode: "user", width: { ideal: 640 } };
    const got = await navigator.mediaDevices.getUserMedia({ video, audio: false });
    if (mine !== turn) {
      got.getTracks().forEach((track) => track.stop());
      return;
    }
    stream = got;
    $("camera").textContent = "Stop the camera";
    $("video").srcObject = got;
    await $("video").play();
    while (stream === got) {
      const { videoWidth, videoHeight } = $("video");
      await look("camera", onCanvas($("video"), videoWidth, videoHeight), [videoWidth, videoHeight]);
      await new Promise(requestAnimationFrame);
    }
  } catch (error) {
    if (mine === turn) {
      stop();
      say(`The camera: ${error.message}`, true);
    }
  }
}

function stop() {
  turn += 1;
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  $("video").srcObject = null;
  $("camera").textContent = "Start the camera";
}

/** What was found: in words, on the canvas, and in the table. */
function show() {
  const { name, faces, ms } = shown;
  const count = faces.length === 0 ? "No face found" : faces.length === 1 ? "1 face" : `${faces.length} faces`;
  const words = `${name}: ${count}.`;
  if ($("status").textContent !== words) {
    say(words); // a screen reader hears of the camera's faces when their number changes
  }
  $("times").textContent = `Finder ${ms.find.toFixed(0)} ms, points ${ms.network.toFixed(0)} ms`;
  $("canvas").setAttribute("aria-label", `${words} Their points are drawn over the photo.`);
  $("faces").replaceChildren(...faces.map(row));
  $("table").hidden = faces.length === 0;
  $("download").disabled = false;
  [$("canvas").hidden, $("empty").hidden] = [false, true];
  redraw();
}

function row(face, i) {
  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
  const sure = face.points.map((point) => point[2]);
  const cells = [
    String(i + 1),
    `${Math.round(100 * face.score)} %`,
    sure[0] === null ? "–" : mean(sure).toFixed(2),
    face.sigma ? `${inWhole(mean(face.sigma)).toFixed(1)} px` : "–",
  ];
  const line = document.createElement("tr");
  line.append(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
  return line;
}

function redraw() {
  if (shown) {
    const wanted = { points: $("show-points").checked, errors: $("show-errors").checked, boxes: $("show-boxes").checked };
    draw($("canvas"), shown.photo, shown.faces, wanted, [$("stage").clientWidth, 0.75 * window.innerHeight]);
  }
}

/** A length in pixels of the photo as it was before the canvas. */
const inWhole = (length) => (length * shown.whole[0]) / shown.photo.width;

/** The points in the form that `facekp predict --json` has. */
function download() {
  const { name, whole, photo } = shown;
  const [across, down] = [whole[0] / photo.width, whole[1] / photo.height];
  const place = (x, y) => [(x + 0.5) * across - 0.5, (y + 0.5) * down - 0.5];
  const faces = shown.faces.map(({ box: [x, y, w, h], score, points, sigma }) => ({
    box: [...place(x, y), w * across, h * down],
    score,
    points: points.map(([x, y, confidence]) => [...place(x, y), confidence]),
    sigma: sigma && sigma.map(inWhole),
  }));
  const text = JSON.stringify([{ file: name, width: whole[0], height: whole[1], faces }], null, 2);
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  Object.assign(document.createElement("a"), { href: url, download: `${name.replace(/\.[^.]*$/, "")}.keypoints.json` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function take(files) {
  if (reader && files?.length > 0) {
    open(files[0]);
  }
}

$("choose").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", () => {
  take($("file").files);
  $("file").value = ""; // the same one may be chosen again
});
$("camera").addEventListener("click", () => (stream ? stop() : start()));
$("download").addEventListener("click", download);
for (const id of ["show-points", "show-errors", "show-boxes"]) {
  $(id).addEventListener("change", redraw);
}
window.addEventListener("resize", redraw);
document.addEventListener("paste", (e) => take(e.clipboardData.files));
document.addEventListener("dragover", (e) => {
  e.preventDefault();
  $("stage").classList.add("over");
});
document.addEventListener("dragleave", (e) => $("stage").classList.toggle("over", Boolean(e.relatedTarget)));
document.addEventListener("drop", (e) => {
  e.preventDefault();
  $("stage").classList.remove("over");
  take(e.dataTransfer.files);
});

try {
  const { Reader } = await import("./reader.js").catch(() => {
    throw new Error("Expected onnxruntime-web in node_modules beside this page: see its README.");
  });
  reader = await Reader.load(FINDER, NETWORK);
  $("choose").disabled = false;
  $("camera").disabled = !navigator.mediaDevices?.getUserMedia;
  say("Ready.");
} catch (error) {
  say(error.message, true);
}
