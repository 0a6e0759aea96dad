import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { z } from 'zod';
import {
  bearer,
  type ConnectionContext,
  Connector,
  ConnectorAction,
  isEchoOf,
} from '../../src/connectors/index.js';
import type { EventMetadata } from '../../src/index.js';
import { FakeProvider } from '../../src/testing/fake-provider.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type ConnectorApp, startConnectorApp } from './connector-app.js';

let database: TestDatabase;
let provider: FakeProvider;
let app: ConnectorApp;

beforeAll(async () => {
  database = await createTestDatabase();
  provider = await FakeProvider.start({
    accepts: () => true,
    routes: { '/people': [{ id: 1 }], '/wrong': [{ id: 'one' }] },
  });
});
afterAll(async () => {
  await provider.close();
  await database.drop();
});
beforeEach(async () => {
  app = await startConnectorApp(database, [peopleOf(provider)]);
});
afterEach(() => app.close());

function peopleOf({ url }: FakeProvider): Type {
  @Connector({
    key: 'people',
    name: 'People',
    category: 'hr',
    auth: bearer(),
    secrets: z.object({ token: z.string() }),
    http: { baseUrl: url },
  })
  class PeopleConnector {
    @ConnectorAction({
      name: 'list',
      input: z.object({ path: z.string(), limit: z.number().default(10) }),
      output: z.array(z.object({ id: z.number() })),
    })
    list({ path }: { path: string }, { http }: ConnectionContext) {
      return http.get(path);
    }

    @ConnectorAction({ name: 'echo', input: z.object({ n: z.coerce.number() }) })
    echo(input: unknown, { principal, tenantId }: ConnectionContext) {
      return { input, principal, tenantId };
    }

    @ConnectorAction({ name: 'import', input: z.object({ id: z.string() }) })
    import({ id }: { id: string }, { publish, transaction }: ConnectionContext) {
      const event = {
        eventName: 'person.changed',
        sourceModule: 'hr',
        aggregateType: 'person',
        aggregateId: id,
      };
      return transaction(async (tx) => {
        await publish({ ...event, metadata: { origin: 'x', batch: 7 } }, { persistenceClient: tx });
        if (id === 'wrong') throw new Error('no');
      });
    }

    @ConnectorAction({ name: 'count', input: z.unknown() })
    count(_: unknown, { progress }: ConnectionContext) {
      for (const done of [1, 2]) progress({ done, total: 2 });
      return 'counted';
    }

    @ConnectorAction({ name: 'hang', input: z.unknown(), timeoutMs: 50 })
    hang() {
      return new Promise(() => {});
    }
  }
  return PeopleConnector;
}

async function connection(actions?: string[]): Promise<{ connectionId: string; tenantId: string }> {
  const tenant = app.connections.forTenant('acme');
  const { id } = await tenant.create({ connector: 'people', name: 'P', secrets: { token: 't' }, actions });
  await tenant.enable(id);
  return { connectionId: id, tenantId: 'acme' };
}

describe('an action', () => {
  it('gets its input, and gives its output, as the schemas make them', async () => {
    const of = await connection();
    expect(await app.connectors.run('people', 'list', { path: '/people' }, of)).toEqual([{ id: 1 }]);
    const { keyId } = await app.connections.forTenant('acme').get(of.connectionId);
    expect(await app.connectors.run('people', 'echo', { n: '7' }, of)).toEqual({
      input: { n: 7 },
      tenantId: 'acme',
      principal: { id: `integration:${of.connectionId}`, keyId, actions: null },
    });
  });

  it.each([
    ['input', { path: 7 }],
    ['output', { path: '/wrong' }],
  ])('is refused where its %s does not fit, without the values', async (of, input) => {
    await expect(app.connectors.run('people', 'list', input, await connection())).rejects.toMatchObject({
      code: 'INTEGRATION_ACTION_INVALID',
      details: { of, problems: [{ path: expect.stringContaining(of) }] },
    });
  });

  it('that the connection may not do is refused, and that stands in the audit', async () => {
    const of = await connection(['echo']);
    await app.connectors.run('people', 'echo', { n: 1 }, of);
    await expect(
      app.connectors.run('people', 'list', { path: '/people' }, { ...of, by: 'ann' }),
    ).rejects.toMatchObject({ code: 'INTEGRATION_CONNECTION_NOT_ALLOWED' });
    const { rows } = await database.pool.query(
      `SELECT actor, action, outcome, after FROM integration.integration_audit WHERE target = $1 AND outcome = 'denied'`,
      [`connection/${of.connectionId}`],
    );
    expect(rows).toEqual([
      { actor: 'ann', action: 'connections.run', outcome: 'denied', after: { action: 'list' } },
    ]);
  });

  it('says how far it has come to whoever runs it, whose mistakes do not fail it', async () => {
    const of = await connection();
    const heard: unknown[] = [];
    const onProgress = (now: unknown) => {
      heard.push(now);
      throw new Error('the screen is off');
    };
    expect(await app.connectors.run('people', 'count', null, { ...of, onProgress })).toBe('counted');
    expect(heard).toEqual([
      { done: 1, total: 2 },
      { done: 2, total: 2 },
    ]);
    expect(await app.connectors.run('people', 'count', null, of)).toBe('counted');
  });

  it('that hangs ends with its time', async () => {
    await expect(app.connectors.run('people', 'hang', null, await connection())).rejects.toMatchObject({
      code: 'INTEGRATION_ACTION_TIMEOUT',
    });
  });

  it('ends when the caller wants no answer', async () => {
    const ending = new AbortController();
    const given = { ...(await connection()), signal: ending.signal };
    const running = app.connectors.run('people', 'hang', null, given);
    ending.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
  });

  it('that does not exist is refused, with the nearest one', async () => {
    await expect(app.connectors.run('people', 'lst', {}, await connection())).rejects.toThrow(
      'did you mean list?',
    );
  });

  it('of a connection of another tenant, or of another connector, is refused', async () => {
    const of = await connection();
    await expect(
      app.connectors.run('people', 'echo', { n: 1 }, { ...of, tenantId: 'evil' }),
    ).rejects.toMatchObject({ code: 'INTEGRATION_CONNECTION_UNKNOWN' });
  });

  it('publishes what came from the other system with its tenant and its origin, and an echo is known', async () => {
    const of = await connection();
    await expect(app.connectors.run('people', 'import', { id: 'wrong' }, of)).rejects.toThrow('no');
    await app.connectors.run('people', 'import', { id: 'right' }, of);
    const { rows } = await database.pool.query<{ id: string; metadata: EventMetadata }>(
      `SELECT aggregate_id AS id, metadata FROM integration.outbox_event WHERE event_name = 'person.changed'`,
    );
    expect(rows).toMatchObject([{ id: 'right', metadata: { tenantId: 'acme', batch: 7 } }]);
    const [event] = rows;
    expect(event && isEchoOf(event, { id: of.connectionId })).toBe(true);
    expect(event && isEchoOf(event, { id: 'another' })).toBe(false);
    expect(isEchoOf({ metadata: {} }, { id: of.connectionId })).toBe(false);
  });
});
