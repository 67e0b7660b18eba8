// Icons on the map, in the SDK's viewer: every built-in one, a twin's own, by day and by night. The places are made up;
// the city is the demo.
import assert from "node:assert/strict";
import http from "node:http";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { PNG } from "pngjs";
import { dist, keepScreenshot, openBrowser, openPage, serveFiles, target } from "../harness.mjs";

const SIZE = { width: 900, height: 560 };
const HTML = `<!doctype html><html lang="en"><link rel="icon" href="data:,">
<style>html,body,#map{margin:0;height:100%}</style><div id="map"></div><script type="module" src="/pages/page.js"></script>`;
const SCRIPT = `import { CityTwin } from "/citytwin/index.js";
const twin = await CityTwin.create("#map", { twin: "/twins/icons.json" });
window.twin = twin;
window.problems = [];
twin.on("problem", (problem) => window.problems.push(problem));
await twin.settled();
window.ready = true;`;
const BUILT_IN = [
  "bar", "bicycle", "bus", "cafe", "camera", "ferry", "hospital", "hotel", "hydrant", "info", "library", "metro",
  "monument", "museum", "parking", "restaurant", "school", "shop", "signal", "theatre", "train", "tram", "tree", "worship",
];
const KINDS = { bus: "transit", train: "transit", tram: "transit", metro: "transit", ferry: "transit", tree: "green", museum: "landmark", theatre: "landmark", monument: "landmark" };
/** A ring, whose colours do not matter: only where it is. */
const RING = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="24" height="24"><path fill="#c08" fill-rule="evenodd" d="M0 0h24v24H0zM7 7v10h10V7z"/></svg>`;

let server, elsewhere, browser;
before(async () => {
  const pages = await mkdtemp(path.join(os.tmpdir(), "pages-"));
  const twins = await mkdtemp(path.join(os.tmpdir(), "twins-"));
  elsewhere = http.createServer((_, response) => response.end(RING)).listen(0, "127.0.0.1");
  await new Promise((resolve) => elsewhere.once("listening", resolve));
  await writeFile(path.join(pages, "page.html"), HTML);
  await writeFile(path.join(pages, "page.js"), SCRIPT);
  await writeFile(path.join(twins, "ring.svg"), RING);
  const twin = JSON.parse(await readFile(path.join(dist, "twin/twin.json"), "utf8"));
  const home = { ...twin.home, heightM: 0, distanceM: 500, headingDeg: 0, pitchDeg: -90 };
  const place = (i, count) => ({
    lon: home.lon + ((i % 6) - 2.5) * 0.0014, lat: home.lat + (Math.floor(i / 6) - count / 12 + 0.5) * 0.0006,
  });
  const names = [...BUILT_IN, "ring", "far", "nobody-knows"];
  const labels = names.map((icon, i) => ({
    id: `made-up/${icon}`, name: ["camera", "ring"].includes(icon) ? "" : icon, kind: KINDS[icon] ?? "place", icon,
    rank: i, reachM: 5000, heightM: 60, ...place(i, names.length),
  }));
  const icons = { ring: "/twins/ring.svg", far: `http://127.0.0.1:${elsewhere.address().port}/ring.svg` };
  const index = { format: "citytwin-labels/1", extent: twin.extent, icons, cells: [[0, 0, 0, 5000]] };
  await writeFile(path.join(twins, "labels.json"), JSON.stringify(index));
  await writeFile(path.join(twins, "cell.json"), JSON.stringify({ labels }));
  const layers = twin.layers.map((layer) => ({ ...layer, tileset: `/twin/${layer.tileset}` }));
  await writeFile(path.join(twins, "icons.json"), JSON.stringify({ ...twin, home, layers, labels: "/labels/labels.json" }));
  server = await serveFiles({
    "/citytwin/": path.join(target, "npm/citytwin/dist"), "/twin/": path.join(dist, "twin"), "/pages/": pages, "/twins/": twins,
    "/labels/labels.json": path.join(twins, "labels.json"), "/labels/0/0/0.json": path.join(twins, "cell.json"),
  });
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  elsewhere?.close();
});

async function open(options = {}) {
  const opened = await openPage(browser, `${server.url}pages/page.html`, { viewport: SIZE, ...options });
  await opened.page.waitForFunction(() => window.ready === true);
  return opened;
}

/** Colours of the pixels in the middle of a shown label's badge: how many are light, and how many dark. */
async function badge(page, { x, y, height }) {
  const png = PNG.sync.read(await page.locator("canvas").screenshot());
  const scale = png.width / SIZE.width;
  const middle = { x, y: y - height / 2 + 13 };
  const seen = { light: 0, dark: 0 };
  for (let dy = -7; dy <= 7; dy += 1) {
    for (let dx = -7; dx <= 7; dx += 1) {
      const at = 4 * (Math.round((middle.y + dy) * scale) * png.width + Math.round((middle.x + dx) * scale));
      const [r, g, b] = png.data.subarray(at, at + 3);
      const light = 0.21 * r + 0.72 * g + 0.07 * b;
      if (light > 185) seen.light += 1;
      if (light < 110) seen.dark += 1;
    }
  }
  return seen;
}

test("every built-in icon is shown in its badge, with its name below, and none covers another", async () => {
  const { page, close } = await open({ deviceScaleFactor: 2 });
  try {
    const shown = await page.evaluate(() => window.twin.shownLabels);
    await keepScreenshot(page, "icons");
    const ids = shown.map(({ id }) => id);
    for (const icon of BUILT_IN) assert.ok(ids.includes(`made-up/${icon}`), `${icon} is not shown: ${ids}`);
    for (const label of shown.filter(({ id }) => BUILT_IN.includes(id.split("/")[1]))) {
      const { light, dark } = await badge(page, label);
      assert.ok(light > 15 && dark > 15, `${label.id}: ${light} light and ${dark} dark pixels of 225`);
      assert.ok(label.height > (label.text ? 34 : 20) && label.height < 50, `${label.id} is ${label.height} px high`);
    }
    for (const [i, a] of shown.entries()) {
      for (const b of shown.slice(i + 1)) {
        const apart = Math.abs(a.x - b.x) >= (a.width + b.width) / 2 || Math.abs(a.y - b.y) >= (a.height + b.height) / 2;
        assert.ok(apart, `${a.id} covers ${b.id}`);
      }
    }
  } finally {
    await close();
  }
});

test("an icon without a name is clicked, and says what it is", async () => {
  const { page, close } = await open();
  try {
    const camera = (await page.evaluate(() => window.twin.shownLabels)).find(({ id }) => id === "made-up/camera");
    assert.equal(camera.text, "");
    const clicked = page.evaluate(() => new Promise((resolve) => window.twin.on("click", resolve)));
    await page.locator("canvas").click({ position: { x: camera.x, y: camera.y } });
    const hit = await clicked;
    assert.deepEqual([hit.layer, hit.properties], ["labels", { id: "made-up/camera", class: "camera" }]);
  } finally {
    await close();
  }
});

test("a twin's own icon is drawn, one from elsewhere is refused, and both stay after a lost context", async () => {
  const { page, close } = await open();
  try {
    const own = async () => badge(page, (await page.evaluate(() => window.twin.shownLabels)).find(({ id }) => id === "made-up/ring"));
    const before = await own();
    assert.ok(before.light > 60 && before.dark > 20, `a light ring around a dark middle: ${JSON.stringify(before)}`);
    const problems = await page.evaluate(() => window.problems.map(({ code, place }) => [code, place]));
    assert.equal(problems.length, 1);
    assert.equal(problems[0][0], "icon-origin");
    await page.evaluate(async () => {
      const lose = document.querySelector("canvas").getContext("webgl2").getExtension("WEBGL_lose_context");
      const restored = new Promise((resolve) => window.twin.on("contextrestored", resolve));
      lose.loseContext();
      setTimeout(() => lose.restoreContext(), 50);
      await restored;
      await window.twin.settled();
    });
    const again = await own();
    // The picture is made anew by the browser: its edge may fall a little otherwise.
    for (const part of ["light", "dark"]) assert.ok(Math.abs(again[part] - before[part]) <= 8, JSON.stringify({ before, again }));
  } finally {
    await close();
  }
});

test("by night badges are light and what is cut out of them is dark", async () => {
  const { page, close } = await open();
  try {
    const tram = async () => badge(page, (await page.evaluate(() => window.twin.shownLabels)).find(({ id }) => id === "made-up/bar"));
    const day = await tram();
    await page.evaluate(async () => {
      window.twin.setScene({ sun: { timeMs: Date.UTC(2026, 0, 15, 21) } });
      await window.twin.settled();
    });
    await page.waitForTimeout(500);
    await keepScreenshot(page, "icons-night");
    const night = await tram();
    assert.ok(day.dark > day.light && night.light > night.dark, JSON.stringify({ day, night }));
  } finally {
    await close();
  }
});
