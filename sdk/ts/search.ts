import { CityTwinError } from "./errors.js";
import { callable, checkOptions, list, number, oneOf, record, type Rule, signal, text } from "./options.js";
import { checkHeaders, type RequestOptions, Requests } from "./requests.js";
import type { Problem } from "./types.js";
import { surroundings } from "./surroundings.js";

/** The value of an attribute. */
export type AttributeValue = string | number | boolean;

/** A condition on an attribute: each test that is given must pass; without any, the attribute has to exist. */
export interface Condition {
  /** The attribute's name. */
  attribute: string;
  /** It is this. */
  equals?: AttributeValue;
  /** It is less than this. */
  less?: AttributeValue;
  /** It is more than this. */
  more?: AttributeValue;
  /** It lies between these, both included. */
  between?: [AttributeValue, AttributeValue];
  /** It is one of these. */
  oneOf?: AttributeValue[];
}

/** A text of a thing: its name in the city's own language, in another one, an old or other name, its address. */
export type SearchField = "name" | "translation" | "other" | "address";

/** What a query may ask for besides its text. */
export interface SearchOptions {
  /** At most this many hits, from 0 to 1000; with none, facets are counted all the same. Default 10. */
  limit?: number;
  /** Prefer what is near this longitude and latitude (degrees); without a text, the nearest first. */
  near?: [lon: number, lat: number];
  /** Only within so many metres of `near`. */
  radiusM?: number;
  /** Only within these edges, degrees. */
  bbox?: [west: number, south: number, east: number, north: number];
  /** Only within these rings of longitudes and latitudes (degrees); a ring within another is a hole. */
  polygon?: [lon: number, lat: number][][];
  /** Only of these categories. */
  categories?: string[];
  /** Match the text against these alone. Default: all. */
  fields?: SearchField[];
  /** Only what is on this floor, as its venue names it. */
  floor?: string;
  /** Only what meets all of these. */
  where?: Condition[];
  /** Count the hits by these: `category`, or the name of an attribute. */
  facets?: string[];
  /** Gives the query up: it then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** One found thing. */
export interface SearchHit {
  /** Its id in the source (`way/123`), the same as its feature's property `id`. */
  id: string;
  /** Its name in the city's own language. */
  name: string;
  /** Its names by language tag. */
  names: Record<string, string>;
  /** What it is (`building`, `street`, `cafe`). */
  category: string;
  /** Longitude, degrees (WGS84). */
  lon: number;
  /** Latitude, degrees (WGS84). */
  lat: number;
  /** Street and house number, where known. */
  address?: string;
  /** The floor it is on, where known. */
  floor?: string;
  /** What else is known of it. */
  attributes: Record<string, AttributeValue>;
  /** Metres from `near`, where that was given. */
  distanceM?: number;
  /** Higher is better; comparable within one answer. */
  score: number;
  /** What matched. */
  match: {
    /** Its name, another name, or its address. */
    text: string;
    /** Starts and ends within `text` as JavaScript counts, for `text.slice(start, end)`; ascending. */
    ranges: [start: number, end: number][];
    /** How the least good word of the query matched (`Prefix`, `Typo(1)`); null when there was no text. */
    how: string | null;
  };
}

/** How many hits have which value. */
export interface Facet {
  /** `category`, or the name of an attribute. */
  of: string;
  /** Values with their number of hits, the most frequent first. */
  counts: [value: AttributeValue, count: number][];
  /** Whether all matches were counted; if not, there are at least so many. */
  exact: boolean;
}

/** What a query has found so far. */
export interface SearchAnswer {
  /** The best hits, best first. */
  hits: SearchHit[];
  /** Counts for the facets that were asked for. */
  facets: Facet[];
  /** Whole texts of the best hits that the words typed so far begin. */
  completions: string[];
  /** The query with its mistakes corrected, when nothing matches it as it was typed. */
  didYouMean: string | null;
  /** Parts of the index that could not be had; what they hold is missing. */
  problems: Problem[];
  /** Nothing more is to come. */
  complete: boolean;
}

/** What lies at a position. */
export interface SearchHere {
  /** The nearest things, the nearest first. */
  nearest: SearchHit[];
  /** The nearest that has an address, or is one; null where there is none. */
  address: SearchHit | null;
  /** Parts of the index that could not be had; what they hold is missing. */
  problems: Problem[];
}

interface WorkerHit {
  record: Omit<SearchHit, "names" | "attributes" | "distanceM" | "score" | "match">
    & { names?: Record<string, string>; attributes?: Record<string, AttributeValue> };
  text: string;
  matched: [number, number][];
  how: string | null;
  score: number;
  distanceM: number | null;
}
interface Opened {
  count: number;
  categories: [string, number][];
}
type WorkerAnswer = Omit<SearchAnswer, "hits"> & { id: number; hits: WorkerHit[]; address: WorkerHit | null };
interface Reply {
  opened?: Opened;
  failed?: Problem;
  answer?: WorkerAnswer;
}
interface Listener {
  answer(answer: WorkerAnswer): void;
  fail(error: unknown): void;
}

const limit: Rule = (value) => (Number.isInteger(value) ? number(0, 1000)(value) : "a whole number from 0 to 1000");
const degrees = number(-360, 360);
const place = list(degrees, 2);
const texts = list(text);
const value: Rule = (value) =>
  typeof value === "string" || typeof value === "boolean" || Number.isFinite(value) ? undefined : "a string, a finite number, true or false";
const CONDITION: Record<string, Rule> = {
  attribute: text, equals: value, less: value, more: value, between: list(value, 2), oneOf: list(value),
};
const OPTIONS: Record<string, Rule> = {
  limit,
  near: place,
  radiusM: number(0),
  bbox: list(degrees, 4),
  polygon: list(list(place)),
  categories: texts,
  fields: list(oneOf("name", "translation", "other", "address")),
  floor: text,
  where: list(record),
  facets: texts,
  signal,
};

function checkQuery(words: unknown, options: SearchOptions): void {
  if (typeof words !== "string") throw new CityTwinError("option", "Search.query takes a text, which may be empty.");
  checkOptions("Search.query", options, OPTIONS);
  for (const condition of options.where ?? []) {
    checkOptions("Search.query: where", condition, CONDITION);
    if (typeof condition.attribute !== "string") {
      throw new CityTwinError("option", "Search.query: each condition of \"where\" names its attribute.");
    }
  }
}

/**
 * A city's search, answered on the visitor's device from the index files that the city publishes. It runs in a worker
 * of its own and fetches only the pieces that a query needs. Made by {@link Search.open}.
 */
export class Search {
  #opened: Opened;
  readonly #worker: Worker;
  readonly #listeners = new Map<number, Listener>();
  #lastId = 0;
  #gone: CityTwinError | undefined;

  /**
   * Opens an index.
   *
   * @param url the root of the index: `search` of a `twin.json`, absolute or relative to the page. In Node: a URL
   * (`file:`, `http:`, `https:`), or a path relative to the working directory
   * @throws CityTwinError `search` when it cannot be fetched or is no index that this version reads, `option`
   */
  static async open(url: string | URL, options: RequestOptions = {}): Promise<Search> {
    checkOptions("Search.open", options, { headers: record, transformRequest: callable });
    checkHeaders("Search.open", options.headers);
    const { href: root, origin } = new URL(url, surroundings.base());
    const worker = surroundings.startSearchWorker(new Requests(options, origin));
    return new Promise((resolve, reject) => {
      const fail = (problem: Problem) => {
        worker.terminate();
        reject(failure(problem));
      };
      worker.onerror = () => fail({ code: "search-worker", message: "the worker could not be started", place: root });
      worker.onmessage = ({ data }: MessageEvent<string>) => {
        const reply = JSON.parse(data) as Reply;
        if (reply.failed) fail(reply.failed);
        else if (reply.opened) resolve(new Search(worker, reply.opened));
      };
      worker.postMessage(JSON.stringify({ open: root }));
    });
  }

  private constructor(worker: Worker, opened: Opened) {
    this.#opened = opened;
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<string>) => this.#hear(JSON.parse(data) as Reply);
    worker.onerror = () => this.#end(new CityTwinError("search", "The search worker has stopped."));
  }

  /** How many things can be found; another number after the city has published its index anew. */
  get count(): number {
    return this.#opened.count;
  }

  /** The categories with their number of things, by name. */
  get categories(): readonly (readonly [name: string, count: number])[] {
    return this.#opened.categories;
  }

  /**
   * The answer to a query, once it is complete. Parts of the index that could not be had are among its `problems`.
   *
   * @throws CityTwinError `search` when the worker has broken down, `option`, `removed` after {@link Search.close}; the
   * signal's reason when it was aborted
   */
  async query(text: string, options: SearchOptions = {}): Promise<SearchAnswer> {
    let last: SearchAnswer | undefined;
    for await (const answer of this.stream(text, options)) last = answer;
    return last!;
  }

  /**
   * The answer to a query as it gets better: what is at hand at once, then with every piece of the index that arrives;
   * the last one is `complete`. Leaving the loop gives the query up.
   *
   * @throws CityTwinError as {@link Search.query}
   */
  async *stream(text: string, options: SearchOptions = {}): AsyncGenerator<SearchAnswer, void, void> {
    checkQuery(text, options);
    const { signal, ...conditions } = options;
    for await (const { hits, id: _, address: __, ...rest } of this.#ask({ text, ...conditions }, signal)) {
      yield { hits: hits.map(hitOf), ...rest };
    }
  }

  /**
   * What is here? The nearest things, and the nearest address.
   *
   * @param position longitude and latitude, degrees
   * @throws CityTwinError as {@link Search.query}
   */
  async here(position: [lon: number, lat: number], options: Pick<SearchOptions, "limit" | "signal"> = {}): Promise<SearchHere> {
    checkOptions("Search.here", options, { limit, signal });
    checkOptions("Search.here", { position }, { position: place });
    let last: WorkerAnswer | undefined;
    for await (const answer of this.#ask({ here: position, limit: options.limit }, options.signal)) last = answer;
    const { hits, address, problems } = last!;
    return { nearest: hits.map(hitOf), address: address && hitOf(address), problems };
  }

  /** The worker's answers to a query; leaving the loop gives it up. */
  async *#ask(query: object, signal: AbortSignal | undefined): AsyncGenerator<WorkerAnswer, void, void> {
    signal?.throwIfAborted();
    if (this.#gone) throw this.#gone;
    const id = ++this.#lastId;
    const arrived: WorkerAnswer[] = [];
    let failed: { error: unknown } | undefined;
    let wake = () => {};
    const fail = (error: unknown) => { failed = { error }; wake(); };
    const onAbort = () => fail(signal!.reason);
    signal?.addEventListener("abort", onAbort);
    this.#listeners.set(id, { answer: (answer) => { arrived.push(answer); wake(); }, fail });
    this.#worker.postMessage(JSON.stringify({ ask: { id, query } }));
    try {
      for (;;) {
        if (failed) throw failed.error;
        const answer = arrived.shift();
        if (!answer) {
          await new Promise<void>((resolve) => { wake = resolve; });
          continue;
        }
        yield answer;
        if (answer.complete) return;
      }
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#listeners.delete(id);
      if (!this.#gone) this.#worker.postMessage(JSON.stringify({ cancel: id }));
    }
  }

  /**
   * Ends the worker and gives its memory back. Queries under way and later ones fail; this call may repeat. In Node the
   * program goes on until it is called.
   */
  close(): void {
    this.#end(new CityTwinError("removed", "This search has been closed."));
  }

  #hear(reply: Reply): void {
    if (reply.failed) this.#end(failure(reply.failed));
    if (reply.opened) this.#opened = reply.opened;
    if (reply.answer) this.#listeners.get(reply.answer.id)?.answer(reply.answer);
  }

  #end(error: CityTwinError): void {
    this.#gone ??= error;
    this.#worker.terminate();
    for (const listener of this.#listeners.values()) listener.fail(error);
    this.#listeners.clear();
  }
}

function failure({ message, place }: Problem): CityTwinError {
  return new CityTwinError("search", `The search cannot be used: ${message} (${place})`);
}

function hitOf({ record, text, matched, how, score, distanceM }: WorkerHit): SearchHit {
  const { id, name, names = {}, category, lon, lat, address, floor, attributes = {} } = record;
  const match = { text, ranges: matched.map(([start, end]) => inUnits(text, start, end)), how };
  return {
    id, name, names, category, lon, lat, attributes, score, match,
    ...(address === undefined ? {} : { address }),
    ...(floor === undefined ? {} : { floor }),
    ...(distanceM === null ? {} : { distanceM }),
  };
}

/** The engine counts the bytes of UTF-8, JavaScript the units of UTF-16. */
function inUnits(text: string, start: number, end: number): [number, number] {
  const bytes = new TextEncoder().encode(text);
  const units = (until: number) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, until)).length;
  return [units(start), units(end)];
}
