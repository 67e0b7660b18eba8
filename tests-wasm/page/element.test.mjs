// `<city-twin>`: the npm package's custom element, on a page under a strict Content-Security-Policy.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { keepScreenshot, openBrowser, openPage } from "../harness.mjs";
import { PACKAGE, portal, TWIN } from "./portal.mjs";

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>A portal</title>
<link rel="icon" href="/favicon.ico">
<link rel="stylesheet" href="/page.css">
<city-twin src="/twin/twin.json" view="24.9435, 60.17125, 500, -45, 30" locale="zh-CN">
  <p slot="alternative">The railway station and the squares around it.</p>
  <button>Over the map</button>
</city-twin>
<script type="module" src="/citytwin/element.js"></script>
</html>
`;

let server, browser;
before(async () => {
  server = await portal({ mounts: { "/citytwin/": PACKAGE, "/twin/": TWIN, "/element.html": PAGE } });
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function visit(look) {
  const url = server.page.replace("page.html", "element.html");
  const { page, complaints, close } = await openPage(browser, url, { viewport: { width: 800, height: 600 } });
  try {
    await page.waitForFunction(() => document.querySelector("city-twin")?.twin);
    await page.evaluate(() => { window.element = document.querySelector("city-twin"); return element.twin.settled(); });
    await look(page);
    assert.deepEqual(complaints, []);
  } finally {
    await close();
  }
}

test("the element shows a city, reflects its attributes, and has a name and words for those who do not see it", () =>
  visit(async (page) => {
    await keepScreenshot(page, "element");
    const seen = await page.evaluate(() => {
      const { src, view, locale, label, maxErrorPx, twin } = element;
      const shadow = element.shadowRoot;
      const canvas = shadow.querySelector("canvas");
      const slot = shadow.getElementById(canvas.getAttribute("aria-describedby")).querySelector("slot");
      return {
        src, view, locale, label, maxErrorPx, at: twin.view, parts: [...shadow.querySelectorAll("[part]")].map((part) => part.part.value),
        alternative: slot.assignedElements()[0].textContent, attribution: shadow.querySelector("[part=attribution]").innerText,
        names: [...shadow.querySelectorAll("[part=names] li")].map((item) => item.textContent), canvas: canvas.getAttribute("aria-label"),
        link: shadow.querySelector("[part=attribution] a")?.protocol,
      };
    });
    assert.deepEqual([seen.src, seen.locale, seen.label, seen.maxErrorPx], ["/twin/twin.json", "zh-CN", "", 16]);
    assert.ok(Math.abs(seen.at.distanceM - 500) < 1 && Math.abs(seen.at.headingDeg - 30) < 0.1, JSON.stringify(seen.at));
    for (const part of ["map", "status", "error", "attribution"]) assert.ok(seen.parts.includes(part), part);
    assert.match(seen.alternative, /railway station/);
    assert.match(seen.attribution, /OpenStreetMap/);
    assert.match(seen.canvas, /三维地图/);
    assert.ok(seen.names.length > 0 && seen.names.length <= 20, seen.names.join());
    assert.equal(seen.link, "https:");
    const cdp = await page.context().newCDPSession(page);
    const { nodes } = await cdp.send("Accessibility.getFullAXTree");
    await cdp.detach();
    const named = (role) => nodes.filter((node) => node.role?.value === role).map((node) => node.name?.value);
    assert.match(named("region").join(), /赫尔辛基|Helsinki/);
    assert.match(named("application").join(), /三维地图/);
  }));

test("attributes change the city, and keys reach it", () =>
  visit(async (page) => {
    const seen = await page.evaluate(async () => {
      element.view = "24.9420, 60.1710, 700";
      await element.twin.settled();
      const moved = element.twin.view;
      const said = [];
      element.addEventListener("twin-error", ({ detail }) => said.push(detail.code));
      element.setAttribute("view", "nowhere");
      element.locale = "en";
      element.label = "Our city";
      const canvas = element.shadowRoot.querySelector("canvas");
      const label = canvas.getAttribute("aria-label");
      element.focus();
      const focused = element.shadowRoot.activeElement === canvas;
      const before = element.twin;
      const ready = new Promise((resolve) => element.addEventListener("twin-ready", (event) => resolve(event instanceof CustomEvent)));
      element.view = "24.9420, 60.1710, 700";
      element.maxErrorPx = 32;
      const isCustom = await ready;
      return { moved, said, label, focused, isCustom, anew: element.twin !== before, attribute: element.getAttribute("max-error-px") };
    });
    assert.ok(Math.abs(seen.moved.distanceM - 700) < 1 && Math.abs(seen.moved.pitchDeg + 45) < 0.1);
    assert.deepEqual(seen.said, ["view"]);
    assert.deepEqual([seen.label, seen.focused, seen.isCustom, seen.anew, seen.attribute], ["Our city", true, true, true, "32"]);
  }));

test("events are CustomEvents, styles come by custom properties and parts, and leaving the page gives all back", () =>
  visit(async (page) => {
    const clicked = page.evaluate(() => new Promise((resolve) =>
      element.addEventListener("twin-click", (event) => resolve({ layer: event.detail?.layer, bubbles: event.bubbles }))));
    await page.locator("city-twin").click({ position: { x: 200, y: 150 } });
    const { layer, bubbles } = await clicked;
    assert.ok(["ground", "transport", "buildings", "furniture", "labels", undefined].includes(layer), layer);
    assert.equal(bubbles, false);
    const seen = await page.evaluate(async () => {
      element.style.setProperty("--citytwin-panel", "rgb(1, 2, 3)");
      const [marker] = element.twin.addMarkers({ lon: 24.9435, lat: 60.17125, content: "Here" });
      const colour = getComputedStyle(marker.element.firstElementChild).backgroundColor;
      const part = marker.element.part.value;
      const twin = element.twin;
      const parent = element.parentNode;
      parent.append(element);
      await Promise.resolve();
      const kept = element.twin === twin;
      element.remove();
      await Promise.resolve();
      await Promise.resolve();
      return { colour, part, kept, gone: element.twin, canvases: element.shadowRoot.querySelectorAll("canvas").length };
    });
    assert.deepEqual(seen, { colour: "rgb(1, 2, 3)", part: "marker", kept: true, gone: null, canvases: 0 });
  }));

test("what cannot be shown is said in words, as text", async () => {
  const { page, close } = await openPage(browser, server.page, { viewport: { width: 800, height: 600 } });
  try {
    const seen = await page.evaluate(async () => {
      await import("/citytwin/element.js");
      const element = document.createElement("city-twin");
      element.src = "/nowhere/<img src=x>.json";
      const failed = new Promise((resolve) => element.addEventListener("twin-error", ({ detail }) => resolve(detail.code)));
      document.body.append(element);
      const code = await failed;
      const alert = element.shadowRoot.querySelector("[part=error]");
      return { code, text: alert.innerText, role: alert.getAttribute("role"), hidden: alert.hidden, images: element.shadowRoot.querySelectorAll("img").length };
    });
    assert.match(seen.text, /^The city cannot be shown\. .*404/);
    assert.deepEqual([seen.code, seen.role, seen.hidden, seen.images], ["fetch", "alert", false, 0]);
  } finally {
    await close();
  }
});
