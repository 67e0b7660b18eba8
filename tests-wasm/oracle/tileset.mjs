// Tilesets 1.0 and 1.1 with their external tilesets and subtrees, by their own JSON.

import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { contentOfBytes } from './content.mjs';
import { fetchBeside } from './gltf.mjs';

const beside = (path, uri) => join(dirname(path), decodeURIComponent(uri.replace(/[?#].*$/, '')));

/** Counts of a tileset and all that it refers to. `contentOf` reads a content file. */
export async function tileset(path, contentOf) {
  const total = {
    state: 'whole', tiles: 0, contents: 0, triangles: 0, points: 0, instances: 0, features: 0, failed: 0,
    properties: new Set(), source: new Set(['json']),
  };
  await document(path, total, contentOf, []);
  if (total.failed) total.state = 'partial';
  return total;
}

async function document(path, total, contentOf, above) {
  const json = JSON.parse((await readFile(path, 'utf8')).replace(/^\uFEFF/, ''));
  if (above.length === 0) {
    Object.keys(json.properties ?? {}).forEach((name) => total.properties.add(name));
    const schema = json.schema ?? (json.schemaUri ? JSON.parse(await readFile(beside(path, json.schemaUri), 'utf8')) : {});
    for (const [name, found] of Object.entries(schema.classes ?? {})) {
      Object.keys(found.properties ?? {}).forEach((property) => total.properties.add(`${name}.${property}`));
    }
  }
  const visit = async (tile) => {
    const contents = [tile.content, ...(tile.contents ?? [])].filter(Boolean).map((c) => c.uri ?? c.url);
    const implicit = tile.implicitTiling ?? tile.extensions?.['3DTILES_implicit_tiling'];
    if (implicit) return subtree(implicit, contents, [0, 0, 0, 0]);
    total.tiles += 1;
    for (const uri of contents) await drawn(uri);
    for (const child of tile.children ?? []) await visit(child);
  };
  const drawn = async (uri) => {
    if (/\.json([?#]|$)/i.test(uri) && !uri.startsWith('data:')) {
      if (above.includes(beside(path, uri))) throw new Error('a tileset in itself');
      return document(beside(path, uri), total, contentOf, [...above, path]);
    }
    total.contents += 1;
    const found = await (uri.startsWith('data:') ? fetchBeside(path, uri).then((bytes) => contentOfBytes(bytes, path))
      : contentOf(beside(path, uri))).catch((error) => {
      if (error.code !== 'ENOENT') throw error;
      return { state: 'refused', source: new Set() };
    });
    if (found.state === 'refused') total.failed += 1;
    else for (const key of ['triangles', 'points', 'instances', 'features']) total[key] += found[key];
    found.source.forEach((name) => /^(json|gltf-validator|draco3d|@loaders\.gl)$/.test(name) && total.source.add(name));
  };
  const fill = (uri, [level, x, y, z]) => uri.replaceAll('{level}', level).replaceAll('{x}', x).replaceAll('{y}', y).replaceAll('{z}', z);
  const subtree = async (implicit, contents, root) => {
    const octree = implicit.subdivisionScheme === 'OCTREE';
    const [axes, branching] = octree ? [3, 8] : [2, 4];
    const file = beside(path, fill(implicit.subtrees.uri, root));
    let bytes;
    try {
      bytes = new Uint8Array(await readFile(file));
    } catch {
      // The tile is promised, but nothing is known of it.
      total.tiles += 1;
      total.failed += 1;
      return;
    }
    const { json, buffers } = await openSubtree(bytes, file);
    const levels = implicit.subtreeLevels;
    const available = implicit.availableLevels ?? implicit.maximumLevel + 1;
    const bit = (set, index) => {
      if (set.constant !== undefined) return set.constant === 1;
      const view = json.bufferViews[set.bitstream ?? set.bufferView];
      return (buffers[view.buffer][(view.byteOffset ?? 0) + (index >> 3)] >> (index & 7) & 1) === 1;
    };
    const sets = [json.contentAvailability ?? []].flat();
    const place = (level, morton) => {
      const at = [0, 0, 0];
      for (let i = 0; i < level; i += 1) {
        for (let axis = 0; axis < axes; axis += 1) at[axis] |= (morton >> (i * axes + axis) & 1) << i;
      }
      return [root[0] + level, ...at.map((v, axis) => root[1 + axis] * 2 ** level + v)];
    };
    for (let level = 0, start = 0; level < levels && root[0] + level < available; level += 1) {
      for (let morton = 0; morton < branching ** level; morton += 1) {
        if (!bit(json.tileAvailability, start + morton)) continue;
        total.tiles += 1;
        for (let i = 0; i < contents.length; i += 1) {
          if (sets[i] && bit(sets[i], start + morton)) await drawn(fill(contents[i], place(level, morton)));
        }
      }
      start += branching ** level;
    }
    if (root[0] + levels >= available) return;
    for (let morton = 0; morton < branching ** levels; morton += 1) {
      if (bit(json.childSubtreeAvailability, morton)) await subtree(implicit, contents, place(levels, morton));
    }
  };
  await visit(json.root);
}

async function openSubtree(bytes, file) {
  let [json, binary] = [undefined, undefined];
  if (new TextDecoder('latin1').decode(bytes.subarray(0, 4)) === 'subt') {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const length = Number(view.getBigUint64(8, true));
    json = JSON.parse(new TextDecoder().decode(bytes.subarray(24, 24 + length)));
    binary = bytes.subarray(24 + length);
  } else json = JSON.parse(new TextDecoder().decode(bytes));
  const buffers = [];
  for (const buffer of json.buffers ?? []) buffers.push(buffer.uri ? await fetchBeside(file, buffer.uri) : binary);
  return { json, buffers };
}
