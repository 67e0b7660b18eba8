// Two other engines open what we bake without a complaint, and count the same.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { build } from "esbuild";
import { PATIENCE_MS, citytwin, dist, here, openBrowser, openPage, serveFiles, target } from "../harness.mjs";

const LAYERS = ["ground", "transport", "buildings", "furniture"];
/** Straight above the demo, high enough to see all of it. */
const ABOVE = { lon: 24.9448, lat: 60.1716, heightM: 6000 };
const VIEWPORT = { width: 320, height: 320 };

let server, browser;
before(async () => {
  await build({
    entryPoints: [path.join(here, "peers/threejs.js")], outfile: path.join(target, "peers/threejs.js"),
    bundle: true, format: "esm", target: "es2022", logLevel: "error",
  });
  server = await serveFiles({
    "/cesium/": path.join(here, "node_modules/cesium/Build/Cesium"),
    "/bundle/": path.join(target, "peers"),
    "/twin/": path.join(dist, "twin"),
    "/": path.join(here, "peers"),
  });
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** What an engine says of itself, whatever 3D Tiles 1.1 or outlined model it opens; all else is a complaint. */
const NOTES = [
  "TilesRenderer: tiles versions at 1.1 or higher have limited support.",
  "Primitive outlines disable imagery draping", // although no imagery is there to drape
];

/** What our own engine would draw from there at full detail. */
async function inspect(layer) {
  const { lon, lat, heightM } = ABOVE;
  const { stdout } = await promisify(execFile)(citytwin, [
    "inspect", path.join(dist, "twin", layer, "tileset.json"), "--json", "--max-error-px", "0.001",
    "--view", `${lon},${lat},0,0,-90,${heightM}`, "--viewport", `${VIEWPORT.width}x${VIEWPORT.height}`,
  ]);
  const report = JSON.parse(stdout);
  assert.deepEqual(report.problems, []);
  return report.drawn;
}

const sum = (list, key) => list.reduce((total, item) => total + item[key], 0);
const counts = (list) => ({ contents: list.length, triangles: sum(list, "triangles"), features: sum(list, "features") });

for (const [engine, page] of [["CesiumJS", "cesium.html"], ["3DTilesRendererJS", "threejs.html"]]) {
  for (const layer of LAYERS) {
    test(`${engine} opens the ${layer} without a complaint and counts the same`, { timeout: PATIENCE_MS }, async () => {
      const ours = await inspect(layer);
      const visit = await openPage(browser, server.url + page, { viewport: VIEWPORT });
      try {
        await visit.page.waitForFunction(() => window.isReady);
        const theirs = await visit.page.evaluate(
          ([url, view]) => window.countAt(url, view),
          [`/twin/${layer}/tileset.json`, ABOVE],
        );
        assert.deepEqual(theirs.failures, []);
        assert.deepEqual(counts(theirs.contents), counts(ours));
        assert.ok(theirs.properties.includes("id") && theirs.properties.includes("class"), theirs.properties.join());
        const complaints = visit.complaints.filter((text) => !NOTES.some((note) => text.startsWith(`warning: ${note}`)));
        assert.deepEqual(complaints, []);
      } finally {
        await visit.close();
      }
    });
  }
}
