// core/search in wasm behind a few functions.
import fs from 'node:fs';
import path from 'node:path';

const FILES = ['terms', 'lists', 'records', 'places'];

export async function load(wasmPath) {
  const { instance } = await WebAssembly.instantiate(fs.readFileSync(wasmPath), {});
  const wasm = instance.exports;
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  const pass = (bytes) => {
    const start = wasm.alloc(bytes.length);
    new Uint8Array(wasm.memory.buffer, start, bytes.length).set(bytes);
    return [start, bytes.length];
  };
  return {
    memoryBytes: () => wasm.memory.buffer.byteLength,
    open: (root) => wasm.open(...pass(root)),
    feed: (file, offset, bytes) => wasm.feed(file, offset, ...pass(bytes)),
    query(text, limit = 10) {
      const length = wasm.query(...pass(encoder.encode(text)), limit);
      const answer = decoder.decode(new Uint8Array(wasm.memory.buffer, wasm.output(), length));
      const split = answer.indexOf('\n\n') >= 0 && !answer.startsWith('\n') ? answer.indexOf('\n\n') + 1 : 0;
      const lines = (text) => text.split('\n').filter((line) => line);
      return {
        needs: lines(answer.slice(0, split)).map((line) => line.split(' ').map(Number)),
        hits: lines(answer.slice(split)).map((line) => {
          const [id, score, how, name] = line.split('\t');
          return { id, score: Number(score) / 10, how, name };
        }),
      };
    },
  };
}

// The files of an index folder: the root's bytes, and the others in the order in which queries number them.
export function readIndex(folder) {
  const names = fs.readdirSync(folder);
  const read = (name) => fs.readFileSync(path.join(folder, name));
  return { root: read('search.bin'), files: FILES.map((stem) => read(names.find((name) => name.startsWith(stem) && name.endsWith('.bin')))) };
}
