// The ten-line example in Firefox: Debian's `firefox-esr`, spoken to through WebDriver BiDi, with WebGL2 by Mesa's
// software renderer, for which Firefox wants a display: Debian's `xvfb`. FIREFOX and XVFB name others.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { firefox } from "playwright-core";
import { PATIENCE_MS, colours, serve, settled, target } from "../harness.mjs";

const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";
const XVFB = process.env.XVFB ?? "/usr/bin/Xvfb";
const missing = [FIREFOX, XVFB].filter((file) => !existsSync(file));
const skip = missing.length > 0 && `${missing.join(" and ")} not found: Firefox is NOT tested (apt-get install firefox-esr xvfb)`;
if (skip) console.error(`\n!! ${skip}\n`);

/** A display that nobody sees; `stop` it in the end. */
async function display() {
  // It chooses a free number by itself, and says which on file descriptor 3.
  const child = spawn(XVFB, ["-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const number = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdio[3] }).once("line", resolve);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`Xvfb ended with ${code}`)));
  });
  return { name: `:${number}`, stop: () => child.kill() };
}

test("the ten-line example shows a city and answers a click in Firefox", { skip }, async () => {
  const [server, screen] = await Promise.all([serve(path.join(target, "examples/minimal-html")), display()]);
  let browser;
  try {
    browser = await firefox.launch({
      channel: "moz-firefox", executablePath: FIREFOX, headless: false,
      env: { ...process.env, DISPLAY: screen.name, LIBGL_ALWAYS_SOFTWARE: "1" },
      firefoxUserPrefs: { "webgl.force-enabled": true, "webgl.disable-fail-if-major-performance-caveat": true },
    });
    const page = await browser.newPage({ viewport: { width: 480, height: 320 } });
    page.setDefaultTimeout(PATIENCE_MS);
    const faults = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => { if (message.type() === "error") faults.push(message.text()); });
    await page.goto(server.url);
    assert.ok((await settled(page)).triangles > 10_000);
    await page.mouse.click(240, 160);
    await page.waitForFunction(() => document.title !== "A city on a page");
    // Before the picture, for which Playwright wants an inline style that our policy forbids.
    assert.deepEqual(faults, []);
    await mkdir(path.join(target, "screenshots"), { recursive: true });
    const { count, commonest } = colours(await page.screenshot({ path: path.join(target, "screenshots/firefox.png") }));
    assert.ok(count > 100 && commonest < 0.5, JSON.stringify({ count, commonest }));
  } finally {
    await browser?.close();
    screen.stop();
    await server.stop();
  }
});
