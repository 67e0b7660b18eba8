// The npm package's interface, from a page under a strict Content-Security-Policy.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PNG } from "pngjs";
import { keepScreenshot, openBrowser, openPage } from "../harness.mjs";
import { PACKAGE, portal, TWIN } from "./portal.mjs";

/** Features that were drawn by somebody who means no good. */
const HOSTILE = {
  type: "FeatureCollection",
  features: [{
    type: "Feature", id: "evil", properties: { name: "<img src=x onerror=document.title='hacked'>", "__proto__": "x", height: 60 },
    geometry: { type: "Polygon", coordinates: [[[24.9430, 60.1710], [24.9440, 60.1710], [24.9440, 60.1715], [24.9430, 60.1715], [24.9430, 60.1710]]] },
  }],
};

let server, browser;
before(async () => {
  const mounts = { "/citytwin/": PACKAGE, "/twin/": TWIN, "/own/hostile.geojson": JSON.stringify(HOSTILE) };
  server = await portal({ mounts });
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Opens a page with the package loaded, and a function that makes twins. */
async function visit(look, { quiet = true, ...options } = {}) {
  const { page, complaints, close } = await openPage(browser, server.page, { viewport: { width: 800, height: 600 }, ...options });
  try {
    await page.evaluate(async () => {
      Object.assign(window, await import("/citytwin/index.js"));
      window.twinOf = (options) => CityTwin.create("#city", { twin: "/twin/twin.json", ...options });
      window.codeOf = async (work) => {
        try {
          await work();
          return "no error";
        } catch (error) {
          return error instanceof CityTwinError && error.message ? error.code : `not ours: ${error}`;
        }
      };
      window.messageOf = async (work) => {
        try {
          return String(await work());
        } catch (error) {
          return error.message;
        }
      };
    });
    await look(page, complaints);
    if (quiet) assert.deepEqual(complaints, []);
  } finally {
    await close();
  }
}

test("an option that is unknown or out of range is named with what is known", () =>
  visit(async (page) => {
    const said = await page.evaluate(async () => {
      const twin = await twinOf();
      const messages = {};
      for (const [name, work] of Object.entries({
        unknown: () => twinOf({ maxErrorPixels: 3 }),
        range: () => twinOf({ maxErrorPx: 0 }),
        both: () => twinOf({ tilesets: ["a.json"] }),
        neither: () => CityTwin.create("#city", {}),
        event: () => twin.on("clicked", () => {}),
        flight: () => twin.flyTo({ ...twin.view, durationMs: -1 }),
        view: () => twin.flyTo({ ...twin.view, lat: 100 }),
        tileset: () => twin.addTileset("x.json", { theme: "roads" }),
        picture: () => twin.screenshot({ type: "image/bmp" }),
        layer: () => twin.removeLayer("nothing"),
        marker: () => twin.addMarkers({ lon: 24.9, lat: 60.1, html: "<b>x</b>" }),
        markerPlace: () => twin.addMarkers({ lon: 24.9, lat: 160.1 }),
        markerContent: () => twin.addMarkers({ lon: 24.9, lat: 60.1, content: 7 }),
        geoJson: () => twin.addGeoJson("x", { type: "Point", coordinates: [24, 60] }, { colour: "red" }),
        headers: () => twinOf({ headers: { "no good": "x" } }),
      })) {
        messages[name] = `${await codeOf(work)}: ${await messageOf(work)}`;
      }
      twin.remove();
      return messages;
    });
    assert.match(said.unknown, /^option: .*"maxErrorPixels".*knows twin, tilesets, view, maxErrorPx, cacheBytes, locale/);
    assert.match(said.range, /^option: .*"maxErrorPx" must be a number above 0/);
    assert.match(said.both, /^option: .*either "twin" or "tilesets"/);
    assert.match(said.neither, /^option: .*either "twin" or "tilesets"/);
    assert.match(said.event, /^option: .*"clicked"; there are click, hover, view,.*contextlost/);
    assert.match(said.flight, /^option: .*"durationMs" must be/);
    assert.match(said.view, /^view: /);
    assert.match(said.tileset, /^option: .*"theme" must be "ground", "transport"/);
    assert.match(said.picture, /^option: .*"image\/png"/);
    assert.match(said.layer, /^layer: .*"nothing"; there is ground, transport, buildings, furniture/);
    assert.match(said.marker, /^option: .*"html".*content, label, popup/);
    assert.match(said.markerPlace, /^option: .*"lat" must be/);
    assert.match(said.markerContent, /^option: .*"content" must be a text or a DOM node/);
    assert.match(said.geoJson, /^option: .*"colour"/);
    assert.match(said.headers, /^option: .*"headers" cannot be sent/);
  }));

test("an argument of a wrong type is refused in words, and the city goes on", () =>
  visit(async (page) => {
    const said = await page.evaluate(async () => {
      const twin = await twinOf();
      const round = {}; round.round = round;
      const messages = {};
      for (const [name, work] of Object.entries({
        locale: () => twin.setLocale(undefined),
        scene: () => twin.setScene(undefined),
        sceneRound: () => twin.setScene(round),
        view: () => twin.setView("Helsinki"),
        padding: () => twin.setPadding(7),
        style: () => twin.setStyle({ color: "color('red')" }),
        styleNumber: () => twin.setStyle("buildings", 7),
        highlight: () => twin.highlight([7, null]),
        hide: () => twin.hide("way/7"),
        visible: () => twin.setLayerVisible({}, true),
        tileset: () => twin.addTileset("x.json", { id: 7 }),
        geoJson: () => twin.addGeoJson(7, { type: "Point", coordinates: [24, 60] }),
        raster: () => twin.addRaster(undefined),
      })) {
        messages[name] = `${await codeOf(work)}: ${await messageOf(work)}`;
      }
      await twin.pick("left", undefined);
      await twin.settled();
      const { trianglesVisible } = twin.stats();
      twin.remove();
      return { ...messages, trianglesVisible };
    });
    assert.equal(said.locale, "option: setLocale takes a string.");
    assert.equal(said.scene, "scene: setScene takes an object.");
    assert.match(said.sceneRound, /^scene: setScene: .*JSON/);
    assert.match(said.view, /^view: /);
    assert.match(said.padding, /^padding: /);
    assert.match(said.style, /^layer: .*there is ground, transport, buildings, furniture/);
    assert.equal(said.styleNumber, "style: setStyle takes an object.");
    assert.equal(said.highlight, "option: highlight takes a list, and in it each a string.");
    assert.equal(said.hide, "option: hide takes a list.");
    assert.match(said.visible, /^layer: /);
    assert.match(said.tileset, /^option: .*"id" must be a string/);
    assert.equal(said.geoJson, "layer: The id of a layer must be a string.");
    assert.equal(said.raster, "raster: addRaster takes an object.");
    assert.ok(said.trianglesVisible > 1000);
  }));

test("stats have their fields, and a screenshot shows what the canvas shows", () =>
  visit(async (page) => {
    const seen = await page.evaluate(async () => {
      const twin = await twinOf({ locale: "zh-CN" });
      await twin.settled();
      const stats = twin.stats();
      const bytes = new Uint8Array(await (await twin.screenshot()).arrayBuffer());
      const jpeg = await twin.screenshot({ type: "image/jpeg", quality: 0.5 });
      const named = [twin.canvas.getAttribute("aria-label"), twin.canvas.textContent, twin.locale];
      twin.remove();
      return { stats, png: [...bytes], jpeg: jpeg.type, named };
    });
    assert.deepEqual(Object.keys(seen.stats).sort(), [
      "bytesDownloaded", "effectiveErrorPx", "featuresVisible", "frameCpuMs", "gpuBytes", "heapBytes", "requestsActive",
      "tilesVisible", "trianglesVisible",
    ]);
    assert.deepEqual(Object.keys(seen.stats.frameCpuMs), ["p50", "p95"]);
    assert.ok(seen.stats.tilesVisible > 0 && seen.stats.gpuBytes > 0);
    const { width, height, data } = PNG.sync.read(Buffer.from(seen.png));
    assert.deepEqual([width, height, seen.jpeg], [400, 300, "image/jpeg"]);
    const colours = new Set();
    for (let i = 0; i < data.length; i += 4) colours.add(data.readUInt32LE(i));
    assert.ok(colours.size > 100, `${colours.size} colours`);
    assert.match(seen.named[0], /三维地图/);
    assert.equal(seen.named[1], seen.named[0]);
    assert.equal(seen.named[2], "zh-CN");
  }));

test("a flight is over when its promise is, and a signal stops it", () =>
  visit(async (page) => {
    const seen = await page.evaluate(async () => {
      const twin = await twinOf();
      const to = { lon: 24.9438, lat: 60.1724, heightM: 0, distanceM: 400, headingDeg: 90, pitchDeg: -60 };
      await twin.flyTo({ ...to, durationMs: 100 });
      const there = twin.view;
      await twin.flyTo({ ...to, durationMs: 100 });
      const controller = new AbortController();
      const stopped = twin.flyTo({ ...to, distanceM: 2000, durationMs: 60_000, signal: controller.signal }).then(() => "no", (error) => error.name);
      await new Promise(requestAnimationFrame);
      controller.abort();
      const name = await stopped;
      await twin.settled();
      const after = twin.view.distanceM;
      const aborted = await twin.settled({ signal: AbortSignal.abort() }).catch((error) => error.name);
      const heard = [];
      const ears = new AbortController();
      twin.on("viewrest", () => heard.push("a"), { signal: ears.signal });
      await twin.flyTo({ ...to, durationMs: 50 });
      await twin.settled();
      ears.abort();
      await twin.flyTo({ ...to, distanceM: 500, durationMs: 50 });
      await twin.settled();
      twin.remove();
      const given = await CityTwin.create("#city", { twin: "/twin/twin.json", signal: AbortSignal.abort() }).catch((error) => error.name);
      return { there, to, name, after, aborted, heard: heard.length, given, left: document.querySelectorAll("canvas").length };
    });
    assert.ok(Math.abs(seen.there.distanceM - 400) < 1 && Math.abs(seen.there.headingDeg - 90) < 0.1, JSON.stringify(seen.there));
    assert.equal(seen.name, "AbortError");
    assert.ok(seen.after < 1900, `${seen.after}`);
    assert.deepEqual([seen.aborted, seen.heard, seen.given, seen.left], ["AbortError", 1, "AbortError", 0]);
  }, { reducedMotion: "no-preference" }));

test("tilesets are shown without a twin, and layers come and go", () =>
  visit(async (page) => {
    const seen = await page.evaluate(async () => {
      const twin = await CityTwin.create("#city", { tilesets: ["/twin/buildings/tileset.json"] });
      await twin.settled();
      const first = { view: twin.view, triangles: twin.stats().trianglesVisible, layers: twin.layers.map(({ id }) => id) };
      const hit = await twin.pick(200, 150);
      const id = twin.addTileset(new URL("/twin/ground/tileset.json", location.href), { title: "Ground", theme: "ground" });
      await twin.settled();
      const more = twin.stats().trianglesVisible;
      const twice = await codeOf(() => twin.addTileset("/twin/ground/tileset.json", { id }));
      twin.removeLayer(id);
      await twin.settled();
      const fewer = twin.stats().trianglesVisible;
      const layers = twin.layers;
      twin.remove();
      return { first, hit, id, more, fewer, twice, layers };
    });
    assert.deepEqual(seen.first.layers, ["tileset-1"]);
    assert.ok(Math.abs(seen.first.view.lon - 24.94) < 0.1 && Math.abs(seen.first.view.lat - 60.17) < 0.1, JSON.stringify(seen.first));
    assert.ok(seen.first.triangles > 0 && seen.more > seen.first.triangles && seen.fewer === seen.first.triangles, JSON.stringify(seen));
    assert.deepEqual([seen.id, seen.twice], ["tileset-2", "layer"]);
    assert.deepEqual(seen.layers, [{ id: "tileset-1", title: { en: "tileset-1" }, theme: "other", visible: true }]);
  }));

test("GeoJSON is drawn, picked, styled, highlighted and removed, and its names are text", () =>
  visit(async (page) => {
    const seen = await page.evaluate(async () => {
      const view = { lon: 24.9435, lat: 60.17125, heightM: 0, distanceM: 300, pitchDeg: -90 };
      const twin = window.twin = await twinOf({ view });
      const before = new Uint8Array(await (await twin.screenshot()).arrayBuffer()).length;
      const report = await twin.addGeoJson("plans", "/own/hostile.geojson", { extrudeM: "${height} / 2", color: "color('#ff00ff')" });
      await twin.settled();
      const hit = await twin.pick(200, 150);
      const popup = twin.openPopup(hit, hit.properties.name);
      await new Promise(requestAnimationFrame);
      const said = popup.element.textContent;
      const layers = twin.layers.map(({ id }) => id);
      twin.highlight(["evil"]);
      await twin.setStyle("plans", { color: "color('#00ffff')" });
      await twin.settled();
      return { before, report, hit, said, layers, images: document.querySelectorAll("img").length, title: document.title };
    });
    await keepScreenshot(page, "sdk-geojson");
    assert.deepEqual(seen.report.problems, []);
    assert.equal(seen.report.shown, 1);
    assert.equal(seen.hit.layer, "plans");
    assert.equal(seen.hit.properties.id, "evil");
    assert.ok(Math.abs(seen.hit.heightM - 30) < 0.5, JSON.stringify(seen.hit));
    assert.match(seen.said, /^<img src=x onerror=/);
    assert.deepEqual([seen.images, seen.title], [0, "A portal"]);
    const colour = await page.evaluate(async () => {
      twin.highlight(null);
      await twin.settled();
      const bitmap = await createImageBitmap(await twin.screenshot());
      const context = new OffscreenCanvas(1, 1).getContext("2d");
      context.drawImage(bitmap, -180, -130);
      return [...context.getImageData(0, 0, 1, 1).data];
    });
    assert.ok(colour[2] > colour[0] + 60 && colour[1] > colour[0] + 60, `cyan, not ${colour}`);
    const rest = await page.evaluate(async () => {
      twin.removeLayer("plans");
      await twin.settled();
      const hit = await twin.pick(200, 150);
      const again = await twin.addGeoJson("plans", { type: "Point", coordinates: [24.9435, 60.17125, 80] }, { pointPx: 60 });
      await twin.settled();
      const point = await twin.pick(200, 150);
      return { layer: hit?.layer, again, point: point?.layer };
    });
    assert.notEqual(rest.layer, "plans");
    assert.deepEqual(rest.again, { shown: 1, leftOut: 0, problems: [], bbox: [24.9435, 60.17125, 24.9435, 60.17125] });
    assert.equal(rest.point, "plans");
  }));

test("GeoJSON comes as bytes, blob, stream or object, and what is none is refused", () =>
  visit(async (page) => {
    const seen = await page.evaluate(async () => {
      const twin = await twinOf();
      const point = { type: "Point", coordinates: [24.9435, 60.17125] };
      const text = JSON.stringify(point);
      const bytes = () => new TextEncoder().encode(text);
      const shown = [];
      for (const source of [bytes(), bytes().buffer, new Blob([text]), new Blob([text]).stream(), point, new URL("/own/hostile.geojson", location.href)]) {
        shown.push((await twin.addGeoJson(`layer ${shown.length}`, source)).shown);
      }
      const problems = [];
      twin.on("problem", (problem) => problems.push(problem.code));
      const mixed = await twin.addGeoJson("mixed", { type: "FeatureCollection", features: [
        { type: "Feature", properties: {}, geometry: point },
        { type: "Feature", properties: {}, geometry: { type: "Point", coordinates: [NaN, 60] } },
        { type: "Feature", properties: {}, geometry: { type: "Point", coordinates: [1e9, 60] } },
      ] });
      const codes = [];
      const refused = async (...args) => codes.push(await codeOf(() => twin.addGeoJson("bad", ...args)));
      await refused("/own/nowhere.geojson");
      await refused(new Blob(["{"]));
      await refused({ type: "Topology" });
      await refused({ now: 10n });
      await refused({ run() {} });
      await refused(7);
      await refused(point, { extrudeM: "${" });
      await refused(point, { color: "colour(" });
      await refused(point, { pointPx: 1000 });
      const name = await twin.addGeoJson("bad", point, {}, { signal: AbortSignal.abort() }).catch((error) => error.name);
      const layers = twin.layers.map(({ id }) => id).filter((id) => id === "bad");
      const both = await Promise.all([codeOf(() => twin.addGeoJson("same", point)), codeOf(() => twin.addGeoJson("same", point))]);
      const waiting = codeOf(() => twin.addGeoJson("late", point));
      twin.remove();
      return { shown, mixed, problems, codes, name, layers, both, late: await waiting };
    });
    assert.deepEqual(seen.shown, [1, 1, 1, 1, 1, 1]);
    assert.deepEqual([seen.mixed.shown, seen.mixed.leftOut], [1, 2]);
    assert.deepEqual(seen.problems.sort(), ["coordinates-malformed", "coordinates-out-of-range"]);
    assert.deepEqual(seen.codes, ["geojson", "geojson", "geojson", "geojson", "geojson", "option", "style", "style", "option"]);
    assert.deepEqual([seen.name, seen.layers, seen.late], ["AbortError", [], "removed"]);
    assert.deepEqual(seen.both.sort(), ["layer", "no error"]);
  }, { quiet: false }));

test("markers keep to their places, hide beyond the horizon, and open popups by keyboard", () =>
  visit(async (page) => {
    await page.evaluate(async () => {
      const view = { lon: 24.9435, lat: 60.17125, heightM: 0, distanceM: 500, pitchDeg: -45 };
      const twin = window.twin = await twinOf({ view });
      const icon = document.createElement("b");
      icon.textContent = "★";
      window.markers = twin.addMarkers(
        { lon: 24.9435, lat: 60.17125, content: "<i>Tori</i>", popup: "Opens at 7" },
        { lon: 24.9440, lat: 60.17125, label: "Pin" },
        { lon: 24.9445, lat: 60.17125, content: icon, anchor: "center" },
        { lon: 24.9435, lat: 75, content: "far" },
        { lon: -155, lat: -60, content: "antipodes" },
      );
      await twin.settled();
    });
    const states = () => page.evaluate(() => markers.map(({ element }) => {
      const { x, y, width, height } = element.getBoundingClientRect();
      return { tag: element.tagName, text: element.textContent, label: element.getAttribute("aria-label"), shown: element.style.visibility, x: x + width / 2, bottom: y + height };
    }));
    const [tori, pin, star, far, antipodes] = await states();
    assert.deepEqual([tori.tag, tori.text, tori.shown], ["BUTTON", "<i>Tori</i>", "visible"]);
    assert.ok(Math.abs(tori.x - 200) < 1.5 && Math.abs(tori.bottom - 150) < 1.5, JSON.stringify(tori));
    assert.deepEqual([pin.tag, pin.label, star.text, far.shown, antipodes.shown], ["DIV", "Pin", "★", "hidden", "hidden"]);
    assert.ok(pin.x > tori.x && star.x > pin.x);
    await page.locator("canvas").focus();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute("role")), "dialog");
    assert.match(await page.evaluate(() => document.querySelector("[role=dialog]").textContent), /^Opens at 7/);
    await keepScreenshot(page, "sdk-markers");
    await page.keyboard.press("Escape");
    assert.equal(await page.evaluate(() => document.querySelectorAll("[role=dialog]").length), 0);
    assert.equal(await page.evaluate(() => document.activeElement === markers[0].element), true);
    await page.evaluate(async () => {
      twin.setView({ ...twin.view, headingDeg: 180 });
      markers[1].remove();
      markers[2].moveTo({ lon: 24.9430, lat: 60.17125 });
      await twin.settled();
    });
    const turned = await states();
    assert.ok(Math.abs(turned[0].x - 200) < 1.5 && turned[2].x > turned[0].x, JSON.stringify(turned));
    await page.evaluate(() => twin.remove());
    assert.equal(await page.evaluate(() => document.querySelectorAll(".citytwin-marker").length), 0);
  }));

test("two twins share a page, and fifty that come and go leave nothing behind", () =>
  visit(async (page) => {
    const heap = async () => {
      const cdp = await page.context().newCDPSession(page);
      await cdp.send("HeapProfiler.collectGarbage");
      await cdp.send("HeapProfiler.collectGarbage");
      const { usedSize } = await cdp.send("Runtime.getHeapUsage");
      await cdp.detach();
      return usedSize;
    };
    const separate = await page.evaluate(async () => {
      window.twin = await twinOf();
      const other = await CityTwin.create("#other", { twin: "/twin/twin.json" });
      const heard = [];
      twin.on("view", () => heard.push("first"));
      await Promise.all([twin.settled(), other.settled()]);
      heard.length = 0;
      await other.addGeoJson("own", { type: "Point", coordinates: [24.9438, 60.1724] });
      other.addMarkers({ lon: 24.9438, lat: 60.1724, content: "Other" });
      other.setView({ ...other.view, distanceM: 300 });
      await other.settled();
      const layers = [twin, other].map(({ layers }) => layers.some(({ id }) => id === "own"));
      other.remove();
      return { heard, layers, works: (await twin.pick(200, 150)) !== undefined };
    });
    assert.deepEqual(separate, { heard: [], layers: [false, true], works: true });
    const cycles = (count) => page.evaluate(async (count) => {
      for (let i = 0; i < count; i++) {
        const other = await CityTwin.create("#other", { twin: "/twin/twin.json" });
        other.addMarkers({ lon: 24.9438, lat: 60.1724, content: "Other", popup: "Words" });
        if (i % 5 === 0) await other.addGeoJson("own", { type: "Point", coordinates: [24.9438, 60.1724] });
        other.remove();
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }, count);
    await cycles(10);
    const early = await heap();
    await cycles(40);
    const late = await heap();
    assert.ok(late < early * 1.1 + 300_000, `${early} → ${late}`);
    assert.equal(await page.evaluate(() => document.querySelectorAll("#other *").length), 0);
  }));
