import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DoctorService, type DomainEvent } from '../../src/index.js';
import { MaintenanceJob } from '../../src/maintenance/maintenance.job.js';
import { Saga, type SagaContext, SagaStart, SagaStep, SagaTimeout } from '../../src/sagas/index.js';
import { sagasExtension } from '../../src/sagas/sagas-extension.js';
import { sagaOf } from '../../src/testing/index.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { TestSdk } from '../telemetry/sdk.js';
import { event, type SagaApp, startSagaApp, untilSagaSettled } from './saga-app.js';

const keyOf = ({ aggregateId }: DomainEvent) => aggregateId;

@Saga({ name: 'visit', steps: ['inside'] })
class VisitSaga {
  @SagaStart('visit.begun', { key: keyOf })
  async begun({ payload }: DomainEvent<{ until?: string }>, saga: SagaContext): Promise<void> {
    saga.state = {};
    if (payload.until !== undefined) await saga.timeout('closing', { at: new Date(payload.until) });
  }

  @SagaStep('visit.entered', { key: keyOf, in: 'started' })
  entered(_: DomainEvent, saga: SagaContext): void {
    saga.become('inside');
  }

  @SagaStep('visit.bought', { key: keyOf, in: 'inside' })
  bought(): void {}

  @SagaStep('visit.over', { key: keyOf })
  over(_: DomainEvent, saga: SagaContext): void {
    saga.complete();
  }

  @SagaTimeout('closing')
  closing(): void {}
}

describe('who looks after sagas', () => {
  let database: TestDatabase;
  let app: SagaApp;
  let sdk: TestSdk;

  beforeAll(async () => {
    database = await createTestDatabase();
    sdk = new TestSdk();
    sdk.register();
    app = await startSagaApp(database, [VisitSaga], { telemetry: { metrics: true } });
  });
  afterAll(async () => {
    await app?.close();
    await sdk?.unregister();
    await database?.drop();
  });

  const happen = async (...events: [name: string, key: string, payload?: object][]) => {
    await app.api.publishEvents(events.map(([name, key, payload]) => event(name, key, payload)));
    await untilSagaSettled(database, 'visit');
  };

  it('lists them by filters, and in pages that lose none', async () => {
    await happen(
      ['visit.begun', 'a'],
      ['visit.begun', 'b'],
      ['visit.entered', 'b'],
      ['visit.begun', 'c'],
      ['visit.over', 'c'],
    );
    const keys = async (...args: Parameters<typeof app.sagas.list>) =>
      (await app.sagas.list(...args)).sagas.map(({ key }) => key).sort();
    expect(await keys({ saga: 'visit' })).toEqual(['a', 'b', 'c']);
    expect(await keys({ status: 'completed' })).toEqual(['c']);
    expect(await keys({ step: 'inside' })).toEqual(['b']);
    expect(await keys({ tenantId: 'nobody' })).toEqual([]);
    const first = await app.sagas.list({}, { limit: 2 });
    const second = await app.sagas.list({}, { limit: 2, after: first.next ?? undefined });
    expect([...first.sagas, ...second.sagas].map(({ key }) => key).sort()).toEqual(['a', 'b', 'c']);
    expect(second.next).toBeNull();
    await expect(app.sagas.list({ status: 'open' as 'active' })).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
    });
    await expect(app.sagas.get('visit', '')).rejects.toMatchObject({ code: 'INTEGRATION_ADMIN_INVALID' });
  });

  it('sees one with its history in a test', async () => {
    expect(await sagaOf(app.context, 'visit', 'b')).toMatchObject({
      step: 'inside',
      history: [{ name: 'visit.begun' }, { name: 'visit.entered' }],
    });
    expect(await sagaOf(app.context, 'visit', 'nobody')).toBeUndefined();
  });

  it('is told by the doctor of those that do not go on, but not of those that have a timeout to come', async () => {
    await happen(['visit.begun', 'd', { until: '2126-01-01T00:00:00.000Z' }]);
    await database.pool.query(
      `UPDATE integration.saga_instance SET changed_at = changed_at - interval '73 hours' WHERE key IN ('b', 'c', 'd')`,
    );
    const { findings } = await app.context.get(DoctorService, { strict: false }).examine();
    const stuck = findings.filter(({ check }) => check === 'saga-stuck');
    expect(stuck.map(({ details }) => details)).toEqual([{ saga: 'visit', key: 'b', step: 'inside' }]);
    expect(stuck[0]?.fix).toContain('sagas show visit b');
    const keys = async (isStuck: boolean) =>
      (await app.sagas.list({ stuck: isStuck })).sagas.map(({ key }) => key).sort();
    expect([await keys(true), await keys(false)]).toEqual([['b'], ['a', 'c', 'd']]);
    expect((await app.sagas.get('visit', 'b'))?.stuck).toBe(true);
  });

  it('sees in which steps they are, since when, and how many of them are stuck', async () => {
    const { steps, atLeast } = await app.sagas.steps();
    expect(atLeast).toBe(false);
    expect(steps).toMatchObject([
      { saga: 'visit', step: 'inside', sagas: 1, stuck: 1 },
      { saga: 'visit', step: 'started', sagas: 2, stuck: 0 },
    ]);
    const b = await app.sagas.get('visit', 'b');
    expect(steps[0]).toMatchObject({ oldestChangeAt: b?.changedAt, medianChangeAt: b?.changedAt });
    const d = await app.sagas.get('visit', 'd');
    // The older one of two is the oldest, and half of them.
    expect(steps[1]).toMatchObject({ oldestChangeAt: d?.changedAt, medianChangeAt: d?.changedAt });
  });

  it('sees the ways that were taken, how often and with which end, and nothing of what was skipped', async () => {
    await happen(['visit.begun', 'f'], ['visit.begun', 'f'], ['visit.entered', 'f'], ['visit.over', 'f']);
    await happen(['visit.bought', 'f']);
    await app.sagas.end('visit', 'd', { outcome: 'canceled', by: 'ops' });
    const ways = await app.sagas.transitions('visit');
    expect(ways.map(({ from, to, outcome, name, times }) => [from, to, outcome, name, times])).toEqual(
      expect.arrayContaining([
        [null, 'started', null, 'visit.begun', 5],
        ['started', 'inside', null, 'visit.entered', 2],
        ['inside', 'inside', 'completed', 'visit.over', 1],
        ['started', 'started', 'completed', 'visit.over', 1],
        ['started', 'started', 'canceled', 'end', 1],
      ]),
    );
    expect(ways).toHaveLength(5);
    await expect(app.sagas.transitions('')).rejects.toMatchObject({ code: 'INTEGRATION_ADMIN_INVALID' });
  });

  it('has what ended long ago deleted, and what has waited in vain', async () => {
    await happen(['visit.begun', 'e'], ['visit.over', 'e'], ['visit.bought', 'never']);
    await database.pool.query(
      `UPDATE integration.saga_instance SET ended_at = ended_at - interval '91 days' WHERE key = 'e';
       UPDATE integration.saga_waiting SET until = until - interval '92 days' WHERE key = 'never'`,
    );
    await app.context.get(MaintenanceJob, { strict: false }).runRound();
    await until('they are gone', async () => {
      const { rows } = await database.pool.query<{ left: string[] }>(
        `SELECT array(SELECT key FROM integration.saga_instance ORDER BY key) AS left`,
      );
      return !rows[0]?.left.includes('e');
    });
    const { rows } = await database.pool.query(
      `SELECT (SELECT count(*)::int FROM integration.saga_waiting) AS waiting,
         (SELECT count(*)::int FROM integration.saga_step s WHERE NOT EXISTS (SELECT FROM integration.saga_instance i WHERE i.id = s.id)) AS orphans`,
    );
    expect(rows).toEqual([{ waiting: 0, orphans: 0 }]);
    expect((await app.sagas.list()).sagas.map(({ key }) => key).sort()).toEqual(['a', 'b', 'c', 'd', 'f']);
  });

  it('sees in metrics how many steps there were, for how long, and how sagas ended', async () => {
    const read = async (name: string) =>
      (await sdk.readings()).filter((each) => each.name === `nestjs_integration.saga.${name}`);
    const of = { 'messaging.consumer.group.name': 'saga.visit' };
    const steps = await read('steps');
    const entered = steps.find((each) => each.attributes['nestjs_integration.saga.step'] === 'started');
    expect(entered?.attributes).toMatchObject(of);
    expect(entered?.value).toBeGreaterThanOrEqual(7);
    const [ended] = await read('ended');
    expect(ended).toMatchObject({
      value: 2,
      attributes: { ...of, 'nestjs_integration.outcome': 'completed' },
    });
    const [waiting] = await read('waiting');
    expect(waiting).toMatchObject({ value: 1, attributes: of });
    expect(await read('step.duration')).not.toEqual([]);
  });

  it('has all of them in the guide', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/guide/operate/telemetry.md'), 'utf8');
    const [, table = ''] = page.split(/^\| with `SagasModule` .*\n\|[ -|]*\|\n/m);
    const documented = [
      ...table
        .split('\n\n', 1)
        .join('')
        .matchAll(/^\| `(\S+)` +\| `(\S+)`/gm),
    ];
    const { counters = [], durations = [] } = sagasExtension;
    expect(documented.map(([, name, unit]) => [name, unit]).sort()).toEqual(
      [...counters.map(({ name, unit }) => [name, unit]), ...durations.map(({ name }) => [name, 's'])].sort(),
    );
  });
});
