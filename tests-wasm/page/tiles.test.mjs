// Tiles that others made, in the app: points, textures, and decoders that are loaded when a tile needs them.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { existsSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { colours, dist, here, keepScreenshot, openBrowser, openPage, serveFiles, settled } from "../harness.mjs";

const data = path.join(here, "../../shared/data/tiles");
const missing = !existsSync(data) && `SKIPPED: ${data} is not there, so nothing of it was tested`;
const SIZE = { width: 640, height: 400 };

let server, browser, twins;
before(async () => {
  if (missing) return;
  twins = await mkdtemp(path.join(os.tmpdir(), "twins-"));
  server = await serveFiles({ "/data/": data, "/twins/": twins, "/": dist });
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Longitude and latitude in degrees, and height, of a point in ECEF metres (Bowring). */
function geodetic([x, y, z]) {
  const [a, b] = [6378137, 6356752.314245];
  const p = Math.hypot(x, y);
  const t = Math.atan2(z * a, p * b);
  const e2 = 1 - (b * b) / (a * a);
  const lat = Math.atan2(z + (e2 / (1 - e2)) * b * Math.sin(t) ** 3, p - e2 * a * Math.cos(t) ** 3);
  const n = a / Math.sqrt(1 - e2 * Math.sin(lat) ** 2);
  return { lon: (Math.atan2(y, x) * 180) / Math.PI, lat: (lat * 180) / Math.PI, heightM: p / Math.cos(lat) - n };
}

/** Where the root of a tileset stands. */
function place(root) {
  const { region, sphere, box } = root.boundingVolume;
  if (region) {
    const middle = (i, j) => (((region[i] + region[j]) / 2) * 180) / Math.PI;
    return { lon: middle(0, 2), lat: middle(1, 3), heightM: (region[4] + region[5]) / 2 };
  }
  const [x, y, z] = (sphere ?? box).slice(0, 3);
  const m = root.transform ?? [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  return geodetic([0, 1, 2].map((i) => m[i] * x + m[4 + i] * y + m[8 + i] * z + m[12 + i]));
}

/**
 * Opens the app on a twin whose only layer is a tileset below the data folder, seen from `distanceM`, waits until it
 * is drawn, and keeps a picture.
 */
async function look(name, tileset, distanceM, check) {
  const { root } = JSON.parse(readFileSync(path.join(data, tileset)));
  const { lon, lat, heightM } = place(root);
  const twin = {
    format: "citytwin/1",
    title: { en: name },
    extent: [lon - 0.05, lat - 0.05, lon + 0.05, lat + 0.05],
    home: { lon, lat, heightM, distanceM, headingDeg: 20, pitchDeg: -40 },
    layers: [{ id: "tiles", title: { en: "Tiles" }, theme: "other", tileset: `/data/${tileset}` }],
    attribution: [],
  };
  await mkdir(path.join(twins, name), { recursive: true });
  await writeFile(path.join(twins, name, "twin.json"), JSON.stringify(twin));
  const requests = [];
  const { page, complaints, close } = await openPage(browser, "about:blank", { viewport: SIZE });
  page.on("request", (request) => requests.push(request.url()));
  try {
    await page.goto(`${server.url}index.html?twin=/twins/${name}/twin.json`);
    const drawn = await settled(page);
    await keepScreenshot(page, `tiles-${name}`);
    const loadedFull = requests.some((url) => url.endsWith("decode_worker_full_bg.wasm"));
    await check({ page, drawn, loadedFull, picture: await page.locator("canvas").screenshot() });
    assert.deepEqual(complaints, []);
  } finally {
    await close();
  }
}

test("a cloud of points is drawn and picked", { skip: missing }, () =>
  look("points", "spec-tilesets/CesiumJS/PointCloud/PointCloudBatched/tileset.json", 18, async ({ page, drawn, loadedFull }) => {
    assert.deepEqual({ tiles: drawn.tiles, features: drawn.features, loadedFull }, { tiles: 1, features: 8, loadedFull: false });
    // Where the shell of points is seen at a slant they lie close; not every pixel has one.
    let found = false;
    for (let x = 340; x < 420 && !found; x += 8) {
      await page.locator("canvas").click({ position: { x, y: 322 } });
      found = await page.getByText(/section\d/).first().waitFor({ timeout: 1500 }).then(() => true, () => false);
    }
    assert.ok(found, "no point was picked");
  }));

test("a compressed cloud has its decoder loaded", { skip: missing }, () =>
  look("points-draco", "spec-tilesets/CesiumJS/PointCloud/PointCloudDraco/tileset.json", 18, async ({ drawn, loadedFull }) => {
    assert.deepEqual({ features: drawn.features, loadedFull }, { features: 1000, loadedFull: true });
  }));

test("textures are seen", { skip: missing }, () =>
  look("textured", "spec-tilesets/CesiumJS/Batched/BatchedTextured/tileset.json", 250, async ({ drawn, loadedFull, picture }) => {
    assert.deepEqual({ triangles: drawn.triangles, features: drawn.features, loadedFull }, { triangles: 120, features: 10, loadedFull: false });
    assert.ok(colours(picture).count > 40, `${colours(picture).count} colours`);
  }));

test("a tree of Draco tiles is drawn", { skip: missing }, () =>
  look("delaware", "delaware/cesium/tileset.json", 1500, async ({ drawn, loadedFull }) => {
    assert.ok(drawn.tiles > 3 && drawn.triangles > 20_000 && loadedFull, JSON.stringify(drawn));
  }));

test("pictures in KTX2 are transcoded and seen", { skip: missing }, () =>
  look("ktx2", "spec-tilesets/CesiumJS/VNext/agi-ktx2/tileset.json", 500, async ({ drawn, loadedFull, picture }) => {
    assert.ok(drawn.triangles > 100 && loadedFull, JSON.stringify(drawn));
    assert.ok(colours(picture).count > 60, `${colours(picture).count} colours`);
  }));
