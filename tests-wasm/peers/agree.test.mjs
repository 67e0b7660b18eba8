// Two other engines open what we bake without a complaint, count the same, and show the same.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { build } from "esbuild";
import { PNG } from "pngjs";
import { PATIENCE_MS, citytwin, dist, here, openBrowser, openPage, serveFiles, target } from "../harness.mjs";
import { HILLS, QUARTERS, bakeHills, bakeHouse, hillM } from "./made-up.mjs";

const LAYERS = ["ground", "transport", "buildings", "furniture"];
/** Straight above the demo, high enough to see all of it. */
const ABOVE = { lon: 24.9448, lat: 60.1716, heightM: 6000, pitchDeg: -90 };
const VIEWPORT = { width: 320, height: 320 };

let server, browser, house, hills;
before(async () => {
  await build({
    entryPoints: [path.join(here, "peers/threejs.js")], outfile: path.join(target, "peers/threejs.js"),
    bundle: true, format: "esm", target: "es2022", logLevel: "error",
  });
  [house, hills] = await Promise.all([bakeHouse(), bakeHills()]);
  server = await serveFiles({
    "/house/": house,
    "/hills/": hills,
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

const isComplaint = (text) => !NOTES.some((note) => text.startsWith(`warning: ${note}`));

/** What our own engine would draw from there at full detail. */
async function inspect(layer) {
  const { lon, lat, heightM, pitchDeg } = ABOVE;
  const { stdout } = await promisify(execFile)(citytwin, [
    "inspect", path.join(dist, "twin", layer, "tileset.json"), "--json", "--max-error-px", "0.001",
    "--view", `${lon},${lat},0,0,${pitchDeg},${heightM}`, "--viewport", `${VIEWPORT.width}x${VIEWPORT.height}`,
  ]);
  const report = JSON.parse(stdout);
  assert.deepEqual(report.problems, []);
  return report.drawn;
}

const sum = (list, key) => list.reduce((total, item) => total + item[key], 0);
const counts = (list) => ({ contents: list.length, triangles: sum(list, "triangles"), features: sum(list, "features") });

/** How much of the screen's middle has each quarter's colour, and where the middle of that is, as shares of the screen. */
function quarters(screenshot) {
  const { width, height, data } = PNG.sync.read(screenshot);
  return QUARTERS.flat().map((color) => {
    const sum = { x: 0, y: 0, count: 0 };
    for (let at = 0; at < width * height; at += 1) {
      if (color.some((value, channel) => Math.abs(value - data[at * 4 + channel]) > 40)) continue;
      sum.x += (at % width) / width;
      sum.y += Math.floor(at / width) / height;
      sum.count += 1;
    }
    return { share: sum.count / (width * height), x: sum.x / sum.count, y: sum.y / sum.count };
  });
}

for (const [engine, page] of [["CesiumJS", "cesium.html"], ["3DTilesRendererJS", "threejs.html"]]) {
  test(`${engine} shows the picture on a wall the right way up`, { timeout: PATIENCE_MS }, async () => {
    const { home } = JSON.parse(await readFile(path.join(house, "twin.json"), "utf8"));
    // From 17 m in front of the wall, it fills about half of the screen's width and height.
    const view = { lon: home.lon, lat: home.lat - 22 / 111_320, heightM: 4, pitchDeg: 0 };
    const visit = await openPage(browser, server.url + page, { viewport: VIEWPORT });
    try {
      await visit.page.waitForFunction(() => window.isReady);
      const shown = await visit.page.evaluate(([url, view]) => window.countAt(url, view), ["/house/buildings/tileset.json", view]);
      assert.deepEqual(shown.failures, []);
      const seen = quarters(await visit.page.screenshot());
      const text = JSON.stringify(seen);
      assert.ok(seen.every(({ share }) => share > 0.03 && share < 0.15), text);
      const [topLeft, topRight, bottomLeft, bottomRight] = seen;
      assert.ok(topLeft.x < 0.5 && bottomLeft.x < 0.5 && topRight.x > 0.5 && bottomRight.x > 0.5, text);
      assert.ok(topLeft.y < 0.5 && topRight.y < 0.5 && bottomLeft.y > 0.5 && bottomRight.y > 0.5, text);
      assert.deepEqual(visit.complaints.filter(isComplaint), []);
    } finally {
      await visit.close();
    }
  });
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
        assert.deepEqual(visit.complaints.filter(isComplaint), []);
      } finally {
        await visit.close();
      }
    });
  }
}

test("CesiumJS draws our terrain as high as it was measured", { timeout: PATIENCE_MS }, async () => {
  const visit = await openPage(browser, `${server.url}cesium.html`, { viewport: VIEWPORT });
  try {
    await visit.page.waitForFunction(() => window.isReady);
    const places = [-4, -2, 0, 1, 3].map((step) => [HILLS.lon + step * 1e-3, HILLS.lat - step * 0.7e-3]);
    const { finest, drawn, failures } = await visit.page.evaluate(
      ([url, view, places]) => window.heightsAt(url, view, places),
      ["/hills/terrain", { ...HILLS, heightM: 2500, pitchDeg: -90 }, places],
    );
    assert.deepEqual(failures, []);
    places.forEach(([lon, lat], i) => {
      // Samples are whole metres, 90 m apart, and what is drawn between them is flat.
      const measured = hillM(lon, lat);
      assert.ok(Math.abs(finest[i] - measured) < 1.5, `${finest[i]} m for ${measured} m at ${lon}, ${lat}`);
      assert.ok(Math.abs(drawn[i] - measured) < 3, `drawn at ${drawn[i]} m for ${measured} m at ${lon}, ${lat}`);
    });
    assert.deepEqual(visit.complaints.filter(isComplaint), []);
  } finally {
    await visit.close();
  }
});
