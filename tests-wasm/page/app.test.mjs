// The app, as a visitor meets it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pixelmatch from "pixelmatch";
import { PNG } from "pngjs";
import {
  LAPTOP, PHONE, colours, dist, frame, keepScreenshot, matchesGolden, openBrowser, openPage, serve, settled,
} from "../harness.mjs";

// Public knowledge, not taken from our own output: the theatre stands at 60.1724° N, 24.9438° E.
const THEATRE = { name: "Finnish National Theatre", lon: 24.9438, lat: 60.1724 };

let server, browser;
before(async () => {
  server = await serve(dist);
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Opens the app and waits for the city; afterwards nobody may have complained. */
async function visit(where, options, look) {
  const visit = await openPage(browser, server.url + where, options);
  try {
    const drawn = await settled(visit.page);
    await look({ ...visit, drawn });
    assert.deepEqual(visit.complaints, []);
  } finally {
    await visit.close();
  }
}

/** The city without what lies over it. */
async function picture(page) {
  // Through the object model: the page's Content-Security-Policy forbids injected styles.
  const show = (shown) =>
    page.evaluate((shown) => {
      for (let on = document.querySelector("canvas"); on !== document.body; on = on.parentElement) {
        const beside = [...on.parentElement.children].filter((other) => other !== on);
        for (const other of beside) other.style.display = shown ? "" : "none";
      }
    }, shown);
  await show(false);
  const png = await page.locator("canvas").screenshot();
  await show(true);
  return png;
}

/** Share of the pixels that two pictures differ in. */
function share(a, b) {
  const [before, after] = [a, b].map((png) => PNG.sync.read(png));
  return pixelmatch(before.data, after.data, null, before.width, before.height, { threshold: 0.1 }) / (before.width * before.height);
}

/** Waits until more or fewer triangles are drawn than in another frame, and the city is settled. */
async function untilTriangles(page, comparison, other) {
  await page.waitForFunction(
    ([comparison, other]) => {
      const triangles = +document.querySelector("canvas").dataset.triangles;
      return comparison === "fewer" ? triangles < other : triangles > other;
    },
    [comparison, other.triangles],
  );
  return settled(page);
}

test("the demo settles, shows a city, and nothing complains", () =>
  visit("", { viewport: LAPTOP }, async ({ page, drawn }) => {
    assert.ok(drawn.tiles > 0 && drawn.triangles > 10_000 && drawn.features > 100, JSON.stringify(drawn));
    const { count, commonest } = colours(await picture(page));
    assert.ok(count > 40 && commonest < 0.7, `${count} colours, the commonest covers ${commonest}`);
    await page.getByRole("heading", { name: "Helsinki" }).waitFor();
    await page.getByText("© OpenStreetMap contributors").waitFor();
    assert.match(await page.title(), /Helsinki/);
    await keepScreenshot(page, "laptop");
  }));

/** Switches the names off, whose look is that of the machine's own fonts. */
async function hideNames(page) {
  await page.getByRole("button", { name: "Layers" }).click();
  await page.getByRole("switch", { name: "Names", exact: true }).click();
  await page.keyboard.press("Escape");
  await page.getByRole("switch", { name: "Names", exact: true }).waitFor({ state: "detached" });
  return settled(page);
}

test("a fixed view looks as its golden picture", () =>
  visit("#view=24.9414,60.1719,10,450,335,-35", { viewport: { width: 320, height: 200 } }, async ({ page }) => {
    await hideNames(page);
    await matchesGolden(await picture(page), "station");
  }));

test("a known building is picked at its known place by name", () =>
  visit(`#view=${THEATRE.lon},${THEATRE.lat},10,300,0,-90`, { viewport: LAPTOP }, async ({ page }) => {
    await page.locator("canvas").click({ position: { x: LAPTOP.width / 2, y: LAPTOP.height / 2 } });
    await page.getByRole("heading", { name: THEATRE.name }).waitFor();
    await keepScreenshot(page, "picked");
    await page.keyboard.press("Escape");
    await page.getByRole("heading", { name: THEATRE.name }).waitFor({ state: "detached" });
  }));

test("a layer switch removes what it should, and brings it back", () =>
  visit("", { viewport: LAPTOP }, async ({ page, drawn }) => {
    await page.getByRole("button", { name: "Layers" }).click();
    const buildings = page.getByRole("switch", { name: "Buildings", exact: true });
    assert.ok(await buildings.isChecked());
    await buildings.click();
    const without = await untilTriangles(page, "fewer", drawn);
    assert.ok(without.triangles < drawn.triangles && without.features < drawn.features, JSON.stringify(without));
    await buildings.click();
    await untilTriangles(page, "more", without);
    assert.deepEqual(await frame(page), drawn);
  }));

test("a language switch changes the words, and is remembered", () =>
  visit("", { viewport: LAPTOP }, async ({ page }) => {
    const app = page.locator("#app");
    await app.getByText("Digital twin", { exact: true }).waitFor();
    await page.getByRole("button", { name: "中文" }).click();
    await app.getByText("数字孪生", { exact: true }).waitFor();
    assert.equal(await app.getByText("Digital twin", { exact: true }).count(), 0);
    assert.equal(await page.evaluate(() => document.documentElement.lang), "zh-CN");
    await page.getByRole("button", { name: "图层" }).click();
    await page.getByRole("switch", { name: "建筑", exact: true }).waitFor();
    await keepScreenshot(page, "chinese");
    await page.reload();
    await settled(page);
    await app.getByText("数字孪生", { exact: true }).waitFor();
  }));

test("a search finds a building and flies there", () =>
  visit("", { viewport: LAPTOP }, async ({ page }) => {
    const before = page.url();
    await page.getByRole("combobox").fill("national theatre");
    await page.getByRole("option", { name: THEATRE.name }).first().click();
    await page.getByRole("heading", { name: THEATRE.name }).waitFor();
    await page.waitForFunction((url) => location.href !== url, before);
    await settled(page);
    const [lon, lat] = new URL(page.url()).hash.slice("#view=".length).split(",").map(Number);
    assert.ok(Math.abs(lon - THEATRE.lon) < 0.001 && Math.abs(lat - THEATRE.lat) < 0.001, page.url());
  }));

test("dragging moves the city, and the address follows when it rests", () =>
  visit("#view=24.9438,60.17,10,800,0,-45", { viewport: LAPTOP }, async ({ page }) => {
    const before = page.url();
    await page.mouse.move(900, 500);
    await page.mouse.down();
    await page.mouse.move(700, 500, { steps: 5 });
    await page.mouse.up();
    await page.waitForFunction((url) => location.href !== url, before);
    const [lon, lat, , distance] = new URL(page.url()).hash.slice("#view=".length).split(",").map(Number);
    assert.ok(lon > 24.9448, `what was under the pointer went left, so the view went east: ${lon}`);
    assert.ok(Math.abs(lat - 60.17) < 0.001 && Math.abs(distance - 800) < 20, page.url());
  }));

test("switches see through buildings and below the ground, and take it back", () =>
  visit("#view=24.9438,60.1715,10,500,20,-40", { viewport: LAPTOP }, async ({ page }) => {
    await hideNames(page);
    const before = await picture(page);
    await page.getByRole("button", { name: "Layers" }).click();
    for (const [name, shot] of [["See through buildings", "see-through"], ["See below the ground", "underground"]]) {
      const lever = page.getByRole("switch", { name, exact: true });
      await lever.click();
      await settled(page);
      assert.ok(await lever.isChecked(), name);
      await keepScreenshot(page, shot);
      assert.ok(share(before, await picture(page)) > 0.1, `${name} changes the picture`);
      await lever.click();
      await settled(page);
      assert.ok(share(before, await picture(page)) < 0.002, `${name} is taken back`);
      assert.ok(!(await lever.isChecked()), name);
    }
  }));

test("the compass turns north up, and the first view comes back", () =>
  visit("#view=24.9438,60.1715,10,500,70,-40", { viewport: PHONE, hasTouch: true, isMobile: true }, async ({ page }) => {
    const shown = () => new URL(page.url()).hash.slice("#view=".length).split(",").map(Number);
    const press = async (name) => {
      const before = page.url();
      await page.getByRole("button", { name }).tap();
      await page.waitForFunction((url) => location.href !== url, before);
      await settled(page);
    };
    await press(/north up/);
    const [lon, lat, , distance, heading, pitch] = shown();
    assert.equal(heading % 360, 0);
    assert.ok(Math.abs(lon - 24.9438) < 1e-4 && Math.abs(lat - 60.1715) < 1e-4 && Math.abs(distance - 500) < 5, page.url());
    assert.equal(pitch, -40);
    await press("Back to the first view");
    const { home } = await page.evaluate(async () => (await fetch("twin/twin.json")).json());
    const back = shown();
    for (const [i, key] of [[0, "lon"], [1, "lat"]]) assert.ok(Math.abs(back[i] - home[key]) < 1e-4, `${page.url()} ${JSON.stringify(home)}`);
    assert.ok(Math.abs(back[3] / home.distanceM - 1) < 0.02, page.url());
    await page.getByRole("button", { name: "Layers" }).tap();
    await page.getByRole("switch", { name: "See through buildings", exact: true }).tap();
    await settled(page);
    await keepScreenshot(page, "phone-see-through");
  }));

test("a lost WebGL context never loses the city", async () => {
  const { page, close } = await openPage(browser, `${server.url}#view=24.9414,60.1719,10,450,335,-35`, {
    viewport: { width: 320, height: 200 },
  });
  try {
    await settled(page);
    const drawn = await hideNames(page);
    await page.evaluate(() => {
      window.loss = document.querySelector("canvas").getContext("webgl2").getExtension("WEBGL_lose_context");
      window.loss.loseContext();
    });
    await page.waitForFunction(() => document.querySelector("canvas").dataset.state === "lost");
    await page.evaluate(() => window.loss.restoreContext());
    assert.deepEqual(await settled(page), drawn);
    if (!process.env.UPDATE_GOLDEN) await matchesGolden(await picture(page), "station");
  } finally {
    await close();
  }
});

test("on a phone nothing sticks out, and the panel is a sheet", () =>
  visit("", { viewport: PHONE, hasTouch: true, isMobile: true }, async ({ page }) => {
    const sticksOut = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok((await sticksOut()) <= 0);
    const credit = await page.getByText("© OpenStreetMap contributors").boundingBox();
    assert.ok(credit.x >= 0 && credit.x + credit.width <= PHONE.width, JSON.stringify(credit));
    assert.ok(credit.y + credit.height <= PHONE.height, JSON.stringify(credit));
    await keepScreenshot(page, "phone");
    await page.getByRole("button", { name: "Layers" }).tap();
    const panel = await page.locator("#panel").boundingBox();
    assert.ok(panel.width >= PHONE.width - 16 && panel.y > PHONE.height / 4, JSON.stringify(panel));
    assert.ok((await sticksOut()) <= 0);
    await keepScreenshot(page, "phone-layers");
  }));

test("a twin that is not there is named in plain words", async () => {
  const { page, close } = await openPage(browser, `${server.url}?twin=nowhere/twin.json`);
  try {
    await page.getByRole("alert").filter({ visible: true }).first().waitFor();
    await keepScreenshot(page, "no-twin");
  } finally {
    await close();
  }
});

test("the policy forbids inline script, and the harness would notice a violation", async () => {
  const policy = (await fetch(server.url)).headers.get("content-security-policy");
  assert.match(policy, /script-src 'self' 'wasm-unsafe-eval'/);
  assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'|\*/);
  const { page, complaints, close } = await openPage(browser, server.url);
  try {
    await page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "window.broken = true";
      document.head.append(script);
    });
    assert.equal(await page.evaluate(() => window.broken), undefined);
    await page.waitForTimeout(100);
    assert.ok(complaints.some((text) => text.includes("CSP: script-src")), complaints.join("\n"));
  } finally {
    await close();
  }
});
