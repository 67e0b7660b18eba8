// node vary.mjs ASSETS.ndjson TIMES OUT.ndjson
// A list of assets many times over, each time with other ids, places and names: codes get other numbers, names an ordinal.
import fs from 'node:fs';
import readline from 'node:readline';

const [from, times, to] = process.argv.slice(2);
const ORDINALS = ['', '一', '二', '三', '四', '五', '六', '七', '八', '九', '十'];
const han = /\p{sc=Han}$/u;
let seed = 12345;
/** Numbers that look random, the same each time (mulberry32). */
const random = () => {
  seed = (seed + 0x6D2B79F5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
const varied = (name, time) => {
  if (time === 0) return name;
  if (/-\d{4}$/.test(name)) return name.replace(/\d{4}$/, () => String(1000 + Math.floor(random() * 9000)));
  return han.test(name) ? `${name}第${ORDINALS[time % ORDINALS.length]}` : `${name} ${time + 1}`;
};
const out = fs.createWriteStream(to);
let base = 0;
for (let time = 0; time < Number(times); time++) {
  let count = 0;
  let lines = [];
  for await (const line of readline.createInterface({ input: fs.createReadStream(from) })) {
    if (!line) continue;
    const asset = JSON.parse(line);
    asset.id = String(base + count++);
    asset.name = varied(asset.name, time);
    if (time > 0) {
      asset.lon = +(asset.lon + random() * 0.2 - 0.1).toFixed(6);
      asset.lat = +(asset.lat + random() * 0.2 - 0.1).toFixed(6);
    }
    asset.lon = Math.max(-180, Math.min(180, asset.lon));
    asset.lat = Math.max(-90, Math.min(90, asset.lat));
    lines.push(JSON.stringify(asset));
    if (lines.length === 10_000) {
      const text = `${lines.join('\n')}\n`;
      lines = [];
      if (!out.write(text)) await new Promise((resolve) => { out.once('drain', resolve); });
    }
  }
  if (lines.length) out.write(`${lines.join('\n')}\n`);
  base += count;
}
out.end();
