// A city portal's own servers, for tests of the npm package: pages under a strict Content-Security-Policy, and servers
// of other origins that want to be asked properly.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";
import { target } from "../harness.mjs";

/** The package under test: what `cargo xtask package` built. */
export const PACKAGE = path.join(target, "npm/citytwin/dist");
/** The demo city. */
export const TWIN = path.join(target, "dist/twin");

const TYPES = {
  ".css": "text/css", ".geojson": "application/geo+json", ".html": "text/html", ".js": "text/javascript",
  ".json": "application/json", ".map": "application/json", ".wasm": "application/wasm",
};

/** No wider than the package's README says. */
export const STRICT = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; "
  + "style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'";

/** A page with nothing but a box for a city. */
export const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>A portal</title>
<link rel="icon" href="/favicon.ico">
<link rel="stylesheet" href="/page.css">
<div class="city" id="city"></div>
<div class="city" id="other"></div>
</html>
`;
const CSS = "html, body { margin: 0 } .city { width: 400px; height: 300px } city-twin { width: 400px; height: 300px }";

/**
 * A server. `mounts`: URL prefix → folder, or the text of a file. `csp`: of its pages. `cors`: whom it answers, or
 * nobody else. `gate(request, url)`: a status, `{ redirect }`, or nothing where it serves the file. `requests` is what it
 * was asked: `{ path, headers }`.
 */
export async function portal({ mounts = {}, csp = STRICT, cors, gate = () => undefined } = {}) {
  const requests = [];
  const files = { "/page.html": PAGE, "/page.css": CSS, "/favicon.ico": "", ...mounts };
  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url, "http://x");
    requests.push({ path: url.pathname, search: url.search, headers: request.headers, method: request.method });
    const headers = { "content-security-policy": csp };
    if (cors) {
      const asked = request.headers["access-control-request-headers"];
      Object.assign(headers, {
        "access-control-allow-origin": cors === true ? request.headers.origin ?? "*" : cors,
        "access-control-allow-credentials": "true",
        "access-control-allow-headers": asked ?? "",
        "access-control-max-age": "0",
      });
    }
    if (request.method === "OPTIONS") return response.writeHead(204, headers).end();
    const answer = gate(request, url);
    if (answer?.redirect) return response.writeHead(302, { ...headers, location: answer.redirect }).end();
    if (answer) return response.writeHead(answer, headers).end();
    const body = await find(decodeURIComponent(url.pathname), files);
    if (body === undefined) return response.writeHead(404, headers).end();
    response.writeHead(200, { ...headers, "content-type": TYPES[path.extname(url.pathname)] ?? "application/octet-stream" }).end(body);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const origin = `http://127.0.0.1:${server.address().port}`;
  const stop = async () => { server.closeAllConnections(); server.close(); await once(server, "close"); };
  return { origin, page: `${origin}/page.html`, requests, stop };
}

async function find(wanted, files) {
  const prefix = Object.keys(files).filter((prefix) => wanted.startsWith(prefix)).sort((a, b) => b.length - a.length)[0];
  if (prefix === undefined) return undefined;
  if (prefix === wanted) return files[prefix];
  return readFile(path.join(files[prefix], wanted.slice(prefix.length).replaceAll("..", ""))).catch(() => undefined);
}
