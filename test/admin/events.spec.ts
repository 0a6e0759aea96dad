import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ExactNumber, type MaskedEvent } from 'nestjs-integration/admin';
import { AdminDatabase } from '../../src/database/admin-database.js';
import {
  EventLookService,
  IntegrationLinkService,
  LinkGraphService,
  type SearchProgress,
} from '../../src/index.js';
import { EventLookStore } from '../../src/log/event-look.store.js';
import { emptyTables } from '../support/empty-tables.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type AdminApp, registerConsumer, startAdminApp } from './admin-app.js';

let database: TestDatabase;
let admin: AdminApp;
let mask: ((payload: unknown, event: MaskedEvent) => unknown) | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = await startAdminApp(database, {
    admin: { mask: (payload, event) => (mask === undefined ? payload : mask(payload, event)) },
  });
});
beforeEach(() =>
  emptyTables(
    database.pool,
    'integration.outbox_event',
    'integration.inbox_event',
    'integration.inbox_cursor',
    'integration.integration_link',
  ),
);
afterEach(() => {
  mask = undefined;
});
afterAll(async () => {
  await admin.close();
  await database.drop();
});

interface Written {
  readonly position: number;
  readonly name?: string;
  readonly payload?: string;
  readonly aggregateId?: string;
  readonly metadata?: object;
  readonly at?: string;
  readonly id?: string;
}

/** Writes events at positions of the test's own, and returns their ids. */
async function write(...events: Written[]): Promise<string[]> {
  const ids: string[] = [];
  for (const {
    position,
    name = 'order.placed',
    payload = '{}',
    aggregateId = 'o1',
    metadata = {},
    at,
    id,
  } of events) {
    const { rows } = await database.pool.query(
      `INSERT INTO integration.outbox_event (position, id, event_name, source_module, aggregate_type, aggregate_id, payload, metadata, created_at)
       OVERRIDING SYSTEM VALUE
       VALUES ($1, coalesce($2::uuid, gen_random_uuid()), $3, 'shop', 'order', $4, $5::jsonb, $6::jsonb, coalesce($7::timestamptz, clock_timestamp())) RETURNING id`,
      [position, id ?? null, name, aggregateId, payload, JSON.stringify(metadata), at ?? null],
    );
    ids.push(rows[0].id);
  }
  return ids;
}

const positionsOf = (items: readonly { readonly position: number }[]) =>
  items.map(({ position }) => position);

/** All pages of a list, each as it was answered. */
async function pagesOf(
  path: string,
): Promise<{ items: { position: number }[]; next: string | null; progress?: SearchProgress }[]> {
  const pages = [];
  for (let after = ''; ; ) {
    const { json } = await admin.ask(`${path}${path.includes('?') ? '&' : '?'}${after}`);
    pages.push(json);
    if (json.next === null) return pages;
    after = `after=${json.next}`;
  }
}

describe('a payload', () => {
  const LARGE =
    '{"id": 12345678901234567890123, "rate": 0.12345678901234567891, "small": 7, "text": "9007199254740993"}';

  it('is sent with every digit that the database has', async () => {
    const [id] = await write({ position: 1, payload: LARGE });
    const { text } = await admin.ask(`events/${id}/payload`);
    expect(text).toContain('12345678901234567890123');
    expect(text).toContain('0.12345678901234567891');
  });

  it('comes with an event whose metadata has every digit, too', async () => {
    const [id] = await write({ position: 1, payload: '{}' });
    const metadata = String.raw`{"sequence": 9007199254740993, "text": "\"metadata\":1"}`;
    await database.pool.query(
      'UPDATE integration.outbox_event SET metadata = $2::text::jsonb WHERE id = $1',
      [id, metadata],
    );
    const { text, json } = await admin.ask(`events/${id}`);
    expect(text).toMatch(/,"metadata":\{.*"sequence": 9007199254740993.*\}\}$/);
    expect(json).toMatchObject({ outboxEventId: id, metadata: { text: '"metadata":1' } });
  });

  it('is masked before it leaves, and what is left of it keeps its digits', async () => {
    const [id] = await write({ position: 1, payload: LARGE });
    let seen: unknown;
    let about: MaskedEvent | undefined;
    mask = (payload, event) => {
      seen = payload;
      about = event;
      const { text, ...rest } = payload as Record<string, unknown>;
      return { ...rest, text: '***' };
    };
    const { text } = await admin.ask(`events/${id}/payload`);
    expect(seen).toMatchObject({ id: new ExactNumber('12345678901234567890123'), small: 7 });
    expect(about).toMatchObject({ outboxEventId: id, eventName: 'order.placed', aggregateId: 'o1' });
    expect(text).toBe(
      `{"outboxEventId":"${id}","payload":{"id":12345678901234567890123,"rate":0.12345678901234567891,"small":7,"text":"***"}}`,
    );
  });

  it('does not leave at all if the mask fails', async () => {
    const [id] = await write({ position: 1, payload: '{"secret": "s3cret"}' });
    mask = () => {
      throw new Error('cannot mask s3cret');
    };
    const answer = await admin.ask(`events/${id}/payload`);
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('s3cret');
  });

  it('is in no other answer', async () => {
    const [id] = await write({ position: 1, payload: '{"secret": "s3cret"}' });
    for (const path of ['events', `events/${id}`, `events/${id}/chain`, 'entities/order/o1/timeline']) {
      const answer = await admin.ask(path);
      expect(answer.status).toBe(200);
      expect(answer.text).not.toContain('s3cret');
    }
  });
});

describe('events', () => {
  it('come in pages that lose none, the newest first', async () => {
    await write(...Array.from({ length: 7 }, (_, index) => ({ position: index * 3 + 1 })));
    const pages = await pagesOf('events?limit=3');
    expect(pages.map(({ items }) => items.length)).toEqual([3, 3, 1]);
    expect(positionsOf(pages.flatMap(({ items }) => items))).toEqual([19, 16, 13, 10, 7, 4, 1]);
  });

  it('are looked for in a bounded part of the log, and the answer says how far it came', async () => {
    await write({ position: 5, name: 'order.rare' }, { position: 180_000 }, { position: 250_000 });
    const first = await admin.ask('events?name=order.rare');
    expect(first.json).toMatchObject({ items: [], next: expect.any(String), scannedTo: 150_001 });
    const pages = await pagesOf('events?name=order.rare');
    expect(pages.map(({ items }) => positionsOf(items))).toEqual([[], [], [5]]);
    // The names of one aggregate need no such search.
    expect(await pagesOf('events?name=order.rare&aggregateType=order&aggregateId=o1')).toHaveLength(1);
  });

  it('are searched for over the parts of the log until one matches, and no further after a stop', async () => {
    await write({ position: 5, name: 'order.rare' }, { position: 180_000 }, { position: 250_000 });
    const look = admin.app.get(EventLookService);
    const filter = { about: 'order.rare' };
    const told: string[] = [];
    const looked = ({ sentence }: SearchProgress) => told.push(sentence);
    const stop = new AbortController();
    const found = await look.searchOn(filter, {}, { signal: stop.signal, looked });
    expect(positionsOf(found.items)).toEqual([5]);
    expect(found.next).toBeNull();
    expect(told).toEqual([
      'looked at 100,000 of 249,996 positions, back to position 150,001',
      'looked at 200,000 of 249,996 positions, back to position 50,001',
    ]);
    // Over REST each part says the same.
    const pages = await pagesOf('events?about=order.rare');
    expect(pages.map(({ progress }) => progress?.sentence)).toEqual([
      ...told,
      'looked at 249,996 of 249,996 positions, back to position 5',
    ]);
    stop.abort();
    const stopped = await look.searchOn(filter, {}, { signal: stop.signal, looked });
    expect(stopped).toMatchObject({ items: [], next: 150_001 });
  });

  it('are searched for as far as the log went at the beginning, however many are written meanwhile', async () => {
    await write({ position: 5, name: 'order.rare' }, { position: 250_000 });
    let last = 250_000;
    class BusyLog extends EventLookStore {
      override async findHeads(...given: Parameters<EventLookStore['findHeads']>) {
        last += 100_000;
        await write({ position: last, name: 'order.rare' });
        return super.findHeads(...given);
      }
    }
    const look = new EventLookService(new BusyLog(admin.app.get(AdminDatabase, { strict: false })));
    const told: string[] = [];
    const { items } = await look.searchOn(
      { about: 'order.rare' },
      {},
      { signal: new AbortController().signal, looked: ({ sentence }) => told.push(sentence) },
    );
    expect(positionsOf(items)).toEqual([5]);
    expect(told).toEqual([
      'looked at 100,000 of 249,996 positions, back to position 150,001',
      'looked at 200,000 of 249,996 positions, back to position 50,001',
    ]);
  });

  it('are found by one text: a name, an id without a type, or a correlation', async () => {
    await write(
      { position: 1, name: 'x1' },
      { position: 2, aggregateId: 'x1' },
      { position: 3, metadata: { correlationId: 'x1' } },
      { position: 4 },
    );
    expect(positionsOf((await admin.ask('events?about=x1')).json.items)).toEqual([3, 2, 1]);
  });

  it('are found by a value in the payload from a time on, which is text and never SQL', async () => {
    const at = '2026-11-20T10:00:00Z';
    await write(
      { position: 1, at: '2026-11-01T10:00:00Z', payload: '{"customer": {"id": 7}}' },
      { position: 2, at, payload: '{"customer": {"id": 7}}' },
      { position: 3, at, payload: '{"customer": {"id": 8}}' },
    );
    const look = admin.app.get(EventLookService);
    const from = new Date('2026-11-19T00:00:00Z');
    const by = async (payloadPath: string, payloadValue: string) =>
      positionsOf((await look.search({ payloadPath, payloadValue, from })).items);
    expect(await by('customer.id', '7')).toEqual([2]);
    expect(await by('customer.id', "7' OR 'a' = 'a")).toEqual([]);
    expect(await by('customer"},{', "7')) OR true --")).toEqual([]);
    const invalid = { code: 'INTEGRATION_ADMIN_INVALID' };
    await expect(look.search({ payloadPath: 'customer.id', payloadValue: '7' })).rejects.toMatchObject(
      invalid,
    );
    await expect(look.search({ payloadPath: 'customer.id', from })).rejects.toMatchObject(invalid);
  });

  it('are not found by payloads where these are masked, whatever they hold', async () => {
    await write({ position: 1, payload: '{"secret": "s3cret"}' });
    for (const value of ['s3cret', 'other']) {
      const query = `payloadPath=secret&payloadValue=${value}&from=2020-01-01T00:00:00Z`;
      const { status, json } = await admin.ask(`events?${query}`);
      expect([status, json.code]).toEqual([403, 'INTEGRATION_ADMIN_DENIED']);
    }
  });

  it('are found by payloads only by people who may read these', async () => {
    await write({ position: 1, payload: '{"customer": {"id": 7}}' });
    let mayRead = false;
    const other = await startAdminApp(database, {
      admin: { permission: (_, action) => action !== 'payloads.read' || mayRead },
    });
    try {
      const path = 'events?payloadPath=customer.id&payloadValue=7&from=2020-01-01T00:00:00Z';
      const refused = await other.ask(path);
      expect([refused.status, refused.json.code]).toEqual([403, 'INTEGRATION_ADMIN_DENIED']);
      expect(refused.text).toContain('payloads.read');
      expect((await other.ask('events?about=o1')).status).toBe(200);
      mayRead = true;
      expect(positionsOf((await other.ask(path)).json.items)).toEqual([1]);
    } finally {
      await other.close();
    }
  });

  it('of a correlation are found at once where the log has the optional index', async () => {
    await write({ position: 5, metadata: { correlationId: 'far' } }, { position: 250_000 });
    const path = 'events?correlationId=far';
    expect((await admin.ask(path)).json).toMatchObject({ items: [], next: expect.any(String) });
    await database.pool.query(
      `CREATE INDEX CONCURRENTLY outbox_event_correlation_idx ON integration.outbox_event ((metadata ->> 'correlationId'), position)`,
    );
    try {
      const { json } = await admin.ask(path);
      expect([positionsOf(json.items), json.next]).toEqual([[5], null]);
    } finally {
      await database.pool.query('DROP INDEX integration.outbox_event_correlation_idx');
    }
  });

  it('are found by name, beginning of a name, module, aggregate and time', async () => {
    await write(
      { position: 1, name: 'order.placed', at: '2026-01-01T00:00:00Z' },
      { position: 200_000, name: 'order.paid', at: '2026-02-01T00:00:00Z', aggregateId: 'o2' },
      { position: 400_000, name: 'invoice.sent', at: '2026-03-01T00:00:00Z' },
    );
    const found = async (query: string) => positionsOf((await admin.ask(`events?${query}`)).json.items);
    expect(await found('name=invoice.sent')).toEqual([400_000]);
    expect(await found('name=invoice.*&module=shop')).toEqual([400_000]);
    expect(await found('module=other')).toEqual([]);
    expect(await found('aggregateType=order&aggregateId=o2')).toEqual([200_000]);
    // A time leads to its place in the log at once.
    expect(await found('to=2026-01-15T00:00:00Z')).toEqual([1]);
    expect(await found('from=2026-01-15T00:00:00Z&to=2026-02-15T00:00:00Z')).toEqual([200_000]);
    expect(await found('from=2026-03-01T00:00:00%2B01:00')).toEqual([400_000]);
    expect(await found('from=2027-01-01T00:00:00Z')).toEqual([]);
  });

  it('come with the oldest first as well, page by page, with how far it came', async () => {
    await write(
      ...[1, 2, 3, 150_000, 150_001, 400_000].map((position) => ({
        position,
        name: position === 2 ? 'order.paid' : 'order.placed',
        at: '2026-01-01T00:00:00Z',
      })),
    );
    const walked = async (query: string) => {
      const positions: number[] = [];
      for (let next: string | null | undefined; next !== null; ) {
        const after = next === undefined ? '' : `&after=${next}`;
        const { status, json } = await admin.ask(`events?${query}${after}`);
        expect(status).toBe(200);
        positions.push(...positionsOf(json.items));
        next = json.next;
      }
      return positions;
    };
    for (const query of [
      'limit=2',
      'limit=1000',
      'limit=1&name=order.placed',
      'aggregateType=order&aggregateId=o1',
    ]) {
      const latestFirst = await walked(query);
      expect([query, await walked(`${query}&order=oldest`)]).toEqual([query, latestFirst.reverse()]);
    }
    const { json } = await admin.ask('events?order=oldest');
    expect(json.scannedTo).toBe(100_000);
    expect(json.progress.sentence).toBe('looked at 100,000 of 400,000 positions, up to position 100,000');
    expect(await admin.ask('events?order=newest')).toMatchObject({ status: 400 });
  });

  it('tell what each consumer has done with one of them', async () => {
    await registerConsumer(database, 'billing');
    const [id] = await write({ position: 1 });
    expect((await admin.ask(`events/${id}`)).json).toMatchObject({
      outboxEventId: id,
      status: 'pending',
      consumers: [{ consumerName: 'billing', status: 'pending' }],
    });
    expect(await admin.ask('events/00000000-0000-7000-8000-000000000009')).toMatchObject({
      status: 404,
      json: { code: 'INTEGRATION_ADMIN_NOT_FOUND' },
    });
    expect(await admin.ask('events/1')).toMatchObject({
      status: 400,
      json: { errors: [{ in: 'path', pointer: '/id', message: 'must be a uuid' }] },
    });
  });

  it('show the attempts that failed at a consumer', async () => {
    const [id] = await write({ position: 1 });
    const at = '2026-11-25T20:00:00.000Z';
    const attempt = {
      attempt: 1,
      at,
      ms: 7,
      process: null,
      host: 'a',
      pid: 1,
      error: 'boom',
      stack: null,
      fingerprint: 'f',
    };
    await database.pool.query(
      `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, attempts)
       VALUES ($1, 1, 'billing', 'order', 'o1', 'processed', $2)`,
      [id, JSON.stringify([attempt])],
    );
    expect((await admin.ask(`events/${id}/history?consumer=billing`)).json).toMatchObject({
      attempts: [{ ...attempt, linesSentence: null }],
      folds: [{ first: 1, last: 1, sentence: 'Attempt 1' }],
    });
    expect((await admin.ask(`events/${id}/history?consumer=other`)).json.attempts).toEqual([]);
    expect(await admin.ask(`events/${id}/history`)).toMatchObject({ status: 400 });
  });

  it('belong together by their correlation', async () => {
    const root = '00000000-0000-7000-8000-000000000001';
    const [, second, third] = await write(
      { position: 10, id: root, metadata: { correlationId: root } },
      { position: 20, metadata: { correlationId: root, causationId: root } },
      { position: 30, metadata: { correlationId: root } },
      { position: 40, metadata: { correlationId: 'of another system' } },
      { position: 41, metadata: { correlationId: 'of another system' } },
    );
    for (const id of [root, second, third]) {
      const { json } = await admin.ask(`events/${id}/chain`);
      expect(positionsOf(json.items)).toEqual([10, 20, 30]);
      expect(json).toMatchObject({ correlationId: root, scannedFrom: 10, hasMore: false });
    }
    const { json } = await admin.ask('events?limit=1');
    const foreign = await admin.ask(`events/${json.items[0].outboxEventId}/chain`);
    expect(positionsOf(foreign.json.items)).toEqual([40, 41]);
  });

  it('are found by the id of a correlation, and by a position', async () => {
    const root = '00000000-0000-7000-8000-000000000002';
    await write(
      { position: 10, id: root, metadata: { correlationId: root } },
      { position: 20, metadata: { correlationId: root } },
      { position: 150_000, metadata: { correlationId: 'of another system' } },
      { position: 250_000, metadata: { correlationId: 'of another system' } },
    );
    const byCorrelation = async (id: string) =>
      (await pagesOf(`events?correlationId=${encodeURIComponent(id)}`)).map(({ items }) =>
        positionsOf(items),
      );
    // The first event says where the others are, so one page looks at all of them.
    expect(await byCorrelation(root)).toEqual([[20, 10]]);
    expect((await byCorrelation('of another system')).flat()).toEqual([250_000, 150_000]);
    expect((await byCorrelation('nobody')).flat()).toEqual([]);
    expect(positionsOf((await admin.ask('events?position=20')).json.items)).toEqual([20]);
    expect((await admin.ask('events?position=21')).json).toMatchObject({ items: [], next: null });
    expect((await admin.ask('events?position=9000000000')).json).toMatchObject({ items: [], next: null });
  });
});

describe('an entity', () => {
  it('has a timeline with the status of each event', async () => {
    await registerConsumer(database, 'billing');
    await write({ position: 1 }, { position: 2, aggregateId: 'o2' }, { position: 3 });
    const pages = await pagesOf('entities/order/o1/timeline?limit=1');
    expect(pages.flatMap(({ items }) => items)).toEqual([
      expect.objectContaining({ position: 3, status: 'pending', consumers: [expect.anything()] }),
      expect.objectContaining({ position: 1, status: 'pending' }),
    ]);
  });

  it('has a graph of its links, as deep as asked for and never deeper than three', async () => {
    const links = admin.app.get(IntegrationLinkService);
    for (let n = 0; n < 5; n++) await links.createLink(linkOf(`e${n}`, `e${n + 1}`));
    const ids = async (query: string) =>
      (await admin.ask(`entities/thing/e1/graph?module=shop${query}`)).json.nodes.map(
        ({ entityId }: { entityId: string }) => entityId,
      );
    expect((await ids('')).sort()).toEqual(['e0', 'e1', 'e2']);
    expect((await ids('&depth=3')).sort()).toEqual(['e0', 'e1', 'e2', 'e3', 'e4']);
    expect(await admin.ask('entities/thing/e1/graph?module=shop&depth=4')).toMatchObject({ status: 400 });
    expect(await admin.ask('entities/thing/e1/graph')).toMatchObject({
      json: { errors: [{ in: 'query', pointer: '/module', message: 'is missing' }] },
    });
  });

  it('has a graph of 200 nodes at most, which says that there are more', async () => {
    await database.pool.query(
      `INSERT INTO integration.integration_link (source_module, source_entity_type, source_entity_id, target_module, target_entity_type, target_entity_id, link_type)
       SELECT 'shop', 'thing', 'hub', 'shop', 'thing', 'spoke ' || n, 'reference' FROM generate_series(1, 3000) AS n`,
    );
    const graph = await admin.app
      .get(LinkGraphService)
      .around({ module: 'shop', entityType: 'thing', entityId: 'hub' }, { depth: 3 });
    expect(graph.nodes).toHaveLength(200);
    expect(graph.edges).toHaveLength(199);
    expect(graph.truncated).toBe(true);
  });
});

describe('dead letters', () => {
  it('come in pages that lose none where several consumers have the same event', async () => {
    const ids = await write({ position: 1 }, { position: 2 }, { position: 3 });
    for (const [index, id] of ids.entries()) {
      for (const consumer of ['a', 'b', 'c']) {
        await database.pool.query(
          `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, last_error, error_fingerprint)
           VALUES ($1, $2, $3, 'order', 'o1', 'dead_letter', 'boom', $4)`,
          [id, index + 1, consumer, `kind ${consumer}`],
        );
      }
    }
    const pages = await pagesOf('dead-letters?limit=2');
    expect(pages.flatMap(({ items }) => items)).toHaveLength(9);
    expect((await admin.ask('dead-letters?consumer=b&fingerprint=kind%20b')).json.items).toHaveLength(3);
    expect((await admin.ask('dead-letters?position=2')).json.items).toHaveLength(3);
    expect(await admin.ask('dead-letters?position=9007199254740992')).toMatchObject({ status: 400 });
  });
});

describe('the overview', () => {
  it('says how all consumers together do', async () => {
    await registerConsumer(database, 'billing');
    await registerConsumer(database, 'mail');
    await write({ position: 1 });
    const { json } = await admin.ask('overview');
    expect(json).toMatchObject({ consumers: 2, partitions: 2, unowned: 2, paused: 0, deadLetters: 0 });
  });
});

describe('searching the log', () => {
  it('refuses what makes no sense', async () => {
    const look = admin.app.get(EventLookService);
    await expect(look.search({ evntName: 'x' } as never)).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
    });
    await expect(look.search({}, { before: 1.5 })).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
    });
  });
});

function linkOf(source: string, target: string) {
  const end = {
    sourceModule: 'shop',
    sourceEntityType: 'thing',
    targetModule: 'shop',
    targetEntityType: 'thing',
  };
  return { ...end, sourceEntityId: source, targetEntityId: target, linkType: 'reference' as const };
}
