import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type AdminApp, PATH, PLATFORMS, startAdminApp, TOKEN } from './admin-app.js';

/* Who watches 300 consumers is sent what has changed, and never has another picture than somebody who reads all. */

const CONSUMERS = 300;
const READ_EVERY_S = 5;

interface Row {
  readonly consumerName: string;
}
interface Page {
  readonly items: readonly Row[];
  readonly next: string | null;
}

/** A client as the guide describes it. */
class Watcher {
  private etag: string | undefined;
  private page: Page | undefined;
  /** The statuses of its answers. */
  readonly statuses: number[] = [];
  bytes = 0;

  constructor(private readonly query = 'limit=1000') {}

  /** @param isLost whether the answer does not come through */
  async read({ url }: AdminApp, isLost = false): Promise<Page | undefined> {
    const response = await fetch(`${url}/${PATH}/consumers?${this.query}`, {
      headers: {
        authorization: TOKEN,
        'a-im': 'rows',
        'accept-encoding': 'identity',
        ...(this.etag === undefined ? {} : { 'if-none-match': this.etag }),
      },
    });
    const text = await response.text();
    if (isLost) return this.page;
    this.bytes = text.length;
    this.statuses.push(response.status);
    const had = this.page;
    if (response.status === 200) this.page = JSON.parse(text);
    if (response.status === 226) {
      expect(response.headers.get('delta-base')).toBe(this.etag);
      const { items, ...rest } = JSON.parse(text) as { items: (Row | [number, number])[]; next: null };
      const rows = items.flatMap((each) =>
        Array.isArray(each) ? (had?.items.slice(each[0], each[1] + 1) ?? []) : [each],
      );
      this.page = { ...rest, items: rows };
    }
    this.etag = response.headers.get('etag') ?? undefined;
    return this.page;
  }
}

async function wholeOf(app: AdminApp, query = 'limit=1000'): Promise<Page> {
  return (await app.ask(`consumers?${query}`)).json;
}

describe.each(PLATFORMS)('on %s, who watches 300 consumers', (platform) => {
  let database: TestDatabase;
  let apps: readonly AdminApp[];

  beforeAll(async () => {
    database = await createTestDatabase();
    apps = [await startAdminApp(database, { platform }), await startAdminApp(database, { platform })];
    await add(1, CONSUMERS);
  });
  afterAll(async () => {
    for (const app of apps) await app.close();
    await database.drop();
  });

  const app = (n = 0) => apps[n] as AdminApp;
  const add = (first: number, last: number) =>
    database.pool.query(
      `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread)
       SELECT 'consumer-' || n, '{order.placed,order.cancelled}', '{[1,)}' FROM generate_series($1::int, $2::int) AS n`,
      [first, last],
    );
  /** Ten others each time. */
  const change = (turn: number) =>
    database.pool.query(
      `UPDATE integration.inbox_cursor SET last_progress_at = clock_timestamp()
       WHERE substr(consumer_name, 10)::int % 30 = $1`,
      [turn % 30],
    );

  it('gets the rows that have changed, a tenth of all that there is', async () => {
    const watcher = new Watcher();
    await watcher.read(app());
    const whole = watcher.bytes;
    for (let turn = 0; turn < 5; turn++) {
      await change(turn);
      expect(await watcher.read(app())).toEqual(await wholeOf(app()));
      expect(watcher.bytes).toBeLessThan(whole / 10);
    }
    const changed = watcher.bytes;
    await watcher.read(app());
    expect(watcher.bytes).toBe(0);
    expect(watcher.statuses).toEqual([200, 226, 226, 226, 226, 226, 304]);
    const kb = (bytes: number) => `${(bytes / READ_EVERY_S / 1_000).toFixed(1)} kB a second`;
    console.info(`${CONSUMERS} consumers: ${kb(whole)} for all, ${kb(changed)} where 10 have changed`);
  });

  it('has the right picture whatever comes, goes, is lost, and whichever process answers', async () => {
    const watcher = new Watcher();
    const filtered = new Watcher('limit=100&name=consumer-1');
    let next = CONSUMERS;
    for (let turn = 0; turn < 24; turn++) {
      if (turn % 3 === 0) await change(turn);
      if (turn % 4 === 1) await add(++next, next);
      if (turn % 5 === 2)
        await database.pool.query(`DELETE FROM integration.inbox_cursor WHERE consumer_name = $1`, [
          `consumer-${turn * 7}`,
        ]);
      const from = app(Math.floor(turn / 6) % 2);
      await watcher.read(from, turn % 7 === 3);
      await watcher.read(from);
      expect(await watcher.read(from)).toEqual(await wholeOf(from));
      expect(await filtered.read(from)).toEqual(await wholeOf(from, 'limit=100&name=consumer-1'));
    }
    // Another process knows nothing of the page, and sends all of it.
    expect(watcher.statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(4);
    expect(watcher.statuses.filter((status) => status === 226).length).toBeGreaterThan(5);
  });

  it('who does not ask for changes gets all, without a tag', async () => {
    const response = await fetch(`${app().url}/${PATH}/consumers`, {
      headers: { authorization: TOKEN, 'if-none-match': '"x"' },
    });
    expect([response.status, response.headers.get('im')]).toEqual([200, null]);
    expect(((await response.json()) as Page).items).toHaveLength(50);
  });
});
