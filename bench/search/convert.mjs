// node convert.mjs NAMES.ndjson[.gz] ASSETS.ndjson NAMES-PLAIN.ndjson
// The names of the data set as asset lines for `citytwin search build`, and as they are, uncompressed.
import fs from 'node:fs';
import readline from 'node:readline';
import zlib from 'node:zlib';

const [from, to, plainTo] = process.argv.slice(2);
const file = fs.createReadStream(from);
const input = from.endsWith('.gz') ? file.pipe(zlib.createGunzip()) : file;
const outputs = [fs.createWriteStream(to), fs.createWriteStream(plainTo)];
const write = (out, text) => out.write(text) || new Promise((resolve) => { out.once('drain', resolve); });
for await (const line of readline.createInterface({ input })) {
  if (!line) continue;
  const { id, name, kind, lng, lat } = JSON.parse(line);
  // All alike important: the sets ask for any name, so importance must not give the answer away.
  const asset = { id: String(id), name, category: kind, lon: +lng.toFixed(7), lat: +lat.toFixed(7), importance: 0.5 };
  await write(outputs[0], `${JSON.stringify(asset)}\n`);
  await write(outputs[1], `${line}\n`);
}
for (const out of outputs) out.end();
