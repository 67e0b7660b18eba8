// The smallest page that shows a city and answers a click, as a person would write it for each engine: the same browser,
// window, city and measures, one engine after the other, each with an empty cache, several times. Prints medians and
// writes JSON and Markdown. Run by `cargo xtask bench --pages`.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { PNG } from "pngjs";
import { countingServer } from "../engines/server.mjs";
import { dist, here, openBrowser, target } from "../harness.mjs";

const { values: { runs } } = parseArgs({ options: { runs: { type: "string", default: "5" } } });

/** Software rendering is slow: a small window, so that pixels do not decide. */
const VIEWPORT = { width: 640, height: 400 };
/** A page is done when its tiles have come, and nothing was asked for and nothing painted for so long. */
const QUIET_MS = 4000;
const LEAST_TILES = 10;
const LONGEST_MS = 90_000;
/** A channel may differ by so much and still be the same colour. */
const NEAR = 24;
/** Shares of the picture's changed pixels that look as they will in the end: something can be seen, and all. */
const FIRST = 0.1;
const WHOLE = 0.95;

const out = path.join(target, "pages");
const twin = { "/twin/": path.join(dist, "twin") };
const sources = path.join(here, "pages");
const PAGES = {
  citytwin: {
    title: "CityTwin", folder: path.join(target, "examples/minimal-html"), written: ["index.html", "main.js", "style.css"],
    mounts: (folder) => ({ ...twin, "/": folder }),
  },
  cesium: {
    title: "CesiumJS", folder: path.join(sources, "cesium"), written: ["index.html", "main.js", "style.css"],
    mounts: (folder) => ({ ...twin, "/cesium/": path.join(here, "node_modules/cesium/Build/Cesium"), "/": folder }),
  },
  threejs: {
    title: "3DTilesRendererJS", folder: path.join(sources, "threejs"), written: ["index.html", "main.js", "style.css"],
    mounts: (folder) => ({ ...twin, "/main.js": path.join(out, "threejs/main.js"), "/": folder }),
  },
};
const MEASURES = [
  ["lines", "lines written", (value) => value],
  ["requests", "requests", (value) => value],
  ["kilobytes", "kB over the wire, brotli", (value) => Math.round(value).toLocaleString("en")],
  ["codeKilobytes", "of which code", (value) => Math.round(value).toLocaleString("en")],
  ["firstPictureMs", "first picture, s", (value) => (value / 1000).toFixed(1)],
  ["wholePictureMs", "whole picture, s", (value) => (value / 1000).toFixed(1)],
  ["fcpMs", "first contentful paint, s", (value) => (value / 1000).toFixed(2)],
  ["lcpMs", "largest contentful paint, s", (value) => (value / 1000).toFixed(2)],
  ["blockedMs", "total blocking time, ms", (value) => Math.round(value).toLocaleString("en")],
  ["shift", "cumulative layout shift", (value) => value.toFixed(3)],
];

/** What Lighthouse looks at, written down by the page itself. */
function instrument() {
  window.vitals = { fcpMs: NaN, lcpMs: NaN, shift: 0, tasks: [] };
  const observe = (type, take) => {
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
  };
  observe("paint", ({ name, startTime }) => { if (name === "first-contentful-paint") window.vitals.fcpMs = startTime; });
  observe("largest-contentful-paint", ({ startTime }) => { window.vitals.lcpMs = startTime; });
  observe("layout-shift", ({ value, hadRecentInput }) => { if (!hadRecentInput) window.vitals.shift += value; });
  observe("longtask", ({ startTime, duration }) => window.vitals.tasks.push([startTime, duration]));
}

async function measure(page, server) {
  server.reset();
  const browser = await openBrowser();
  try {
    const tab = await browser.newPage({ viewport: VIEWPORT });
    const faults = [];
    tab.on("pageerror", (error) => faults.push(String(error)));
    await tab.addInitScript(instrument);
    const session = await tab.context().newCDPSession(tab);
    const frames = [];
    let changedAt = performance.now();
    session.on("Page.screencastFrame", ({ data, metadata, sessionId }) => {
      session.send("Page.screencastFrameAck", { sessionId }).catch(() => {});
      const png = Buffer.from(data, "base64");
      if (frames.length === 0 || !png.equals(frames.at(-1).png)) changedAt = performance.now();
      frames.push({ at: metadata.timestamp * 1000, png });
    });
    await session.send("Page.startScreencast", { format: "png", everyNthFrame: 1 });
    const start = performance.now();
    await tab.goto(`${server.url}/index.html`);
    const since = () => performance.now() - Math.max(changedAt, server.lastAt());
    const has = () => server.counted(["/twin/"]).requests >= LEAST_TILES && frames.length > 1;
    while (!(has() && since() > QUIET_MS) && performance.now() - start < LONGEST_MS) await pause(100);
    await session.send("Page.stopScreencast");
    const { vitals, origin } = await tab.evaluate(() => ({ vitals: window.vitals, origin: performance.timeOrigin }));
    const picture = await tab.screenshot();
    if (faults.length > 0) throw new Error(`${page.title}: ${faults.join("\n")}`);
    const { fcpMs, lcpMs, shift, tasks } = vitals;
    const blockedMs = tasks.reduce((sum, [at, duration]) => sum + (at >= fcpMs ? Math.max(0, duration - 50) : 0), 0);
    const all = server.counted(["/"]);
    const tiles = server.counted(["/twin/"]);
    return {
      picture, requests: all.requests, kilobytes: all.bytes / 1000, codeKilobytes: (all.bytes - tiles.bytes) / 1000,
      ...seen(frames, origin), fcpMs, lcpMs, blockedMs, shift,
    };
  } finally {
    await browser.close();
  }
}

/** When so much of the last picture could be seen as counts for something, and for all; milliseconds since the start. */
function seen(frames, origin) {
  const images = new Map();
  const image = (png) => images.get(png) ?? images.set(png, PNG.sync.read(png).data).get(png);
  // Before anything a page is white; the first frame that the browser tells of may have something in it already.
  const last = image(frames.at(-1).png);
  const blank = Buffer.alloc(last.length, 255);
  const alike = (a, b, i) => [0, 1, 2].every((channel) => Math.abs(a[i + channel] - b[i + channel]) < NEAR);
  const changing = [];
  for (let i = 0; i < last.length; i += 4) if (!alike(blank, last, i)) changing.push(i);
  const progress = ({ png }) => changing.filter((i) => alike(image(png), last, i)).length / changing.length;
  const at = (share) => frames.find((frame) => progress(frame) >= share).at - origin;
  return { firstPictureMs: at(FIRST), wholePictureMs: at(WHOLE) };
}

async function linesOf({ folder, written }) {
  const texts = await Promise.all(written.map((file) => readFile(path.join(folder, file), "utf8")));
  return texts.flatMap((text) => text.split("\n")).filter((line) => line.trim() !== "").length;
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

await mkdir(out, { recursive: true });
await build({
  entryPoints: [path.join(sources, "threejs/main.js")], outfile: path.join(out, "threejs/main.js"), nodePaths: [path.join(here, "node_modules")],
  bundle: true, minify: true, format: "esm", target: "es2022", logLevel: "error",
});
const names = Object.keys(PAGES);
const results = Object.fromEntries(names.map((name) => [name, []]));
const servers = {};
for (const name of names) servers[name] = await countingServer(PAGES[name].mounts(PAGES[name].folder), {}, { compressed: true });
try {
  // The first round fills the server's compressed copies.
  for (let run = 0; run <= Number(runs); run++) {
    for (const name of names) {
      const { picture, ...result } = await measure(PAGES[name], servers[name]);
      if (run > 0) results[name].push({ lines: await linesOf(PAGES[name]), ...result });
      await writeFile(path.join(out, `${name}.png`), picture);
    }
  }
} finally {
  await Promise.all(names.map((name) => servers[name].stop()));
}
const medians = Object.fromEntries(names.map((name) => [
  name, Object.fromEntries(MEASURES.map(([key]) => [key, median(results[name].map((result) => result[key]))])),
]));
const table = [
  `| the smallest page | ${names.map((name) => PAGES[name].title).join(" | ")} |`,
  `|---|${names.map(() => "---:").join("|")}|`,
  ...MEASURES.map(([key, title, shown]) => `| ${title} | ${names.map((name) => shown(medians[name][key])).join(" | ")} |`),
].join("\n");
await writeFile(path.join(out, "pages.json"), `${JSON.stringify({ runs: Number(runs), viewport: VIEWPORT, medians, results }, null, 1)}\n`);
await writeFile(path.join(out, "pages.md"), `${table}\n`);
console.log(`\n${table}\n\n  ${path.join(out, "pages.json")}, pages.md, a picture of each`);
