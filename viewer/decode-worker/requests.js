// How files are asked for: as the page says, when it wants to be heard. Used by workers and by the page itself.
//
// Where the page has given a worker a port, the worker asks it about each URL: {id, url}. The page answers {id, ...told}
// with one of these:
//   {url, headers, credentials}   ask this URL in this way; all three are optional
//   {bytes}                       here is the file
//   {refused}                     it may not be asked for, in words
// Headers may hold secrets. They go to the URL that they came with and nowhere else: an answer that leads elsewhere is
// not followed, for browsers would take the headers along.

let port;
let lastId = 0;
const waiting = new Map();

/** From here on the page is asked through this port. */
export function askThrough(newPort) {
  port = newPort;
  port.onmessage = ({ data: { id, ...told } }) => {
    waiting.get(id)?.(told);
    waiting.delete(id);
  };
}

/** As `fetch`, in the way that the page wants; rejects with a {@link Refusal} where nothing may be asked. */
export async function request(url, init) {
  return send(url, port ? await ask(url, init?.signal) : {}, init);
}

function ask(url, signal) {
  return new Promise((resolve, reject) => {
    const id = ++lastId;
    waiting.set(id, resolve);
    signal?.addEventListener("abort", () => { waiting.delete(id); reject(signal.reason); }, { once: true });
    port.postMessage({ id, url });
  });
}

/** Fetches in the way that the page has told. */
export async function send(url, told, init) {
  if (told.refused !== undefined) throw new Refusal(told.refused, told.again === true);
  if (told.bytes) return new Response(told.bytes);
  const given = Object.entries(told.headers ?? {});
  const headers = { ...init?.headers, ...told.headers };
  const response = await fetch(told.url ?? url, {
    ...init,
    headers,
    ...(told.credentials && { credentials: told.credentials }),
    redirect: given.length > 0 ? "manual" : "follow",
  });
  if (response.type === "opaqueredirect") {
    const names = given.map(([name]) => name).join(", ");
    throw new Refusal(`the server sends us elsewhere, and what it was given (${names}) goes nowhere else`, false);
  }
  return response;
}

/** A file that may not be asked for; `again`: later it may be. */
export class Refusal extends Error {
  constructor(message, again) {
    super(message);
    this.code = "request-refused";
    this.again = again;
  }
}
