// Whether the packed tarball is what registries, bundlers and TypeScript expect of one.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { here, target } from "../harness.mjs";

const FOLDER = path.join(target, "npm/citytwin");
const tarball = async () => path.join(target, "npm", (await readdir(path.join(target, "npm"))).find((name) => name.endsWith(".tgz")));
const tool = (name, args) =>
  spawnSync(process.execPath, [path.join(here, "../sdk/node_modules", name), ...args], { encoding: "utf8" });

test("publint finds nothing to say", async () => {
  const { publint } = await import(path.join(here, "../sdk/node_modules/publint/src/index-node.js"));
  const { messages } = await publint({ pkgDir: FOLDER, strict: true });
  assert.deepEqual(messages, []);
});

test("types are found for every entry", async () => {
  // An ES module alone: CommonJS and the resolution of before Node 12 are not promised.
  const { status, stdout, stderr } = tool("@arethetypeswrong/cli/dist/index.js", [await tarball(), "--profile", "esm-only", "--no-emoji"]);
  assert.equal(status, 0, stdout + stderr);
});

test("every script has its source map, with the source in it", async () => {
  const scripts = (await readdir(path.join(FOLDER, "dist"), { recursive: true })).filter((name) => name.endsWith(".js"));
  assert.ok(scripts.length > 10);
  for (const script of scripts) {
    // What only says from which chunks an entry comes has no line of its own.
    const text = await readFile(path.join(FOLDER, "dist", script), "utf8");
    if (/^(import[^;()]*;)*export\s*\{[^}]*\};\s*\/\/#/.test(text)) continue;
    const map = JSON.parse(await readFile(path.join(FOLDER, "dist", `${script}.map`), "utf8"));
    assert.ok(map.sourcesContent?.length > 0 && map.sourcesContent.every((text) => text.length > 0), script);
  }
});

test("workers are whole, and too large to be made part of another file", async () => {
  for (const name of ["worker.js", "style-worker.js", "search-worker.js", "geojson-worker.js"]) {
    const text = await readFile(path.join(FOLDER, "dist/wasm", name), "utf8");
    assert.ok(!/\b(import|export)\s*[{*"'(]/.test(text.replaceAll("import.meta", "")), name);
    // Vite makes smaller files part of the script, as `data:` URLs, from which no worker may start here.
    assert.ok(text.length > 4096, `${name} has ${text.length} bytes`);
  }
});
