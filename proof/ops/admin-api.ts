import type { ProofProcess } from '../harness/child-process.js';

export interface Answered {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
  /** Milliseconds from the request to the last byte of the answer. */
  readonly ms: number;
}

/** The admin API of one application. */
export class AdminApi {
  private constructor(readonly url: string) {}

  static async of(application: ProofProcess): Promise<AdminApi> {
    await application.ready();
    return new AdminApi(await application.ask<string>({ kind: 'url' }));
  }

  get(path: string): Promise<Answered> {
    return this.send('GET', path);
  }

  async send(method: string, path: string, body?: object, headers: object = {}): Promise<Answered> {
    const from = performance.now();
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json', 'x-integration-admin': 'proof' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      ms: performance.now() - from,
      json: text === '' ? {} : JSON.parse(text),
    };
  }

  /** The answer to a request that must succeed. */
  async must<T>(method: string, path: string, body?: object, headers: object = {}): Promise<T> {
    const { status, json } = await this.send(method, path, body, headers);
    if (status >= 300) throw new Error(`${method} ${path} was answered ${status}: ${JSON.stringify(json)}`);
    return json as T;
  }
}

/** Streams of an application that somebody watches. */
export class Watchers {
  private constructor(
    private readonly streams: readonly { abort: AbortController; ended: Promise<void> }[],
  ) {}

  static async open(api: AdminApi, count: number): Promise<Watchers> {
    const streams = await Promise.all(
      Array.from({ length: count }, async () => {
        const abort = new AbortController();
        const response = await fetch(`${api.url}/stream`, { signal: abort.signal });
        if (response.status !== 200) throw new Error(`the stream was answered ${response.status}`);
        return { abort, ended: readToEnd(response) };
      }),
    );
    return new Watchers(streams);
  }

  async leave(): Promise<void> {
    for (const { abort } of this.streams) abort.abort();
    await this.ended();
  }

  async ended(): Promise<void> {
    await Promise.all(this.streams.map(({ ended }) => ended));
  }
}

async function readToEnd(response: Response): Promise<void> {
  try {
    for await (const _ of response.body ?? []);
  } catch {
    // Left, or cut off.
  }
}
