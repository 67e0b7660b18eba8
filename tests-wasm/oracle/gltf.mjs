// glTF 2.0 by its own JSON, checked against the Khronos validator and draco3d.

import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import draco3d from 'draco3d';
import validator from 'gltf-validator';

const draco = await draco3d.createDecoderModule({});

const COMPONENT = {
  5120: Int8Array, 5121: Uint8Array, 5122: Int16Array, 5123: Uint16Array, 5125: Uint32Array, 5126: Float32Array,
};
const WIDTH = { SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4 };

/** Extensions that no reader of glTF 2.0 has to know any more; without them what requires them is not to be drawn. */
const ARCHIVED = ['KHR_techniques_webgl'];

/** The JSON and the binary chunk of a glb, or of the text of a .gltf. */
export function open(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== 0x46546c67) return { json: JSON.parse(new TextDecoder().decode(bytes)) };
  const version = view.getUint32(4, true);
  if (version !== 2) return { version };
  const length = view.getUint32(12, true);
  const json = JSON.parse(new TextDecoder().decode(bytes.subarray(20, 20 + length)));
  const at = 28 + length;
  return { json, binary: at <= bytes.length ? bytes.subarray(at, at + view.getUint32(20 + length, true)) : undefined };
}

/** Bytes of a URI beside a file. */
export async function fetchBeside(path, uri) {
  if (uri.startsWith('data:')) {
    const [head, body] = [uri.slice(0, uri.indexOf(',')), uri.slice(uri.indexOf(',') + 1)];
    return new Uint8Array(head.endsWith(';base64') ? Buffer.from(body, 'base64') : Buffer.from(decodeURIComponent(body)));
  }
  return new Uint8Array(await readFile(join(dirname(path), decodeURIComponent(uri.replace(/[?#].*$/, '')))));
}

class Gltf {
  constructor(json, buffers) {
    this.json = json;
    this.buffers = buffers;
  }

  view(index) {
    const view = this.json.bufferViews[index];
    const buffer = this.buffers[view.buffer];
    return buffer?.subarray(view.byteOffset ?? 0, (view.byteOffset ?? 0) + view.byteLength);
  }

  /** First components of an accessor without compression. */
  values(index) {
    const accessor = this.json.accessors[index];
    if (accessor.bufferView === undefined) return undefined;
    const view = this.json.bufferViews[accessor.bufferView];
    const Type = COMPONENT[accessor.componentType];
    const stride = view.byteStride ?? WIDTH[accessor.type] * Type.BYTES_PER_ELEMENT;
    const bytes = this.view(accessor.bufferView);
    return Array.from({ length: accessor.count }, (_, i) => {
      const at = (accessor.byteOffset ?? 0) + i * stride;
      return new Type(bytes.slice(at, at + Type.BYTES_PER_ELEMENT).buffer)[0];
    });
  }

  /** A Draco primitive, decoded by draco3d. */
  draco(extension) {
    const bytes = this.view(extension.bufferView);
    const decoder = new draco.Decoder();
    const buffer = new draco.DecoderBuffer();
    buffer.Init(new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), bytes.byteLength);
    const mesh = new draco.Mesh();
    const status = decoder.DecodeBufferToMesh(buffer, mesh);
    if (!status.ok()) throw new Error(`draco3d: ${status.error_msg()}`);
    const attribute = (id) => {
      const array = new draco.DracoInt32Array();
      const found = decoder.GetAttributeByUniqueId(mesh, id);
      if (found.data_type() === draco.DT_FLOAT32) {
        const floats = new draco.DracoFloat32Array();
        decoder.GetAttributeFloatForAllPoints(mesh, found, floats);
        return Array.from({ length: mesh.num_points() }, (_, i) => floats.GetValue(i * found.num_components()));
      }
      decoder.GetAttributeInt32ForAllPoints(mesh, found, array);
      return Array.from({ length: mesh.num_points() }, (_, i) => array.GetValue(i * found.num_components()));
    };
    return { faces: mesh.num_faces(), points: mesh.num_points(), attribute };
  }
}

/** Triangles and points of `count` elements in a mode. */
function drawn(mode, count) {
  switch (mode) {
    case 0: return { triangles: 0, points: count };
    case 4: return { triangles: Math.floor(count / 3), points: 0 };
    case 5: case 6: return { triangles: Math.max(0, count - 2), points: 0 };
    default: return { triangles: 0, points: 0 };
  }
}

/** Sets of feature ids of a primitive, in order; legacy forms included. */
function featureSets(gltf, primitive) {
  const sets = primitive.extensions?.EXT_mesh_features?.featureIds;
  if (sets) return sets;
  const old = primitive.extensions?.EXT_feature_metadata?.featureIdAttributes;
  if (old) {
    return old.map((set) => ({ old: set.featureIds, propertyTable: set.featureTable, attribute: set.featureIds.attribute }));
  }
  const legacy = ['_BATCHID', 'BATCHID'].find((name) => primitive.attributes[name] !== undefined);
  return legacy ? [{ attribute: legacy, propertyTable: 'batch' }] : [];
}

/**
 * Counts of a glTF. `copies` multiplies all of it; `legacy`: batch ids belong to the table of the tile.
 */
export async function gltf(bytes, path, source, { copies = 1 } = {}) {
  const { json, binary, version } = open(bytes);
  if (!json) return { refused: `glTF ${version}` };
  const unknown = (json.extensionsRequired ?? []).find((name) => ARCHIVED.includes(name));
  if (unknown) return { refused: `requires ${unknown}` };
  const missing = [];
  const buffers = [];
  for (const buffer of json.buffers ?? []) {
    if (buffer.uri === undefined) buffers.push(binary);
    else buffers.push(await fetchBeside(path, buffer.uri).catch(() => void missing.push(buffer.uri)));
  }
  for (const image of json.images ?? []) {
    if (image.uri) await fetchBeside(path, image.uri).catch(() => void missing.push(image.uri));
  }
  const file = new Gltf(json, buffers);
  source.add('json');
  const total = { triangles: 0, points: 0, instances: 0, features: new Map(), properties: new Set(), missing };
  const once = { triangles: 0, vertices: 0 };
  for (const mesh of json.meshes ?? []) {
    for (const primitive of mesh.primitives) {
      const count = (primitive.indices ?? undefined) === undefined
        ? json.accessors[primitive.attributes.POSITION].count : json.accessors[primitive.indices].count;
      once.triangles += drawn(primitive.mode ?? 4, count).triangles;
      once.vertices += json.accessors[primitive.attributes.POSITION].count;
    }
  }
  await validate(bytes, path, json, once, source);
  const drawPrimitive = (primitive, node, number) => {
    const packed = primitive.extensions?.KHR_draco_mesh_compression;
    const position = json.accessors[primitive.attributes.POSITION];
    const count = primitive.indices === undefined ? position.count : json.accessors[primitive.indices].count;
    const counts = drawn(primitive.mode ?? 4, count);
    let decoded;
    if (packed) {
      decoded = file.draco(packed);
      source.add('draco3d');
      if (decoded.faces !== counts.triangles || decoded.points !== position.count) {
        // What is in the stream is what is drawn; the JSON of some exporters counts triangles as indices.
        console.error(`${path}: draco3d decodes ${decoded.faces} triangles, the JSON says ${counts.triangles}`);
        source.delete('json');
        source.delete('gltf-validator');
        counts.triangles = decoded.faces;
      }
    }
    const gpu = node.extensions?.EXT_mesh_gpu_instancing?.attributes;
    const instances = gpu ? json.accessors[Object.values(gpu)[0]].count : 1;
    if (gpu) total.instances += instances * copies;
    total.triangles += counts.triangles * instances * copies;
    total.points += counts.points * instances * copies;
    const ofInstances = node.extensions?.EXT_instance_features?.featureIds ?? [];
    const sets = [
      ...ofInstances.map((set) => ({ ...set, values: set.attribute === undefined
        ? Array.from({ length: instances }, (_, i) => i) : file.values(gpu[`_FEATURE_ID_${set.attribute}`]) })),
      ...featureSets(file, primitive).filter((set) => set.texture === undefined).map((set) => ({ ...set, get values() {
        if (set.old?.constant !== undefined) {
          const { constant, divisor } = set.old;
          return Array.from({ length: position.count }, (_, i) => constant + (divisor ? Math.floor(i / divisor) : 0));
        }
        if (set.attribute === undefined) return Array.from({ length: position.count }, (_, i) => i);
        const name = typeof set.attribute === 'number' ? `_FEATURE_ID_${set.attribute}` : set.attribute;
        return packed?.attributes[name] !== undefined
          ? decoded.attribute(packed.attributes[name]) : file.values(primitive.attributes[name]);
      } })),
    ];
    const first = sets[0];
    if (first) {
      const key = first.propertyTable ?? `primitive ${number}`;
      if (!total.features.has(key)) total.features.set(key, new Set());
      for (const id of first.values ?? []) {
        // Draco may have quantised ids that are floats.
        if (id !== first.nullFeatureId) total.features.get(key).add(Math.round(id));
      }
    }
  };
  let number = 0;
  const seen = new Set();
  const visit = (index) => {
    if (seen.has(index)) return;
    seen.add(index);
    const node = json.nodes[index];
    if (node.mesh !== undefined) {
      for (const primitive of json.meshes[node.mesh].primitives) drawPrimitive(primitive, node, (number += 1));
    }
    (node.children ?? []).forEach(visit);
  };
  (json.scenes?.[json.scene ?? 0]?.nodes ?? json.nodes?.map((_, i) => i) ?? []).forEach(visit);
  const metadata = json.extensions?.EXT_structural_metadata;
  const schema = metadata?.schema ?? (metadata?.schemaUri
    ? JSON.parse(new TextDecoder().decode(await fetchBeside(path, metadata.schemaUri))) : undefined);
  for (const table of metadata?.propertyTables ?? []) {
    for (const [name, property] of Object.entries(schema.classes[table.class].properties ?? {})) {
      if (table.properties?.[name] || property.default !== undefined) total.properties.add(name);
    }
  }
  return total;
}

/** The validator reads what it knows: neither Draco nor meshopt, for which it takes the JSON's word. */
async function validate(bytes, path, json, once, source) {
  if (json.extensionsRequired?.includes('EXT_meshopt_compression')) return;
  const report = await validator.validateBytes(bytes, {
    maxIssues: 1,
    externalResourceFunction: (uri) => fetchBeside(path, uri),
  });
  const info = report.info;
  if (!info) return;
  if (info.totalTriangleCount !== once.triangles || info.totalVertexCount !== once.vertices) {
    throw new Error(`the validator counts ${info.totalTriangleCount} triangles and ${info.totalVertexCount} vertices, `
      + `the JSON says ${once.triangles} and ${once.vertices}`);
  }
  source.add('gltf-validator');
}
