// CityTwin beside CesiumJS and 3DTilesRendererJS: the same browser, window, tilesets and camera, one engine after the
// other, each with an empty cache, several times. Prints medians and writes JSON, a chart and Markdown. Run by
// `cargo xtask bench --engine`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { brotliCompressSync } from "node:zlib";
import { build } from "esbuild";
import { citytwin, dist, here, target } from "../harness.mjs";
import { chart } from "./chart.mjs";
import { CENTER, writeCity } from "./city.mjs";
import { ENGINES, measure } from "./measure.mjs";
import { LOOKS, looks } from "./looks.mjs";
import { countingServer } from "./server.mjs";
import { writeSheet } from "./sheet.mjs";

const { values: options } = parseArgs({
  options: {
    runs: { type: "string", default: "3" },
    sets: { type: "string", default: "city,helsinki,delaware,newyork" },
    engines: { type: "string", default: Object.keys(ENGINES).join() },
    pictures: { type: "boolean", default: false },
    looks: { type: "string" },
    out: { type: "string" },
  },
});

/** A sixteenth of the pixels of 1280×720 at 16 px, and the same tiles: software rendering is slow. */
const SMALL = { viewport: { width: 320, height: 180 }, maxErrorPx: 4 };
const FULL = { viewport: { width: 1280, height: 720 }, maxErrorPx: 16 };

/** What is measured: its name, unit, how it is shown, and the goal as a share of the better of the others. */
const MEASURES = [
  { key: "codeBytes", title: "engine code, brotli", unit: "kB", scale: 1e-3, digits: 0, most: 300 },
  { key: "firstPictureMs", title: "first picture", unit: "ms", scale: 1, digits: 0 },
  { key: "settleMs", title: "settled, three views", unit: "ms", scale: 1, digits: 0, goal: 0.6 },
  { key: "scriptMs", title: "main-thread script", unit: "ms", scale: 1, digits: 0, goal: 1 / 3 },
  { key: "taskMs", title: "main-thread tasks", unit: "ms", scale: 1, digits: 0 },
  { key: "longTasks", title: "long tasks after it", unit: "", scale: 1, digits: 0, most: 0 },
  { key: "blockedMs", title: "total blocking time", unit: "ms", scale: 1, digits: 0 },
  { key: "frameMsP50", title: "script per frame, p50", unit: "ms", scale: 1, digits: 2, goal: 0.25 },
  { key: "frameMsP95", title: "script per frame, p95", unit: "ms", scale: 1, digits: 2, goal: 0.25 },
  { key: "longestGapMs", title: "longest gap in a flight", unit: "ms", scale: 1, digits: 0 },
  { key: "framesPerSecond", title: "frames a second in it", unit: "", scale: 1, digits: 0, more: true },
  { key: "requests", title: "tile requests", unit: "", scale: 1, digits: 0, goal: 1 },
  { key: "tileBytes", title: "tile bytes", unit: "MB", scale: 1e-6, digits: 2, goal: 1 },
  { key: "memoryBytes", title: "JS, wasm and GPU memory", unit: "MB", scale: 1e-6, digits: 0, goal: 0.7 },
  { key: "processBytes", title: "its processes' memory", unit: "MB", scale: 1e-6, digits: 0 },
];

const view = (center, headingDeg, pitchDeg, distanceM) => ({ ...center, headingDeg, pitchDeg, distanceM });
const views = (center, far) => ({
  views: [view(center, 0, -34.4, far), view(center, 40.1, -20, far / 3.6), view(center, 126, -51.6, far / 7.5)],
  orbit: view(center, 0, -34.4, far / 2.25),
});
const LAYERS = ["ground", "transport", "buildings", "furniture"];
/** Each set: where it lies, its tilesets, and where to look from. */
const SETS = {
  city: {
    title: "synthetic city, 1,365 tiles",
    folder: path.join(target, "engines/city"),
    tilesets: ["tileset.json"],
    ...views({ ...CENTER, heightM: 100 }, 9000),
    prepare: (folder) => writeCity(folder),
  },
  helsinki: {
    title: "Helsinki, baked from OpenStreetMap",
    folder: path.join(dist, "twin"),
    tilesets: LAYERS.map((layer) => `${layer}/tileset.json`),
    ...views({ lon: 24.9448, lat: 60.1699, heightM: 10 }, 1800),
  },
  delaware: {
    title: "Delaware, 59 tiles with Draco",
    folder: path.join(here, "../../shared/data/tiles/delaware/cesium"),
    tilesets: ["tileset.json"],
    ...views({ lon: -75.525, lat: 39.155, heightM: 20 }, 9000),
  },
  newyork: {
    title: "New York, baked from GeoJSON",
    folder: path.join(target, "engines/newyork"),
    tilesets: LAYERS.map((layer) => `${layer}/tileset.json`),
    ...views({ lon: -73.985, lat: 40.75, heightM: 10 }, 9000),
    prepare: bakeNewYork,
  },
  cloud: {
    title: "a cloud of points",
    folder: path.join(here, "../../shared/data/tiles/spec-tilesets/CesiumJS/PointCloud/PointCloudDraco"),
    tilesets: ["tileset.json"],
    ...views({ lon: -75.61209430782448, lat: 40.042530611425896, heightM: 5 }, 40),
  },
};

/** Bakes New York, which takes minutes, from what lies beside the checkout; without that, its set is skipped. */
async function bakeNewYork(folder) {
  const sources = ["buildings", "roads", "addresses"].map((kind) => path.join(here, `../../shared/data/scale/nyc_${kind}.geojsonl.gz`));
  if (!sources.every(existsSync)) return;
  const child = spawn(citytwin, ["bake", ...sources, "--title", "New York", "--out", folder, "--quiet"], { stdio: "inherit" });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`New York is not baked: citytwin ended with ${code}`);
}

/** A manifest around tilesets, for the engine that opens twins. */
function twin(name, { title, tilesets, views: [home] }) {
  const layers = tilesets.map((tileset, i) => ({
    id: `layer${i}`, title: { en: tileset }, theme: LAYERS.find((layer) => tileset.startsWith(layer)) ?? "buildings",
    tileset: `/sets/${name}/${tileset}`, visible: true,
  }));
  const extent = [home.lon - 0.2, home.lat - 0.2, home.lon + 0.2, home.lat + 0.2];
  return JSON.stringify({ format: "citytwin/1", title: { en: title }, extent, home, layers, attribution: [] });
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const brotliBytes = new Map();
function brotli(files) {
  let bytes = 0;
  for (const [name, body] of files) {
    if (!brotliBytes.has(name)) brotliBytes.set(name, brotliCompressSync(body).length);
    bytes += brotliBytes.get(name);
  }
  return bytes;
}

async function main() {
  const out = path.join(target, "engines");
  await mkdir(out, { recursive: true });
  await build({
    entryPoints: [path.join(here, "engines/pages/threejs.js")], outfile: path.join(out, "bundle/threejs.js"),
    bundle: true, minify: true, format: "esm", target: "es2022", logLevel: "error",
  });
  const looked = options.looks === "all" ? LOOKS.map(({ name }) => name) : options.looks?.split(",");
  const names = looked ? [...new Set(LOOKS.filter(({ name }) => looked.includes(name)).map(({ set }) => set))] : options.sets.split(",");
  const engines = options.engines.split(",");
  const mounts = {
    "/citytwin/": path.join(target, "npm/citytwin/dist"),
    "/cesium/": path.join(here, "node_modules/cesium/Build/Cesium"),
    "/bundle/": path.join(out, "bundle"),
    "/draco/": path.join(here, "node_modules/three/examples/jsm/libs/draco/gltf"),
  };
  const documents = {};
  for (const name of names) mounts[`/sets/${name}/`] = SETS[name].folder;
  const server = await countingServer({ ...mounts, "/": path.join(here, "engines/pages") }, documents);
  const tables = [];
  const ready = {};
  try {
    for (const name of names) {
      const set = SETS[name];
      const there = () => set.tilesets.filter((tileset) => existsSync(path.join(set.folder, tileset)));
      if (set.prepare && there().length === 0) await set.prepare(set.folder);
      // A city without trees has no furniture.
      set.tilesets = there();
      documents[`/twins/${name}.json`] = twin(name, set);
      if (set.tilesets.length === 0) {
        console.error(`\n!! ${set.title}: SKIPPED, there is nothing at ${set.folder}`);
        continue;
      }
      ready[name] = { ...set, twin: `/twins/${name}.json`, tilesets: set.tilesets.map((file) => `/sets/${name}/${file}`) };
      if (!looked) tables.push(await compare(server, engines, name, ready[name]));
    }
    if (looked) return await looks(server, looked, ready, out);
  } finally {
    await server.stop();
  }
  const version = async (name) => JSON.parse(await readFile(path.join(here, "node_modules", name, "package.json"))).version;
  const versions = { cesium: await version("cesium"), "3d-tiles-renderer": await version("3d-tiles-renderer"), three: await version("three") };
  await writeFile(path.join(out, "bench.json"), JSON.stringify({ versions, runs: Number(options.runs), ...SMALL, tables }, null, 1));
  await writeFile(path.join(out, "bench.svg"), chart(tables));
  const words = tables.map(markdown).join("\n");
  await writeFile(path.join(out, "bench.md"), words);
  if (options.out) await writeFile(options.out, words);
  console.log(`\n  ${path.join(out, "bench.json")}, bench.svg, bench.md`);
}

async function compare(server, engines, name, set) {
  const runs = Object.fromEntries(engines.map((engine) => [engine, []]));
  const failed = {};
  for (let run = 0; run < Number(options.runs); run++) {
    for (const engine of engines) {
      if (failed[engine]) continue;
      try {
        const { code, pictures, ...result } = await measure(server, engine, set, SMALL);
        runs[engine].push({ ...result, codeBytes: brotli(code) });
      } catch (error) {
        failed[engine] = String(error).split("\n")[0];
        console.error(`\n!! ${set.title}: ${ENGINES[engine].title} FAILED: ${failed[engine]}`);
      }
    }
  }
  if (options.pictures) {
    const rows = set.views.map(() => []);
    for (const engine of engines.filter((engine) => !failed[engine])) {
      const { pictures } = await measure(server, engine, set, { ...FULL, pictures: true });
      for (const [i, png] of pictures.entries()) {
        rows[i].push(path.join(target, "engines", `${name}-${i + 1}-${engine}.png`));
        await writeFile(rows[i].at(-1), png);
      }
    }
    await writeSheet(path.join(target, "engines", `${name}-sheet.png`), rows);
  }
  const done = engines.filter((engine) => runs[engine].length > 0 && !failed[engine]);
  const rows = MEASURES.map((measure) => row(measure, runs, done));
  print(set.title, done, rows, runs);
  const seen = Object.fromEntries(done.map((engine) => [engine, runs[engine].at(-1).views]));
  return { set: name, title: set.title, engines: done, failed, rows, views: seen };
}

/** Medians of one measure, and ours as a share of the better of the others. */
function row({ key, title, unit, scale, digits, goal, most, more }, runs, engines) {
  const medians = Object.fromEntries(engines.map((engine) => [engine, median(runs[engine].map((run) => run[key])) * scale]));
  const others = engines.filter((engine) => engine !== "citytwin").map((engine) => medians[engine]);
  const best = more ? Math.max(...others) : Math.min(...others);
  const ratio = others.length > 0 && medians.citytwin !== undefined ? medians.citytwin / best : null;
  const met = ratio === null || (most ?? goal) === undefined ? null : most === undefined ? ratio <= goal : medians.citytwin <= most;
  return { key, title, unit, digits, goal: goal ?? null, most: most ?? null, medians, ratio, met };
}

function print(title, engines, rows, runs) {
  console.log(`\n  ${title}`);
  const cells = engines.map((engine) => ENGINES[engine].title.padStart(18)).join("");
  console.log(`  ${"".padEnd(28)}${cells}${"ours / best".padStart(13)}  goal`);
  for (const { title, unit, digits, goal, most, medians, ratio, met } of rows) {
    const values = engines.map((engine) => medians[engine].toFixed(digits).padStart(18)).join("");
    const aim = most !== null ? `≤ ${most} ${unit}` : goal !== null ? `≤ ${goal.toFixed(2)}` : "";
    const verdict = met === null ? "" : met ? "met" : "MISSED";
    console.log(`  ${`${title}${unit && `, ${unit}`}`.padEnd(28)}${values}${(ratio?.toFixed(2) ?? "").padStart(13)}  ${aim} ${verdict}`);
  }
  for (const engine of engines) {
    const drawn = runs[engine].at(-1).views.map(({ tiles, triangles }) => `${tiles} tiles, ${triangles} triangles`);
    console.log(`  ${ENGINES[engine].title} draws ${drawn.join("; ")}`);
  }
}

/** One set's table as a README shows it. */
function markdown({ title, engines, rows }) {
  const line = (cells) => `| ${cells.join(" | ")} |\n`;
  const head = ["", ...engines.map((engine) => ENGINES[engine].title), "ours / best", "goal"];
  const body = rows.map(({ title, unit, digits, goal, most, medians, ratio, met }) => {
    const values = engines.map((engine) => medians[engine].toFixed(digits));
    const aim = most !== null ? `≤ ${most} ${unit}`.trim() : goal !== null ? `≤ ${goal.toFixed(2)}` : "";
    const verdict = met === null ? aim : `${aim}, ${met ? "met" : "missed"}`;
    return line([`${title}${unit && `, ${unit}`}`, ...values, Number.isFinite(ratio) ? ratio.toFixed(2) : "", verdict]);
  });
  const rule = line(["---", ...Array(head.length - 1).fill("---:")]);
  return `**${title}**\n\n${line(head)}${rule}${body.join("")}`;
}

await main();
