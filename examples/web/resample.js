// A part of a picture at another size, as networks learned to see pictures: averaged where it shrinks, and outside of the
// picture its edge repeated. What canvases do instead differs from browser to browser.

/**
 * The part `[x, y, width, height]` of a picture (an `ImageData`) as rows of `width * height` pixels of red, green, blue.
 * Places count from the center of the picture's first pixel: the whole picture begins at (-0.5, -0.5).
 */
export function resample(picture, [x, y, w, h], [width, height]) {
  const columns = spans(x, w, width, picture.width);
  const rows = spans(y, h, height, picture.height);
  const [top, bottom] = [rows[0].pixels[0], rows.at(-1).pixels.at(-1)];
  const lines = [];
  for (let row = top; row <= bottom; row++) {
    lines.push(across(picture, row, columns));
  }
  const out = new Uint8Array(3 * width * height);
  rows.forEach(({ pixels, weights }, j) => {
    const sums = new Float32Array(3 * width).fill(0.5); // whole numbers cut what is behind the point off
    pixels.forEach((row, k) => {
      const line = lines[row - top];
      for (let i = 0; i < sums.length; i++) {
        sums[i] += weights[k] * line[i];
      }
    });
    out.set(sums, j * sums.length);
  });
  return out;
}

/** A row of a picture at its new width. */
function across({ data, width }, row, columns) {
  const line = new Float32Array(3 * columns.length);
  const start = 4 * width * row;
  for (let i = 0; i < columns.length; i++) {
    const { pixels, weights } = columns[i];
    for (let k = 0; k < pixels.length; k++) {
      const at = start + 4 * pixels[k];
      line[3 * i] += weights[k] * data[at];
      line[3 * i + 1] += weights[k] * data[at + 1];
      line[3 * i + 2] += weights[k] * data[at + 2];
    }
  }
  return line;
}

/** For each of `count` new pixels over `length` old ones from `start`, the old ones that it is the mean of: a triangle. */
function spans(start, length, count, last) {
  const step = length / count;
  const reach = Math.max(step, 1);
  return Array.from({ length: count }, (_, i) => {
    const center = start + (i + 0.5) * step;
    const first = Math.ceil(center - reach);
    const under = Array.from({ length: Math.floor(center + reach) - first + 1 }, (_, k) => first + k);
    const shares = under.map((pixel) => 1 - Math.abs(pixel - center) / reach);
    const sum = shares.reduce((a, b) => a + b);
    return {
      pixels: Int32Array.from(under, (pixel) => Math.min(Math.max(pixel, 0), last - 1)),
      weights: Float32Array.from(shares, (share) => share / sum),
    };
  });
}
