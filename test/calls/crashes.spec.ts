import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, type Type } from '@nestjs/common';
import { type CallOf, type CallUpdate, ExternalCallType } from '../../src/calls/index.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type CallApp, startCallApp, stepsOf, untilEnded } from './call-app.js';

const said: string[] = [];

@Injectable()
@ExternalCallType({ type: 'pay', unknownOutcome: 'retry', maxAttempts: 3 })
class Retried {
  async start({ id }: CallOf): Promise<CallUpdate> {
    said.push(`start ${id}`);
    return { phase: 'completed', result: 1 };
  }
}

@Injectable()
@ExternalCallType({ type: 'pay', unknownOutcome: 'fail' })
class Failed extends Retried {}

@Injectable()
@ExternalCallType({ type: 'pay' })
class Found extends Retried {
  async find({ id, request }: CallOf<{ there: boolean }>): Promise<CallUpdate | 'never-started'> {
    said.push(`find ${id}`);
    return request.there ? { phase: 'completed', result: 2, externalId: `x-${id}` } : 'never-started';
  }
}

describe('a call that a dead process had begun', () => {
  let database: TestDatabase;
  let app: CallApp | undefined;

  beforeEach(async () => {
    said.length = 0;
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
    await database.drop();
  });

  /** Calls as a process leaves them that is killed while it runs them. */
  async function leftBehind(requests: readonly unknown[], attempt = 1, crashes = 0): Promise<string[]> {
    const publisher = await startCallApp(database, [Retried], { role: 'publisher' });
    const ids: string[] = [];
    for (const request of requests) ids.push((await publisher.calls.create(Retried, { request })).callId);
    await publisher.close();
    await database.pool.query(
      `UPDATE integration.external_call SET owner_token = gen_random_uuid(), attempt = $1, crashes = $2`,
      [attempt, crashes],
    );
    return ids;
  }

  const start = async (type: Type) => {
    app = await startCallApp(database, [type]);
    return app;
  };

  it('is started again with the same key, where the type says so', async () => {
    const [id = ''] = await leftBehind([{}]);
    const call = await untilEnded(await start(Retried), id);
    expect(call).toMatchObject({ status: 'completed', attempts: 2 });
    expect(said).toEqual([`start ${id}`]);
  });

  it('fails where the type says so, and is not started', async () => {
    const [id = ''] = await leftBehind([{}]);
    const call = await untilEnded(await start(Failed), id);
    expect(call).toMatchObject({ status: 'failed', error: { code: 'INTEGRATION_CALL_OUTCOME_UNKNOWN' } });
    expect(said).toEqual([]);
    expect(await stepsOf(database, id)).toEqual(['requested', 'initialized', 'failed']);
  });

  it('is asked for first, and started only if the other system does not have it', async () => {
    const [there = '', lost = ''] = await leftBehind([{ there: true }, { there: false }]);
    const running = await start(Found);
    expect(await untilEnded(running, there)).toMatchObject({ result: 2, externalId: `x-${there}` });
    expect(await untilEnded(running, lost)).toMatchObject({ result: 1, attempts: 2 });
    expect([...said].sort()).toEqual([`find ${lost}`, `find ${there}`, `start ${lost}`].sort());
    expect(said.indexOf(`find ${lost}`)).toBeLessThan(said.indexOf(`start ${lost}`));
  });

  it('is not started more often than its attempts say', async () => {
    const [id = ''] = await leftBehind([{}], 3);
    const call = await untilEnded(await start(Retried), id);
    expect(call).toMatchObject({ status: 'failed', error: { code: 'INTEGRATION_CALL_OUTCOME_UNKNOWN' } });
    expect(said).toEqual([]);
  });

  it('is not run at all if it has ended one process after another', async () => {
    const [id = ''] = await leftBehind([{ there: false }], 1, 5);
    const call = await untilEnded(await start(Found), id);
    expect(call).toMatchObject({ status: 'failed', error: { code: 'INTEGRATION_CALL_OUTCOME_UNKNOWN' } });
    expect(said).toEqual([]);
  });
});

let running = 0;
let most = 0;

@Injectable()
@ExternalCallType({ type: 'pay', unknownOutcome: 'retry' })
class Counted {
  async start(): Promise<CallUpdate> {
    running++;
    most = Math.max(most, running);
    // Others have their chance to begin meanwhile.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    running--;
    return { phase: 'completed', result: 1 };
  }
}

describe('calls that a dead process had begun together', () => {
  it('run one by one, with nothing beside them', async () => {
    const database = await createTestDatabase();
    const publisher = await startCallApp(database, [Counted], { role: 'publisher' });
    const ids: string[] = [];
    for (let n = 0; n < 8; n++)
      ids.push((await publisher.calls.create(Counted, { request: n, group: `g${n}` })).callId);
    await publisher.close();
    await database.pool.query(
      `UPDATE integration.external_call SET owner_token = gen_random_uuid(), attempt = 1`,
    );
    const app = await startCallApp(database, [Counted]);
    for (const id of ids)
      expect(await untilEnded(app, id)).toMatchObject({ status: 'completed', attempts: 2 });
    expect(most).toBe(1);
    await app.close();
    await database.drop();
  });
});
