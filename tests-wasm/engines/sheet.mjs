// A contact sheet: the same view in each engine, side by side, one row for each view.
import { readFile, writeFile } from "node:fs/promises";
import { PNG } from "pngjs";

const GAP = 8;

/** Writes a sheet of rows of files to `out`; each picture is reduced to `width` pixels. */
export async function writeSheet(out, rows, width = 640) {
  const pictures = await Promise.all(rows.map((row) => Promise.all(row.map(async (file) => reduced(PNG.sync.read(await readFile(file)), width)))));
  const columns = Math.max(...pictures.map((row) => row.length));
  const heights = pictures.map((row) => Math.max(...row.map(({ height }) => height)));
  const sheet = new PNG({ width: columns * (width + GAP) + GAP, height: heights.reduce((sum, height) => sum + height + GAP, GAP) });
  sheet.data.fill(255);
  let top = GAP;
  pictures.forEach((row, i) => {
    row.forEach((picture, j) => PNG.bitblt(picture, sheet, 0, 0, picture.width, picture.height, GAP + j * (width + GAP), top));
    top += heights[i] + GAP;
  });
  await writeFile(out, PNG.sync.write(sheet));
}

/** Each pixel the mean of those that it stands for. */
function reduced(png, width) {
  const height = Math.round((png.height * width) / png.width);
  const out = new PNG({ width, height });
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [x0, x1] = [x, x + 1].map((at) => Math.floor((at * png.width) / width));
      const [y0, y1] = [y, y + 1].map((at) => Math.floor((at * png.height) / height));
      const sum = [0, 0, 0, 0];
      for (let v = y0; v < Math.max(y1, y0 + 1); v += 1) {
        for (let u = x0; u < Math.max(x1, x0 + 1); u += 1) for (let c = 0; c < 4; c += 1) sum[c] += png.data[4 * (v * png.width + u) + c];
      }
      const count = Math.max(x1 - x0, 1) * Math.max(y1 - y0, 1);
      out.data.set(sum.map((value) => value / count), 4 * (y * width + x));
    }
  }
  return out;
}
