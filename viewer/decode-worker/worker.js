// A decode worker: fetches files, decodes them in wasm, and hands GPU-ready arrays to the viewer.
//
// Messages in:  {type: "setup", port?, fullWasmUrl?}                 see requests.js; where the other decoders lie
//               {type: "init", module: WebAssembly.Module}
//               {type: "load", id, url, what: Uint8Array, options: Uint8Array, idleMs, cache: RequestCache}
//               {type: "file", id, url, idleMs, cache}                     the bytes as they are
//               {type: "picture", id, url, idleMs, cache}                  read by the browser
//               {type: "abort", id}
//               {type: "ping"}                                     are you alive?
// Messages out: {alive: true}                                       the answer to a ping
//               {decoding: id}                                      from here on the decoder is busy with this one
//               {id, bytes, header, vertices, indices, properties, images, bitmaps}
//                                                                   decoded, or a problem inside the header
//               {id, bytes, file: Uint8Array}
//               {id, bytes, bitmap: ImageBitmap}
//               {id, bytes, problem: {code, message, place, mayPass}}  not fetched; `mayPass`: later it may be
//               {id, crash}                                         the decoder died: this worker is of no more use
//               {id, aborted: true}
//               {broken}                                            the decoder could not be started
// `bitmaps` has, by the number of the image, an ImageBitmap, or null where the browser cannot read the picture.

import init, * as base from "./decode_worker.js";
import initFull, * as full from "./decode_worker_full.js";
import { Refusal, askThrough, request } from "./requests.js";

/**
 * Waits between attempts, milliseconds: a server that stumbles gets three more chances. Each wait is a quarter longer
 * or shorter by chance, so that those whom it turned away together do not come back together.
 */
const RETRY_AFTER_MS = [500, 1500, 4500];
/** So many of the attempts may be for a file that came, but damaged: most such files are damaged where they lie. */
const MOST_DAMAGED = 2;
/** The other decoders are given up after this long, milliseconds; the next tile that needs them asks again. */
const FULL_WITHIN_MS = 60_000;
/** How often a file may ask for other files before it must do without. */
const MOST_ROUNDS = 8;
/** Secondary files of one file that are fetched at a time. */
const MOST_AT_ONCE = 6;
/** Most bytes of one secondary file; the decoder has its own limit for all of a file's together. */
const MOST_SECONDARY_BYTES = 256 << 20;
/** Most bytes of a file that is not decoded here. */
const MOST_PLAIN_BYTES = 64 << 20;
/** What `Output.pictures` calls 0, 1 and 2. */
const PICTURE_TYPES = ["image/png", "image/jpeg", "image/webp"];
/** Pixels as they are stored: colours are converted in the shader, and alpha is straight. */
const BITMAP_OPTIONS = { premultiplyAlpha: "none", colorSpaceConversion: "none" };

let start;
const started = new Promise((resolve) => { start = resolve; });
const running = new Map();
let fullModule;
let fullWasmUrl;

self.onmessage = ({ data }) => {
  if (data.type === "setup") {
    ({ fullWasmUrl } = data);
    if (data.port) askThrough(data.port);
  } else if (data.type === "init") {
    start(init({ module_or_path: data.module }));
  } else if (data.type === "abort") {
    running.get(data.id)?.abort();
  } else if (data.type === "load") {
    load(data);
  } else if (data.type === "file" || data.type === "picture") {
    loadPlain(data);
  } else if (data.type === "ping") {
    self.postMessage({ alive: true });
  }
};

started.catch((error) => self.postMessage({ broken: String(error) }));

async function load({ id, url, what, options, idleMs, cache }) {
  const controller = new AbortController();
  const { signal } = controller;
  running.set(id, controller);
  try {
    for (let attempt = 0, damaged = 0; ; attempt += 1) {
      // What came damaged may lie damaged in the browser's cache.
      const file = await fetchOnce(url, { signal, idleMs, cache: damaged > 0 ? "reload" : cache });
      const last = attempt >= RETRY_AFTER_MS.length;
      if (file.problem && (last || !file.again)) {
        self.postMessage({ id, bytes: 0, problem: { ...file.problem, mayPass: file.again } });
        return;
      }
      if (!file.problem) {
        await started;
        signal.throwIfAborted();
        const { output, bytes } = await decode(file, { id, what, options, signal, idleMs, cache });
        damaged += 1;
        if (last || damaged > MOST_DAMAGED || !output.failed()) {
          await post(id, output, bytes, signal);
          return;
        }
        output.free();
      }
      await pauseAfter(attempt, signal);
    }
  } catch (error) {
    self.postMessage(signal.aborted ? { id, aborted: true } : { id, crash: String(error) });
  } finally {
    running.delete(id);
  }
}

/** A file as it is, or the picture that it is. Neither needs the decoder. */
async function loadPlain({ type, id, url, idleMs, cache }) {
  const controller = new AbortController();
  const { signal } = controller;
  running.set(id, controller);
  try {
    const { bytes, problem: fault } = await fetchPatiently(url, { signal, idleMs, cache, most: MOST_PLAIN_BYTES });
    if (fault) {
      self.postMessage({ id, bytes: 0, problem: fault });
    } else if (type === "file") {
      self.postMessage({ id, bytes: bytes.length, file: bytes }, [bytes.buffer]);
    } else {
      const bitmap = await createImageBitmap(new Blob([bytes]), BITMAP_OPTIONS).catch(() => null);
      signal.throwIfAborted();
      if (bitmap) {
        self.postMessage({ id, bytes: bytes.length, bitmap }, [bitmap]);
      } else {
        const fault = problem("image-unreadable", "the browser cannot read this as a picture", url);
        self.postMessage({ id, bytes: bytes.length, problem: fault });
      }
    }
  } catch {
    self.postMessage({ id, aborted: true }); // nothing else is thrown
  } finally {
    running.delete(id);
  }
}

/** Decodes a file with all that it needs: other files, and decoders that the small module lacks. */
async function decode(file, { id, what, options, signal, idleMs, cache }) {
  const files = [];
  let total = file.bytes.length;
  let decoder = base;
  let job = new decoder.Job(file.bytes, file.url, what, options);
  try {
    for (let round = 0; ; round += 1) {
      const settle = round >= MOST_ROUNDS || decoder === undefined;
      self.postMessage({ decoding: id });
      const output = job.run(settle);
      const needs = output.needs();
      if (needs.length === 0 && !output.lacks_decoder()) {
        return { output, bytes: total };
      }
      const lacksDecoder = output.lacks_decoder();
      output.free();
      if (lacksDecoder) {
        decoder = await loadFull();
        if (decoder !== undefined) {
          job.free();
          job = new decoder.Job(file.bytes, file.url, what, options);
          files.forEach(([url, bytes]) => job.insert(url, bytes));
        }
      }
      for (const [url, bytes] of await fetchAll(needs, { signal, idleMs, cache })) {
        total += bytes?.length ?? 0;
        files.push([url, bytes]);
        job.insert(url, bytes);
      }
      signal.throwIfAborted();
    }
  } finally {
    job.free();
  }
}

/** The module with every decoder; undefined when it cannot be had now. */
async function loadFull() {
  fullModule ??= importFull();
  let timer;
  const tooLate = new Promise((_, reject) => { timer = setTimeout(reject, FULL_WITHIN_MS); });
  try {
    return await Promise.race([fullModule, tooLate]);
  } catch {
    fullModule = undefined; // the next tile may try again
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** Only its wasm is heavy: the glue comes with this script, which bundlers copy as one file. */
async function importFull() {
  await initFull(fullWasmUrl && { module_or_path: fullWasmUrl });
  return full;
}

async function post(id, output, bytes, signal) {
  const pictures = output.pictures();
  const keep = output.keeps_images();
  const encoded = output.images();
  const parts = [output.header(), output.vertices(), output.indices(), output.properties()];
  output.free();
  const bitmaps = await readPictures(pictures, encoded);
  if (signal.aborted) {
    bitmaps.forEach((bitmap) => bitmap?.close());
    signal.throwIfAborted();
  }
  const [header, vertices, indices, properties] = parts;
  const images = keep ? encoded : new Uint8Array();
  const made = bitmaps.filter((bitmap) => bitmap);
  const transfer = [...parts, images].map((array) => array.buffer).concat(made);
  self.postMessage({ id, bytes, header, vertices, indices, properties, images, bitmaps }, transfer);
}

async function readPictures(pictures, images) {
  const bitmaps = [];
  const reads = [];
  for (let i = 0; i < pictures.length; i += 4) {
    const [number, kind, from, to] = pictures.subarray(i, i + 4);
    const blob = new Blob([images.subarray(from, to)], { type: PICTURE_TYPES[kind] });
    const read = createImageBitmap(blob, BITMAP_OPTIONS).catch(() => null);
    reads.push(read.then((bitmap) => { bitmaps[number] = bitmap; }));
  }
  await Promise.all(reads);
  return bitmaps;
}

/** Secondary files, each with its bytes, or undefined where they cannot be had. Throws only when aborted. */
async function fetchAll(urls, request) {
  const found = [];
  const waiting = [...urls];
  const next = async () => {
    for (let url = waiting.shift(); url !== undefined; url = waiting.shift()) {
      found.push([url, (await fetchPatiently(url, { ...request, most: MOST_SECONDARY_BYTES })).bytes]);
    }
  };
  await Promise.all(Array.from({ length: MOST_AT_ONCE }, next));
  return found;
}

/** As {@link fetchOnce}, as often as it may help. */
async function fetchPatiently(url, request) {
  for (let attempt = 0; ; attempt += 1) {
    const answer = await fetchOnce(url, request);
    if (!answer.again || attempt >= RETRY_AFTER_MS.length) {
      return answer;
    }
    await pauseAfter(attempt, request.signal);
  }
}

/**
 * `{ bytes, url }` of a file, or `{ problem, again }`; `again`: another attempt may help. Given up when no byte comes
 * for `idleMs`: a large file on a slow line may take as long as it likes. Throws only when aborted.
 */
async function fetchOnce(url, { signal, idleMs, cache, most = Infinity }) {
  signal.throwIfAborted();
  const controller = new AbortController();
  const abort = () => controller.abort();
  signal.addEventListener("abort", abort);
  let timer;
  let silent = false;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => { silent = true; abort(); }, idleMs);
  };
  try {
    heard();
    const response = await request(url, { signal: controller.signal, cache });
    heard();
    if (!response.ok) {
      response.body?.cancel().catch(() => {});
      return refused(response, url);
    }
    const bytes = await read(response, most, heard);
    return bytes ? { bytes, url } : { again: false, problem: problem("file-too-large", `it has more than ${most} bytes`, url) };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Refusal) {
      return { again: error.again, problem: problem(error.code, error.message, url) };
    }
    const said = silent
      ? problem("timeout", `the server sent nothing for ${idleMs / 1000} s`, url)
      : problem("network", `the server cannot be reached, or hung up: ${error.message}`, url);
    return { again: true, problem: said };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

/** What an answer that is no success means. */
function refused({ status, statusText }, url) {
  if (status === 404 || status === 410) {
    const message = `the server has no such file (any more): it answered ${status}. If the city was published again, load the page anew`;
    return { again: false, problem: problem("file-gone", message, url) };
  }
  const again = status >= 500 || status === 429 || status === 408;
  return { again, problem: problem("http-status", `the server answered ${status} ${statusText}`.trim(), url) };
}

/** The bytes of an answer, or undefined when there are more than `most`; `heard` is called with every piece. */
async function read(response, most, heard) {
  const chunks = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done) {
      break;
    }
    heard();
    length += value.length;
    if (length > most) {
      await reader.cancel();
      return undefined;
    }
    chunks.push(value);
  }
  if (chunks.length === 1) {
    return chunks[0];
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** The wait after an attempt, counted from 0. */
function pauseAfter(attempt, signal) {
  const ms = RETRY_AFTER_MS[attempt] * (0.75 + 0.5 * Math.random());
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}

function problem(code, message, place) {
  return { code, message, place };
}
