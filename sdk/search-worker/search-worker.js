// The search worker: answers queries over a published index, and fetches the byte ranges of it that they need.
//
// The first message may be {wasmUrl, port}: where its module lies, if not beside it, and see requests.js. All others, in
// and out, are JSON texts; src/protocol.rs says which. A query is answered at once by what is there, again
// with every range that arrives, and a last time (`complete`) when nothing is missing.

import { Refusal, askThrough, request } from "./requests.js";
import init, { Engine, shards } from "./search_worker.js";

/** Wait before a request is tried a second time, milliseconds. */
const RETRY_AFTER_MS = 400;
/** What failed is asked for again by the next query after this time, milliseconds. */
const FORGIVE_AFTER_MS = 3000;
/** What a server answers for a file that is no more, or is shorter than it was. */
const GONE = [404, 410, 416];

/** The index: a promise of `{engine, files, root, lost}`, the last the URLs of roots that did not come. */
let index;
/** Where the root lies. */
let address;
/** The look at the root that is under way: a promise of whether the city has published another one. */
let renewing;
/** Numbers of the queries that somebody still waits for. */
const asked = new Set();
/** Ranges under way: `{file, start, end, users, controller, whole, stale, done}`. */
const flights = [];
let failedAt = -Infinity;

let wasmUrl;

self.onmessage = ({ data }) => {
  if (typeof data !== "string") {
    ({ wasmUrl } = data);
    if (data.port) askThrough(data.port);
    return;
  }
  const message = JSON.parse(data);
  if (message.open !== undefined) {
    address = message.open;
    index = open();
    index.catch((error) => tell({ failed: problemOf(error, message.open) }));
  } else if (message.ask !== undefined) {
    ask(message.ask).catch((error) => crash(error));
  } else if (message.cancel !== undefined) {
    cancel(message.cancel);
  } else if (message.retry) {
    failedAt = -Infinity;
    // What was asked for before the fault was mended may still fail: that is no answer to the next query.
    for (const flight of flights) flight.stale = true;
    findLost();
  }
};

// What failed for want of a network is worth another try when there is one.
self.addEventListener("online", () => {
  failedAt = Math.min(failedAt, performance.now() - FORGIVE_AFTER_MS);
  if (index) findLost();
});

/** Opens the index anew where roots of it are missing; the next query waits for it. */
function findLost() {
  index = index.then((current) => (current.lost.length > 0 ? open(current.lost).catch(() => current) : current));
  index.catch(() => {}); // It was told when it failed.
}

/** Opens the index; of the roots that were `lost` before, a cache knows nothing good. */
async function open(lost = []) {
  const [root] = await Promise.all([fetchRoot("no-cache"), init(wasmUrl && { module_or_path: wasmUrl })]);
  return read(root, lost);
}

/** Opens a root, or the roots that a list of shards and overlays names, and tells what is in the index. */
async function read(root, lostBefore = []) {
  const engine = new Engine();
  const names = sayingWhy(() => shards(root)).split("\n").filter((name) => name !== "");
  const lost = [];
  if (names.length === 0) sayingWhy(() => engine.push(root, address));
  const urls = names.map((name) => new URL(name, address).href);
  // The name of a root in a list carries its checksum, as those of the other files do.
  const roots = urls.map((url) => fetchTwice(url, { cache: lostBefore.includes(url) ? "reload" : "force-cache" })
    .then((response) => response.arrayBuffer())
    .then((buffer) => new Uint8Array(buffer)));
  for (const [i, fetched] of (await Promise.allSettled(roots)).entries()) {
    try {
      if (fetched.status === "rejected") throw fetched.reason;
      sayingWhy(() => engine.push(fetched.value, urls[i]));
    } catch (error) {
      lost.push(urls[i]);
      if (lost.length === urls.length) throw error;
      engine.lose(urls[i], error.message);
    }
  }
  self.postMessage(engine.opened());
  const files = engine.urls().split("\n").map((url) => ({ url, whole: undefined, refused: false }));
  return { engine, files, root, lost };
}

/** Runs a function of the engine, whose faults are mere words. */
function sayingWhy(step) {
  try {
    return step();
  } catch (message) {
    throw fault("search-index", String(message));
  }
}

/**
 * A file of an index is gone: if the city has published another one meanwhile, this takes its place and queries go on
 * with it. Resolves with whether there is another one.
 */
function renew(old) {
  renewing ??= (async () => {
    const now = await index;
    if (now !== old) return true;
    const root = await fetchRoot("reload");
    if (root.length === old.root.length && root.every((byte, i) => byte === old.root[i])) return false;
    const newer = await read(root);
    index = Promise.resolve(newer);
    for (const flight of flights) flight.stale = true;
    return true;
  })().catch(() => false).finally(() => { renewing = undefined; });
  return renewing;
}

async function ask(message) {
  const { id } = message;
  asked.add(id);
  const text = JSON.stringify(message);
  while (asked.has(id)) {
    const current = await index.catch(() => undefined);
    if (current === undefined) return;
    const { engine } = current;
    if (performance.now() - failedAt > FORGIVE_AFTER_MS) {
      engine.retry();
      failedAt = Infinity;
    }
    const needs = answer(engine, text);
    if (needs.length === 0) {
      asked.delete(id);
      return;
    }
    let missing = needs.length;
    await Promise.all(needs.map(async (need) => {
      await acquire(current, need, id);
      missing -= 1;
      if (missing > 0 && asked.has(id)) answer(engine, text);
    }));
  }
}

/** Tells what a query has found so far, and returns what it needs. */
function answer(engine, text) {
  const step = engine.ask(text);
  const [reply, numbers] = [step.reply(), step.needs()];
  step.free();
  self.postMessage(reply);
  const needs = [];
  for (let i = 0; i < numbers.length; i += 3) {
    needs.push({ file: numbers[i], start: numbers[i + 1], end: numbers[i + 2] });
  }
  return needs;
}

/** Gives a query up; requests that nobody else waits for are broken off. */
function cancel(id) {
  asked.delete(id);
  for (const flight of flights) {
    flight.users.delete(id);
    if (flight.users.size === 0 && !flight.whole) flight.controller.abort();
  }
}

/** Resolves when a range is with the engine, or known not to come. Queries share what is under way. */
function acquire(current, { file, start, end }, id) {
  const covers = (flight) =>
    flight.file === file && flight.start <= start && flight.end >= end &&
    !flight.stale && !flight.controller.signal.aborted;
  let flight = flights.find(covers);
  if (!flight) {
    flight = { file, start, end, users: new Set(), controller: new AbortController(), whole: false, stale: false };
    flights.push(flight);
    flight.done = load(current, flight).finally(() => flights.splice(flights.indexOf(flight), 1));
  }
  flight.users.add(id);
  return flight.done;
}

async function load(current, flight) {
  const { file, start, end, controller } = flight;
  const source = current.files[file];
  try {
    const { offset, bytes } = await fetchRange(source, flight);
    source.refused = false;
    current.engine.feed(file, offset, bytes);
  } catch (error) {
    if (controller.signal.aborted || flight.stale) return;
    if (GONE.includes(error.status) && await renew(current)) return;
    source.refused = error.code === "http-status";
    current.engine.fail(file, start, end, error.message);
    failedAt = performance.now();
  }
}

/** The bytes of a range, or of the whole file where the server knows no ranges. */
async function fetchRange(source, flight) {
  const { start, end, controller: { signal } } = flight;
  if (source.whole) return source.whole;
  // The name of a file carries its checksum: what a cache has is good for ever, also without a network. Unless it is
  // the server's refusal.
  const cache = source.refused ? "reload" : "force-cache";
  const options = { headers: { Range: `bytes=${start}-${end - 1}` }, cache, signal };
  const response = await fetchTwice(source.url, options);
  if (response.status === 206) {
    const bytes = new Uint8Array(await response.arrayBuffer());
    const from = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1];
    if ((from === undefined || Number(from) === start) && bytes.length === end - start) return { offset: start, bytes };
    throw fault("range", `the server sent ${bytes.length} bytes instead of ${end - start}`);
  }
  if (source.whole) {
    // Another range has begun to bring the whole file.
    response.body?.cancel();
    return source.whole;
  }
  flight.whole = true;
  source.whole = response.arrayBuffer().then((buffer) => ({ offset: 0, bytes: new Uint8Array(buffer) }));
  source.whole.catch(() => { source.whole = undefined; });
  return source.whole;
}

/** The root may change under its name: it is asked for each time, and taken from the cache when there is no network. */
async function fetchRoot(cache) {
  const response = await fetchTwice(address, { cache }).catch((error) => {
    if (error.code !== "network") throw error;
    return fetchTwice(address, { cache: "force-cache" });
  });
  return new Uint8Array(await response.arrayBuffer());
}

/** A response with status 200 or 206, at the second attempt if need be. */
async function fetchTwice(url, options) {
  try {
    return await fetchOnce(url, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!error.again || self.navigator.onLine === false) throw error;
    await new Promise((resolve) => { setTimeout(resolve, RETRY_AFTER_MS); });
    options.signal?.throwIfAborted();
    return fetchOnce(url, options);
  }
}

async function fetchOnce(url, options) {
  let response;
  try {
    response = await request(url, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof Refusal) throw error;
    throw fault("network", `the server cannot be reached, or hung up: ${error.message}`, true);
  }
  if (response.ok) return response;
  const again = response.status >= 500 || response.status === 429;
  const message = `the server answered ${response.status} ${response.statusText}`.trim();
  throw Object.assign(fault("http-status", message, again), { status: response.status });
}

function fault(code, message, again = false) {
  return Object.assign(new Error(message), { code, again });
}

function problemOf(error, place) {
  return { code: error.code ?? "search-worker", message: error.message ?? String(error), place };
}

/** The engine has died, or was asked what it cannot read: this worker is of no more use. */
function crash(error) {
  tell({ failed: { code: "search-worker", message: String(error), place: "" } });
  self.close();
}

function tell(reply) {
  self.postMessage(JSON.stringify(reply));
}
