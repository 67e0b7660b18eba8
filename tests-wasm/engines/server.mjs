// A file server that counts what each part of a page asks for.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const TYPES = {
  ".css": "text/css", ".glb": "model/gltf-binary", ".html": "text/html", ".js": "text/javascript",
  ".json": "application/json", ".wasm": "application/wasm",
};

/** Types that come smaller through brotli. */
const SMALLER = /^(text|application\/(json|wasm))|javascript|gltf/;

/**
 * `mounts` maps URL prefixes to folders, `documents` paths to text. `counted(prefixes)` sums up what was asked for
 * below them since `reset()`: { requests, bytes, files }. With `compressed`, what is sent and counted is brotli, as from a
 * good host.
 */
export async function countingServer(mounts, documents = {}, { compressed = false } = {}) {
  let log = [];
  const sent = new Map();
  const brotli = (name, bytes) => {
    if (!sent.has(name)) {
      sent.set(name, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }));
    }
    return sent.get(name);
  };
  const server = http.createServer(async (request, response) => {
    const wanted = decodeURIComponent(new URL(request.url, "http://x").pathname);
    const mount = Object.keys(mounts).find((prefix) => wanted.startsWith(prefix));
    let bytes;
    try {
      const file = path.join(mounts[mount], wanted.slice(mount.length).replaceAll("..", ""));
      bytes = documents[wanted] === undefined ? await readFile(file) : Buffer.from(documents[wanted]);
    } catch {
      log.push({ path: wanted, bytes: 0, body: null, at: performance.now() });
      return response.writeHead(404).end();
    }
    const type = TYPES[path.extname(wanted)] ?? "application/octet-stream";
    const small = compressed && SMALLER.test(type);
    if (small) bytes = brotli(wanted, bytes);
    log.push({ path: wanted, bytes: bytes.length, body: bytes, at: performance.now() });
    response.writeHead(200, {
      "content-type": type,
      "content-length": bytes.length,
      ...(small && { "content-encoding": "br" }),
      // A page that is alone in its process may measure its memory and has a fine clock.
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-embedder-policy": "require-corp",
    }).end(bytes);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    reset: () => (log = []),
    /** When somebody last asked for anything, `performance.now()`. */
    lastAt: () => log.at(-1)?.at ?? 0,
    counted(prefixes) {
      const hits = log.filter(({ path }) => prefixes.some((prefix) => path.startsWith(prefix)));
      const files = new Map(hits.filter(({ body }) => body).map(({ path, body }) => [path, body]));
      return { requests: hits.length, bytes: hits.reduce((sum, { bytes }) => sum + bytes, 0), files };
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
