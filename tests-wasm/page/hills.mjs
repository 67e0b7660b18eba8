// Hills that nobody has climbed: made up for tests of terrain, as quantized-mesh and as terrarium tiles, made as they
// are asked for.
import { PNG } from "pngjs";

/** The hill's top, and how high the land is around it. */
export const HILL = { lon: 24.945, lat: 60.172, heightM: 180, radiusM: 350 };
export const EXTENT = [24.93, 60.165, 24.96, 60.18];
/** Finest level of each kind. */
export const LEVELS = { quantized: 14, terrarium: 15 };
const RAD = Math.PI / 180;
const METRES_PER_DEG = 111_320;

/** Height of the land, metres above the ellipsoid. */
export function heightM(lon, lat) {
  const east = (lon - HILL.lon) * METRES_PER_DEG * Math.cos(HILL.lat * RAD);
  const north = (lat - HILL.lat) * METRES_PER_DEG;
  const away = Math.hypot(east, north) / HILL.radiusM;
  return 40 + 12 * Math.sin(east / 260) * Math.cos(north / 310) + (HILL.heightM - 40) * Math.exp(-away * away);
}

const zigzag = (value) => ((value << 1) ^ (value >> 31)) & 0xffff;

/** A quantized-mesh tile: a grid of `side` × `side` squares. */
export function quantized(level, x, y, side = 24) {
  const width = 180 / 2 ** level;
  const [west, south] = [x * width - 180, y * width - 90];
  const numbers = new Map();
  const points = [];
  const number = (column, row) => {
    const key = row * (side + 1) + column;
    if (!numbers.has(key)) {
      numbers.set(key, points.length);
      points.push([column / side, row / side, heightM(west + (column / side) * width, south + (row / side) * width)]);
    }
    return numbers.get(key);
  };
  const indices = [];
  for (let row = 0; row < side; row += 1) {
    for (let column = 0; column < side; column += 1) {
      const [a, b, c, d] = [[0, 0], [1, 0], [0, 1], [1, 1]].map(([dx, dy]) => number(column + dx, row + dy));
      indices.push(a, b, c, c, b, d);
    }
  }
  const heights = points.map(([, , height]) => height);
  const [low, high] = [Math.min(...heights), Math.max(...heights)];
  const scaled = points.map(([u, v, h]) => [u, v, (h - low) / Math.max(high - low, 1e-6)].map((share) => Math.round(share * 32767)));
  const out = Buffer.alloc(88 + 4 + 6 * points.length + 4 + 2 * indices.length + 16);
  out.writeFloatLE(low, 24);
  out.writeFloatLE(high, 28);
  let at = out.writeUInt32LE(points.length, 88);
  for (const axis of [0, 1, 2]) {
    let before = 0;
    for (const point of scaled) {
      at = out.writeUInt16LE(zigzag(point[axis] - before), at);
      before = point[axis];
    }
  }
  at = out.writeUInt32LE(indices.length / 3, at);
  let highest = 0;
  for (const index of indices) {
    at = out.writeUInt16LE(highest - index, at);
    if (index === highest) highest += 1;
  }
  return out;
}

/** Which tiles of quantized mesh there are: of the finest level, only those that the east of the extent needs. */
export function layerJson() {
  const available = [];
  for (let level = 0; level <= LEVELS.quantized; level += 1) {
    const width = 180 / 2 ** level;
    const column = (lon) => Math.floor((lon + 180) / width);
    const row = (lat) => Math.floor((lat + 90) / width);
    const [west, south, east, north] = EXTENT;
    const around = 0.2;
    const from = level === LEVELS.quantized ? HILL.lon : west - around;
    available.push([{ startX: column(from), startY: row(south - around), endX: column(east + around), endY: row(north + around) }]);
  }
  return {
    tilejson: "2.1.0", name: "made-up hills", format: "quantized-mesh-1.0", version: "1.0", scheme: "tms",
    projection: "EPSG:4326", tiles: ["{z}/{x}/{y}.terrain"], available,
  };
}

const latitude = (y) => Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) / RAD;

/** A terrarium tile. */
export function terrarium(level, x, y) {
  const png = new PNG({ width: 256, height: 256 });
  for (let row = 0; row < 256; row += 1) {
    for (let column = 0; column < 256; column += 1) {
      const lon = ((x + (column + 0.5) / 256) / 2 ** level) * 360 - 180;
      const steps = Math.round((heightM(lon, latitude((y + (row + 0.5) / 256) / 2 ** level)) + 32768) * 256);
      png.data.set([steps >> 16, (steps >> 8) & 255, steps & 255, 255], 4 * (256 * row + column));
    }
  }
  return PNG.sync.write(png, { deflateLevel: 1 });
}

/** A picture of the ground: a chessboard of 16 squares, its own of each tile. */
export function chessboard(level, x, y) {
  const png = new PNG({ width: 256, height: 256 });
  const other = (x + y) % 2 === 0 ? [60, 90, 200] : [40, 140, 60];
  for (let i = 0; i < 256 * 256; i += 1) {
    const isDark = (((i % 256) >> 6) + (i >> 14)) % 2 === 0;
    png.data.set([...(isDark ? [190, 40, 40] : other), 255], 4 * i);
  }
  return PNG.sync.write(png, { deflateLevel: 1 });
}
