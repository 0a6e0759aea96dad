import { describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { append } from '../support/append.js';
import { untilWaiting } from '../support/until-waiting.js';
import { invoice, positionsOf } from './outgoing-app.js';
import { destinationOf, outgoingStage } from './outgoing-stage.js';

const stage = outgoingStage();

/** Runs `work` with a connection in an open transaction, and rolls back what is left of it. */
async function inTransaction<R>(work: (client: pg.PoolClient) => Promise<R>): Promise<R> {
  const client = await stage.database.pool.connect();
  try {
    await client.query('BEGIN');
    return await work(client);
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
}

async function stateOf(id: string) {
  const { rows } = await stage.database.pool.query<{
    status: string;
    behindFrom: number | null;
    catchUpTo: number | null;
  }>(
    `SELECT status, behind_from::int AS "behindFrom", catch_up_to::int AS "catchUpTo" FROM integration.webhook_destination WHERE id = $1`,
    [id],
  );
  return rows[0];
}

describe('a destination that is off', () => {
  it.each(['none', 'entity', 'strict'])(
    'costs no row, and gets everything once when it is on again (order %s)',
    async (order) => {
      const app = await stage.start();
      const id = await destinationOf(app, { order });
      const before = await app.publish({});
      await app.route();
      await app.of('acme').pause(id, { by: 'ann', reason: 'maintenance' });
      const missed = await app.publish({}, { aggregateId: 'i2' }, {});
      await app.route();
      expect(await positionsOf(stage.database, id)).toEqual(before);
      expect(await stateOf(id)).toMatchObject({ status: 'paused', behindFrom: missed[0] });
      await app.of('acme').resume(id, { by: 'ann' });
      const after = await app.publish({});
      await app.route();
      await app.catchUp();
      expect(await positionsOf(stage.database, id)).toEqual([...before, ...missed, ...after]);
      expect(await stateOf(id)).toEqual({ status: 'active', behindFrom: null, catchUpTo: null });
    },
  );

  it('gets an event too whose transaction was open when it was paused', async () => {
    const app = await stage.start();
    const id = await destinationOf(app);
    const late = await inTransaction(async (client) => {
      const [{ position } = { position: 0 }] = await append(client, [invoice()]);
      await app.publish({});
      await app.route();
      await app.of('acme').pause(id);
      await client.query('COMMIT');
      return position;
    });
    await app.publish({});
    await app.route();
    expect(await stateOf(id)).toMatchObject({ behindFrom: late });
    await app.of('acme').resume(id);
    await app.catchUp();
    expect(await positionsOf(stage.database, id)).toEqual([late, late + 1, late + 2]);
  });

  it('is set on after a router that skips it, which has noted by then what it has skipped', async () => {
    const app = await stage.start();
    const id = await destinationOf(app);
    const other = await destinationOf(app);
    await app.of('acme').pause(id);
    const positions = await app.publish({});
    await inTransaction(async (client) => {
      await client.query('SELECT FROM integration.outgoing_target WHERE id = $1 FOR UPDATE', [other]);
      const routed = app.route();
      await untilWaiting(stage.database, 1);
      const resumed = app.of('acme').resume(id);
      await untilWaiting(stage.database, 2);
      await client.query('COMMIT');
      await Promise.all([routed, resumed]);
    });
    expect(await stateOf(id)).toMatchObject({ status: 'active', behindFrom: positions[0] });
    await app.catchUp();
    expect(await positionsOf(stage.database, id)).toEqual(positions);
  });

  it('is caught up with to the end that the log has once every such router is done', async () => {
    const app = await stage.start();
    const id = await destinationOf(app);
    const other = await destinationOf(app);
    await app.of('acme').pause(id);
    const first = await app.publish({});
    await app.route();
    const more = await app.publish({}, {});
    await inTransaction(async (client) => {
      await client.query('SELECT FROM integration.outgoing_target WHERE id = $1 FOR UPDATE', [other]);
      const routed = app.route();
      await untilWaiting(stage.database, 1);
      const resumed = app.of('acme').resume(id);
      await untilWaiting(stage.database, 2);
      await client.query('COMMIT');
      await Promise.all([routed, resumed]);
    });
    expect(await stateOf(id)).toMatchObject({ catchUpTo: more[1] });
    await app.catchUp();
    expect(await positionsOf(stage.database, id)).toEqual([...first, ...more]);
  });

  it('that was paused while it caught up goes on from there', async () => {
    const app = await stage.start();
    const id = await destinationOf(app);
    await app.of('acme').pause(id);
    const positions = await app.publish(...Array.from({ length: 5 }, () => ({})));
    await app.route();
    await app.of('acme').resume(id);
    await app.of('acme').pause(id);
    const later = await app.publish({});
    await app.route();
    await app.catchUp();
    expect(await positionsOf(stage.database, id)).toEqual([]);
    await app.of('acme').resume(id);
    await app.catchUp();
    expect(await positionsOf(stage.database, id)).toEqual([...positions, ...later]);
  });

  it('with an order gets nothing new before what it has missed', async () => {
    const app = await stage.start();
    const id = await destinationOf(app, { order: 'entity' });
    await app.of('acme').pause(id);
    const missed = await app.publish({});
    await app.route();
    await app.of('acme').resume(id);
    const fresh = await app.publish({});
    await app.route();
    expect(await positionsOf(stage.database, id)).toEqual([]);
    await app.catchUp();
    const { rows } = await stage.database.pool.query(
      `SELECT position::int, due_at = 'infinity' AS waits FROM integration.webhook_delivery ORDER BY position`,
    );
    expect(rows).toEqual([
      { position: missed[0], waits: false },
      { position: fresh[0], waits: true },
    ]);
  });

  it('is told what retention has deleted meanwhile', async () => {
    const app = await stage.start();
    const id = await destinationOf(app);
    await app.of('acme').pause(id);
    const positions = await app.publish({}, {}, {});
    await app.route();
    await stage.database.pool.query('DELETE FROM integration.outbox_event WHERE position < $1', [
      positions[2],
    ]);
    await app.of('acme').resume(id);
    await app.catchUp();
    expect(await positionsOf(stage.database, id)).toEqual([positions[2]]);
    const { rows } = await stage.database.pool.query(
      `SELECT target, affected::int FROM integration.integration_audit WHERE action = 'webhook-destinations.missed'`,
    );
    expect(rows).toEqual([{ target: `webhook-destination/${id}`, affected: 2 }]);
  });
});

describe('startFrom', () => {
  it('has a new destination get what was written since then', async () => {
    const app = await stage.start();
    const old = await app.publish({});
    await stage.database.pool.query(
      `UPDATE integration.outbox_event SET created_at = created_at - interval '2 days'`,
    );
    const young = await app.publish({}, {});
    await app.route();
    const since = new Date(Date.now() - 24 * 3_600_000);
    const id = await destinationOf(app, { startFrom: since });
    expect(old).toHaveLength(1);
    const next = await app.publish({});
    await app.route();
    await app.catchUp();
    expect(await positionsOf(stage.database, id)).toEqual([...young, ...next]);
  });

  it('misses no event that a router reads which does not see the destination yet', async () => {
    const app = await stage.start();
    const positions = await app.publish({});
    await app.route();
    const id = await inTransaction(async (client) => {
      // The creation waits for the audit before it can be committed.
      await client.query('LOCK TABLE integration.integration_audit IN SHARE ROW EXCLUSIVE MODE');
      const created = destinationOf(app, { startFrom: new Date(0) });
      await untilWaiting(stage.database, 1);
      positions.push(...(await app.publish({})));
      await app.route();
      await client.query('COMMIT');
      return created;
    });
    await app.catchUp();
    expect(await positionsOf(stage.database, id)).toEqual(positions);
  });

  it('gives the secret of a destination that cannot be set on, and resuming it is enough', async () => {
    const app = await stage.start();
    const positions = await app.publish({});
    await app.route();
    await stage.database.pool.query(
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not now'; END $$;
       CREATE TRIGGER refuse BEFORE UPDATE ON integration.webhook_destination FOR EACH ROW EXECUTE FUNCTION refuse()`,
    );
    const { destination, secret } = await app.of('acme').create({
      url: 'https://receiver.example/hooks',
      eventTypes: ['*'],
      startFrom: new Date(0),
    });
    expect(secret).toMatch(/^whsec_/);
    expect(destination).toMatchObject({
      status: 'paused',
      reason: 'It begins in the past and was not set on yet: resume it',
    });
    await stage.database.pool.query('DROP TRIGGER refuse ON integration.webhook_destination');
    await app.of('acme').resume(destination.id);
    await app.catchUp();
    expect(await positionsOf(stage.database, destination.id)).toEqual(positions);
  });
});
