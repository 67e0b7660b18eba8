// Positioning from the packed npm package, as a stranger uses it: the example with its made-up walk.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";
import { after, before, test } from "node:test";
import { LAPTOP, PHONE, here, keepScreenshot, openBrowser, openPage, serve, target } from "../harness.mjs";

let server, browser;
before(async () => {
  server = await serve(path.join(target, "examples/positioning-only"));
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function visit(look, { expected = /^$/, ...options } = {}) {
  const { page, complaints, close } = await openPage(browser, server.url, options);
  try {
    await page.waitForFunction(() => document.querySelector(".dot")?.getAttribute("r") === "1");
    await look(page);
    assert.deepEqual(complaints.filter((text) => !expected.test(text)), []);
  } finally {
    await close();
  }
}

for (const [name, viewport] of [["laptop", LAPTOP], ["phone", PHONE]]) {
  test(`the example follows a made-up walk to the upper floor (${name})`, () =>
    visit(async (page) => {
      await page.selectOption("#speed", "40");
      await page.waitForFunction(() => document.body.dataset.done === "yes");
      const place = await page.locator("#place").textContent();
      assert.match(place, /^Made-up mall, floor 2 /);
      assert.ok(await page.locator("#indoors").evaluate((meter) => meter.value) > 0.9);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${wide} px too wide`);
      await keepScreenshot(page, `positioning-${name}`);
    }, { viewport }));
}

test("watches, floors, errors, exposure and the device's own satellites work from JavaScript", () =>
  visit(async (page) => {
    await page.evaluate(() => {
      // The example's own engine is in nobody's way.
      window.entry = import("/node_modules/citytwin/dist/positioning-entry.js");
    });
    const seen = await page.evaluate(async () => {
      const { CityTwinError, Positioning } = await window.entry;
      const venue = ["venue", "level", "unit", "opening", "beacon"].map((name) => `data/${name}.geojson`);
      const positioning = await Positioning.open({ venue, radioMap: "data/map.ctrm" });
      const code = (work) => work.then(() => "none", (error) => error instanceof CityTwinError && error.code);
      const bad = [
        await code(Positioning.open({ venue: ["data/nothing.geojson"] }).catch((e) => { throw e; })),
        await code(Positioning.open({ venue: [{ name: "a.geojson", text: "{}" }] })),
        await code(positioning.feed([{ kind: "dance" }])),
        await code(positioning.feed(new Uint8Array([1, 2, 3]))),
      ];
      const once = (options) => new Promise((resolve) =>
        positioning.getCurrentPosition((position) => resolve(position), (error) => resolve(error.code), options));
      const timeout = await once({ timeout: 100 });
      await positioning.useDevice({ motion: false });
      const own = await once({ timeout: 20_000 });
      const again = await once({ maximumAge: 60_000 });
      const [lon, lat] = (await positioning.plan()).levels[0].cornersLonLat[0];
      let cleared = 0;
      positioning.clearWatch(positioning.watchPosition(() => cleared++));
      await positioning.lockFloor(1);
      await positioning.setPosition({ longitude: lon + 1e-4, latitude: lat + 1e-4, floor: 1 });
      const set = await once({ maximumAge: 60_000 });
      const track = await positioning.track();
      const exposure = await positioning.exposure(track);
      await positioning.deleteTrack();
      const left = await positioning.track();
      const counts = await positioning.counts();
      positioning.close();
      positioning.close();
      return {
        bad, timeout, own: own.toJSON(), age: Math.abs(Date.now() - own.timestamp), again: again.coords.accuracy, cleared,
        set: set.toJSON(), exposure, left, counts, closed: await code(positioning.counts()),
      };
    });
    assert.deepEqual(seen.bad, ["positioning", "positioning", "positioning", "positioning"]);
    assert.equal(seen.timeout, 3);
    assert.ok(Math.abs(seen.own.coords.latitude - 60.1699) < 1e-3, JSON.stringify(seen.own));
    assert.ok(seen.own.coords.accuracy > 0 && seen.own.coords.altitude === null && seen.age < 60_000, JSON.stringify(seen));
    assert.ok(seen.again > 0);
    assert.equal(seen.cleared, 0);
    assert.equal(seen.set.floor, 1);
    assert.ok(seen.exposure.direct.every(({ toM }) => toM > 2) && !seen.exposure.ranged, JSON.stringify(seen.exposure));
    assert.deepEqual(seen.left, []);
    assert.ok(seen.counts.counted >= 1, JSON.stringify(seen.counts));
    assert.equal(seen.closed, "removed");
  }, { expected: /nothing\.geojson/, geolocation: { latitude: 60.1699, longitude: 24.9375, accuracy: 8 }, permissions: ["geolocation"] }));

test("the device's turns and the browser's fixes become observations of the schema", async () => {
  // No entry exports these.
  const { build } = createRequire(path.join(here, "../sdk/"))("esbuild");
  const entryPoints = [path.join(here, "../sdk/ts/positioning-device.ts")];
  const { outputFiles } = await build({ entryPoints, write: false, format: "esm" });
  const { gnssOf, rotationOf } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
  const coords = { latitude: 60, longitude: 25, accuracy: 0, altitude: null, speed: NaN, heading: 90 };
  const fix = gnssOf({ coords, timestamp: Date.now() - 500 });
  const ago = performance.now() - fix.timeMs;
  assert.ok(ago >= 500 && ago < 5000 && fix.accuracyM > 0 && fix.courseDeg === 90, JSON.stringify(fix));
  assert.ok(!("speedMps" in fix) && !("altitudeM" in fix));
  // The W3C's own matrix: R = Rz(alpha) Rx(beta) Ry(gamma); its third row is the upward direction.
  for (let i = 0; i < 200; i++) {
    const [alpha, beta, gamma] = [(i * 37) % 360, (i * 53) % 360 - 180, (i * 29) % 180 - 90];
    const [a, b, g] = [alpha, beta, gamma].map((x) => x * Math.PI / 180);
    const [x, y, z] = rotationOf(alpha, beta, gamma);
    const w = Math.sqrt(Math.max(0, 1 - x * x - y * y - z * z));
    const seen = [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y), 1 - 2 * (y * y + z * z)];
    const east = Math.cos(a) * Math.cos(g) - Math.sin(a) * Math.sin(b) * Math.sin(g);
    const expected = [-Math.cos(b) * Math.sin(g), Math.sin(b), Math.cos(b) * Math.cos(g), east];
    seen.forEach((value, k) => assert.ok(Math.abs(value - expected[k]) < 1e-9, `${alpha}, ${beta}, ${gamma}: ${seen}`));
  }
});
