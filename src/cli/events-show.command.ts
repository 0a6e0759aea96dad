import { IntegrationError } from '../errors.js';
import type { EventHistory } from '../inbox/inbox-record.js';
import { InboxRecordStore } from '../inbox/inbox-record.store.js';
import type { EventHead } from '../log/event-look.js';
import type { ConsumerDelivery, OutboxEventStatusReport } from '../log/outbox-event.js';
import { OutboxQueryStore } from '../log/outbox-query.store.js';
import { statusesOf } from '../outbox/event-statuses.js';
import type { Command } from './command.js';
import { facts } from './facts.js';
import { checkUuid } from './options.js';
import { type CommandServices, withServices } from './services.js';
import { table } from './table.js';
import { visibleLine } from './terminal-text.js';
import { counted, firstLine, timeText } from './texts.js';
import { WATCH_OPTION } from './watch.js';

type DeliveryWithHistory = ConsumerDelivery & { history: EventHistory | undefined };

/** Shows one event and what each consumer has done with it. */
export const eventsShowCommand: Command = {
  name: 'events show',
  parameters: ['id'],
  options: {
    payload: { type: 'boolean', summary: 'show the payload as well, as the database has it' },
    ...WATCH_OPTION,
  },
  summary: 'show one event: what each consumer has done with it, and the attempts that failed',
  run: (context) => {
    const id = checkUuid(context.arguments[0] ?? '', '<id>');
    return withServices(context, async (services) => {
      const found = await find(services, id, context.options.payload === true);
      if (found === undefined) throw unknownEvent(id);
      const { event, metadata, payload } = found;
      const report = await reportOf(services, event);
      return {
        ok: true,
        data: {
          event,
          metadata,
          status: report.status,
          consumers: report.consumers,
          ...(payload !== undefined && { payload }),
        },
        text: [
          describe(event, report.status),
          deliveries(report.consumers),
          ...report.consumers.flatMap(attempts),
          ...(payload === undefined ? [] : [`Payload:\n${payload}`]),
        ].join('\n\n'),
      };
    });
  },
};

export function unknownEvent(id: string): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_INBOX_UNKNOWN',
    `The log does not have event ${id}: it never had it, or does not keep it any more`,
    {
      id,
    },
  );
}

/**
 * The payload is read only if it is asked for. It and the metadata are texts, so that numbers have every
 * digit.
 */
async function find(
  { events }: CommandServices,
  id: string,
  withPayload: boolean,
): Promise<{ event: EventHead; metadata: string; payload?: string } | undefined> {
  const found = await events.withMetadataText(id);
  if (found === undefined || !withPayload) return found;
  const { payload } = (await events.withPayloadText(id)) ?? {};
  return { ...found, ...(payload !== undefined && { payload }) };
}

async function reportOf(
  { admin }: CommandServices,
  event: EventHead,
): Promise<{ status: OutboxEventStatusReport['status']; consumers: DeliveryWithHistory[] }> {
  const [report] = await statusesOf(new OutboxQueryStore(admin), [event]);
  const rows = new InboxRecordStore(admin);
  const consumers: DeliveryWithHistory[] = [];
  for (const delivery of report?.consumers ?? [])
    consumers.push({
      ...delivery,
      history: await rows.historyOf(event.outboxEventId, delivery.consumerName),
    });
  return { status: report?.status ?? 'unrouted', consumers };
}

function describe(event: EventHead, status: OutboxEventStatusReport['status']): string {
  const { metadata, payloadBytes, availableAt } = event;
  const text = (value: unknown) => (value === undefined || value === null ? null : String(value));
  return facts([
    ['Event', event.outboxEventId],
    ['Name', `${event.eventName}, version ${event.eventVersion}`],
    ['Position', String(event.position)],
    ['Status', status],
    ['Aggregate', `${event.aggregateType} ${event.aggregateId}`],
    ['Module', event.sourceModule],
    ['Written', timeText(event.timestamp)],
    ['Not before', availableAt === null ? null : timeText(availableAt)],
    ['Correlation', text(metadata.correlationId)],
    ['Cause', text(metadata.causationId)],
    ['Key', event.deduplicationKey],
    ['Payload', payloadBytes === null ? null : counted(payloadBytes, 'byte')],
  ]);
}

function deliveries(consumers: readonly DeliveryWithHistory[]): string {
  if (consumers.length === 0) return 'No consumer asks for it.';
  return table(
    ['CONSUMER', 'STATUS', 'ATTEMPTS', 'DUE', 'ERROR'],
    consumers.map(({ consumerName, status, attemptCount, availableAt, lastError }) => [
      consumerName,
      status,
      String(attemptCount),
      timeText(availableAt),
      firstLine(lastError),
    ]),
    ['ERROR'],
  );
}

function attempts({ consumerName, history }: DeliveryWithHistory): string[] {
  if (history === undefined) return [];
  const { attempts: failed, resolution, operationId } = history;
  const lines = [
    ...(failed.length === 0
      ? []
      : [`Attempts of "${consumerName}" that failed, at most the last ten:`, attemptTable(failed)]),
    ...(resolution === null
      ? []
      : [
          `Last decision at "${consumerName}": ${resolution.action} by ${visibleLine(resolution.by)} at ${timeText(new Date(resolution.at))}${resolution.reason === null ? '' : `: ${visibleLine(resolution.reason)}`}`,
        ]),
    ...(operationId === null ? [] : [`By operation ${operationId}`]),
  ];
  return lines.length === 0 ? [] : [lines.join('\n')];
}

function attemptTable(failed: EventHistory['attempts']): string {
  return table(
    ['ATTEMPT', 'BEGAN', 'TOOK', 'PROCESS', 'ERROR'],
    failed.map(({ attempt, at, ms, host, pid, process, error }) => [
      String(attempt),
      timeText(new Date(at)),
      ms === null ? '-' : `${Math.round(ms)} ms`,
      host === null ? (process ?? '-') : `${host}:${pid}`,
      firstLine(error),
    ]),
    ['ERROR', 'PROCESS'],
  );
}
