// Seeing inside, below and through, and a camera that behaves: measured on a city that is made up for it, whose colours
// no light turns into one another.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PNG } from "pngjs";
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

/** Opens the made-up city, hands `work` the means to look at it, and minds complaints. */
async function visit(work, { motion = "reduce" } = {}) {
  const { page, complaints, close } = await openPage(browser, `${server.url}page.html`, { viewport: SIZE, reducedMotion: motion });
  try {
    await page.evaluate(async () => {
      const { CityTwin } = await import("/citytwin/index.js");
      window.twin = await CityTwin.create("#view", { twin: "twin.json" });
      window.show = async (scene, view) => {
        if (scene) twin.setScene(scene);
        if (view) twin.setView(view);
        await new Promise(requestAnimationFrame);
        await twin.settled();
      };
    });
    const show = (scene, view) => page.evaluate(([scene, view]) => show(scene, view), [scene, view]);
    const picture = async () => PNG.sync.read(await page.locator("canvas").screenshot());
    const pick = (x, y) => page.evaluate(([x, y]) => twin.pick(x, y), [x, y]);
    await work({ page, show, picture, pick });
    assert.deepEqual(complaints, []);
  } finally {
    await close();
  }
}

const at = (png, x, y) => [...png.data.subarray((y * png.width + x) * 4, (y * png.width + x) * 4 + 3)];
/** What a colour is the colour of, whatever light and haze there is. */
const kinds = {
  meadow: ([r, g, b]) => g > r + 12 && g > b + 12,
  pipe: ([r, g, b]) => r > g + 35 && b > g + 35,
  coarse: ([r, g, b]) => r > g + 40 && r > b + 40 && b < 140,
  cable: ([r, g, b]) => b > r + 50 && b > g + 30,
  // Walls and roofs are nearly grey, and bright.
  house: ([r, g, b]) => Math.max(r, g, b) - Math.min(r, g, b) < 34 && Math.min(r, g, b) > 100,
};
const count = (png, kind) => {
  let found = 0;
  for (let i = 0; i < png.data.length; i += 4) found += kinds[kind]([png.data[i], png.data[i + 1], png.data[i + 2]]);
  return found;
};
const CENTER = [SIZE.width / 2, SIZE.height / 2];
const above = view(300);

/** A square of `half` metres around a point of the city. */
function square(east, north, half) {
  const corner = (e, n) => {
    const { lon, lat } = view(1, { east: east + e * half, north: north + n * half });
    return [lon, lat];
  };
  return [corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1)];
}

test("a cut-out polygon shows the ground where a house stood, and a pick goes through the cut", () =>
  visit(async ({ show, picture, pick }) => {
    await show({ clip: { layers: ["buildings"] } }, above);
    const whole = await picture();
    assert.ok(kinds.house(at(whole, ...CENTER)), `a roof: ${at(whole, ...CENTER)}`);
    assert.equal((await pick(...CENTER)).layer, "buildings");
    await show({ clip: { polygon: { ring: square(0, 0, 12), keep: "outside" } } });
    const cut = await picture();
    assert.ok(kinds.meadow(at(cut, ...CENTER)), `ground: ${at(cut, ...CENTER)}`);
    assert.equal((await pick(...CENTER)).layer, "ground");
    // 16 m from the middle the house still stands.
    const edge = [CENTER[0] + Math.round((16 / 300) * (160 / Math.tan(Math.PI / 6)) * (300 / 260)), CENTER[1]];
    assert.ok(!kinds.meadow(at(cut, ...edge)), `${edge}: ${at(cut, ...edge)}`);
    assert.equal((await pick(...edge)).layer, "buildings");
    await show({ clip: { polygon: null, layers: [] } });
    assert.deepEqual(at(await picture(), ...CENTER), at(whole, ...CENTER));
  }));

test("a box keeps what is in it, and tiles beside it are not drawn at all", () =>
  visit(async ({ show, picture, pick }) => {
    await show({}, above);
    const drawn = await picture();
    assert.ok(count(drawn, "meadow") > 2000);
    const box = { lon: PLACE.lon, lat: PLACE.lat, heightM: 5, sizeM: [50, 50, 50], headingDeg: 30 };
    await show({ clip: { box } });
    const boxed = await picture();
    assert.ok(count(boxed, "meadow") < count(drawn, "meadow") / 4 && !kinds.meadow(at(boxed, 10, 10)), `${at(boxed, 10, 10)}`);
    assert.equal((await pick(...CENTER)).layer, "buildings");
    // The cut is at 30 m, below the roof at 40 m: into the house is looked, down to its floor.
    assert.ok(Math.abs((await pick(...CENTER)).heightM) < 1);
    assert.equal(await pick(20, 20), null);
    await show({ clip: { box: { ...box, lon: PLACE.lon + 0.01 } } });
    const empty = await picture();
    assert.equal(count(empty, "meadow"), 0);
    assert.ok(at(boxed, ...CENTER).some((v, i) => Math.abs(v - at(empty, ...CENTER)[i]) > 20), "the inside of the house");
    assert.equal(await pick(...CENTER), null);
  }));

test("shapes that make no sense are refused in words, and the scene stays", () =>
  visit(async ({ page }) => {
    const said = await page.evaluate(async () => {
      const words = (parts) => {
        try {
          twin.setScene(parts);
          return "taken";
        } catch (error) {
          return `${error.code}: ${error.message}`;
        }
      };
      const ring = (...corners) => ({ clip: { polygon: { ring: corners } } });
      return [
        words(ring([24.9, 60.1], [24.91, 60.11], [24.91, 60.1], [24.9, 60.11])),
        words(ring([24.9, 60.1], [24.91, NaN], [24.91, 60.1])),
        words(ring(...Array.from({ length: 65 }, (_, i) => [24.9 + Math.cos(i / 10.5) / 100, 60.1 + Math.sin(i / 10.5) / 100]))),
        words({ clip: { box: { lon: 1, lat: 1, sizeM: [1, -1, 1] } } }),
        words({ xRay: { opacity: 2 } }),
        JSON.stringify(twin.scene.clip),
      ];
    });
    assert.match(said[0], /scene: .*crosses itself/);
    assert.match(said[1], /^scene: /);
    assert.match(said[2], /3 to 64 corners, not 65/);
    assert.match(said[3], /sizeM/);
    assert.match(said[4], /xRay.opacity is 2/);
    assert.equal(said[5], '{"box":null,"polygon":null,"layers":[]}');
  }));

test("x-ray shows the ground through buildings, and their edges stay", () =>
  visit(async ({ show, picture, pick }) => {
    await show({ shadows: { mode: "off" } }, above);
    const solid = await picture();
    assert.ok(!kinds.meadow(at(solid, ...CENTER)));
    await show({ xRay: { enabled: true } });
    const through = await picture();
    assert.ok(kinds.meadow(at(through, ...CENTER)), `${at(through, ...CENTER)}`);
    assert.notDeepEqual(at(through, ...CENTER), at(through, 20, 200), "the roof is seen too");
    assert.equal((await pick(...CENTER)).layer, "buildings", "nothing stands behind it");
    await show({ xRay: { opacity: 0 } });
    assert.ok(kinds.meadow(at(await picture(), ...CENTER)));
    await show({ xRay: { enabled: false } });
    assert.deepEqual(at(await picture(), ...CENTER), at(solid, ...CENTER));
  }));

test("what is below ground is hidden, and seen and picked through ground and buildings when asked for", () =>
  visit(async ({ show, picture, pick }) => {
    await show({}, above);
    const hidden = await picture();
    assert.deepEqual([count(hidden, "pipe"), count(hidden, "cable")], [0, 0]);
    await show({ underground: { enabled: true } });
    const seen = await picture();
    assert.ok(count(seen, "pipe") > 200 && count(seen, "cable") > 50, `${count(seen, "pipe")} ${count(seen, "cable")}`);
    const pipe = [40, CENTER[1]];
    assert.ok(kinds.pipe(at(seen, ...pipe)), `${at(seen, ...pipe)}`);
    const hit = await pick(...pipe);
    assert.ok(hit.layer === "pipes" && Math.abs(hit.heightM + 4) < 0.5, JSON.stringify(hit));
    assert.ok(!kinds.pipe(at(seen, ...CENTER)), "a house stands over it");
    await show({ xRay: { enabled: true } });
    const through = await picture();
    assert.ok(kinds.pipe(at(through, ...CENTER)), `${at(through, ...CENTER)}`);
    assert.equal((await pick(...CENTER)).layer, "pipes");
    await show({ underground: { enabled: false }, xRay: { enabled: false } });
    assert.equal(count(await picture(), "pipe"), 0);
    assert.notEqual((await pick(...pipe)).layer, "pipes");
  }));

test("the camera goes below ground only when it may, and sees the pipes from there", () =>
  visit(async ({ page, show, picture }) => {
    const below = view(60, { heightM: -5, pitchDeg: 12, headingDeg: 0, north: 0 });
    await show({}, below);
    const kept = await page.evaluate(() => twin.view);
    assert.ok(kept.pitchDeg < 0 && kept.heightM - Math.sin((kept.pitchDeg * Math.PI) / 180) * kept.distanceM > 0.9, JSON.stringify(kept));
    await show({ underground: { enabled: true } }, below);
    const taken = await page.evaluate(() => twin.view);
    assert.ok(Math.abs(taken.pitchDeg - 12) < 1e-6 && taken.heightM === -5, JSON.stringify(taken));
    const seen = await picture();
    assert.ok(count(seen, "pipe") > 500, `${count(seen, "pipe")}`);
    // Back above when it is switched off.
    await show({ underground: { enabled: false } });
    assert.ok((await page.evaluate(() => twin.view)).pitchDeg < 0);
  }));

test("levels of detail fade into each other and end as the same picture as without", () =>
  visit(
    async ({ page, show, picture }) => {
      const [far, near] = [view(1200, { pitchDeg: -60 }), view(220, { pitchDeg: -60 })];
      await show({ crossFade: { enabled: false } }, far);
      const coarse = await picture();
      assert.ok(count(coarse, "coarse") > 20, "the coarse level is drawn from afar");
      await show({}, near);
      const fine = await picture();
      assert.equal(count(fine, "coarse"), 0);
      await show({ crossFade: { enabled: true } }, far);
      await page.waitForTimeout(300);
      // Frame by frame, in the page: how many pixels of each level there are while it fades.
      const frames = await page.evaluate(async (near) => {
        const canvas = twin.canvas;
        const probe = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
        const context = probe.getContext("2d", { willReadFrequently: true });
        const seen = [];
        let settled = false;
        twin.on("settled", () => (settled = true));
        twin.setView(near);
        while (!settled || seen.length < 3) {
          await new Promise(requestAnimationFrame);
          context.drawImage(canvas, 0, 0);
          const { data } = context.getImageData(0, 0, probe.width, probe.height);
          let [coarse, meadow] = [0, 0];
          for (let i = 0; i < data.length; i += 4) {
            const [r, g, b] = [data[i], data[i + 1], data[i + 2]];
            coarse += r > g + 40 && r > b + 40 && b < 140;
            meadow += g > r + 12 && g > b + 12;
          }
          seen.push({ coarse, meadow, state: canvas.dataset.state });
          if (seen.length > 400) break;
        }
        return seen;
      }, near);
      const states = JSON.stringify(frames);
      assert.ok(frames.some(({ coarse }) => coarse > 50), `the coarse level goes out slowly: ${states}`);
      assert.ok(frames.filter(({ coarse }) => coarse > 0).every(({ state }) => state !== "settled"), states);
      await show();
      const faded = await picture();
      assert.ok(faded.data.equals(fine.data), "the same picture as without a fade");
      // Holes in the house would show the meadow behind it.
      const most = count(fine, "meadow");
      assert.ok(frames.every(({ meadow }) => meadow <= most * 1.02 + 20), `${most}: ${states}`);
    },
    { motion: "no-preference" },
  ));

test("a flight into a house stops outside of it", () =>
  visit(
    async ({ page, show }) => {
      await show({}, view(200, { pitchDeg: -35, north: 30 }));
      const rest = await page.evaluate(async (into) => {
        const rested = new Promise((done) => twin.on("viewrest", done));
        void twin.flyTo({ ...into, durationMs: 1500 });
        return rested;
      }, view(20, { heightM: 15, pitchDeg: -10, east: 0, north: 0 }));
      const up = rest.heightM - Math.sin((rest.pitchDeg * Math.PI) / 180) * rest.distanceM;
      const back = Math.cos((rest.pitchDeg * Math.PI) / 180) * rest.distanceM;
      const north = (rest.lat - PLACE.lat) * 111_320 - back;
      assert.ok(up > 41 || north < -21, `the eye is ${up} m up and ${-north} m south of the middle: ${JSON.stringify(rest)}`);
    },
    { motion: "no-preference" },
  ));

test("padding brings the target of a flight into the middle of what is free", () =>
  visit(async ({ page, show, pick }) => {
    await show({}, above);
    const seen = await page.evaluate(async (to) => {
      twin.setPadding({ left: 120 });
      void twin.flyTo(to);
      await new Promise(requestAnimationFrame);
      await twin.settled();
      const code = (padding) => {
        try {
          twin.setPadding(padding);
          return "taken";
        } catch (error) {
          return error.code;
        }
      };
      return [code({ left: -1 }), code({ top: NaN }), code({})];
    }, view(300, { heightM: 40 }));
    assert.deepEqual(seen, ["padding", "padding", "taken"]);
    const hit = await pick(120 + 100, CENTER[1]);
    assert.ok(Math.abs(hit.lon - PLACE.lon) < 2e-5 && Math.abs(hit.lat - PLACE.lat) < 1e-5, JSON.stringify(hit));
  }));
