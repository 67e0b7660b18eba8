// What search-node.ts uses of Node. Node's own types would bring its globals into everything else.
declare module "node:worker_threads" {
  export class Worker {
    constructor(script: URL);
    postMessage(data: unknown, transfer?: readonly unknown[]): void;
    terminate(): Promise<number>;
    on(event: "message", listener: (data: unknown) => void): this;
    on(event: "error", listener: (error: Error) => void): this;
  }
}
declare module "node:url" {
  export function pathToFileURL(path: string): URL;
}
