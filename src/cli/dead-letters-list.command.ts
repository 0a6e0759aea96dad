import { verifyMigrations } from '../database/migrations/migration-runner.js';
import type { DeadLetter } from '../inbox/inbox-record.js';
import { InboxRecordStore } from '../inbox/inbox-record.store.js';
import type { Command, CommandContext } from './command.js';
import { nextPage } from './next-page.js';
import { CONSUMER_OPTION, countOption, pageOption, ROW_OPTIONS, rowFilter } from './options.js';
import { table } from './table.js';
import { idAndError } from './texts.js';
import { WATCH_OPTION } from './watch.js';

const DEFAULT_LIMIT = 50;

/** Shows dead letters, the oldest first. */
export const deadLettersListCommand: Command = {
  name: 'dead-letters list',
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
    const limit = pageOption(context.options) ?? DEFAULT_LIMIT;
    const after = countOption(context.options, 'after') ?? 0;
    return context.withDatabase(async (db, admin) => {
      await verifyMigrations(db);
      const found = await new InboxRecordStore(admin).findDeadLetters(filter, limit, after);
      const { items: deadLetters, scannedTo: next } = found;
      return { ok: true, data: { deadLetters, next }, text: describe(context, deadLetters, next) };
    });
  },
};

function describe(context: CommandContext, deadLetters: readonly DeadLetter[], next: number | null): string {
  const more =
    next === null ? [] : [`There may be more: ${nextPage(context, 'dead-letters list', { after: next })}`];
  if (deadLetters.length === 0)
    return [next === null ? 'No dead letters.' : `No such dead letter up to position ${next}.`, ...more].join(
      '\n',
    );
  const listed = table(deadLetters, [
    { heading: 'POSITION', cell: ({ position }) => String(position) },
    { heading: 'CONSUMER', cell: ({ consumerName }) => consumerName },
    { heading: 'EVENT', cell: ({ eventName }) => eventName, cut: 3 },
    {
      heading: 'AGGREGATE',
      cell: ({ aggregateType, aggregateId }) => `${aggregateType} ${aggregateId}`,
      cut: 2,
    },
    { heading: 'ATTEMPTS', cell: ({ attemptCount }) => String(attemptCount) },
    { heading: 'FINGERPRINT', cell: ({ errorFingerprint }) => errorFingerprint ?? '-' },
    {
      heading: 'ID AND ERROR',
      cell: ({ outboxEventId, lastError }) => idAndError(outboxEventId, lastError),
      cut: 1,
    },
  ]);
  return [listed, ...more].join('\n');
}
