// The positioning worker: hands what the page posts to the engine, and posts back what comes out.
//
// The page posts { open: { venue: [[name, text], …], radioMap: Uint8Array | null, seed }, wasmUrl } once, where wasmUrl is
// where its module lies; then { id, call } with the call in JSON, { id, bytes, wallOffsetMs } with observations in their
// binary form, or { id, decode } with such bytes that it wants in JSON. It hears { opened: true }, { failed: message }, and
// { id, reply } or { id, error } for each of the others, in their order.
import init, { Engine, decode } from "./positioning_worker.js";

let engine;
// One after the other, as they were posted.
let queue = Promise.resolve();

addEventListener("message", ({ data }) => {
  queue = queue.then(() => take(data));
});

async function take(data) {
  try {
    if (data.open) {
      await init({ module_or_path: data.wasmUrl });
      const { venue, radioMap, seed } = data.open;
      engine = new Engine(JSON.stringify(venue), radioMap ?? new Uint8Array(), seed);
      postMessage({ opened: true });
      return;
    }
    if (data.decode) {
      postMessage({ id: data.id, reply: `{"observations":${decode(data.decode)}}` });
      return;
    }
    const reply = data.bytes ? engine.feed(data.bytes, data.wallOffsetMs) : engine.call(data.call);
    postMessage({ id: data.id, reply });
  } catch (error) {
    const message = error?.message ?? String(error);
    postMessage(data.open ? { failed: message } : { id: data.id, error: message });
  }
}
