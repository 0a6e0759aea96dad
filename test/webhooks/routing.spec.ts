import { describe, expect, it } from '@jest/globals';
import { defineEvent, jsonSchema } from 'nestjs-integration/contracts';
import { destinationDisabled } from '../../src/webhooks/outgoing/sender/sender-events.js';
import { inboxRows } from '../support/inbox-rows.js';
import { until } from '../support/until.js';
import { untilWaiting } from '../support/until-waiting.js';
import { CONTRACTS, customerRenamed, deliveriesOf, invoiceCreated, positionsOf } from './outgoing-app.js';
import { destinationOf, outgoingStage } from './outgoing-stage.js';

const stage = outgoingStage();

describe('a public event', () => {
  it('has a delivery at each destination of its tenant that asks for its type', async () => {
    const app = await stage.start();
    const all = await destinationOf(app);
    const prefix = await destinationOf(app, { eventTypes: ['invoice.*'] });
    const other = await destinationOf(app, { eventTypes: ['customer.renamed'] });
    const anothers = await destinationOf(app, {}, 'globex');
    const [created, renamed] = await app.publish(
      {},
      { eventName: 'crm.customer-renamed', payload: { name: 'Ann', note: 'rude' } },
      { eventName: 'invoice.checked' },
      { eventName: 'unknown.event' },
    );
    await app.route();
    expect(await deliveriesOf(stage.database, all)).toMatchObject([
      { position: created, status: 'pending', type: 'invoice.created', data: '{"total": 1}' },
      { position: renamed, status: 'pending', type: 'customer.renamed', data: '{"name":"Ann"}' },
    ]);
    expect(await positionsOf(stage.database, prefix)).toEqual([created]);
    expect(await positionsOf(stage.database, other)).toEqual([renamed]);
    expect(await positionsOf(stage.database, anothers)).toEqual([]);
  });

  it('is sent with every digit of its numbers', async () => {
    const app = await stage.start();
    const id = await destinationOf(app);
    await stage.database.pool.query(
      `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, payload, metadata)
       VALUES ('invoice.created', 'billing', 'invoice', 'i1', '{"total": 12345678901234567890.123}', '{"tenantId": "acme"}')`,
    );
    await app.route();
    expect(await deliveriesOf(stage.database, id)).toMatchObject([
      { data: '{"total": 12345678901234567890.123}' },
    ]);
  });

  it('is compared with a filter by what receivers get, and never by its payload', async () => {
    const app = await stage.start();
    const byName = await destinationOf(app, { filter: { name: 'Ann' } });
    const byNote = await destinationOf(app, { filter: { note: 'rude' } });
    const [first] = await app.publish(
      { eventName: 'crm.customer-renamed', payload: { name: 'Ann', note: 'rude' } },
      { eventName: 'crm.customer-renamed', payload: { name: 'Bob', note: 'rude' } },
    );
    await app.route();
    expect(await positionsOf(stage.database, byName)).toEqual([first]);
    expect(await positionsOf(stage.database, byNote)).toEqual([]);
  });

  it('is of the tenant that tenantOf says', async () => {
    const app = await stage.start({ outgoing: { tenantOf: ({ aggregateId }) => aggregateId } });
    const id = await destinationOf(app, {}, 'globex');
    const [position] = await app.publish({ aggregateId: 'globex' }, { aggregateId: 'acme' });
    await app.route();
    expect(await positionsOf(stage.database, id)).toEqual([position]);
  });

  it('has one delivery at each destination, however often it is routed', async () => {
    const app = await stage.start();
    const id = await destinationOf(app);
    const [position] = await app.publish({});
    await app.route();
    await stage.database.pool.query(
      `UPDATE integration.inbox_cursor SET unread = '{[1,)}' WHERE consumer_name = 'integration.webhooks'`,
    );
    await app.close();
    const again = await stage.start();
    await again.route();
    expect(await positionsOf(stage.database, id)).toEqual([position]);
  });

  it('of this package is sent to whoever names it, and never to the destination that it is about', async () => {
    const app = await stage.start();
    const eventTypes = [destinationDisabled.name];
    const all = await destinationOf(app);
    const one = await destinationOf(app, { eventTypes });
    const another = await destinationOf(app, { eventTypes });
    const [position] = await app.publish({
      eventName: destinationDisabled.name,
      aggregateType: 'webhook_destination',
      aggregateId: one,
    });
    await app.route();
    expect(await positionsOf(stage.database, all)).toEqual([]);
    expect(await positionsOf(stage.database, one)).toEqual([]);
    expect(await positionsOf(stage.database, another)).toEqual([position]);
  });
});

describe('an order', () => {
  it('by entity has a delivery wait while one before it of the same aggregate is pending', async () => {
    const app = await stage.start();
    const id = await destinationOf(app, { order: 'entity' });
    await app.publish({}, { aggregateId: 'i2' }, {});
    await app.route();
    await app.publish({}, { aggregateId: 'i3' });
    await app.route();
    expect((await deliveriesOf(stage.database, id)).map(({ isWaiting }) => isWaiting)).toEqual([
      false,
      false,
      true,
      true,
      false,
    ]);
  });

  it('that is strict has a delivery wait while any before it is pending', async () => {
    const app = await stage.start();
    const id = await destinationOf(app, { order: 'strict' });
    await app.publish({}, { aggregateId: 'i2' });
    await app.route();
    await app.publish({ aggregateId: 'i3' });
    await app.route();
    expect((await deliveriesOf(stage.database, id)).map(({ isWaiting }) => isWaiting)).toEqual([
      false,
      true,
      true,
    ]);
  });
});

/* As a router leaves it that has died behind its commit: what it has routed comes again, with what came since. */
describe.each(['entity', 'strict'] as const)('an order by %s', (order) => {
  it.each([
    ['delivered', [false, false]],
    ['pending', [false, true]],
  ])('where the event before is routed a second time and is %s', async (status, isWaiting) => {
    const app = await stage.start();
    const id = await destinationOf(app, { order });
    await app.publish({});
    await app.route();
    await stage.database.pool.query('UPDATE integration.webhook_delivery SET status = $1', [status]);
    await stage.database.pool.query(
      `UPDATE integration.inbox_cursor SET unread = '{[1,)}' WHERE consumer_name = 'integration.webhooks'`,
    );
    await app.publish({});
    await app.close();
    await (await stage.start()).route();
    expect((await deliveriesOf(stage.database, id)).map((each) => each.isWaiting)).toEqual(isWaiting);
  });
});

describe('a function of a contract that fails', () => {
  const failing = defineEvent({
    name: 'invoice.failing',
    schema: jsonSchema({ type: 'object' }),
    visibility: 'public',
    webhook: {
      data: () => {
        throw new Error('no data');
      },
    },
  });

  it('has its event tried again and then given up, and no other one', async () => {
    const app = await stage.start({
      contracts: [...CONTRACTS, failing],
      engine: { settings: { maxAttempts: 2 } },
    });
    const id = await destinationOf(app);
    const positions = await app.publish(
      { aggregateId: 'a' },
      { eventName: 'invoice.failing', aggregateId: 'b' },
      { aggregateId: 'c' },
    );
    await app.route();
    expect(await positionsOf(stage.database, id)).toEqual([positions[0], positions[2]]);
    await until('the event is given up', async () => {
      await app.route();
      const [row] = await inboxRows(stage.database, 'integration.webhooks');
      return row?.status === 'dead_letter';
    });
    expect(await inboxRows(stage.database, 'integration.webhooks')).toMatchObject([
      { aggregateId: 'b', attempts: 2, error: expect.stringContaining('no data') },
    ]);
  });

  it('is not called where nobody asks for the event', async () => {
    const app = await stage.start({ contracts: [...CONTRACTS, failing] });
    await destinationOf(app, { eventTypes: ['invoice.created'] });
    await app.publish({ eventName: 'invoice.failing' });
    await app.route();
    expect(await inboxRows(stage.database, 'integration.webhooks')).toEqual([]);
  });
});

describe('two releases side by side', () => {
  it('leave an event to the one that knows its public contract', async () => {
    const old = await stage.start({ contracts: [customerRenamed] });
    const young = await stage.start({ contracts: [invoiceCreated] });
    const id = await destinationOf(young);
    const [position] = await young.publish({});
    await old.route();
    expect(await positionsOf(stage.database, id)).toEqual([]);
    expect(await inboxRows(stage.database, 'integration.webhooks')).toMatchObject([
      { attempts: 0, error: expect.stringContaining('another release') },
    ]);
    await old.close();
    await stage.database.pool.query(`UPDATE integration.inbox_event SET available_at = clock_timestamp()`);
    await young.route();
    expect(await positionsOf(stage.database, id)).toEqual([position]);
  });
});

describe('contracts of one type', () => {
  it('fail the boot', async () => {
    const twin = defineEvent({
      name: 'other.created',
      schema: jsonSchema({ type: 'object' }),
      visibility: 'public',
      webhook: { type: 'invoice.created' },
    });
    await expect(stage.start({ contracts: [...CONTRACTS, twin] })).rejects.toMatchObject({
      code: 'INTEGRATION_OPTIONS_INVALID',
      details: { type: 'invoice.created' },
    });
  });
});

describe('a deadlock', () => {
  it('counts no attempt', async () => {
    const app = await stage.start();
    const off = await destinationOf(app);
    const on = await destinationOf(app);
    await app.of('acme').pause(off);
    const [position] = await app.publish({});
    const client = await stage.database.pool.connect();
    try {
      // The router is the one that looks for a circle, and so the one that the server rolls back.
      await client.query(`SET deadlock_timeout = '1h'`);
      await client.query('BEGIN');
      await client.query('SELECT FROM integration.outgoing_target WHERE id = $1 FOR UPDATE', [on]);
      const routed = app.route();
      await untilWaiting(stage.database, 1);
      await client.query('UPDATE integration.webhook_destination SET metadata = metadata WHERE id = $1', [
        off,
      ]);
      await client.query('COMMIT');
      await routed;
    } finally {
      await client.query('RESET deadlock_timeout');
      client.release();
    }
    expect(await positionsOf(stage.database, on)).toEqual([position]);
    expect(await inboxRows(stage.database, 'integration.webhooks')).toEqual([]);
  });
});
