import { CityTwin } from "./node_modules/citytwin/dist/index.js";
import { Search } from "./node_modules/citytwin/dist/search-entry.js";
import { bars, circle, ring } from "./charts.js";
import { GROUPS, KPIS } from "./groups.js";
import { atNight } from "./night.js";

/** What can be walked to in ten minutes, metres as the crow flies. */
const WALK_M = 500;
const LOCALE = "zh-CN";
/** Marks float over roofs, metres above the ellipsoid. */
const MARK_M = 25;
const element = (id) => document.getElementById(id);
const digits = (number) => number.toLocaleString(LOCALE);

const manifest = await fetch("twin/twin.json").then((response) => response.json());
const wordOf = (category) => manifest.categories[category]?.[LOCALE] ?? category;
const nameOf = ({ name, names = {} }) => names[LOCALE] ?? names.zh ?? names.en ?? name;
element("title").textContent = manifest.title[LOCALE];
document.title = `${manifest.title[LOCALE]}数字孪生城市`;
element("source").textContent = `数据来源：${manifest.attribution.map(({ text }) => text).join("、")}`;
showTime();

const [twin, search, streets] = await Promise.all([
  CityTwin.create("#city", { twin: "twin/twin.json", locale: LOCALE }),
  Search.open("twin/search/search.bin"),
  countStreets("twin/assets.ndjson"),
]);
const counts = new Map(search.categories);
const sum = (categories) => categories.reduce((total, category) => total + (counts.get(category) ?? 0), 0);
let marked = [];
const totals = GROUPS.map(({ categories }) => sum(categories));

showKpis();
bars("groups", GROUPS.map(({ title, color, categories }, i) => ({ name: title, value: totals[i], color, categories }))
  .sort((a, b) => b.value - a.value), list);
ring("food", largest(GROUPS[0].categories, 6), list);
bars("streets", streets.slice(0, 7));
const showCircle = circle("circle");

twin.setView({ ...manifest.home, distanceM: 720, pitchDeg: -46 });
await atNight(twin, manifest.home);
twin.on("click", (hit) => { if (hit) choose(hit); });
await around(manifest.home, "城市中心");
document.documentElement.dataset.ready = "true";

/** The categories that most things have, and all others as one. */
function largest(categories, most) {
  const known = categories.filter((category) => counts.has(category)).sort((a, b) => counts.get(b) - counts.get(a));
  const parts = known.slice(0, most).map((category) => ({ name: wordOf(category), categories: [category] }));
  parts.push({ name: "其他", categories: known.slice(most) });
  return parts.map((part) => ({ ...part, value: sum(part.categories) })).filter(({ value }) => value > 0);
}

/** What was clicked in the city, and what is around it. */
async function choose({ layer, properties, lon, lat }) {
  const id = properties.id === undefined ? undefined : String(properties.id);
  twin.highlight(id ? [id] : null);
  mark([], "");
  const texts = manifest.layers.find((one) => one.id === layer)?.properties.class?.values ?? {};
  const kind = texts[properties.class]?.[LOCALE] ?? wordOf(properties.class);
  const name = properties.name_zh ?? properties.name ?? properties.address ?? kind;
  const facts = [
    name !== kind && kind,
    name !== properties.address && properties.address,
    typeof properties.height_m === "number" && `高 ${digits(Math.round(properties.height_m))} 米`,
  ];
  const title = document.createElement("strong");
  title.textContent = name;
  element("chosen").replaceChildren(title, facts.filter(Boolean).join(" · "));
  await around({ lon, lat }, name);
}

/** Counts what can be walked to from a place, by group. */
async function around({ lon, lat }, name) {
  const near = { near: [lon, lat], radiusM: WALK_M };
  const { facets, hits } = await search.query("", { ...near, facets: ["category"], limit: 40 });
  const found = new Map(facets.find(({ of }) => of === "category").counts);
  showCircle(GROUPS.map(({ categories }) => categories.reduce((total, id) => total + (found.get(id) ?? 0), 0)), totals);
  element("circle-title").textContent = `步行生活圈 · ${name} ${WALK_M} 米内`;
  showList(`${name} 附近`, hits.filter(({ category }) => GROUPS.some(({ categories }) => categories.includes(category))));
}

/** Everything of some categories, with a dot in the city for each. */
async function list({ name, categories, color = "#ffb454" }) {
  const { hits } = await search.query("", { categories, near: [manifest.home.lon, manifest.home.lat], limit: 1000 });
  showList(`${name} ${digits(hits.length)}`, hits);
  mark(hits, color);
}

function mark(hits, color) {
  for (const marker of marked) marker.remove();
  marked = twin.addMarkers(...hits.map((hit) => {
    const dot = document.createElement("span");
    dot.className = "dot";
    dot.style.background = color;
    return { lon: hit.lon, lat: hit.lat, heightM: MARK_M, anchor: "center", label: nameOf(hit), content: dot };
  }));
}

function showList(title, hits) {
  element("list-title").textContent = title;
  element("list").replaceChildren(...hits.slice(0, 40).map((hit) => {
    const row = document.createElement("li");
    const button = document.createElement("button");
    const what = document.createElement("small");
    what.textContent = [wordOf(hit.category), hit.distanceM !== undefined && `${digits(Math.round(hit.distanceM))} 米`].filter(Boolean).join(" · ");
    button.append(nameOf(hit), what);
    button.addEventListener("click", () => {
      twin.highlight([hit.id]);
      twin.openPopup({ lon: hit.lon, lat: hit.lat, heightM: MARK_M }, nameOf(hit), { label: nameOf(hit) });
      twin.flyTo({ lon: hit.lon, lat: hit.lat, heightM: 10, distanceM: 260, headingDeg: 335, pitchDeg: -42 });
    });
    row.append(button);
    return row;
  }));
  element("list").scrollTop = 0;
}

function showKpis() {
  element("kpis").replaceChildren(...KPIS.map(({ id, title, unit, categories }) => {
    const card = document.createElement("div");
    const [term, value, small] = ["dt", "dd", "small"].map((name) => document.createElement(name));
    term.textContent = title;
    small.textContent = `（${unit}）`;
    value.dataset.kpi = id;
    term.append(small);
    value.textContent = digits(categories ? sum(categories) : search.count);
    card.append(term, value);
    return card;
  }));
}

/** Streets by how many of the twin's assets have an address in them; an address ends in its number. */
async function countStreets(url) {
  const lines = (await fetch(url).then((response) => response.text())).split("\n").filter(Boolean);
  const found = new Map();
  for (const { address } of lines.map((line) => JSON.parse(line))) {
    const street = /^(.*\D)\s\d/.exec(address ?? "")?.[1];
    if (street) found.set(street, (found.get(street) ?? new Set()).add(address));
  }
  const rows = [...found].map(([name, addresses]) => ({ name, value: addresses.size }));
  return rows.sort((a, b) => b.value - a.value || a.name.localeCompare(b.name));
}

function showTime() {
  const words = new Intl.DateTimeFormat(LOCALE, { dateStyle: "long", timeStyle: "short" });
  element("clock").textContent = words.format(new Date());
  setTimeout(showTime, 60_000 - (Date.now() % 60_000));
}
