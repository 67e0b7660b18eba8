// Checks every .glb below a directory with the Khronos glTF validator.
//
//   node validate-gltf.mjs DIR
//
// The validator does not know EXT_meshopt_compression, so that on its own it sees no vertex. Compressed buffer views
// are therefore decoded first (with the reference decoder, npm meshoptimizer) into the fallback buffer that the file
// declares, and the validator reads that: indices, bounds, unit normals and quaternions are all checked.
// Exits with 1 when any file has an error or a warning, or when there is no file.

import { readFile, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { MeshoptDecoder } from 'meshoptimizer';
import validator from 'gltf-validator';

const FALLBACK = 'fallback.bin';

/** The JSON and the binary chunk of a glb. */
function chunks(glb) {
  const view = new DataView(glb.buffer, glb.byteOffset, glb.byteLength);
  if (view.getUint32(0, true) !== 0x46546c67 || view.getUint32(8, true) !== glb.byteLength) {
    throw new Error('not a whole glb');
  }
  const jsonLength = view.getUint32(12, true);
  const json = JSON.parse(new TextDecoder().decode(glb.subarray(20, 20 + jsonLength)));
  const binaryAt = 20 + jsonLength + 8;
  const binary = binaryAt <= glb.byteLength ? glb.subarray(binaryAt, binaryAt + view.getUint32(20 + jsonLength, true)) : new Uint8Array();
  return { json, binary };
}

/** The same glb with other JSON. */
function withJson(json, binary) {
  const pad = (bytes, fill) => {
    const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4).fill(fill);
    padded.set(bytes);
    return padded;
  };
  const text = pad(new TextEncoder().encode(JSON.stringify(json)), 0x20);
  const body = pad(binary, 0);
  const out = new Uint8Array(12 + 8 + text.length + 8 + body.length);
  const view = new DataView(out.buffer);
  [0x46546c67, 2, out.length, text.length, 0x4e4f534a].forEach((word, i) => view.setUint32(4 * i, word, true));
  out.set(text, 20);
  view.setUint32(20 + text.length, body.length, true);
  view.setUint32(24 + text.length, 0x004e4942, true);
  out.set(body, 28 + text.length);
  return out;
}

/** Decodes the compressed views into their fallback buffer, so that the extension can be left out. */
function decompress({ json, binary }) {
  const fallbackIndex = (json.buffers ?? []).findIndex((b) => b.extensions?.EXT_meshopt_compression?.fallback);
  if (fallbackIndex < 0) return { json, fallback: undefined };
  const fallback = new Uint8Array(json.buffers[fallbackIndex].byteLength);
  for (const view of json.bufferViews) {
    const packed = view.extensions?.EXT_meshopt_compression;
    if (!packed) continue;
    if (view.buffer !== fallbackIndex || packed.count * packed.byteStride !== view.byteLength) {
      throw new Error('a compressed view does not fit its fallback');
    }
    const source = binary.subarray(packed.byteOffset, packed.byteOffset + packed.byteLength);
    const target = fallback.subarray(view.byteOffset, view.byteOffset + view.byteLength);
    MeshoptDecoder.decodeGltfBuffer(target, packed.count, packed.byteStride, source, packed.mode, packed.filter);
    delete view.extensions;
  }
  json.buffers[fallbackIndex] = { byteLength: fallback.length, uri: FALLBACK };
  for (const list of ['extensionsUsed', 'extensionsRequired']) {
    json[list] = (json[list] ?? []).filter((name) => name !== 'EXT_meshopt_compression');
    if (json[list].length === 0) delete json[list];
  }
  return { json, fallback };
}

async function* glbsBelow(directory) {
  const entries = await readdir(directory, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* glbsBelow(path);
    else if (entry.name.endsWith('.glb')) yield path;
  }
}

const directory = process.argv[2];
if (!directory) {
  console.error('usage: node validate-gltf.mjs DIR');
  process.exit(2);
}
await MeshoptDecoder.ready;
const total = { files: 0, errors: 0, warnings: 0, infos: 0, hints: 0 };
const kinds = new Map();
for await (const path of glbsBelow(directory)) {
  total.files += 1;
  const name = relative(directory, path);
  try {
    const parts = chunks(new Uint8Array(await readFile(path)));
    const { json, fallback } = decompress(parts);
    const report = await validator.validateBytes(withJson(json, parts.binary), {
      uri: name,
      maxIssues: 0,
      externalResourceFunction: async (uri) => {
        if (uri === FALLBACK && fallback) return fallback;
        throw new Error(`no such resource: ${uri}`);
      },
    });
    total.errors += report.issues.numErrors;
    total.warnings += report.issues.numWarnings;
    total.infos += report.issues.numInfos;
    total.hints += report.issues.numHints;
    for (const issue of report.issues.messages) {
      const kind = `${['error', 'warning', 'info', 'hint'][issue.severity]} ${issue.code}`;
      const seen = kinds.get(kind) ?? { count: 0, example: `${name} ${issue.pointer ?? ''}: ${issue.message}` };
      seen.count += 1;
      kinds.set(kind, seen);
    }
  } catch (error) {
    total.errors += 1;
    console.error(`${name}: ${error.message ?? error}`);
  }
}
for (const [kind, { count, example }] of [...kinds].sort()) console.log(`${kind}: ${count} times, first in ${example}`);
console.log(
  `${total.files} glb files: ${total.errors} errors, ${total.warnings} warnings, ${total.infos} infos, ${total.hints} hints`,
);
if (total.files === 0) console.error(`no .glb below ${directory}`);
process.exit(total.errors + total.warnings > 0 || total.files === 0 ? 1 : 0);
