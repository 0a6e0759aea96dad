import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { ConnectionWorkStore } from '../../src/connectors/connections/connection-work.store.js';
import { ConnectorsEngine } from '../../src/connectors/connectors-engine.js';
import { ConnectorsStart } from '../../src/connectors/connectors-start.js';
import {
  bearer,
  type ConnectionContext,
  Connector,
  ConnectorHealthCheck,
} from '../../src/connectors/index.js';
import { FakeProvider } from '../../src/testing/fake-provider.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type ConnectorApp, startConnectorApp } from './connector-app.js';

const INTERVAL_MS = 900_000;

let database: TestDatabase;
let provider: FakeProvider;
let app: ConnectorApp;

@Connector({
  key: 'crm',
  name: 'CRM',
  category: 'crm',
  auth: bearer({ secret: 'token' }),
  secrets: z.object({ token: z.string() }),
  http: { baseUrl: () => provider.url },
})
class CrmConnector {
  @ConnectorHealthCheck()
  async health({ http }: ConnectionContext) {
    await http.get('/me');
  }
}

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  provider = await FakeProvider.start({ accepts: () => true });
  app = await startConnectorApp(database, [CrmConnector], {}, { settings: { 'processor.enabled': false } });
});
afterEach(async () => {
  for (const { id } of (await acme().list()).connections) await acme().remove(id);
  await app.close();
  await provider.close();
});

const acme = () => app.connections.forTenant('acme');
const runDue = () => app.context.get(ConnectorsStart).runDue();

async function enabled(): Promise<string> {
  const { id } = await acme().create({ connector: 'crm', name: 'CRM', secrets: { token: 't' } });
  await acme().enable(id);
  return id;
}

/** Lets the time of a health come, so many milliseconds ago. */
async function timeComes(id: string, agoMs = 0): Promise<void> {
  await database.pool.query(
    "UPDATE integration.connection SET health_due_at = now() - $2::float8 * interval '1 millisecond' WHERE id = $1",
    [id, agoMs],
  );
  await database.pool.query(
    "UPDATE integration.outgoing_target SET ready_at = now() WHERE kind = 'connection' AND id = $1",
    [id],
  );
}

async function timesOf(id: string): Promise<{ inMs: number | null; tries: number }> {
  const { rows } = await database.pool.query(
    `SELECT extract(epoch FROM health_due_at - now())::float8 * 1000 AS "inMs", health_tries AS tries
     FROM integration.connection WHERE id = $1`,
    [id],
  );
  return rows[0];
}

async function eventsOf(id: string): Promise<string[]> {
  const { rows } = await database.pool.query(
    `SELECT event_name FROM integration.outbox_event WHERE aggregate_id = $1
       AND event_name ~ '(failing|recovered|degraded)$' ORDER BY position`,
    [id],
  );
  return rows.map(({ event_name: name }) => name);
}

describe('the health of a connection', () => {
  it('is looked at when its time has come, and an event is published for a change only', async () => {
    const id = await enabled();
    const first = await timesOf(id);
    expect(first.inMs).toBeGreaterThan(-1_000);
    expect(first.inMs).toBeLessThanOrEqual(INTERVAL_MS);
    for (const status of [200, 403, 403, 200, 200]) {
      await timeComes(id);
      provider.next('/me').answers(status, {});
      expect(await runDue()).toBe(1);
    }
    expect(await eventsOf(id)).toEqual([
      'integration.connection.failing',
      'integration.connection.recovered',
    ]);
    const { inMs, tries } = await timesOf(id);
    expect(tries).toBe(0);
    expect(inMs).toBeGreaterThan(INTERVAL_MS * 0.9 - 10_000);
    expect(inMs).toBeLessThanOrEqual(INTERVAL_MS * 1.1);
    // Nothing is due now, and nothing is asked.
    const { length } = provider.requests;
    expect(await runDue()).toBe(0);
    expect(provider.requests).toHaveLength(length);
  });

  it('is not looked at while it is disabled', async () => {
    const id = await enabled();
    await acme().disable(id);
    expect((await timesOf(id)).inMs).toBeNull();
    await timeComes(id);
    await runDue();
    expect(provider.requests).toEqual([]);
  });

  it('has another time after a look that did not come to its end, later each time', async () => {
    const id = await enabled();
    const { partsOfWork } = app.context.get(ConnectorsEngine);
    const store = new ConnectionWorkStore(partsOfWork.db);
    const of = { tenantId: 'acme', id };
    const waits: number[] = [];
    for (let deaths = 0; deaths < 3; deaths++) {
      await timeComes(id);
      // It dies here. Of two that come, one gets it.
      const claims = await Promise.all([
        store.claimHealth(of, INTERVAL_MS),
        store.claimHealth(of, INTERVAL_MS),
      ]);
      expect(claims.filter(Boolean)).toHaveLength(1);
      waits.push((await timesOf(id)).inMs ?? 0);
    }
    expect((await timesOf(id)).tries).toBe(3);
    expect(waits[1]).toBeGreaterThan(INTERVAL_MS * 1.7);
    expect(waits[2]).toBeGreaterThan(INTERVAL_MS * 3.5);
  });

  it('of many that nobody was there for is spread anew, and not looked at at once', async () => {
    const ids = [await enabled(), await enabled(), await enabled(), await enabled()];
    for (const id of ids) await timeComes(id, INTERVAL_MS);
    await runDue();
    expect(provider.requests).toEqual([]);
    const times = await Promise.all(ids.map(timesOf));
    expect(new Set(times.map(({ inMs }) => Math.round((inMs ?? 0) / 1_000))).size).toBeGreaterThan(1);
    expect(times.every(({ tries }) => tries === 0)).toBe(true);
  });

  it('gets a time for connections of before, which were enabled without one', async () => {
    const id = await enabled();
    await database.pool.query('UPDATE integration.connection SET health_due_at = NULL');
    await database.pool.query("DELETE FROM integration.outgoing_target WHERE kind = 'connection'");
    const { database: db } = app.context.get(ConnectorsEngine);
    expect(await db.transaction((session) => app.context.get(ConnectorsStart).giveHealthTimes(session))).toBe(
      false,
    );
    expect((await timesOf(id)).inMs).not.toBeNull();
    await timeComes(id);
    expect(await runDue()).toBe(1);
    expect(provider.requests).toHaveLength(1);
  });
});
