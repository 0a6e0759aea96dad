import type { EndpointOfRequest } from './incoming-endpoint.store.js';

/** How many ids one statement looks for. */
const MOST_IDS = 500;

interface Waiting {
  readonly id: string;
  readonly resolve: (found: EndpointOfRequest | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Reads the endpoints of requests, with one statement at a time for all requests that wait. So a flood of
 * requests uses one connection, and what is read is never kept: a request sees every change that was
 * committed before it came, because it waits for a statement that begins after it.
 */
export class EndpointReader {
  private waiting: Waiting[] = [];
  private reading = false;

  constructor(
    private readonly read: (ids: readonly string[]) => Promise<ReadonlyMap<string, EndpointOfRequest>>,
  ) {}

  /** @param id a uuid in small letters */
  find(id: string): Promise<EndpointOfRequest | undefined> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ id, resolve, reject });
      if (!this.reading) void this.readAll();
    });
  }

  private async readAll(): Promise<void> {
    this.reading = true;
    while (this.waiting.length > 0) {
      const turn = this.waiting.splice(0, MOST_IDS);
      try {
        const found = await this.read([...new Set(turn.map(({ id }) => id))]);
        for (const { id, resolve } of turn) resolve(found.get(id));
      } catch (error) {
        for (const { reject } of turn) reject(error);
      }
    }
    this.reading = false;
  }
}
