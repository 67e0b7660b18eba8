// The search worker as a thread of Node: gives search-worker.js what a browser gives its workers, and lets it fetch
// files of this machine as it fetches from a server.
import { open } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parentPort } from "node:worker_threads";

const fetchWeb = globalThis.fetch;

Object.assign(globalThis, {
  self: globalThis,
  // Nothing here tells when a network comes and goes.
  addEventListener() {},
  postMessage: (data) => parentPort.postMessage(data),
  close: () => process.exit(),
  fetch: (url, init) => (String(url).startsWith("file:") ? fetchFile(new URL(url), init) : fetchWeb(url, init)),
});
globalThis.navigator ??= { onLine: true };

await import("./search-worker.js");
parentPort.on("message", (data) => globalThis.onmessage({ data }));

/** Answers as a server would: with the range that was asked for, or 404, or 416 where the file is shorter. */
async function fetchFile(url, { headers } = {}) {
  const answer = (status, body = null, more = {}) => {
    return new Response(body, { status, statusText: status === 404 ? "(there is no such file)" : "", headers: more });
  };
  const file = await open(fileURLToPath(url)).catch((error) => {
    if (error.code !== "ENOENT") throw error;
  });
  if (!file) return answer(404);
  try {
    const { size } = await file.stat();
    const asked = /^bytes=(\d+)-(\d+)$/.exec(new Headers(headers).get("range") ?? "");
    if (!asked) {
      const type = url.pathname.endsWith(".wasm") ? "application/wasm" : "application/octet-stream";
      return answer(200, await file.readFile(), { "content-type": type });
    }
    const [start, end] = [Number(asked[1]), Math.min(Number(asked[2]) + 1, size)];
    if (start >= end) return answer(416);
    const bytes = new Uint8Array(end - start);
    for (let at = 0; at < bytes.length;) {
      const { bytesRead } = await file.read(bytes, at, bytes.length - at, start + at);
      if (bytesRead === 0) return answer(416);
      at += bytesRead;
    }
    return answer(206, bytes, { "content-range": `bytes ${start}-${end - 1}/${size}` });
  } finally {
    await file.close();
  }
}
