import type { Requests } from "./requests.js";

// Each of these files is whole in itself: bundlers copy what `new URL("…", import.meta.url)` names, and know no more.

/** Where the wasm of the engine lies. */
export function engineWasmUrl(): string {
  return new URL("./wasm/citytwin_bg.wasm", import.meta.url).href;
}

/** Where the wasm of the decode workers lies; it is compiled once, for all of them. */
export function decodeWasmUrl(): string {
  return new URL("./wasm/decode_worker_bg.wasm", import.meta.url).href;
}

/** A worker that fetches and decodes tiles. */
export function startDecodeWorker(requests: Requests): Worker {
  const worker = start(new URL("./wasm/worker.js", import.meta.url));
  const fullWasmUrl = new URL("./wasm/decode_worker_full_bg.wasm", import.meta.url).href;
  const port = requests.port();
  worker.postMessage({ type: "setup", port, fullWasmUrl }, [port]);
  return worker;
}

/** A worker that evaluates styles. */
export function startStyleWorker(): Worker {
  const worker = start(new URL("./wasm/style-worker.js", import.meta.url));
  worker.postMessage({ wasmUrl: new URL("./wasm/style_worker_bg.wasm", import.meta.url).href });
  return worker;
}

/** A worker that searches. */
export function startSearchWorker(requests: Requests): Worker {
  const worker = start(new URL("./wasm/search-worker.js", import.meta.url));
  const port = requests.port();
  const wasmUrl = new URL("./wasm/search_worker_bg.wasm", import.meta.url).href;
  worker.postMessage({ wasmUrl, port }, [port]);
  return worker;
}

/** A worker that turns GeoJSON into tilesets. */
export function startGeoJsonWorker(requests: Requests): Worker {
  const worker = start(new URL("./wasm/geojson-worker.js", import.meta.url));
  const port = requests.port();
  const wasmUrl = new URL("./wasm/geojson_worker_bg.wasm", import.meta.url).href;
  worker.postMessage({ wasmUrl, port }, [port]);
  return worker;
}

/** A worker that locates, and where its module lies, which its first message names. */
export function startPositioningWorker(): [Worker, string] {
  const worker = start(new URL("./wasm/positioning-worker.js", import.meta.url));
  return [worker, new URL("./wasm/positioning_worker_bg.wasm", import.meta.url).href];
}

/** For scripts of other origins: the page's own script that imports them. */
const shims = new Map<string, string>();

/**
 * Browsers start workers only from the page's own origin. A package that lies elsewhere is imported by a script of one
 * line, which is the page's own: the Content-Security-Policy then needs `blob:` and the other origin in `worker-src`, and
 * the other origin in `script-src`.
 */
function start(script: URL): Worker {
  return new Worker(script.origin === location.origin ? script : shim(script.href), { type: "module" });
}

function shim(script: string): string {
  const known = shims.get(script);
  if (known !== undefined) return known;
  const source = new Blob([`import ${JSON.stringify(script)};`], { type: "text/javascript" });
  const url = URL.createObjectURL(source);
  shims.set(script, url);
  return url;
}
