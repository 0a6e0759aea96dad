import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { callsExtension } from '../../src/calls/calls-extension.js';
import {
  type CallOf,
  CallsModule,
  type CallUpdate,
  ExternalCallsService,
  ExternalCallType,
} from '../../src/calls/index.js';
import type { DomainEvent } from '../../src/index.js';
import { Saga, type SagaContext, SagaStart, SagaStep } from '../../src/sagas/index.js';
import { sagasExtension } from '../../src/sagas/sagas-extension.js';
import { event, type SagaApp, startSagaApp, untilSagaSettled } from '../sagas/saga-app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { TestSdk } from './sdk.js';

/* What OpenTelemetry hears of sagas and of calls. */

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/guide/operate/telemetry.md'), 'utf8');
const OUTCOME = 'nestjs_integration.outcome';
const STEP = 'nestjs_integration.saga.step';
const METHOD = 'nestjs_integration.call.method';

type How = 'at-once' | 'later' | 'late';

@Injectable()
@ExternalCallType({ type: 'print', unknownOutcome: 'retry' })
class PrintCalls {
  async start({ id, request }: CallOf<How>): Promise<CallUpdate> {
    return request === 'at-once'
      ? { phase: 'completed', result: null }
      : { phase: 'processing', externalId: `x-${id}` };
  }
}

const keyOf = ({ aggregateId }: DomainEvent) => aggregateId;

@Saga({ name: 'walk', steps: ['on the way'] })
class Walk {
  @SagaStart('walk.begun', { key: keyOf })
  begun(_: DomainEvent, saga: SagaContext): void {
    saga.become('on the way');
  }

  @SagaStep('walk.done', { key: keyOf, in: 'on the way' })
  done(_: DomainEvent, saga: SagaContext): void {
    saga.complete();
  }
}

let database: TestDatabase;
let sdk: TestSdk;
let app: SagaApp;

beforeAll(async () => {
  database = await createTestDatabase();
  sdk = new TestSdk();
  sdk.register();
  app = await startSagaApp(database, [Walk, PrintCalls], { telemetry: { metrics: true } }, [
    CallsModule.forRoot(),
  ]);
});
afterAll(async () => {
  await app?.close();
  await sdk?.unregister();
  await database?.drop();
});

/** The values of a metric by one of its attributes. */
async function valuesOf(name: string, attribute: string): Promise<Record<string, number>> {
  const readings = (await sdk.readings()).filter((each) => each.name === `nestjs_integration.${name}`);
  return Object.fromEntries(readings.map(({ attributes, value }) => [attributes[attribute], value]));
}

describe('the metrics of sagas', () => {
  it('count steps by the step before, ends, and events that had to wait', async () => {
    await app.api.publishEvents([event('walk.done', 'early'), event('walk.begun', 'early')]);
    await app.api.publishEvent(event('walk.begun', 'second'));
    await untilSagaSettled(database, 'walk');
    await until('the saga has ended', async () => (await app.sagas.get('walk', 'early'))?.endedAt !== null);
    expect(await valuesOf('saga.steps', STEP)).toEqual({ started: 2, 'on the way': 1 });
    expect(await valuesOf('saga.step.duration', STEP)).toEqual({ 'on the way': 1 });
    expect(await valuesOf('saga.ended', OUTCOME)).toEqual({ completed: 1 });
    expect(await valuesOf('saga.waiting', 'messaging.consumer.group.name')).toEqual({ 'saga.walk': 1 });
  });
});

describe('the metrics of calls', () => {
  it('count attempts, ends of each kind, and reports that have changed nothing', async () => {
    const calls = app.context.get(ExternalCallsService);
    const create = async (request: How) => (await calls.create(PrintCalls, { request })).callId;
    const untilStatus = (id: string, status: string) =>
      until(`call ${id} is ${status}`, async () => (await calls.get(id))?.status === status);
    await untilStatus(await create('at-once'), 'completed');

    const later = await create('later');
    await untilStatus(later, 'processing');
    const done = { phase: 'completed', result: null } as const;
    await calls.report({ callId: later }, done);
    await calls.report({ callId: later }, done);
    await calls.report({ type: 'print', externalId: 'of nobody' }, done);

    const late = await create('late');
    await untilStatus(late, 'processing');
    await database.pool.query(
      `UPDATE integration.external_call SET deadline_at = now() - interval '1 second' WHERE id = $1`,
      [late],
    );
    await untilStatus(late, 'failed');

    // Ends are counted behind their commit.
    await until('all ends are counted', async () => {
      const counts = Object.values(await valuesOf('calls.ended', OUTCOME));
      return counts.reduce((sum, count) => sum + count, 0) === 3;
    });
    expect(await valuesOf('calls.attempts', METHOD)).toEqual({ start: 3 });
    expect(await valuesOf('calls.attempt.duration', METHOD)).toEqual({ start: 3 });
    expect(await valuesOf('calls.ended', OUTCOME)).toEqual({ completed: 2, failed: 1 });
    expect(await valuesOf('calls.kept', 'messaging.consumer.group.name')).toEqual({
      'integration.calls.print': 2,
    });
  });
});

describe.each([
  ['SagasModule', sagasExtension],
  ['CallsModule', callsExtension],
])('the guide on the metrics of %s', (module, { counters = [], durations = [] }) => {
  it('has all that the part brings, with its unit, and no other', () => {
    const [, table = ''] = PAGE.split(new RegExp(`^\\| with \`${module}\` .*\\n\\|[ -|]*\\|\\n`, 'm'));
    const documented = table
      .split('\n\n', 1)[0]
      ?.split('\n')
      .map((row) => row.split('|').map((cell) => cell.trim().replaceAll('`', '')));
    expect(documented?.map(([, name, unit]) => [name, unit]).sort()).toEqual(
      [...counters, ...durations].map((each) => [each.name, 'unit' in each ? each.unit : 's']).sort(),
    );
  });
});
