import { Positioning } from "./node_modules/citytwin/dist/positioning-entry.js";

const element = (id) => document.getElementById(id);
const svg = element("plan");
const VENUE = ["venue", "level", "unit", "opening", "beacon"].map((name) => `data/${name}.geojson`);
const NAMES = {
  gnss: "satellites", wifi: "WiFi", ble: "Bluetooth", uwb: "ultra-wide band", inertial: "motion", barometer: "air pressure",
  marker: "marker", hostFix: "host", mapTap: "tap",
};

let positioning, replay, plan, walk;
let shown = 0, follows = true, runs = 0;

async function play() {
  const run = ++runs;
  delete document.body.dataset.done;
  replay?.stop();
  positioning?.close();
  const opened = await Positioning.open({ venue: VENUE, radioMap: "data/map.ctrm" });
  // Somebody has started another meanwhile.
  if (run !== runs) return opened.close();
  positioning = opened;
  plan ??= await positioning.plan();
  walk ??= await positioning.decode(new Uint8Array(await (await fetch("data/walk.ctob")).arrayBuffer()));
  if (run !== runs) return;
  draw(shown);
  positioning.watchPosition(show, ({ message }) => { element("place").textContent = message; }, { timeout: 10_000 });
  const progress = element("progress");
  replay = positioning.replay(walk, { speed: Number(element("speed").value), progress: (share) => { progress.value = share; } });
  await replay.done;
  if (run === runs) document.body.dataset.done = "yes";
}

/** One level of the plan; north is up. */
function draw(floor) {
  shown = floor;
  const [[x0, y0], [x1, y1]] = plan.boundsM;
  svg.setAttribute("viewBox", `${x0 - 85} ${-y1 - 8} ${x1 - x0 + 93} ${y1 - y0 + 16}`);
  const level = plan.levels.find((level) => level.floor === floor);
  const at = ([x, y]) => `${x},${-y}`;
  const parts = level.areas.map(({ open, rings }) =>
    `<path class="area${open ? " open" : ""}" fill-rule="evenodd" d="${rings.map((ring) => `M${ring.map(at).join("L")}Z`).join("")}"/>`);
  parts.push(...level.walls.map(([a, b]) => `<path class="wall" d="M${at(a)}L${at(b)}"/>`));
  for (const { stops } of plan.connectors) {
    for (const [on, [x, y]] of stops) if (on === floor) parts.push(`<path class="stop" d="M${x - 2},${-y + 1.5}h1.3v-1h1.3v-1h1.3v-1h1"/>`);
  }
  svg.innerHTML = `${parts.join("")}<g class="names"></g><path class="trail"/><circle class="radius" r="0"/><circle class="dot" r="0"/>`;
  for (const { name, rings } of level.areas) {
    if (!name) continue;
    const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
    text.textContent = name;
    text.setAttribute("x", rings[0].reduce((sum, p) => sum + p[0], 0) / rings[0].length);
    text.setAttribute("y", -rings[0].reduce((sum, p) => sum + p[1], 0) / rings[0].length);
    svg.querySelector(".names").append(text);
  }
  element("floors").replaceChildren(...plan.levels.map(({ floor, name }) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.setAttribute("aria-pressed", String(floor === shown));
    button.onclick = () => { setFollow(false); draw(floor); };
    return button;
  }));
}

function setFollow(on) {
  follows = on;
  element("follow").setAttribute("aria-pressed", String(on));
}

async function show(position) {
  const floor = position.floor ?? 0;
  if (follows && floor !== shown) draw(floor);
  const level = plan.levels.find((level) => level.floor === floor);
  element("place").textContent = position.building
    ? `${position.building}, floor ${level?.name ?? floor} (${Math.round(100 * position.floorProbability)} %)`
    : "Outdoors";
  element("radius").textContent = `${position.coords.accuracy.toFixed(1)} m, 95 times in 100`;
  element("indoors").value = position.indoorProbability;
  element("share").textContent = `${Math.round(100 * position.indoorProbability)} %`;
  element("counted").textContent = position.counted.map(({ kind }) => NAMES[kind]).join(", ") || "nothing lately";
  const [x, y] = position.atM ?? [NaN, NaN];
  for (const [kind, r] of [["radius", position.coords.accuracy], ["dot", 1]]) {
    const circle = svg.querySelector(`.${kind}`);
    circle.setAttribute("cx", Number.isNaN(x) ? 0 : x);
    circle.setAttribute("cy", Number.isNaN(y) ? 0 : -y);
    circle.setAttribute("r", Number.isNaN(x) || floor !== shown ? 0 : r);
  }
  const places = await positioning.trail().catch(() => []);
  const trail = places.filter(({ atM, floor }) => atM && (floor ?? 0) === shown);
  svg.querySelector(".trail").setAttribute("d", trail.length ? `M${trail.map(({ atM: [x, y] }) => `${x},${-y}`).join("L")}` : "");
}

element("follow").onclick = () => setFollow(true);
element("play").onclick = play;
element("speed").onchange = play;
play().catch((error) => { element("place").textContent = error.message; });
