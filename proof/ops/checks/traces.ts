import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProofProcess } from '../../harness/child-process.js';
import { until } from '../../harness/wait.js';
import { AdminApi } from '../admin-api.js';
import type { ApplicationSetup, WrittenSpan } from '../processes/application-protocol.js';
import type { OpsCheck, OpsStage } from './ops-check.js';

const CONSUMER = { name: 'billing', eventNames: ['thing.*'], kind: 'effects' as const, maxAttempts: 2 };
const HOLD_MS = 3_000;

/** A publisher and workers in processes of their own. Their spans are put together by the events' ids. */
export const traces: OpsCheck = {
  name: 'traces',
  shows:
    'spans of handlers are linked to the publisher in another process: after a retry, a redrive and a kill',
  run: async (stage) => {
    const { database, processes, report } = stage;
    const traced = {
      databaseUrl: database.url,
      telemetry: { spans: true },
      sampled: 1,
      writesSpans: true,
    } satisfies Partial<ApplicationSetup>;
    const publisher = processes.application({ ...traced, role: 'publisher' });
    const worker = () => processes.application({ ...traced, role: 'worker', consumers: [CONSUMER] });
    const api = await AdminApi.of(publisher);
    const first = await worker().ready();

    const [retried = '', redriven = ''] = await publisher.ask<string[]>({
      kind: 'publish-events',
      events: [
        { eventName: 'thing.retried', aggregate: 'a', toDo: { failures: 1 } },
        { eventName: 'thing.redriven', aggregate: 'b', toDo: { failures: 2 } },
      ],
    });
    await attempted(stage, retried, 2);
    await attempted(stage, redriven, 2);
    await until('there is a dead letter', async () => {
      const { items } = await api.must<{ items: unknown[] }>('GET', '/dead-letters');
      return items.length === 1;
    });
    const plan = { kind: 'redrive', consumer: CONSUMER.name };
    const { id } = await api.must<{ id: string }>('POST', '/operations', plan);
    await api.must('POST', `/operations/${id}/run`, {});
    // A redrive gives an event all its attempts again.
    await attempted(stage, redriven, 4);

    const [killed = ''] = await publisher.ask<string[]>({
      kind: 'publish-events',
      events: [{ eventName: 'thing.killed', aggregate: 'c', toDo: { holdMs: HOLD_MS } }],
    });
    await until('the handler holds', () => first.holdings.some(({ eventId }) => eventId === killed));
    await first.kill();
    const second = await worker().ready();
    await attempted(stage, killed, 1);
    await Promise.all([second.close(), publisher.close()]);

    const spans = processes.all.flatMap((each) => spansOf(stage, each));
    const linked = (name: string) => linkedOf(spans, name);
    report.exactly('traces-attempts-linked-after-a-retry', linked('thing.retried'), 2);
    report.exactly('traces-attempts-linked-after-a-redrive', linked('thing.redriven'), 4);
    report.exactly('traces-spans-of-the-killed-attempt', linkedOf(spansOf(stage, first), 'thing.killed'), 0);
    report.exactly('traces-attempts-linked-after-a-kill', linked('thing.killed'), 1);
    report.exactly('traces-handler-spans-without-a-link', unlinked(spans), 0);
  },
};

/** Waits until `attempts` attempts of an event have written their span. */
async function attempted(stage: OpsStage, eventId: string, attempts: number): Promise<void> {
  await until(`${attempts} attempts have ended`, () => {
    const spans = stage.processes.all.flatMap((each) => spansOf(stage, each));
    return spans.filter((span) => isHandling(span) && messageOf(span) === eventId).length >= attempts;
  });
}

function spansOf({ folder }: OpsStage, { name }: ProofProcess): WrittenSpan[] {
  const text = readFileSync(join(folder, `${name}.spans`), 'utf8');
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return lines.filter(Boolean).map((line) => JSON.parse(line) as WrittenSpan);
}

function isHandling({ name }: WrittenSpan): boolean {
  return name.startsWith('process ');
}

function messageOf({ attributes }: WrittenSpan): unknown {
  return attributes['messaging.message.id'];
}

/** How many spans of handlers of this event name have a link to the one span that published it. */
function linkedOf(spans: readonly WrittenSpan[], eventName: string): number {
  const [publisher] = spans.filter(({ name }) => name === `publish ${eventName}`);
  return spans.filter(
    ({ name, traceId, links }) =>
      name === `process ${eventName}` &&
      traceId !== publisher?.traceId &&
      links.some((link) => link.traceId === publisher?.traceId && link.spanId === publisher.spanId),
  ).length;
}

function unlinked(spans: readonly WrittenSpan[]): number {
  return spans.filter((span) => isHandling(span) && span.links.length === 0).length;
}
