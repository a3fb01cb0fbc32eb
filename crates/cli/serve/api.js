// Requests to this server, with the token of the page's address.

const token = new URLSearchParams(location.search).get("token") ?? "";

async function ask(path, query = {}, options = {}) {
  const pairs = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
  const search = pairs.length > 0 ? `?${pairs.map((pair) => pair.map(encodeURIComponent).join("=")).join("&")}` : "";
  let response;
  try {
    response = await fetch(path + search, { ...options, headers: { "X-Facekp-Token": token } });
  } catch {
    throw new Error("The server does not answer: has `facekp serve` ended?");
  }
  if (response.ok) {
    return response;
  }
  const said = await response.json().catch(() => ({}));
  const error = new Error(said.error ?? `the server said ${response.status}`);
  error.status = response.status;
  throw error;
}

const box = (b) => (b ? b.join(",") : null);

export const api = {
  networks: async () => (await ask("/api/networks")).json(),

  /** The entry that `predict --json` writes, and times. */
  predict: async (blob, { weights, name, face }) =>
    (await ask("/api/predict", { weights, name, box: box(face) }, { method: "POST", body: blob })).json(),

  /** A PNG of face `nth`'s maps. */
  maps: async (blob, { weights, name, face, nth }) =>
    (await ask("/api/maps", { weights, name, box: box(face), face: nth }, { method: "POST", body: blob })).blob(),

  /** The network as an ONNX file. */
  onnx: async (weights) => (await ask("/api/onnx", { weights })).blob(),

  data: async () => (await ask("/api/data")).json(),
  item: async (n) => (await ask(`/api/data/${n}`)).json(),
  picture: async (n) => (await ask(`/api/data/${n}/picture`)).blob(),
  save: async (n, saved) =>
    (await ask(`/api/data/${n}`, {}, { method: "PUT", body: JSON.stringify(saved) })).json(),
};

/** Hands a file to the browser. */
export function download(name, kind, text) {
  const url = URL.createObjectURL(new Blob([text], { type: kind }));
  const link = document.createElement("a");
  Object.assign(link, { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** A `.pts`, which counts pixels from 1. */
export function ptsOf(points) {
  const rows = points.map(([x, y]) => `${(x + 1).toFixed(3)} ${(y + 1).toFixed(3)}\n`);
  return `version: 1\nn_points: ${points.length}\n{\n${rows.join("")}}\n`;
}
