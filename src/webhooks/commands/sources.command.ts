import { type Command, UsageError } from '../../cli/command.js';
import { countOption } from '../../cli/options.js';
import { table } from '../../cli/table.js';
import { timeText } from '../../cli/texts.js';
import { RequestRecordStore } from '../incoming/request-record.store.js';
import { type SourceReport, sourceReports } from '../incoming/source-report.js';

const DEFAULT_DAYS = 7;

/** How each source of webhooks stands. */
export const webhooksSourcesCommand: Command = {
  name: 'webhooks sources',
  parameters: [],
  options: {
    days: {
      type: 'string',
      summary: `the number of days to count, today among them (default ${DEFAULT_DAYS})`,
    },
  },
  summary: 'show how many webhooks each source sent, what was refused, and since when',
  async run({ options, withDatabase }) {
    const days = countOption(options, 'days') ?? DEFAULT_DAYS;
    if (days > 400) throw new UsageError('--days must be a whole number from 1 to 400');
    const sources = await withDatabase((db) => sourceReports(new RequestRecordStore(db), days));
    return { ok: true, data: { days, sources }, text: textOf(sources) };
  },
};

function textOf(sources: readonly SourceReport[]): string {
  if (sources.length === 0) return 'No webhooks have come.';
  return table(sources, [
    { heading: 'SOURCE', cell: ({ source }) => source ?? '(no source)' },
    { heading: 'ACCEPTED', cell: ({ accepted }) => String(accepted) },
    { heading: 'REPEATED', cell: ({ repeated }) => String(repeated) },
    { heading: 'INVALID', cell: ({ invalid }) => String(invalid) },
    { heading: 'FAILED', cell: ({ failed }) => String(failed) },
    { heading: 'LAST GOOD', cell: ({ lastAcceptedAt }) => timeText(lastAcceptedAt) },
    { heading: 'LAST REFUSED', cell: ({ lastRefusedAt }) => timeText(lastRefusedAt) },
    { heading: 'REFUSED SINCE', cell: ({ refusedSince }) => timeText(refusedSince) },
    {
      heading: 'REFUSED',
      cell: ({ refused }) =>
        Object.entries(refused)
          .map(([step, count]) => `${step} ${count}`)
          .join(', '),
      cut: 1,
    },
  ]);
}
