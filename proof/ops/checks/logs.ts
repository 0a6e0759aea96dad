import { randomUUID } from 'node:crypto';
import { until } from '../../harness/wait.js';
import { AdminApi } from '../admin-api.js';
import { FAILURE_KINDS, type OpsEvent } from '../processes/application-protocol.js';
import { FAILING_TABLES } from '../processes/failures.store.js';
import type { OpsCheck } from './ops-check.js';

const CONSUMER = {
  name: 'billing',
  eventNames: ['thing.*'],
  kind: 'effects' as const,
  maxAttempts: 2,
  timeoutMs: 1_000,
};

/** Payloads with texts that must be nowhere else, and handlers that fail in every way. */
export const logs: OpsCheck = {
  name: 'logs',
  shows: 'no payload in a log line, while handlers fail in all ways and requests are refused',
  run: async ({ database, processes, report }) => {
    await database.query(FAILING_TABLES);
    const application = processes.application({
      databaseUrl: database.url,
      role: 'all',
      consumers: [CONSUMER],
      telemetry: { spans: true, metrics: true },
      sampled: 1,
      writesSpans: true,
    });
    const api = await AdminApi.of(application);
    const events = FAILURE_KINDS.flatMap((failsAs): OpsEvent[] =>
      // A retry that succeeds, and one that fails until the event is dead.
      [1, 100].map((failures) => ({
        eventName: `thing.${failsAs}`,
        aggregate: `${failsAs}-${failures}`,
        toDo: { failsAs, failures, secret: `secret-${randomUUID()}` },
      })),
    );
    await application.ask({ kind: 'publish-events', events });
    const dead = FAILURE_KINDS.length - ['skip', 'unavailable'].length;
    await until('every event that fails for good is a dead letter', async () => {
      const { items } = await api.must<{ items: unknown[] }>('GET', '/dead-letters');
      return items.length >= dead - ['non-retryable'].length;
    });
    const secretInRequest = `secret-${randomUUID()}`;
    await api.send('POST', '/operations', {
      kind: 'redrive',
      consumer: CONSUMER.name,
      nonsense: secretInRequest,
    });
    await api.send('PATCH', '/settings', { values: { [secretInRequest]: 1 } });
    const plan = await api.must<{ id: string }>('POST', '/operations', {
      kind: 'redrive',
      consumer: CONSUMER.name,
    });
    await api.must('POST', `/operations/${plan.id}/run`, {});
    await until('the redrive has ended', async () => {
      const { state } = await api.must<{ state: string }>('GET', `/operations/${plan.id}`);
      return state === 'done';
    });
    await application.close();

    const lines = application.log.split('\n');
    const planted = [...events.map(({ toDo }) => toDo?.secret ?? ''), secretInRequest];
    const found = lines.filter((line) => planted.some((secret) => line.includes(secret)));
    report.figure('logs-lines', lines.length);
    report.figure('logs-secrets-planted', planted.length);
    report.atLeast('logs-kinds-of-failure-said', kindsSaid(application.log), 6);
    report.exactly('logs-lines-with-a-payload', found.length, 0);
    for (const line of found.slice(0, 5)) console.log(`         found: ${line.slice(0, 300)}`);
  },
};

/** How many of the handler's own messages the log has: without them the search would prove nothing. */
function kindsSaid(log: string): number {
  const messages = [
    'the handler failed',
    'the call failed',
    'there is no such thing',
    'the other side has too much to do',
    'the other side is being moved',
    'duplicate key value violates unique constraint',
    'violates check constraint',
  ];
  return messages.filter((message) => log.includes(message)).length;
}
