// The examples, built from the packed package the way their readers would, under the strict Content-Security-Policy
// that `citytwin serve` sends. UPDATE_PICTURES=1 rewrites the pictures of docs/examples, and puts full ones into the build directory.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { LAPTOP, PATIENCE_MS, PHONE, dist, here, keepScreenshot, openBrowser, openPage, serve, settled, target } from "../harness.mjs";

const run = promisify(execFile);
const sources = path.join(here, "../pkg-examples");
const built = path.join(target, "examples");
const pictures = path.join(here, "../docs/examples");
/** Software rendering is slow: no more pixels than the pages need to look as on a laptop. */
const SMALL = { width: 1040, height: 600 };
/** The pictures that the project keeps are this small. */
const MOST_PICTURE_BYTES = 60_000;

let browser;
before(async () => { browser = await openBrowser(); });
after(() => browser?.close());

/** Opens an example as it is served; afterwards nobody may have complained. */
async function visit(name, look, options = {}) {
  const folder = path.join(built, name);
  const server = await serve(existsSync(path.join(folder, "dist/index.html")) ? path.join(folder, "dist") : folder);
  const { page, complaints, close } = await openPage(browser, server.url, { viewport: SMALL, ...options });
  try {
    await look(page);
    assert.deepEqual(complaints, []);
  } finally {
    await close();
    await server.stop();
  }
}

/** Whom the map names is seen. With UPDATE_PICTURES, keeps what a laptop and a phone show. */
async function picture(page, name) {
  const credit = page.getByText("© OpenStreetMap contributors").first();
  if (await page.locator("canvas[data-state]").count() > 0) await credit.click({ trial: true });
  if (!process.env.UPDATE_PICTURES) return;
  await page.setViewportSize(PHONE);
  await quiet(page);
  await keepScreenshot(page, `example-${name}-phone`);
  await page.setViewportSize(LAPTOP);
  await quiet(page);
  await keepScreenshot(page, `example-${name}`);
  await keepPicture(page, name);
}

/** Keeps what a command printed, as a terminal shows it. */
async function terminal(name, command, printed) {
  const context = await browser.newContext({ viewport: { width: 960, height: 600 } });
  const page = await context.newPage();
  await page.setContent('<body style="margin:0;background:#0f1720"><pre style="margin:24px;font:20px/1.5 monospace;color:#eaf0f5;white-space:pre-wrap">');
  await page.locator("pre").evaluate((pre, text) => { pre.textContent = text; }, `$ ${command}\n${printed}`);
  await keepPicture(page, name);
  await context.close();
}

async function keepPicture(page, name) {
  await mkdir(pictures, { recursive: true });
  for (let quality = 70; quality > 20; quality -= 10) {
    const jpeg = await page.screenshot({ type: "jpeg", quality, scale: "css" });
    const small = await reduced(page, jpeg, quality);
    if (small.length < MOST_PICTURE_BYTES) return writeFile(path.join(pictures, `${name}.jpg`), small);
  }
  throw new Error(`${name} cannot be made small enough`);
}

/** At half the size. */
async function reduced(page, jpeg, quality) {
  const blank = await page.context().newPage();
  try {
    const base64 = await blank.evaluate(async ([base64, quality]) => {
      const image = await createImageBitmap(await (await fetch(`data:image/jpeg;base64,${base64}`)).blob());
      const canvas = Object.assign(document.createElement("canvas"), { width: image.width / 2, height: image.height / 2 });
      const context = canvas.getContext("2d");
      context.imageSmoothingQuality = "high";
      context.drawImage(image, 0, 0, canvas.width, canvas.height);
      return canvas.toDataURL("image/jpeg", quality / 100).split(",")[1];
    }, [jpeg.toString("base64"), quality]);
    return Buffer.from(base64, "base64");
  } finally {
    await blank.close();
  }
}

/** Waits until the city, where there is one, is drawn at its present size. */
async function quiet(page) {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  if (await page.locator("canvas[data-state]").count() > 0) await drawn(page);
}

/** Waits until the city is drawn; a page may have other canvases. */
const drawn = (page) => page.locator('canvas[data-state="settled"]').waitFor();
const middle = (page, selector = "canvas") => page.locator(selector).first().click();
const triangles = (page) => page.evaluate(() => Number(document.querySelector("canvas").dataset.triangles));

/** Waits until an element looks different from a picture of it. */
async function changed(locator, before) {
  const deadline = Date.now() + PATIENCE_MS;
  while (before.equals(await locator.screenshot())) {
    assert.ok(Date.now() < deadline, "nothing has changed on the screen");
    await pause(200);
  }
}
const assets = async () =>
  (await readFile(path.join(dist, "twin/assets.ndjson"), "utf8")).split("\n").filter(Boolean).map((line) => JSON.parse(line));

test("each example says how it is started, and names every package that it uses, at one version", async () => {
  const entries = await readdir(sources, { withFileTypes: true });
  const versions = new Map();
  for (const { name } of entries.filter((entry) => entry.isDirectory() && entry.name !== "node_modules")) {
    const folder = path.join(sources, name);
    assert.match(await readFile(path.join(folder, "README.md"), "utf8"), /npm install/, name);
    const manifest = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8").catch(() => "{}"));
    const named = { ...manifest.dependencies, ...manifest.devDependencies };
    for (const [wanted, version] of Object.entries(named)) {
      assert.match(version, /^\d+\.\d+\.\d+$/, `${name} does not pin ${wanted}`);
      assert.equal(versions.get(wanted) ?? version, version, `${wanted} has two versions`);
      versions.set(wanted, version);
    }
    const files = (await readdir(folder, { recursive: true })).filter((file) => /\.(m?js|tsx?|vue)$/.test(file));
    for (const file of files) {
      const source = await readFile(path.join(folder, file), "utf8");
      for (const [, from] of source.matchAll(/(?:from|import) "([^"]+)"/g)) {
        const wanted = /^(?:\.\/node_modules\/)?(@[\w-]+\/[\w-]+|[\w-]+)/.exec(from)?.[1];
        if (wanted === undefined || from.startsWith("node:") || wanted === "citytwin") continue;
        assert.ok(wanted in named, `${name}/${file} imports ${wanted}, which its package.json does not name`);
      }
    }
  }
});

test("the ten-line page shows the city", () =>
  visit("minimal-html", async (page) => {
    assert.ok((await settled(page)).triangles > 10_000);
    await picture(page, "minimal-html");
  }));

test("the Vite project colours houses by height, switches layers, and tells what is clicked", () =>
  visit("vite-ts", async (page) => {
    await settled(page);
    const all = await triangles(page);
    const coloured = await page.locator("canvas").screenshot();
    await page.getByLabel("Colour buildings by height").uncheck();
    await page.waitForFunction(() => document.querySelector("#legend").hidden);
    await changed(page.locator("canvas"), coloured);
    await page.getByLabel("Colour buildings by height").check();
    await page.waitForFunction(() => !document.querySelector("#legend").hidden);
    await page.getByLabel("Buildings", { exact: true }).uncheck();
    await page.waitForFunction((all) => Number(document.querySelector("canvas").dataset.triangles) < all, all);
    await page.getByLabel("Buildings", { exact: true }).check();
    await page.waitForFunction((all) => Number(document.querySelector("canvas").dataset.triangles) >= all, all);
    await middle(page);
    await page.locator("#thing h2").waitFor();
    assert.match(await page.locator("#thing p").innerText(), /° N/);
    await picture(page, "vite-ts");
  }));

test("the React app finds a place, flies there, and names what is clicked", () =>
  visit("react", async (page) => {
    await settled(page);
    await page.getByLabel("Find a place").fill("kiasma");
    await page.getByRole("button", { name: "Museum of Modern Art Kiasma" }).first().click();
    await page.getByText("Flown to Museum of Modern Art Kiasma").waitFor();
    await quiet(page);
    await middle(page);
    await page.getByText("Chosen: Museum of Modern Art Kiasma").waitFor();
    assert.equal(await page.locator("canvas").count(), 1, "strict mode mounts twice and must leave one city");
    await picture(page, "react");
  }));

test("the Vue app moves the sun, and names what is clicked", () =>
  visit("vue", async (page) => {
    await settled(page);
    const morning = await page.locator("canvas").screenshot();
    await page.locator("#time").fill(String(20 * 60));
    await page.getByText("21 June, 20:00").waitFor();
    await changed(page.locator("canvas"), morning);
    await middle(page);
    await page.waitForFunction(() => document.querySelector("aside p").textContent !== "Click anything");
    await picture(page, "vue");
  }));

/** Middle of the MapLibre example's plan: what its address says. */
const planView = async (page) => {
  const [zoom, lat, lon, bearing = 0] = new URL(page.url()).hash.slice(1).split("/").map(Number);
  return { zoom, lat, lon, bearing };
};

test("plan and city of the MapLibre example move together, and mark the same house", () =>
  visit("maplibre", async (page) => {
    await page.waitForFunction(() => document.documentElement.dataset.linked);
    await drawn(page);
    const city = page.locator("#city canvas");
    const [plan, before] = [page.locator("#map"), await city.screenshot()];
    const drag = async (target, dx, dy) => {
      const { x, y, width, height } = await target.boundingBox();
      await page.mouse.move(x + width / 2, y + height / 2);
      await page.mouse.down();
      await page.mouse.move(x + width / 2 + dx / 2, y + height / 2 + dy / 2, { steps: 4 });
      await page.mouse.move(x + width / 2 + dx, y + height / 2 + dy, { steps: 4 });
      await page.waitForTimeout(200);
      await page.mouse.up();
    };
    const moved = async (move) => {
      const { hash } = new URL(page.url());
      await move();
      await page.waitForFunction((hash) => location.hash !== hash, hash);
      await drawn(page);
    };
    // The plan leads.
    await moved(() => drag(plan, -80, 60));
    await changed(city, before);
    // The city leads: dragged to the left, both look further to the right.
    const start = await planView(page);
    await moved(() => drag(city, -120, 0));
    const end = await planView(page);
    const turn = (start.bearing * Math.PI) / 180;
    const eastM = (end.lon - start.lon) * 111_320 * Math.cos((start.lat * Math.PI) / 180);
    const northM = (end.lat - start.lat) * 111_320;
    assert.ok(eastM * Math.cos(turn) - northM * Math.sin(turn) > 20, JSON.stringify({ start, end }));
    // One place in the middle of both, and one house.
    const { lon, lat } = (await assets()).find(({ name }) => name === "Ateneum");
    await page.evaluate(([lat, lon]) => { location.hash = `#17/${lat}/${lon}`; }, [lat, lon]);
    await page.waitForFunction(() => !document.querySelector("#thing").textContent.includes("Ateneum"));
    await quiet(page);
    await city.click();
    await page.locator("#thing").filter({ hasText: "Ateneum" }).waitFor();
    await page.mouse.click(2, 2);
    await page.waitForFunction(() => !document.querySelector("#thing").textContent.includes("Ateneum"));
    await plan.click();
    await page.locator("#thing").filter({ hasText: "Ateneum" }).waitFor();
    await page.evaluate(() => { location.hash = "#14.9/60.1699/24.9448/-25"; });
    await quiet(page);
    await picture(page, "maplibre");
  }, { viewport: { width: 700, height: 420 } }));

test("the portal counts what the twin publishes, and charts and city answer each other", () =>
  visit("echarts-portal", async (page) => {
    await page.waitForFunction(() => document.documentElement.dataset.ready);
    await drawn(page);
    const all = await assets();
    const { GROUPS, KPIS } = await import(path.join(sources, "echarts-portal/groups.js"));
    for (const { id, categories } of KPIS) {
      const count = categories ? all.filter(({ category }) => categories.includes(category)).length : all.length;
      const shown = await page.locator(`[data-kpi="${id}"]`).evaluate((element) => element.firstChild.textContent);
      assert.equal(shown, count.toLocaleString("zh-CN"), id);
    }
    assert.equal(await page.title(), "赫尔辛基数字孪生城市");
    // A bar: the longest one, on top.
    const counted = GROUPS.map(({ title, categories }) => ({ title, count: all.filter(({ category }) => categories.includes(category)).length }));
    const [most] = counted.sort((a, b) => b.count - a.count);
    const chart = await page.locator("#groups").boundingBox();
    await page.mouse.click(chart.x + chart.width / 2, chart.y + chart.height / 16);
    await page.locator("#list-title").filter({ hasText: `${most.title} ${most.count}` }).waitFor();
    assert.equal(await page.locator(".citytwin-marker").count(), most.count);
    if (process.env.UPDATE_PICTURES) await keepScreenshot(page, "example-echarts-portal-marked");
    // A house.
    await page.locator("#city canvas").click();
    await page.locator("#list-title").filter({ hasText: "附近" }).waitFor();
    await page.locator("#chosen strong").waitFor();
    await picture(page, "echarts-portal");
  }, { viewport: LAPTOP }));

test("the search alone finds and counts, and loads nothing of the 3D view", () =>
  visit("search-only", async (page) => {
    const requested = [];
    page.on("request", (request) => requested.push(request.url()));
    await page.reload();
    const all = await assets();
    await page.getByText(`${all.length.toLocaleString("en")} things can be found`).waitFor();
    await page.getByLabel("Search").fill("finnish natinal theatre");
    await page.locator("li", { hasText: "Kansallisteatteri" }).first().waitFor();
    await page.getByLabel("Search").fill("esplanadi");
    await page.locator("mark").first().waitFor();
    assert.match(await page.locator("#state").innerText(), /found in \d+ ms/);
    const engine = requested.filter((url) => /citytwin_bg|decode|\.glb/.test(url));
    assert.deepEqual(engine, []);
    await picture(page, "search-only");
  }));

test("the positioning alone follows a walk, and loads nothing of the 3D view", () =>
  visit("positioning-only", async (page) => {
    const requested = [];
    page.on("request", (request) => requested.push(request.url()));
    await page.reload();
    await page.locator("#speed").selectOption("40");
    await page.locator("body[data-done=yes]").waitFor();
    assert.match(await page.locator("#place").innerText(), /floor 2/);
    const engine = requested.filter((url) => /citytwin_bg|decode|\.glb/.test(url));
    assert.deepEqual(engine, []);
    await picture(page, "positioning-only");
  }));

test("Node searches the index's files", async () => {
  const folder = path.join(built, "node");
  const find = (...words) => run(process.execPath, ["find.mjs", "twin/search/search.bin", ...words], { cwd: folder });
  const { stdout } = await find("finnish", "natinal", "theatre");
  assert.match(stdout.split("\n")[0], /Finnish National Theatre|Kansallisteatteri/);
  if (process.env.UPDATE_PICTURES) await terminal("node", "node find.mjs twin/search/search.bin finnish natinal theatre", stdout);
  const gone = await run(process.execPath, ["find.mjs", "nowhere/search.bin", "x"], { cwd: folder }).catch((error) => error);
  assert.match(gone.stderr, /nowhere/);
  assert.equal(gone.code, 1);
});

test("the pictures of the examples are there, small, and named by the page that lists them", async () => {
  const page = await readFile(path.join(sources, "index.html"), "utf8");
  for (const [, name] of page.matchAll(/\.\.\/docs\/examples\/([\w-]+)\.jpg/g)) {
    const { length } = await readFile(path.join(pictures, `${name}.jpg`));
    assert.ok(length < MOST_PICTURE_BYTES, `${name}: ${length}`);
  }
  const folders = (await readdir(sources, { withFileTypes: true })).filter((entry) => entry.isDirectory() && entry.name !== "node_modules");
  for (const { name } of folders) assert.ok(page.includes(`href="${name}/`), `pkg-examples/index.html does not name ${name}`);
});
