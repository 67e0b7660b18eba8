// A terrain in the SDK's viewer, over hills that are made up: quantized-mesh and terrarium, picked, looked at, flown
// over, and covered with a picture.
import assert from "node:assert/strict";
import http from "node:http";
import { after, before, test } from "node:test";
import { PNG } from "pngjs";
import { dist, keepScreenshot, openBrowser, openPage, serveFiles, target } from "../harness.mjs";
import { EXTENT, HILL, LEVELS, chessboard, heightM, layerJson, quantized, terrarium } from "./hills.mjs";
import path from "node:path";

const SIZE = { width: 480, height: 320 };
const HTML = `<!doctype html><html lang="en"><link rel="icon" href="data:,">
<style>html,body,#map{margin:0;height:100%}</style><div id="map"></div><script type="module" src="/page.js"></script>`;
const SCRIPT = `import { CityTwin } from "/citytwin/index.js";
const twin = await CityTwin.create("#map", { twin: new URLSearchParams(location.search).get("twin") });
window.twin = twin;
window.problems = [];
twin.on("problem", (problem) => window.problems.push(problem));
await twin.settled();
window.ready = true;`;
const HOME = { lon: HILL.lon, lat: HILL.lat, heightM: 0, distanceM: 1100, headingDeg: 20, pitchDeg: -30 };

const twin = (terrain, more = {}) => ({
  format: "citytwin/1", title: { en: "Made-up hills" }, extent: EXTENT, home: HOME, layers: [], attribution: [], terrain, ...more,
});
const QUANTIZED = { kind: "quantized-mesh", url: "/hills/layer.json" };
const TERRARIUM = { kind: "terrarium", url: "/heights/{z}/{x}/{y}.png", maxZoom: LEVELS.terrarium };
const made = {
  "/page.html": () => HTML,
  "/page.js": () => SCRIPT,
  "/quantized.json": () => JSON.stringify(twin(QUANTIZED)),
  "/terrarium.json": () => JSON.stringify(twin(TERRARIUM)),
  "/draped.json": () => JSON.stringify(twin(TERRARIUM, {
    rasters: [{ id: "board", kind: "xyz", url: "/board/{z}/{x}/{y}.png", maxZoom: 15 }],
  })),
  "/hills/layer.json": () => JSON.stringify(layerJson()),
};

let files, server, url, browser;
const asked = [];
before(async () => {
  files = await serveFiles({ "/citytwin/": path.join(target, "npm/citytwin/dist"), "/twin/": path.join(dist, "twin") });
  server = http.createServer(async (request, response) => {
    const wanted = new URL(request.url, "http://x").pathname;
    const tile = /^\/(hills|heights|board)\/(\d+)\/(\d+)\/(\d+)\./.exec(wanted);
    const type = { html: "text/html", js: "text/javascript", json: "application/json", png: "image/png" }[wanted.split(".").at(-1)];
    const headers = { "content-type": type ?? "application/octet-stream" };
    if (tile) {
      asked.push(wanted);
      const [z, x, y] = tile.slice(2).map(Number);
      const make = { hills: quantized, heights: terrarium, board: chessboard }[tile[1]];
      return response.writeHead(200, headers).end(make(z, x, y));
    }
    if (made[wanted]) return response.writeHead(200, headers).end(made[wanted]());
    const file = await fetch(`${files.url}${wanted.slice(1)}`);
    return response.writeHead(file.status, { "content-type": file.headers.get("content-type") }).end(Buffer.from(await file.arrayBuffer()));
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  url = `http://127.0.0.1:${server.address().port}/`;
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await files?.stop();
  server?.closeAllConnections();
  server?.close();
});

async function open(name) {
  asked.length = 0;
  const opened = await openPage(browser, `${url}page.html?twin=/${name}.json`, { viewport: SIZE });
  await opened.page.waitForFunction(() => window.ready === true);
  return opened;
}

const pick = (page, x, y) => page.evaluate(([x, y]) => window.twin.pick(x, y), [x, y]);
const show = (page, view) => page.evaluate(async (view) => {
  window.twin.setView(view);
  await window.twin.settled();
  return window.twin.view;
}, view);

for (const kind of ["quantized", "terrarium"]) {
  test(`${kind}: what is picked lies at the height of the land, near and far`, async () => {
    const { page, complaints, close } = await open(kind);
    try {
      await keepScreenshot(page, `terrain-${kind}`);
      let found = 0;
      for (const distanceM of [1100, 400]) {
        await show(page, { ...HOME, distanceM });
        for (const [x, y] of [[240, 160], [120, 200], [360, 220], [60, 300], [420, 300], [240, 280]]) {
          const hit = await pick(page, x, y);
          assert.equal(hit?.layer, "terrain", `at ${x}, ${y}: ${JSON.stringify(hit)}`);
          const expected = heightM(hit.lon, hit.lat);
          assert.ok(Math.abs(hit.heightM - expected) < 2.5, `${hit.heightM} m where the land is ${expected} m high`);
          found += 1;
        }
      }
      assert.equal(found, 12);
      const levels = asked.map((wanted) => Number(wanted.split("/")[2]));
      assert.ok(Math.max(...levels) >= LEVELS[kind] - 1, `${levels}`);
      assert.ok(asked.length < 120, `${asked.length} tiles`);
      assert.deepEqual(await page.evaluate(() => window.problems), []);
      assert.deepEqual(complaints, []);
    } finally {
      await close();
    }
  });
}

test("the view's target lies on the ground, and the eye stays above it", async () => {
  const { page, close } = await open("quantized");
  try {
    const home = await page.evaluate(() => window.twin.view);
    assert.ok(Math.abs(home.heightM - heightM(HILL.lon, HILL.lat)) < 3, `the target is at ${home.heightM} m`);
    assert.deepEqual([home.lon, home.lat, home.distanceM].map((n) => n.toFixed(4)), [HOME.lon, HOME.lat, 1100].map((n) => n.toFixed(4)));
    // From behind the hill, flat and low: the eye would be inside of it.
    const north = 600 / 111_320;
    const low = await show(page, { ...HOME, lat: HILL.lat + north, headingDeg: 0, pitchDeg: -6, distanceM: 600 });
    const away = low.distanceM * Math.cos((low.pitchDeg * Math.PI) / 180);
    const eye = {
      heightM: low.heightM - low.distanceM * Math.sin((low.pitchDeg * Math.PI) / 180),
      lat: low.lat - (away * Math.cos((low.headingDeg * Math.PI) / 180)) / 111_320,
      lon: low.lon - (away * Math.sin((low.headingDeg * Math.PI) / 180)) / (111_320 * Math.cos((low.lat * Math.PI) / 180)),
    };
    assert.ok(eye.heightM > heightM(eye.lon, eye.lat), `the eye is at ${eye.heightM} m in a hill of ${heightM(eye.lon, eye.lat)} m`);
    // A drag moves over the land: the target is on the ground again.
    await show(page, HOME);
    await page.mouse.move(240, 200);
    await page.mouse.down();
    await page.mouse.move(300, 120, { steps: 4 });
    await page.mouse.up();
    await page.evaluate(() => window.twin.settled());
    const dragged = await page.evaluate(() => window.twin.view);
    assert.ok(Math.abs(dragged.lat - HILL.lat) > 1e-4, "it has moved");
    assert.ok(Math.abs(dragged.heightM - heightM(dragged.lon, dragged.lat)) < 5, `${dragged.heightM} m over land of ${heightM(dragged.lon, dragged.lat)} m`);
  } finally {
    await close();
  }
});

test("a picture lies on the hills, in their light", async () => {
  const { page, complaints, close } = await open("draped");
  try {
    await keepScreenshot(page, "terrain-draped");
    const png = PNG.sync.read(await page.locator("canvas").screenshot());
    const isBoard = (i) => Math.max(png.data[i], png.data[i + 1], png.data[i + 2]) - Math.min(png.data[i], png.data[i + 1], png.data[i + 2]) > 40;
    let coloured = 0;
    const reds = new Set();
    for (let i = 4 * SIZE.width * 160; i < png.data.length; i += 4) {
      if (isBoard(i)) coloured += 1;
      if (png.data[i] > 2 * png.data[i + 1] && png.data[i] > 2 * png.data[i + 2]) reds.add(png.data[i] >> 3);
    }
    assert.ok(coloured > 0.9 * SIZE.width * 160, `${coloured} coloured pixels in the lower half`);
    assert.ok(reds.size >= 5, `slopes are lit differently: ${[...reds]}`);
    const hit = await pick(page, 240, 200);
    assert.ok(Math.abs(hit.heightM - heightM(hit.lon, hit.lat)) < 2.5);
    assert.deepEqual(complaints, []);
  } finally {
    await close();
  }
});
