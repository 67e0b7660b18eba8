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
  for (const type of ["progress", "settled", "contextlost", "contextrestored", "view"]) {
    twin.on(type, () => (heard[type] = (heard[type] ?? 0) + 1));
  }
  twin.on("problem", (problem) => problems.push(problem));
  twin.on("problemsolved", (problem) => solved.push(problem));
  Object.assign(window, { CityTwin, twin, heard, problems, solved });
}

const settled = (page) => page.evaluate(() => twin.settled().then(() => twin.stats()));

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

/** Objects on the GPU whose number does not depend on what was compiled so far; a kind of which none is left is none. */
const lasting = (live) => Object.entries(live).filter(([kind, count]) => count > 0 && kind !== "Program" && kind !== "Shader");

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
        assert.equal(await page.evaluate(() => twin.stats().gpuBytes), 0);
        await restoreContext(page);
        await settled(page);
        assert.equal(difference(await picture(page), before), 0, `round ${round}`);
        const { gpuBytes, heapBytes, tilesVisible } = await page.evaluate(() => twin.stats());
        states.push({ gpuBytes, heapBytes, tilesVisible, live: await page.evaluate(() => liveGl()), ...(round % 3 === 0 && await memory(page)) });
      }
      for (const state of states) {
        assert.deepEqual([state.heapBytes, state.tilesVisible], [first.heapBytes, first.tilesVisible]);
        // What is kept but not drawn need not be on the GPU again.
        assert.ok(state.gpuBytes <= first.gpuBytes && state.gpuBytes === states[0].gpuBytes, JSON.stringify(state));
        // Programs are compiled when they are first wanted, and their shaders kept until they are linked.
        assert.deepEqual(lasting(state.live), lasting(states[0].live));
        assert.ok(state.live.Program <= 16 && state.live.Shader <= 2 * state.live.Program, JSON.stringify(state.live));
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
      await page.waitForFunction(() => twin.stats().heapBytes > 0);
      await restoreContext(page);
      await settled(page);
      assert.equal(bare(await picture(page)), 0);
      // While the eye flies: it arrives all the same.
      const to = above(300, 200, 500);
      await page.evaluate((to) => { void twin.flyTo({ ...to, durationMs: 600 }); }, to);
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

test("a third of all requests fail in every way there is, and the picture completes", () =>
  withServer({ depth: 3 }, async (server) => {
    const kinds = [500, "reset", "hang", "truncate", "cut", "html", 503];
    let state = 12345;
    server.trouble = (path) => {
      if (!path.startsWith("/twin/city/")) return undefined;
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % 100 < 33 ? kinds[(state >>> 16) % kinds.length] : undefined;
    };
    await visit(server, { idleTimeoutMs: 500, maxErrorPx: 4 }, async ({ page, complaints }) => {
      await page.waitForFunction(() => twin.canvas.dataset.state === "settled" && twin.problems.length === 0);
      assert.equal(bare(await picture(page)), 0);
      const log = server.log().filter(({ path }) => path.startsWith("/twin/city/"));
      assert.ok(new Set(log.map(({ what }) => what)).size >= 6, "too little went wrong");
      for (const { path, attempt, at } of log.filter(({ attempt }) => attempt > 0)) {
        const before = log.find((other) => other.path === path && other.attempt === attempt - 1);
        // Browsers themselves ask again at once when a connection that had served before is reset.
        assert.ok(before.what === "reset" || at - before.at > 300, `${path} was asked for again after ${at - before.at} ms`);
      }
      // Each problem was told once while it stood, and all are solved.
      const { problems, solved } = await page.evaluate(() => ({ problems, solved }));
      assert.deepEqual(problems.map(({ place }) => place).sort(), solved.map(({ place }) => place).sort());
      // The browser itself writes down what the server answered; nobody else has anything to say.
      assert.deepEqual(complaints.filter((text) => !/^(status 50|request failed|error: Failed to load resource)/.test(text)), []);
      complaints.length = 0;
    });
  }));

test("a city of a gigabyte keeps to 64 MiB at every frame, and has no hole", () =>
  // 341 tiles of 3 MB.
  withServer({ depth: 4, vertices: 125_000 }, (server) =>
    visit(server, { cacheBytes: 64 << 20, maxErrorPx: 2 }, async ({ page, complaints }) => {
      // What fades in is not there yet.
      await page.evaluate(() => twin.setScene({ crossFade: { enabled: false } }));
      await settled(page);
      await page.evaluate(() => {
        const gl = twin.canvas.getContext("webgl2");
        // In a frame that draws nothing there is nothing to read.
        window.seen = { most: 0, drawn: twin.diagnostics().frames, frames: 0, holes: 0 };
        const pixels = new Uint8Array(4 * 320);
        window.afterFrame = () => {
          const { gpuBytes, heapBytes, treeBytes, frames } = { ...twin.stats(), ...twin.diagnostics() };
          seen.most = Math.max(seen.most, gpuBytes + heapBytes + treeBytes);
          if (frames === seen.drawn) return;
          seen.drawn = frames;
          seen.frames += 1;
          for (const part of [0.1, 0.5, 0.9]) {
            gl.readPixels(0, Math.floor(gl.drawingBufferHeight * part), 320, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
            for (let i = 0; i < pixels.length; i += 4) {
              const [r, g, b] = pixels.subarray(i, i + 3);
              seen.holes += Math.max(r, g, b) - Math.min(r, g, b) < 40;
            }
          }
        };
      });
      for (const [east, north, distance] of [[0, 0, 1500], [-1200, 900, 500], [1300, -1300, 700], [0, 0, 2500], [600, 900, 300]]) {
        await page.evaluate((view) => twin.setView(view), above(east, north, distance));
        await settled(page);
        assert.equal(bare(await picture(page)), 0, `${east} ${north} ${distance}`);
      }
      const { most, frames, holes } = await page.evaluate(() => seen);
      assert.ok(most > 20e6 && most <= 64 << 20, `${most} bytes`);
      assert.ok(frames > 5 && holes === 0, `${holes} pale pixels in ${frames} frames`);
      assert.ok((await page.evaluate(() => twin.stats().bytesDownloaded)) > 64 << 20, "too little was loaded to say anything");
      assert.deepEqual(complaints, []);
    }, { init: () => {
      // In the frame that drew it, the picture can be read.
      const real = window.requestAnimationFrame.bind(window);
      window.requestAnimationFrame = (call) => real((now) => { call(now); window.afterFrame?.(); });
    } })));

test("a server that goes away is asked again when it is back: by the network's return, by the host, by itself", () =>
  withServer({ depth: 3 }, (server) =>
    visit(server, { maxErrorPx: 4 }, async ({ page }) => {
      await settled(page);
      const ways = [
        () => page.evaluate(() => twin.retry()),
        () => page.evaluate(() => void window.dispatchEvent(new Event("online"))),
        () => undefined,
      ];
      for (const [round, again] of ways.entries()) {
        await server.goAway();
        await page.evaluate((view) => twin.setView(view), above(-700 + 600 * round, 600, 260));
        await page.waitForFunction(() => twin.problems.length > 0 && twin.canvas.dataset.state === "settled");
        assert.equal(bare(await picture(page)), 0, "what is coarser stands in");
        await server.comeBack();
        await again();
        await page.waitForFunction(() => twin.problems.length === 0 && twin.canvas.dataset.state === "settled");
      }
      const { problems, solved } = await page.evaluate(() => ({ problems, solved }));
      assert.equal(problems.length, solved.length);
      assert.ok(problems.every(({ code }) => code === "network"), JSON.stringify(problems));
    }, { init: hasten })));

/** In the page: keeps the decode workers at hand. A load of a file named `killer` ends its worker, which says so. */
function tapWorkers() {
  window.workers = [];
  const Real = window.Worker;
  window.Worker = class extends Real {
    constructor(...args) {
      super(...args);
      window.workers.push(this);
    }
    postMessage(message, ...rest) {
      super.postMessage(message, ...rest);
      if (window.killer && message.type === "load" && message.url.endsWith(window.killer)) {
        window.kills = (window.kills ?? 0) + 1;
        super.terminate();
        setTimeout(() => this.dispatchEvent(new MessageEvent("message", { data: { id: message.id, crash: "made up" } })));
      }
    }
    terminate() {
      this.ended = true;
      super.terminate();
    }
  };
}

test("workers that are ended behind our back are replaced, and a file that kills them becomes a problem", () =>
  withServer({ depth: 3 }, async (server) => {
    let hold = false;
    server.trouble = (path) => (hold && path.endsWith(".glb") ? "hang" : undefined);
    await visit(server, { maxErrorPx: 4 }, async ({ page, complaints }) => {
      await settled(page);
      hold = true;
      const asked = server.log().length;
      await page.evaluate((view) => twin.setView(view), above(-600, 600, 300));
      await until(() => server.log().length > asked);
      hold = false;
      await page.evaluate(() => workers.forEach((worker) => Object.getPrototypeOf(Worker.prototype).terminate.call(worker)));
      await settled(page);
      assert.equal(bare(await picture(page)), 0);
      await page.evaluate((view) => {
        window.killer = "/3_7_7.glb";
        twin.setView(view);
      }, above(850, 850, 150));
      await page.waitForFunction(() => problems.length > 0);
      await settled(page);
      assert.equal(bare(await picture(page)), 0);
      const { problems, kills } = await page.evaluate(() => ({ problems, kills }));
      assert.deepEqual(problems.map(({ code, place }) => [code, place.split("/").at(-1)]), [["decoder-crashed", "3_7_7.glb"]]);
      assert.equal(kills, 2);
      assert.deepEqual(complaints, []);
    }, { init: `(${hasten})(); (${tapWorkers})();` });
  }));

test("a tile that is gone, because the city was published again, is one problem with a hint", () =>
  withServer({ depth: 2 }, async (server) => {
    server.trouble = (path) => (path.endsWith("/1_1_1.glb") || path.endsWith("/2_3_3.glb") ? 404 : undefined);
    await visit(server, { maxErrorPx: 4 }, async ({ page }) => {
      await page.evaluate((view) => twin.setView(view), above(350, 350, 100));
      await settled(page);
      const problems = await page.evaluate(() => twin.problems);
      assert.ok(problems.length > 0 && problems.every(({ code, message }) => code === "file-gone" && /published again/.test(message)));
      assert.equal(bare(await picture(page)), 0);
      const asked = server.log().filter(({ path }) => path.endsWith("/2_3_3.glb")).length;
      assert.equal(asked, 1, "what is gone is not asked for again by itself");
    });
  }));

/** A browser gives hidden pages no frames: `hide()` and `show()`. */
function sleepers() {
  const real = window.requestAnimationFrame.bind(window);
  const queue = [];
  let asleep = false;
  window.requestAnimationFrame = (call) => real((time) => (asleep ? queue.push(call) : call(time)));
  window.hide = () => (asleep = true);
  window.show = () => {
    asleep = false;
    queue.splice(0).forEach((call) => real(call));
  };
}

test("a city without layers is settled, and one that is hidden and shown again goes on where it was", () =>
  withServer({ depth: 2 }, (server) =>
    visit(server, {}, async ({ page, complaints }) => {
      await settled(page);
      const before = await page.evaluate(() => {
        hide();
        return { view: twin.view, frames: twin.diagnostics().frames };
      });
      await page.evaluate((view) => { void twin.flyTo({ ...view, durationMs: 400 }); }, above(200, 0, 400));
      await pause(600);
      const hidden = await page.evaluate(() => ({ view: twin.view, frames: twin.diagnostics().frames }));
      assert.deepEqual(hidden, before, "nothing is done for nobody");
      await page.evaluate(() => show());
      await settled(page);
      assert.ok(Math.abs((await page.evaluate(() => twin.view.distanceM)) - 400) < 1);
      assert.equal(bare(await picture(page)), 0);
      const empty = await page.evaluate(async () => {
        const empty = await CityTwin.create("#other", { twin: "/twin/empty.json" });
        await empty.settled();
        const seen = [empty.canvas.dataset.state, empty.layers.length, empty.problems.length];
        empty.remove();
        return seen;
      });
      assert.deepEqual(empty, ["settled", 0, 0]);
      assert.deepEqual(complaints, []);
    }, { init: sleepers })));

test("the picture follows the size of the element and the pixels of the screen", () =>
  withServer({ depth: 3 }, (server) =>
    visit(server, {}, async ({ page, complaints }) => {
      await settled(page);
      const size = () => page.evaluate(() => [twin.canvas.width, twin.canvas.height]);
      const untilSize = (size) => page.waitForFunction(([w, h]) => twin.canvas.width === w && twin.canvas.height === h, size);
      assert.deepEqual(await size(), [320, 200]);
      await page.evaluate(() => (document.querySelector("#city").style.width = "240px"));
      await untilSize([240, 200]);
      const cdp = await page.context().newCDPSession(page);
      for (const ratio of [2, 1.5, 1]) {
        await cdp.send("Emulation.setDeviceMetricsOverride", { width: 320, height: 400 + 10 * ratio, deviceScaleFactor: ratio, mobile: false });
        await untilSize([240 * ratio, 200 * ratio]);
        await settled(page);
      }
      assert.equal(bare(await picture(page)), 0);
      assert.deepEqual(complaints, []);
    })));

test("two cities on a page know nothing of each other, and one that is removed leaves nothing", () =>
  withServer({ depth: 2 }, (server) =>
    visit(server, {}, async ({ page, complaints }) => {
      await settled(page);
      const alone = { live: await page.evaluate(() => liveGl()), workers: await page.evaluate(() => workers.length) };
      const cycle = () => page.evaluate(async (view) => {
        const other = await CityTwin.create("#other", { twin: "/twin/twin.json", maxErrorPx: 8 });
        const heardBefore = { ...heard };
        other.setView(view);
        await other.settled();
        const independent = JSON.stringify(heardBefore) === JSON.stringify(heard) && twin.view.distanceM !== other.view.distanceM;
        other.remove();
        other.remove();
        const codes = [];
        for (const call of ["retry", "settled", "stats", "pick", "view"]) {
          try { await (typeof other[call] === "function" ? other[call]() : 0); codes.push("none"); } catch (error) { codes.push(error.code); }
        }
        return { independent, codes };
      }, above(100, 100, 500));
      const { independent, codes } = await cycle();
      assert.ok(independent);
      assert.ok(codes.every((code) => code === "removed"), codes.join());
      for (let i = 0; i < 9; i++) await cycle();
      const early = await memory(page);
      // Removed while it loads, flies and picks, forty times over.
      const left = await page.evaluate(async (view) => {
        for (let i = 0; i < 40; i++) {
          const other = await CityTwin.create("#other", { twin: "/twin/twin.json", maxErrorPx: 8 });
          if (i % 4 > 0) void other.flyTo({ ...view, durationMs: 1000 });
          const waiting = [other.settled(), ...(i % 4 > 1 ? [other.pick(10, 10)] : [])];
          if (i % 4 > 2) await new Promise(requestAnimationFrame);
          other.remove();
          await Promise.all(waiting);
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
        return { workers: workers.filter((worker) => !worker.ended).length, live: liveGl(), canvases: document.querySelectorAll("#other canvas").length };
      }, above(100, 100, 500));
      assert.deepEqual({ ...left, live: lasting(left.live) }, { workers: alone.workers, live: lasting(alone.live), canvases: 0 });
      assert.ok(left.live.Program <= 16, JSON.stringify(left.live));
      const late = await memory(page);
      assert.ok(late.heap < early.heap * 1.1 + 300_000, JSON.stringify({ early, late }));
      assert.ok(late.wasm <= early.wasm * 1.1, JSON.stringify({ early, late }));
      await settled(page);
      assert.equal((await page.evaluate(() => twin.pick(160, 100))).layer, "ground");
      assert.deepEqual(complaints, []);
    }, { init: tapWorkers })));

/** Counts what the driver was asked of programs, and how often only after something was drawn in the same frame. */
function watchPrograms() {
  window.asked = { before: 0, behind: 0 };
  let hasDrawn = false;
  const frame = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (fn) => frame((time) => {
    hasDrawn = false;
    fn(time);
  });
  const proto = WebGL2RenderingContext.prototype;
  for (const name of ["clear", "drawArrays", "drawElements", "drawArraysInstanced", "drawElementsInstanced"]) {
    const real = proto[name];
    proto[name] = function (...args) { hasDrawn = true; return real.apply(this, args); };
  }
  for (const name of ["getProgramParameter", "getUniformLocation", "getUniformBlockIndex"]) {
    const real = proto[name];
    proto[name] = function (...args) { window.asked[hasDrawn ? "behind" : "before"] += 1; return real.apply(this, args); };
  }
}

test("the driver is asked for programs before a frame is drawn, never behind it, which would wait for the drawing", () =>
  withServer({ depth: 2 }, (server) =>
    visit(server, {}, async ({ page, complaints }) => {
      await settled(page);
      await page.evaluate(async () => {
        twin.setScene({ shadows: { mode: 'full' }, xRay: { enabled: true } });
        await twin.settled();
        await twin.pick(160, 100);
      });
      const asked = await page.evaluate(() => window.asked);
      assert.ok(asked.before > 20 && asked.behind === 0, JSON.stringify(asked));
      assert.deepEqual(complaints, []);
    }, { init: watchPrograms })));

/** Bytes that go to the GPU in each frame; frames are seldom, so that tiles pile up. */
function watchUploads() {
  const frame = window.requestAnimationFrame.bind(window);
  // A clock on which a frame takes 100 ms, and within it nothing takes time but what `costMs` says of each buffer.
  window.costMs = 0;
  let now = performance.now();
  performance.now = () => now;
  window.frames = [];
  window.requestAnimationFrame = (fn) => setTimeout(() => frame((time) => {
    now += 100;
    window.frames.push(0);
    fn(time);
  }), 100);
  const proto = WebGL2RenderingContext.prototype;
  const real = proto.bufferData;
  proto.bufferData = function (target, data, ...rest) {
    const bytes = data?.byteLength ?? 0;
    if (bytes > 0 && window.frames.length > 0) {
      window.frames[window.frames.length - 1] += bytes;
      now += window.costMs;
    }
    return real.call(this, target, data, ...rest);
  };
}

for (const [what, costMs, most] of [
  ["no more than 8 MiB and the tile that passes them", 0, (bytes) => bytes < (8 << 20) + 3_300_000],
  ["nothing after 6 ms", 7, (bytes) => bytes < 3_300_000],
]) {
  test(`tiles that pile up go to the GPU frame by frame: ${what}`, () =>
    withServer({ depth: 2, vertices: 200_000 }, (server) =>
      visit(server, { maxErrorPx: 2 }, async ({ page, complaints }) => {
        await page.evaluate((costMs) => (window.costMs = costMs), costMs);
        await page.evaluate((view) => twin.setView(view), above(0, 0, 900));
        const { tilesVisible } = await settled(page);
        const frames = await page.evaluate(() => window.frames.filter((bytes) => bytes > 500_000));
        const sum = frames.reduce((sum, bytes) => sum + bytes, 0);
        assert.ok(tilesVisible >= 9 && sum > 20e6, `${tilesVisible} tiles, ${sum} bytes`);
        assert.ok(frames.every(most), JSON.stringify(frames));
        assert.deepEqual(complaints, []);
      }, { init: watchUploads })));
}

/** Makes the graphics look slow, and notes of each picture whether it was drawn beside the canvas, without samples. */
function slowGraphics() {
  window.pictures = [];
  const raised = new Map();
  let bound = null;
  const proto = WebGL2RenderingContext.prototype;
  const { fenceSync, getSyncParameter, bindFramebuffer, clear } = proto;
  proto.fenceSync = function (...args) {
    const sync = fenceSync.apply(this, args);
    raised.set(sync, performance.now());
    return sync;
  };
  proto.getSyncParameter = function (sync, ...args) {
    const isYoung = performance.now() - raised.get(sync) < 120;
    return isYoung ? this.UNSIGNALED : getSyncParameter.call(this, sync, ...args);
  };
  proto.bindFramebuffer = function (target, framebuffer) {
    bound = framebuffer;
    return bindFramebuffer.call(this, target, framebuffer);
  };
  proto.clear = function (bits) {
    if (bits & this.STENCIL_BUFFER_BIT) window.pictures.push(bound ? "rough" : "whole");
    return clear.call(this, bits);
  };
}

test("slow graphics draw without samples while the view moves, and the same picture as fast ones at rest", () =>
  withServer({ depth: 2 }, async (server) => {
    const [from, to] = [above(0, 0, 900), above(200, 100, 700)];
    const move = async (page) => {
      await settled(page);
      return page.evaluate(async ([from, to]) => {
        window.pictures = [];
        for (let i = 0; i <= 20; i++) {
          const between = (key) => from[key] + ((to[key] - from[key]) * i) / 20;
          twin.setView(Object.fromEntries(Object.keys(from).map((key) => [key, between(key)])));
          await new Promise(requestAnimationFrame);
        }
        const moving = window.pictures.length;
        await twin.settled();
        return { pictures: window.pictures, moving };
      }, [from, to]);
    };
    const shown = [];
    await visit(server, {}, async ({ page, complaints }) => {
      const { pictures, moving } = await move(page);
      // One change of the view alone is a jump.
      assert.deepEqual([moving >= 5, pictures.slice(1, moving).includes("whole"), pictures.at(-1)], [true, false, "whole"], pictures.join());
      shown.push(await picture(page));
      assert.deepEqual(complaints, []);
    }, { init: slowGraphics });
    await visit(server, {}, async ({ page }) => {
      await page.evaluate(() => twin.setScene({ resolution: { adaptive: false } }));
      const { pictures } = await move(page);
      assert.ok(pictures.length > 5 && !pictures.includes("rough"), pictures.join());
      shown.push(await picture(page));
    }, { init: slowGraphics });
    assert.equal(difference(...shown), 0);
  }));

test("an hour of flight leaves memory as it was", () =>
  withServer({ depth: 4, vertices: 2_000 }, (server) =>
    visit(server, { cacheBytes: 3 << 20, maxErrorPx: 8 }, async ({ page, complaints }) => {
      await settled(page);
      let state = 1;
      const random = () => {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        return state / 2 ** 32 - 0.5;
      };
      const figures = [];
      // Flights of eighteen seconds, by a clock that goes sixty times as fast.
      for (let hop = 0; hop < 200; hop++) {
        const to = above(3000 * random(), 3000 * random(), 300 + 1200 * (random() + 0.5));
        await page.evaluate(async ([to, durationMs]) => {
          void twin.flyTo({ ...to, durationMs });
          await new Promise((resolve) => setTimeout(resolve, 300));
        }, [to, 18_000]);
        if (hop % 50 === 49) {
          await settled(page);
          figures.push({ ...(await memory(page)), ...(await page.evaluate(() => ({ ...twin.stats(), ...twin.diagnostics() }))) });
        }
      }
      const [, early, , late] = figures;
      assert.ok(late.bytesDownloaded > early.bytesDownloaded + (6 << 20), "too little was loaded to say anything");
      // Memory grows in steps and never shrinks: a step may come late, but not a hundredth of what passed through stays.
      assert.ok(late.wasm - early.wasm < (late.bytesDownloaded - early.bytesDownloaded) / 100 && late.heap < early.heap * 1.05 + 200_000, JSON.stringify({ early, late }));
      assert.ok(figures.every(({ gpuBytes, heapBytes, treeBytes }) => gpuBytes + heapBytes + treeBytes <= 3 << 20));
      assert.deepEqual(complaints, []);
    }, { init: () => {
      const real = performance.now.bind(performance);
      performance.now = () => 60 * real();
    } })));
