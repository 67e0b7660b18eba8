// A small city that nobody built: made up for tests of what is seen inside, below and through. A meadow with a road,
// two houses in two levels of detail, and pipes below the ground.
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { serveFiles, target } from "./harness.mjs";

const PAGE = `<!doctype html><meta charset="utf-8"><title>Made up</title><link rel="icon" href="data:,">
<style>html, body, #view { margin: 0; height: 100%; overflow: hidden; }</style><div id="view"></div>`;

/** Where it stands: the middle of the meadow. */
export const PLACE = { lon: 24.945, lat: 60.17 };
/** Colours (sRGB, 0 to 255) that no light turns into one another. */
export const COLORS = { meadow: [120, 190, 110], road: [215, 215, 205], house: [235, 230, 220], coarse: [230, 90, 60], pipe: [220, 30, 200], cable: [20, 60, 230] };
/** The tall house stands in the middle of the meadow, metres. */
export const HOUSE = { width: 40, height: 40 };
/** The top of the pipe, which runs east and west below the tall house, metres. */
export const PIPE_TOP_M = -4;

const RAD = Math.PI / 180;

/** Column-major transform from east, north and up at the place to ECEF. */
function ecefFromEnu({ lon, lat }) {
  const [sinLon, cosLon, sinLat, cosLat] = [Math.sin(lon * RAD), Math.cos(lon * RAD), Math.sin(lat * RAD), Math.cos(lat * RAD)];
  const [a, e2] = [6378137, 0.0066943799901413165];
  const n = a / Math.sqrt(1 - e2 * sinLat * sinLat);
  const east = [-sinLon, cosLon, 0];
  const north = [-sinLat * cosLon, -sinLat * sinLon, cosLat];
  const up = [cosLat * cosLon, cosLat * sinLon, sinLat];
  return [...east, 0, ...north, 0, ...up, 0, n * up[0], n * up[1], n * (1 - e2) * up[2], 1];
}

/** A view of the place from `distanceM`. */
export function view(distanceM, { heightM = 0, headingDeg = 0, pitchDeg = -90, east = 0, north = 0 } = {}) {
  const perDegree = 111_320;
  const lon = PLACE.lon + east / (perDegree * Math.cos(PLACE.lat * RAD));
  return { lon, lat: PLACE.lat + north / perDegree, heightM, distanceM, headingDeg, pitchDeg };
}

/** The triangles of a block between two corners (east, north, up), every face outwards. */
function block([w, s, b], [e, n, t]) {
  const faces = [
    [[0, 0, 1], [w, s, t], [e, s, t], [e, n, t], [w, n, t]],
    [[0, 0, -1], [w, n, b], [e, n, b], [e, s, b], [w, s, b]],
    [[0, -1, 0], [w, s, b], [e, s, b], [e, s, t], [w, s, t]],
    [[0, 1, 0], [e, n, b], [w, n, b], [w, n, t], [e, n, t]],
    [[-1, 0, 0], [w, n, b], [w, s, b], [w, s, t], [w, n, t]],
    [[1, 0, 0], [e, s, b], [e, n, b], [e, n, t], [e, s, t]],
  ];
  return faces.flatMap(([normal, p, q, r, o]) => [p, q, r, p, r, o].map((at) => ({ at, normal })));
}

function sheet([w, s], [e, n]) {
  return [[w, s, 0], [e, s, 0], [e, n, 0], [w, s, 0], [e, n, 0], [w, n, 0]].map((at) => ({ at, normal: [0, 0, 1] }));
}

/** A glb of parts, each `{ vertices, color, flat?, lines? }`. */
function glb(parts) {
  const linear = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  const yUp = ([x, y, z]) => [x, z, -y];
  const numbers = [];
  const [accessors, bufferViews, primitives, materials] = [[], [], [], []];
  const accessor = (vectors, bounds) => {
    const flat = vectors.flat();
    bufferViews.push({ buffer: 0, byteOffset: numbers.length * 4, byteLength: flat.length * 4 });
    numbers.push(...flat);
    const corner = (pick) => [0, 1, 2].map((i) => pick(...vectors.map((v) => v[i])));
    const around = bounds ? { min: corner(Math.min), max: corner(Math.max) } : {};
    accessors.push({ bufferView: bufferViews.length - 1, componentType: 5126, type: "VEC3", count: vectors.length, ...around });
    return accessors.length - 1;
  };
  for (const { vertices, color, flat, lines } of parts) {
    const attributes = { POSITION: accessor(vertices.map(({ at }) => yUp(at)), true) };
    if (!lines) attributes.NORMAL = accessor(vertices.map(({ normal }) => yUp(normal)), false);
    const extras = flat === undefined ? {} : { extras: { citytwinFlat: flat } };
    materials.push({ pbrMetallicRoughness: { baseColorFactor: [...color.map(linear), 1], metallicFactor: 0 }, ...extras });
    primitives.push({ attributes, mode: lines ? 1 : 4, material: materials.length - 1 });
  }
  const json = {
    asset: { version: "2.0", generator: "made up for tests" },
    scene: 0, scenes: [{ nodes: [0] }], nodes: [{ mesh: 0 }], meshes: [{ primitives }],
    materials, accessors, bufferViews, buffers: [{ byteLength: numbers.length * 4 }],
  };
  const text = Buffer.from(JSON.stringify(json));
  const header = Buffer.concat([text, Buffer.alloc(-text.length & 3, " ")]);
  const body = Buffer.from(new Float32Array(numbers).buffer);
  const words = (...values) => Buffer.from(new Uint32Array(values).buffer);
  const total = 28 + header.length + body.length;
  return Buffer.concat([words(0x46546c67, 2, total, header.length, 0x4e4f534a), header, words(body.length, 0x004e4942), body]);
}

/** A tile of a tileset: its bounds (corners: east, north, up), error and content. */
function tile(low, high, geometricError, uri, children) {
  const middle = low.map((v, i) => (v + high[i]) / 2);
  const [x, y, z] = low.map((v, i) => (high[i] - v) / 2);
  const content = uri ? { content: { uri } } : {};
  return { boundingVolume: { box: [...middle, x, 0, 0, 0, y, 0, 0, 0, z] }, geometricError, refine: "REPLACE", ...content, ...(children && { children }) };
}

/**
 * Writes the city's `twin.json` and tilesets into a folder. Layers: `ground` and `road` (flat), `buildings`, and
 * `pipes` (theme `other`).
 */
async function writeMadeUpCity(folder) {
  const half = HOUSE.width / 2;
  const houses = (color) => [
    { vertices: block([-half, -half, 0], [half, half, HOUSE.height]), color },
    { vertices: block([60, -15, 0], [90, 15, 15]), color },
  ];
  const pipes = [
    { vertices: block([-150, -3, PIPE_TOP_M - 3], [150, 3, PIPE_TOP_M]), color: COLORS.pipe },
    { vertices: block([-80, -90, PIPE_TOP_M - 3], [-76, 90, PIPE_TOP_M]), color: COLORS.pipe },
    { vertices: [[-150, -40, -2], [150, -40, -2]].map((at) => ({ at })), color: COLORS.cable, lines: true },
  ];
  const files = {
    "ground.glb": glb([{ vertices: sheet([-200, -200], [200, 200]), color: COLORS.meadow, flat: 0 }]),
    "road.glb": glb([{ vertices: sheet([-200, 40], [200, 52]), color: COLORS.road, flat: 10 }]),
    "coarse.glb": glb(houses(COLORS.coarse)),
    "fine.glb": glb(houses(COLORS.house)),
    "pipes.glb": glb(pipes),
  };
  const flat = [[-200, -200, -0.1], [200, 200, 0.1]];
  const built = [[-half, -half, 0], [90, half, HOUSE.height]];
  const trees = {
    ground: tile(...flat, 0, "ground.glb"),
    road: tile(...flat, 0, "road.glb"),
    // Coarse from farther than about half a kilometre on a small canvas.
    buildings: tile(...built, 16, "coarse.glb", [tile(...built, 0, "fine.glb")]),
    pipes: tile([-150, -90, -7], [150, 90, -2], 0, "pipes.glb"),
  };
  await mkdir(folder, { recursive: true });
  for (const [id, root] of Object.entries(trees)) {
    const tileset = { asset: { version: "1.1", extras: { note: "made up for tests" } }, geometricError: 1000, root: { ...root, transform: ecefFromEnu(PLACE) } };
    await writeFile(path.join(folder, `${id}.json`), JSON.stringify(tileset));
  }
  for (const [name, bytes] of Object.entries(files)) await writeFile(path.join(folder, name), bytes);
  const themes = { ground: "ground", road: "transport", buildings: "buildings", pipes: "other" };
  const twin = {
    format: "citytwin/1",
    title: { en: "A made-up city" },
    extent: [PLACE.lon - 0.02, PLACE.lat - 0.01, PLACE.lon + 0.02, PLACE.lat + 0.01],
    home: view(400, { pitchDeg: -40 }),
    layers: Object.entries(themes).map(([id, theme]) => ({ id, title: { en: `Made up: ${id}` }, theme, tileset: `${id}.json` })),
    attribution: [{ text: "Made up for tests" }],
  };
  await writeFile(path.join(folder, "twin.json"), JSON.stringify(twin));
}

/** Serves the city, the npm package, and `page.html` with an empty `#view` that fills the window. */
export async function serveMadeUpCity() {
  const folder = await mkdtemp(path.join(os.tmpdir(), "city-"));
  await writeMadeUpCity(folder);
  await writeFile(path.join(folder, "page.html"), PAGE);
  return serveFiles({ "/citytwin/": path.join(target, "npm/citytwin/dist"), "/": folder });
}
