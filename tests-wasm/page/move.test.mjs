// The camera by finger, key and flight, and how sharply is drawn meanwhile; in the npm package's viewer.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser, openPage } from "../harness.mjs";
import { PLACE, serveMadeUpCity, view } from "../made-up-city.mjs";

const SIZE = { width: 320, height: 240 };

let server, browser;
before(async () => {
  server = await serveMadeUpCity();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function visit(options, work) {
  const { page, complaints, close } = await openPage(browser, `${server.url}page.html`, { viewport: SIZE, reducedMotion: "no-preference", ...options });
  try {
    await page.evaluate(async (view) => {
      const { CityTwin } = await import("/citytwin/index.js");
      window.twin = await CityTwin.create("#view", { twin: "twin.json" });
      twin.setView(view);
      window.frames = async (count) => {
        for (let i = 0; i < count; i += 1) await new Promise(requestAnimationFrame);
      };
      await twin.settled();
    }, view(300));
    await work(page);
    assert.deepEqual(complaints, []);
  } finally {
    await close();
  }
}

const look = (page) => page.evaluate(() => window.twin.view);
const rested = (page) => page.evaluate(() => window.twin.settled());

/** Fingers that go from places to places, as the browser hears them. */
async function fingers(page, from, to, steps = 6) {
  const session = await page.context().newCDPSession(page);
  const send = (type, points) => session.send("Input.dispatchTouchEvent", { type, touchPoints: points.map(([x, y], id) => ({ x, y, id })) });
  await send("touchStart", from);
  for (let step = 1; step <= steps; step += 1) {
    await send("touchMove", from.map((start, i) => start.map((at, axis) => at + ((to[i][axis] - at) * step) / steps)));
    await page.evaluate(() => window.frames(1));
  }
  await send("touchEnd", []);
  await rested(page);
}

test("one finger moves the ground along, two zoom, turn and tilt", () =>
  visit({ hasTouch: true }, async (page) => {
    const start = await look(page);
    await fingers(page, [[160, 120]], [[100, 120]]);
    const dragged = await look(page);
    assert.ok(dragged.lon > start.lon + 1e-4 && Math.abs(dragged.lat - start.lat) < 1e-4, JSON.stringify({ start, dragged }));
    await fingers(page, [[140, 120], [180, 120]], [[100, 120], [220, 120]]);
    const zoomed = await look(page);
    assert.ok(zoomed.distanceM < 0.6 * dragged.distanceM && zoomed.distanceM > 0.2 * dragged.distanceM, JSON.stringify({ dragged, zoomed }));
    await fingers(page, [[100, 120], [220, 120]], [[160, 60], [160, 180]], 12);
    const turned = await look(page);
    assert.ok(Math.abs((((turned.headingDeg - zoomed.headingDeg) % 360) + 540) % 360 - 180) > 45, JSON.stringify({ zoomed, turned }));
    await fingers(page, [[130, 180], [190, 180]], [[130, 100], [190, 100]]);
    const tilted = await look(page);
    assert.ok(tilted.pitchDeg > turned.pitchDeg + 10, JSON.stringify({ turned, tilted }));
  }));

test("a touch stops a flight where it is", () =>
  visit({ hasTouch: true }, async (page) => {
    const far = { ...view(2_000, { north: 150 }), durationMs: 20_000 };
    await page.evaluate((far) => {
      window.over = false;
      window.twin.flyTo(far).then(() => (window.over = true));
      return window.frames(5);
    }, far);
    assert.equal(await page.evaluate(() => window.over), false);
    await page.touchscreen.tap(160, 120);
    await page.waitForFunction(() => window.over);
    const stopped = await look(page);
    assert.ok(stopped.distanceM < 1_900, JSON.stringify(stopped));
    await page.evaluate(() => window.frames(10));
    const later = await look(page);
    assert.ok(Math.abs(later.distanceM - stopped.distanceM) < 1, JSON.stringify({ stopped, later }));
  }));

test("who asks for little motion is there at once", () =>
  visit({ reducedMotion: "reduce" }, async (page) => {
    const to = view(900, { north: 60, headingDeg: 90, pitchDeg: -50 });
    await page.evaluate(async (to) => {
      void window.twin.flyTo({ ...to, durationMs: 60_000 });
      await window.frames(2);
    }, to);
    const there = await look(page);
    for (const key of ["lon", "lat", "distanceM", "headingDeg", "pitchDeg"]) assert.ok(Math.abs(there[key] - to[key]) < 1e-3, `${key}: ${JSON.stringify(there)}`);
  }));

test("keys move, turn, zoom and turn north up, and the view keeps to the city", () =>
  visit({ reducedMotion: "reduce" }, async (page) => {
    const start = await page.evaluate(async (view) => {
      const { home } = await (await fetch("twin.json")).json();
      window.twin.setView(view);
      return home;
    }, view(300));
    await page.locator("canvas").focus();
    const press = async (key) => {
      const before = await look(page);
      await page.keyboard.press(key, { delay: 60 });
      await rested(page);
      return [before, await look(page)];
    };
    const [still, east] = await press("ArrowRight");
    assert.ok(east.lon > still.lon, JSON.stringify({ still, east }));
    const [far, near] = await press("+");
    assert.ok(near.distanceM < far.distanceM, JSON.stringify({ far, near }));
    const [straight, turned] = await press("Shift+ArrowLeft");
    assert.notEqual(turned.headingDeg, straight.headingDeg);
    const [, north] = await press("n");
    assert.ok(Math.abs(north.headingDeg % 360) < 1e-6, JSON.stringify(north));
    const [, home] = await press("h");
    assert.ok(Math.abs(home.lon - start.lon) < 1e-6 && Math.abs(home.distanceM - start.distanceM) < 1, JSON.stringify({ start, home }));
    await page.evaluate((there) => window.twin.setView(there), { ...view(300), lon: PLACE.lon + 2, lat: PLACE.lat - 1 });
    await rested(page);
    const away = await look(page);
    assert.ok(Math.abs(away.lon - PLACE.lon) < 0.2 && Math.abs(away.lat - PLACE.lat) < 0.2, `it stays near the city: ${JSON.stringify(away)}`);
    await page.evaluate((there) => window.twin.setView(there), { ...view(300), distanceM: 1e9 });
    await rested(page);
    assert.ok((await look(page)).distanceM < 1e6, JSON.stringify(await look(page)));
  }));

test("on a slow device fewer pixels are drawn while the view moves, and all of them at rest", () =>
  visit({ viewport: { width: 640, height: 400 } }, async (page) => {
    const seen = await page.evaluate(async (view) => {
      const { canvas } = window.twin;
      /** Widths of the frames of a flight on a device that is slow: somebody else has its main thread. */
      const fly = async (headingDeg) => {
        const stop = new AbortController();
        window.twin.flyTo({ ...view, headingDeg, durationMs: 120_000, signal: stop.signal }).catch(() => {});
        const widths = [];
        for (let i = 0; i < 20; i += 1) {
          for (const end = performance.now() + 60; performance.now() < end;);
          await window.frames(1);
          widths.push(canvas.width);
        }
        stop.abort();
        await window.twin.settled();
        return Math.min(...widths);
      };
      const rest = canvas.width;
      const moving = await fly(170);
      const after = canvas.width;
      window.twin.setScene({ resolution: { adaptive: false } });
      return { rest, moving, after, fixed: await fly(10) };
    }, view(300, { pitchDeg: -45 }));
    assert.ok(seen.moving < 0.9 * seen.rest && seen.moving >= 0.5 * seen.rest - 1, JSON.stringify(seen));
    assert.deepEqual([seen.rest, seen.after, seen.fixed], [640, 640, 640]);
  }));
