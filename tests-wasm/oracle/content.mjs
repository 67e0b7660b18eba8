// Tile contents of 3D Tiles 1.0 and 1.1.

import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parse } from '@loaders.gl/core';
import { Tiles3DLoader } from '@loaders.gl/3d-tiles';
import draco3d from 'draco3d';
import { fetchBeside, gltf } from './gltf.mjs';

const draco = await draco3d.createDecoderModule({});

/** What is drawn of a content, and in which state it is. */
export async function content(path) {
  return contentOfBytes(new Uint8Array(await readFile(path)), path);
}

export async function contentOfBytes(bytes, path) {
  const source = new Set();
  const found = await counts(bytes, path, source);
  const features = found.features ? [...found.features.values()].reduce((sum, ids) => sum + ids.size, 0) : 0;
  if (found.refused) return { state: 'refused', source: source.add(found.refused) };
  const { triangles, points, instances, properties } = found;
  const state = found.missing?.length ? 'partial' : 'whole';
  return { state, triangles, points, instances, features, properties, source };
}

async function counts(bytes, path, source) {
  const magic = new TextDecoder('latin1').decode(bytes.subarray(0, 4));
  switch (magic) {
    case '': return { refused: 'empty file' };
    case 'b3dm': return b3dm(bytes, path, source);
    case 'i3dm': return i3dm(bytes, path, source);
    case 'pnts': return pnts(bytes, path, source);
    case 'cmpt': return cmpt(bytes, path, source);
    case 'vctr': case 'geom': return { refused: `${magic} was never standardised` };
    default: return gltf(bytes, path, source);
  }
}

const word = (bytes, i) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(i * 4, true);
const json = (bytes) => (bytes.length ? JSON.parse(new TextDecoder().decode(bytes)) : {});

/** Feature and batch table of a header of `head` bytes whose four table lengths start at word 3. */
function tables(bytes, head) {
  const lengths = [3, 4, 5, 6].map((i) => word(bytes, i));
  let at = head;
  const parts = lengths.map((length) => bytes.subarray(at, (at += length)));
  return { features: json(parts[0]), featuresBinary: parts[1], batch: json(parts[2]), rest: bytes.subarray(at) };
}

/** What @loaders.gl makes of the same bytes. */
async function asLoaders(bytes) {
  const copy = bytes.slice().buffer;
  return parse(copy, Tiles3DLoader, { core: { worker: false }, '3d-tiles': { loadGLTF: false } });
}

const HIERARCHY = '3DTILES_batch_table_hierarchy';

/** Names in a batch table; a hierarchy adds those of its classes. */
function names(batch) {
  const hierarchy = batch.extensions?.[HIERARCHY] ?? batch.HIERARCHY;
  const all = Object.keys(batch).filter((name) => !['extensions', 'extras', 'HIERARCHY'].includes(name));
  for (const found of hierarchy?.classes ?? []) all.push(...Object.keys(found.instances ?? {}));
  return new Set(all);
}

function agree(what, ours, theirs) {
  if (ours !== theirs) throw new Error(`${what}: the header says ${ours}, @loaders.gl ${theirs}`);
}

async function b3dm(bytes, path, source) {
  let { features, batch, rest } = {};
  // Two forms from before 1.0 have shorter headers: batch length and batch table only.
  if (word(bytes, 5) >= 570425344) {
    const length = word(bytes, 4);
    [features, batch, rest] = [{ BATCH_LENGTH: word(bytes, 3) }, json(bytes.subarray(20, 20 + length)), bytes.subarray(20 + length)];
  } else if (word(bytes, 6) >= 570425344) {
    const [length, binary] = [word(bytes, 3), word(bytes, 4)];
    [features, batch, rest] = [{ BATCH_LENGTH: word(bytes, 5) }, json(bytes.subarray(24, 24 + length)), bytes.subarray(24 + length + binary)];
  } else {
    ({ features, batch, rest } = tables(bytes, 28));
  }
  const other = await asLoaders(bytes);
  agree('BATCH_LENGTH', features.BATCH_LENGTH ?? 0, other.featureTableJson?.BATCH_LENGTH ?? 0);
  agree('batch table', Object.keys(batch).join(), Object.keys(other.batchTableJson ?? {}).join());
  source.add('@loaders.gl');
  const total = await gltf(rest, path, source);
  total.properties = names(batch);
  return total;
}

async function i3dm(bytes, path, source) {
  const { features, featuresBinary, batch, rest } = tables(bytes, 32);
  // It does not read oct-encoded orientations.
  if (!features.NORMAL_UP_OCT32P) {
    const other = await asLoaders(bytes);
    agree('INSTANCES_LENGTH', features.INSTANCES_LENGTH, other.featureTableJson.INSTANCES_LENGTH);
    agree('instances', features.INSTANCES_LENGTH, other.instances?.length ?? features.INSTANCES_LENGTH);
    source.add('@loaders.gl');
  }
  let [file, inner] = [rest, path];
  if (word(bytes, 7) === 0) {
    const uri = new TextDecoder().decode(rest).replace(/[\0 ]+$/, '');
    file = await fetchBeside(path, uri).catch(() => undefined);
    if (!file) return { refused: 'its glTF is missing' };
    inner = join(dirname(path), uri);
  }
  const instances = features.INSTANCES_LENGTH;
  const total = await gltf(file, inner, source, { copies: instances });
  if (total.refused) return total;
  const primitives = await primitivesOf(file);
  total.instances = instances * primitives;
  // Without BATCH_ID each instance is a feature, with a batch table or not, as CesiumJS has it.
  total.features = new Map([['batch', batchIds(features, featuresBinary, instances, true)]]);
  total.properties = names(batch);
  return total;
}

/** How many draw calls the scene of a glTF has. */
async function primitivesOf(bytes) {
  const { open } = await import('./gltf.mjs');
  const { json } = open(bytes);
  const nodes = (json.nodes ?? []).filter((node) => node.mesh !== undefined);
  return nodes.reduce((sum, node) => sum + json.meshes[node.mesh].primitives.length, 0);
}

const ID = { UNSIGNED_BYTE: Uint8Array, UNSIGNED_SHORT: Uint16Array, UNSIGNED_INT: Uint32Array };

/** The different ids of BATCH_ID; without it each of the `count` things is a feature where there is a batch table. */
function batchIds(features, binary, count, hasTable) {
  const where = features.BATCH_ID;
  if (!where) return new Set(hasTable ? Array.from({ length: count }, (_, i) => i) : []);
  const Type = ID[where.componentType ?? 'UNSIGNED_SHORT'];
  return new Set(new Type(binary.slice(where.byteOffset, where.byteOffset + count * Type.BYTES_PER_ELEMENT).buffer));
}

async function pnts(bytes, path, source) {
  const { features, featuresBinary, batch } = tables(bytes, 28);
  const points = features.POINTS_LENGTH;
  const packed = features.extensions?.['3DTILES_draco_point_compression'];
  let ids = batchIds(features, featuresBinary, points, Object.keys(batch).length > 0);
  if (packed) {
    const decoder = new draco.Decoder();
    const buffer = new draco.DecoderBuffer();
    const data = featuresBinary.slice(packed.byteOffset, packed.byteOffset + packed.byteLength);
    buffer.Init(new Int8Array(data.buffer), data.length);
    const cloud = new draco.PointCloud();
    const status = decoder.DecodeBufferToPointCloud(buffer, cloud);
    if (!status.ok() || cloud.num_points() !== points) throw new Error(`draco3d: ${cloud.num_points()} of ${points}`);
    if (packed.properties.BATCH_ID !== undefined) {
      const array = new draco.DracoInt32Array();
      decoder.GetAttributeInt32ForAllPoints(cloud, decoder.GetAttributeByUniqueId(cloud, packed.properties.BATCH_ID), array);
      ids = new Set(Array.from({ length: points }, (_, i) => array.GetValue(i)));
    }
    source.add('draco3d').add('json');
  } else {
    const other = await asLoaders(bytes);
    agree('POINTS_LENGTH', points, other.pointsLength);
    agree('positions', points * 3, other.attributes.positions.value?.length ?? other.attributes.positions.length);
    source.add('@loaders.gl').add('json');
  }
  return { triangles: 0, points, instances: 0, features: new Map([['batch', ids]]), properties: names(batch) };
}

async function cmpt(bytes, path, source) {
  const total = { triangles: 0, points: 0, instances: 0, features: new Map(), properties: new Set(), missing: [] };
  const other = await asLoaders(bytes);
  agree('tiles', word(bytes, 3), other.tilesLength ?? other.tiles.length);
  source.add('@loaders.gl');
  let at = 16;
  for (let i = 0; i < word(bytes, 3); i += 1) {
    const length = word(bytes.slice(at, at + 12), 2);
    const part = await counts(bytes.slice(at, at + length), path, source);
    at += length;
    if (part.refused) {
      total.missing.push(part.refused);
      continue;
    }
    for (const key of ['triangles', 'points', 'instances']) total[key] += part[key];
    for (const [key, ids] of part.features) total.features.set(`${i} ${key}`, ids);
    // An inner composite has tables of its own.
    for (const name of part.properties) total.properties.add(name);
  }
  return total;
}
