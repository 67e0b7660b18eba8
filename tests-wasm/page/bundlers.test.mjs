// The packed package in other people's builds: bundled without configuration, from another origin, under a sub-path, and
// imported where there is no page. `cargo xtask test page` installs the bundlers and the tarball in target/bundlers.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { keepScreenshot, openBrowser, openPage, target } from "../harness.mjs";
import { PACKAGE, portal, STRICT, TWIN } from "./portal.mjs";

const FOLDER = path.join(target, "bundlers");
const require = createRequire(path.join(FOLDER, "package.json"));

/** What an application does: every worker of the package has something to do. */
const APP = `
import { CityTwin } from "citytwin";
import { Search } from "citytwin/search";

const twin = await CityTwin.create("#city", { twin: "/twin/twin.json" });
await twin.setStyle("buildings", { color: "color('#3b7dd8')" });
const { shown } = await twin.addGeoJson("own", { type: "Point", coordinates: [24.9438, 60.1724, 40] });
await twin.settled();
const search = await Search.open("/twin/search/search.bin");
const { hits } = await search.query("theatre");
document.title = JSON.stringify({ shown, hits: hits.length > 0, tiles: twin.stats().tilesVisible > 0, problems: twin.problems });
`;
const DONE = { shown: 1, hits: true, tiles: true, problems: [] };
const html = (script, head = "", kind = `type="module"`) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>A portal</title>
${head}<link rel="icon" href="/favicon.ico">
<link rel="stylesheet" href="/page.css">
<div class="city" id="city"></div>
<script ${kind} src="${script}"></script>
</html>
`;

let browser;
before(async () => { browser = await openBrowser(); });
after(() => browser?.close());

/** A fresh folder for an application. */
async function app(name, files) {
  const folder = path.join(FOLDER, "apps", name);
  await rm(folder, { recursive: true, force: true });
  for (const [file, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), text);
  }
  return folder;
}

/** Opens a built application and sees that it has done everything, without a complaint. */
async function works(name, mounts, { csp = STRICT, url = "/index.html" } = {}) {
  const server = await portal({ mounts: { "/twin/": TWIN, ...mounts }, csp });
  try {
    await opens(name, server.origin + url);
    return server.requests;
  } finally {
    await server.stop();
  }
}

async function opens(name, url) {
  const { page, complaints, close } = await openPage(browser, url, { viewport: { width: 480, height: 320 } });
  try {
    await page.waitForFunction(() => document.title.startsWith("{")).catch((error) => {
      throw new Error(`it does not get so far: ${complaints.join("\n")}`, { cause: error });
    });
    assert.deepEqual(JSON.parse(await page.title()), DONE);
    assert.deepEqual(complaints, []);
    await keepScreenshot(page, `bundled-${name}`);
  } finally {
    await close();
  }
}

test("Vite builds it without configuration", async () => {
  const { build } = await import(pathToFileURL(require.resolve("vite")).href);
  const root = await app("vite", { "index.html": html("/main.js"), "main.js": APP });
  await build({ root, configFile: false, logLevel: "error", build: { target: "es2022" } });
  await works("vite", { "/": `${root}/dist/` });
});

test("Vite serves it while one develops", async () => {
  const { createServer } = await import(pathToFileURL(require.resolve("vite")).href);
  const root = await app("vite-dev", { "index.html": html("/main.js"), "main.js": APP });
  await cp(TWIN, path.join(root, "public/twin"), { recursive: true });
  await writeFile(path.join(root, "public/favicon.ico"), "");
  await writeFile(path.join(root, "public/page.css"), "");
  const server = await createServer({ root, configFile: false, logLevel: "error", server: { port: 0, host: "127.0.0.1" } });
  try {
    await server.listen();
    await opens("vite-dev", `http://127.0.0.1:${server.httpServer.address().port}/`);
  } finally {
    await server.close();
  }
});

test("webpack builds it without configuration", async () => {
  const webpack = require("webpack");
  const root = await app("webpack", { "src/index.js": APP });
  const stats = await new Promise((resolve, reject) =>
    webpack({ context: root, mode: "production", output: { path: path.join(root, "dist") } }, (error, stats) => (error ? reject(error) : resolve(stats))));
  assert.deepEqual(stats.toJson({ all: false, errors: true }).errors, []);
  // A script of webpack's is no module, and finds its files by where it lies itself: here, under a sub-path.
  await works("webpack", { "/deep/er/index.html": html("main.js", "", "defer"), "/deep/er/": `${root}/dist/` }, { url: "/deep/er/index.html" });
});

test("Rollup builds it, with the package's files beside what it makes", async () => {
  const { rollup } = require("rollup");
  const { nodeResolve } = require("@rollup/plugin-node-resolve");
  const root = await app("rollup", { "main.js": APP });
  const bundle = await rollup({ input: path.join(root, "main.js"), plugins: [nodeResolve({ browser: true })] });
  await bundle.write({ dir: path.join(root, "dist"), format: "es" });
  await bundle.close();
  await cp(path.join(FOLDER, "node_modules/citytwin/dist/wasm"), path.join(root, "dist/wasm"), { recursive: true });
  await works("rollup", { "/index.html": html("main.js"), "/": `${root}/dist/` });
});

test("without any plug-in, Rollup leaves it to the page, which says where it lies", async () => {
  const { rollup } = require("rollup");
  const root = await app("rollup-bare", { "main.js": APP });
  const bundle = await rollup({ input: path.join(root, "main.js"), onwarn: () => {} });
  await bundle.write({ dir: path.join(root, "dist"), format: "es" });
  await bundle.close();
  const map = `{"imports":{"citytwin":"/lib/index.js","citytwin/search":"/lib/search-entry.js"}}`;
  const csp = STRICT.replace("'wasm-unsafe-eval'", "'wasm-unsafe-eval' 'unsafe-inline'");
  const page = html("main.js", `<script type="importmap">${map}</script>`);
  await works("rollup-bare", { "/index.html": page, "/": `${root}/dist/`, "/lib/": PACKAGE }, { csp });
});

test("it works from another origin, whose workers the page's own scripts import", async () => {
  const lib = await portal({ mounts: { "/lib/": PACKAGE }, cors: true });
  try {
    const csp = STRICT
      .replace("script-src 'self'", `script-src 'self' ${lib.origin}`)
      .replace("connect-src 'self'", `connect-src 'self' ${lib.origin}`)
      .replace("worker-src 'self'", `worker-src 'self' blob: ${lib.origin}`);
    const main = APP.replace('"citytwin"', `"${lib.origin}/lib/index.js"`).replace('"citytwin/search"', `"${lib.origin}/lib/search-entry.js"`);
    const requests = await works("other-origin", { "/index.html": html("main.js"), "/main.js": main }, { csp });
    assert.ok(!requests.some(({ path }) => path.endsWith(".wasm")));
    assert.ok(lib.requests.some(({ path }) => path.endsWith("style_worker_bg.wasm")));
  } finally {
    await lib.stop();
  }
});

test("importing it needs no page, and leaves nothing behind where it is not used", async () => {
  const root = await app("node", {
    "all.mjs": `
      for (const entry of ["citytwin", "citytwin/search", "citytwin/element"]) {
        const names = Object.keys(await import(entry));
        if (names.length === 0) throw new Error(entry);
        console.log(entry, names.sort().join());
      }`,
    "unused.js": `import { CityTwin } from "citytwin"; import { Search } from "citytwin/search"; console.log("nothing");`,
  });
  const run = spawnSync(process.execPath, ["all.mjs"], { cwd: root, encoding: "utf8" });
  assert.equal(run.status, 0, run.stderr);
  assert.match(run.stdout, /citytwin\/element .*CityTwinElement/);
  const { rollup } = require("rollup");
  const { nodeResolve } = require("@rollup/plugin-node-resolve");
  const bundle = await rollup({ input: path.join(root, "unused.js"), plugins: [nodeResolve({ browser: true })] });
  const { output } = await bundle.generate({ format: "es" });
  await bundle.close();
  assert.equal(output[0].code.trim(), 'console.log("nothing");');
});
