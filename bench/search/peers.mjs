// node --expose-gc --max-old-space-size=8000 peers.mjs DATA.ndjson QUERIES.mjs ENGINE [--json OUT] [--limit SECS]
// The same sets and measures as bench.mjs for MiniSearch, FlexSearch and Orama; ENGINE is mini, flex or orama. After the
// limit (600 s) it is asked no more: each set gets an even share of what is left of it once the index is built.
import fs from 'node:fs';
import zlib from 'node:zlib';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [data, queriesPath, engine, ...flags] = process.argv.slice(2);
const flag = (name) => (flags.includes(name) ? flags[flags.indexOf(name) + 1] : undefined);
const until = performance.now() + 1e3 * Number(flag('--limit') ?? 600);
const { queries } = await import(pathToFileURL(path.resolve(queriesPath)));
const docs = fs.readFileSync(data, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const sets = queries(docs, 1000);
const han = /\p{sc=Han}/u;
// Han text as characters and pairs, everything else as words: the usual set-up of these engines for mixed scripts.
const tokenize = (text) => {
  const tokens = [];
  for (const part of text.toLowerCase().match(/\p{sc=Han}+|[\p{L}\p{N}]+/gu) ?? []) {
    if (!han.test(part)) tokens.push(part);
    else {
      const chars = [...part];
      if (chars.length === 1) tokens.push(part);
      for (let i = 0; i + 1 < chars.length; i++) tokens.push(chars[i] + chars[i + 1]);
    }
  }
  return tokens;
};
const pinyin = (doc) => (doc.py ? `${doc.py.replaceAll(' ', '')} ${doc.py.split(' ').map((syllable) => syllable[0]).join('')}` : '');
const quantile = (values, q) => values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))];

const giveUp = (why) => {
  console.error(`${engine}: ${why} within the limit`);
  process.exit(1);
};
globalThis.gc?.();
const before = process.memoryUsage();
const built = performance.now();
let ask, exported;
if (engine === 'mini') {
  const { default: MiniSearch } = await import('minisearch');
  const index = new MiniSearch({ fields: ['name', 'py'], tokenize, searchOptions: { tokenize, prefix: true, combineWith: 'AND', fuzzy: (term) => (han.test(term) || term.length < 5 ? 0 : term.length < 9 ? 1 : 2), boost: { name: 2 } } });
  index.addAll(docs.map((doc) => ({ id: doc.id, name: doc.name, py: pinyin(doc) })));
  ask = (text) => index.search(text).slice(0, 10).map((hit) => hit.id);
  exported = () => JSON.stringify(index);
} else if (engine === 'flex') {
  const { Document, Encoder } = (await import('flexsearch')).default;
  const encoder = new Encoder({ encode: undefined });
  encoder.encode = tokenize;
  const index = new Document({ document: { id: 'id', index: [{ field: 'name', tokenize: 'forward', encode: tokenize }, { field: 'py', tokenize: 'forward', encode: tokenize }] } });
  for (const doc of docs) index.add({ id: doc.id, name: doc.name, py: pinyin(doc) });
  ask = (text) => [...new Set(index.search(text, { limit: 10 }).flatMap((field) => field.result))].slice(0, 10);
} else {
  const { create, insertMultiple, search } = await import('@orama/orama');
  const { createTokenizer } = await import('@orama/tokenizers/mandarin');
  const index = create({ schema: { name: 'string', py: 'string' }, components: { tokenizer: createTokenizer() } });
  for (let at = 0; at < docs.length; at += 5000) {
    // Half of the time is for the questions.
    if (performance.now() - built > (until - built) / 2) giveUp(`only ${at} of ${docs.length} records were taken in`);
    await insertMultiple(index, docs.slice(at, at + 5000).map((doc) => ({ id: String(doc.id), name: doc.name, py: pinyin(doc) })), 5000);
  }
  ask = (text) => search(index, { term: text, limit: 10, tolerance: text.length >= 5 && !han.test(text) ? 1 : 0 }).hits.map((hit) => Number(hit.id));
}
const buildMs = performance.now() - built;
globalThis.gc?.();
const after = process.memoryUsage();
const result = { engine, records: docs.length, buildS: +(buildMs / 1e3).toFixed(1), heapMb: +((after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers) / 1e6).toFixed(0), sets: {} };
const byId = new Map(docs.map((doc) => [doc.id, doc]));
const names = Object.keys(sets);
for (const [name, set] of Object.entries(sets)) {
  // What takes seconds a query is asked less often; the table marks it.
  const part = docs.length > 500_000 ? set.slice(0, 200) : set;
  const start = performance.now();
  const end = start + (until - start) / (names.length - names.indexOf(name));
  for (const [text] of part.slice(0, 20)) if (performance.now() < start + (end - start) / 4) ask(text);
  const times = [];
  let found = 0, none = 0;
  for (const [text, doc] of part) {
    if (performance.now() > end) break;
    let ids, best = Infinity;
    for (let i = 0; i < (name.startsWith('zh') ? 1 : 3); i++) {
      const start = performance.now();
      ids = ask(text);
      best = Math.min(best, performance.now() - start);
    }
    times.push(best);
    if (ids.some((id) => byId.get(id).name === doc.name)) found++;
    if (!ids.length) none++;
  }
  const asked = times.length;
  if (asked) result.sets[name] = { queries: asked, p50Ms: +quantile(times, 0.5).toFixed(3), p95Ms: +quantile(times, 0.95).toFixed(3), found: found / asked, none: none / asked };
}
if (exported && performance.now() < until) result.exportGzMb = +(zlib.gzipSync(exported()).length / 1e6).toFixed(1);
console.log(JSON.stringify(result, null, 1).replace(/\n\s{3,}/g, ' '));
if (flag('--json')) fs.writeFileSync(flag('--json'), JSON.stringify(result));
