// The GeoJSON worker: turns a document into the files of a tileset, one document after the other.
//
// Messages in:  {wasmUrl, port}              first: where its module lies, if not beside it, and see requests.js
//               {id, shape, url}             or, in place of the URL, `bytes` (Uint8Array), `blob`, `stream` (a
//                                            ReadableStream of bytes) or `value` (the document as an object)
// Messages out: {id, report, files}          report: JSON; files: [[path, Uint8Array]]
//               {id, problem: {code, message, place}}

import init, { Made } from "./geojson_worker.js";
import { askThrough, request } from "./requests.js";

/** Most bytes of a document; the decoder refuses more as well. */
const MOST_BYTES = 256 << 20;

let started;
let wasmUrl;
let queue = Promise.resolve();

self.onmessage = ({ data }) => {
  if (data.id === undefined) {
    ({ wasmUrl } = data);
    if (data.port) askThrough(data.port);
    return;
  }
  queue = queue.then(() => make(data));
};

async function make({ id, shape, ...source }) {
  try {
    started ??= init(wasmUrl && { module_or_path: wasmUrl });
    const [bytes] = await Promise.all([read(source), started.catch((error) => { started = undefined; throw error; })]);
    const made = new Made(bytes, shape);
    const report = made.report();
    const files = [];
    for (let path = made.path(); path !== undefined; path = made.path()) files.push([path, made.take()]);
    made.free();
    self.postMessage({ id, report, files }, files.map(([, file]) => file.buffer));
  } catch (error) {
    const place = source.url ?? "document";
    self.postMessage({ id, problem: typeof error === "string" ? JSON.parse(error) : { code: error.code ?? "geojson-worker", message: error.message, place } });
  }
}

async function read({ url, bytes, blob, stream, value }) {
  if (bytes) return bytes;
  if (value !== undefined) return new TextEncoder().encode(JSON.stringify(value));
  if (url !== undefined) return readAll(await fetched(url));
  return readAll(stream ?? blob.stream());
}

async function fetched(url) {
  const response = await request(url).catch((error) => {
    throw fault(error.code ?? "fetch", error.code ? error.message : `the server cannot be reached: ${error.message}`);
  });
  if (!response.ok) throw fault("fetch", `the server answered ${response.status}`);
  return response.body ?? new Blob([]).stream();
}

async function readAll(stream) {
  const chunks = [];
  let length = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (!(value instanceof Uint8Array)) throw fault("geojson-malformed", "the stream gives no bytes");
    length += value.length;
    if (length > MOST_BYTES) {
      reader.cancel().catch(() => {});
      throw fault("geojson-too-large", `it has more than ${MOST_BYTES} bytes`);
    }
    chunks.push(value);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function fault(code, message) {
  return Object.assign(new Error(message), { code });
}
