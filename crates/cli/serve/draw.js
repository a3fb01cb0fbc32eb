// What is drawn over a picture: points in the color of their confidence, lines, numbers, boxes.

const SCALE = [[0.3, [232, 89, 12]], [0.6, [255, 212, 59]], [0.9, [34, 195, 182]]];

/** The color of a confidence; without one, a plain blue. */
export function color(confidence) {
  if (confidence === null || confidence === undefined) {
    return "rgb(92 164 255)";
  }
  const upper = SCALE.findIndex(([at]) => confidence <= at);
  if (upper === 0 || upper === -1) {
    return `rgb(${SCALE.at(upper)[1].join(" ")})`;
  }
  const [[from, a], [to, b]] = [SCALE[upper - 1], SCALE[upper]];
  const part = (confidence - from) / (to - from);
  return `rgb(${a.map((v, i) => Math.round(v + (b[i] - v) * part)).join(" ")})`;
}

/** How large a point is drawn: small where many are close together. */
function radius(stage, points) {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const extent = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys), 1) * stage.scale;
  return Math.min(Math.max(extent / (points.length > 5 ? 60 : 40), 2.2), 5.5);
}

/** Lines of a scheme through the points that are there. */
export function drawLines(context, stage, points, lines) {
  context.lineWidth = 1.5;
  context.strokeStyle = "rgb(255 255 255 / 75%)";
  for (const [first, last, closed] of lines) {
    const chain = points.slice(first, last + 1).concat(closed ? [points[first]] : []);
    context.beginPath();
    let pen = false;
    for (const point of chain) {
      if (!point) {
        pen = false;
        continue;
      }
      const at = stage.toScreen(point);
      context[pen ? "lineTo" : "moveTo"](...at);
      pen = true;
    }
    context.stroke();
  }
}

/** Points `[x, y, confidence]`; a missing one is left out. */
export function drawPoints(context, stage, points, { numbers, hollow = () => false, large = -1 }) {
  const there = points.filter(Boolean);
  if (there.length === 0) {
    return;
  }
  const r = radius(stage, there);
  points.forEach((point, i) => {
    if (!point) {
      return;
    }
    const [x, y] = stage.toScreen(point);
    context.beginPath();
    context.arc(x, y, i === large ? r + 2.5 : r, 0, 2 * Math.PI);
    context.lineWidth = i === large ? 3 : 1;
    context.strokeStyle = i === large ? "#fff" : "rgb(0 0 0 / 65%)";
    if (hollow(i)) {
      context.setLineDash([2, 2]);
      context.strokeStyle = i === large ? "#fff" : color(point[2]);
    } else {
      context.fillStyle = color(point[2]);
      context.fill();
    }
    context.stroke();
    context.setLineDash([]);
    if (i === large) {
      context.beginPath();
      context.arc(x, y, r + 5, 0, 2 * Math.PI);
      context.lineWidth = 1.5;
      context.strokeStyle = "rgb(0 0 0 / 70%)";
      context.stroke();
    }
    if (numbers) {
      label(context, String(i), [x + r + 3, y - r - 1], 10);
    }
  });
}

/** A word that is legible on any picture. */
export function label(context, text, [x, y], size = 13) {
  context.font = `600 ${size}px system-ui, sans-serif`;
  context.lineWidth = 3;
  context.lineJoin = "round";
  context.strokeStyle = "rgb(0 0 0 / 75%)";
  context.fillStyle = "#fff";
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}

/** The corners of a box that is turned about its center by `roll` degrees. */
export function corners([x, y, w, h], roll = 0) {
  const [sin, cos] = [Math.sin((roll * Math.PI) / 180), Math.cos((roll * Math.PI) / 180)];
  const center = [x + w / 2, y + h / 2];
  return [[-w, -h], [w, -h], [w, h], [-w, h]].map(([dx, dy]) => [
    center[0] + (dx * cos - dy * sin) / 2,
    center[1] + (dx * sin + dy * cos) / 2,
  ]);
}

/** A face's box with its name, and handles where it can be dragged. */
export function drawBox(context, stage, box, { roll, name, chosen, handles }) {
  const at = corners(box, roll).map((p) => stage.toScreen(p));
  for (const [width, style] of [[chosen ? 4 : 3, "rgb(0 0 0 / 45%)"], [chosen ? 2 : 1.2, "#fff"]]) {
    context.beginPath();
    at.forEach((p, i) => context[i === 0 ? "moveTo" : "lineTo"](...p));
    context.closePath();
    context.lineWidth = width;
    context.strokeStyle = style;
    context.stroke();
  }
  const top = at.reduce((a, b) => (b[1] < a[1] ? b : a));
  label(context, name, [top[0] + 2, top[1] - 6]);
  if (handles) {
    for (const [x, y] of at) {
      context.fillStyle = "#fff";
      context.strokeStyle = "rgb(0 0 0 / 60%)";
      context.lineWidth = 1;
      context.fillRect(x - 5, y - 5, 10, 10);
      context.strokeRect(x - 5, y - 5, 10, 10);
    }
  }
}
