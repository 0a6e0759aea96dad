import { verifyMigrations } from '../database/migrations/migration-runner.js';
import type { DeadLetter } from '../inbox/inbox-record.js';
import { InboxRecordStore } from '../inbox/inbox-record.store.js';
import type { Command, CommandContext } from './command.js';
import { nextPage } from './next-page.js';
import { CONSUMER_OPTION, countOption, ROW_OPTIONS, rowFilter } from './options.js';
import { table } from './table.js';
import { firstLine } from './texts.js';
import { WATCH_OPTION } from './watch.js';

const DEFAULT_LIMIT = 50;

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
    ...WATCH_OPTION,
  },
  summary: 'show dead letters with their errors, the oldest first',
  run: (context) => {
    const filter = rowFilter(context.options);
    const limit = countOption(context.options, 'limit') ?? DEFAULT_LIMIT;
    const after = countOption(context.options, 'after') ?? 0;
    return context.withDatabase(async (db) => {
      await verifyMigrations(db);
      const deadLetters = await new InboxRecordStore(db).findDeadLetters(filter, limit, after);
      return { ok: true, data: { deadLetters }, text: describe(context, deadLetters, limit) };
    });
  },
};

function describe(context: CommandContext, deadLetters: readonly DeadLetter[], limit: number): string {
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
  const last = deadLetters.at(-1)?.position ?? 0;
  const more =
    deadLetters.length < limit
      ? []
      : [`There may be more: ${nextPage(context, 'dead-letters list', { after: last })}`];
  return [
    table(['POSITION', 'CONSUMER', 'EVENT', 'AGGREGATE', 'ATTEMPTS', 'FINGERPRINT', 'ERROR'], rows, [
      'ERROR',
      'AGGREGATE',
      'EVENT',
      'CONSUMER',
    ]),
    ...more,
  ].join('\n');
}
