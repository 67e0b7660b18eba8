// What every page test stands on: the server under test, a browser, and a page that writes down its complaints.
//
// `cargo xtask test page` sets CITYTWIN (the command), CITYTWIN_TARGET (the build directory) and CHROMIUM. By hand,
// after one such run: `node --test tests-wasm/page/`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import http from "node:http";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pixelmatch from "pixelmatch";
import { chromium } from "playwright-core";
import { PNG } from "pngjs";

export const here = path.dirname(fileURLToPath(import.meta.url));
export const target = process.env.CITYTWIN_TARGET ?? path.join(here, "../target");
export const dist = path.join(target, "dist");
/** The `citytwin` command. */
export const citytwin = process.env.CITYTWIN ?? path.join(target, "debug/citytwin");

const flags = JSON.parse(await readFile(path.join(here, "chromium-flags.json"), "utf8"));

export const LAPTOP = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

/** Software rendering is slow, and slower while others compile. */
export const PATIENCE_MS = Number(process.env.PATIENCE_MS ?? 180_000);

/** Runs `citytwin serve` on a folder; `stop` it in the end. */
export async function serve(folder = dist) {
  const port = await freePort();
  const child = spawn(citytwin, ["serve", folder, "--port", String(port)], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk) => (said += chunk));
  let ended = null;
  child.on("exit", (code) => (ended = code ?? -1));
  child.on("error", (error) => { ended = -1; said += error.message; });
  const url = `http://127.0.0.1:${port}/`;
  const deadline = Date.now() + 30_000;
  while (!(await fetch(url).then((response) => response.ok, () => false))) {
    if (ended !== null || Date.now() > deadline) {
      child.kill();
      throw new Error(`\`${citytwin} serve ${folder}\` does not answer: ${said}`);
    }
    await pause(50);
  }
  const stop = async () => {
    if (ended === null) { child.kill(); await once(child, "exit"); }
  };
  return { url, stop };
}

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

const TYPES = {
  ".css": "text/css", ".glb": "model/gltf-binary", ".html": "text/html", ".js": "text/javascript",
  ".json": "application/json", ".mjs": "text/javascript", ".svg": "image/svg+xml", ".wasm": "application/wasm",
};

/** A plain file server for pages that are not ours to serve: `mounts` maps URL prefixes to folders; `headers` go along. */
export async function serveFiles(mounts, headers = {}) {
  const server = http.createServer(async (request, response) => {
    const wanted = decodeURIComponent(new URL(request.url, "http://x").pathname);
    const mount = Object.keys(mounts).find((prefix) => wanted.startsWith(prefix));
    try {
      const file = path.join(mounts[mount], wanted.slice(mount.length).replaceAll("..", ""));
      const bytes = await readFile(file);
      const type = TYPES[path.extname(file)] ?? "application/octet-stream";
      response.writeHead(200, { "content-type": type, ...headers }).end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const stop = async () => {
    if (!server.listening) return;
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { url: `http://127.0.0.1:${server.address().port}/`, stop };
}

/** Headless Chromium with WebGL2 in software; `close` it in the end. */
export function openBrowser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });
}

/**
 * Opens a page of its own, without cache or storage of earlier ones. `complaints` fills with everything that a
 * developer would see in red or yellow: console errors and warnings, exceptions, failed requests, violations of the
 * Content-Security-Policy.
 */
export async function openPage(browser, url, { viewport = LAPTOP, ...options } = {}) {
  const context = await browser.newContext({ viewport, locale: "en", reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints = [];
  page.on("console", (message) => {
    const text = message.text();
    // Chromium's hints at how it keeps its own copies of buffers are no complaint about the page.
    if (["error", "warning"].includes(message.type()) && !/performance warning: READ-usage buffer/.test(text)) {
      complaints.push(`${message.type()}: ${text} (${message.location().url})`);
    }
  });
  page.on("pageerror", (error) => complaints.push(`exception: ${error.stack ?? error}`));
  page.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText;
    if (reason !== "net::ERR_ABORTED") complaints.push(`request failed: ${request.url()} (${reason})`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`status ${response.status()}: ${response.url()}`);
  });
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`CSP: ${event.violatedDirective} forbids ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
    });
  });
  await page.goto(url);
  return { page, complaints, close: () => context.close() };
}

/** Waits until the city is drawn, and returns what the canvas says about the frame. */
export async function settled(page) {
  try {
    await page.waitForFunction(() => document.querySelector("canvas")?.dataset.state === "settled");
  } catch (error) {
    const state = await page.evaluate(() => ({ ...document.querySelector("canvas")?.dataset }));
    throw new Error(`the city does not settle; the canvas says ${JSON.stringify(state)}`, { cause: error });
  }
  return frame(page);
}

/** The numbers that the viewer keeps on its canvas: tiles, triangles and features of the drawn frame. */
export async function frame(page) {
  const data = await page.evaluate(() => ({ ...document.querySelector("canvas").dataset }));
  return { state: data.state, tiles: +data.tiles, triangles: +data.triangles, features: +data.features };
}

/** Keeps a picture of the page for people in the build directory. */
export async function keepScreenshot(page, name) {
  await mkdir(path.join(target, "screenshots"), { recursive: true });
  await page.screenshot({ path: path.join(target, "screenshots", `${name}.png`) });
}

/** How many different colours a picture has, each channel in steps of 16, and the share of the commonest. */
export function colours(png) {
  const image = PNG.sync.read(png);
  const counts = new Map();
  for (let i = 0; i < image.data.length; i += 4) {
    const key = ((image.data[i] >> 4) << 8) | ((image.data[i + 1] >> 4) << 4) | (image.data[i + 2] >> 4);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const commonest = Math.max(...counts.values()) / (image.width * image.height);
  return { count: counts.size, commonest };
}

/**
 * Compares a picture with `golden/NAME.png`: at most `share` of the pixels may look different. UPDATE_GOLDEN=1
 * rewrites the golden picture instead. What differs is written to the build directory.
 */
export async function matchesGolden(png, name, share = 0.02) {
  const file = path.join(here, "golden", `${name}.png`);
  if (process.env.UPDATE_GOLDEN) {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, png);
    return;
  }
  const golden = PNG.sync.read(await readFile(file));
  const image = PNG.sync.read(png);
  const { width, height } = golden;
  if (image.width !== width || image.height !== height) {
    throw new Error(`${name} is ${image.width}×${image.height}, its golden picture ${width}×${height}`);
  }
  const difference = new PNG({ width, height });
  const different = pixelmatch(golden.data, image.data, difference.data, width, height, { threshold: 0.1 });
  if (different > share * width * height) {
    const folder = path.join(target, "golden-failed");
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, `${name}.png`), png);
    await writeFile(path.join(folder, `${name}.difference.png`), PNG.sync.write(difference));
    const percent = ((100 * different) / (width * height)).toFixed(1);
    throw new Error(`${percent} % of ${name} differs from its golden picture; see ${folder} (UPDATE_GOLDEN=1 accepts)`);
  }
}
