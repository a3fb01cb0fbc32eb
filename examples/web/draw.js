// What was found, drawn over its photo.

/** The color of a confidence, from orange to teal; a plain blue where there is none. */
function color(confidence) {
  if (confidence === null) {
    return "rgb(92 164 255)";
  }
  const part = Math.min(Math.max((confidence - 0.3) / 0.6, 0), 1);
  return `hsl(${20 + 155 * part} 85% 55%)`;
}

/**
 * Draws a photo and its faces on a canvas, as large as `width` by `height` pixels of the page hold it. `show` says which
 * of `points`, `errors` and `boxes` are wanted.
 */
export function draw(canvas, photo, faces, show, [width, height]) {
  const scale = Math.min(width / photo.width, height / photo.height);
  const ratio = window.devicePixelRatio || 1;
  const sides = [photo.width * scale, photo.height * scale];
  [canvas.style.width, canvas.style.height] = sides.map((side) => `${side}px`);
  [canvas.width, canvas.height] = sides.map((side) => Math.max(1, Math.round(side * ratio)));
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.imageSmoothingQuality = "high";
  context.drawImage(photo, 0, 0, ...sides);
  const at = ([x, y]) => [(x + 0.5) * scale, (y + 0.5) * scale];
  faces.forEach((face, i) => {
    if (show.errors && face.sigma) {
      drawErrors(context, face, at, scale);
    }
    if (show.points) {
      drawPoints(context, face, at, scale);
    }
    if (show.boxes) {
      drawBox(context, String(i + 1), at(face.box), face.box.slice(2).map((v) => v * scale));
    }
  });
}

function drawPoints(context, { points, box }, at, scale) {
  const radius = Math.min(Math.max((box[2] * scale) / 70, 1.6), 5);
  context.lineWidth = 1;
  context.strokeStyle = "rgb(0 0 0 / 65%)";
  for (const [x, y, confidence] of points) {
    circle(context, at([x, y]), radius);
    context.fillStyle = color(confidence);
    context.fill();
    context.stroke();
  }
}

/** A ring about each point, as wide as the error that is to be expected. */
function drawErrors(context, { points, sigma }, at, scale) {
  points.forEach((point, i) => {
    for (const [width, style] of [[2.5, "rgb(0 0 0 / 40%)"], [1.2, "#fff"]]) {
      circle(context, at(point), sigma[i] * scale);
      [context.lineWidth, context.strokeStyle] = [width, style];
      context.stroke();
    }
  });
}

function drawBox(context, name, [x, y], [width, height]) {
  for (const [line, style] of [[3, "rgb(0 0 0 / 45%)"], [1.5, "#fff"]]) {
    [context.lineWidth, context.strokeStyle] = [line, style];
    context.strokeRect(x, y, width, height);
  }
  context.font = "600 14px system-ui, sans-serif";
  [context.lineWidth, context.lineJoin, context.strokeStyle] = [3, "round", "rgb(0 0 0 / 75%)"];
  context.fillStyle = "#fff";
  const place = [x + 2, Math.max(y - 6, 14)];
  context.strokeText(name, ...place);
  context.fillText(name, ...place);
}

function circle(context, [x, y], radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
}
