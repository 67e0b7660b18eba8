// core/search in wasm behind a few functions.
import fs from 'node:fs';
import path from 'node:path';

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
  const output = (length) => decoder.decode(new Uint8Array(wasm.memory.buffer, wasm.output(), length));
  const lines = (text) => text.split('\n').filter((line) => line);
  const open = (roots) => {
    wasm.reset();
    for (const root of roots) if (wasm.push(...pass(root)) < 0) throw new Error('this root cannot be opened');
  };
  return {
    memoryBytes: () => wasm.memory.buffer.byteLength,
    open,
    /** Opens the index in a folder, or its shards: the roots, and the other files as queries number them. */
    openFolder(folder) {
      const read = (name) => fs.readFileSync(path.join(folder, name));
      const first = read('search.bin');
      const names = lines(output(wasm.shards(...pass(first))));
      const roots = names.length ? names.map(read) : [first];
      open(roots);
      return { roots, files: lines(output(wasm.file_names())).map(read) };
    },
    feed: (file, offset, bytes) => wasm.feed(file, offset, ...pass(bytes)),
    query(text, limit = 10) {
      const length = wasm.query(...pass(encoder.encode(text)), limit);
      const answer = output(length);
      const split = answer.indexOf('\n\n') >= 0 && !answer.startsWith('\n') ? answer.indexOf('\n\n') + 1 : 0;
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
