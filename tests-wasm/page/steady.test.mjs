// What must not kill a viewer: graphics that go away, servers that stumble, workers that die, too little memory.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import pixelmatch from "pixelmatch";
import { PNG } from "pngjs";
import { openBrowser, openPage, PATIENCE_MS } from "../harness.mjs";
import { above, cityServer } from "./city-server.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser?.close());

/**
 * A page with a city on it: `window.twin`, made with `options`; `window.heard` counts its events, and
 * `window.problems` and `window.solved` list what was told. `window.liveGl()` counts the objects on the GPU.
 */
async function visit(server, options, look, { init, ...pageOptions } = {}) {
  const opened = await openPage(browser, "about:blank", { viewport: { width: 320, height: 400 }, reducedMotion: "no-preference", ...pageOptions });
  const { page, complaints, close } = opened;
  try {
    await page.addInitScript(watchGl);
    if (init) await page.addInitScript(init);
    await page.goto(server.url);
    await page.evaluate(open, options);
    await look({ page, complaints });
  } catch (error) {
    throw complaints.length > 0 ? new Error(`the page complains: ${complaints.join("\n")}`, { cause: error }) : error;
  } finally {
    await close();
  }
}

/** In the page: counts what is created and deleted on the GPU, for all contexts together. */
function watchGl() {
  const contexts = new Set();
  const proto = WebGL2RenderingContext.prototype;
  for (const kind of ["Buffer", "Texture", "VertexArray", "Program", "Shader", "Framebuffer", "Renderbuffer"]) {
    const [make, remove] = [proto[`create${kind}`], proto[`delete${kind}`]];
    const of = (gl) => {
      if (!contexts.has(gl)) {
        contexts.add(gl);
        gl.live = new Map();
        // What a lost context had is gone.
        gl.canvas.addEventListener("webglcontextlost", () => gl.live.clear());
      }
      if (!gl.live.has(kind)) gl.live.set(kind, new Set());
      return gl.live.get(kind);
    };
    proto[`create${kind}`] = function (...args) {
      const made = make.apply(this, args);
      if (made) of(this).add(made);
      return made;
    };
    proto[`delete${kind}`] = function (object) {
      of(this).delete(object);
      return remove.call(this, object);
    };
  }
  window.liveGl = () => {
    const sum = {};
    for (const gl of contexts) {
      for (const [kind, objects] of gl.live) sum[kind] = (sum[kind] ?? 0) + objects.size;
    }
    return sum;
  };
}

/** In the page. */
async function open(options) {
  const { CityTwin } = await import("/citytwin/index.js");
  const twin = await CityTwin.create("#city", { twin: "/twin/twin.json", ...options });
  const heard = {};
  const [problems, solved] = [[], []];
  for (const type of ["progress", "settled", "contextLost", "contextRestored", "view"]) {
    twin.on(type, () => (heard[type] = (heard[type] ?? 0) + 1));
  }
  twin.on("problem", (problem) => problems.push(problem));
  twin.on("problemSolved", (problem) => solved.push(problem));
  Object.assign(window, { CityTwin, twin, heard, problems, solved });
}

const settled = (page) => page.evaluate(() => twin.settled().then(() => twin.stats));

/** Waits until the canvas says so. */
const untilState = (page, state) => page.waitForFunction((state) => twin.canvas.dataset.state === state, state);

const picture = async (page) => PNG.sync.read(await page.locator("#city canvas").screenshot());

/** How many pixels look different. */
function difference(a, b) {
  assert.deepEqual([a.width, a.height], [b.width, b.height]);
  return pixelmatch(a.data, b.data, undefined, a.width, a.height, { threshold: 0.05 });
}

/** Share of a picture's pixels on which no tile is: the ground and the sky are pale. */
function bare({ data, width, height }) {
  let pale = 0;
  for (let i = 0; i < data.length; i += 4) {
    const [r, g, b] = data.subarray(i, i + 3);
    pale += Math.max(r, g, b) - Math.min(r, g, b) < 40;
  }
  return pale / (width * height);
}

/** Bytes of JavaScript's heap and of wasm memory after a collection. */
async function memory(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("HeapProfiler.enable");
  await cdp.send("HeapProfiler.collectGarbage");
  await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize, backingStorageSize = 0 } = await cdp.send("Runtime.getHeapUsage");
  await cdp.detach();
  const wasm = await page.evaluate(async () => {
    const { default: load } = await import("/citytwin/wasm/citytwin.js");
    return (await load()).memory.buffer.byteLength;
  });
  return { heap: usedSize, arrays: backingStorageSize, wasm };
}

const loseContext = (page) => page.evaluate(() => {
  window.loss ??= twin.canvas.getContext("webgl2").getExtension("WEBGL_lose_context");
  loss.loseContext();
});
const restoreContext = (page) => page.evaluate(() => loss.restoreContext());

/** Waits until something is true on this side. */
async function until(isTrue) {
  const deadline = performance.now() + PATIENCE_MS;
  while (!isTrue()) {
    assert.ok(performance.now() < deadline, `never: ${isTrue}`);
    await pause(20);
  }
}

async function withServer(options, use) {
  const server = await cityServer(options);
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

test("graphics that are lost ten times in a row come back with the same picture, and nothing leaks", () =>
  withServer({ depth: 3 }, (server) =>
    visit(server, {}, async ({ page, complaints }) => {
      const first = await settled(page);
      const before = await picture(page);
      assert.equal(bare(before), 0);
      const states = [];
      for (let round = 0; round < 10; round++) {
        await loseContext(page);
        await untilState(page, "lost");
        assert.equal(await page.evaluate(() => twin.stats.gpuBytes), 0);
        await restoreContext(page);
        await settled(page);
        assert.equal(difference(await picture(page), before), 0, `round ${round}`);
        const { gpuBytes, heapBytes, tilesDrawn } = await page.evaluate(() => twin.stats);
        states.push({ gpuBytes, heapBytes, tilesDrawn, live: await page.evaluate(() => liveGl()), ...(round % 3 === 0 && await memory(page)) });
      }
      for (const state of states) {
        assert.deepEqual([state.heapBytes, state.tilesDrawn], [first.heapBytes, first.tilesDrawn]);
        // What is kept but not drawn need not be on the GPU again.
        assert.ok(state.gpuBytes <= first.gpuBytes && state.gpuBytes === states[0].gpuBytes, JSON.stringify(state));
        assert.deepEqual(state.live, states[0].live);
      }
      const [early, late] = [states[3], states[9]];
      assert.ok(late.heap < early.heap * 1.05 + 100_000 && late.wasm === early.wasm, JSON.stringify({ early, late }));
      assert.deepEqual(complaints, []);
    })));

test("graphics may be lost while the city loads, while the eye flies and while something is picked", () =>
  withServer({ depth: 3 }, async (server) => {
    let hold = true;
    server.trouble = (path) => (hold && path.endsWith(".glb") ? "hang" : undefined);
    await visit(server, { idleTimeoutMs: 700 }, async ({ page, complaints }) => {
      // While it loads.
      await until(() => server.log().some(({ path }) => path.endsWith(".glb")));
      await loseContext(page);
      await untilState(page, "lost");
      hold = false;
      await page.waitForFunction(() => twin.stats.heapBytes > 0);
      await restoreContext(page);
      await settled(page);
      assert.equal(bare(await picture(page)), 0);
      // While the eye flies: it arrives all the same.
      const to = above(300, 200, 500);
      await page.evaluate((to) => twin.flyTo(to, { durationMs: 600 }), to);
      await page.waitForFunction(() => heard.view > 2);
      await loseContext(page);
      await untilState(page, "lost");
      await restoreContext(page);
      await page.waitForFunction(([lon, distanceM]) => {
        const { view } = twin;
        return Math.abs(view.lon - lon) < 1e-6 && Math.abs(view.distanceM - distanceM) < 1;
      }, [to.lon, to.distanceM]);
      await settled(page);
      assert.equal(bare(await picture(page)), 0);
      // While something is picked: the answer is that nothing was found, and the next pick finds it.
      const picked = await page.evaluate(async () => {
        const waiting = twin.pick(160, 100);
        loss.loseContext();
        return waiting;
      });
      await restoreContext(page);
      await settled(page);
      assert.ok(picked === null || picked.layer === "ground");
      assert.equal((await page.evaluate(() => twin.pick(160, 100))).layer, "ground");
      assert.deepEqual(complaints, []);
    });
  }));

test("graphics that never come back are a problem that says what to do", () =>
  withServer({ depth: 1 }, (server) =>
    visit(server, {}, async ({ page }) => {
      await settled(page);
      await loseContext(page);
      await page.waitForFunction(() => problems.length > 0);
      const { problems, state, pick } = await page.evaluate(async () => ({
        problems, state: twin.canvas.dataset.state, pick: await twin.pick(10, 10),
      }));
      assert.deepEqual(problems.map(({ code, place }) => [code, place]), [["graphics-gone", "canvas"]]);
      assert.match(problems[0].message, /loading the page anew/);
      assert.deepEqual([state, pick], ["lost", null]);
      await restoreContext(page);
      await settled(page);
      assert.deepEqual(await page.evaluate(() => [solved.map(({ code }) => code), twin.problems]), [["graphics-gone"], []]);
    }, { init: hasten })));

/** In the page: what waits for a second or more waits for a fiftieth of it. */
function hasten() {
  const real = window.setTimeout;
  window.setTimeout = (call, ms, ...rest) => real(call, ms >= 1000 ? ms / 50 : ms, ...rest);
}
