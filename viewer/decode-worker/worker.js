// A decode worker: fetches files, decodes them in wasm, and hands GPU-ready arrays to the viewer.
//
// Messages in:  {type: "init", module: WebAssembly.Module}
//               {type: "load", id, url, what: Uint8Array}
//               {type: "abort", id}
// Messages out: {id, bytes, header, vertices, indices, properties}  decoded, or a problem inside the header
//               {id, bytes, problem: {code, message, place}}        not fetched
//               {id, crash}                                         the decoder died: this worker is of no more use
//               {id, aborted: true}
//               {broken}                                            the decoder could not be started

import init, { decode } from "./decode_worker.js";

/** Waits between attempts, milliseconds: a server that stumbles gets two more chances. */
const RETRY_AFTER_MS = [400, 1600];

let start;
const started = new Promise((resolve) => { start = resolve; });
const running = new Map();

self.onmessage = ({ data }) => {
  if (data.type === "init") {
    start(init({ module_or_path: data.module }));
  } else if (data.type === "abort") {
    running.get(data.id)?.abort();
  } else if (data.type === "load") {
    load(data);
  }
};

started.catch((error) => self.postMessage({ broken: String(error) }));

async function load({ id, url, what }) {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const fetched = await fetchBytes(url, controller.signal);
    if (fetched.problem) {
      self.postMessage({ id, bytes: 0, problem: fetched.problem });
      return;
    }
    await started;
    if (controller.signal.aborted) {
      self.postMessage({ id, aborted: true });
      return;
    }
    post(id, fetched, what);
  } catch (error) {
    self.postMessage(controller.signal.aborted ? { id, aborted: true } : { id, crash: String(error) });
  } finally {
    running.delete(id);
  }
}

function post(id, { bytes, url }, what) {
  const output = decode(bytes, url, what);
  const [header, vertices, indices, properties] =
    [output.header(), output.vertices(), output.indices(), output.properties()];
  output.free();
  const transfer = [header.buffer, vertices.buffer, indices.buffer, properties.buffer];
  self.postMessage({ id, bytes: bytes.length, header, vertices, indices, properties }, transfer);
}

/** The bytes of a URL, or the problem of getting them. Throws only when aborted. */
async function fetchBytes(url, signal) {
  for (let attempt = 0; ; attempt += 1) {
    const answer = await fetchOnce(url, signal);
    if (!answer.again || attempt >= RETRY_AFTER_MS.length) {
      return answer;
    }
    await pause(RETRY_AFTER_MS[attempt], signal);
  }
}

async function fetchOnce(url, signal) {
  try {
    const response = await fetch(url, { signal });
    if (!response.ok) {
      const again = response.status >= 500 || response.status === 429;
      return { again, problem: problem("http-status", `the server answered ${response.status} ${response.statusText}`.trim(), url) };
    }
    return { bytes: new Uint8Array(await response.arrayBuffer()), url };
  } catch (error) {
    signal.throwIfAborted();
    return { again: true, problem: problem("network", `the server cannot be reached, or hung up: ${error.message}`, url) };
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
