// Loads the demo three times in headless Chromium, each time with an empty cache, and prints the medians as JSON.
// Run by `cargo xtask bench`. Figures of software rendering: compare them with each other, not with a laptop's.
import { LAPTOP, openBrowser, openPage, serve, settled } from "./harness.mjs";

const RUNS = 3;

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

const server = await serve();
const browser = await openBrowser();
const runs = [];
try {
  for (let run = 0; run < RUNS; run++) {
    const { page, close } = await openPage(browser, "about:blank", { viewport: LAPTOP });
    let requests = 0;
    let bytes = 0;
    const sizes = [];
    page.on("requestfinished", (request) => {
      requests++;
      sizes.push(request.sizes().then(({ responseBodySize }) => (bytes += responseBodySize), () => 0));
    });
    const start = performance.now();
    await page.goto(server.url);
    const drawn = await settled(page);
    const settleMs = performance.now() - start;
    await Promise.all(sizes);
    const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
    runs.push({ firstPaintMs: paint, settleMs, requests, kilobytes: bytes / 1000, ...drawn });
    await close();
  }
} finally {
  await browser.close();
  await server.stop();
}
const keys = ["firstPaintMs", "settleMs", "requests", "kilobytes", "tiles", "triangles", "features"];
console.log(JSON.stringify(Object.fromEntries(keys.map((key) => [key, Math.round(median(runs.map((run) => run[key])))]))));
