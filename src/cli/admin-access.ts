import { AdminCountStore } from '../consumers/admin-count.store.js';
import type { ConsumerService } from '../consumers/consumer.service.js';
import { consumerServiceOf } from '../consumers/consumer-service-of.js';
import { verifyMigrations } from '../database/migrations/migration-runner.js';
import type { InboxFilter } from '../inbox/inbox-record.js';
import { linesOf } from '../module/extension.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import { type CommandContext, type CommandOption, type CommandResult, UsageError } from './command.js';

type Options = CommandContext['options'];
type CommandOptions = Readonly<Record<string, CommandOption>>;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Options that select rows of the inbox. A row must match all that are given. */
export const ROW_OPTIONS: CommandOptions = {
  event: { type: 'string', summary: 'only this event name' },
  'aggregate-type': { type: 'string', summary: 'only this type of aggregate' },
  'aggregate-id': { type: 'string', summary: 'only this aggregate' },
  'event-id': { type: 'string', summary: 'only the event with this id' },
  position: { type: 'string', summary: 'only the event at this position of the log' },
  fingerprint: { type: 'string', summary: 'only errors of this kind, as dead-letters shows them' },
};

export const CONSUMER_OPTION: CommandOptions = {
  consumer: { type: 'string', summary: 'only this consumer' },
};

/**
 * Provides the service as an application has it. It notifies no process. The processes that work on a
 * consumer see a change with their next heartbeat.
 */
export function withConsumers(
  { withDatabase, environment, extensions }: CommandContext,
  work: (consumers: ConsumerService, counts: AdminCountStore) => Promise<CommandResult>,
): Promise<CommandResult> {
  return withDatabase(async (db, admin) => {
    await verifyMigrations(db, linesOf(extensions));
    const settings = new IntegrationSettingsService(db, { environment, engine: db.engine });
    await settings.load();
    return work(consumerServiceOf(admin, settings, new OutboxNotifier()), new AdminCountStore(db));
  });
}

export function rowFilter(options: Options, consumerName = textOption(options, 'consumer')): InboxFilter {
  const outboxEventId = textOption(options, 'event-id');
  if (outboxEventId !== undefined && !UUID.test(outboxEventId)) {
    throw new UsageError(`--event-id must be a uuid, not ${JSON.stringify(outboxEventId)}`);
  }
  return {
    consumerName,
    eventName: textOption(options, 'event'),
    aggregateType: textOption(options, 'aggregate-type'),
    aggregateId: textOption(options, 'aggregate-id'),
    outboxEventId,
    position: countOption(options, 'position'),
    errorFingerprint: textOption(options, 'fingerprint'),
  };
}

export function textOption(options: Options, name: string): string | undefined {
  const given = options[name];
  if (typeof given !== 'string') return undefined;
  if (given.trim() === '') throw new UsageError(`--${name} is empty: give a value, or leave it out`);
  return given;
}

/** Names separated by commas. */
export function listOption(options: Options, name: string): string[] | undefined {
  const text = textOption(options, name);
  const list = text
    ?.split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
  if (list?.length === 0) throw new UsageError(`--${name} names nothing: ${JSON.stringify(text)}`);
  return list;
}

export function countOption(options: Options, name: string): number | undefined {
  const text = textOption(options, name);
  return text === undefined ? undefined : countOf(text, `--${name}`);
}

/** A whole number, at least 1. */
export function countOf(text: string, what: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count) && count > 0) return count;
  throw new UsageError(`${what} must be a whole number from 1 on, not ${JSON.stringify(text)}`);
}

export function dateOption(options: Options, name: string): Date | undefined {
  const text = textOption(options, name);
  if (text === undefined) return undefined;
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) {
    throw new UsageError(
      `--${name} must be a time such as 2026-11-20T08:00:00Z, not ${JSON.stringify(text)}`,
    );
  }
  return date;
}

/** A number with its noun: `1 event`, `3 events`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
