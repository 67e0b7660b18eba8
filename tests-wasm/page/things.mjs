// A small tileset of things whose places, ids and properties a test knows: every way in which glTF says what is a
// feature, in two levels of detail whose rows are not in the same order.
//
// Metres east, north and up of a point. Squares lie flat; `squares` have their feature ids in an attribute, `texture`
// has two halves whose ids are in a texture, `stamps` are instances, `dots` are points with implicit ids, and `line` is
// a line. `g` is the ground under all of it.
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { PNG } from "pngjs";

const PLACE = { lon: 24.94, lat: 60.17 };
export const things = {
  squares: { a: { at: [-75, 45], height: 10 }, b: { at: [-25, 45], height: 20 }, c: { at: [25, 45], height: 30 } },
  texture: { t0: { at: [69, 45], height: 10 }, t1: { at: [81, 45], height: 30 } },
  stamps: { i0: { at: [-75, 0], height: 10 }, i1: { at: [-45, 0], height: 30 } },
  dots: { p0: { at: [20, -30], height: 10 }, p1: { at: [50, -30], height: 20 }, p2: { at: [80, -30], height: 30 } },
  line: { from: [-90, -30], to: [-30, -30], height: 10 },
};
/** Half the width of squares and stamps, and how high everything but the ground lies, metres. */
const HALF = 12;
const HALF_STAMP = 5;
const UP = 10;

/** Straight down on the middle. */
export const above = (distanceM) => ({ ...PLACE, heightM: 0, distanceM, headingDeg: 0, pitchDeg: -90 });

/** Where a place is on a canvas of this size, CSS pixels; FOV 60° across the wider side. */
export function pixel([east, north], { width, height }, distanceM, up = UP) {
  const scale = Math.max(width, height) / 2 / Math.tan(Math.PI / 6) / (distanceM - up);
  return [width / 2 + east * scale, height / 2 - north * scale];
}

/** Pixels of a metre. */
export const pixelsPerM = (size, distanceM) => pixel([1, 0], size, distanceM)[0] - size.width / 2;

class Gltf {
  json = { asset: { version: "2.0" }, extensionsUsed: [], buffers: [], bufferViews: [], accessors: [], meshes: [], nodes: [], scenes: [{ nodes: [] }], scene: 0, materials: [{ doubleSided: true }] };
  #parts = [];
  #length = 0;

  view(bytes) {
    this.json.bufferViews.push({ buffer: 0, byteOffset: this.#length, byteLength: bytes.length });
    const padded = Buffer.concat([bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]);
    this.#parts.push(padded);
    this.#length += padded.length;
    return this.json.bufferViews.length - 1;
  }

  floats(rows, type) {
    const bufferView = this.view(Buffer.from(new Float32Array(rows.flat()).buffer));
    const bounds = type === "VEC3" ? { min: [0, 1, 2].map((i) => Math.min(...rows.map((r) => r[i]))), max: [0, 1, 2].map((i) => Math.max(...rows.map((r) => r[i]))) } : {};
    this.json.accessors.push({ bufferView, componentType: 5126, count: rows.length, type, ...bounds });
    return this.json.accessors.length - 1;
  }

  indices(numbers) {
    const bufferView = this.view(Buffer.from(new Uint16Array(numbers).buffer));
    this.json.accessors.push({ bufferView, componentType: 5123, count: numbers.length, type: "SCALAR" });
    return this.json.accessors.length - 1;
  }

  use(name) {
    if (!this.json.extensionsUsed.includes(name)) this.json.extensionsUsed.push(name);
  }

  add(primitive, node = {}) {
    this.json.meshes.push({ primitives: [{ material: 0, ...primitive }] });
    this.json.nodes.push({ mesh: this.json.meshes.length - 1, ...node });
    this.json.scenes[0].nodes.push(this.json.nodes.length - 1);
  }

  features(sets) {
    this.use("EXT_mesh_features");
    return { EXT_mesh_features: { featureIds: sets } };
  }

  /** Tables of ids and heights. */
  tables(tables) {
    this.use("EXT_structural_metadata");
    const properties = { id: { type: "STRING" }, height: { type: "SCALAR", componentType: "FLOAT32" } };
    const table = (rows) => {
      const ends = rows.map(([id]) => id.length).reduce((ends, length) => [...ends, ends.at(-1) + length], [0]);
      return {
        class: "thing",
        count: rows.length,
        properties: {
          id: { values: this.view(Buffer.from(rows.map(([id]) => id).join(""))), stringOffsets: this.view(Buffer.from(new Uint32Array(ends).buffer)) },
          height: { values: this.view(Buffer.from(new Float32Array(rows.map(([, height]) => height)).buffer)) },
        },
      };
    };
    this.json.extensions = { EXT_structural_metadata: { schema: { id: "things", classes: { thing: { properties } } }, propertyTables: tables.map(table) } };
  }

  bytes() {
    const data = Buffer.concat(this.#parts);
    this.json.buffers = [{ byteLength: data.length, uri: `data:application/octet-stream;base64,${data.toString("base64")}` }];
    return JSON.stringify(this.json);
  }
}

/** East, north, up as glTF has it. */
const yUp = ([east, north], up) => [east, up, -north];
const corners = ([east, north], half) => [[east - half, north - half], [east + half, north - half], [east + half, north + half], [east - half, north + half]];
const quads = (count) => Array.from({ length: count }, (_, i) => [0, 1, 2, 0, 2, 3].map((k) => 4 * i + k)).flat();

function squares(gltf, row) {
  const shown = [...Object.entries(things.squares).map(([id, { at }]) => [row(id), corners(at, HALF), UP]), [row("g"), [[-120, -90], [120, -90], [120, 90], [-120, 90]], 0]];
  gltf.add({
    attributes: {
      POSITION: gltf.floats(shown.flatMap(([, ring, up]) => ring.map((place) => yUp(place, up))), "VEC3"),
      _FEATURE_ID_0: gltf.floats(shown.flatMap(([id]) => [0, 0, 0, 0].map(() => [id])), "SCALAR"),
    },
    indices: gltf.indices(quads(shown.length)),
    extensions: gltf.features([{ featureCount: shown.length, attribute: 0, propertyTable: 0 }]),
  });
}

function textured(gltf, row) {
  const png = new PNG({ width: 2, height: 1 });
  png.data.set([row("t0"), 0, 0, 255, row("t1"), 0, 0, 255]);
  gltf.json.images = [{ bufferView: gltf.view(PNG.sync.write(png)), mimeType: "image/png" }];
  gltf.json.textures = [{ source: 0 }];
  const ring = corners([75, 45], HALF);
  gltf.add({
    attributes: {
      POSITION: gltf.floats(ring.map((place) => yUp(place, UP)), "VEC3"),
      TEXCOORD_0: gltf.floats([[0, 1], [1, 1], [1, 0], [0, 0]], "VEC2"),
    },
    indices: gltf.indices(quads(1)),
    extensions: gltf.features([{ featureCount: 2, texture: { index: 0, texCoord: 0, channels: [0] }, propertyTable: 0 }]),
  });
}

function stamps(gltf, row) {
  const placed = Object.entries(things.stamps);
  gltf.use("EXT_mesh_gpu_instancing");
  gltf.use("EXT_instance_features");
  const primitive = { attributes: { POSITION: gltf.floats(corners([0, 0], HALF_STAMP).map((place) => yUp(place, 0)), "VEC3") }, indices: gltf.indices(quads(1)) };
  const attributes = {
    TRANSLATION: gltf.floats(placed.map(([, { at }]) => yUp(at, UP)), "VEC3"),
    _FEATURE_ID_0: gltf.floats(placed.map(([id]) => [row(id)]), "SCALAR"),
  };
  gltf.add(primitive, { extensions: {
    EXT_mesh_gpu_instancing: { attributes },
    EXT_instance_features: { featureIds: [{ featureCount: placed.length, attribute: 0, propertyTable: 0 }] },
  } });
}

function thin(gltf, row) {
  const { from, to } = things.line;
  gltf.add({
    mode: 1,
    attributes: {
      POSITION: gltf.floats([from, to].map((place) => yUp(place, UP)), "VEC3"),
      _FEATURE_ID_0: gltf.floats([[row("line")], [row("line")]], "SCALAR"),
    },
    extensions: gltf.features([{ featureCount: 1, attribute: 0, propertyTable: 0 }]),
  });
  const dots = Object.values(things.dots);
  gltf.add({
    mode: 0,
    attributes: { POSITION: gltf.floats(dots.map(({ at }) => yUp(at, UP)), "VEC3") },
    extensions: gltf.features([{ featureCount: dots.length, propertyTable: 1 }]),
  });
}

function tile(rows, isFine) {
  const gltf = new Gltf();
  const row = (id) => rows.findIndex(([other]) => other === id);
  squares(gltf, row);
  if (isFine) {
    textured(gltf, row);
    stamps(gltf, row);
    thin(gltf, row);
  }
  const heights = ({ height }) => height;
  gltf.tables([rows, Object.entries(things.dots).map(([id, dot]) => [id, heights(dot)])]);
  return gltf.bytes();
}

/** From the frame east, north, up at the place to ECEF, column-major. */
function ecefFromEnu() {
  const [lon, lat] = [PLACE.lon, PLACE.lat].map((deg) => (deg * Math.PI) / 180);
  const [sinLon, cosLon, sinLat, cosLat] = [Math.sin(lon), Math.cos(lon), Math.sin(lat), Math.cos(lat)];
  const e2 = 0.0066943799901413165;
  const n = 6378137 / Math.sqrt(1 - e2 * sinLat ** 2);
  return [-sinLon, cosLon, 0, 0, -sinLat * cosLon, -sinLat * sinLon, cosLat, 0, cosLat * cosLon, cosLat * sinLon, sinLat, 0,
    n * cosLat * cosLon, n * cosLat * sinLon, n * (1 - e2) * sinLat, 1];
}

/** Writes the tileset and a twin of it as its only layer, `things`. */
export async function makeThings(folder) {
  await mkdir(folder, { recursive: true });
  const { squares, texture, stamps, line } = things;
  const rows = [...Object.entries({ ...squares, ...texture, ...stamps, line }).map(([id, { height }]) => [id, height]), ["g", 0]];
  const boundingVolume = { box: [0, 0, 5, 120, 0, 0, 0, 90, 0, 0, 0, 10] };
  const fine = { boundingVolume, geometricError: 0, content: { uri: "fine.gltf" } };
  const root = { transform: ecefFromEnu(), boundingVolume, geometricError: 20, refine: "REPLACE", content: { uri: "coarse.gltf" }, children: [fine] };
  const twin = {
    format: "citytwin/1",
    title: { en: "Things" },
    extent: [PLACE.lon - 0.05, PLACE.lat - 0.05, PLACE.lon + 0.05, PLACE.lat + 0.05],
    home: above(200),
    layers: [{ id: "things", title: { en: "Things" }, theme: "other", tileset: "tileset.json" }],
    attribution: [],
  };
  const files = {
    "twin.json": JSON.stringify(twin),
    "tileset.json": JSON.stringify({ asset: { version: "1.1" }, geometricError: 100, root }),
    "coarse.gltf": tile([...rows].reverse(), false),
    "fine.gltf": tile(rows, true),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
}
