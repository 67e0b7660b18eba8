// The search of the app, typed with real keys, over a city that has no tiles: what is slow here is the search.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { PHONE, citytwin, dist, keepScreenshot, openBrowser, openPage, serve, serveFiles, target } from "../harness.mjs";

const site = path.join(target, "search-site");
const index = path.join(site, "twin/search");

/** A slow phone line: 1.6 Mbit/s, 150 ms there and back. */
const SLOW_LINE = { offline: false, latency: 150, downloadThroughput: 200_000, uploadThroughput: 100_000 };
const HOSTILE = "<img src=x onerror=document.title='broken'>\u202e";

/** Twelve thousand things with made-up names. */
function assets() {
  const stems = ["Manner", "Aleksanterin", "Kaivo", "Unionin", "Tehtaan", "Bule", "Fredrikin", "Hämeen", "Runeberg"];
  const ends = ["katu", "tie", "kuja", "puisto", "polku"];
  const lines = [];
  const add = (name, category, more = {}) => {
    const at = lines.length;
    const [lon, lat] = [24.93 + (at % 100) * 2e-4, 60.16 + (Math.floor(at / 100) % 120) * 1e-4];
    lines.push(JSON.stringify({ id: `node/${at + 1}`, name, category, lon, lat, ...more }));
  };
  add("Kahvila Ursula", "cafe", { address: "Ehrenströmintie 3" });
  add("中山路", "street", { names: { en: "Zhongshan Road" } });
  add(HOSTILE, "cafe");
  for (const stem of stems) {
    for (const end of ends) {
      add(stem + end, "street");
      for (let number = 1; number <= 260; number++) add(`${stem}${end} ${number}`, number % 3 ? "address" : "lamp");
    }
  }
  return lines.join("\n");
}

const TWIN = {
  format: "citytwin/1",
  title: { en: "Testville", "zh-CN": "测试市" },
  extent: [24.92, 60.15, 24.97, 60.18],
  home: { lon: 24.94, lat: 60.166, heightM: 0, distanceM: 900, headingDeg: 0, pitchDeg: -45 },
  layers: [],
  categories: { cafe: { en: "Café", "zh-CN": "咖啡馆" }, lamp: { en: "Lamp", "zh-CN": "路灯" } },
  search: "search/search.bin",
  attribution: [{ text: "Made up for this test" }],
};

let server, browser;
before(async () => {
  await rm(site, { recursive: true, force: true });
  await mkdir(path.join(site, "twin"), { recursive: true });
  for (const entry of await readdir(dist)) {
    if (entry !== "twin") await cp(path.join(dist, entry), path.join(site, entry), { recursive: true });
  }
  await writeFile(path.join(site, "twin/twin.json"), JSON.stringify(TWIN));
  const list = path.join(site, "assets.ndjson");
  await writeFile(list, assets());
  await promisify(execFile)(citytwin, ["search", "build", list, "--out", index]);
  [server, browser] = await Promise.all([serve(site), openBrowser()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Opens the app on the small city; afterwards nobody may have complained but about what is expected. */
async function visit(look, { url = server.url, expected = [], ...options } = {}) {
  const { page, complaints, close } = await openPage(browser, url, options);
  try {
    const box = page.getByRole("combobox");
    await box.waitFor();
    const requests = [];
    page.on("request", (request) => {
      if (request.url().includes("/search/")) requests.push(request);
    });
    await look({ page, box, requests, options: page.getByRole("option") });
    const unexpected = complaints.filter((text) => !expected.some((pattern) => pattern.test(text)));
    assert.deepEqual(unexpected, []);
  } finally {
    await close();
  }
}

const settledText = (page) =>
  page.waitForFunction(() => document.querySelector("#results")?.getAttribute("aria-busy") === "false");

test("typing over a slow line takes few bytes and stalls the page at no key", async () => {
  // A shared machine may stall any page: a stall of our own making would be there each time.
  let seen;
  for (let attempt = 0; attempt < 3 && (!seen || seen.longTasks.length > 0); attempt++) {
    await visit(async ({ page, box, requests, options }) => {
      const line = await page.context().newCDPSession(page);
      await line.send("Network.enable");
      await line.send("Network.emulateNetworkConditions", SLOW_LINE);
      await page.evaluate(() => {
        window.longTasks = [];
        new PerformanceObserver((list) => {
          window.longTasks.push(...list.getEntries().map((entry) => Math.round(entry.duration)));
        }).observe({ type: "longtask" });
      });
      await box.click();
      await page.keyboard.type("aleksanterinkatu 12", { delay: 90 });
      await options.filter({ hasText: "Aleksanterinkatu 12" }).first().waitFor();
      await settledText(page);
      assert.equal(await options.first().locator(".result__name").textContent(), "Aleksanterinkatu 12");
      const sizes = await Promise.all(requests.map(async (request) => {
        const response = await request.response().catch(() => null);
        return response ? (await request.sizes().catch(() => ({ responseBodySize: 0 }))).responseBodySize : 0;
      }));
      const bytes = sizes.reduce((sum, size) => sum + size, 0);
      seen = { requests: requests.length, bytes, longTasks: await page.evaluate(() => window.longTasks) };
      await keepScreenshot(page, "search-typed");
    });
  }
  console.log(`typed 19 keys: ${JSON.stringify(seen)}`);
  assert.ok(seen.requests > 1 && seen.requests <= 40, JSON.stringify(seen));
  assert.ok(seen.bytes > 0 && seen.bytes < 200_000, JSON.stringify(seen));
  assert.deepEqual(seen.longTasks, []);
});

test("results are marked, chosen by keys, and asked for again under another kind", () =>
  visit(async ({ page, box, options }) => {
    await page.keyboard.press("/");
    await page.keyboard.type("tehtaan");
    await options.first().waitFor();
    await settledText(page);
    assert.equal(await options.first().locator("mark").first().textContent(), "Tehtaan");
    await page.getByRole("button", { name: /^Lamp \d/ }).click();
    await page.waitForFunction(() => /Lamp/.test(document.querySelector(".result__kind")?.textContent ?? ""));
    assert.equal(await page.evaluate(() => document.activeElement.id), "search");
    await page.keyboard.press("ArrowDown");
    const chosen = options.and(page.locator("[aria-selected=true]"));
    const name = await chosen.locator(".result__name").textContent();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name }).waitFor();
    assert.equal(await box.inputValue(), name);
    assert.equal(await options.count(), 0);
  }));

test("Enter before the answer takes the first result of what was typed", () =>
  visit(async ({ page, box }) => {
    await box.click();
    await page.keyboard.type("unioninkatu 77\n");
    await page.getByRole("heading", { name: "Unioninkatu 77" }).waitFor();
  }));

test("what an input method composes is not searched for, and its keys are its own", () =>
  visit(async ({ page, box, requests, options }) => {
    await box.click();
    await page.getByRole("group", { name: "What is here" }).waitFor();
    const before = requests.length;
    const keys = await page.context().newCDPSession(page);
    for (const text of ["z", "zh", "zhong", "zhong'shan"]) {
      await keys.send("Input.imeSetComposition", { text, selectionStart: text.length, selectionEnd: text.length });
      await pause(60);
    }
    assert.equal(requests.length, before, "nothing was asked while composing");
    await keys.send("Input.insertText", { text: "中山" });
    await options.filter({ hasText: "中山路" }).waitFor();
    assert.equal(await box.inputValue(), "中山");
    await keepScreenshot(page, "search-chinese");
  }));

test("before anything is typed the kinds of things are offered, and the view can be searched", () =>
  visit(async ({ page, box, options }) => {
    await box.click();
    const cafes = page.getByRole("button", { name: /^Café 2/ });
    await cafes.click();
    await options.first().waitFor();
    assert.equal(await options.count(), 2);
    await keepScreenshot(page, "search-browse");
    await page.getByRole("button", { name: "Clear the search" }).click();
    await page.getByRole("button", { name: "In view" }).click();
    await options.first().waitFor();
    assert.ok((await options.count()) > 5);
  }, { viewport: PHONE, hasTouch: true, isMobile: true }));

test("a typed kind is offered in any language", () =>
  visit(async ({ page, box, options }) => {
    await box.click();
    await page.keyboard.type("咖啡");
    await page.getByRole("button", { name: /^Café 2/ }).click();
    await options.filter({ hasText: "Kahvila Ursula" }).waitFor();
    await settledText(page);
    assert.equal(await options.count(), 2);
    assert.equal(await box.inputValue(), "");
  }));

test("near me asks once, and says how far it is", () =>
  visit(async ({ page, box, options }) => {
    await box.click();
    await page.getByRole("button", { name: "Near me" }).click();
    await options.first().waitFor();
    await settledText(page);
    assert.match(await options.first().locator(".result__kind").textContent(), /^\d+\sm ·/);
  }, { geolocation: { longitude: 24.94, latitude: 60.165 }, permissions: ["geolocation"] }));

test("a mistyped word is found, and nothing at all is said in words", () =>
  visit(async ({ page, box, options }) => {
    await box.click();
    await page.keyboard.type("runebergkattu");
    await options.filter({ hasText: "Runebergkatu" }).first().waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    assert.equal(await box.inputValue(), "");
    await page.keyboard.type("xyzzyqqw");
    await page.getByText("Nothing here is called “xyzzyqqw”").waitFor();
  }));

test("a hostile name is only text", () =>
  visit(async ({ page, box, options }) => {
    await box.click();
    await page.keyboard.type("<img onerror");
    await options.first().waitFor();
    assert.equal(await options.first().locator(".result__name").textContent(), HOSTILE);
    assert.equal(await page.locator("#search-list img").count(), 0);
    await options.first().click();
    await page.locator("#panel-title").filter({ hasText: "<img src=x" }).waitFor();
    assert.match(await page.title(), /Testville/);
  }));

test("a missing shard is told, the rest is found, and trying again helps", () =>
  visit(async ({ page, box, options }) => {
    await box.click();
    await page.keyboard.type("kahvila");
    await options.filter({ hasText: "Kahvila Ursula" }).waitFor();
    // Far from what the first query has fetched.
    const records = (await readdir(index)).find((name) => name.startsWith("records-"));
    await rename(path.join(index, records), path.join(index, "away"));
    try {
      await box.fill("aleksanterinkatu 19");
      await page.getByText("A part of the search index could not be loaded").waitFor();
      await keepScreenshot(page, "search-missing");
      await box.fill("kahvila u");
      await options.filter({ hasText: "Kahvila Ursula" }).waitFor();
      await box.fill("aleksanterinkatu 19");
      await page.getByText("A part of the search index could not be loaded").waitFor();
    } finally {
      await rename(path.join(index, "away"), path.join(index, records));
    }
    await page.getByRole("button", { name: "Try again" }).click();
    await options.filter({ hasText: "Aleksanterinkatu 19" }).first().waitFor();
    await settledText(page);
    assert.equal(await page.getByText("A part of the search index").count(), 0);
  }, { expected: [/404/] }));

test("an index that is published anew while the page is open is read anew", async () => {
  const folder = path.join(site, "anew");
  const publish = async (lines) => {
    await rm(path.join(folder, "search"), { recursive: true, force: true });
    await writeFile(path.join(folder, "assets.ndjson"), lines);
    await promisify(execFile)(citytwin, ["search", "build", path.join(folder, "assets.ndjson"), "--out", path.join(folder, "search")]);
  };
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, "twin.json"), JSON.stringify(TWIN));
  await publish(assets());
  await visit(async ({ page, box, options }) => {
    await box.click();
    await page.keyboard.type("kahvila");
    await options.filter({ hasText: "Kahvila Ursula" }).waitFor();
    await settledText(page);
    // Another name first: every file has other bytes, and with them another name. What it is made of has not been fetched.
    const added = { id: "node/0", name: "Aleksanterinranta", category: "street", lon: 24.94, lat: 60.165 };
    await publish(`${JSON.stringify(added)}\n${assets()}`);
    await box.fill("aleksanterinr");
    await options.filter({ hasText: "Aleksanterinranta" }).waitFor();
    await settledText(page);
    assert.equal(await page.getByText("A part of the search index").count(), 0);
  }, { url: `${server.url}?twin=anew/twin.json`, expected: [/404/] });
});

test("a newer keystroke breaks off what only the older one waits for", () =>
  visit(async ({ page, box, options }) => {
    await box.click();
    // The words of so small a city come in one piece; what follows upon them lies further apart.
    await page.keyboard.type("kahvila");
    await options.filter({ hasText: "Kahvila Ursula" }).waitFor();
    await settledText(page);
    const broken = [];
    page.on("requestfailed", (request) => broken.push(`${request.failure()?.errorText} ${request.url()}`));
    await page.route(/\/search\/(terms|lists|records)-/, async (route) => {
      await pause(800);
      await route.continue().catch(() => {});
    });
    const older = page.waitForRequest(/\/search\/terms-/);
    await box.fill("tehtaanpuisto 7");
    await older;
    await box.fill("bulekuja 40");
    await options.filter({ hasText: "Bulekuja 40" }).first().waitFor();
    await settledText(page);
    assert.ok(broken.some((text) => /ABORTED.*\/search\/terms-/.test(text)), JSON.stringify(broken));
    assert.equal(await options.filter({ hasText: "Tehtaanpuisto" }).count(), 0);
  }));

test("shards and an overlay are one index to a visitor, and one that is missing is told", async () => {
  const folder = path.join(site, "sharded");
  const search = path.join(folder, "search");
  const build = (...args) => promisify(execFile)(citytwin, ["search", "build", ...args, "--out", search]);
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, "twin.json"), JSON.stringify(TWIN));
  await build(path.join(site, "assets.ndjson"), "--shard-assets", "4000");
  const changes = path.join(folder, "changes.ndjson");
  await writeFile(changes, JSON.stringify({ id: "node/1", name: "Kahvila Birgitta", category: "cafe", lon: 24.94, lat: 60.165 }));
  await build(changes, "--overlay");
  const roots = (await readdir(search)).filter((name) => name.startsWith("root-"));
  assert.equal(roots.length, 4);
  const url = `${server.url}?twin=sharded/twin.json`;
  await visit(async ({ page, box, options }) => {
    await box.click();
    await page.keyboard.type("kahvila");
    await options.filter({ hasText: "Kahvila Birgitta" }).waitFor();
    await settledText(page);
    assert.equal(await options.filter({ hasText: "Kahvila Ursula" }).count(), 0);
    // The first and the last of the list: of different shards.
    for (const name of ["Mannerkatu 5", "Runebergpolku 250"]) {
      await box.fill(name);
      await options.filter({ hasText: name }).first().waitFor();
    }
    assert.equal(await page.getByText("A part of the search index").count(), 0);
  }, { url });
  // The root of the shard that holds the last name, found by asking without each.
  const without = async (root, look) => {
    await rename(path.join(search, root), path.join(folder, "away"));
    try { return await look(); } finally { await rename(path.join(folder, "away"), path.join(search, root)).catch(() => {}); }
  };
  const finds = async () => JSON.parse((await promisify(execFile)(citytwin,
    ["search", "query", search, "Runebergpolku 250", "--json"])).stdout).some((hit) => hit.name === "Runebergpolku 250");
  let last;
  for (const root of roots) if (!(await without(root, finds))) last = root;
  await without(last, () => visit(async ({ page, box, options }) => {
    await box.click();
    await page.keyboard.type("kahvila b");
    await options.filter({ hasText: "Kahvila Birgitta" }).waitFor();
    await page.getByText("A part of the search index could not be loaded").waitFor();
    await rename(path.join(folder, "away"), path.join(search, last));
    await page.getByRole("button", { name: "Try again" }).click();
    await box.fill("runebergpolku 250");
    await options.filter({ hasText: "Runebergpolku 250" }).first().waitFor();
    await settledText(page);
    assert.equal(await page.getByText("A part of the search index").count(), 0);
  }, { url, expected: [/404/] }));
});

test("without a network, what was looked at before is found", async () => {
  const own = await serve(site);
  await visit(async ({ page, box, options }) => {
    await box.click();
    await page.keyboard.type("kahvila");
    await options.filter({ hasText: "Kahvila Ursula" }).waitFor();
    await settledText(page);
    await own.stop();
    await box.fill("");
    await page.keyboard.type("kahvila");
    await options.filter({ hasText: "Kahvila Ursula" }).waitFor();
    await box.fill("hämeenpuisto 200");
    await page.getByText("A part of the search index could not be loaded").waitFor();
  }, { url: own.url, expected: [/ERR_CONNECTION/, /Failed to load resource/] });
});

test("a server that knows no ranges sends whole files, once each", async () => {
  const plain = await serveFiles({ "/": site });
  try {
    await visit(async ({ page, box, requests, options }) => {
      await box.click();
      await page.keyboard.type("bulekuja 40", { delay: 30 });
      await options.filter({ hasText: "Bulekuja 40" }).first().waitFor();
      await settledText(page);
      const files = requests.map((request) => new URL(request.url()).pathname);
      assert.ok(files.length <= 12, files.join(" "));
    }, { url: `${plain.url}index.html` });
  } finally {
    await plain.stop();
  }
});

test("an index that is none, or not there, is told in words", async () => {
  for (const [name, bytes] of [["junk", "<!doctype html>"], ["gone", null]]) {
    const folder = path.join(site, name);
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, "twin.json"), JSON.stringify({ ...TWIN, search: "search.bin" }));
    if (bytes) await writeFile(path.join(folder, "search.bin"), bytes);
    await visit(async ({ page, box }) => {
      await box.click();
      await page.getByText("The search could not be loaded").waitFor();
      await page.getByText("Technical details").click();
      await page.getByText(bytes ? "not the root of a search index" : "the server answered 404").waitFor();
    }, { url: `${server.url}?twin=${name}/twin.json`, expected: [/404/] });
  }
});
