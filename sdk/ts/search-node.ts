/** The entry `citytwin/search` in Node: the same search, over files of this machine as over those of a server. */
import { Worker as Thread } from "node:worker_threads";
import { pathToFileURL } from "node:url";
import type { Requests } from "./requests.js";
import { surroundings } from "./surroundings.js";

export * from "./search-entry.js";

surroundings.base = () => pathToFileURL("./").href;
surroundings.startSearchWorker = startSearchThread;

/** A thread that searches, and is spoken to as a browser's worker is. */
function startSearchThread(requests: Requests): Worker {
  const thread = new Thread(new URL("./wasm/node-worker.js", import.meta.url));
  const port = requests.port();
  const wasmUrl = new URL("./wasm/search_worker_bg.wasm", import.meta.url).href;
  thread.postMessage({ wasmUrl, port }, [port]);
  const worker = {
    onmessage: undefined as ((event: { data: unknown }) => void) | undefined,
    onerror: undefined as ((error: Error) => void) | undefined,
    postMessage: (data: unknown) => thread.postMessage(data),
    terminate: () => void thread.terminate(),
  };
  thread.on("message", (data) => worker.onmessage?.({ data }));
  thread.on("error", (error) => worker.onerror?.(error));
  return worker as unknown as Worker;
}
