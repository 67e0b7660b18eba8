// Secrets of requests: they go to whom they were given for, from the page and from its workers, and to nobody else,
// whatever the servers answer. Three servers of three origins: the portal, the city's, and one that listens for secrets.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser, openPage } from "../harness.mjs";
import { PACKAGE, portal, STRICT, TWIN } from "./portal.mjs";

const SECRET = "Bearer of bad news";
let home, city, thief, browser, lead;

before(async () => {
  thief = await portal({ mounts: { "/twin/": TWIN }, cors: true });
  const gate = (request, url) => {
    if (request.headers.authorization !== SECRET && url.searchParams.get("key") !== "k") return 401;
    return lead?.(url);
  };
  city = await portal({ mounts: { "/twin/": TWIN }, cors: true, gate });
  const csp = STRICT.replace("connect-src 'self'", `connect-src 'self' ${city.origin} ${thief.origin}`);
  home = await portal({ mounts: { "/citytwin/": PACKAGE }, csp });
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  for (const server of [home, city, thief]) await server?.stop();
});

async function visit(look) {
  lead = undefined;
  for (const server of [home, city, thief]) server.requests.length = 0;
  const { page, close } = await openPage(browser, home.page, { viewport: { width: 800, height: 600 } });
  try {
    await page.evaluate(async () => Object.assign(window, await import("/citytwin/index.js"), await import("/citytwin/search-entry.js")));
    await look(page);
  } finally {
    await close();
  }
}

const secrets = (server) => server.requests.filter(({ headers }) => headers.authorization !== undefined || headers["x-key"] !== undefined);
const real = (server) => server.requests.filter(({ method }) => method !== "OPTIONS");

test("headers go with every request to the twin's origin, also those of workers, and with no other", () =>
  visit(async (page) => {
    const seen = await page.evaluate(async ([city, thief, authorization]) => {
      const problems = [];
      const twin = await CityTwin.create("#city", { twin: `${city}/twin/twin.json`, headers: { Authorization: authorization } });
      twin.on("problem", (problem) => problems.push(problem));
      await twin.settled();
      twin.addTileset(`${thief}/twin/buildings/tileset.json`, { id: "foreign" });
      await twin.setStyle("foreign", { color: "color('red')" });
      await twin.settled();
      const tiles = twin.stats().tilesVisible;
      twin.remove();
      const search = await Search.open(`${city}/twin/search/search.bin`, { headers: { Authorization: authorization } });
      const { hits } = await search.query("theatre");
      search.close();
      return { tiles, problems, hits: hits.length };
    }, [city.origin, thief.origin, SECRET]);
    assert.deepEqual(seen.problems, []);
    assert.ok(seen.tiles > 3 && seen.hits > 0);
    const asked = real(city);
    assert.ok(asked.length > 5 && asked.every(({ headers }) => headers.authorization === SECRET));
    assert.ok(asked.some(({ path }) => path.endsWith(".glb")) && asked.some(({ path }) => path.includes("/search/")));
    assert.ok(real(thief).length > 1);
    assert.deepEqual([...secrets(thief), ...secrets(home)], []);
  }));

test("a server that leads elsewhere is not followed with a secret", () =>
  visit(async (page) => {
    lead = (url) => (url.pathname.startsWith("/twin/buildings/") ? { redirect: thief.origin + url.pathname } : undefined);
    const problems = await page.evaluate(async ([city, authorization]) => {
      const twin = await CityTwin.create("#city", { twin: `${city}/twin/twin.json`, headers: { Authorization: authorization } });
      await twin.settled();
      const { problems } = twin;
      const drawn = twin.stats().tilesVisible;
      twin.remove();
      return { problems, drawn };
    }, [city.origin, SECRET]);
    assert.ok(problems.drawn > 0);
    assert.deepEqual(problems.problems.map(({ code, place }) => [code, place]), [["request-refused", `${city.origin}/twin/buildings/tileset.json`]]);
    assert.ok(!JSON.stringify(problems).includes(SECRET));
    assert.deepEqual(thief.requests, []);
    lead = () => ({ redirect: `${thief.origin}/twin/twin.json` });
    const message = await page.evaluate(async ([city, authorization]) =>
      CityTwin.create("#city", { twin: `${city}/twin/twin.json`, headers: { Authorization: authorization } }).catch((error) => `${error.code}: ${error.message}`),
    [city.origin, SECRET]);
    assert.match(message, /^fetch: .*leads|^fetch: .*elsewhere/);
    assert.deepEqual(thief.requests, []);
  }));

test("a redirect without a secret is followed", () =>
  visit(async (page) => {
    lead = (url) => (url.pathname.startsWith("/twin/buildings/") ? { redirect: thief.origin + url.pathname } : undefined);
    const seen = await page.evaluate(async (city) => {
      const transformRequest = (url) => ({ url: `${url}?key=k` });
      const twin = await CityTwin.create("#city", { twin: `${city}/twin/twin.json`, transformRequest });
      await twin.settled();
      const { problems } = twin;
      twin.remove();
      return problems;
    }, city.origin);
    assert.deepEqual(seen, []);
    assert.ok(real(thief).length > 0);
  }));

test("transformRequest says how each file is asked for, and what it does wrong is told without its secrets", () =>
  visit(async (page) => {
    const seen = await page.evaluate(async ([city, authorization]) => {
      const asked = [];
      let mood = "good";
      const transformRequest = async (url) => {
        asked.push(url);
        await new Promise((resolve) => setTimeout(resolve, 1));
        if (mood === "bad" && url.includes("/buildings/")) throw new Error("no token today");
        if (mood === "odd" && url.includes("/buildings/")) return { header: {} };
        return { url: url.replace("/signed/", "/twin/"), headers: { Authorization: authorization }, credentials: "omit" };
      };
      const rounds = [];
      for (mood of ["good", "bad", "odd"]) {
        const twin = await CityTwin.create("#city", { twin: `${city}/signed/twin.json`, transformRequest });
        await twin.settled();
        rounds.push({ problems: twin.problems.map(({ code, message }) => [code, message]), tiles: twin.stats().tilesVisible });
        twin.remove();
      }
      return { rounds, asked };
    }, [city.origin, SECRET]);
    const [good, bad, odd] = seen.rounds;
    assert.deepEqual(good.problems, []);
    assert.ok(good.tiles > bad.tiles);
    assert.deepEqual(bad.problems, [["request-refused", "transformRequest says: no token today"]]);
    assert.deepEqual(odd.problems.map(([code]) => code), ["request-refused"]);
    assert.match(odd.problems[0][1], /"header" is not known; url, headers and credentials are/);
    assert.ok(seen.asked.every((url) => url.startsWith(`${city.origin}/signed/`)), seen.asked[0]);
    assert.ok(real(city).every(({ path, headers }) => path.startsWith("/twin/") && headers.authorization === SECRET));
  }));

test("a venue and a radio map are asked for in the same way", () =>
  visit(async (page) => {
    const seen = await page.evaluate(async ([city, thief, authorization]) => {
      const { Positioning } = await import("/citytwin/positioning-entry.js");
      const code = (options) => Positioning.open(options).then(() => "opened", (error) => `${error.code}: ${error.message}`);
      const venue = [`${city}/twin/venue.geojson`];
      const radioMap = `${thief}/twin/map.ctrm`;
      const asked = [];
      return [
        await code({ venue, radioMap }),
        await code({ venue, radioMap, headers: { Authorization: authorization } }),
        await code({ venue, transformRequest: (url) => { asked.push(url); return { headers: { Authorization: authorization } }; } }),
        await code({ venue, transformRequest: () => { throw new Error("no token today"); } }),
        await code({ venue, headers: { "not a name": "x" } }),
        await code({ venues: venue }),
        asked.join(),
      ];
    }, [city.origin, thief.origin, SECRET]);
    const of = city.origin;
    assert.match(seen[0], /venue\.geojson cannot be fetched: status 401|map\.ctrm cannot be fetched: status 404/);
    assert.match(seen[1], /cannot be fetched: status 404/);
    assert.equal(seen[2], `positioning: ${of}/twin/venue.geojson cannot be fetched: status 404.`);
    assert.match(seen[3], /cannot be fetched: transformRequest says: no token today/);
    assert.match(seen[4], /^option: Positioning\.open: "headers" cannot be sent/);
    assert.match(seen[5], /^option: .*venues/);
    assert.equal(seen[6], `${of}/twin/venue.geojson`);
    assert.deepEqual(secrets(thief), []);
    assert.deepEqual(real(city).filter(({ headers }) => headers.authorization === SECRET).map(({ path }) => path),
      ["/twin/venue.geojson", "/twin/venue.geojson"]);
    assert.equal(secrets(city).every(({ headers }) => headers.authorization === SECRET), true);
  }));
