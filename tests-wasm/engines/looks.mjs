// The same city in other lights, cut open, seen through, from below and from afar: a picture of each engine that has
// such a look, side by side, for people to judge.
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { chromium } from "playwright-core";
import flags from "../chromium-flags.json" with { type: "json" };
import { writeSheet } from "./sheet.mjs";

const SIZE = { width: 1280, height: 720 };
const ALL = ["citytwin", "cesium", "threejs"];
const CENTER = { lon: 24.9448, lat: 60.1699, heightM: 10 };
const square = ({ lon, lat }, half) => {
  const [dx, dy] = [half / (111_320 * Math.cos((lat * Math.PI) / 180)), half / 111_320];
  return [[lon - dx, lat - dy], [lon + dx, lat - dy], [lon + dx, lat + dy], [lon - dx, lat + dy]];
};
const view = (center, headingDeg, pitchDeg, distanceM) => ({ ...center, headingDeg, pitchDeg, distanceM });
const CITY = view(CENTER, 330, -32, 700);

/**
 * What is looked at: a set of tiles, a view, and what `window.look` of an engine's page is told: `timeMs` of the sun,
 * `shadows`, `seeThrough` (share of buildings that is left), `ring` of what is cut out, `underground`, `dome`.
 */
export const LOOKS = [
  { name: "day", set: "helsinki", view: CITY, look: { timeMs: Date.UTC(2026, 5, 21, 12), shadows: true }, engines: ["citytwin", "cesium"] },
  { name: "dusk", set: "helsinki", view: { ...CITY, headingDeg: 50 }, look: { timeMs: Date.UTC(2026, 8, 19, 15, 20), shadows: true }, engines: ["citytwin", "cesium"] },
  { name: "x-ray", set: "helsinki", view: CITY, look: { seeThrough: 0.22 }, engines: ["citytwin", "cesium"] },
  { name: "clip", set: "helsinki", view: CITY, look: { ring: square(CENTER, 90) }, engines: ["citytwin", "cesium"] },
  { name: "underground", set: "helsinki", view: view({ ...CENTER, heightM: 0 }, 330, -20, 320), look: { underground: true }, engines: ["citytwin"] },
  { name: "below", set: "helsinki", view: view({ ...CENTER, heightM: 0 }, 330, 12, 150), look: { underground: true }, engines: ["citytwin"] },
  { name: "points", set: "cloud", view: view({ lon: -75.61209430782448, lat: 40.042530611425896, heightM: 5 }, 20, -40, 14), look: { dome: true }, engines: ["citytwin", "cesium"] },
  { name: "afar", set: "newyork", view: view({ lon: -73.97, lat: 40.75, heightM: 0 }, 20, -30, 14_000), look: {}, engines: ALL },
  { name: "manhattan", set: "newyork", view: view({ lon: -73.9857, lat: 40.7484, heightM: 100 }, 30, -22, 2_200), look: { shadows: true }, engines: ALL },
];

/** Takes the pictures of looks whose sets are there into `out`, and puts them side by side on a sheet for each look. */
export async function looks(server, names, sets, out) {
  for (const { name, set, view, look, engines } of LOOKS.filter(({ name, set }) => names.includes(name) && sets[set])) {
    const row = [];
    for (const engine of engines) {
      row.push(path.join(out, `look-${name}-${engine}.png`));
      await writeFile(row.at(-1), await picture(server, engine, sets[set], view, look));
    }
    await writeSheet(path.join(out, `look-${name}.png`), [row], row.length > 2 ? 640 : 960);
    console.log(`  look-${name}.png: ${engines.join(", ")}`);
  }
}

async function picture(server, engine, { twin, tilesets }, view, look) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });
  try {
    const page = await browser.newPage({ viewport: SIZE });
    page.setDefaultTimeout(180_000);
    page.on("pageerror", (error) => console.error(`  ${engine}: ${error}`));
    const query = new URLSearchParams({ twin, error: 16, view: JSON.stringify(view) });
    for (const tileset of tilesets) query.append("tileset", tileset);
    await page.goto(`${server.url}/${engine}.html?${query}`);
    await page.waitForFunction(() => window.bench);
    await page.evaluate((look) => window.look?.(look), look);
    await page.evaluate((view) => window.bench.settle(view), view);
    // Pixels that were left out while it loaded, and programs that were still compiled.
    await page.waitForTimeout(1_500);
    return await page.screenshot();
  } finally {
    await browser.close();
  }
}
