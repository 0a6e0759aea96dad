import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { STREAM_LIMITS } from '../../src/admin/streams/open-streams.js';
import { quickest } from '../support/quickest.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { type AdminApp, type AdminAppSetup, PATH, PLATFORMS, startAdminApp, TOKEN } from './admin-app.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** A stream as a page reads it. */
class ReadStream {
  text = '';
  readonly ended: Promise<void>;

  private constructor(
    readonly response: Response,
    private readonly abort: AbortController,
  ) {
    this.ended = this.read().catch(() => {});
  }

  static async open({ url }: AdminApp, headers: Record<string, string> = {}): Promise<ReadStream> {
    const abort = new AbortController();
    const response = await fetch(`${url}/${PATH}/stream`, {
      headers: { authorization: TOKEN, ...headers },
      signal: abort.signal,
    });
    return new ReadStream(response, abort);
  }

  get looks(): number {
    return this.text.split('event: overview\n').length - 1;
  }

  leave(): void {
    this.abort.abort();
  }

  private async read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const piece of this.response.body ?? []) this.text += decoder.decode(piece, { stream: true });
  }
}

/** A client whose stream was left opens its next connection at once. The server would wait four seconds for it. */
async function closeLeft({ app }: AdminApp): Promise<void> {
  const server = app.getHttpServer();
  const closed = app.close();
  await until('the server takes no connection any more', async () => !server.listening);
  server.closeAllConnections();
  await closed;
}

async function withApp(setup: AdminAppSetup, run: (app: AdminApp) => Promise<void>): Promise<void> {
  const app = await startAdminApp(database, setup);
  try {
    await run(app);
  } finally {
    await closeLeft(app);
  }
}

describe.each(PLATFORMS)('on %s, a stream', (platform) => {
  it('shows a look at once and another one every two seconds', async () => {
    await withApp({ platform, prepare: (app) => app.enableCors({ origin: true }) }, async (app) => {
      const stream = await ReadStream.open(app, { origin: app.url });
      expect(stream.response.status).toBe(200);
      expect(stream.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
      expect(stream.response.headers.get('cache-control')).toBe('no-store');
      // What the application adds to its answers is there too.
      expect(stream.response.headers.get('access-control-allow-origin')).toBe(app.url);
      await until('there are three looks', async () => stream.looks >= 3);
      const [, data = ''] = /data: (.*)\n/.exec(stream.text) ?? [];
      expect(JSON.parse(data)).toMatchObject({ consumers: 0, deadLetters: 0 });
      stream.leave();
    });
  });

  it('is ended when the application closes, which takes less than a second', async () => {
    const closing = async () => {
      const app = await startAdminApp(database, { platform });
      const streams = await Promise.all(Array.from({ length: 5 }, () => ReadStream.open(app)));
      await until('all show a look', async () => streams.every(({ looks }) => looks > 0));
      const began = performance.now();
      await app.close();
      const ms = performance.now() - began;
      await Promise.all(streams.map(({ ended }) => ended));
      return ms;
    };
    expect(await quickest(1_000, closing)).toBeLessThan(1_000);
  });

  it('is refused beyond twenty of a process, until one of them ends', async () => {
    await withApp({ platform }, async (app) => {
      const streams = await Promise.all(Array.from({ length: 20 }, () => ReadStream.open(app)));
      expect(await app.ask('stream')).toMatchObject({
        status: 429,
        json: { code: 'INTEGRATION_ADMIN_TOO_MANY_STREAMS' },
      });
      expect(await app.ask('stream', { method: 'HEAD' })).toMatchObject({ status: 200 });
      streams[0]?.leave();
      await until('there is a place again', async () => {
        const next = await ReadStream.open(app);
        streams.push(next);
        return next.response.status === 200;
      });
      for (const stream of streams) stream.leave();
    });
  });

  it('is refused beyond twenty also where all are asked for at once', async () => {
    let letThrough: () => void = () => {};
    const decided = new Promise<void>((resolve) => {
      letThrough = resolve;
    });
    let asked = 0;
    const permission = async () => {
      if (++asked === 30) letThrough();
      await decided;
      return true;
    };
    await withApp({ platform, admin: { permission } }, async (app) => {
      const streams = await Promise.all(Array.from({ length: 30 }, () => ReadStream.open(app)));
      const statuses = streams.map(({ response }) => response.status);
      expect(statuses.filter((status) => status === 200)).toHaveLength(20);
      expect(statuses.filter((status) => status === 429)).toHaveLength(10);
      for (const stream of streams) stream.leave();
    });
  });

  it('has ten minutes, and there are twenty in a process', async () => {
    await withApp({ platform }, async ({ app }) => {
      expect(app.get(STREAM_LIMITS, { strict: false })).toEqual({ most: 20, lifetimeMs: 600_000 });
    });
  });

  it('ends by itself after its time', async () => {
    await withApp({ platform, streams: { most: 2, lifetimeMs: 50 } }, async (app) => {
      const stream = await ReadStream.open(app);
      await stream.ended;
      expect(stream.response.status).toBe(200);
    });
  });

  it('asks for permission, and for credentials', async () => {
    await withApp(
      { platform, admin: { permission: (_, action) => action !== 'overview.read' } },
      async (app) => {
        expect(await app.ask('stream')).toMatchObject({ status: 403 });
        expect(await app.ask('stream', { headers: { authorization: undefined } })).toMatchObject({
          status: 401,
        });
      },
    );
  });
});

describe('a process that nobody watches any more', () => {
  it('asks the database nothing, while another one that is watched looks three times', async () => {
    const own = await createTestDatabase();
    const left = await startAdminApp(own, {});
    const watched = await startAdminApp(database, {});
    try {
      const stream = await ReadStream.open(left);
      await until('it shows a look', async () => stream.looks > 0);
      stream.leave();
      await stream.ended;
      const other = await ReadStream.open(watched);
      const looksMore = async (looks: number) => {
        const before = other.looks;
        await until('the other one has looked', async () => other.looks >= before + looks);
      };
      const lastAsked = async () =>
        (
          await own.pool.query(
            `SELECT pid, query_start FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'nestjs-integration admin' ORDER BY pid`,
          )
        ).rows;
      // The look that was under way has ended.
      await looksMore(2);
      const before = await lastAsked();
      expect(before).not.toEqual([]);
      await looksMore(3);
      expect(await lastAsked()).toEqual(before);
      other.leave();
    } finally {
      await closeLeft(left);
      await closeLeft(watched);
      await own.drop();
    }
  });
});

describe('twenty who watch', () => {
  it('are shown the same looks, so that none of them costs the database anything', async () => {
    await withApp({}, async (app) => {
      const streams = await Promise.all(Array.from({ length: 20 }, () => ReadStream.open(app)));
      await until('all have seen three looks', async () => streams.every((stream) => stream.looks >= 3));
      const shown = streams.map(({ text }) => [...text.matchAll(/"at":"([^"]+)"/g)].map(([, at]) => at));
      const most = Math.max(...shown.map(({ length }) => length));
      expect(new Set(shown.flat()).size).toBeLessThanOrEqual(most + 1);
      for (const stream of streams) stream.leave();
    });
  });
});
