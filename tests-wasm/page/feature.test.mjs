// Single features: styles, highlights, hiding, the outline, and what is under a pixel, through the npm package.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { PNG } from "pngjs";
import { here, keepScreenshot, openBrowser, openPage, serveFiles, target } from "../harness.mjs";
import { above, makeThings, pixel, pixelsPerM, things } from "./things.mjs";

const SIZE = { width: 400, height: 300 };
const SMALL = { width: 240, height: 180 };
const NEAR_M = 200;
/** From here the coarse level is drawn. */
const FAR_M = 600;

let server, browser, folder;
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "things-"));
  await makeThings(folder);
  server = await serveFiles({ "/citytwin/": path.join(target, "npm/citytwin/dist"), "/things/": folder, "/": path.join(here, "page/bare") });
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Opens the things from above; `window.twin` is what the page calls. */
async function open(look, options = {}) {
  const { page, complaints, close } = await openPage(browser, `${server.url}index.html`, { viewport: SIZE, ...options });
  try {
    await page.evaluate(async () => {
      const { CityTwin } = await import("/citytwin/index.js");
      window.twin = await CityTwin.create("#city", { twin: "/things/twin.json" });
      window.problems = [];
      twin.on("problem", (problem) => problems.push(problem));
      await twin.settled();
      window.drawn = async () => {
        await twin.settled();
        for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
      };
    });
    await look(page, complaints);
    assert.deepEqual(complaints, []);
  } finally {
    await close();
  }
}

/** The picture: `at(place, distanceM)` gives the colour of a place, `image` all of it. */
async function picture(page) {
  await page.evaluate(() => drawn());
  const image = PNG.sync.read(await page.locator("canvas").screenshot());
  const colour = (x, y) => [...image.data.subarray(4 * (Math.round(y) * image.width + Math.round(x)))].slice(0, 3);
  const ratio = image.width / SIZE.width;
  return { image, colour, at: (place, distanceM = NEAR_M, up) => colour(...pixel(place, SIZE, distanceM, up).map((px) => px * ratio)) };
}

const GROUND = [0, 0];

/** Asserts which channels of a colour are strong: "R" is red, "GB" cyan, "RGB" a light grey. */
function looks(colour, channels, what) {
  const strong = ["R", "G", "B"].filter((_, i) => colour[i] > 0.55 * Math.max(...colour)).join("");
  assert.ok(strong === channels && Math.max(...colour) > 60, `${what} looks like ${colour}, not ${channels}`);
}

const BY_HEIGHT = { color: { conditions: [
  ["${height} >= 25", "color('#ff0000')"], ["${height} >= 15", "color('#00ff00')"], ["${height} >= 5", "color('#0000ff')"]] } };
const id = (hit) => hit?.properties.id ?? null;
const pickAt = (page, places) => page.evaluate(async (places) => {
  const hits = await Promise.all(places.map(([x, y]) => twin.pick(x, y)));
  return hits.map((hit) => hit && { ...hit });
}, places);

test("a style colours every kind of feature, and the ground as it is", () =>
  open(async (page) => {
    const before = await page.evaluate(() => twin.stats().gpuBytes);
    const plain = await picture(page);
    looks(plain.at(things.squares.a.at), "RGB", "a without a style");
    await page.evaluate((style) => twin.setStyle("things", style), { ...BY_HEIGHT, pointSize: 16 });
    const styled = await picture(page);
    await keepScreenshot(page, "feature-style");
    const { squares, texture, stamps, dots } = things;
    const expected = { ...squares, ...texture, ...stamps, ...dots };
    for (const [name, { at, height }] of Object.entries(expected)) {
      looks(styled.at(at), { 10: "B", 20: "G", 30: "R" }[height], name);
    }
    assert.deepEqual(styled.at(GROUND, NEAR_M, 0), plain.at(GROUND, NEAR_M, 0));
    // Points are as wide as the style says: 16 pixels, and not 20.
    const [x, y] = pixel(dots.p2.at, SIZE, NEAR_M);
    looks(styled.colour(x + 6, y), "R", "within the point");
    looks(styled.colour(x + 10, y), "RGB", "beside the point");
    // Tiles that come later have the style too.
    await page.evaluate((view) => twin.setView(view), above(FAR_M));
    looks((await picture(page)).at(squares.b.at, FAR_M), "G", "b in the coarse level");
    assert.ok((await page.evaluate(() => twin.stats().gpuBytes)) > before);
    await page.evaluate(async ([style, view]) => { twin.setView(view); await twin.setStyle("things", style); }, [null, above(NEAR_M)]);
    const after = await picture(page);
    assert.deepEqual(after.at(squares.c.at), plain.at(squares.c.at));
    assert.deepEqual(await page.evaluate(() => problems), []);
  }));

test("a style that is set while tiles are on their way is on all of them", () =>
  open(async (page) => {
    for (const delayMs of [0, 100, 200, 400, 800]) {
      await page.evaluate(async ([style, delayMs]) => {
        const { CityTwin } = await import("/citytwin/index.js");
        twin.remove();
        // What has arrived waits for the next frame, which is late.
        const ask = window.requestAnimationFrame.bind(window);
        window.requestAnimationFrame = (callback) => setTimeout(() => ask(callback), 300);
        window.twin = await CityTwin.create("#city", { twin: "/things/twin.json" });
        await new Promise((done) => { setTimeout(done, delayMs); });
        await twin.setStyle("things", style);
        window.requestAnimationFrame = ask;
      }, [BY_HEIGHT, delayMs]);
      const { at } = await picture(page);
      for (const [name, { at: place, height }] of Object.entries(things.squares)) {
        looks(at(place), { 10: "B", 20: "G", 30: "R" }[height], `${name}, ${delayMs} ms after the start,`);
      }
    }
  }));

test("what a style does not show reveals what is behind, is not picked, and what it clears shines through", () =>
  open(async (page) => {
    const { squares, texture } = things;
    const ground = (await picture(page)).at(GROUND, NEAR_M, 0);
    await page.evaluate(() => twin.setStyle("things", {
      show: "${id} !== 'b' && ${id} !== 't0'",
      color: { conditions: [["${id} === 'a' || ${id} === 't1'", "rgba(255, 0, 0, 0.5)"]] },
    }));
    const { at } = await picture(page);
    for (const { at: place } of [squares.b, texture.t0]) {
      const seen = at(place);
      assert.ok(seen.every((value, i) => Math.abs(value - ground[i]) <= 3), `${seen} is not the ground's ${ground}`);
    }
    for (const [name, { at: place }] of [["a", squares.a], ["t1", texture.t1]]) {
      const [r, g, b] = at(place);
      assert.ok(r > 180 && g > 70 && g < 215 && b > 70 && b < 215, `${name} is half red over the ground: ${[r, g, b]}`);
    }
    const places = [squares.a, squares.b, squares.c, texture.t0, texture.t1].map(({ at }) => pixel(at, SIZE, NEAR_M));
    assert.deepEqual((await pickAt(page, places)).map(id), ["a", "g", "c", "g", "t1"]);
    // Hiding by id goes on top of a style.
    await page.evaluate(() => twin.hide(["c"]));
    assert.deepEqual((await pickAt(page, places)).map(id), ["a", "g", "g", "g", "t1"]);
    await page.evaluate(() => { twin.hide(null); return twin.setStyle("things", null); });
    assert.deepEqual((await pickAt(page, places)).map(id), ["a", "b", "c", "t0", "t1"]);
  }));

test("a style that is none changes nothing, and says where it is wrong", () =>
  open(async (page) => {
    const failed = await page.evaluate(async (style) => {
      const { CityTwinError } = await import("/citytwin/index.js");
      const failed = async (work) => work().then(() => "no error", (error) => [error instanceof CityTwinError && error.code, error.message]);
      await twin.setStyle("things", style);
      return [
        await failed(() => twin.setStyle("things", { color: { conditions: [["true", "rgb(1, 2"]] } })),
        await failed(() => twin.setStyle("things", "{ not json")),
        await failed(() => twin.setStyle("houses", { show: true })),
        // Overtaken, not refused.
        await Promise.all([failed(() => twin.setStyle("things", { show: false })), failed(() => twin.setStyle("things", style))]),
      ];
    }, JSON.stringify(BY_HEIGHT));
    assert.deepEqual(failed.map((error) => error[0]), ["style", "style", "layer", "no error"]);
    assert.match(failed[0][1], /color\.conditions\[0\]\[1\]: column \d+/);
    looks((await picture(page)).at(things.squares.c.at), "R", "c, still styled");
    // A feature without an answer keeps its look, and is told.
    await page.evaluate(() => twin.setStyle("things", { show: "${id} > 3" }));
    const told = await page.evaluate(async () => (await drawn(), problems).map(({ code, place }) => [code, place]));
    assert.ok(told.length > 0 && told.every(([code, place]) => code === "style-evaluation" && place.startsWith("show:")), JSON.stringify(told));
    looks((await picture(page)).at(things.squares.c.at), "RGB", "c, unstyled");
  }));

test("every kind of thing is picked, lines and points from near, and nothing beside the canvas", () =>
  open(async (page) => {
    const { squares, texture, stamps, dots, line } = things;
    const on = (thing) => pixel(thing.at, SIZE, NEAR_M);
    const middle = pixel([(line.from[0] + line.to[0]) / 2, line.from[1]], SIZE, NEAR_M);
    const moved = ([x, y], dx, dy) => [x + dx, y + dy];
    const expected = [
      [on(squares.a), "a"], [on(squares.c), "c"], [on(texture.t0), "t0"], [on(texture.t1), "t1"],
      [on(stamps.i0), "i0"], [on(stamps.i1), "i1"], [on(dots.p1), "p1"],
      [moved(on(dots.p2), 4, 1), "p2"], [moved(on(dots.p0), -14, 0), "g"],
      [middle, "line"], [moved(middle, 0, 4), "line"], [moved(middle, 3, -4), "line"], [moved(middle, 0, 14), "g"],
      [[-5, 20], null], [[20, 5000], null], [[SIZE.width, 20], null],
    ];
    // All at once: they are answered one after the other, each with its own.
    const hits = await pickAt(page, expected.map(([at]) => at));
    assert.deepEqual(hits.map(id), expected.map(([, name]) => name));
    const [a] = hits;
    assert.ok(Math.abs(a.heightM - 10) < 0.5 && a.layer === "things" && a.properties.height === 10, JSON.stringify(a));
    assert.ok(Math.abs(a.lat - (60.17 + 45 / 111_400)) < 2e-5, JSON.stringify(a));
  }));

test("a highlight holds across levels of detail and a lost context, with an outline of two pixels", () =>
  open(async (page) => {
    const { b } = things.squares;
    const before = await page.evaluate(() => twin.stats().gpuBytes);
    await page.evaluate(() => twin.highlight(["b", "no such thing"]));
    const near = await picture(page);
    await keepScreenshot(page, "feature-highlight");
    looks(near.at(b.at), "GB", "b");
    looks(near.at(things.squares.a.at), "RGB", "a");
    assertOutline(near, 2);
    await page.evaluate((view) => twin.setView(view), above(FAR_M));
    looks((await picture(page)).at(b.at, FAR_M), "GB", "b in the coarse level");
    await page.evaluate((view) => twin.setView(view), above(NEAR_M));
    const lost = await page.evaluate(async () => {
      const extension = twin.canvas.getContext("webgl2").getExtension("WEBGL_lose_context");
      const heard = (type) => new Promise((resolve) => twin.on(type, resolve));
      const lost = heard("contextlost");
      const waiting = twin.pick(100, 100);
      extension.loseContext();
      await lost;
      const hits = [await waiting, await twin.pick(100, 100)];
      const restored = heard("contextrestored");
      // The browser allows it only after everybody has heard of the loss.
      await new Promise((resolve) => setTimeout(resolve, 100));
      extension.restoreContext();
      await restored;
      return hits;
    });
    assert.equal(lost[1], null);
    const again = await picture(page);
    looks(again.at(b.at), "GB", "b after the loss");
    assertOutline(again, 2);
    await page.evaluate(() => twin.highlight(null));
    looks((await picture(page)).at(b.at), "RGB", "b in the end");
    const { gpuBytes } = await page.evaluate(() => twin.stats());
    assert.ok(gpuBytes <= before, `${gpuBytes} bytes, ${before} before the highlight`);
  }));

test("the outline is two CSS pixels wide on a dense screen, too", () =>
  open(async (page) => {
    await page.evaluate(() => twin.highlight(["b"]));
    assertOutline(await picture(page), 4, SMALL);
  }, { deviceScaleFactor: 2, viewport: SMALL }));

/** From the middle of b to its left: its own tint, then `width` pixels of the accent, then what is beside it. */
function assertOutline({ image, colour }, width, size = SIZE) {
  const ratio = image.width / size.width;
  const [x, y] = pixel(things.squares.b.at, size, NEAR_M).map((px) => px * ratio);
  const reach = Math.ceil(pixelsPerM(size, NEAR_M) * ratio * 12 + 4 * width);
  const row = Array.from({ length: reach }, (_, i) => colour(x - i, y));
  const accent = [11, 108, 255];
  // A pixel that is crossed by an edge counts in part: how far it is from its neighbour beyond towards the accent.
  const share = ([r]) => Math.min(1, Math.max(0, 1 - (r - accent[0]) / (200 - accent[0])));
  const full = row.filter((pixel) => pixel.every((value, i) => Math.abs(value - accent[i]) <= 12)).length;
  const first = row.findIndex((pixel) => pixel.every((value, i) => Math.abs(value - accent[i]) <= 40));
  const total = row.slice(first).map(share).reduce((sum, part) => sum + part, 0);
  assert.ok(full >= width - 1 && full <= width && Math.abs(total - width) <= 1.01, `${full} full pixels, ${total.toFixed(2)} in all, from ${JSON.stringify(row.slice(first - 2, first + width + 3))}`);
}
