// What no public data has in a few kilobytes: a house with a picture on its wall, and hills as SRTM has them. Both are
// baked by the command under test.
import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { PNG } from "pngjs";
import { citytwin, target } from "../harness.mjs";

const run = promisify(execFile);

/** The quarters of the picture by their place on the wall: column from the left, row from the top. */
export const QUARTERS = [[[200, 30, 30], [30, 160, 30]], [[30, 30, 200], [220, 210, 40]]];

function picture(side) {
  const png = new PNG({ width: side, height: side });
  for (let at = 0; at < side * side; at += 1) {
    const [column, row] = [at % side, Math.floor(at / side)].map((pixel) => Number(pixel >= side / 2));
    png.data.set([...QUARTERS[row][column], 255], at * 4);
  }
  return PNG.sync.write(png);
}

/** Bakes inputs, written as files of these names, to a twin below the build directory, and returns its folder. */
async function bake(name, files, inputs) {
  const folder = path.join(target, "peers", name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const [file, bytes] of Object.entries(files)) await writeFile(path.join(folder, file), bytes);
  const out = path.join(folder, "twin");
  await run(citytwin, ["bake", "--quiet", ...inputs.map((file) => path.join(folder, file)), "--out", out]);
  return out;
}

/** A house of 10 × 10 × 8 m, whose wall to the south shows the picture. */
export function bakeHouse() {
  const level = (z) => [[0, 0, z], [10, 0, z], [10, 10, z], [0, 10, z]];
  const walls = [[0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7], [4, 5, 6, 7], [3, 2, 1, 0]];
  const shown = [[[0, 0, 1, 2, 3]], ...walls.slice(1).map(() => [[null]])];
  const geometry = {
    type: "Solid", lod: "2", boundaries: [walls.map((ring) => [ring])], texture: { seen: { values: [shown] } },
  };
  const model = {
    type: "CityJSON", version: "2.0",
    metadata: { referenceSystem: "https://www.opengis.net/def/crs/EPSG/0/7415" },
    transform: { scale: [1, 1, 1], translate: [85_000, 446_000, 0] },
    CityObjects: { house: { type: "Building", geometry: [geometry] } },
    appearance: {
      textures: [{ type: "PNG", image: "quarters.png" }], "vertices-texture": [[0, 0], [1, 0], [1, 1], [0, 1]],
    },
    vertices: [...level(0), ...level(8)],
  };
  return bake("house", { "quarters.png": picture(64), "house.json": JSON.stringify(model) }, ["house.json"]);
}

/** Around where the hills are baked, degrees. */
export const HILLS = { lon: 7.42, lat: 43.74 };

/** Height of the hills, metres: as smooth as samples of 3″ can tell. */
export const hillM = (lon, lat) => 300 + 60 * Math.sin((lon - 7) * 300) + 40 * Math.cos((lat - 43) * 250);

/** Hills of SRTM's samples below two trees, a kilometre apart. */
export function bakeHills() {
  const side = 1201;
  const heights = Buffer.alloc(side * side * 2);
  for (let at = 0; at < side * side; at += 1) {
    const [east, south] = [at % side, Math.floor(at / side)].map((sample) => sample / (side - 1));
    heights.writeInt16BE(Math.round(hillM(7 + east, 44 - south)), at * 2);
  }
  const tree = (off) => JSON.stringify({
    type: "Feature", properties: { natural: "tree" },
    geometry: { type: "Point", coordinates: [HILLS.lon + off, HILLS.lat + off] },
  });
  const files = { "N43E007.hgt": heights, "trees.geojsonl": `${tree(-0.005)}\n${tree(0.005)}\n` };
  return bake("hills", files, Object.keys(files));
}
