// Light: the sun by time, full shadows, eye-dome lighting, measured in pictures; through the npm package.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, mkdir, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import pixelmatch from "pixelmatch";
import { PNG } from "pngjs";
import { dist, here, keepScreenshot, openBrowser, openPage, serveFiles, target } from "../harness.mjs";

const data = path.join(here, "../../shared/data/tiles");
const missing = !existsSync(data) && `SKIPPED: ${data} is not there, so eye-dome lighting was not tested`;
const SIZE = { width: 480, height: 320 };
/** Helsinki at an equinox: half an hour before sunset (2.4° high), and midnight. */
const DUSK = Date.UTC(2026, 8, 19, 16, 15);
const NIGHT = Date.UTC(2026, 8, 19, 22, 0);
/** A stepped house front of the demo city, from above. */
const THEATRE = { lon: 24.9438, lat: 60.1724, heightM: 10, distanceM: 300, headingDeg: 0, pitchDeg: -90 };

let server, browser;
before(async () => {
  const pages = await mkdtemp(path.join(os.tmpdir(), "light-"));
  await writeFile(path.join(pages, "index.html"), `<!doctype html><html lang="en"><meta charset="utf-8"><title>Light</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/page.css"><div id="view"></div><script type="module" src="/page.js"></script></html>`);
  await writeFile(path.join(pages, "page.css"), "html, body, #view { margin: 0; height: 100%; overflow: hidden; }");
  await writeFile(path.join(pages, "page.js"), `import { CityTwin } from "/citytwin/index.js";
window.twin = await CityTwin.create("#view", { twin: new URLSearchParams(location.search).get("twin") });`);
  await mkdir(path.join(pages, "cloud"));
  const root = { lon: -75.61209430782448, lat: 40.042530611425896 };
  await writeFile(path.join(pages, "cloud/twin.json"), JSON.stringify({
    format: "citytwin/1", title: { en: "Cloud" }, extent: [root.lon - 0.01, root.lat - 0.01, root.lon + 0.01, root.lat + 0.01],
    home: { ...root, heightM: 5, distanceM: 18, headingDeg: 20, pitchDeg: -40 },
    layers: [{ id: "tiles", title: { en: "Tiles" }, theme: "other", tileset: "/data/spec-tilesets/CesiumJS/PointCloud/PointCloudDraco/tileset.json" }],
    attribution: [],
  }));
  server = await serveFiles({ "/citytwin/": path.join(target, "npm/citytwin/dist"), "/twin/": path.join(dist, "twin"), "/data/": data, "/": pages });
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Opens a twin, and does something with what `look` can show of it. */
async function visit(twin, work) {
  const { page, complaints, close } = await openPage(browser, `${server.url}index.html?twin=${twin}`, { viewport: SIZE });
  try {
    await page.waitForFunction(() => window.twin);
    /** The picture of a scene and a view once nothing moves any more. */
    const look = async (name, scene = {}, view = {}) => {
      await page.evaluate(async ([scene, view]) => {
        const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        window.twin.setScene(scene);
        window.twin.setView({ ...window.twin.view, ...view });
        await drawn();
        await window.twin.settled();
        await drawn();
      }, [scene, view]);
      await keepScreenshot(page, `light-${name}`);
      return PNG.sync.read(await page.locator("canvas").screenshot());
    };
    await work({ page, look });
    assert.deepEqual(complaints, []);
  } finally {
    await close();
  }
}

/** Mean of each channel of a picture, or of a part around a pixel. */
function mean({ data, width, height }, at) {
  const [left, top, right, bottom] = at ? [at.x - 1, at.y - 1, at.x + 2, at.y + 2] : [0, 0, width, height];
  const sum = [0, 0, 0];
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) for (let c = 0; c < 3; c++) sum[c] += data[(y * width + x) * 4 + c];
  }
  return sum.map((value) => value / ((right - left) * (bottom - top)));
}
const brightness = ([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
const different = (a, b, threshold = 0.1) => pixelmatch(a.data, b.data, null, a.width, a.height, { threshold }) / (a.width * a.height);

test("day is bright, dusk is warm, night is dim, cool and not black", () =>
  visit("/twin/twin.json", async ({ look }) => {
    const day = mean(await look("day"));
    const dusk = mean(await look("dusk", { sun: { timeMs: DUSK } }));
    const night = mean(await look("night", { sun: { timeMs: NIGHT } }));
    const morning = mean(await look("morning", { sun: { timeMs: null } }));
    const [d, u, n] = [day, dusk, night].map(brightness);
    assert.ok(d > 1.15 * u && u > 1.15 * n && n > 40, `${d} ${u} ${n}`);
    const warmth = ([r, , b]) => r / b;
    assert.ok(warmth(dusk) > 1 && warmth(night) < 0.9 && warmth(dusk) > 1.2 * warmth(night), `${dusk} ${night}`);
    assert.ok(Math.abs(brightness(morning) - d) < 1, "the default look comes back");
  }));

test("a house shades the ground behind it and not the ground before it", () =>
  visit("/twin/twin.json", async ({ page, look }) => {
    const off = await look("shadows-off", { shadows: { mode: "off" } }, THEATRE);
    const full = await look("shadows-full", { shadows: { mode: "full" } });
    // North of the house, where its shadow lies, and south of it: the first pixels that are not the house.
    const ground = (step) => page.evaluate(async ({ step, width, height }) => {
      for (let [x, y] = [width / 2, height / 2], away = 0; y > 8 && y < height - 8; y += step) {
        const hit = await window.twin.pick(x, y);
        away = hit?.layer === "buildings" ? 0 : away + 1;
        if (away === 3) return { x, y };
      }
      return null;
    }, { step, ...SIZE });
    const [behind, before] = [await ground(-2), await ground(2)];
    assert.ok(behind && before, JSON.stringify([behind, before]));
    const kept = (at) => brightness(mean(full, at)) / brightness(mean(off, at));
    assert.ok(kept(behind) < 0.9, `behind the house ${kept(behind)} of the light is left`);
    assert.ok(kept(before) > 0.97, `before the house ${kept(before)} of the light is left`);
    const shaded = different(off, full, 0.03);
    assert.ok(shaded > 0.03 && shaded < 0.7, `${shaded} of the picture is shaded`);
  }));

test("shadows keep still when the camera hardly moves, and come back with the context", () =>
  visit("/twin/twin.json", async ({ page, look }) => {
    const first = await look("still", { shadows: { mode: "full" } }, { ...THEATRE, distanceM: 500, pitchDeg: -40 });
    const moved = await look("still-moved", {}, { lon: THEATRE.lon + 1e-8 });
    assert.ok(different(first, moved) < 0.003, `${different(first, moved)} of the picture changes by a millimetre`);
    const before = await look("still-back", {}, { lon: THEATRE.lon });
    await page.evaluate(async () => {
      const { twin } = window;
      const lose = twin.canvas.getContext("webgl2").getExtension("WEBGL_lose_context");
      const heard = (type) => new Promise((done) => twin.on(type, done));
      const lost = heard("contextlost");
      lose.loseContext();
      await lost;
      const restored = heard("contextrestored");
      await new Promise((done) => setTimeout(done, 50));
      lose.restoreContext();
      await restored;
    });
    const after = await look("still-restored");
    assert.ok(different(before, after) < 0.001, `${different(before, after)} of the picture differs after the loss`);
  }));

test("eye-dome lighting shades a cloud of points", { skip: missing }, () =>
  visit("/cloud/twin.json", async ({ look }) => {
    const plain = await look("points-plain", { pointClouds: { edl: { strength: 0 } } });
    const domed = await look("points-domed", { pointClouds: { edl: { strength: 1 } } });
    const changed = different(plain, domed, 0.05);
    assert.ok(changed > 0.01, `${changed} of the picture changes`);
    assert.ok(brightness(mean(domed)) < brightness(mean(plain)), "shading only darkens");
  }));

test("a scene with a key or a number that it cannot have is refused by name", () =>
  visit("/twin/twin.json", async ({ page }) => {
    const refused = await page.evaluate(() => {
      const { twin } = window;
      const attempt = (parts) => {
        try { twin.setScene(parts); return null; } catch (error) { return { code: error.code, message: error.message }; }
      };
      return [attempt({ sum: {} }), attempt({ shadows: { cascades: 9 } }), attempt({ fog: { density: 2 } }), twin.scene.fog, twin.scene.sun];
    });
    assert.equal(refused[0].code, "scene");
    assert.match(refused[0].message, /sum is an unknown key, expected one of sun, shadows/);
    assert.match(refused[1].message, /shadows\.cascades is 9, expected 1 to 4/);
    assert.deepEqual(refused.slice(2), [null, { enabled: true, density: 2 }, { timeMs: null }]);
  }));
