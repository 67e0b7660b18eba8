// Makes a plan of a baked twin: `node make-map.mjs twin map.geojson`.
//
// The finest tiles of ground, transport and buildings hold triangles with a feature id at each vertex. Seen from above,
// the sides that only one triangle of a feature has are its outline.
import { readFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { MeshoptDecoder } from "meshoptimizer";

const LAYERS = ["ground", "transport", "buildings"];
/** How upright a triangle's side may be and still count as seen from above. */
const LEAST_UP = 0.2;
const ARRAYS = { 5120: Int8Array, 5121: Uint8Array, 5122: Int16Array, 5123: Uint16Array, 5125: Uint32Array, 5126: Float32Array };
const SIZES = { SCALAR: 1, VEC3: 3, VEC4: 4 };

const [twin, out] = process.argv.slice(2);
await MeshoptDecoder.ready;
const features = [];
for (const layer of LAYERS) features.push(...await readLayer(layer));
await writeFile(out, JSON.stringify({ type: "FeatureCollection", features }));
console.log(`${out}: ${features.length} features`);

async function readLayer(layer) {
  const tileset = JSON.parse(await readFile(path.join(twin, layer, "tileset.json"), "utf8"));
  const lonLat = lonLatFrom(tileset.root.transform);
  const parts = new Map();
  for (const file of await finestTiles(path.join(twin, layer))) {
    const { json, bin } = openGlb(await readFile(file));
    const rows = readRows(json, bin);
    for (const { mesh, translation = [0, 0, 0], scale = [1, 1, 1] } of json.nodes) {
      const place = ([x, z]) => lonLat(translation[0] + scale[0] * x, -(translation[2] + scale[2] * z));
      for (const primitive of json.meshes[mesh].primitives) {
        if (primitive.attributes._FEATURE_ID_0 === undefined) continue;
        for (const [row, rings] of outlines(json, bin, primitive)) {
          const { id, class: kind, name, name_en } = rows[row];
          const part = parts.get(id) ?? { kind, name: name_en || name, polygons: [] };
          part.polygons.push(...polygons(rings.map((ring) => ring.map(place))));
          parts.set(id, part);
        }
      }
    }
  }
  return [...parts].map(([id, { kind, name, polygons }], order) => ({
    type: "Feature",
    properties: { id, layer, class: kind, order, ...(name && { name }) },
    geometry: { type: "MultiPolygon", coordinates: polygons },
  }));
}

/** Files of the tiles that no finer tile takes the place of; they are called `tiles/LEVEL/X/Y.glb`. */
async function finestTiles(folder) {
  const names = (await readdir(path.join(folder, "tiles"), { recursive: true })).filter((name) => name.endsWith(".glb"));
  const key = (name) => name.replace(/\.glb$/, "").split(/[/\\]/).map(Number);
  const finer = new Set(names.map(key).map(([level, x, y]) => `${level - 1}/${x >> 1}/${y >> 1}`));
  return names.filter((name) => !finer.has(key(name).join("/"))).sort().map((name) => path.join(folder, "tiles", name));
}

/** glTF 2.0, section 4.4. */
function openGlb(file) {
  const length = file.readUInt32LE(12);
  return { json: JSON.parse(file.toString("utf8", 20, 20 + length)), bin: file.subarray(28 + length) };
}

/** The bytes of a buffer view; EXT_meshopt_compression. */
function view(json, bin, index) {
  const { byteOffset = 0, byteLength, extensions } = json.bufferViews[index];
  const packed = extensions?.EXT_meshopt_compression;
  if (!packed) return Uint8Array.from(bin.subarray(byteOffset, byteOffset + byteLength));
  const bytes = new Uint8Array(packed.count * packed.byteStride);
  const source = bin.subarray(packed.byteOffset ?? 0, (packed.byteOffset ?? 0) + packed.byteLength);
  MeshoptDecoder.decodeGltfBuffer(bytes, packed.count, packed.byteStride, source, packed.mode, packed.filter);
  return bytes;
}

/** The values of an accessor, one after the other. */
function values(json, bin, index) {
  const { bufferView, byteOffset = 0, componentType, count, type } = json.accessors[index];
  const [bytes, size, Kind] = [view(json, bin, bufferView), SIZES[type], ARRAYS[componentType]];
  const stride = json.bufferViews[bufferView].byteStride ?? size * Kind.BYTES_PER_ELEMENT;
  const all = new Kind(count * size);
  for (let i = 0; i < count; i++) {
    const start = byteOffset + i * stride;
    all.set(new Kind(bytes.slice(start, start + size * Kind.BYTES_PER_ELEMENT).buffer), i * size);
  }
  return all;
}

/** The texts of the property table, one object for each feature; EXT_structural_metadata. */
function readRows(json, bin) {
  const table = json.extensions.EXT_structural_metadata.propertyTables[0];
  const rows = Array.from({ length: table.count }, () => ({}));
  for (const [name, { values, stringOffsets, stringOffsetType = "UINT32" }] of Object.entries(table.properties)) {
    if (stringOffsets === undefined) continue;
    const [texts, bytes] = [Buffer.from(view(json, bin, values)), view(json, bin, stringOffsets)];
    const Kind = { UINT8: Uint8Array, UINT16: Uint16Array, UINT32: Uint32Array }[stringOffsetType];
    const offsets = new Kind(bytes.slice(0, (table.count + 1) * Kind.BYTES_PER_ELEMENT).buffer);
    rows.forEach((row, i) => { row[name] = texts.toString("utf8", offsets[i], offsets[i + 1]); });
  }
  return rows;
}

/** For each feature of a primitive the rings around what is seen of it from above, outer ones anticlockwise. */
function outlines(json, bin, { attributes, indices }) {
  const at = values(json, bin, attributes.POSITION);
  const normals = values(json, bin, attributes.NORMAL);
  const owners = values(json, bin, attributes._FEATURE_ID_0);
  const corners = values(json, bin, indices);
  const sides = new Map();
  for (let i = 0; i < corners.length; i += 3) {
    const triangle = [corners[i], corners[i + 1], corners[i + 2]];
    if (triangle.some((corner) => normals[3 * corner + 1] < LEAST_UP * 127)) continue;
    const own = sides.get(owners[triangle[0]]) ?? new Map();
    sides.set(owners[triangle[0]], own);
    const keys = triangle.map((corner) => `${at[3 * corner]},${at[3 * corner + 2]}`);
    for (const [from, to] of [[0, 1], [1, 2], [2, 0]]) {
      const [side, back] = [`${keys[from]} ${keys[to]}`, `${keys[to]} ${keys[from]}`];
      if (own.has(back)) own.delete(back);
      else own.set(side, [keys[from], keys[to]]);
    }
  }
  return [...sides].map(([row, own]) => [row, chain([...own.values()])]);
}

/** Sides end to end, as closed rings of points. */
function chain(sides) {
  const next = new Map();
  for (const [from, to] of sides) next.set(from, [...(next.get(from) ?? []), to]);
  const rings = [];
  for (const start of next.keys()) {
    while (next.get(start).length > 0) {
      const ring = [start];
      for (let key = next.get(start).pop(); key !== undefined; key = next.get(key)?.pop()) {
        ring.push(key);
        if (key === start) break;
      }
      if (ring.length > 3 && ring.at(-1) === start) rings.push(ring.map((key) => key.split(",").map(Number)));
    }
  }
  return rings;
}

/** GeoJSON polygons: each outer ring with the holes that lie in it. */
function polygons(rings) {
  const outer = rings.filter((ring) => area(ring) > 0).map((ring) => [ring]);
  for (const hole of rings.filter((ring) => area(ring) < 0)) {
    outer.find(([ring]) => contains(ring, hole[0]))?.push(hole);
  }
  return outer;
}

/** Twice its area; above 0 when it runs anticlockwise. */
function area(ring) {
  const [x0, y0] = ring[0];
  let sum = 0;
  for (let i = 1; i < ring.length; i++) {
    const [[ax, ay], [bx, by]] = [ring[i - 1], ring[i]];
    sum += (ax - x0) * (by - y0) - (bx - x0) * (ay - y0);
  }
  return sum;
}

function contains(ring, [x, y]) {
  let inside = false;
  for (let i = 1; i < ring.length; i++) {
    const [[ax, ay], [bx, by]] = [ring[i - 1], ring[i]];
    if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) inside = !inside;
  }
  return inside;
}

/** From metres east and north in a tileset's frame (column-major, to ECEF) to degrees, seven decimals: a centimetre. */
function lonLatFrom(m) {
  const [A, F] = [6378137, 1 / 298.257223563];
  const [e2, b] = [F * (2 - F), A * (1 - F)];
  return (east, north) => {
    const [x, y, z] = [0, 1, 2].map((row) => m[row] * east + m[4 + row] * north + m[12 + row]);
    const p = Math.hypot(x, y);
    // Bowring 1976: exact to micrometres near the surface.
    const t = Math.atan2(z * A, p * b);
    const lat = Math.atan2(z + (e2 / (1 - e2)) * b * Math.sin(t) ** 3, p - e2 * A * Math.cos(t) ** 3);
    return [Math.atan2(y, x), lat].map((radians) => Math.round((radians * 180e7) / Math.PI) / 1e7);
  };
}
