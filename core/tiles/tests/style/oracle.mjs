// Writes expected.json: what CesiumJS makes of each line of expressions.txt for the feature of feature.json.
//
//   node core/tiles/tests/style/oracle.mjs    (after the Node packages of tests-wasm/ are installed)
//
// Only run when expressions are added: tests read what is written here.
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const here = new URL('.', import.meta.url);
const require = createRequire(new URL('../../../../tests-wasm/package.json', here));
const engine = require.resolve('@cesium/engine/package.json').replace('package.json', 'Source/');
const load = async name => (await import(pathToFileURL(engine + name))).default;
const [Expression, Cartesian2, Cartesian3, Cartesian4] = await Promise.all(
  ['Scene/Expression.js', 'Core/Cartesian2.js', 'Core/Cartesian3.js', 'Core/Cartesian4.js'].map(load),
);

const vector = items => {
  const types = { 2: Cartesian2, 3: Cartesian3, 4: Cartesian4 };
  const isVector = items.every(item => typeof item === 'number') && types[items.length];
  return isVector ? types[items.length].fromArray(items) : items.map(revive);
};
const revive = value => {
  if (Array.isArray(value)) return vector(value);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, revive(member)]));
};
const properties = revive(JSON.parse(readFileSync(new URL('feature.json', here), 'utf8')));
const classes = ['door', 'building'];
const feature = {
  getPropertyInherited: name => (Object.hasOwn(properties, name) ? properties[name] : undefined),
  isExactClass: name => name === classes[0],
  isClass: name => classes.includes(name),
  getExactClassName: () => classes[0],
  content: { tileset: { timeSinceLoad: 1234.5 } },
};

const written = value => {
  if (value === undefined) return { undefined: true };
  if (typeof value === 'number') return Number.isFinite(value) ? value : { number: String(value) };
  if (value instanceof RegExp) return { regExp: String(value) };
  if (value instanceof Cartesian4) return { vector: [value.x, value.y, value.z, value.w] };
  if (value instanceof Cartesian3) return { vector: [value.x, value.y, value.z] };
  if (value instanceof Cartesian2) return { vector: [value.x, value.y] };
  if (Array.isArray(value)) return { array: value.map(written) };
  if (value !== null && typeof value === 'object') return { object: true };
  return value;
};
const result = text => {
  let expression;
  try {
    expression = new Expression(text);
  } catch {
    return { refused: true };
  }
  try {
    return written(expression.evaluate(feature));
  } catch {
    return { fails: true };
  }
};

const lines = readFileSync(new URL('expressions.txt', here), 'utf8').split('\n');
const texts = lines.filter(line => line !== '' && !line.startsWith('# '));
const rows = texts.map(text => '  ' + JSON.stringify([text, result(text)]));
writeFileSync(new URL('expected.json', here), `[\n${rows.join(',\n')}\n]\n`);
console.log(`${rows.length} expressions`);
