/** What the page says of a URL; see `requests.js`. */
export interface Told {
  url?: string;
  headers?: Record<string, string>;
  credentials?: RequestCredentials;
  bytes?: Uint8Array<ArrayBuffer>;
  refused?: string;
  again?: boolean;
}
export function send(url: string, told: Told, init?: RequestInit): Promise<Response>;
export class Refusal extends Error {
  readonly code: "request-refused";
  readonly again: boolean;
}
