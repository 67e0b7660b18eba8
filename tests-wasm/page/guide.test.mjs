// The guide (docs/guide), page by page: what its snippets say is compiled against the packed package's types, and run in
// a browser under the Content-Security-Policy that the guide itself names.
//
// The `ts` snippets of a page are one program, in order; `html`, `css` and `js` snippets are files, named after the
// language, or else `index.html`. `console.log(…); // → words` says what is to be logged. `sh` snippets are run, too.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdir, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { build } from "esbuild";
import { citytwin, dist, here, openBrowser, openPage, serveFiles, settled, target } from "../harness.mjs";

const run = promisify(execFile);
const guide = path.join(here, "../docs/guide");
const out = path.join(target, "guide");
const installed = path.join(target, "examples-citytwin/node_modules");
const tsc = path.join(here, "../sdk/node_modules/typescript/bin/tsc");
const demo = path.join(here, "../demo/Helsinki.osm.pbf");

const FENCE = /^```(\w+)(?: (\S+))?\n(.*?)^```$/gms;
const LOGGED = /console\.log\(.*\); *\/\/ → (.*)$/gm;
const INDEX = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Guide</title><link rel="stylesheet" href="city.css"><div id="city"></div>
<script type="module" src="main.js"></script></html>`;
const DONE = `\ndocument.documentElement.dataset.done = "true";\n`;

/** The snippets of a page: { language, file?, text }. */
async function snippets(name) {
  const words = await readFile(path.join(guide, `${name}.md`), "utf8");
  return [...words.matchAll(FENCE)].map(([, language, file, text]) => ({ language, file, text }));
}

const names = (await readdir(guide)).filter((file) => file.endsWith(".md")).map((file) => file.slice(0, -3)).sort();
const pages = new Map(await Promise.all(names.map(async (name) => [name, await snippets(name)])));
const program = (name) => pages.get(name).filter(({ language }) => language === "ts").map(({ text }) => text).join("\n");
const policy = pages.get("csp").find(({ language }) => language === "http").text.replace(/^Content-Security-Policy: /, "").trim();

/** Bare imports lead to the installed package, as its `exports` say. */
const fromInstalled = {
  name: "installed",
  setup({ onResolve }) {
    onResolve({ filter: /^citytwin/ }, async ({ path: wanted }) => {
      const { exports } = JSON.parse(await readFile(path.join(installed, "citytwin/package.json"), "utf8"));
      const entry = exports[wanted.replace(/^citytwin/, ".")];
      return { path: `/node_modules/citytwin/${entry.default.slice(2)}`, external: true };
    });
  },
};

let browser;
before(async () => {
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  await symlink(installed, path.join(out, "node_modules"), "dir");
  for (const name of names) {
    const files = pages.get(name).filter(({ language, file }) => ["html", "css", "js"].includes(language) && (file || language === "html"));
    const all = [
      { file: "index.html", text: INDEX }, { file: "city.css", text: "html, body, #city { height: 100%; margin: 0; }" },
      ...files.map(({ file = "index.html", text }) => ({ file, text })), { file: "main.ts", text: `${program(name)}\nexport {};\n` },
    ];
    await mkdir(path.join(out, name));
    for (const { file, text } of all) await writeFile(path.join(out, name, file), text);
    await build({
      stdin: { contents: program(name) + DONE, loader: "ts" }, outfile: path.join(out, name, "main.js"),
      bundle: true, format: "esm", target: "es2022", plugins: [fromInstalled], logLevel: "error",
    });
  }
  browser = await openBrowser();
});
after(() => browser?.close());

/** Opens a page of the guide under the guide's own policy; whoever complains fails it. */
async function visit(name, look, file = "") {
  const mounts = { "/node_modules/": installed, "/twin/": path.join(dist, "twin"), "/": path.join(out, name) };
  const headers = { "content-security-policy": policy };
  if (file === "") file = "index.html";
  const server = await serveFiles(mounts, headers);
  const logged = [];
  const { page, complaints, close } = await openPage(browser, "about:blank", { viewport: { width: 320, height: 200 } });
  try {
    page.on("console", (message) => { if (message.type() === "log") logged.push(message.text()); });
    await page.goto(server.url + file);
    await look({ page, logged, complaints, server });
    // Browsers ask for an icon, which the guide's pages do not have.
    assert.deepEqual(complaints.filter((text) => !text.includes("favicon.ico")), []);
  } finally {
    await close();
    await server.stop();
  }
}

test("every snippet of the guide compiles against the package's types", async () => {
  const options = {
    target: "ES2022", module: "ESNext", moduleResolution: "bundler", lib: ["ES2022", "DOM", "DOM.Iterable"], types: [],
    strict: true, noUncheckedIndexedAccess: true, noEmit: true, preserveSymlinks: true,
  };
  await writeFile(path.join(out, "tsconfig.json"), JSON.stringify({ compilerOptions: options, include: ["*/main.ts"] }));
  const said = await run(process.execPath, [tsc, "--project", out]).then(() => "", ({ stdout, stderr }) => stdout + stderr);
  assert.equal(said, "");
});

for (const name of names.filter((name) => program(name) !== "")) {
  test(`the guide's page "${name}" does what it says`, () =>
    visit(name, async ({ page, logged, complaints, server }) => {
      await page.waitForFunction(() => document.documentElement.dataset.done).catch((error) => {
        throw new Error(`it does not end: ${complaints.join("\n")}`, { cause: error });
      });
      assert.deepEqual(logged, [...program(name).matchAll(LOGGED)].map(([, words]) => words));
      if (name === "pick") await page.mouse.click(160, 100);
      if (name === "offline") {
        await page.reload();
        await page.waitForFunction(() => document.documentElement.dataset.done);
        await server.stop();
        await page.reload();
        await page.waitForFunction(() => document.documentElement.dataset.done);
        // What it cannot register anew is the only thing that is missing.
        complaints.splice(0, complaints.length, ...complaints.filter((text) => !text.includes("sw.js")));
      }
    }));
}

test("the guide's element shows a city without any script of the page's own", () =>
  visit("embed", async ({ page }) => {
    await page.waitForFunction(() => document.querySelector("city-twin")?.twin);
    await page.evaluate(() => document.querySelector("city-twin").twin.settled());
    assert.ok(await page.evaluate(() => document.querySelector("city-twin").twin.stats().trianglesVisible) > 10_000);
  }, "element.html"));

test("the guide's commands can be run as they stand", async () => {
  const folder = path.join(out, "shell");
  await mkdir(folder);
  for (const name of ["city.osm.pbf", "my-city.osm.pbf"]) await copyFile(demo, path.join(folder, name));
  await copyFile(path.join(dist, "twin/assets.ndjson"), path.join(folder, "assets.ndjson"));
  const commands = new Set(names.flatMap((name) => pages.get(name)).filter(({ language }) => language === "sh")
    .flatMap(({ text }) => text.trim().split("\n")).filter((line) => line.startsWith("citytwin ")));
  assert.ok(commands.size > 3);
  const PATH = `${path.dirname(citytwin)}${path.delimiter}${process.env.PATH}`;
  for (const command of commands) await run("sh", ["-ec", command], { cwd: folder, env: { ...process.env, PATH } });
});

test("no link of the built site leads nowhere, and every class of the package is in it", async () => {
  const site = path.join(target, "docs");
  const files = new Set((await readdir(site, { recursive: true })).map((file) => file.replaceAll(path.sep, "/")));
  const nowhere = [];
  for (const file of [...files].filter((name) => name.endsWith(".html") && !name.startsWith("pkg-examples/"))) {
    const words = await readFile(path.join(site, file), "utf8");
    for (const [, link] of words.matchAll(/(?:href|src)="([^"#?]+)[^"]*"/g)) {
      if (/^(?:[a-z]+:|\/\/)/.test(link)) continue;
      const wanted = path.posix.join(path.posix.dirname(file), decodeURIComponent(link));
      if (!files.has(wanted) && !files.has(path.posix.join(wanted, "index.html"))) nowhere.push(`${file}: ${link}`);
    }
  }
  assert.deepEqual(nowhere, []);
  for (const name of ["citytwin.CityTwin", "citytwin_search.Search", "citytwin_element.CityTwinElement"]) {
    assert.ok(files.has(`classes/${name}.html`), `${name} is not documented`);
  }
});
