// One engine over one set of tilesets, in a browser of its own: what it costs, and what it draws.
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";
import flags from "../chromium-flags.json" with { type: "json" };

/** Measuring memory at once, rather than at the next collection. */
const FLAGS = [...flags, "--enable-blink-features=ForceEagerMeasureMemory"];
const ORBIT_FRAMES = 120;
const FLIGHT_MS = 4000;

export const ENGINES = {
  citytwin: { title: "CityTwin", code: ["/citytwin/"] },
  cesium: { title: "CesiumJS", code: ["/cesium/"] },
  threejs: { title: "3DTilesRendererJS", code: ["/bundle/", "/draco/"] },
};

/** The lengths of long tasks with their starts. */
function instrument() {
  window.longTasks = [];
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) window.longTasks.push([startTime, duration]);
  }).observe({ entryTypes: ["longtask"] });
}

/** `set` is { tilesets, views, orbit }; returns one number per measure, and the pictures when they are asked for. */
export async function measure(server, engine, set, { viewport, maxErrorPx, pictures = false }) {
  server.reset();
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
  try {
    const page = await browser.newPage({ viewport });
    page.setDefaultTimeout(180_000);
    const faults = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    await page.addInitScript(instrument);
    const session = await page.context().newCDPSession(page);
    // The processor's time, not the clock's: two cores are shared with what draws in software.
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    const cost = async () => {
      const { metrics } = await session.send("Performance.getMetrics");
      const seconds = (name) => metrics.find((metric) => metric.name === name).value;
      return { scriptMs: 1e3 * seconds("ScriptDuration"), taskMs: 1e3 * seconds("TaskDuration") };
    };
    const query = new URLSearchParams({ twin: set.twin, error: maxErrorPx, view: JSON.stringify(set.views[0]) });
    for (const tileset of set.tilesets) query.append("tileset", tileset);
    await page.goto(`${server.url}/${engine}.html?${query}`);
    await page.waitForFunction(() => window.bench);
    const result = { settleMs: 0, views: [], pictures: [] };
    for (const view of set.views) {
      const settleMs = await page.evaluate((view) => window.bench.settle(view), view);
      result.settleMs += settleMs;
      result.views.push({ settleMs, ...(await page.evaluate(() => window.bench.figures())) });
      if (pictures) result.pictures.push(await page.screenshot());
    }
    const loaded = await cost();
    result.firstPictureMs = await page.evaluate(() => window.bench.firstPictureMs);
    const long = await page.evaluate(() => window.longTasks);
    const after = long.filter(([start]) => start > result.firstPictureMs);
    result.longTasks = after.length;
    result.blockedMs = long.reduce((sum, [, duration]) => sum + Math.max(0, duration - 50), 0);
    Object.assign(result, loaded);
    const tiles = server.counted(["/sets/"]);
    result.requests = tiles.requests;
    result.tileBytes = tiles.bytes;
    const orbit = () => page.evaluate(([view, frames]) => window.bench.orbit(view, frames), [set.orbit, ORBIT_FRAMES]);
    const spent = await frameScripts(browser, orbit);
    spent.sort((a, b) => a - b);
    result.frameMsP50 = spent[spent.length >> 1];
    result.frameMsP95 = spent[Math.floor(spent.length * 0.95)];
    const [from, to] = set.views;
    const gaps = await page.evaluate(([from, to, ms]) => window.bench.flight(from, to, ms), [from, to, FLIGHT_MS]);
    result.framesPerSecond = (1e3 * gaps.length) / gaps.reduce((sum, gap) => sum + gap, 0);
    result.longestGapMs = Math.max(...gaps);
    Object.assign(result, await memory(browser, page));
    result.code = server.counted(ENGINES[engine].code).files;
    if (faults.length > 0) throw new Error(faults.join("\n"));
    return result;
  } finally {
    await browser.close();
  }
}

/** Milliseconds of the processor that the scripts of each frame take while `work` runs. */
async function frameScripts(browser, work) {
  const session = await browser.newBrowserCDPSession();
  const events = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  const includedCategories = ["devtools.timeline", "disabled-by-default-devtools.timeline.frame"];
  await session.send("Tracing.start", { traceConfig: { includedCategories } });
  await work();
  const complete = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
  await session.send("Tracing.end");
  await complete;
  events.sort((a, b) => a.ts - b.ts);
  const spent = [];
  for (const { name, tdur } of events) {
    if (name === "BeginMainThreadFrame") spent.push(0);
    if (name === "FireAnimationFrame" && spent.length > 0) spent[spent.length - 1] += tdur / 1e3;
  }
  return spent.filter((ms) => ms > 0);
}

/** Bytes that the page holds by the browser's own account, on its graphics card, and of its two processes. */
async function memory(browser, page) {
  const heapBytes = await page.evaluate(async () => (await performance.measureUserAgentSpecificMemory()).bytes);
  const { gpuBytes } = await page.evaluate(() => window.bench.figures());
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  let processBytes = 0;
  for (const { type, id } of processInfo) {
    if (type !== "renderer" && type !== "GPU") continue;
    const rollup = await readFile(`/proc/${id}/smaps_rollup`, "utf8").catch(() => "");
    for (const [, kB] of rollup.matchAll(/^Private_\w+:\s+(\d+) kB$/gm)) processBytes += 1024 * Number(kB);
  }
  return { heapBytes, gpuBytes, memoryBytes: heapBytes + gpuBytes, processBytes };
}
