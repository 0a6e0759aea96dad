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
  const rows = sources.map((each) => [
    each.source ?? '(no source)',
    String(each.accepted),
    String(each.repeated),
    String(each.invalid),
    String(each.failed),
    timeText(each.lastAcceptedAt),
    timeText(each.lastRefusedAt),
    timeText(each.refusedSince),
    Object.entries(each.refused)
      .map(([step, count]) => `${step} ${count}`)
      .join(', '),
  ]);
  const heading = ['SOURCE', 'ACCEPTED', 'REPEATED', 'INVALID', 'FAILED', 'LAST GOOD', 'LAST REFUSED'];
  return table([...heading, 'REFUSED SINCE', 'REFUSED'], rows, ['REFUSED']);
}
