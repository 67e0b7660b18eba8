// The bench as a picture: for each set and measure, every engine's bar beside the others', longest is most.
import { ENGINES } from "./measure.mjs";

const COLORS = { citytwin: "#0b6e99", cesium: "#8a8f98", threejs: "#c3c7cd" };
const [ROW, BAR, LEFT, WIDTH] = [46, 12, 210, 420];

const escape = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** SVG of the tables of a bench. */
export function chart(tables) {
  const parts = [];
  let y = 30;
  for (const { title, engines, rows } of tables) {
    parts.push(`<text x="10" y="${y}" font-size="15" font-weight="600">${escape(title)}</text>`);
    y += 14;
    for (const { title, unit, digits, medians } of rows) {
      parts.push(`<text x="${LEFT - 8}" y="${y + 24}" text-anchor="end">${escape(title)}</text>`);
      const most = Math.max(...engines.map((engine) => medians[engine]), Number.MIN_VALUE);
      engines.forEach((engine, i) => {
        const width = (WIDTH * medians[engine]) / most;
        const at = y + 4 + i * (BAR + 1);
        parts.push(`<rect x="${LEFT}" y="${at}" width="${width.toFixed(1)}" height="${BAR}" fill="${COLORS[engine]}"/>`);
        const value = `${medians[engine].toFixed(digits)} ${unit}`;
        parts.push(`<text x="${LEFT + width + 5}" y="${at + 10}" font-size="10">${escape(value)}</text>`);
      });
      y += ROW;
    }
    y += 30;
  }
  Object.entries(ENGINES).forEach(([engine, { title }], i) => {
    parts.push(`<rect x="${LEFT + i * 150}" y="${y - 12}" width="12" height="12" fill="${COLORS[engine]}"/>`);
    parts.push(`<text x="${LEFT + 18 + i * 150}" y="${y - 2}">${title}</text>`);
  });
  const size = `width="760" height="${y + 14}" viewBox="0 0 760 ${y + 14}"`;
  const head = `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="system-ui, sans-serif" font-size="12">`;
  return `${head}<rect width="100%" height="100%" fill="#fff"/>${parts.join("")}</svg>\n`;
}
