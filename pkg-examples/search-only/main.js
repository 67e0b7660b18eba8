import { Search } from "./node_modules/citytwin/dist/search-entry.js";

const element = (id) => document.getElementById(id);
const plain = (category) => category.replaceAll("_", " ");
let asking = new AbortController();
let kind;

const search = await Search.open("twin/search/search.bin").catch((error) => {
  element("state").textContent = error.message;
  throw error;
});
element("text").addEventListener("input", () => {
  kind = undefined;
  ask();
});
ask();

/** Shows what a query finds as it is found; the query before it is given up. */
async function ask() {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  const text = element("text").value;
  if (!text && !kind) {
    element("hits").replaceChildren();
    showKinds([...search.categories].sort(([, a], [, b]) => b - a).slice(0, 12));
    element("state").textContent = `${search.count.toLocaleString("en")} things can be found`;
    return;
  }
  const started = performance.now();
  const conditions = { limit: 20, facets: ["category"], ...(kind && { categories: [kind] }), signal };
  try {
    for await (const answer of search.stream(text, conditions)) show(answer, performance.now() - started);
  } catch (error) {
    if (!signal.aborted) element("state").textContent = error.message;
  }
}

function show({ hits, facets, didYouMean, complete }, ms) {
  element("hits").replaceChildren(...hits.map(row));
  const counts = facets.find(({ of }) => of === "category")?.counts ?? [];
  if (!kind) showKinds(counts.slice(0, 8));
  const found = counts.reduce((sum, [, count]) => sum + count, 0);
  const state = [
    `${found.toLocaleString("en")} found in ${Math.round(ms)} ms`,
    didYouMean && `did you mean “${didYouMean}”?`,
    !complete && "still looking …",
  ];
  element("state").textContent = state.filter(Boolean).join(" · ");
}

function row({ name, category, address, match, lon, lat }) {
  const item = document.createElement("li");
  const title = document.createElement("strong");
  let at = 0;
  for (const [start, end] of match.text === name ? match.ranges : []) {
    const mark = document.createElement("mark");
    mark.textContent = name.slice(start, end);
    title.append(name.slice(at, start), mark);
    at = end;
  }
  title.append(name.slice(at));
  const more = document.createElement("small");
  const also = match.text === name || match.text === address ? undefined : match.text;
  more.textContent = [also, plain(category), address, `${lat.toFixed(5)}, ${lon.toFixed(5)}`].filter(Boolean).join(" · ");
  item.append(title, more);
  return item;
}

function showKinds(counts) {
  element("kinds").replaceChildren(...counts.map(([id, count]) => {
    const button = document.createElement("button");
    button.textContent = `${plain(id)} ${count.toLocaleString("en")}`;
    button.setAttribute("aria-pressed", String(id === kind));
    button.addEventListener("click", () => {
      kind = kind === id ? undefined : id;
      for (const other of element("kinds").children) other.setAttribute("aria-pressed", String(other === button && !!kind));
      ask();
    });
    return button;
  }));
}
