import { verifyMigrations } from '../database/migrations/migration-runner.js';
import type { DeadLetter } from '../inbox/inbox-record.js';
import { InboxRecordStore } from '../inbox/inbox-record.store.js';
import { CONSUMER_OPTION, countOption, ROW_OPTIONS, rowFilter } from './admin-access.js';
import type { Command } from './command.js';
import { table } from './table.js';

const DEFAULT_LIMIT = 50;
const ERROR_LENGTH = 80;

/** Shows dead letters, the oldest first. */
export const deadLettersListCommand: Command = {
  name: 'dead-letters list',
  formerly: ['dead-letters'],
  parameters: [],
  options: {
    ...CONSUMER_OPTION,
    ...ROW_OPTIONS,
    limit: { type: 'string', summary: `how many, default ${DEFAULT_LIMIT}` },
    after: { type: 'string', summary: 'begin after this position' },
  },
  summary: 'show dead letters with their errors, the oldest first',
  run: (context) => {
    const filter = rowFilter(context.options);
    const limit = countOption(context.options, 'limit') ?? DEFAULT_LIMIT;
    const after = countOption(context.options, 'after') ?? 0;
    return context.withDatabase(async (db) => {
      await verifyMigrations(db);
      const deadLetters = await new InboxRecordStore(db).findDeadLetters(filter, limit, after);
      return { ok: true, data: { deadLetters }, text: describe(deadLetters, limit) };
    });
  },
};

function describe(deadLetters: readonly DeadLetter[], limit: number): string {
  if (deadLetters.length === 0) return 'No dead letters.';
  const rows = deadLetters.map((letter) => [
    String(letter.position),
    letter.consumerName,
    letter.eventName,
    `${letter.aggregateType} ${letter.aggregateId}`,
    String(letter.attemptCount),
    letter.errorFingerprint ?? '-',
    firstLine(letter.lastError),
  ]);
  const more =
    deadLetters.length < limit ? [] : [`There may be more: --after ${deadLetters.at(-1)?.position}`];
  return [
    table(['POSITION', 'CONSUMER', 'EVENT', 'AGGREGATE', 'ATTEMPTS', 'FINGERPRINT', 'ERROR'], rows),
    ...more,
  ].join('\n');
}

function firstLine(error: string | null): string {
  const [line = ''] = (error ?? '').split('\n');
  return line.length > ERROR_LENGTH ? `${line.slice(0, ERROR_LENGTH - 1)}…` : line;
}
