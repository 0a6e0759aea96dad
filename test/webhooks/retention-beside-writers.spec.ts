import { describe, expect, it } from '@jest/globals';
import type { EngineSession } from '../../src/database/sql/engine-session.js';
import { AuditService } from '../../src/index.js';
import { MaintenanceJob } from '../../src/maintenance/maintenance.job.js';
import { WebhookDeliveryStore } from '../../src/webhooks/outgoing/destinations/delivery.store.js';
import { deleteOutdatedDeliveries } from '../../src/webhooks/outgoing/destinations/delivery-retention.store.js';
import { type Pair, RoutingStore } from '../../src/webhooks/outgoing/routing/routing.store.js';
import { gate } from '../support/gate.js';
import { untilWaiting } from '../support/until-waiting.js';
import { deliveriesOf, type OutgoingApp, positionsOf, runOperation, triedAlready } from './outgoing-app.js';
import { destinationOf, outgoingStage } from './outgoing-stage.js';

const stage = outgoingStage();
const DAYS = 30;

/** Deliveries that have ended, all of messages that retention deletes. */
async function ended(app: OutgoingApp, status: 'dead' | 'delivered', events = 3) {
  const id = await destinationOf(app);
  const positions = await app.publish(...Array.from({ length: events }, () => ({})));
  await app.route();
  await triedAlready(stage.database, status);
  await stage.database.pool.query(
    `UPDATE integration.webhook_message SET created_at = created_at - interval '31 days'`,
  );
  return { id, positions };
}

const retention = (app: OutgoingApp, session: EngineSession) =>
  deleteOutdatedDeliveries(session, app.engine.database.tables, { days: DAYS, after: 0 });
const retained = (app: OutgoingApp) => app.engine.database.transaction((session) => retention(app, session));

/** A transaction whose statements are done, and that ends when it is told to. */
async function held<T>(app: OutgoingApp, work: (session: EngineSession) => Promise<T>) {
  const [reached, going] = [gate(), gate()];
  const ended = app.engine.database.transaction(async (session) => {
    const result = await work(session);
    reached.open();
    await going.opened;
    return result;
  });
  await Promise.race([reached.opened, ended]);
  return {
    async commit(): Promise<T> {
      going.open();
      return ended;
    },
  };
}

/** The message of a position, for a destination that has not got it. */
function pairOf(destinationId: string, position: number): Pair {
  return {
    destinationId,
    message: {
      position,
      tenantId: 'acme',
      outboxEventId: '0198c0de-0000-7000-8000-000000000000',
      eventName: 'invoice.created',
      type: 'invoice.created',
      data: '{"total": 1}',
      eventAt: new Date(),
      entity: '1',
    },
  };
}

async function withoutMessage(): Promise<number> {
  const { rows } = await stage.database.pool.query(
    `SELECT count(*)::int AS count FROM integration.webhook_delivery v
     WHERE NOT EXISTS (SELECT FROM integration.webhook_message m WHERE m.position = v.position AND m.tenant_id = v.tenant_id)`,
  );
  return rows[0].count;
}

const messages = async () =>
  (
    await stage.database.pool.query<{ position: number }>(
      'SELECT position::int FROM integration.webhook_message ORDER BY position',
    )
  ).rows.map(({ position }) => position);

describe('retention', () => {
  it('passes over what a redrive has at this moment, and keeps its message', async () => {
    const app = await stage.start();
    const { id, positions } = await ended(app, 'dead');
    const [first = 0, second = 0] = positions;
    const redrive = await held(app, (session) =>
      new WebhookDeliveryStore(app.engine.database).redrive(
        session,
        { tenantId: 'acme', destinationId: id },
        [second, first],
        null,
      ),
    );
    await retained(app);
    expect(await redrive.commit()).toBe(2);
    expect(await positionsOf(stage.database, id)).toEqual([first, second]);
    expect(await messages()).toEqual([first, second]);
  });

  it('keeps a message that a delivery of another destination comes to at this moment', async () => {
    const app = await stage.start();
    const { positions } = await ended(app, 'delivered');
    const [, position = 0] = positions;
    const other = await destinationOf(app);
    const writer = await held(app, (session) =>
      new RoutingStore(app.engine.database).write(session, [pairOf(other, position)]),
    );
    await retained(app);
    expect(await writer.commit()).toBe(1);
    expect(await deliveriesOf(stage.database, other)).toMatchObject([{ position, data: '{"total": 1}' }]);
    expect(await messages()).toEqual([position]);
    expect(await withoutMessage()).toBe(0);
  });

  it.each(['before it deletes messages', 'after that'])(
    'that comes first, %s, has the writer of a delivery write the message anew',
    async (when) => {
      const app = await stage.start();
      const { positions } = await ended(app, 'delivered');
      const [, position = 0] = positions;
      const other = await destinationOf(app);
      const [reached, going] = [gate(), gate()];
      const pause = async () => {
        reached.open();
        await going.opened;
      };
      const deleting = app.engine.database.transaction(async (session) => {
        const query = session.query.bind(session);
        const watched: EngineSession = Object.create(session, {
          query: {
            value: async (sql: string, values?: unknown[]) => {
              if (when.startsWith('before') && /^\s*DELETE FROM \S*webhook_message/.test(sql)) await pause();
              return query(sql, values as never);
            },
          },
        });
        await retention(app, watched);
        if (!when.startsWith('before')) await pause();
      });
      await Promise.race([reached.opened, deleting]);
      const written = app.engine.database.transaction((session) =>
        new RoutingStore(app.engine.database).write(session, [pairOf(other, position)]),
      );
      await untilWaiting(stage.database, 1, 'webhook_message');
      going.open();
      await deleting;
      expect(await written).toBe(1);
      expect(await withoutMessage()).toBe(0);
      expect(await messages()).toEqual([position]);
    },
  );
});

describe('a planned redrive', () => {
  it('sends what retention has left, and says how much it could not send', async () => {
    const app = await stage.start();
    const { id, positions } = await ended(app, 'dead');
    const kept = positions[2] ?? 0;
    await stage.database.pool.query(
      'UPDATE integration.webhook_message SET created_at = now() WHERE position = $1',
      [kept],
    );
    const planned = await app.of('acme').planRedrive({ destinationId: id }, { by: 'ann' });
    expect(planned).toMatchObject({ plannedEvents: 3 });
    const deleting = await held(app, (session) => retention(app, session));
    const running = runOperation(app, planned);
    // Runners of the operation may wait for each other before that.
    await untilWaiting(stage.database, 1, `webhook_delivery v SET status = 'pending'`);
    await deleting.commit();
    expect(await running).toMatchObject({ state: 'done', plannedEvents: 3, changed: 1, error: null });
    expect(await deliveriesOf(stage.database, id)).toMatchObject([{ position: kept, status: 'pending' }]);
    expect(await withoutMessage()).toBe(0);
    const { entries } = await app.context.get(AuditService).list({ action: 'webhook-deliveries.gone' });
    expect(entries).toMatchObject([
      { actor: 'ann', affected: 2, target: `webhook-destination/${id}`, after: { operation: planned.id } },
    ]);
  });

  it('of which everything is gone is done, with nothing', async () => {
    const app = await stage.start();
    const { id } = await ended(app, 'dead');
    const planned = await app.of('acme').planRedrive({ destinationId: id });
    await app.context.get(MaintenanceJob, { strict: false }).runRound();
    expect(await runOperation(app, planned)).toMatchObject({ state: 'done', plannedEvents: 3, changed: 0 });
    expect([await positionsOf(stage.database, id), await messages()]).toEqual([[], []]);
  });
});

describe('a replay', () => {
  it('sends a delivery that was dead because its body could not be made', async () => {
    const app = await stage.start();
    const { id, positions } = await ended(app, 'dead', 1);
    await stage.database.pool.query('DELETE FROM integration.webhook_message');
    const planned = await app.of('acme').planReplay({ destinationId: id, since: new Date(0) });
    expect(await runOperation(app, planned)).toMatchObject({ state: 'done', changed: 1 });
    expect(await deliveriesOf(stage.database, id)).toMatchObject([
      { position: positions[0], status: 'pending', data: '{"total": 1}' },
    ]);
  });
});
