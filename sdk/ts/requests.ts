import { CityTwinError } from "./errors.js";
import { oneOf, record, url as isUrl } from "./options.js";
import { surroundings } from "./surroundings.js";
import { send, type Told } from "./wasm/requests.js";

/** How a file is to be asked for. What is left out stays as it is. */
export interface TransformedRequest {
  /** Another URL, absolute or relative to the page. */
  url?: string | URL;
  /**
   * Headers. They go to this URL and nowhere else: a server's answer that leads elsewhere is a problem
   * (`request-refused`), not followed.
   */
  headers?: Record<string, string>;
  /** Whether cookies go along: `same-origin` (the default), `include` or `omit`. */
  credentials?: RequestCredentials;
}

/**
 * Says how a file is to be asked for: called with the absolute URL of every file of a twin before it is fetched, in the
 * page, wherever the fetch itself runs. Undefined: as it is. What it throws is a problem of that file, which is asked
 * for again later.
 */
export type TransformRequest = (url: string) =>
  TransformedRequest | undefined | Promise<TransformedRequest | undefined>;

/** How files are asked for. */
export interface RequestOptions {
  /** Headers for the origin that the twin, index or tileset comes from, and for no other. */
  headers?: Record<string, string>;
  /** Says how each file is to be asked for; the headers that it gives win over `headers`. */
  transformRequest?: TransformRequest;
}

/** Files that are made on the page have URLs below this one; no server ever has it (RFC 2606). */
const OWN = "https://own.citytwin.invalid/";

/** Answers workers that ask how to get files. @internal */
export class Requests {
  readonly #origin: string;
  readonly #headers: Record<string, string> | undefined;
  readonly #transform: TransformRequest | undefined;
  readonly #files = new Map<string, Uint8Array<ArrayBuffer>>();
  #lastFolder = 0;

  /** `origin`: whom the headers were given for. */
  constructor({ headers, transformRequest }: RequestOptions, origin: string) {
    this.#origin = origin;
    this.#headers = headers && normal(headers);
    this.#transform = transformRequest;
  }

  /** How a file is to be asked for. */
  async told(url: string): Promise<Told> {
    if (url.startsWith(OWN)) {
      const bytes = this.#files.get(url);
      return bytes ? { bytes } : { refused: "it has been removed" };
    }
    try {
      const wanted = (await this.#transform?.(url)) ?? {};
      return this.#checked(url, wanted);
    } catch (error) {
      return { refused: `transformRequest says: ${error instanceof Error ? error.message : String(error)}`, again: true };
    }
  }

  #checked(asked: string, wanted: TransformedRequest): Told {
    for (const key of Object.keys(wanted)) {
      if (!["url", "headers", "credentials"].includes(key)) {
        throw new Error(`"${key}" is not known; url, headers and credentials are`);
      }
    }
    if (wanted.url !== undefined && isUrl(wanted.url)) throw new Error("its url is no string or URL");
    const url = new URL(wanted.url ?? asked, surroundings.base());
    const general = url.origin === this.#origin ? this.#headers : undefined;
    const headers = { ...general, ...(wanted.headers && normal(wanted.headers)) };
    const { credentials } = wanted;
    if (credentials !== undefined && oneOf("same-origin", "include", "omit")(credentials)) {
      throw new Error(`its credentials are "${String(credentials)}"`);
    }
    return { url: url.href, headers, ...(credentials && { credentials }) };
  }

  /** Fetches a file from the page itself. */
  async fetch(url: string, init?: RequestInit): Promise<Response> {
    return send(url, await this.told(url), init);
  }

  /** A port for a worker to ask through; it is the worker's from then on. */
  port(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data: { id, url } }: MessageEvent<{ id: number; url: string }>) => {
      void this.told(url).then((told) => port1.postMessage({ id, ...told }));
    };
    return port2;
  }

  /** Keeps files that were made here; the URL of the folder that they are in. */
  keep(files: readonly (readonly [path: string, bytes: Uint8Array<ArrayBuffer>])[]): string {
    const folder = `${OWN}${++this.#lastFolder}/`;
    for (const [path, bytes] of files) this.#files.set(folder + path, bytes);
    return folder;
  }

  /** Forgets a folder. */
  forget(folder: string): void {
    for (const url of this.#files.keys()) {
      if (url.startsWith(folder)) this.#files.delete(url);
    }
  }
}

/** Headers with names in lower case, so that one can take another's place. */
function normal(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(new Headers(headers));
}

/**
 * Makes sure that headers are some.
 *
 * @throws CityTwinError `option`
 * @internal
 */
export function checkHeaders(where: string, headers: Record<string, string> | undefined): void {
  if (headers === undefined) return;
  try {
    if (record(headers)) throw new TypeError("they must be an object");
    normal(headers);
  } catch (cause) {
    throw new CityTwinError("option", `${where}: "headers" cannot be sent: ${(cause as Error).message}.`, cause);
  }
}
