// What tilesets and tiles hold, as other readers see it: prints core/tiles/tests/conformance.tsv.
//
//   npm ci && node conformance.mjs ../../../shared/data/tiles > ../../core/tiles/tests/conformance.tsv
//
// Nothing here looks at CityTwin. Counts come from the files' own JSON and headers (gltf.mjs, legacy.mjs, tileset.mjs),
// and other readers must agree, or the script stops with an error: the Khronos glTF validator on triangles and
// vertices, draco3d on every Draco mesh and point cloud, @loaders.gl/3d-tiles on the headers and tables of 1.0 tiles.
// The column `source` names those that did.
//
// Columns:
// * file: relative to the directory. A tileset.json is read with all that it refers to.
// * kind: `tileset` or `content`.
// * state: `whole`; `partial` (something in it is missing or unreadable, the rest is drawn); `refused` (nothing is).
// * tiles, contents: of tilesets. Contents are the files to draw that the tiles name, whether they can be had or not.
// * triangles, points: drawn, with instances multiplied out; of tilesets, summed over the contents as often as named.
// * instances: of instanced meshes, per node and primitive.
// * features: different feature ids in each property table (or in each primitive that has none), by the first set of
//   ids that is an attribute.
// * properties: names of the features' properties, sorted; of tilesets, `properties` of 1.0 and `class.property` of
//   the metadata schema.
// * failed: of tilesets, how many of the files that it names cannot be had or read at all.

import { readFile, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { content } from './content.mjs';
import { tileset } from './tileset.mjs';

async function* filesBelow(directory) {
  const entries = await readdir(directory, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

const CONTENT = /\.(glb|gltf|b3dm|i3dm|pnts|cmpt|vctr|geom)$/;

const directory = process.argv[2];
if (!directory) {
  console.error('usage: node conformance.mjs DIRECTORY');
  process.exit(2);
}
const columns = [
  'file', 'kind', 'state', 'tiles', 'contents', 'triangles', 'points', 'instances', 'features', 'failed', 'properties',
  'source',
];
console.log(columns.join('\t'));
const known = new Map();
const contentOf = async (path) => {
  if (!known.has(path)) known.set(path, await content(path));
  return known.get(path);
};
let bad = false;
for await (const path of filesBelow(directory)) {
  try {
    let row;
    if (CONTENT.test(path)) {
      row = { kind: 'content', ...(await contentOf(path)) };
    } else if (path.endsWith('.json')) {
      const json = JSON.parse((await readFile(path, 'utf8')).replace(/^\uFEFF/, ''));
      if (!json?.root?.boundingVolume) continue;
      row = { kind: 'tileset', ...(await tileset(path, contentOf)) };
    } else continue;
    row.file = relative(directory, path);
    row.properties = [...(row.properties ?? [])].sort().join(',');
    row.source = [...row.source].sort().join(',');
    console.log(columns.map((column) => row[column] ?? '').map((v) => (v === '' ? '-' : v)).join('\t'));
  } catch (error) {
    bad = true;
    console.error(`${path}: ${error.stack ?? error}`);
  }
}
process.exit(bad ? 1 : 0);
