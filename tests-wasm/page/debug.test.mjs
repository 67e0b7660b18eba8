// What developers see over the city: boxes, numbers, a graph; and that nothing of it stays.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pixelmatch from "pixelmatch";
import { PNG } from "pngjs";
import { keepScreenshot, openBrowser, openPage } from "../harness.mjs";
import { above, cityServer } from "./city-server.mjs";

/** As in `viewer/src/debug.rs`. */
const DRAWN = [0, 158, 115];
const LEVEL_3 = [46, 114, 140];

let server, browser;
before(async () => {
  server = await cityServer({ depth: 3 });
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A settled city on a page. */
async function visit(work) {
  const { page, complaints, close } = await openPage(browser, server.url, { viewport: { width: 700, height: 440 } });
  try {
    await page.evaluate(async (view) => {
      Object.assign(document.querySelector("#city").style, { width: "640px", height: "400px" });
      const { CityTwin } = await import("/citytwin/index.js");
      window.twin = await CityTwin.create("#city", { twin: "/twin/twin.json", maxErrorPx: 16 });
      twin.setView(view);
      await twin.settled();
    }, { ...above(0, 0, 900), pitchDeg: -50 });
    await work(page);
    assert.deepEqual(complaints, []);
  } finally {
    await close();
  }
}

/** The picture of a scene once nothing moves any more. */
async function picture(page, debug = {}) {
  await page.evaluate(async (debug) => {
    const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    twin.setScene({ debug });
    await drawn();
    await twin.settled();
    await drawn();
  }, debug);
  return PNG.sync.read(await page.locator("#city canvas").first().screenshot());
}

const panels = (page) => page.locator(".citytwin-debug").count();
const panelText = (page) => page.locator(".citytwin-debug").innerText();

/** How many pixels left of the panel have a colour, about: they are blended with what is below them. */
function coloured({ data, width, height }, color) {
  let count = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width / 2; x++) {
      const at = (y * width + x) * 4;
      count += color.every((value, c) => Math.abs(data[at + c] - value) < 24);
    }
  }
  return count;
}

test("boxes of tiles have the colours of the legend, and the picture is as before without them", () =>
  visit(async (page) => {
    const bare = await picture(page);
    assert.equal(await panels(page), 0);
    const none = [DRAWN, LEVEL_3].map((color) => coloured(bare, color));
    const state = await picture(page, { boxes: "state" });
    await keepScreenshot(page, "debug-state");
    assert.match(await panelText(page), /drawn\s+loaded, not drawn\s+requested\s+failed/);
    assert.ok(coloured(state, DRAWN) > none[0] + 150, `${coloured(state, DRAWN)} after ${none[0]}`);
    const level = await picture(page, { boxes: "level" });
    assert.match(await panelText(page), /level 0/);
    assert.ok(coloured(level, LEVEL_3) > none[1] + 150, `${coloured(level, LEVEL_3)} after ${none[1]}`);
    assert.ok(coloured(level, DRAWN) < none[0] + 20);
    await picture(page, { boxes: "error" });
    assert.match(await panelText(page), /as allowed/);
    const off = await picture(page, { boxes: "off" });
    assert.equal(await panels(page), 0);
    assert.equal(pixelmatch(bare.data, off.data, undefined, bare.width, bare.height, { threshold: 0 }), 0);
  }));

test("the panel has the numbers of the statistics, a graph, and goes with the viewer", () =>
  visit(async (page) => {
    await picture(page, { statistics: true, frameGraph: true });
    await page.waitForFunction(() => {
      const text = document.querySelector(".citytwin-debug").textContent;
      const stats = twin.stats();
      const whole = [stats.tilesVisible, stats.trianglesVisible, stats.featuresVisible].map((n) => n.toLocaleString("en"));
      const mb = [stats.bytesDownloaded, stats.gpuBytes, stats.heapBytes].map((n) => `${(n / 1e6).toFixed(1)} MB`);
      const rest = [`${stats.effectiveErrorPx.toFixed(1)} px`, `${stats.requestsActive}`];
      const rows = text.trim().split("\n").map((row) => row.replace(/^.{14} */, ""));
      return [...whole, rest[1], ...mb, rest[0]].every((value, i) => rows[i] === value);
    });
    const graph = await page.evaluate(() => {
      const canvas = document.querySelector(".citytwin-debug canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const colors = new Set();
      for (let i = 0; i < data.length; i += 4) colors.add(data.subarray(i, i + 3).join());
      return { panel: canvas.parentElement.getBoundingClientRect().toJSON(), canvas: twin.canvas.getBoundingClientRect().toJSON(), colors: [...colors],
        hidden: canvas.parentElement.getAttribute("aria-hidden"), events: getComputedStyle(canvas.parentElement).pointerEvents };
    });
    await keepScreenshot(page, "debug-panel");
    assert.ok(graph.colors.length > 2 && ["0,158,115", "240,228,66", "213,94,0"].some((color) => graph.colors.includes(color)), graph.colors.join(" "));
    assert.ok(Math.abs(graph.canvas.right - 8 - graph.panel.right) < 1 && Math.abs(graph.canvas.top + 8 - graph.panel.top) < 1, JSON.stringify(graph));
    assert.deepEqual([graph.hidden, graph.events], ["true", "none"]);
    // A click goes through to the city.
    const hit = await page.evaluate(({ x, y }) => document.elementFromPoint(x + 5, y + 5) === twin.canvas, graph.panel);
    assert.ok(hit);
    await picture(page, { statistics: false });
    assert.doesNotMatch(await panelText(page), /triangles/);
    await page.evaluate(() => twin.setScene({ debug: { statistics: true } }));
    assert.equal(await panels(page), 1);
    await page.evaluate(() => twin.remove());
    assert.equal(await panels(page), 0);
  }));

test("the overlay comes back with the graphics, and a panel at rest asks for no frames", () =>
  visit(async (page) => {
    const before = await picture(page, { boxes: "level", statistics: true });
    await page.evaluate(() => {
      window.loss = twin.canvas.getContext("webgl2").getExtension("WEBGL_lose_context");
      loss.loseContext();
    });
    await page.waitForFunction(() => twin.canvas.dataset.state === "lost");
    await page.evaluate(() => loss.restoreContext());
    await page.waitForFunction(() => twin.canvas.dataset.state === "settled");
    const again = await picture(page);
    assert.ok(Math.abs(coloured(again, LEVEL_3) - coloured(before, LEVEL_3)) < 20);
    const frames = await page.evaluate(async () => {
      const wait = (ms) => new Promise((done) => setTimeout(done, ms));
      await wait(600);
      const real = window.requestAnimationFrame;
      let asked = 0;
      window.requestAnimationFrame = (call) => { asked++; return real.call(window, call); };
      await wait(800);
      return asked;
    });
    assert.equal(frames, 0);
  }));
