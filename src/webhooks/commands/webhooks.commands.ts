import { type Command, UsageError } from '../../cli/command.js';
import { nextPage } from '../../cli/next-page.js';
import { checkUuid, choiceOption, countOption, pageOption, textOption } from '../../cli/options.js';
import { table } from '../../cli/table.js';
import { timeText } from '../../cli/texts.js';
import { pageSizeOf } from '../../words/argument-checks.js';
import { pageOf } from '../../words/page-of.js';
import type { EndpointRow } from '../incoming/endpoints/incoming-endpoint.js';
import { IncomingEndpointStore } from '../incoming/endpoints/incoming-endpoint.store.js';
import { type Refusal, RequestRecordStore } from '../incoming/request-record.store.js';
import { type SourceReport, sourceReports } from '../incoming/source-report.js';
import { destinationCommands } from './destinations.commands.js';
import { sendingCommands } from './sending.commands.js';

const DEFAULT_DAYS = 7;

/** How each source of webhooks stands. */
const webhooksSourcesCommand: Command = {
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
    return { ok: true, data: { days, sources }, text: sourcesText(sources) };
  },
};

function sourcesText(sources: readonly SourceReport[]): string {
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

const MOST_REFUSALS = 50;

/** The last requests of senders that were refused. */
const webhooksRefusalsCommand: Command = {
  name: 'webhooks refusals',
  parameters: [],
  optionalParameter: 'source',
  summary: 'show the last requests to webhooks that were refused, and at which step',
  async run({ arguments: [source], withDatabase }) {
    const refusals = await withDatabase((db) => new RequestRecordStore(db).refusals(source, MOST_REFUSALS));
    return { ok: true, data: { refusals }, text: refusalsText(refusals, source) };
  },
};

function refusalsText(refusals: readonly Refusal[], source: string | undefined): string {
  if (refusals.length === 0)
    return `No refused request${source === undefined ? '' : ` of source "${source}"`} is known.`;
  return table(refusals, [
    { heading: 'TIME', cell: ({ at }) => timeText(at) },
    { heading: 'SOURCE', cell: ({ source: name }) => name ?? '(no source)' },
    { heading: 'STEP', cell: ({ step }) => step },
    { heading: 'BYTES', cell: ({ bytes }) => (bytes === null ? '' : String(bytes)) },
    { heading: 'ENDPOINT', cell: ({ endpointId }) => endpointId ?? '' },
    { heading: 'DELIVERY', cell: ({ deliveryId }) => deliveryId ?? '', cut: 1 },
  ]);
}

/** The endpoints of incoming webhooks that belong to tenants. */
const webhooksEndpointsCommand: Command = {
  name: 'webhooks endpoints',
  parameters: [],
  options: {
    tenant: { type: 'string', summary: 'only those of this tenant' },
    source: { type: 'string', summary: 'only those of this source' },
    status: { type: 'string', summary: 'only those that are active, or paused' },
    limit: { type: 'string', summary: 'how many, default 50' },
    after: { type: 'string', summary: 'the page behind: the id of the last endpoint of the page before' },
  },
  summary: 'show the addresses at which senders of tenants deliver webhooks',
  async run(context) {
    const { options, withDatabase } = context;
    const after = textOption(options, 'after');
    const filter = {
      source: textOption(options, 'source'),
      status: choiceOption(options, 'status', ['active', 'paused'] as const),
    };
    const behind = after === undefined ? undefined : checkUuid(after, 'The id in --after');
    const limit = pageSizeOf(pageOption(options));
    const found = await withDatabase((db) =>
      new IncomingEndpointStore(db).page(textOption(options, 'tenant'), filter, behind, limit + 1),
    );
    const { rows: endpoints, next } = pageOf(found, limit, ({ id }) => id);
    const more = next === null ? [] : [`More: ${nextPage(context, 'webhooks endpoints', { after: next })}`];
    return { ok: true, data: { endpoints, next }, text: [endpointsText(endpoints), ...more].join('\n') };
  },
};

function endpointsText(endpoints: readonly EndpointRow[]): string {
  if (endpoints.length === 0) return 'There is no such endpoint.';
  return table(endpoints, [
    { heading: 'ID', cell: ({ id }) => id },
    { heading: 'TENANT', cell: ({ tenantId }) => tenantId },
    { heading: 'SOURCE', cell: ({ source }) => source },
    { heading: 'STATUS', cell: ({ status }) => status },
    { heading: 'ACCOUNT', cell: ({ externalId }) => externalId ?? '', cut: 1 },
    { heading: 'CREATED', cell: ({ createdAt }) => timeText(createdAt) },
  ]);
}

/** The commands of webhooks, in the order of the usage. */
export const webhooksCommands: readonly Command[] = [
  webhooksSourcesCommand,
  webhooksRefusalsCommand,
  webhooksEndpointsCommand,
  ...destinationCommands,
  ...sendingCommands,
];
