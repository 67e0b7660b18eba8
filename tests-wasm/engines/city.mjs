// A synthetic city in plain 3D Tiles 1.1: a quadtree of glb tiles that refine by REPLACE, boxes for buildings, feature
// ids and a table of heights. Nothing in it favours an engine: no compression, no implicit tiling, no quantisation.
// The same arguments always give the same bytes.
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";

/** Where its middle is, degrees and metres. */
export const CENTER = { lon: 120.153, lat: 30.267, heightM: 0 };
const FACES = [
  [[0, 0, 1], [[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]]],
  [[0, -1, 0], [[0, 0, 0], [1, 0, 0], [1, 0, 1], [0, 0, 1]]],
  [[1, 0, 0], [[1, 0, 0], [1, 1, 0], [1, 1, 1], [1, 0, 1]]],
  [[0, 1, 0], [[1, 1, 0], [0, 1, 0], [0, 1, 1], [1, 1, 1]]],
  [[-1, 0, 0], [[0, 1, 0], [0, 0, 0], [0, 0, 1], [0, 1, 1]]],
];

/** Writes it: `depth` levels below the root, leaves of `leafM` metres with `perTile` buildings, as many in each tile. */
export async function writeCity(folder, { depth = 5, leafM = 500, perTile = 200 } = {}) {
  await mkdir(folder, { recursive: true });
  const random = xorshift(7);
  const sideM = leafM * 2 ** depth;
  let tiles = 0;
  async function tile(level, x, y) {
    const size = sideM / 2 ** level;
    const [cx, cy] = [-sideM / 2 + (x + 0.5) * size, -sideM / 2 + (y + 0.5) * size];
    const children = [];
    let buildings = [];
    if (level === depth) {
      buildings = Array.from({ length: perTile }, () => building(random, cx, cy, leafM));
    } else {
      for (const [i, j] of [[0, 0], [0, 1], [1, 0], [1, 1]]) {
        const child = await tile(level + 1, 2 * x + i, 2 * y + j);
        children.push(child.json);
        buildings.push(...child.buildings);
      }
      // From afar the tallest are seen.
      buildings = buildings.sort((a, b) => b.height - a.height).slice(0, perTile);
    }
    const uri = `${level}_${x}_${y}.glb`;
    await writeFile(path.join(folder, uri), glb(buildings));
    tiles++;
    const top = Math.max(...buildings.map(({ height }) => height));
    const json = {
      boundingVolume: { box: [cx, cy, top / 2, size / 2, 0, 0, 0, size / 2, 0, 0, 0, top / 2] },
      geometricError: level === depth ? 0 : size / 16,
      refine: "REPLACE",
      content: { uri },
      ...(children.length > 0 && { children }),
    };
    return { json, buildings };
  }
  const { json: root } = await tile(0, 0, 0);
  root.transform = ecefFromEnu(CENTER);
  const tileset = { asset: { version: "1.1" }, geometricError: sideM / 8, root };
  await writeFile(path.join(folder, "tileset.json"), JSON.stringify(tileset));
  return tiles;
}

function building(random, cx, cy, leafM) {
  const [width, depth] = [8 + 22 * random(), 8 + 22 * random()];
  // Heights of a city: log-normal.
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const height = Math.min(300, Math.max(4, Math.exp(2.9 + 0.6 * normal)));
  const [x, y] = [cx + (random() - 0.5) * (leafM - 30), cy + (random() - 0.5) * (leafM - 30)];
  return { x: x - width / 2, y: y - depth / 2, width, depth, height };
}

function glb(buildings) {
  const count = buildings.length * 20;
  const positions = new Float32Array(count * 3);
  const normals = new Float32Array(count * 3);
  const ids = new Float32Array(count);
  const indices = new Uint32Array(buildings.length * 30);
  const [min, max] = [[Infinity, Infinity, Infinity], [-Infinity, -Infinity, -Infinity]];
  let vertex = 0;
  let index = 0;
  buildings.forEach((b, id) => {
    for (const [[nx, ny, nz], corners] of FACES) {
      for (const k of [0, 1, 2, 0, 2, 3]) indices[index++] = vertex + k;
      for (const [u, v, w] of corners) {
        // z-up to y-up.
        positions.set([b.x + u * b.width, w * b.height, -(b.y + v * b.depth)], vertex * 3);
        normals.set([nx, nz, -ny], vertex * 3);
        for (let axis = 0; axis < 3; axis++) {
          min[axis] = Math.min(min[axis], positions[vertex * 3 + axis]);
          max[axis] = Math.max(max[axis], positions[vertex * 3 + axis]);
        }
        ids[vertex++] = id;
      }
    }
  });
  const arrays = [positions, normals, ids, indices, Float32Array.from(buildings, ({ height }) => height)];
  const bufferViews = [];
  let byteLength = 0;
  for (const [i, array] of arrays.entries()) {
    const target = [34962, 34962, 34962, 34963][i];
    bufferViews.push({ buffer: 0, byteOffset: byteLength, byteLength: array.byteLength, ...(target && { target }) });
    byteLength += Math.ceil(array.byteLength / 8) * 8;
  }
  const bin = Buffer.alloc(byteLength);
  arrays.forEach((array, i) => bin.set(new Uint8Array(array.buffer), bufferViews[i].byteOffset));
  const json = {
    asset: { version: "2.0" },
    scene: 0,
    scenes: [{ nodes: [0] }],
    nodes: [{ mesh: 0 }],
    extensionsUsed: ["EXT_mesh_features", "EXT_structural_metadata"],
    materials: [{
      pbrMetallicRoughness: { baseColorFactor: [0.8, 0.78, 0.72, 1], metallicFactor: 0, roughnessFactor: 0.9 },
    }],
    meshes: [{
      primitives: [{
        attributes: { POSITION: 0, NORMAL: 1, _FEATURE_ID_0: 2 }, indices: 3, material: 0,
        extensions: {
          EXT_mesh_features: { featureIds: [{ featureCount: buildings.length, attribute: 0, propertyTable: 0 }] },
        },
      }],
    }],
    accessors: [
      { bufferView: 0, componentType: 5126, count, type: "VEC3", min, max },
      { bufferView: 1, componentType: 5126, count, type: "VEC3" },
      { bufferView: 2, componentType: 5126, count, type: "SCALAR" },
      { bufferView: 3, componentType: 5125, count: indices.length, type: "SCALAR" },
    ],
    extensions: {
      EXT_structural_metadata: {
        schema: {
          id: "s",
          classes: { building: { properties: { height: { type: "SCALAR", componentType: "FLOAT32" } } } },
        },
        propertyTables: [{ class: "building", count: buildings.length, properties: { height: { values: 4 } } }],
      },
    },
    bufferViews,
    buffers: [{ byteLength }],
  };
  const text = Buffer.from(JSON.stringify(json));
  const padded = Buffer.alloc(Math.ceil(text.length / 8) * 8 + ((8 - 20 % 8) % 8), " ");
  padded.set(text);
  const head = Buffer.alloc(20);
  head.write("glTF");
  head.writeUInt32LE(2, 4);
  head.writeUInt32LE(28 + padded.length + bin.length, 8);
  head.writeUInt32LE(padded.length, 12);
  head.write("JSON", 16);
  const binHead = Buffer.alloc(8);
  binHead.writeUInt32LE(bin.length);
  binHead.write("BIN", 4);
  return Buffer.concat([head, padded, binHead, bin]);
}

/** Column-major, WGS84. */
function ecefFromEnu({ lon, lat, heightM }) {
  const [l, p] = [(lon * Math.PI) / 180, (lat * Math.PI) / 180];
  const [a, f] = [6378137, 1 / 298.257223563];
  const e2 = f * (2 - f);
  const [sl, cl, sp, cp] = [Math.sin(l), Math.cos(l), Math.sin(p), Math.cos(p)];
  const n = a / Math.sqrt(1 - e2 * sp * sp);
  return [
    -sl, cl, 0, 0, -sp * cl, -sp * sl, cp, 0, cp * cl, cp * sl, sp, 0,
    (n + heightM) * cp * cl, (n + heightM) * cp * sl, (n * (1 - e2) + heightM) * sp, 1,
  ];
}

/** Numbers from 0 to 1, always the same. */
function xorshift(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
