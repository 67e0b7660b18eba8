// The npm package, as a stranger uses it: the example stands on the packed tarball.
import assert from "node:assert/strict";
import path from "node:path";
import { after, before, test } from "node:test";
import { openBrowser, openPage, serve, settled, target } from "../harness.mjs";

let server, browser;
before(async () => {
  server = await serve(path.join(target, "examples/minimal-html"));
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function visit(look) {
  const { page, complaints, close } = await openPage(browser, server.url, { viewport: { width: 640, height: 400 } });
  try {
    await settled(page);
    await look(page, complaints);
  } finally {
    await close();
  }
}

test("the ten-line example shows a city and answers a click", () =>
  visit(async (page, complaints) => {
    await page.locator("canvas").click({ position: { x: 320, y: 200 } });
    await page.waitForFunction(() => document.title !== "A city on a page");
    assert.deepEqual(complaints, []);
  }));

test("views, layers, picking and events work from JavaScript", () =>
  visit(async (page, complaints) => {
    const seen = await page.evaluate(async () => {
      const { CityTwin } = await import("/node_modules/citytwin/dist/index.js");
      document.querySelector("#city").replaceChildren();
      const twin = await CityTwin.create("#city", { twin: "twin/twin.json", maxErrorPx: 8 });
      const events = [];
      for (const type of ["progress", "settled", "view"]) twin.on(type, () => events.push(type));
      const silence = twin.on("settled", () => events.push("silenced"));
      silence();
      await twin.settled();
      twin.setView({ lon: 24.9438, lat: 60.1724, heightM: 10, distanceM: 300, pitchDeg: -90 });
      await twin.settled();
      const hit = await twin.pick(320, 200);
      const all = twin.stats().trianglesVisible;
      twin.setLayerVisible("buildings", false);
      await twin.settled();
      const fewer = twin.stats().trianglesVisible;
      const view = twin.view;
      const visible = twin.layers.filter((layer) => layer.visible).map((layer) => layer.id);
      twin.remove();
      twin.remove();
      return { hit, all, fewer, view, visible, events: [...new Set(events)].sort(), left: document.querySelectorAll("#city canvas").length };
    });
    assert.equal(seen.hit.layer, "buildings");
    assert.equal(seen.hit.properties.name_en, "Finnish National Theatre");
    assert.ok(Math.abs(seen.hit.lon - 24.9438) < 1e-4 && Math.abs(seen.hit.lat - 60.1724) < 1e-4, JSON.stringify(seen.hit));
    assert.ok(seen.fewer < seen.all, `${seen.fewer} < ${seen.all}`);
    assert.ok(Math.abs(seen.view.distanceM - 300) < 1 && seen.view.headingDeg === 0, JSON.stringify(seen.view));
    assert.deepEqual(seen.visible, ["ground", "transport", "furniture"]);
    assert.deepEqual(seen.events, ["progress", "settled", "view"]);
    assert.equal(seen.left, 0);
    assert.deepEqual(complaints, []);
  }));

test("every failure is a CityTwinError with its code", () =>
  visit(async (page) => {
    const codes = await page.evaluate(async () => {
      const { CityTwin, CityTwinError } = await import("/node_modules/citytwin/dist/index.js");
      const code = async (work) => {
        try {
          await work();
          return "no error";
        } catch (error) {
          return error instanceof CityTwinError && error.message ? error.code : `not ours: ${error}`;
        }
      };
      const twin = await CityTwin.create("#city", { twin: "twin/twin.json" });
      const codes = [
        await code(() => CityTwin.create("#nowhere", { twin: "twin/twin.json" })),
        await code(() => CityTwin.create("#city", { twin: "nowhere/twin.json" })),
        await code(() => CityTwin.create("#city", { twin: "index.html" })),
        await code(() => twin.setView({ lon: 24.9, lat: 60.1, pitchDeg: -45 })),
        await code(() => twin.setView({ lon: 24.9, lat: 160.1, distanceM: 10, pitchDeg: -45 })),
        await code(() => twin.setLayerVisible("nothing", true)),
      ];
      twin.remove();
      return [...codes, await code(() => twin.stats())];
    });
    assert.deepEqual(codes, ["container", "fetch", "manifest", "view", "view", "layer", "removed"]);
  }));

test("the search works from JavaScript without the 3D view", () =>
  visit(async (page, complaints) => {
    const seen = await page.evaluate(async () => {
      const { CityTwinError, Search } = await import("/node_modules/citytwin/dist/search-entry.js");
      const search = await Search.open("twin/search/search.bin");
      const steps = [];
      for await (const answer of search.stream("kahvila", { facets: ["category"] })) steps.push(answer.complete);
      const near = [24.9438, 60.1724];
      const { hits, complete, problems } = await search.query("finnish natinal theatre", { near, limit: 3 });
      const { match, ...hit } = hits[0];
      const marked = match.ranges.map(([start, end]) => match.text.slice(start, end));
      const cafes = await search.query("", { categories: ["cafe"], near, radiusM: 800, limit: 5 });
      const counted = await search.query("", { near, radiusM: 800, limit: 0, facets: ["category"] });
      const here = await search.here(near, { limit: 2 });
      const addresses = await search.query("mannerheimintie", { fields: ["address"], limit: 3 });
      const code = async (work) => work().then(() => "no error", (error) =>
        error instanceof CityTwinError ? error.code : error.name);
      const codes = [
        await code(() => search.query("kamppi", { signal: AbortSignal.abort() })),
        await code(() => Search.open("twin/twin.json")),
      ];
      const wrong = [];
      for (const options of [
        { limit: 1.5 }, { limit: -1 }, { near: [NaN, 60] }, { bbox: [1, 2, 3] }, { polygon: [[1, 2]] }, { fields: ["names"] },
        { where: [{ equals: 3 }] }, { where: [{ attribute: "a", between: [1] }] }, { radius: 5 }, { categories: "cafe" },
      ]) wrong.push(await code(() => search.query("kamppi", options)));
      wrong.push(await code(() => search.query(7)), await code(() => search.here([24, "60"])));
      const both = await Promise.all([search.query("kamppi"), search.query("tori")]);
      const waiting = code(() => search.query("aleksanterinkatu 52"));
      search.close();
      search.close();
      codes.push(await waiting, await code(() => search.query("x")));
      const found = both.map((answer) => answer.hits.length > 0);
      return {
        count: search.count, hit, marked, complete, problems, steps, cafes: cafes.hits, codes, found, counted, here, wrong,
        addresses: addresses.hits.map((hit) => hit.match.text),
      };
    });
    assert.ok(seen.count > 1000 && seen.complete && seen.problems.length === 0, JSON.stringify(seen));
    assert.ok(Math.abs(seen.hit.lon - 24.9438) < 1e-3 && Math.abs(seen.hit.lat - 60.1724) < 1e-3, JSON.stringify(seen.hit));
    assert.deepEqual(seen.marked, ["Finnish", "National", "Theatre"]);
    assert.ok(seen.steps.length > 1 && seen.steps.every((complete, i) => complete === (i === seen.steps.length - 1)), `${seen.steps}`);
    assert.ok(seen.cafes.length === 5 && seen.cafes.every((hit) => hit.category === "cafe" && hit.distanceM <= 800));
    assert.ok(seen.counted.hits.length === 0 && seen.counted.facets[0].exact, JSON.stringify(seen.counted));
    assert.ok(new Map(seen.counted.facets[0].counts).get("cafe") >= 5, JSON.stringify(seen.counted.facets));
    assert.ok(seen.here.nearest.length === 2 && seen.here.nearest[0].distanceM <= seen.here.nearest[1].distanceM);
    assert.ok(seen.here.address.address ?? seen.here.address.name, JSON.stringify(seen.here.address));
    assert.ok(seen.addresses.length === 3 && seen.addresses.every((text) => /^mannerheimintie/i.test(text)), `${seen.addresses}`);
    assert.deepEqual([...new Set(seen.wrong)], ["option"]);
    assert.deepEqual(seen.codes, ["AbortError", "search", "removed", "removed"]);
    assert.deepEqual(seen.found, [true, true]);
    assert.deepEqual(complaints, []);
  }));
