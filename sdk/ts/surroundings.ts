import type { Requests } from "./requests.js";
import { startSearchWorker } from "./workers.js";

/** What differs between a page and Node, where the search runs too; search-node.ts changes it. @internal */
export const surroundings = {
  /** What relative addresses are relative to. */
  base: () => document.baseURI,
  startSearchWorker: startSearchWorker as (requests: Requests) => Worker,
};
