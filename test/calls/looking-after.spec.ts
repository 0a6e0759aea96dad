import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type * as pg from 'pg';
import { CallLookStore } from '../../src/calls/call-look.store.js';
import type { CallCounts } from '../../src/calls/index.js';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { settingsChannelOf } from '../../src/wakeups/wakeup.store.js';
import { startApp, type TestApp } from '../support/app.js';
import { CALL, CALL_DATA, withCall } from '../support/call-rows.js';
import { runCommand, runJsonCommand } from '../support/command.js';
import { emptyTablesAnew } from '../support/empty-tables.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const OTHER = '00000000-0000-7000-8000-000000000003';

let database: TestDatabase;
let app: TestApp;
let look: CallLookStore;

beforeAll(async () => {
  database = await createTestDatabase();
  app = await startApp(database, []);
  look = new CallLookStore(app.context.get(EngineDatabase, { strict: false }));
});
afterEach(() =>
  emptyTablesAnew(
    database.pool,
    'integration.external_call',
    'integration.external_call_report',
    'integration.outgoing_target',
  ),
);
afterAll(async () => {
  await app.close();
  await database.drop();
});

const change = (columns: string, id: string) =>
  database.pool.query(`UPDATE integration.external_call SET ${columns} WHERE id = $1`, [id]);

describe('calls of which nobody knows whether they were taken', () => {
  it('say so in the list as the filter does, whether they go on or have failed', async () => {
    await withCall(database, { id: CALL });
    await withCall(database, { id: OTHER, status: 'requested' });
    await change(`error = '{"code": "INTEGRATION_CALL_OUTCOME_UNKNOWN", "message": "who knows"}'`, CALL);
    await change('is_unknown = true', OTHER);
    const { calls } = await look.page({ isOutcomeUnknown: true }, undefined, 10);
    expect(calls.map(({ id, isOutcomeUnknown }) => [id, isOutcomeUnknown])).toEqual([
      [OTHER, true],
      [CALL, true],
    ]);
    expect(await look.page({ isOutcomeUnknown: false }, undefined, 10)).toEqual({ calls: [], next: null });
  });
});

describe('the counts of calls', () => {
  it('have those that go on, and those that have ended within a day', async () => {
    await withCall(database, { id: CALL });
    await withCall(database, { id: OTHER, status: 'processing' });
    const shown = ({ items }: CallCounts) =>
      items.map(({ type, status, calls, outcomeUnknown }) => [type, status, calls, outcomeUnknown]);
    const both = await look.counts();
    expect(shown(both)).toEqual([
      ['tts', 'failed', 1, 0],
      ['tts', 'processing', 1, 0],
    ]);
    expect(both.atLeast).toBe(false);
    await change(`ended_at = now() - interval '25 hours'`, CALL);
    await change('is_unknown = true', OTHER);
    expect(shown(await look.counts())).toEqual([['tts', 'processing', 1, 1]]);
  });
});

describe('calls show', () => {
  it('shows the timeline and what comes next, and what was asked and answered only with --with-data', async () => {
    await withCall(database, { status: 'processing' });
    const { stdout } = await runCommand(['calls', 'show', CALL], database);
    expect(stdout).toMatch(/^Next +the other system is asked how far it is, at 2126-11-25T20:00:00Z$/m);
    expect(stdout).toMatch(/^Deadline +fails at 2126-11-26T20:00:00Z$/m);
    expect(stdout).toMatch(/^2 +\S+ +completed +webhook\.acme +no, kept +3, last/m);
    expect(stdout).not.toContain(CALL_DATA);
    const { result } = await runJsonCommand(['calls', 'show', CALL], database);
    expect(result).toMatchObject({ next: 'poll', call: { status: 'processing' } });
    expect(JSON.stringify(result)).not.toContain(CALL_DATA);
    const whole = await runCommand(['calls', 'show', CALL, '--with-data'], database);
    expect(whole.stdout).toMatch(new RegExp(`^Request:\n.*${CALL_DATA}.*Report 2:\n.*${CALL_DATA}`, 'ms'));
  });
});

describe('a command that changes a call', () => {
  it('tells the owners of its lane', async () => {
    await withCall(database, { status: 'processing' });
    const listener: pg.PoolClient = await database.pool.connect();
    try {
      const told = new Promise<string | undefined>((resolve) => {
        listener.on('notification', ({ payload }) => resolve(payload));
      });
      await listener.query(`LISTEN "${settingsChannelOf('integration')}"`);
      const { stdout } = await runCommand(['calls', 'check', CALL, '--yes'], database);
      expect(stdout).toContain('the other system is asked how far it is');
      expect(await told).toBe('lanes call.tts');
    } finally {
      listener.release(true);
    }
  });

  it('says what became of the call: it is due, repeated by a new one, or canceled', async () => {
    await withCall(database, { status: 'requested', attempts: 0 });
    expect((await runCommand(['calls', 'retry', CALL, '--yes'], database)).stdout).toBe(
      `Call ${CALL} is begun now.\n`,
    );
    expect((await runCommand(['calls', 'cancel', CALL, '--yes'], database)).stdout).toBe(
      `Call ${CALL} is canceled.\n`,
    );
    const again = await runCommand(['calls', 'cancel', CALL, '--yes'], database);
    expect([again.status, again.stderr]).toEqual([1, expect.stringContaining('has ended already')]);
    await withCall(database, { id: OTHER });
    const { result } = await runJsonCommand(['calls', 'retry', OTHER, '--yes'], database);
    const { calls } = await look.page({ status: 'requested' }, undefined, 10);
    expect(calls).toMatchObject([{ id: result.repeatedBy, retryOf: OTHER }]);
  });
});
