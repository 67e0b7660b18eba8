// Microseconds for each observation in the browser's own module, in Node: the made-up walk of the example
// `positioning-only`, fed in JSON and in batches of 100 ms, as a page feeds its sensors.
//
//   cargo xtask package && node bench/positioning/update.mjs
import { readFile } from "node:fs/promises";
import path from "node:path";

const target = process.env.CITYTWIN_TARGET ?? path.join(import.meta.dirname, "../../target");
const data = (name) => readFile(path.join(target, "examples/positioning-only/data", name));
const { default: init, Engine, decode } = await import(path.join(target, "npm/ts/wasm/positioning_worker.js"));
await init({ module_or_path: await readFile(path.join(target, "npm/ts/wasm/positioning_worker_bg.wasm")) });

const names = ["venue", "level", "unit", "opening", "beacon"].map((name) => `${name}.geojson`);
const venue = JSON.stringify(await Promise.all(names.map(async (name) => [name, String(await data(name))])));
const map = new Uint8Array(await data("map.ctrm"));
const observations = JSON.parse(decode(new Uint8Array(await data("walk.ctob"))));
const batches = new Map();
for (const observation of observations) {
  const at = Math.floor(observation.timeMs / 100);
  batches.set(at, [...(batches.get(at) ?? []), observation]);
}

const rounds = [];
for (let round = 0; round < 7; round++) {
  const engine = new Engine(venue, map, 1);
  engine.call(JSON.stringify({ call: "watch", options: {}, nowMs: 0 }));
  let [total, longest] = [0, 0];
  for (const batch of batches.values()) {
    const call = JSON.stringify({ call: "feed", observations: batch, wallOffsetMs: 0 });
    const start = performance.now();
    engine.call(call);
    const took = performance.now() - start;
    total += took;
    longest = Math.max(longest, took);
  }
  engine.free();
  rounds.push([(1e3 * total) / observations.length, longest]);
}
rounds.sort((a, b) => a[0] - b[0]);
const [micros, longest] = rounds[3];
console.log(`${observations.length} observations in ${batches.size} batches: ${micros.toFixed(0)} µs each (median of 7 walks), longest batch ${longest.toFixed(1)} ms`);
