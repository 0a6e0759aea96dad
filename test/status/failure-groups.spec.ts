import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AuditService,
  type DeadLetterPlace,
  type FailureGroup,
  type FailureGroupKey,
  type FailureGroupOrder,
  type FailureGroupPage,
  type FailureGroupPlace,
  FailureGroupService,
  NonRetryableError,
} from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { changedBy } from '../support/running-operation.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;
let app: TestApp;
let groups: FailureGroupService;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await app.close();
  await database.drop();
});

async function start(subscribers: AnySubscriberDefinition[] = []): Promise<void> {
  app = await startApp(database, subscribers);
  groups = app.context.get(FailureGroupService, { strict: false });
}

/** Dead letters of one kind, `count` of them at each of `positions`. */
const bury = (consumerName: string, fingerprint: string | null, positions: string, count = 1) =>
  database.pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, last_error, error_fingerprint)
     SELECT gen_random_uuid(), p, $1, 'thing', p::text, 'dead_letter', 'Error: ' || p, $2
     FROM generate_series(${positions}) AS p, generate_series(1, $3)`,
    [consumerName, fingerprint, count],
  );

/** All pages, each of `limit` groups. */
async function allGroups(limit: number, filter = {}, order?: FailureGroupOrder): Promise<FailureGroup[]> {
  const all: FailureGroup[] = [];
  let after: FailureGroupPlace | undefined;
  do {
    const { items, next, isPartial } = await groups.list(filter, { limit, after, order });
    expect(isPartial).toBe(false);
    all.push(...items);
    after = next ?? undefined;
  } while (after !== undefined);
  return all;
}

const keyOf = ({ consumerName, fingerprint }: FailureGroupKey) => `${consumerName} ${fingerprint}`;

async function givenUpAt(outboxEventId: string | undefined): Promise<Date> {
  const { rows } = await database.pool.query(
    'SELECT updated_at AS at FROM integration.inbox_event WHERE outbox_event_id = $1',
    [outboxEventId],
  );
  return rows[0]?.at;
}

describe('groups of failures', () => {
  it('are the kinds in which events of a consumer died, with the latest of each', async () => {
    const handler = async ({ aggregateId }: { aggregateId: string }) => {
      if (aggregateId.startsWith('gone')) throw new NonRetryableError(`no customer ${aggregateId.length}`);
      throw new TypeError(`cannot read "${aggregateId}"`);
    };
    await start([
      { eventName: '*', consumerName: 'billing', handler, retry: { maxAttempts: 1 } },
    ] as AnySubscriberDefinition[]);
    const ids = ['gone', 'gone-1', 'bad-1', 'gone-10'];
    const published = await app.api.publishEvents(
      ids.map((aggregateId) => ({
        eventName: 'invoice.created',
        sourceModule: 's',
        aggregateType: 't',
        aggregateId,
      })),
    );
    await app.processor.drain();
    const { items, next } = await groups.list();
    expect(next).toBeNull();
    expect(items).toHaveLength(2);
    // One that is named is found without a list, and is the same.
    for (const each of items) {
      const { consumerName, fingerprint } = each;
      expect(await groups.of({ consumerName, fingerprint })).toEqual(each);
    }
    expect(await groups.of({ consumerName: 'billing', fingerprint: null })).toBeUndefined();
    const missing = items.find(({ deadLetters }) => deadLetters.count === 3);
    expect(missing).toEqual({
      consumerName: 'billing',
      fingerprint: expect.stringMatching(/^[0-9a-f]{32}$/),
      deadLetters: { count: 3, atLeast: false, estimate: 3 },
      firstPosition: published[0]?.position,
      lastPosition: published[3]?.position,
      firstFailedAt: await givenUpAt(published[0]?.outboxEventId),
      latest: {
        outboxEventId: published[3]?.outboxEventId,
        eventName: 'invoice.created',
        error: 'NonRetryableError: no customer 7',
        failedAt: expect.any(Date),
      },
      note: null,
      acknowledged: null,
    });
    const key = { consumerName: 'billing', fingerprint: missing?.fingerprint ?? '' };
    const dead = await groups.deadLetters(key);
    expect(dead.items.map(({ aggregateId }) => aggregateId)).toEqual(['gone', 'gone-1', 'gone-10']);
    expect(dead.items[0]).toMatchObject({ eventName: 'invoice.created', status: 'dead_letter' });
    // What a group has can be redriven by its kind.
    const redrive = app.consumers.redrive({ consumerName: 'billing', errorFingerprint: key.fingerprint });
    expect(await changedBy(app, redrive)).toBe(3);
  });

  it('come in pages of any size, also those without a kind, which come last of their consumer', async () => {
    await start();
    for (const consumer of ['a', 'b', 'c']) {
      for (const kind of ['1', '2', '3']) await bury(consumer, `kind-${kind}`, '1, 3');
    }
    await bury('b', null, '4, 5');
    await bury('d', null, '6, 6');
    await database.pool.query(
      `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, error_fingerprint)
       VALUES (gen_random_uuid(), 9, 'a', 't', '1', 'failed', 'alive'), (gen_random_uuid(), 9, 'e', 't', '1', 'skipped', 'kind-1')`,
    );
    const expected = [
      'a kind-1',
      'a kind-2',
      'a kind-3',
      'b kind-1',
      'b kind-2',
      'b kind-3',
      'b null',
    ].concat(['c kind-1', 'c kind-2', 'c kind-3', 'd null']);
    for (const limit of [1, 2, 3, 11, 50]) {
      const found = await allGroups(limit);
      expect(found.map(keyOf)).toEqual(expected);
      expect(found.map(({ deadLetters }) => deadLetters.count)).toEqual([3, 3, 3, 3, 3, 3, 2, 3, 3, 3, 1]);
      const ofOne = await allGroups(limit, { consumerName: 'b' });
      expect(ofOne.map(keyOf)).toEqual(expected.filter((name) => name.startsWith('b')));
    }
    expect(await groups.list({ consumerName: 'nobody' })).toEqual({
      items: [],
      next: null,
      isPartial: false,
    });
  });

  it('come by size and by the latest one, and no page loses one where these tie', async () => {
    await start();
    for (const consumer of ['b', 'a', 'c']) {
      for (const kind of ['2', '1']) await bury(consumer, kind, '1, 3');
      await bury(consumer, null, '2, 3');
    }
    await bury('b', 'more', '1, 1001');
    await bury('c', 'most', '1, 1005');
    await bury('a', 'new', '2000, 2000');
    const few = ['a 1', 'a 2', 'b 1', 'b 2', 'c 1', 'c 2'];
    const none = ['a null', 'b null', 'c null'];
    const expected = {
      size: ['c most', 'b more', ...few, ...none, 'a new'],
      latest: [
        'a new',
        'c most',
        'b more',
        'a 1',
        'a 2',
        'a null',
        'b 1',
        'b 2',
        'b null',
        'c 1',
        'c 2',
        'c null',
      ],
    };
    for (const order of ['size', 'latest'] as const)
      for (const limit of [1, 2, 3, 5, 12, 50]) {
        expect((await allGroups(limit, {}, order)).map(keyOf)).toEqual(expected[order]);
        expect((await allGroups(limit, { consumerName: 'b' }, order)).map(keyOf)).toEqual(
          expected[order].filter((name) => name.startsWith('b')),
        );
      }
    expect(await groups.list({ consumerName: 'nobody' }, { order: 'size' })).toEqual({
      items: [],
      next: null,
      isPartial: false,
    });
  });

  it('beyond 20,000 are put in order only in part, and the page says so', async () => {
    await start();
    await database.pool.query(
      `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, error_fingerprint)
       SELECT gen_random_uuid(), n, 'a', 't', '1', 'dead_letter', lpad(n::text, 5, '0') FROM generate_series(1, 20000) n`,
    );
    const latest = async () => (await groups.list({}, { order: 'latest', limit: 1 })) as FailureGroupPage;
    expect(await latest()).toMatchObject({ isPartial: false, items: [{ fingerprint: '20000' }] });
    await bury('b', 'the last', '30000, 30000', 7);
    expect(await latest()).toMatchObject({ isPartial: true, items: [{ fingerprint: '20000' }] });
    const ofOne = await groups.list({ consumerName: 'b' }, { order: 'latest' });
    expect(ofOne).toMatchObject({ isPartial: false, items: [{ fingerprint: 'the last' }] });
    expect((await groups.list()).isPartial).toBe(false);
  });

  it.each<[string, object]>([
    ['an order that is none', { order: 'newest' }],
    ['a place of another order', { order: 'size', after: { consumerName: 'a', fingerprint: '1' } }],
    ['a place by size for names', { after: { consumerName: 'a', fingerprint: '1', value: 3 } }],
    [
      'a place that is no number',
      { order: 'size', after: { consumerName: 'a', fingerprint: '1', value: 'x' } },
    ],
  ])('are refused with %s', async (_, page) => {
    await start();
    await expect(groups.list({}, page)).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
      details: { field: expect.any(String) },
    });
  });

  it('are found by a text in the latest error, whatever its numbers, ids and letters are', async () => {
    await start();
    await database.pool.query(
      `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, last_error, error_fingerprint)
       SELECT gen_random_uuid(), p, consumer, 'thing', 't', 'dead_letter', error, kind
       FROM (VALUES (1, 'a', 'k1', 'Error: connect ECONNREFUSED 10.0.0.9:5432'), (2, 'a', 'k2', 'TypeError: order "o-17" is not open'),
         (3, 'b', 'k1', 'Error: connect ECONNREFUSED 10.0.0.7:5432'), (4, 'c', NULL, NULL), (5, 'c', 'k3', '100% of it, or _')) AS g (p, consumer, kind, error)`,
    );
    const by = async (error: string, more = {}) => (await groups.list({ error, ...more })).items.map(keyOf);
    expect(await by('econnrefused')).toEqual(['a k1', 'b k1']);
    // It was copied from the log of another process.
    expect(await by('connect ECONNREFUSED 10.0.0.123:9999')).toEqual(['a k1', 'b k1']);
    expect(await by('connect ECONNREFUSED', { consumerName: 'b' })).toEqual(['b k1']);
    expect(await by('order "o-18" is not open')).toEqual(['a k2']);
    expect(await by('o-17')).toEqual(['a k2']);
    expect(await by('o-18')).toEqual([]);
    // What means something in a pattern is a letter like others.
    expect(await by('100%')).toEqual(['c k3']);
    expect(await by('%')).toEqual(['c k3']);
    expect(await by('x_x')).toEqual([]);
    expect((await allGroups(1, { error: 'connect' })).map(keyOf)).toEqual(['a k1', 'b k1']);
    await expect(groups.list({ error: 'connect' }, { order: 'size' })).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
    });
  });

  it('beyond 20,000 are searched for an error in two requests', async () => {
    await start();
    await database.pool.query(
      `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, last_error, error_fingerprint)
       SELECT gen_random_uuid(), n, 'a', 'thing', 't', 'dead_letter', CASE WHEN n = 20500 THEN 'the last one' ELSE 'another' END, lpad(n::text, 8, '0')
       FROM generate_series(1, 20500) AS n`,
    );
    const first = await groups.list({ error: 'the last one' });
    expect(first).toMatchObject({ items: [], isPartial: true, next: { fingerprint: '00020000' } });
    const second = await groups.list({ error: 'the last one' }, { after: first.next ?? undefined });
    expect([second.items.map(keyOf), second.next, second.isPartial]).toEqual([['a 00020500'], null, false]);
  });

  it('are counted up to 10,000, and estimated from there on, also those behind an acknowledgement', async () => {
    await start();
    const counts = [
      { count: 10_000, atLeast: false, estimate: 10_000 },
      { count: 10_000, atLeast: true, estimate: 12_000 },
      { count: 10_000, atLeast: true, estimate: 12_000 },
    ];
    for (const fingerprint of ['exact', 'more', null]) {
      await bury('a', fingerprint, '1, 1');
      await groups.acknowledge({ consumerName: 'a', fingerprint });
    }
    await bury('a', 'exact', '2, 10000');
    await bury('a', 'more', '2, 12000');
    await bury('a', null, '2, 12000');
    expect((await groups.list()).items.map(({ deadLetters }) => deadLetters)).toEqual(counts);
    await bury('a', 'exact', '10001, 10001');
    expect((await groups.list()).items.map(({ acknowledged }) => acknowledged?.newSince)).toEqual(counts);
    // With room for very many groups on a page, fewer of each are counted.
    const page = await groups.list({}, { limit: 1_000 });
    expect(page.items.map(({ deadLetters }) => deadLetters)).toEqual(
      [10_000, 12_000, 12_000].map((estimate) => ({ count: 1_000, atLeast: true, estimate })),
    );
  });

  it.each([['kind'], [null]])(
    'of the kind %s lose no dead letter between pages where positions tie',
    async (kind) => {
      await start();
      await bury('a', kind, '5, 7', 5);
      await bury('a', 'another', '5, 7', 2);
      for (const limit of [1, 2, 4, 15]) {
        const seen: string[] = [];
        let after: DeadLetterPlace | undefined;
        do {
          const { items, next } = await groups.deadLetters(
            { consumerName: 'a', fingerprint: kind },
            { limit, after },
          );
          expect(items.every(({ errorFingerprint }) => errorFingerprint === kind)).toBe(true);
          seen.push(...items.map(({ id }) => id));
          after = next ?? undefined;
        } while (after !== undefined);
        expect(seen).toHaveLength(15);
        expect(new Set(seen).size).toBe(15);
      }
    },
  );
});

describe('a note about a group', () => {
  const GROUP = { consumerName: 'a', fingerprint: 'kind' };
  const only = async () => (await groups.list()).items[0];

  it('is kept with who wrote it, is replaced and removed, and each change is in the audit', async () => {
    await start();
    await bury('a', 'kind', '1, 3');
    await groups.note(GROUP, 'The bank is told', { by: 'anna', reason: 'ticket 7' });
    expect((await only())?.note).toEqual({ text: 'The bank is told', by: 'anna', at: expect.any(Date) });
    await groups.note(GROUP, 'It answered', { by: 'ben' });
    expect((await only())?.note).toMatchObject({ text: 'It answered', by: 'ben' });
    await groups.note(GROUP, null);
    expect((await only())?.note).toBeNull();
    const { entries } = await app.context.get(AuditService, { strict: false }).list();
    expect(entries).toHaveLength(3);
    expect(entries.at(-1)).toMatchObject({
      actor: 'anna',
      reason: 'ticket 7',
      action: 'failure-groups.note',
      target: 'failure-group/a/kind',
      before: null,
      after: { note: 'The bank is told' },
    });
    expect(entries[1]).toMatchObject({
      before: { note: 'The bank is told' },
      after: { note: 'It answered' },
    });
  });

  it('stays beside an acknowledgement, behind which new dead letters are counted', async () => {
    await start();
    await bury('a', 'kind', '1, 3');
    await groups.note(GROUP, 'known');
    await groups.acknowledge(GROUP, { by: 'anna' });
    expect((await only())?.acknowledged).toEqual({
      by: 'anna',
      at: expect.any(Date),
      newSince: { count: 0, atLeast: false, estimate: 0 },
    });
    await bury('a', 'kind', '4, 5');
    expect(await only()).toMatchObject({ note: { text: 'known' }, acknowledged: { newSince: { count: 2 } } });
    await groups.acknowledge(GROUP);
    expect(await only()).toMatchObject({ acknowledged: { newSince: { count: 0 } } });
    await groups.acknowledge(GROUP, { acknowledged: false });
    expect(await only()).toMatchObject({ note: { text: 'known' }, acknowledged: null });
  });

  it('belongs to the group without a kind as well, and to one whose dead letters are gone', async () => {
    await start();
    await bury('a', null, '1, 2');
    const group = { consumerName: 'a', fingerprint: null };
    await groups.note(group, 'old ones');
    await groups.acknowledge(group);
    expect(await only()).toMatchObject({ fingerprint: null, note: { text: 'old ones' }, acknowledged: {} });
    await database.pool.query('DELETE FROM integration.inbox_event');
    await groups.note(group, null);
  });

  it('goes with a consumer to its new name, and is deleted with it', async () => {
    await start();
    await bury('a', 'kind', '1, 2');
    await database.pool.query(
      `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread) VALUES ('a', '{*}', '{}')`,
    );
    await groups.note(GROUP, 'known');
    await app.consumers.rename('a', 'b');
    expect(await only()).toMatchObject({ consumerName: 'b', note: { text: 'known' } });
    await app.consumers.remove('b');
    const { rows } = await database.pool.query('SELECT FROM integration.integration_failure_group');
    expect(rows).toEqual([]);
  });

  it.each<[string, (service: FailureGroupService) => Promise<unknown>, string]>([
    [
      'an unknown group',
      (s) => s.note({ consumerName: 'b', fingerprint: 'x' }, 'n'),
      'INTEGRATION_FAILURE_GROUP_UNKNOWN',
    ],
    [
      'an unknown group to acknowledge',
      (s) => s.acknowledge({ consumerName: 'b', fingerprint: null }),
      'INTEGRATION_FAILURE_GROUP_UNKNOWN',
    ],
    ['an empty note', (s) => s.note(GROUP, ' '), 'INTEGRATION_ADMIN_INVALID'],
    ['a note that is too long', (s) => s.note(GROUP, 'a'.repeat(4_001)), 'INTEGRATION_ADMIN_INVALID'],
    ['a note with NUL', (s) => s.note(GROUP, 'a\0'), 'INTEGRATION_ADMIN_INVALID'],
    ['a note with half a character', (s) => s.note(GROUP, '\udc00'), 'INTEGRATION_ADMIN_INVALID'],
    [
      'an option that is not known',
      (s) => s.note(GROUP, 'a', { because: 'b' } as object),
      'INTEGRATION_ADMIN_INVALID',
    ],
    [
      'no fingerprint',
      (s) => s.deadLetters({ consumerName: 'a' } as FailureGroupKey),
      'INTEGRATION_ADMIN_INVALID',
    ],
    [
      'a fingerprint of another type',
      (s) => s.deadLetters({ consumerName: 'a', fingerprint: 7 } as unknown as FailureGroupKey),
      'INTEGRATION_ADMIN_INVALID',
    ],
    [
      'a consumer that is too long',
      (s) => s.list({ consumerName: 'a'.repeat(128) }),
      'INTEGRATION_ADMIN_INVALID',
    ],
    ['a filter that is not known', (s) => s.list({ consumer: 'a' } as object), 'INTEGRATION_ADMIN_INVALID'],
    [
      'a page behind another consumer',
      (s) => s.list({ consumerName: 'b' }, { after: GROUP }),
      'INTEGRATION_ADMIN_INVALID',
    ],
    [
      'a place that is no row',
      (s) => s.deadLetters(GROUP, { after: { position: 1, id: 'x' } }),
      'INTEGRATION_ADMIN_INVALID',
    ],
    [
      'a place beyond all positions',
      (s) => s.deadLetters(GROUP, { after: { position: 2 ** 60, id: randomUUID() } }),
      'INTEGRATION_ADMIN_INVALID',
    ],
    [
      'a yes that is none',
      (s) => s.acknowledge(GROUP, { acknowledged: 'yes' } as object),
      'INTEGRATION_ADMIN_INVALID',
    ],
  ])('is refused with %s', async (_, call, code) => {
    await start();
    await bury('a', 'kind', '1, 3');
    await expect(call(groups)).rejects.toMatchObject({ code });
  });
});
