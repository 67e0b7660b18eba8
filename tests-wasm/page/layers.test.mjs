// Names on the map and pictures of the ground, in the SDK's viewer: measured on the screen.
//
// The names in Chinese are made up here; the city is the demo.
import assert from "node:assert/strict";
import http from "node:http";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { PNG } from "pngjs";
import { dist, keepScreenshot, openBrowser, openPage, serveFiles, target } from "../harness.mjs";

const SIZE = { width: 480, height: 320 };
const NAMES = ["上海市 浦东新区 陆家嘴金融贸易区 世纪大道", "人民广场", "中央车站"];
const HTML = `<!doctype html><html lang="LANG"><link rel="icon" href="data:,">
<style>html,body,#map{margin:0;height:100%}</style><div id="map"></div><script type="module" src="/pages/page.js"></script>`;
const SCRIPT = `import { CityTwin } from "/citytwin/index.js";
const twin = await CityTwin.create("#map", { twin: new URLSearchParams(location.search).get("twin") });
window.twin = twin;
window.problems = [];
twin.on("problem", (problem) => window.problems.push(problem));
await twin.settled();
window.ready = true;`;

/** Tiles of one colour up to zoom 12; finer ones are not there. */
const RED = (() => {
  const png = new PNG({ width: 256, height: 256 });
  for (let i = 0; i < png.data.length; i += 4) png.data.set([200, 30, 30, 255], i);
  return PNG.sync.write(png);
})();
/** Where a line from north to south parts red from blue in what servers of the OGC's kinds answer. */
const PART = { lon: 24.9437, lat: 60.1755 };
const HALF_M = Math.PI * 6378137;

/** What a WMS or a WMTS answers to a URL: a tile that is red in the west and blue in the east; undefined to others. */
function parted(url) {
  const { pathname, searchParams } = new URL(url, "http://x");
  const [, matrix, row, column] = /^\/wmts\/(\d+)\/(\d+)\/(\d+)\.png$/.exec(pathname)?.map(Number) ?? [];
  const side = (2 * HALF_M) / 2 ** matrix;
  const bbox = pathname === "/wms" ? searchParams.get("BBOX").split(",").map(Number) : [column * side - HALF_M, NaN, (column + 1) * side - HALF_M, NaN];
  if (pathname !== "/wms" && row === undefined) return undefined;
  const [width, height] = pathname === "/wms" ? ["WIDTH", "HEIGHT"].map((name) => Number(searchParams.get(name))) : [256, 256];
  const png = new PNG({ width, height });
  const line = (PART.lon / 180) * HALF_M;
  for (let i = 0; i < width * height; i += 1) {
    const x = bbox[0] + (((i % width) + 0.5) / width) * (bbox[2] - bbox[0]);
    png.data.set(x < line ? [200, 30, 30, 255] : [30, 30, 200, 255], 4 * i);
  }
  return PNG.sync.write(png, { deflateLevel: 1 });
}

const asked = [];

let server, tiles, browser, pages, twins;
before(async () => {
  pages = await mkdtemp(path.join(os.tmpdir(), "pages-"));
  twins = await mkdtemp(path.join(os.tmpdir(), "twins-"));
  for (const lang of ["en", "zh-CN"]) await writeFile(path.join(pages, `${lang}.html`), HTML.replace("LANG", lang));
  await writeFile(path.join(pages, "page.js"), SCRIPT);
  const twin = JSON.parse(await readFile(path.join(dist, "twin/twin.json"), "utf8"));
  const [west, south, east, north] = twin.extent;
  const labels = NAMES.map((zh, i) => ({
    id: `made-up/${i}`, name: `Name ${i}`, names: { "zh-Hans": zh }, kind: i === 0 ? "district" : "green", rank: i, reachM: 5000,
    lon: twin.home.lon + (i - 1) * 0.002, lat: twin.home.lat + (i - 1) * 0.002,
  }));
  const index = { format: "citytwin-labels/1", extent: [west, south, east, north], cells: [[0, 0, 0, 5000], [1, 9, 9, 1]] };
  await writeFile(path.join(twins, "labels.json"), JSON.stringify(index));
  await writeFile(path.join(twins, "cell.json"), JSON.stringify({ labels }));
  twin.layers = twin.layers.map((layer) => ({ ...layer, tileset: `/twin/${layer.tileset}` }));
  await writeFile(path.join(twins, "chinese.json"), JSON.stringify({ ...twin, labels: "/labels/labels.json" }));
  server = await serveFiles({
    "/citytwin/": path.join(target, "npm/citytwin/dist"), "/twin/": path.join(dist, "twin"), "/pages/": pages, "/twins/": twins,
    "/labels/labels.json": path.join(twins, "labels.json"), "/labels/0/0/0.json": path.join(twins, "cell.json"),
  });
  tiles = http.createServer((request, response) => {
    const picture = parted(request.url);
    if (picture) return response.writeHead(200, { "access-control-allow-origin": "*", "content-type": "image/png" }).end(picture);
    asked.push(request.url);
    const found = Number(request.url.split("/")[1]) <= 12;
    response.writeHead(found ? 200 : 404, { "access-control-allow-origin": "*", "content-type": "image/png" });
    response.end(found ? RED : "");
  }).listen(0, "127.0.0.1");
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  tiles?.closeAllConnections();
  tiles?.close();
});

async function open(lang, twin, options = {}) {
  const opened = await openPage(browser, `${server.url}pages/${lang}.html?twin=${twin}`, { viewport: SIZE, ...options });
  await opened.page.waitForFunction(() => window.ready === true);
  return opened;
}

/** Whether two turned boxes have a point in common (separating axes). */
function meet(a, b) {
  const axes = (box) => {
    const angle = (box.angleDeg * Math.PI) / 180;
    return [[Math.cos(angle), Math.sin(angle)], [-Math.sin(angle), Math.cos(angle)]];
  };
  const reach = (box, [x, y]) => {
    const [along, across] = axes(box);
    return (Math.abs(along[0] * x + along[1] * y) * box.width + Math.abs(across[0] * x + across[1] * y) * box.height) / 2;
  };
  return [...axes(a), ...axes(b)].every(
    (axis) => Math.abs((b.x - a.x) * axis[0] + (b.y - a.y) * axis[1]) <= reach(a, axis) + reach(b, axis) - 0.01,
  );
}

test("names of the demo are shown, none covers another, and a switch takes them away", async () => {
  const { page, complaints, close } = await open("en", "/twin/twin.json");
  try {
    const shown = await page.evaluate(() => window.twin.shownLabels);
    await keepScreenshot(page, "labels");
    assert.ok(shown.length >= 4, `${shown.length} names`);
    for (const [i, a] of shown.entries()) {
      for (const b of shown.slice(i + 1)) assert.ok(!meet(a, b), `${a.text} covers ${b.text}`);
      assert.ok(Math.abs(a.angleDeg) <= 97, `${a.text} stands on its head`);
      assert.ok(a.x > 0 && a.x < SIZE.width && a.y > 0 && a.y < SIZE.height, a.text);
    }
    const picture = () => page.locator("canvas").screenshot();
    const withNames = await picture();
    await page.evaluate(() => window.twin.setLabelsVisible(false));
    await page.waitForFunction(() => window.twin.shownLabels.length === 0);
    assert.notDeepEqual(await picture(), withNames);
    assert.deepEqual(complaints, []);
  } finally {
    await close();
  }
});

test("after a jump where all tiles are there, settled waits for the names", async () => {
  const { page, complaints, close } = await open("en", "/twin/twin.json");
  try {
    const [settled, later] = await page.evaluate(async () => {
      const { twin } = window;
      const home = twin.view;
      // So near that no tile is missing there.
      twin.setView({ ...home, lon: home.lon + 1e-5 });
      await twin.settled();
      const frames = [twin.diagnostics().frames];
      await new Promise((done) => setTimeout(done, 800));
      return [...frames, twin.diagnostics().frames];
    });
    assert.equal(later, settled, "names still fade in");
    assert.deepEqual(complaints, []);
  } finally {
    await close();
  }
});

test("names in Chinese are written on one line each, in glyphs of their own, and can be clicked", async (t) => {
  const { page, complaints, close } = await open("zh-CN", "/twins/chinese.json", { deviceScaleFactor: 2 });
  try {
    const shown = await page.evaluate(() => window.twin.shownLabels);
    await keepScreenshot(page, "labels-zh");
    assert.ok(shown.length >= 2, JSON.stringify(shown));
    for (const { text, height } of shown) {
      assert.ok(NAMES.includes(text), text);
      assert.ok(height < 28, `${text} is ${height} px high`);
    }
    const clicked = page.evaluate(() => new Promise((resolve) => window.twin.on("click", resolve)));
    await page.locator("canvas").click({ position: { x: shown[0].x, y: shown[0].y } });
    const hit = await clicked;
    assert.deepEqual([hit.layer, hit.properties.id, hit.properties.name], ["labels", shown[0].id, shown[0].text]);
    assert.deepEqual(complaints, []);
    // A machine without a font for Chinese writes the same box for every character.
    const differ = await page.evaluate(() => {
      const ink = (text) => {
        const context = document.createElement("canvas").getContext("2d");
        context.font = "40px system-ui, sans-serif";
        context.fillText(text, 0, 60);
        return context.getImageData(0, 0, 100, 100).data.join();
      };
      return ink("海") !== ink("路");
    });
    if (!differ) t.skip("SKIPPED: this machine has no font for Chinese, so its glyphs were not looked at");
  } finally {
    await close();
  }
});

test("names come back after a lost context", async () => {
  const { page, close } = await open("en", "/twin/twin.json");
  try {
    const before = await page.evaluate(() => window.twin.shownLabels.map(({ id }) => id));
    await page.evaluate(async () => {
      const lose = document.querySelector("canvas").getContext("webgl2").getExtension("WEBGL_lose_context");
      const restored = new Promise((resolve) => window.twin.on("contextrestored", resolve));
      lose.loseContext();
      await new Promise((resolve) => setTimeout(resolve, 50));
      lose.restoreContext();
      await restored;
      await window.twin.settled();
    });
    const after = await page.evaluate(() => window.twin.shownLabels.map(({ id }) => id));
    assert.ok(after.length >= before.length / 2, `${after.length} of ${before.length} names`);
    await keepScreenshot(page, "labels-restored");
  } finally {
    await close();
  }
});

test("a picture lies on the ground under the streets, coarser where finer is missing, until it is removed", async () => {
  const { page, close } = await open("en", "/twin/twin.json");
  try {
    await page.evaluate(async (port) => {
      window.twin.setLabelsVisible(false);
      // Straight down on the park, where nothing stands.
      window.twin.setView({ lon: 24.9437, lat: 60.1755, heightM: 0, distanceM: 400, pitchDeg: -90 });
      window.twin.addRaster({ id: "red", kind: "xyz", url: `http://127.0.0.1:${port}/{z}/{x}/{y}.png`, attribution: [{ text: "© Red" }] });
      await window.twin.settled();
    }, tiles.address().port);
    const reds = async () => {
      const { data } = PNG.sync.read(await page.locator("canvas").screenshot());
      let count = 0;
      for (let i = 0; i < data.length; i += 4) count += data[i] > 150 && data[i + 1] < 90 && data[i + 2] < 90;
      return count / (data.length / 4);
    };
    await keepScreenshot(page, "raster");
    const problems = await page.evaluate(() => window.problems.map(({ code, message }) => `${code}: ${message}`));
    assert.deepEqual(problems.filter((problem) => problem.startsWith("graphics")), [], "the driver takes the shaders");
    const share = await reds();
    assert.ok(share > 0.3 && share < 1, `${share} of the picture is red`);
    assert.ok(asked.some((url) => Number(url.split("/")[1]) > 12), "finer tiles were asked for");
    assert.ok(problems.length <= 1, `a missing tile is told once: ${problems}`);
    assert.deepEqual(await page.evaluate(() => window.twin.attribution.map(({ text }) => text)), ["© OpenStreetMap contributors", "© Red"]);
    await page.evaluate(async () => {
      window.twin.removeRaster("red");
      await window.twin.settled();
    });
    await page.waitForFunction(() => window.twin.attribution.length === 1);
    assert.ok((await reds()) < 0.01);
    const refused = await page.evaluate(() =>
      ["javascript:alert(1)//{z}{x}{y}", "https://a.example/{z}/{x}.png", "https://{s}.a.example/{z}/{x}/{y}"].map((url) => {
        try {
          window.twin.addRaster({ id: "bad", kind: "xyz", url });
          return "taken";
        } catch (error) {
          return error.code;
        }
      }),
    );
    assert.deepEqual(refused, ["raster", "raster", "raster"]);
  } finally {
    await close();
  }
});

for (const [kind, template] of [
  ["wms", "wms?SERVICE=WMS&VERSION=1.3.0&REQUEST=GetMap&CRS=EPSG:3857&LAYERS=a&STYLES=&FORMAT=image/png&BBOX={bbox}&WIDTH={width}&HEIGHT={height}"],
  ["wmts", "wmts/{TileMatrix}/{TileRow}/{TileCol}.png"],
]) {
  test(`pictures of a ${kind.toUpperCase()} lie where they belong`, async () => {
    const { page, complaints, close } = await open("en", "/twin/twin.json");
    try {
      await page.evaluate(async ([kind, template, port, place]) => {
        window.twin.setLabelsVisible(false);
        for (const { id } of window.twin.layers) window.twin.setLayerVisible(id, false);
        window.twin.setView({ ...place, heightM: 0, distanceM: 400, headingDeg: 0, pitchDeg: -90 });
        window.twin.addRaster({ id: "parted", kind, url: `http://127.0.0.1:${port}/${template}` });
        await window.twin.settled();
      }, [kind, template, tiles.address().port, PART]);
      await keepScreenshot(page, `raster-${kind}`);
      const png = PNG.sync.read(await page.locator("canvas").screenshot());
      const [red, blue] = [0, 2].map((channel) => (x) => {
        const at = 4 * (Math.floor(png.height / 2) * png.width + Math.round(x * png.width));
        return png.data[at + channel] > 1.5 * png.data[at + 2 - channel];
      });
      for (const x of [0.05, 0.3, 0.48]) assert.ok(red(x), `${x} of the width lies in the west`);
      for (const x of [0.52, 0.7, 0.95]) assert.ok(blue(x), `${x} of the width lies in the east`);
      assert.deepEqual(complaints, []);
    } finally {
      await close();
    }
  });
}
