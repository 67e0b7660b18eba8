// A decode worker: fetches files, decodes them in wasm, and hands GPU-ready arrays to the viewer.
//
// Messages in:  {type: "init", module: WebAssembly.Module}
//               {type: "load", id, url, what: Uint8Array, options: Uint8Array, cache: RequestCache}
//               {type: "file", id, url, cache}                     the bytes as they are
//               {type: "picture", id, url, cache}                  read by the browser
//               {type: "abort", id}
// Messages out: {id, bytes, header, vertices, indices, properties, images, bitmaps}
//                                                                   decoded, or a problem inside the header
//               {id, bytes, file: Uint8Array}
//               {id, bytes, bitmap: ImageBitmap}
//               {id, bytes, problem: {code, message, place}}        not fetched
//               {id, crash}                                         the decoder died: this worker is of no more use
//               {id, aborted: true}
//               {broken}                                            the decoder could not be started
// `bitmaps` has, by the number of the image, an ImageBitmap, or null where the browser cannot read the picture.

import init, * as base from "./decode_worker.js";

/** Waits between attempts, milliseconds: a server that stumbles gets two more chances. */
const RETRY_AFTER_MS = [400, 1600];
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

self.onmessage = ({ data }) => {
  if (data.type === "init") {
    start(init({ module_or_path: data.module }));
  } else if (data.type === "abort") {
    running.get(data.id)?.abort();
  } else if (data.type === "load") {
    load(data);
  } else if (data.type === "file" || data.type === "picture") {
    loadPlain(data);
  }
};

started.catch((error) => self.postMessage({ broken: String(error) }));

async function load({ id, url, what, options, cache }) {
  const controller = new AbortController();
  const { signal } = controller;
  running.set(id, controller);
  try {
    const file = await fetchBytes(url, { signal, cache });
    if (file.problem) {
      self.postMessage({ id, bytes: 0, problem: file.problem });
      return;
    }
    await started;
    signal.throwIfAborted();
    const { output, bytes } = await decode(file, what, options, { signal, cache });
    await post(id, output, bytes, signal);
  } catch (error) {
    self.postMessage(signal.aborted ? { id, aborted: true } : { id, crash: String(error) });
  } finally {
    running.delete(id);
  }
}

/** A file as it is, or the picture that it is. Neither needs the decoder. */
async function loadPlain({ type, id, url, cache }) {
  const controller = new AbortController();
  const { signal } = controller;
  running.set(id, controller);
  try {
    const { bytes, problem: fault } = await fetchBytes(url, { signal, cache }, MOST_PLAIN_BYTES);
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
async function decode(file, what, options, request) {
  const files = [];
  let total = file.bytes.length;
  let decoder = base;
  let job = new decoder.Job(file.bytes, file.url, what, options);
  try {
    for (let round = 0; ; round += 1) {
      const settle = round >= MOST_ROUNDS || decoder === undefined;
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
      for (const [url, bytes] of await fetchAll(needs, request)) {
        total += bytes?.length ?? 0;
        files.push([url, bytes]);
        job.insert(url, bytes);
      }
      request.signal.throwIfAborted();
    }
  } finally {
    job.free();
  }
}

/** The module with every decoder; undefined when it cannot be had now. */
async function loadFull() {
  fullModule ??= import("./decode_worker_full.js").then(async (module) => {
    await module.default();
    return module;
  });
  try {
    return await fullModule;
  } catch {
    fullModule = undefined; // the next tile may try again
    return undefined;
  }
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
      found.push([url, (await fetchBytes(url, request, MOST_SECONDARY_BYTES)).bytes]);
    }
  };
  await Promise.all(Array.from({ length: MOST_AT_ONCE }, next));
  return found;
}

/** The bytes of a URL, or the problem of getting them. Throws only when aborted. */
async function fetchBytes(url, request, most = Infinity) {
  for (let attempt = 0; ; attempt += 1) {
    const answer = await fetchOnce(url, request, most);
    if (!answer.again || attempt >= RETRY_AFTER_MS.length) {
      return answer;
    }
    await pause(RETRY_AFTER_MS[attempt], request.signal);
  }
}

async function fetchOnce(url, request, most) {
  try {
    const response = await fetch(url, request);
    if (!response.ok) {
      const again = response.status >= 500 || response.status === 429;
      return { again, problem: problem("http-status", `the server answered ${response.status} ${response.statusText}`.trim(), url) };
    }
    const bytes = most === Infinity ? new Uint8Array(await response.arrayBuffer()) : await readAtMost(response, most);
    return bytes ? { bytes, url } : { problem: problem("file-too-large", `it has more than ${most} bytes`, url) };
  } catch (error) {
    request.signal.throwIfAborted();
    return { again: true, problem: problem("network", `the server cannot be reached, or hung up: ${error.message}`, url) };
  }
}

/** The bytes of an answer, or undefined when there are more. */
async function readAtMost(response, most) {
  const chunks = [];
  let length = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return new Uint8Array(await new Blob(chunks).arrayBuffer());
    }
    length += value.length;
    if (length > most) {
      await reader.cancel();
      return undefined;
    }
    chunks.push(value);
  }
}

function pause(ms, signal) {
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
