import { CityTwin, CityTwinError, type Hit, type Style } from "citytwin";
import "./style.css";

/** Height classes, metres, in the colours of viridis: they can be told apart by everybody, and in grey too. */
const CLASSES = [
  { from: 40, color: "#fde725" },
  { from: 30, color: "#5ec962" },
  { from: 20, color: "#21918c" },
  { from: 10, color: "#3b528b" },
  { from: 0, color: "#440154" },
];
const BY_HEIGHT: Style = {
  color: { conditions: CLASSES.map(({ from, color }) => [`\${height_m} >= ${from}`, `color('${color}')`]) },
};

const twin = await CityTwin.create("#city", { twin: "twin/twin.json" }).catch((error: unknown) => {
  element("#thing").textContent = error instanceof CityTwinError ? error.message : String(error);
  throw error;
});
element("#title").textContent = twin.title["en"] ?? "A city";
element("#credit").textContent = twin.attribution.map(({ text }) => text).join(", ");
element("#layers").append(...twin.layers.map(({ id, title, visible }) => {
  return checkbox(title["en"] ?? id, visible, (on) => twin.setLayerVisible(id, on));
}));
element("#legend").append(...CLASSES.map(({ from, color }, i) => {
  const row = document.createElement("li");
  const swatch = document.createElement("span");
  swatch.style.background = color;
  row.append(swatch, i === 0 ? `${from} m and more` : `${from} to ${CLASSES[i - 1]!.from} m`);
  return row;
}));
twin.on("click", show);
const byHeight = element<HTMLInputElement>("#by-height");
byHeight.addEventListener("change", color);
await color();

async function color(): Promise<void> {
  await twin.setStyle("buildings", byHeight.checked ? BY_HEIGHT : null);
  element("#legend").hidden = !byHeight.checked;
}

function show(hit: Hit | null): void {
  twin.highlight(hit && hit.properties.id !== undefined ? [String(hit.properties.id)] : null);
  if (!hit) return element("#thing").replaceChildren("There is nothing.");
  const { name, name_en, class: kind, height_m, address } = hit.properties;
  const heading = document.createElement("h2");
  heading.textContent = String(name_en ?? name ?? address ?? kind);
  const facts = [
    kind && String(kind).replaceAll("_", " "),
    (name_en ?? name) && address,
    typeof height_m === "number" && `${height_m.toFixed(1)} m high`,
    `${hit.lat.toFixed(5)}° N, ${hit.lon.toFixed(5)}° E`,
  ];
  const words = document.createElement("p");
  words.textContent = facts.filter(Boolean).join(" · ");
  element("#thing").replaceChildren(heading, words);
}

function checkbox(title: string, checked: boolean, onChange: (on: boolean) => void): HTMLLabelElement {
  const label = document.createElement("label");
  label.className = "row";
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = checked;
  box.addEventListener("change", () => onChange(box.checked));
  label.append(box, ` ${title}`);
  return label;
}

function element<Kind extends HTMLElement = HTMLElement>(selector: string): Kind {
  return document.querySelector<Kind>(selector)!;
}
