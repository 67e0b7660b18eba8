// Tiles that others made, in the app: points, textures, and decoders that are loaded when a tile needs them.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { existsSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { PNG } from "pngjs";
import { citytwin, colours, dist, here, keepScreenshot, openBrowser, openPage, serveFiles, settled } from "../harness.mjs";

const data = path.join(here, "../../shared/data/tiles");
const missing = !existsSync(data) && `SKIPPED: ${data} is not there, so nothing of it was tested`;
const SIZE = { width: 640, height: 400 };

let server, browser, twins;
before(async () => {
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

/** Four quarters of a wall, as they are painted: upper left, upper right, lower left, lower right. */
const QUARTERS = [[210, 20, 20], [20, 170, 20], [200, 20, 200], [220, 210, 20]];

function quarters(side = 64) {
  const png = new PNG({ width: side, height: side });
  for (let i = 0; i < side * side; i++) {
    const [x, y] = [i % side, Math.floor(i / side)];
    png.data.set([...QUARTERS[(y < side / 2 ? 0 : 2) + (x < side / 2 ? 0 : 1)], 255], i * 4);
  }
  return PNG.sync.write(png);
}

/** A wall that looks south, 20 m wide and 16 m high, in two formats. */
const WALL = [[0, 0, 0], [20, 0, 0], [20, 0, 16], [0, 0, 16]];
const CITY_JSON = JSON.stringify({
  type: "CityJSON", version: "2.0", metadata: { referenceSystem: "https://www.opengis.net/def/crs/EPSG/0/7415" },
  transform: { scale: [1, 1, 1], translate: [85000, 446000, 0] }, vertices: WALL,
  appearance: { textures: [{ type: "PNG", image: "quarters.png" }], "vertices-texture": [[0, 0], [1, 0], [1, 1], [0, 1]] },
  CityObjects: { wall: { type: "Building", attributes: { name: "Painted wall" }, geometry: [{
    type: "MultiSurface", lod: "2", boundaries: [[[0, 1, 2, 3]]], texture: { paint: { values: [[[0, 0, 1, 2, 3]]] } },
  }] } },
});
const CITY_GML = `<CityModel xmlns="http://www.opengis.net/citygml/2.0" xmlns:bldg="http://www.opengis.net/citygml/building/2.0"
  xmlns:app="http://www.opengis.net/citygml/appearance/2.0" xmlns:gml="http://www.opengis.net/gml"><gml:boundedBy><gml:Envelope srsName="EPSG:7415"/></gml:boundedBy>
  <cityObjectMember><bldg:Building gml:id="wall"><gml:name>Painted wall</gml:name><bldg:lod2MultiSurface><gml:MultiSurface><gml:surfaceMember>
  <gml:Polygon><gml:exterior><gml:LinearRing gml:id="ring"><gml:posList>${[...WALL, WALL[0]].map(([x, y, z]) => `${85000 + x} ${446000 + y} ${z}`).join(" ")}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>
  </gml:surfaceMember></gml:MultiSurface></bldg:lod2MultiSurface></bldg:Building></cityObjectMember>
  <app:appearanceMember><app:Appearance><app:surfaceDataMember><app:ParameterizedTexture><app:imageURI>quarters.png</app:imageURI><app:target uri="#p"><app:TexCoordList>
  <app:textureCoordinates ring="#ring">0 0 1 0 1 1 0 1 0 0</app:textureCoordinates></app:TexCoordList></app:target></app:ParameterizedTexture></app:surfaceDataMember></app:Appearance></app:appearanceMember></CityModel>`;

for (const [name, text] of [["wall.city.json", CITY_JSON], ["wall.gml", CITY_GML]]) {
  test(`the texture of a baked ${name} is seen the right way up`, async () => {
    const sources = await mkdtemp(path.join(os.tmpdir(), "textured-"));
    await writeFile(path.join(sources, "quarters.png"), quarters());
    await writeFile(path.join(sources, name), text);
    const out = path.join(twins, `baked-${name.split(".").at(-1)}`);
    await promisify(execFile)(citytwin, ["bake", path.join(sources, name), "--out", out]);
    const manifest = path.join(out, "twin.json");
    const twin = JSON.parse(readFileSync(manifest));
    const { lon, lat } = twin.home;
    await writeFile(manifest, JSON.stringify({ ...twin, home: { lon, lat, heightM: 8, distanceM: 45, headingDeg: 0, pitchDeg: -12 } }));
    const { page, complaints, close } = await openPage(browser, "about:blank", { viewport: SIZE });
    try {
      await page.goto(`${server.url}index.html?twin=/twins/${path.basename(out)}/twin.json`);
      await settled(page);
      await keepScreenshot(page, `tiles-${path.basename(out)}`);
      const { width, data } = PNG.sync.read(await page.locator("canvas").screenshot());
      // Light changes how bright a colour is, not which of the three channels lead.
      const places = QUARTERS.map(() => ({ count: 0, x: 0, y: 0 }));
      for (let i = 0; i < data.length / 4; i++) {
        const [r, g, b] = data.subarray(i * 4, i * 4 + 3);
        const leads = [r, g, b].map((v) => v > 0.6 * Math.max(r, g, b) && v > 50).join();
        const clear = Math.min(r, g, b) < 0.4 * Math.max(r, g, b);
        const quarter = ["true,false,false", "false,true,false", "true,false,true", "true,true,false"].indexOf(leads);
        if (!clear || quarter < 0) continue;
        const place = places[quarter];
        place.count += 1;
        place.x += i % width;
        place.y += Math.floor(i / width);
      }
      const [red, green, magenta, yellow] = places.map(({ count, x, y }) => ({ count, x: x / count, y: y / count }));
      const told = JSON.stringify([red, green, magenta, yellow]);
      assert.ok([red, green, magenta, yellow].every(({ count }) => count > 2000), told);
      assert.ok(red.x + 40 < green.x && magenta.x + 40 < yellow.x && red.y + 30 < magenta.y && green.y + 30 < yellow.y, told);
      // It is a feature like any other.
      await page.locator("canvas").click({ position: { x: Math.round(red.x), y: Math.round(red.y) } });
      await page.getByText("Painted wall").first().waitFor({ timeout: 10_000 });
      assert.deepEqual(complaints, []);
    } finally {
      await close();
    }
  });
}
