// Decodes the same tiles with core/tiles in wasm, with draco3d and with meshoptimizer, in the same process.
//
//   cargo build --profile wasm-release -p citytwin-decode-bench --target wasm32-unknown-unknown
//   (cd bench/decode && npm install) && node bench/decode/bench.mjs [folder of tiles]
//
// Ours reads the whole tile: container, JSON, compressed geometry, bounds. The others are given the compressed streams
// alone, already cut out, and fill typed arrays as their usual loaders do.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import draco3d from 'draco3d';
import { MeshoptDecoder, MeshoptEncoder } from 'meshoptimizer';

const here = path.dirname(fileURLToPath(import.meta.url));
const repo = path.join(here, '../..');
const tiles = process.argv[2] ?? path.join(repo, '../shared/data/tiles');
const wasmPath = path.join(repo, 'target/wasm32-unknown-unknown/wasm-release/citytwin_decode_bench.wasm');
const ROUNDS = 40;

const { instance } = await WebAssembly.instantiate(fs.readFileSync(wasmPath), {});
const wasm = instance.exports;
const draco = await draco3d.createDecoderModule({});
await MeshoptDecoder.ready;
await MeshoptEncoder.ready;

// The largest tile of a folder, or the file itself.
function load(name) {
  const full = path.join(tiles, name);
  if (fs.statSync(full).isFile()) return fs.readFileSync(full);
  const files = fs.readdirSync(full, { recursive: true }).map((file) => path.join(full, file));
  const found = files.filter((file) => /\.(glb|b3dm)$/.test(file)).map((file) => [fs.statSync(file).size, file]);
  return fs.readFileSync(found.sort((a, b) => b[0] - a[0])[0][1]);
}

// The JSON and the binary chunk of a glb, also of one in a b3dm.
function parts(bytes) {
  let glb = bytes;
  if (bytes.toString('latin1', 0, 4) === 'b3dm') {
    const lengths = [12, 16, 20, 24].map((at) => bytes.readUInt32LE(at));
    glb = bytes.subarray(28 + lengths.reduce((a, b) => a + b, 0));
  }
  const jsonLength = glb.readUInt32LE(12);
  const json = JSON.parse(glb.toString('utf8', 20, 20 + jsonLength));
  const start = (20 + jsonLength + 3) & ~3;
  return { json, bin: glb.subarray(start + 8, start + 8 + glb.readUInt32LE(start)) };
}

function view(json, bin, { buffer = 0, byteOffset = 0, byteLength }) {
  if (buffer !== 0) throw new Error('only the binary chunk');
  return new Uint8Array(bin.buffer, bin.byteOffset + byteOffset, byteLength);
}

function dracoStreams({ json, bin }) {
  const streams = [];
  for (const mesh of json.meshes) {
    for (const primitive of mesh.primitives) {
      const packed = primitive.extensions?.KHR_draco_mesh_compression;
      if (packed) streams.push({ bytes: view(json, bin, json.bufferViews[packed.bufferView]), ids: packed.attributes });
    }
  }
  return streams;
}

function decodeDraco({ bytes, ids }) {
  const decoder = new draco.Decoder();
  const buffer = new draco.DecoderBuffer();
  buffer.Init(bytes, bytes.length);
  const mesh = new draco.Mesh();
  if (!decoder.DecodeBufferToMesh(buffer, mesh).ok()) throw new Error('draco3d refused it');
  let sum = mesh.num_faces() * 12;
  const indices = draco._malloc(sum);
  decoder.GetTrianglesUInt32Array(mesh, sum, indices);
  new Uint32Array(draco.HEAPF32.buffer, indices, mesh.num_faces() * 3).slice();
  draco._free(indices);
  for (const id of Object.values(ids)) {
    const attribute = decoder.GetAttributeByUniqueId(mesh, id);
    const length = mesh.num_points() * attribute.num_components() * 4;
    const values = draco._malloc(length);
    decoder.GetAttributeDataArrayForAllPoints(mesh, attribute, draco.DT_FLOAT32, length, values);
    new Float32Array(draco.HEAPF32.buffer, values, length / 4).slice();
    draco._free(values);
    sum += length;
  }
  const faces = mesh.num_faces();
  [mesh, buffer, decoder].forEach((object) => draco.destroy(object));
  return { faces, bytes: sum };
}

function meshoptStreams({ json, bin }) {
  const packed = json.bufferViews.map((v) => v.extensions?.EXT_meshopt_compression).filter(Boolean);
  return packed.map((p) => ({ ...p, bytes: view(json, bin, p) }));
}

function decodeMeshopt({ bytes, count, byteStride, mode, filter }) {
  const target = new Uint8Array(count * byteStride);
  MeshoptDecoder.decodeGltfBuffer(target, count, byteStride, bytes, mode, filter);
  return target.length;
}

// The same streams with the codec that core/tiles uses, copied in and out as meshoptimizer's own module does.
function ourMeshopt({ bytes, count, byteStride, mode }) {
  const start = wasm.alloc(bytes.length);
  new Uint8Array(wasm.memory.buffer, start, bytes.length).set(bytes);
  const length = wasm.meshopt(start, bytes.length, count, byteStride, mode === 'TRIANGLES');
  new Uint8Array(wasm.memory.buffer, 0, length).slice();
  wasm.free(start, bytes.length);
  if (length === 0) throw new Error('the codec refused it');
}

// A glb of a square grid of 2·side² triangles, compressed by meshoptimizer's own encoder.
function meshoptGrid(side) {
  const width = side + 1;
  const positions = new Uint16Array(width * width * 4);
  for (let i = 0; i < width * width; i++) {
    positions.set([i % width, Math.round(900 * Math.sin(i / 97) + 1000), Math.floor(i / width), 0], i * 4);
  }
  const indices = new Uint32Array(side * side * 6);
  for (let y = 0, at = 0; y < side; y++) {
    for (let x = 0; x < side; x++, at += 6) {
      const a = y * width + x;
      indices.set([a, a + 1, a + width, a + 1, a + width + 1, a + width], at);
    }
  }
  const packed = [
    [MeshoptEncoder.encodeGltfBuffer(new Uint8Array(positions.buffer), width * width, 8, 'ATTRIBUTES'), width * width, 8, 'ATTRIBUTES'],
    [MeshoptEncoder.encodeGltfBuffer(new Uint8Array(indices.buffer), indices.length, 4, 'TRIANGLES'), indices.length, 4, 'TRIANGLES'],
  ];
  const views = [];
  let bin = Buffer.alloc(0);
  for (const [bytes, count, byteStride, mode] of packed) {
    views.push({
      buffer: 1,
      byteLength: count * byteStride,
      extensions: { EXT_meshopt_compression: { buffer: 0, byteOffset: bin.length, byteLength: bytes.length, mode, count, byteStride } },
    });
    bin = Buffer.concat([bin, bytes, Buffer.alloc(-bytes.length & 3)]);
  }
  const json = {
    asset: { version: '2.0' },
    buffers: [{ byteLength: bin.length }, { byteLength: 1 }],
    bufferViews: views,
    accessors: [
      { bufferView: 0, componentType: 5123, type: 'VEC3', count: width * width },
      { bufferView: 1, componentType: 5125, type: 'SCALAR', count: indices.length },
    ],
    meshes: [{ primitives: [{ attributes: { POSITION: 0 }, indices: 1 }] }],
    nodes: [{ mesh: 0 }],
  };
  const text = Buffer.from(JSON.stringify(json));
  const chunk = (kind, bytes, fill) => {
    const body = Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3, fill)]);
    const head = Buffer.alloc(8);
    head.writeUInt32LE(body.length, 0);
    head.write(kind, 4, 'latin1');
    return Buffer.concat([head, body]);
  };
  const body = Buffer.concat([chunk('JSON', text, ' '), chunk('BIN\0', bin, 0)]);
  const head = Buffer.from('glTF\x02\0\0\0\0\0\0\0', 'latin1');
  head.writeUInt32LE(12 + body.length, 8);
  return Buffer.concat([head, body]);
}

// Milliseconds of the fastest and of the median round of each, in turns: what else the machine does hits all alike.
function time(runs) {
  const rounds = runs.map(() => []);
  for (let i = 0; i < ROUNDS + 3; i++) {
    runs.forEach((run, which) => {
      const start = performance.now();
      run();
      if (i >= 3) rounds[which].push(performance.now() - start);
    });
  }
  return rounds.map((times) => {
    const sorted = times.sort((a, b) => a - b);
    return { best: sorted[0], median: sorted[sorted.length >> 1] };
  });
}

function ours(bytes) {
  const start = wasm.alloc(bytes.length);
  new Uint8Array(wasm.memory.buffer, start, bytes.length).set(bytes);
  const length = wasm.decode(start, bytes.length);
  wasm.free(start, bytes.length);
  if (length === 0) throw new Error('core/tiles refused it');
  return length;
}

const rows = [];
function compare(kind, name, bytes, peer, stream) {
  const length = ours(bytes);
  const [us, them, alone] = time([() => ours(bytes), peer, stream].filter(Boolean));
  const rate = (ms) => Math.round(length / 1000 / ms);
  rows.push({
    kind,
    tile: name,
    'decoded kB': Math.round(length / 1000),
    'ours ms': +us.best.toFixed(2),
    'ours MB/s': rate(us.best),
    'peer ms': them && +them.best.toFixed(2),
    'peer MB/s': them && rate(them.best),
    'ours median': +us.median.toFixed(2),
    'peer median': them && +them.median.toFixed(2),
    'our stream ms': alone && +alone.best.toFixed(2),
    'peer / ours': them && +(them.best / us.best).toFixed(2),
  });
}

for (const name of ['3dbag/sibbe/1.1/content/2_2_3.glb', '3dbag/sibbe/1.0/content/2_2_3.b3dm', 'Ferry']) {
  compare('plain', name, load(name));
}
for (const name of ['Frankfurt', 'Berlin', 'NewYork', 'delaware']) {
  const bytes = load(name);
  const streams = dracoStreams(parts(bytes));
  if (streams.length === 0) continue;
  compare('draco', name, bytes, () => streams.forEach(decodeDraco));
}
for (const [name, bytes] of [['helsinki', load('helsinki-glb-8-meshopt/0/0.glb')], ['grid of 320,000', meshoptGrid(400)]]) {
  const streams = meshoptStreams(parts(bytes));
  compare('meshopt', name, bytes, () => streams.forEach(decodeMeshopt), () => streams.forEach(ourMeshopt));
}
console.table(rows);
