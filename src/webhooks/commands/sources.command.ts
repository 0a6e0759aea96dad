import { type Command, UsageError } from '../../cli/command.js';
import { countOption } from '../../cli/options.js';
import { table } from '../../cli/table.js';
import { readCounts, type SourceCount } from '../incoming/webhook-count.store.js';

const DEFAULT_DAYS = 7;
const NOT_REFUSED = new Set(['accepted', 'repeated', 'handshake', 'invalid', 'failed']);

/** How many requests of each source of webhooks were accepted, repeated and refused. */
export const webhooksSourcesCommand: Command = {
  name: 'webhooks sources',
  parameters: [],
  options: {
    days: {
      type: 'string',
      summary: `the number of days to count, today among them (default ${DEFAULT_DAYS})`,
    },
  },
  summary: 'show how many webhooks each source sent, and what was refused',
  async run({ options, withDatabase }) {
    const days = countOption(options, 'days') ?? DEFAULT_DAYS;
    if (days > 400) throw new UsageError('--days must be a whole number from 1 to 400');
    const counts = await withDatabase((db) => readCounts(db, db.tables, days));
    const sources = [...new Set(counts.map(({ source }) => source))].map((source) => viewOf(source, counts));
    return { ok: true, data: { days, sources }, text: textOf(sources, days) };
  },
};

interface SourceView {
  /** Null for requests to names that are not a source. */
  readonly source: string | null;
  readonly accepted: number;
  readonly repeated: number;
  readonly handshakes: number;
  /** Of those accepted, how many did not fit the schema of their type. */
  readonly invalid: number;
  readonly failed: number;
  /** By the step at which they were refused. */
  readonly refused: Readonly<Record<string, number>>;
}

function viewOf(source: string, counts: readonly SourceCount[]): SourceView {
  const own = counts.filter((each) => each.source === source);
  const of = (outcome: string) => own.find((each) => each.outcome === outcome)?.count ?? 0;
  const refused = own.filter(({ outcome }) => !NOT_REFUSED.has(outcome));
  return {
    source: source === '' ? null : source,
    accepted: of('accepted'),
    repeated: of('repeated'),
    handshakes: of('handshake'),
    invalid: of('invalid'),
    failed: of('failed'),
    refused: Object.fromEntries(refused.map(({ outcome, count }) => [outcome, count])),
  };
}

function textOf(sources: readonly SourceView[], days: number): string {
  if (sources.length === 0) return `No webhooks came within ${days} days.`;
  const rows = sources.map(({ source, accepted, repeated, invalid, failed, refused }) => [
    source ?? '(no source)',
    String(accepted),
    String(repeated),
    String(invalid),
    String(failed),
    Object.entries(refused)
      .map(([step, count]) => `${step} ${count}`)
      .join(', '),
  ]);
  return table(['SOURCE', 'ACCEPTED', 'REPEATED', 'INVALID', 'FAILED', 'REFUSED'], rows);
}
