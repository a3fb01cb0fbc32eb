// The faces of an entry: drawn over the picture, and listed beside it.

import { drawBox, drawLines, drawPoints } from "./draw.js";

const list = document.getElementById("faces");
const times = document.getElementById("times");
const percent = (v) => `${Math.round(100 * v)} %`;

/** Draws every face of an entry; `handles` where the chosen one's box can be dragged. */
export function drawFaces(context, stage, entry, { chosen, show, lines, handles }) {
  entry?.faces.forEach((face, i) => {
    if (show.lines) {
      drawLines(context, stage, face.points, lines);
    }
    if (show.points) {
      drawPoints(context, stage, face.points, { numbers: show.numbers && i === chosen });
    }
    if (show.box) {
      const name = String(face.id ?? i + 1);
      const box = { roll: face.roll, name, chosen: i === chosen, handles: handles && i === chosen };
      drawBox(context, stage, face.box, box);
    }
  });
}

/** Lists the faces and the times of an entry; `choose` is called with the number of one that is clicked. */
export function listFaces(entry, chosen, choose) {
  const faces = entry?.faces ?? [];
  list.replaceChildren(...faces.map((face, i) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", String(i === chosen));
    const sure = face.points.map(([, , c]) => c).filter((c) => c !== null);
    const mean = sure.length > 0 ? sure.reduce((a, b) => a + b, 0) / sure.length : null;
    const words = [
      face.score === null ? "box given" : `face ${percent(face.score)} sure`,
      mean === null ? `${face.points.length} points` : `${face.points.length} points, mean confidence ${mean.toFixed(2)}`,
    ];
    button.append(`Face ${face.id ?? i + 1}`, small(words.join(" · ")));
    if (face.doubt) {
      button.append(small(face.doubt, "doubt"));
    }
    button.addEventListener("click", () => choose(i));
    item.append(button);
    return item;
  }));
  if (entry && faces.length === 0) {
    const none = document.createElement("li");
    none.className = "muted";
    none.textContent = "No face found.";
    list.append(none);
  }
  times.textContent = entry ? timesOf(entry.ms) : "";
}

function small(text, kind = "") {
  const element = document.createElement("small");
  element.className = kind;
  element.textContent = text;
  return element;
}

export function timesOf({ read, find, network }) {
  const total = read + find + network;
  return `${total.toFixed(0)} ms: picture ${read.toFixed(0)}, faces ${find.toFixed(0)}, network ${network.toFixed(0)}`;
}

/** What is found, in words. */
export function summary(entry) {
  const count = entry.faces.length;
  const found = count === 0 ? "No face found" : count === 1 ? "1 face" : `${count} faces`;
  const lack = entry.lack ? ` The picture is not whole: ${entry.lack}.` : "";
  return `${entry.file}: ${found}.${lack}`;
}
