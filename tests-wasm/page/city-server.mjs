// A city that is made as it is asked for, from a server that can be told to misbehave: a quadtree of flat coloured
// tiles that refine by REPLACE and cover the ground without a gap, each as heavy as a test wants it.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";
import { target } from "../harness.mjs";

/** Where the middle of the city is. */
export const CENTER = { lon: 24.9414, lat: 60.1719 };
const METRES_PER_DEG = 111_320;

/** The package under test: what `cargo xtask package` built. */
export const PACKAGE = path.join(target, "npm/citytwin/dist");

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".json": "application/json", ".wasm": "application/wasm" };
/** Alone in its process a page may measure its memory. */
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>A city on a page</title>
<link rel="icon" href="data:,">
<style>html, body { margin: 0 } .city { width: 320px; height: 200px }</style>
<div class="city" id="city"></div>
<div class="city" id="other"></div>
`;

/** One colour for each level, all of them bright: what is grey is no tile. */
const COLORS = [[0.9, 0.15, 0.1], [0.1, 0.6, 0.15], [0.1, 0.25, 0.9], [0.85, 0.6, 0.05], [0.7, 0.1, 0.75], [0.05, 0.6, 0.65]];

/**
 * Starts it. `depth`: levels below the root; `leafM`: metres across a tile of the finest level; `vertices` of each
 * tile, 24 bytes each. `files` are further mounts: URL prefix → folder.
 *
 * `trouble(path, attempt)` says what to do with a request of the city's files (attempts count from 0, for each path):
 * nothing, a status, "reset", "hang", "truncate", "cut" (truncated, but with the length that is sent) or "html".
 */
export async function cityServer({ depth = 4, leafM = 250, vertices = 4, files = {} } = {}) {
  const city = { depth, leafM, vertices, sideM: leafM * 2 ** depth };
  const mounts = { "/citytwin/": PACKAGE, ...files };
  let log = [];
  const attempts = new Map();
  const state = { trouble: () => undefined, city, log: () => log, reset: () => { log = []; attempts.clear(); } };
  const server = http.createServer(async (request, response) => {
    const wanted = decodeURIComponent(new URL(request.url, "http://x").pathname);
    const body = made(wanted, city);
    if (body === undefined) return fromDisk(wanted, mounts, response);
    const attempt = attempts.get(wanted) ?? 0;
    attempts.set(wanted, attempt + 1);
    const what = state.trouble(wanted, attempt);
    log.push({ path: wanted, attempt, what, at: performance.now() });
    answer(response, wanted, body, what);
  });
  const port = await listen(server);
  const sockets = new Set();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  return Object.assign(state, {
    url: `http://127.0.0.1:${port}/`,
    /** Hangs up on everybody and answers nobody any more. */
    async goAway() {
      for (const socket of sockets) socket.destroy();
      server.close();
      if (server.listening) await once(server, "close");
    },
    /** Is there again, at the same address. */
    comeBack: () => listen(server, port),
    async stop() {
      server.closeAllConnections();
      if (server.listening) {
        server.close();
        await once(server, "close");
      }
    },
  });
}

async function listen(server, port = 0) {
  await once(server.listen(port, "127.0.0.1"), "listening");
  return server.address().port;
}

function made(wanted, city) {
  if (wanted === "/") return Buffer.from(PAGE);
  if (wanted === "/twin/twin.json") return json(manifest(city, [{ id: "ground", title: { en: "Ground" }, theme: "ground", tileset: "city/tileset.json" }]));
  if (wanted === "/twin/empty.json") return json(manifest(city, []));
  if (wanted === "/twin/city/tileset.json") return json(tileset(city));
  const tile = /^\/twin\/city\/(\d+)_(\d+)_(\d+)\.glb$/.exec(wanted);
  return tile ? glb(city, ...tile.slice(1).map(Number)) : undefined;
}

const json = (value) => Buffer.from(JSON.stringify(value));

function manifest({ sideM }, layers) {
  const lat = sideM / 2 / METRES_PER_DEG;
  const lon = lat / Math.cos((CENTER.lat * Math.PI) / 180);
  return {
    format: "citytwin/1",
    title: { en: "Made-up city" },
    extent: [CENTER.lon - lon, CENTER.lat - lat, CENTER.lon + lon, CENTER.lat + lat],
    home: { ...CENTER, heightM: 0, distanceM: 1200, headingDeg: 0, pitchDeg: -90 },
    layers,
    attribution: [],
  };
}

/** A view straight down, so many metres east and north of the middle. */
export function above(eastM, northM, distanceM) {
  const lat = CENTER.lat + northM / METRES_PER_DEG;
  const lon = CENTER.lon + eastM / METRES_PER_DEG / Math.cos((CENTER.lat * Math.PI) / 180);
  return { lon, lat, heightM: 0, distanceM, headingDeg: 0, pitchDeg: -90 };
}

function place({ sideM }, level, x, y) {
  const size = sideM / 2 ** level;
  return { size, east: -sideM / 2 + (x + 0.5) * size, north: -sideM / 2 + (y + 0.5) * size };
}

function tileset(city) {
  const tile = (level, x, y) => {
    const { size, east, north } = place(city, level, x, y);
    const below = level === city.depth ? [] : [[0, 0], [0, 1], [1, 0], [1, 1]];
    return {
      boundingVolume: { box: [east, north, 0, size / 2, 0, 0, 0, size / 2, 0, 0, 0, 1] },
      geometricError: level === city.depth ? 0 : size / 16,
      refine: "REPLACE",
      content: { uri: `${level}_${x}_${y}.glb` },
      ...(below.length > 0 && { children: below.map(([i, j]) => tile(level + 1, 2 * x + i, 2 * y + j)) }),
    };
  };
  const root = tile(0, 0, 0);
  root.transform = ecefFromEnu(CENTER);
  return { asset: { version: "1.1" }, geometricError: city.sideM / 8, root };
}

function glb(city, level, x, y) {
  const { size, east, north } = place(city, level, x, y);
  const count = Math.max(4, city.vertices);
  const bin = binary(count);
  const head = JSON.stringify({
    asset: { version: "2.0" },
    scene: 0,
    scenes: [{ nodes: [0] }],
    nodes: [{ mesh: 0, translation: [east, 0, -north], scale: [size / 2, 1, size / 2] }],
    materials: [{ pbrMetallicRoughness: { baseColorFactor: [...COLORS[level % COLORS.length], 1], metallicFactor: 0 } }],
    meshes: [{ primitives: [{ attributes: { POSITION: 0, NORMAL: 1 }, indices: 2, material: 0 }] }],
    accessors: [
      { bufferView: 0, componentType: 5126, count, type: "VEC3", min: [-1, 0, -1], max: [1, 0, 1] },
      { bufferView: 1, componentType: 5126, count, type: "VEC3" },
      { bufferView: 2, componentType: 5125, count: 6, type: "SCALAR" },
    ],
    bufferViews: [
      { buffer: 0, byteOffset: 0, byteLength: 12 * count, target: 34962 },
      { buffer: 0, byteOffset: 12 * count, byteLength: 12 * count, target: 34962 },
      { buffer: 0, byteOffset: 24 * count, byteLength: 24, target: 34963 },
    ],
    buffers: [{ byteLength: bin.length }],
  });
  const text = head + " ".repeat((4 - (head.length % 4)) % 4);
  const chunk = (type, bytes) => {
    const start = Buffer.alloc(8);
    start.writeUInt32LE(bytes.length);
    start.writeUInt32LE(type, 4);
    return Buffer.concat([start, bytes]);
  };
  const chunks = [chunk(0x4e4f534a, Buffer.from(text)), chunk(0x004e4942, bin)];
  const start = Buffer.alloc(12);
  start.write("glTF");
  start.writeUInt32LE(2, 4);
  start.writeUInt32LE(12 + chunks[0].length + chunks[1].length, 8);
  return Buffer.concat([start, ...chunks]);
}

const binaries = new Map();

/** Four corners of a square, two triangles, and vertices that are only there to be heavy. */
function binary(count) {
  if (!binaries.has(count)) {
    const floats = new Float32Array(count * 6);
    for (let i = 0; i < count; i++) {
      const [x, z] = [[-1, 1], [1, 1], [1, -1], [-1, -1]][i] ?? [Math.sin(i), Math.cos(3 * i)];
      floats.set([x, 0, z], 3 * i);
      floats.set([0, 1, 0], 3 * (count + i));
    }
    const indices = Uint32Array.from([0, 1, 2, 0, 2, 3]);
    binaries.set(count, Buffer.concat([Buffer.from(floats.buffer), Buffer.from(indices.buffer)]));
  }
  return binaries.get(count);
}

function answer(response, wanted, body, what) {
  const type = wanted === "/" ? "text/html" : TYPES[path.extname(wanted)] ?? "application/octet-stream";
  const head = { "content-type": type, "cache-control": "no-store", ...ISOLATED };
  const half = body.subarray(0, body.length >> 1);
  if (what === undefined) {
    response.writeHead(200, { ...head, "content-length": body.length }).end(body);
  } else if (typeof what === "number") {
    response.writeHead(what, head).end();
  } else if (what === "reset") {
    response.socket.resetAndDestroy();
  } else if (what === "truncate") {
    response.writeHead(200, { ...head, "content-length": body.length });
    response.write(half, () => response.socket.destroy());
  } else if (what === "cut") {
    response.writeHead(200, { ...head, "content-length": half.length }).end(half);
  } else if (what === "html") {
    response.writeHead(200, { ...head, "content-type": "text/html" }).end("<!doctype html><title>Welcome</title>");
  }
  // What hangs is never answered.
}

async function fromDisk(wanted, mounts, response) {
  const mount = Object.keys(mounts).find((prefix) => wanted.startsWith(prefix));
  try {
    const bytes = await readFile(path.join(mounts[mount], wanted.slice(mount.length).replaceAll("..", "")));
    response.writeHead(200, { "content-type": TYPES[path.extname(wanted)] ?? "application/octet-stream", ...ISOLATED }).end(bytes);
  } catch {
    response.writeHead(404).end();
  }
}

/** Column-major, WGS84. */
function ecefFromEnu({ lon, lat }) {
  const [l, p] = [(lon * Math.PI) / 180, (lat * Math.PI) / 180];
  const [a, f] = [6378137, 1 / 298.257223563];
  const e2 = f * (2 - f);
  const [sl, cl, sp, cp] = [Math.sin(l), Math.cos(l), Math.sin(p), Math.cos(p)];
  const n = a / Math.sqrt(1 - e2 * sp * sp);
  return [-sl, cl, 0, 0, -sp * cl, -sp * sl, cp, 0, cp * cl, cp * sl, sp, 0, n * cp * cl, n * cp * sl, n * (1 - e2) * sp, 1];
}
